"""HTTP and SigV4 by hand: requests that no well-behaved client would send."""

import dataclasses
import hashlib
import hmac
import re
import socket
import time
from urllib.parse import quote

import client

UNSIGNED = "UNSIGNED-PAYLOAD"
CHUNKED = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
CHUNKED_TRAILER = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
UNSIGNED_TRAILER = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
EMPTY = hashlib.sha256(b"").hexdigest()


@dataclasses.dataclass
class Answer:
    status: int
    headers: dict
    body: bytes

    @property
    def code(self):
        """The S3 error code, if there is one."""
        found = re.search(rb"<Code>([A-Za-z0-9]+)</Code>", self.body)
        return found.group(1).decode() if found else None

    @property
    def request_id(self):
        return self.headers.get("x-amz-request-id")


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def mac(key, text):
    return hmac.new(key, text.encode() if isinstance(text, str) else text, hashlib.sha256).digest()


def encode(text, safe=""):
    return quote(text, safe="-_.~" + safe)


class Signer:
    """Signs like a client would; each part can be made wrong by naming it."""

    def __init__(self, world, when=None, region=None, service="s3", keys=None):
        self.access, self.secret = keys or world.keys()
        self.region, self.service = region or world.region, service
        self.host = f"127.0.0.1:{world.port}"
        moment = time.gmtime(time.time() if when is None else when)
        self.stamp = time.strftime("%Y%m%dT%H%M%SZ", moment)

    @property
    def scope(self):
        return f"{self.stamp[:8]}/{self.region}/{self.service}/aws4_request"

    def _key(self):
        key = ("AWS4" + self.secret).encode()
        for part in self.scope.split("/"):
            key = mac(key, part)
        return key

    def _sign(self, kind, *lines):
        return mac(self._key(), "\n".join([kind, self.stamp, self.scope, *lines])).hex()

    def _canonical(self, method, path, query, headers, signed, payload):
        listed = "&".join(sorted(f"{encode(name)}={encode(value)}" for name, value in query))
        lines = [f"{name}:{' '.join(headers[name].split())}" for name in signed]
        return sha256("\n".join([method, path, listed, *lines, "", ";".join(signed), payload]).encode())

    def headers(self, method, path, query=(), payload=UNSIGNED, extra=None, leave_out=()):
        """Headers of a signed request: `extra` is sent too, and signed unless its names are in `leave_out`."""
        headers = {"host": self.host, "x-amz-date": self.stamp, "x-amz-content-sha256": payload, **(extra or {})}
        signed = sorted(name for name in headers if name not in leave_out)
        self.seed = self._sign("AWS4-HMAC-SHA256", self._canonical(method, path, query, headers, signed, payload))
        headers["authorization"] = (
            f"AWS4-HMAC-SHA256 Credential={self.access}/{self.scope}, SignedHeaders={';'.join(signed)}, "
            f"Signature={self.seed}"
        )
        return headers

    def presigned(self, method, path, query=(), expires=60, extra=None):
        """The query of a presigned request, in order; `extra` headers are signed."""
        headers = {"host": self.host, **(extra or {})}
        signed = sorted(headers)
        query = [
            *query,
            ("X-Amz-Algorithm", "AWS4-HMAC-SHA256"),
            ("X-Amz-Credential", f"{self.access}/{self.scope}"),
            ("X-Amz-Date", self.stamp),
            ("X-Amz-Expires", str(expires)),
            ("X-Amz-SignedHeaders", ";".join(signed)),
        ]
        canonical = self._canonical(method, path, query, headers, signed, UNSIGNED)
        return [*query, ("X-Amz-Signature", self._sign("AWS4-HMAC-SHA256", canonical))]

    def chunks(self, pieces, trailer=None, spoil=None):
        """A body in signed chunks behind the seed of `headers`; `spoil` names the chunk to sign wrongly."""
        previous, out = self.seed, b""
        for number, piece in enumerate([*pieces, b""]):
            signature = self._sign("AWS4-HMAC-SHA256-PAYLOAD", previous, EMPTY, sha256(piece))
            sent = "0" * 64 if spoil == number else signature
            out += f"{len(piece):x};chunk-signature={sent}\r\n".encode()
            out += piece + b"\r\n" if piece else b""
            previous = signature
        if trailer is None:
            return out + b"\r\n"
        line = f"{trailer[0]}:{trailer[1]}\n".encode()
        signature = self._sign("AWS4-HMAC-SHA256-TRAILER", previous, sha256(line))
        sent = "0" * 64 if spoil == "trailer" else signature
        return out + f"{trailer[0]}:{trailer[1]}\r\nx-amz-trailer-signature:{sent}\r\n\r\n".encode()


def plain_chunks(pieces, trailer):
    """A body in unsigned chunks with its trailer."""
    out = b"".join(f"{len(piece):x}\r\n".encode() + piece + b"\r\n" for piece in pieces)
    return out + f"0\r\n{trailer[0]}:{trailer[1]}\r\n\r\n".encode()


def target(path, query=()):
    listed = "&".join(f"{encode(name)}={encode(value)}" for name, value in query)
    return f"{path}?{listed}" if listed else path


def connect(world, timeout=60):
    return socket.create_connection(("127.0.0.1", world.port), timeout)


def head_bytes(method, where, headers):
    lines = [f"{method} {where} HTTP/1.1"]
    for name, value in headers.items() if isinstance(headers, dict) else headers:
        lines.append(f"{name}: {value}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def send(world, method, where, headers, body=b"", length=True):
    """One request on its own connection. `length`: send a right Content-Length."""
    pairs = list(headers.items() if isinstance(headers, dict) else headers)
    if length and not any(name.lower() in ("content-length", "transfer-encoding") for name, _ in pairs):
        pairs.append(("content-length", str(len(body))))
    pairs.append(("connection", "close"))
    with connect(world) as line:
        try:
            line.sendall(head_bytes(method, where, pairs) + body)
        except (BrokenPipeError, ConnectionResetError):
            pass  # Refused before the body was read: the answer is there all the same.
        return read_answer(line, method)


def read_answer(line, method="GET"):
    data = b""
    while b"\r\n\r\n" not in data:
        more = receive(line)
        if not more:
            raise ConnectionError(f"no answer, only {data!r}")
        data += more
    head, body = data.split(b"\r\n\r\n", 1)
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, value in (text.split(":", 1) for text in lines)}
    status = int(first.split()[1])
    if status == 100:
        raise ConnectionError("unexpected 100 Continue")
    wanted = int(headers.get("content-length", "-1"))
    if method == "HEAD" or status in (204, 304):
        return Answer(status, headers, b"")
    while wanted < 0 or len(body) < wanted:
        more = receive(line)
        if not more:
            break
        body += more
    if headers.get("transfer-encoding") == "chunked":
        body = unchunk(body)
    answer = Answer(status, headers, body)
    client.SEEN.add(answer.code)
    return answer


def receive(line):
    try:
        return line.recv(1 << 16)
    except ConnectionResetError:
        return b""


def unchunk(body):
    out = b""
    while body:
        size, _, body = body.partition(b"\r\n")
        length = int(size.split(b";")[0] or b"0", 16)
        out, body = out + body[:length], body[length + 2 :]
        if not length:
            break
    return out


def signed(world, method, path, query=(), body=b"", payload=None, extra=None, leave_out=(), **signer):
    """Signs and sends in one go."""
    headers = Signer(world, **signer).headers(method, path, query, payload or sha256(body), extra, leave_out)
    return send(world, method, target(path, query), headers, body)
