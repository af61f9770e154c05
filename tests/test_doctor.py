"""A real deployment is broken in many ways, and `entente doctor` names each, with what to do; it changes nothing."""

import contextlib
import datetime
import http.server
import json
import os
import pathlib
import resource
import shutil
import socket
import sqlite3
import subprocess
import threading
import time

import pytest

from client import connect
from shim import wrong_clock
from world import World, binary, free_port, run

VENDORS = ("amazon", "microsoft", "google", "oracle")
SETTINGS = """
[enclave]
data_dir = "data"
root_key = "keys/root.key"

[s3]
listen = "127.0.0.1:{port}"
{more}
"""
# Of a deployment on one disk of a machine that tests: what is not wrong with it.
EXPECTED = {"vendors-on-one-disk", "root-key-beside-data", "root-key-no-shares", "open-files", "memory-budget", "not-founded"}


class Deployment(World):
    """Four directories under a configuration, founded and stopped."""

    def __init__(self, folder):
        super().__init__(folder / "data")
        self.folder, self.file, self.owner = folder, folder / "entente.toml", None
        self.configure()
        for vendor in VENDORS:
            (folder / "sites" / vendor).mkdir(parents=True)
        self.root.parent.mkdir()
        run(binary(), "root-key", "make", self.root)

    @property
    def root(self):
        return self.folder / "keys/root.key"

    @property
    def place(self):
        return ["--config", str(self.file)]

    def configure(self, more="", port=None):
        sites = "".join(
            f'\n[[site]]\nname = "{vendor}"\nvendor = "{vendor}"\nkind = "local"\npath = "sites/{vendor}"\n'
            for vendor in VENDORS
        )
        self.file.write_text(SETTINGS.format(port=port or free_port(), more=more) + sites)

    def keys(self):
        if not self.owner:
            self.owner = json.loads(run(binary(), "key", "create", *self.place, "--user", "owner", "--json"))
        return self.owner["access_key"], self.owner["secret_key"]

    def doctor(self):
        """Exit code, and severity by code of what is found."""
        return doctor(*self.place)

    def names(self, code, severity, advice, **more):
        """It finds this, says what to do in words like these, and ends with the code of the worst there is."""
        ended, findings = report(*self.place, **more)
        [finding] = [finding for finding in findings if finding["code"] == code]
        assert finding["severity"] == severity and advice in finding["advice"], finding
        ranks = {finding["severity"] for finding in findings}
        assert ended == (12 if "broken" in ranks else 11 if "warning" in ranks else 0), findings
        return finding["what"]


def report(*place, environment=None, **more):
    environment = {**os.environ, **(environment or {})}
    line = [binary(), "doctor", *place, "--json"]
    done = subprocess.run(line, capture_output=True, text=True, check=False, timeout=120, env=environment, **more)
    assert "panicked" not in done.stderr, done.stderr
    findings = json.loads(done.stdout)["findings"]
    for finding in findings:
        assert finding["what"] and finding["why"] and finding["advice"], finding
    return done.returncode, findings


def doctor(*place):
    ended, findings = report(*place)
    return ended, {finding["code"]: finding["severity"] for finding in findings}


