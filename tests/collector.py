"""A collector of traces: takes them by OTLP over HTTP, as JSON, and keeps what it was told."""

import contextlib
import http.server
import json
import threading


class Collector:
    """Spans in the order in which they came: each as its name and its attributes."""

    def __init__(self):
        self.spans, self.texts = [], []

    def take(self, body):
        self.texts.append(body)
        for of in json.loads(body)["resourceSpans"]:
            for scope in of["scopeSpans"]:
                self.spans += [(span["name"], {at["key"]: at["value"] for at in span["attributes"]}) for span in scope["spans"]]


@contextlib.contextmanager
def collecting():
    """A collector and its lines for the configuration."""
    collector = Collector()

    class Taker(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            collector.take(self.rfile.read(int(self.headers["content-length"])).decode())
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Taker)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield collector, f'[traces]\nendpoint = "http://127.0.0.1:{server.server_port}/v1/traces"\n'
    finally:
        server.shutdown()
        server.server_close()
