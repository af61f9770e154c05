"""Moving in: 5,000 objects of another store are adopted while clients read, write and delete, with a
kill -9 in the middle, and some hundreds each of Azure's and Google's. A proxy before the old place writes
down what reaches it."""

import base64
import hashlib
import json
import socket
import subprocess
import threading
import urllib.parse
import xml.etree.ElementTree
from concurrent.futures import ThreadPoolExecutor

import pytest
import standins
from botocore.handlers import add_expect_header
from client import connect, refused
from content import KIB, MIB, content
from ledger import Ledger, bytes_of, listed, read_back
from load import Load
from world import binary, run

OLD, NEW = "old", "tea"
OBJECTS, WORKERS = 5_000, 16
READER, READER_SECRET = "reader", "reader-secret"
MIXED = ("get", "get", "range", "head", "list", "small", "overwrite", "delete", "delete", "multipart")
# What people name their objects; each comes once. The stand-in keeps files: it has no keys such as
# `a//b`, and of keys that differ in what sorts before a slash it lists folders first.
ODD = ("w00/ space", "w03/ключ", "w05/a+b&c=d?", "w06/ü/'\"<>", "w08/%2e%2e", "w09/~tilde")


class OldPlace(standins.SeaweedFs):
    """A store with a second identity that may read and list, and nothing else."""

    def command(self):
        command = super().command()
        path = self.directory / "s3.json"
        config = json.loads(path.read_text())
        keys = [{"accessKey": READER, "secretKey": READER_SECRET}]
        config["identities"].append({"name": "reader", "credentials": keys, "actions": ["Read", "List"]})
        path.write_text(json.dumps(config))
        return command


class OldContainer(standins.Azurite):
    """A container of Azure, as somebody else fills it."""

    scheme = f"azure://{standins.ACCOUNT}/"

    def put(self, key, body, kind, metadata):
        said = {"x-ms-blob-type": "BlockBlob"} | {f"x-ms-meta-{name}": value for name, value in metadata.items()}
        status, answer = self.exchange("PUT", f"/{OLD}/{urllib.parse.quote(key)}", body=body, kind=kind, said=said)
        assert status == 201, answer

    def snapshot(self):
        status, answer = self.exchange("GET", f"/{OLD}", {"restype": "container", "comp": "list"})
        assert status == 200
        blobs = xml.etree.ElementTree.fromstring(answer.decode("utf-8-sig")).iter("Blob")
        told = ("Etag", "Content-Length", "Last-Modified")
        return {blob.find("Name").text: tuple(blob.find(f"Properties/{name}").text for name in told) for blob in blobs}

    def credentials(self, directory):
        key = directory / "account-key"
        key.write_text(standins.ACCOUNT_KEY)
        return f"file:{key}"

    def wrong_credentials(self, directory):
        key = directory / "another-key"
        key.write_text(base64.b64encode(b"of another account").decode())
        return f"file:{key}"

    def etag_of(self, key, _):
        return f'"{self.snapshot()[key][0]}"'


class OldGcs(standins.FakeGcs):
    """A bucket of Google's, as somebody else fills it."""

    scheme = "gs://"

    def put(self, key, body, kind, metadata):
        about = json.dumps({"name": key, "contentType": kind, "metadata": metadata}).encode()
        parts = [(b"application/json", about), (kind.encode(), body)]
        whole = b"".join(b"--part\r\nContent-Type: " + kind + b"\r\n\r\n" + part + b"\r\n" for kind, part in parts)
        url = f"{self.endpoint}/upload/storage/v1/b/{OLD}/o?uploadType=multipart"
        headers = {"Content-Type": "multipart/related; boundary=part"}
        assert standins.plain("POST", url, headers, whole + b"--part--\r\n") == 200

    def snapshot(self):
        status, answer = standins.exchange("GET", f"{self.endpoint}/storage/v1/b/{OLD}/o")
        assert status == 200
        return {one["name"]: (one["generation"], one["size"], one["updated"]) for one in json.loads(answer)["items"]}

    def credentials(self, _):
        return "none"

    def wrong_credentials(self, directory):
        key = directory / "no-key"
        key.write_text("{}")
        return f"file:{key}"

    def etag_of(self, _, body):
        return f'"{hashlib.md5(body).hexdigest()}"'