def state(folder):
    """Every file with its time and length."""
    return {
        str(path.relative_to(folder)): (path.stat().st_mtime_ns, path.stat().st_size)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def founded(tmp_path_factory):
    """Was started, holds an object, has a backup, and was stopped."""
    made = Deployment(tmp_path_factory.mktemp("founded"))
    made.start()
    s3 = connect(made)
    s3.create_bucket(Bucket="tea")
    s3.put_object(Bucket="tea", Key="leaf", Body=b"green")
    run(binary(), "backup", made.folder / "backup", *made.place)
    made.stop()
    (made.folder / "data/officer").rename(made.folder / "officer")
    return made


@pytest.fixture
def deployment(founded, tmp_path):
    """A copy of it, to be broken."""
    folder = tmp_path / "copy"
    shutil.copytree(founded.folder, folder)
    made = Deployment.__new__(Deployment)
    World.__init__(made, folder / "data")
    made.folder, made.file, made.owner = folder, folder / "entente.toml", None
    made.configure()
    yield made
    made.kill()


def test_of_one_that_is_well_nothing_is_broken_and_nothing_changes(deployment):
    before = state(deployment.folder)
    code, found = deployment.doctor()
    assert set(found) <= EXPECTED and "broken" not in found.values(), found
    assert code in (0, 11)
    assert state(deployment.folder) == before


AUTHORITY = """
[ca]
default_ca = c
[c]
database = index
serial = serial
new_certs_dir = .
default_md = sha384
policy = p
x509_extensions = e
[p]
commonName = supplied
[e]
subjectAltName = DNS:localhost
"""


def certificate(folder, days):
    """A certificate for localhost that ends in so many days, and its key."""
    work = folder / "authority"
    work.mkdir()
    (work / "index").touch()
    (work / "serial").write_text("01\n")
    (work / "ca.cnf").write_text(AUTHORITY)
    chain, key = folder / "chain.pem", folder / "key.pem"
    run("openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384", "-nodes", "-subj", "/CN=localhost",
        "-keyout", key, "-out", "request.pem", cwd=work)  # fmt: skip
    at = lambda days: (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=days)).strftime("%Y%m%d%H%M%SZ")
    run("openssl", "ca", "-batch", "-selfsign", "-config", "ca.cnf", "-keyfile", key, "-in", "request.pem",
        "-out", chain, "-notext", "-startdate", at(-90), "-enddate", at(days), cwd=work)  # fmt: skip
    os.chmod(key, 0o600)


def tls(one, days, more=""):
    certificate(one.folder, days)
    one.configure(f'{more}\n[tls]\ncertificate = "chain.pem"\nkey = "key.pem"\n')


def schema(one, version):
    with sqlite3.connect(one.folder / "data/catalog.sqlite") as catalog:
        catalog.execute(f"PRAGMA user_version = {version}")
    catalog.close()


def another_marker(one):
    marker = one.folder / "sites/google/entente-site"
    marker.unlink()
    other = World(one.folder / "other")
    other.start()
    other.stop()
    shutil.copy(one.folder / "other/sites/google/entente-site", marker)


def swap(one):
    amazon, google = one.folder / "sites/amazon", one.folder / "sites/google"
    amazon.rename(one.folder / "aside")
    google.rename(amazon)
    (one.folder / "aside").rename(google)


def empty(one):
    shutil.rmtree(one.folder / "sites/oracle")
    (one.folder / "sites/oracle").mkdir()


def garble(one):
    (one.folder / "data/catalog.sqlite").write_bytes(b"not a catalog at all" * 400)


def another_root(one):
    one.root.unlink()
    run(binary(), "root-key", "make", one.root)


# What is done to it, what is found, and how bad that is.
WAYS = {
    "root key gone": (lambda one: one.root.unlink(), "root-key-missing", "broken"),
    "root key open to others": (lambda one: os.chmod(one.root, 0o644), "root-key-unusable", "broken"),
    "another root key": (another_root, "root-key-wrong", "broken"),
    "officer's key left": (lambda one: (one.folder / "officer").rename(one.folder / "data/officer"), "officer-key-left", "warning"),
    "catalog gone": (lambda one: (one.folder / "data/catalog.sqlite").unlink(), "catalog-missing", "broken"),
    "catalog garbled": (garble, "catalog-unreadable", "broken"),
    "catalog of a newer program": (lambda one: schema(one, 900), "catalog-newer", "broken"),
    "catalog of an older program": (lambda one: schema(one, 1), "catalog-older", "note"),
    "catalog open to others": (lambda one: os.chmod(one.folder / "data/catalog.sqlite", 0o644), "data-open", "warning"),
    "site taken away": (lambda one: (one.folder / "sites/google").rename(one.folder / "away"), "site-unreachable", "broken"),
    "site of another enclave": (another_marker, "site-foreign", "broken"),
    "sites swapped": (swap, "site-swapped", "broken"),
    "site emptied": (empty, "site-emptied", "broken"),
    "certificate expired": (lambda one: tls(one, -2), "certificate-expired", "broken"),
    "certificate expires": (lambda one: tls(one, 5), "certificate-expires", "warning"),
    "certificate for other names": (lambda one: tls(one, 99, 'domains = ["s3.example.org"]'), "certificate-names", "warning"),
    "short days": (lambda one: one.configure("[lifecycle]\nday_s = 60"), "lifecycle-day-short", "warning"),
    "no scrubs": (lambda one: one.configure("[scrub]\nrequests_per_day = 0"), "scrubs-off", "warning"),
    "settings mistyped": (lambda one: one.configure("[tsl]\n"), "settings-unreadable", "broken"),
}


