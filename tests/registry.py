"""A container registry that keeps its blobs in a bucket, and as much of a client as a push and a pull take."""

import hashlib
import json
import os
import subprocess
import time

import urllib3

from content import MIB
from world import free_port

MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
CONFIG = "application/vnd.docker.container.image.v1+json"
LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"
READY_S = 30


def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


class Registry:
    """The registry's own program over a bucket; a directory of its own for its settings and its log."""

    def __init__(self, world, bucket, directory):
        access, secret = world.keys()
        self.port, self.process = free_port(), None
        self.directory = directory
        directory.mkdir(parents=True)
        settings = {
            "version": "0.1",
            "log": {"level": "warn", "accesslog": {"disabled": True}},
            "http": {"addr": f"127.0.0.1:{self.port}", "secret": "a secret"},
            "storage": {
                "delete": {"enabled": True},
                "redirect": {"disable": True},
                "s3": {
                    "accesskey": access,
                    "secretkey": secret,
                    "region": world.region,
                    "regionendpoint": world.endpoint,
                    "bucket": bucket,
                    "secure": False,
                    "rootdirectory": "/registry",
                },
            },
        }
        # Its settings are YAML, of which JSON is a part.
        (directory / "config.yml").write_text(json.dumps(settings))
        self.pool = urllib3.HTTPConnectionPool("127.0.0.1", self.port, retries=False, timeout=120)

    @property
    def settings(self):
        return str(self.directory / "config.yml")

    def __enter__(self):
        self.log = open(self.directory / "log", "ab")
        environment = {name: value for name, value in os.environ.items() if not name.startswith("OTEL")}
        command = ["docker-registry", "serve", self.settings]
        self.process = subprocess.Popen(command, stdout=self.log, stderr=self.log, env=environment)
        deadline = time.monotonic() + READY_S
        while True:
            try:
                self.expect(200, "GET", "/v2/")
                return self
            except urllib3.exceptions.HTTPError:
                assert self.process.poll() is None and time.monotonic() < deadline, self.log_text()
                time.sleep(0.1)

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(30)
        self.log.close()

    def log_text(self):
        return (self.directory / "log").read_text(errors="replace")[-4000:]

    def expect(self, status, method, path, body=None, **headers):
        """One request, which must be answered with this status."""
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = self.pool.request(method, path, body=body, headers=headers)
        assert answer.status == status, f"{method} {path}: {answer.status} {answer.data[:500]}\n{self.log_text()}"
        return answer

    def collect_garbage(self):
        """Removes what no manifest names, as its operator would."""
        command = ["docker-registry", "garbage-collect", self.settings]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]

    # What a container engine does.

    def push_blob(self, name, data, piece=16 * MIB):
        """Uploads in pieces, as a slow line makes an engine do."""
        where = self.expect(202, "POST", f"/v2/{name}/blobs/uploads/").headers["Location"]
        for start in range(0, len(data), piece):
            part = data[start : start + piece]
            span = f"{start}-{start + len(part) - 1}"
            answer = self.expect(202, "PATCH", where, part, Content_Type="application/octet-stream", Content_Range=span)
            where = answer.headers["Location"]
        mark = "&" if "?" in where else "?"
        self.expect(201, "PUT", f"{where}{mark}digest={digest(data)}")

    def pull_blob(self, name, wanted):
        return self.expect(200, "GET", f"/v2/{name}/blobs/{wanted}").data

    def push_image(self, name, tag, config, layers):
        """Blobs first, then the manifest that names them; gives its digest."""
        for data in [config, *layers]:
            self.push_blob(name, data)
        described = [{"mediaType": LAYER, "size": len(layer), "digest": digest(layer)} for layer in layers]
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": {"mediaType": CONFIG, "size": len(config), "digest": digest(config)},
            "layers": described,
        }
        answer = self.expect(
            201, "PUT", f"/v2/{name}/manifests/{tag}", json.dumps(manifest).encode(), Content_Type=MANIFEST
        )
        return answer.headers["Docker-Content-Digest"]

    def pull_image(self, name, reference):
        """Config and layers of an image, every digest proven."""
        raw = self.expect(200, "GET", f"/v2/{name}/manifests/{reference}", Accept=MANIFEST).data
        manifest = json.loads(raw)
        blobs = []
        for described in [manifest["config"], *manifest["layers"]]:
            data = self.pull_blob(name, described["digest"])
            assert digest(data) == described["digest"] and len(data) == described["size"]
            blobs.append(data)
        return blobs[0], blobs[1:]