class Watcher:
    """Passes bytes on and counts the methods of the requests that go by."""

    def __init__(self, port):
        self.target = port
        self.methods = {}
        self.lock = threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(("127.0.0.1", self.target))
            except OSError:
                client.close()
                continue
            for one, other, look in ((client, server, self._note), (server, client, None)):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                threading.Thread(target=self._pass, args=(one, other, look), daemon=True).start()

    def _pass(self, one, other, look):
        rest = b""
        try:
            while data := one.recv(64 * KIB):
                if look:
                    # Reads have no bodies: every head begins behind the one before it.
                    *heads, rest = (rest + data).split(b"\r\n\r\n")
                    for head in heads:
                        look(head)
                other.sendall(data)
        except OSError:
            pass
        finally:
            for end in (one, other):
                try:
                    end.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def _note(self, head):
        method = head.split(b" ", 1)[0].decode("latin-1")
        with self.lock:
            self.methods[method] = self.methods.get(method, 0) + 1

    def close(self):
        self.listener.close()


@pytest.fixture
def old_place(tmp_path):
    place = OldPlace(tmp_path / "old", "old", "amazon")
    try:
        place.start()
        place.make_bucket(OLD)
        yield place
    finally:
        place.kill()


@pytest.fixture
def watcher(old_place):
    watcher = Watcher(old_place.port)
    yield watcher
    watcher.close()


def fill(place, ledger):
    """Objects of many sizes under the keys that the workers take for theirs."""
    s3 = place.client()
    # boto3 asks before it sends a body, and takes the stand-in's two answers to an empty one for a broken one.
    s3.meta.events.unregister("before-call.s3", add_expect_header)
    keys = [f"w{n % WORKERS:02d}/{n % 7}/{n:05d}" for n in range(OBJECTS - len(ODD))] + list(ODD)

    def put(nth_key):
        nth, key = nth_key
        size = (0, 17, 300, 1 * KIB, 4 * KIB, 4 * KIB, 9 * KIB, 70 * KIB)[nth % 8] if nth % 500 else MIB + nth
        value = (f"old {key}", (size,))
        more = {"ContentType": "text/plain", "Metadata": {"nth": str(nth)}} if nth % 3 == 0 else {}
        s3.put_object(Bucket=OLD, Key=key, Body=bytes_of(value), **more)
        ledger.acknowledged(key, value)

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(put, enumerate(keys)))
    large = ("old parts", (5 * MIB, 100 * KIB))
    upload = s3.create_multipart_upload(Bucket=OLD, Key="parts/large")["UploadId"]
    named = {"Bucket": OLD, "Key": "parts/large", "UploadId": upload}
    parts = []
    for number, size in enumerate(large[1], 1):
        body = content((large[0], number - 1), size)
        parts.append({"PartNumber": number, "ETag": s3.upload_part(**named, PartNumber=number, Body=body)["ETag"]})
    s3.complete_multipart_upload(**named, MultipartUpload={"Parts": parts})
    ledger.acknowledged("parts/large", large)


def snapshot(place):
    """Everything the old place says about what it holds."""
    pages = place.client().get_paginator("list_objects_v2").paginate(Bucket=OLD)
    return {
        entry["Key"]: (entry["ETag"], entry["Size"], entry["LastModified"])
        for page in pages
        for entry in page.get("Contents", [])
    }


def adopt(world, *arguments):
    verb, *rest = arguments
    return run(binary(), "adopt", verb, *world.place, *rest, timeout=300)


def status(world):
    (adoption,) = json.loads(adopt(world, "status", "--json"))["adoptions"]
    return adoption


def wait_for(world, enough, within_s=120):
    for _ in range(within_s * 5):
        adoption = status(world)
        if enough(adoption):
            return adoption
        threading.Event().wait(0.2)
    raise AssertionError(f"not after {within_s} s: {adoption}\n{world.log_text()[-3000:]}")