@pytest.mark.parametrize("way", WAYS)
def test_what_is_broken_is_named(deployment, way):
    breaks, code, severity = WAYS[way]
    breaks(deployment)
    before = state(deployment.folder)
    ended, found = deployment.doctor()
    assert found.get(code) == severity, (way, found)
    assert ended == {"broken": 12, "warning": 11, "note": 0}[max(found.values(), key=["note", "warning", "broken"].index)]
    assert state(deployment.folder) == before, "it changes nothing"


# What is not in files: the machine's clock, its disks, its limits, and the program that runs.

EMPTY = b'<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><IsTruncated>false</IsTruncated></ListBucketResult>'
NO_KEY = b"<Error><Code>NoSuchKey</Code></Error>"


class Bucket(http.server.BaseHTTPRequestHandler):
    """An empty one, at a vendor that says in each answer what time it is."""

    def date_time_string(self, timestamp=None):
        return super().date_time_string(time.time() + self.server.ahead_s)

    def do_GET(self):
        status, body = (200, EMPTY) if "list-type=2" in self.path else (404, NO_KEY)
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    do_HEAD = do_GET

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def amazon(one, ahead_s=0, more=""):
    """A further site, of which list prices are known; its clock is so far ahead of the right time."""
    (one.folder / "amazon.key").write_text("[default]\naws_access_key_id = id\naws_secret_access_key = secret\n")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Bucket) as server:
        server.ahead_s = ahead_s
        threading.Thread(target=server.serve_forever, daemon=True).start()
        one.configure(f"""
[[site]]
name = "far"
vendor = "amazon"
kind = "s3"
region = "us-east-1"
bucket = "pieces"
endpoint = "http://127.0.0.1:{server.server_port}"
credentials = "amazon.key"
{more}""")
        try:
            yield
        finally:
            server.shutdown()


@contextlib.contextmanager
def little_room(place, mib):
    """What lies there is on a disk of so little."""
    kept = place.with_name(place.name + ".kept")
    shutil.copytree(place, kept)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={mib}m", "tmpfs", place]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"a small disk cannot be mounted here: {done.stderr}")
    try:
        shutil.copytree(kept, place, dirs_exist_ok=True)
        yield
    finally:
        run("umount", "--lazy", place)
        shutil.rmtree(kept)


@pytest.mark.parametrize(("ahead_s", "severity"), [(60, "warning"), (-60, "warning"), (1200, "broken"), (-1200, "broken")])
def test_a_clock_that_is_off_is_named(deployment, ahead_s, severity):
    with amazon(deployment):
        what = deployment.names("clock-off", severity, "NTP", environment=wrong_clock(ahead_s))
        assert ("ahead of that of far" if ahead_s > 0 else "behind that of far") in what, what
        assert "clock-off" not in deployment.doctor()[1]


def test_a_clock_that_is_moved_meanwhile_is_named(deployment):
    what = deployment.names("clock-slips", "warning", "one program alone", environment=wrong_clock(rate=10_000))
    assert "moved by" in what and "clock-slips" not in deployment.doctor()[1], what


