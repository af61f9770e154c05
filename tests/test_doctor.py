"""A real deployment is broken in many ways, and `entente doctor` names each, with what to do; it changes nothing."""

import datetime
import json
import os
import pathlib
import shutil
import socket
import sqlite3
import subprocess

import pytest

from client import connect
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


def doctor(*place):
    done = subprocess.run(
        [binary(), "doctor", *place, "--json"], capture_output=True, text=True, check=False, timeout=120
    )
    assert "panicked" not in done.stderr, done.stderr
    report = json.loads(done.stdout)
    for finding in report["findings"]:
        assert finding["what"] and finding["why"] and finding["advice"], finding
    return done.returncode, {finding["code"]: finding["severity"] for finding in report["findings"]}


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
    assert ended == {"broken": 12, "warning": 11}[max(found.values(), key=["note", "warning", "broken"].index)]
    assert state(deployment.folder) == before, "it changes nothing"


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