@pytest.mark.timeout(600)
def test_5000_objects_move_in_while_clients_read_write_and_delete(new_world, old_place, watcher, tmp_path, chance, figure):
    ledger = Ledger()
    fill(old_place, ledger)
    before = snapshot(old_place)
    assert len(before) == OBJECTS + 1
    keys = tmp_path / "reader"
    keys.write_text(f"[default]\naws_access_key_id = {READER}\naws_secret_access_key = {READER_SECRET}\n")
    keys.chmod(0o600)
    way = ["--from", f"s3://{OLD}", "--endpoint", f"http://127.0.0.1:{watcher.port}", "--region", "us-east-1"]
    way += ["--credentials", f"file:{keys}"]

    world = new_world().start()
    s3 = connect(world)
    s3.create_bucket(Bucket=NEW)
    plan = json.loads(adopt(world, "plan", *way, "--json"))
    assert (plan["objects"], plan["bytes"]) == (len(before), sum(size for _, size, _ in before.values()))
    adopt(world, "start", NEW, *way, "--budget", "4 MiB")

    # At once, whatever was brought already.
    assert listed(s3, NEW) == {key: size for key, (_, size, _) in before.items()}
    for key in ("w00/0/00000", "parts/large", *ODD):
        answer = s3.get_object(Bucket=NEW, Key=key)
        assert answer["Body"].read() == bytes_of(ledger.settled(key))
        assert (answer["ETag"], answer["LastModified"]) == (before[key][0], before[key][2])
    head = s3.head_object(Bucket=NEW, Key="w00/0/00000")
    assert (head["ContentType"], head["Metadata"]) == ("text/plain", {"nth": "0"})
    there = {"Bucket": NEW, "Key": "w00/0/00000", "Body": b""}
    assert refused(lambda: s3.put_object(**there, IfNoneMatch="*")) == ("PreconditionFailed", 412)

    # Clients work, the copy runs, and the process is killed in the middle of both.
    load = Load(s3, NEW, ledger, chance, WORKERS, MIXED).start()
    wait_for(world, lambda adoption: adoption["objects"] >= 1000)
    assert not load.failures, load.failures
    world.kill()
    load.finish(120)
    first = load.done
    world.start()
    at_kill = status(world)
    s3 = connect(world)
    read_back(s3, NEW, ledger)

    # It goes on where it was; clients work on.
    adopt(world, "resume", NEW)
    load = Load(s3, NEW, ledger, chance, WORKERS, MIXED).start()
    done = wait_for(world, lambda adoption: adoption["stage"] == "caught up")
    load.stopping.set()
    assert not load.finish(120), load.failures
    finished = json.loads(adopt(world, "finish", NEW, "--json"))
    assert finished["finished"] and not finished["differing"], finished
    assert finished["compared"] == len(before) == finished["equal"] + finished["ours"]

    # Nothing at the old place was touched, and from here on it is not needed.
    assert snapshot(old_place) == before
    assert set(watcher.methods) <= {"GET", "HEAD"}, watcher.methods
    asked = dict(watcher.methods)
    old_place.kill()
    objects = read_back(s3, NEW, ledger)
    assert watcher.methods == asked, "an adoption that is finished asks nobody"
    assert status(world)["stage"] == "finished"
    world.restart()
    assert read_back(connect(world), NEW, ledger) == objects
    figure(
        f"adopted {len(before)} objects under {first + load.done} operations of {WORKERS} clients, killed once at "
        f"{at_kill['objects']}: {done['objects']} brought, {finished['equal']} as there, {finished['ours']} ours, "
        f"{objects} objects at the end, {asked} at the old place"
    )


OTHERS = {"azure": OldContainer, "google": OldGcs}


@pytest.fixture(params=OTHERS)
def other_place(request, tmp_path):
    place = OTHERS[request.param](tmp_path / "old", "old", request.param)
    try:
        place.start()
        place.make_bucket(OLD)
        yield place
    finally:
        place.kill()


def fill_other(place, ledger):
    """300 objects in folders, one of them too large to ride in the journal; gives their keys in turn."""
    keys = [f"w{n % 16:02d}/{n % 7}/{n:05d}" for n in range(296)] + ["w00/ space", "w03/ключ", "w05/a+b&c=d?", "large"]

    def put(nth_key):
        nth, key = nth_key
        value = (f"old {key}", ((0, 17, 4 * KIB, 70 * KIB)[nth % 4] if key != "large" else 3 * MIB,))
        place.put(key, bytes_of(value), "text/plain", {"nth": str(nth)})
        ledger.acknowledged(key, value)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(put, enumerate(keys)))
    return keys


def pages(s3, size, **query):
    """A listing in pages of `size`: keys and common prefixes as they come."""
    found = []
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=NEW, PaginationConfig={"PageSize": size}, **query):
        found += [entry["Key"] for entry in page.get("Contents", [])]
        found += [entry["Prefix"] for entry in page.get("CommonPrefixes", [])]
    return found