def test_prices_that_are_out_of_date_or_missing_are_named(deployment):
    years = 2 * 366 * 86_400
    with amazon(deployment, ahead_s=years):
        what = deployment.names("prices-old", "note", "a newer Entente", environment=wrong_clock(years))
        assert "months old" in what, what
    with amazon(deployment):
        found = deployment.doctor()[1]
        assert not {"prices-old", "prices-missing", "site-unreachable"} & set(found), found
    free = 'prices = { put_per_1000 = 0, get_per_1000 = 0, list_per_1000 = 0, delete_per_1000 = 0, egress_per_gb = 0, egress_free_gb = 0, storage_per_gb_month = 0 }'
    with amazon(deployment, more=free):
        assert "far" in deployment.names("prices-missing", "note", "write `prices`")


@pytest.mark.parametrize(("mib", "severity"), [(100, "broken"), (1000, "warning")])
def test_a_disk_with_little_left_is_named(deployment, mib, severity):
    for place, code, advice in (
        (deployment.folder / "data", "disk-full", "make room"),
        (deployment.folder / "sites/google", "site-full", "add a site"),
    ):
        with little_room(place, mib):
            what = deployment.names(code, severity, advice)
            assert "MiB left" in what, what


@pytest.mark.parametrize(("files", "severity"), [(300, "broken"), (2000, "warning")])
def test_too_few_open_files_are_named_of_whoever_would_open_them(deployment, files, severity):
    limited = lambda count: lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (count, count))
    what = deployment.names("open-files", severity, "ulimit -n", preexec_fn=limited(files))
    assert what == f"{files} files may be open at once"
    # Of a running one its own limit counts, not that of who looks.
    deployment.start()
    _, most = resource.prlimit(deployment.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(deployment.pid, resource.RLIMIT_NOFILE, (files, most))
    what = deployment.names("open-files", severity, "LimitNOFILE=", preexec_fn=limited(files - 9))
    assert what == f"{files} files may be open at once"


def test_a_memory_budget_that_the_machine_does_not_have_is_named(deployment):
    deployment.configure('[limits]\nmemory_budget = "4000 GiB"')
    assert "4000 GiB of" in deployment.names("memory-budget", "warning", "lower `memory_budget`")


def test_a_running_program_of_another_version_is_named(deployment):
    deployment.start()
    told = deployment.folder / "data/run.json"
    # As an older program wrote it when it started.
    told.write_text(json.dumps({**json.loads(told.read_text()), "version": "0.0.1"}))
    assert "0.0.1" in deployment.names("versions-differ", "warning", "start Entente again")


def test_a_port_that_is_taken_is_named(deployment):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        deployment.configure(port=other.getsockname()[1])
        ended, found = deployment.doctor()
    assert ended == 12 and found["port-taken"] == "broken", found


def test_a_running_one_is_asked_and_a_killed_one_is_noticed(deployment):
    (deployment.folder / "officer").rename(deployment.folder / "data/officer")
    deployment.start()
    soon = json.loads(run(binary(), "key", "create", *deployment.place, "--user", "guest", "--expires", "2d", "--json"))
    (deployment.folder / "data/officer").rename(deployment.folder / "officer")
    ended, found = deployment.doctor()
    assert found.get("key-expires") == "warning" and "port-silent" not in found, found
    text = subprocess.run([binary(), "doctor", *deployment.place], capture_output=True, text=True, check=False)
    assert soon["access_key"] in text.stdout and "guest" not in text.stdout, "people are not told of"
    assert ended == text.returncode
    # Whose file is taken away while it runs is told from both sides.
    (deployment.folder / "sites/google").rename(deployment.folder / "away")
    assert deployment.doctor()[1].get("site-unreachable") == "broken"
    (deployment.folder / "away").rename(deployment.folder / "sites/google")
    deployment.kill()
    assert deployment.doctor()[1].get("ended-unclean") == "note"


def test_the_embedded_default_is_well_from_its_first_start(new_world):
    world = new_world().start()
    ended, found = doctor(*world.place)
    assert ended in (0, 11) and "broken" not in found.values(), found
    assert found.get("vendors-on-one-disk") == "note"
    assert pathlib.Path(world.directory, "officer").exists() and "officer-key-left" not in found