@pytest.mark.timeout(120)
def test_other_vendors_objects_move_in_too(new_world, other_place, tmp_path, figure):
    ledger = Ledger()
    filled = fill_other(other_place, ledger)
    before = other_place.snapshot()
    watcher = Watcher(other_place.port)
    through = other_place.through(f"http://127.0.0.1:{watcher.port}")
    way = ["--from", other_place.scheme + OLD, "--endpoint", through, "--credentials", other_place.credentials(tmp_path)]
    world = new_world().start()
    s3 = connect(world)
    s3.create_bucket(Bucket=NEW)
    plan = json.loads(adopt(world, "plan", *way, "--json"))
    assert (plan["objects"], plan["bytes"]) == (300, sum(int(size) for _, size, _ in before.values()))
    adopt(world, "start", NEW, *way, "--budget", "1 MiB")
    adopt(world, "pause", NEW)

    # Beneath: all of it shows at once, in pages of any size and rolled up.
    keys = sorted(before, key=str.encode)
    assert pages(s3, 1000) == pages(s3, 7) == keys
    folders = sorted({key.partition("/")[0] + "/" for key in keys if "/" in key})
    assert sorted(pages(s3, 5, Delimiter="/")) == ["large", *folders]
    assert pages(s3, 3, Prefix="w03/") == [key for key in keys if key.startswith("w03/")]
    large = bytes_of(ledger.settled("large"))
    for key in ("w00/0/00000", "w00/ space", "w03/ключ", "w05/a+b&c=d?", "large"):
        answer = s3.get_object(Bucket=NEW, Key=key)
        body = bytes_of(ledger.settled(key))
        assert (answer["Body"].read(), answer["ContentType"]) == (body, "text/plain"), key
        assert answer["ETag"] == other_place.etag_of(key, body), key
        assert answer["Metadata"] == {"nth": str(filled.index(key))}, key
    ranged = s3.get_object(Bucket=NEW, Key="large", Range="bytes=1000000-2000000")
    assert ranged["Body"].read() == large[1_000_000:2_000_001]
    there = {"Bucket": NEW, "Key": "large", "Body": b""}
    assert refused(lambda: s3.put_object(**there, IfNoneMatch="*")) == ("PreconditionFailed", 412)
    assert refused(lambda: s3.head_object(Bucket=NEW, Key="nowhere"))[1] == 404
    assert status(world)["objects"] < 100, "too little was left beneath for this to show anything"

    # Written and deleted here: it counts, whatever lies beneath.
    for key, value in [("w01/1/00001", ("new", (9 * KIB,))), ("new/key", ("new too", (17,)))]:
        s3.put_object(Bucket=NEW, Key=key, Body=bytes_of(value))
        ledger.acknowledged(key, value)
    s3.delete_object(Bucket=NEW, Key="w02/2/00002")
    ledger.acknowledged("w02/2/00002", None)
    read_back(s3, NEW, ledger)
    etag = s3.head_object(Bucket=NEW, Key="large")["ETag"]

    told = adopt(world, "abandon", NEW, "--plan")
    assert f"{status(world)['objects']} objects" in told and "not all of it is here yet" in told, told
    assert status(world)["stage"] == "paused", "a plan abandons nothing"
    adopt(world, "resume", NEW)
    done = wait_for(world, lambda adoption: adoption["stage"] == "caught up", within_s=60)
    finished = json.loads(adopt(world, "finish", NEW, "--json"))
    assert finished["finished"] and not finished["differing"], finished
    assert (finished["compared"], finished["equal"], finished["ours"]) == (300, 298, 2)
    assert other_place.snapshot() == before
    assert set(watcher.methods) <= {"GET", "HEAD"}, watcher.methods
    other_place.kill()
    watcher.close()
    read_back(s3, NEW, ledger)
    assert s3.head_object(Bucket=NEW, Key="large")["ETag"] == etag
    figure(f"adopted 300 objects of {other_place.vendor}: {done['unproven']} without an MD5, {watcher.methods} there")


def test_another_vendors_origin_that_cannot_be_read_says_what_to_do(new_world, other_place, tmp_path):
    world = new_world().start()
    connect(world).create_bucket(Bucket=NEW)
    right, wrong = other_place.credentials(tmp_path), other_place.wrong_credentials(tmp_path)
    for bucket, credentials, says in [
        ("no-such-place", right, "check the names in `--from`"),
        (OLD, f"file:{tmp_path}/none", f"{tmp_path}/none"),
        (OLD, "env:NOT_SET_HERE", "NOT_SET_HERE_"),
        (OLD, wrong, "refuses access" if other_place.vendor == "azure" else "no-key"),
    ]:
        way = ["--from", other_place.scheme + bucket, "--endpoint", other_place.endpoint, "--credentials", credentials]
        command = [binary(), "adopt", "start", *world.place, NEW, *way]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert ended.returncode != 0 and says in ended.stderr, (bucket, credentials, ended.stderr)
    assert json.loads(adopt(world, "status", "--json")) == {"adoptions": [], "next": None}


def test_an_origin_that_cannot_be_read_is_told_before_anything_is_decided(new_world, old_place, tmp_path):
    world = new_world().start()
    connect(world).create_bucket(Bucket=NEW)
    way = ["--from", f"s3://{OLD}", "--endpoint", old_place.endpoint, "--region", "us-east-1"]
    wrong = tmp_path / "wrong"
    wrong.write_text(f"[default]\naws_access_key_id = {READER}\naws_secret_access_key = no\n")
    for credentials, says in [(f"file:{wrong}", "refuses access"), (f"file:{tmp_path}/none", "none"), ("?", "`?`")]:
        command = [binary(), "adopt", "start", *world.place, NEW, *way, "--credentials", credentials]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert ended.returncode != 0 and says in ended.stderr, ended.stderr
    assert json.loads(adopt(world, "status", "--json")) == {"adoptions": [], "next": None}
