"""Burglary: what lies at the vendors, and what lies on the gateway's disk, tells a thief nothing that it should not.
What is claimed of either is in SECURITY.md. (Vendors who lie together: crates/engine/tests/collusion.rs.)"""

import json
import sqlite3

import pytest
from burglar import Burglar, compressed, forms
from client import connect
from content import MIB, content
from wire import Signer, send, target
from world import World, binary, run

# Words that nothing else on the machine writes, and no name has. Every plaintext is made of them.
WORDS = "kestrel quartzite marzipan flotilla tamarind gossamer pumpernickel bergamot lacquer saffron".split()
SECRET_MARK = "SECRET//SI//NOFORN"
USER, OTHER = "ysolde.marchetti", "bartholomew-quill"
BUCKET, HIGH_BUCKET = "zibeline-ledger", "quincunx-vault"
KEYS = ["dossier/halcyon-nocturne.txt", "ocarina/periwinkle.bin", "sphagnum-large", "vermilion-in-parts", "brief-note"]
METADATA = {"provenance": "obsidian-courier-seventeen", "marginalia": "periwinkle-under-glass"}
HEADERS = {"ContentType": "application/x-marmoset-dirge", "CacheControl": "no-zephyr-of-thyme"}
RULE = "amaranth-expires"
TAGS = {"codeword": "HELIOTROPE-MERIDIAN", "custodian": "thessaly.underhill"}


def text(name, size):
    """`size` bytes of words in an order of their own; no line comes twice."""
    numbers = content(name, size // 8 + 64)
    lines = (
        f"{WORDS[a % 10]}-{b:03d} {WORDS[c % 10]} {name} {number}\n"
        for number, (a, b, c) in enumerate(zip(numbers, numbers[1:], numbers[2:], strict=False))
    )
    made = b""
    while len(made) < size:
        made += next(lines).encode()
    return made[:size]


UNIT = text("unit", 48 * 1024)
PLAIN = {
    KEYS[0]: text("small", 3_000),
    KEYS[1]: text("middling", 300_000)[: 64 * 1024],
    # The same lines again and again: what is large enough to be cut is, and a thief's list stays short.
    KEYS[2]: UNIT * 24,
    KEYS[3]: UNIT * 110,
    KEYS[4]: b"marzipan at dawn",
}


def key(world, user, label=None):
    more = ["--label", label] if label else []
    made = json.loads(run(binary(), "key", "create", *world.place, "--user", user, *more, "--json"))
    return made["access_key"], made["secret_key"]


def store(s3, bucket):
    """One of each kind of write."""
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": [{"Key": k, "Value": v} for k, v in TAGS.items()]})
    for name in KEYS[:3] + KEYS[4:]:
        tags = "&".join(f"{k}={v}" for k, v in TAGS.items())
        s3.put_object(Bucket=bucket, Key=name, Body=PLAIN[name], Metadata=METADATA, Tagging=tags, **HEADERS)
    rule = {"ID": RULE, "Status": "Enabled", "Filter": {"Tag": {"Key": "codeword", "Value": TAGS["codeword"]}}}
    rules = [{**rule, "Expiration": {"Days": 900}}]
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": rules})
    upload = {"Bucket": bucket, "Key": KEYS[3]}
    upload["UploadId"] = s3.create_multipart_upload(**upload, Metadata=METADATA)["UploadId"]
    body, parts = PLAIN[KEYS[3]], []
    for number, at in enumerate(range(0, len(body), 5 * MIB), 1):
        part = s3.upload_part(**upload, PartNumber=number, Body=body[at : at + 5 * MIB])
        parts.append({"PartNumber": number, "ETag": part["ETag"]})
    s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    # One that is never completed, an older version, and one that is deleted.
    left = s3.create_multipart_upload(Bucket=bucket, Key=KEYS[1], Metadata=METADATA, Tagging=tags)["UploadId"]
    s3.upload_part(Bucket=bucket, Key=KEYS[1], UploadId=left, PartNumber=1, Body=PLAIN[KEYS[1]])
    s3.put_object(Bucket=bucket, Key=KEYS[4], Body=PLAIN[KEYS[0]])
    tagging = {"TagSet": [{"Key": k, "Value": v} for k, v in TAGS.items()]}
    s3.put_object_tagging(Bucket=bucket, Key=KEYS[4], Tagging=tagging)
    s3.delete_object(Bucket=bucket, Key=KEYS[0])


def disk(world):
    """The gateway's own disk without its keys and without the sites, which another thief has."""
    left = {"root.key", "credentials", "officer", "admin.token"}
    kept = [path for path in files(world.directory) if path.name not in left and "sites" not in path.parts]
    return {path.name: path.read_bytes() for path in [*kept, world.log_path]}


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    """A world that held all that, killed in the middle of its life; and the secrets that were used in it."""
    world = World(tmp_path_factory.mktemp("burglary") / "data", {"ENTENTE_LOG": "info,access=debug"}).start()
    for user in (USER, OTHER):
        run(binary(), "user", "create", user, "--clearance", SECRET_MARK, *world.place)
    keys = [world.keys(), key(world, USER, SECRET_MARK), key(world, OTHER)]
    store(connect(world, keys=keys[2]), BUCKET)
    store(connect(world, keys=keys[1]), HIGH_BUCKET)
    signer = Signer(world, keys=keys[2])
    query = signer.presigned("GET", f"/{BUCKET}/{KEYS[4]}")
    signature = dict(query)["X-Amz-Signature"]
    assert send(world, "GET", target(f"/{BUCKET}/{KEYS[4]}", query), {"host": signer.host}).status == 200
    broken = target(f"/{BUCKET}/{KEYS[4]}", [*query, ("unheard-of", "x")])
    assert send(world, "GET", broken, {"host": signer.host}).status == 501
    # Who writes into the log what he likes: a line of his own behind a line feed.
    line = "%0a%7B%22message%22:%22request%22,%22operation%22:%22forged%22%7D"
    assert send(world, "GET", f"/{BUCKET}/a{line}", {"host": signer.host, "user-agent": "forged"}).status == 403
    world.kill()
    return world, keys, signature, disk(world)


@pytest.fixture(scope="module")
def burglar():
    names = [BUCKET, HIGH_BUCKET, USER, OTHER, "NOFORN", SECRET_MARK, *KEYS]
    names += [*METADATA, *METADATA.values(), *TAGS, *TAGS.values(), *HEADERS.values(), RULE]
    return Burglar([PLAIN[KEYS[0]], PLAIN[KEYS[1]], UNIT, PLAIN[KEYS[4]]], names)


def files(place):
    return [path for path in sorted(place.rglob("*")) if path.is_file()]


def test_a_thief_sees_what_lies_open_in_any_form(burglar):
    """The thief of these tests is no fool: what must not be found would be."""
    for data in (PLAIN[KEYS[0]], UNIT):
        for form in [*forms(data), *compressed(data)]:
            assert burglar.plaintext_in(b"\x00\x01\x02" + form[100:400] + b"\xff" * 9), form[:50]
    for name in (BUCKET, USER, KEYS[0], TAGS["codeword"]):
        assert burglar.names_in(b"." * 5 + name.encode("utf-16-le") + b"..") == [name]
        assert burglar.names_in(b"." * 5 + name.encode().hex().encode()) == [name]
    assert not burglar.plaintext_in(content("nothing", MIB)) and not burglar.names_in(content("nothing", MIB))


def test_all_vendors_together_hold_no_plaintext_and_no_name(house, burglar):
    world, keys, _, _ = house
    found = files(world.directory / "sites")
    assert [path.name for path in found].count("entente-site") == 4
    assert sum(path.stat().st_size for path in found) > 2 * sum(map(len, PLAIN.values())), "the thief looked elsewhere"
    labels = label_bytes(world)
    assert labels, "no label above the lowest is in use"
    for path in found:
        where, data = str(path.relative_to(world.directory / "sites")).encode(), path.read_bytes()
        assert burglar.plaintext_in(data) == [], path
        for place in (where, data):
            assert burglar.names_in(place) == [], path
            assert not [secret for pair in keys for secret in pair if secret.encode() in place], path
        assert not [label for label in labels if label in data], f"a label lies in {path}"


def label_bytes(world):
    """The labels in use, as records would hold them; the lowest is all zeros, as padding is."""
    with sqlite3.connect(world.directory / "catalog.sqlite") as catalog:
        found = [row[0] for row in catalog.execute("SELECT label FROM stream WHERE label IS NOT NULL")]
    return [label for label in found if any(label)]


def test_the_gateways_disk_holds_no_object_no_metadata_and_no_secret(house, burglar):
    _, keys, signature, kept = house
    assert {"catalog.sqlite", "catalog.sqlite-wal", "run.json", "data.log"} <= set(kept), sorted(kept)
    for name, data in kept.items():
        assert burglar.plaintext_in(data) == [], name
        assert not [secret for _, secret in keys if secret.encode() in data], name
        assert signature.encode() not in data, name
    names = set().union(*map(burglar.names_in, kept.values()))
    # What the owner's disk encryption is for, as SECURITY.md says: the catalog is an index in the clear.
    assert {BUCKET, USER, *KEYS} <= names, "the thief did not find the catalog"
    told = {*METADATA, *METADATA.values(), *TAGS, *TAGS.values(), *HEADERS.values(), RULE}
    assert not told & names, "words of people lie open on the disk"


def test_secret_keys_lie_sealed_in_the_catalog(house):
    world, keys, _, _ = house
    with sqlite3.connect(world.directory / "catalog.sqlite") as catalog:
        rows = dict(catalog.execute("SELECT id, access_key FROM access_key"))
    for access, secret in keys:
        assert access in rows and secret.encode() not in rows[access]


def test_the_log_tells_what_was_done_and_names_nothing(house, burglar):
    world, keys, signature, _ = house
    lines = [json.loads(line) for line in world.log_text().splitlines()]
    requests = [line for line in lines if line.get("message") == "request"]
    operations = {line["operation"] for line in requests}
    assert {"PutObject", "GetObject", "UploadPart", "refused"} <= operations and "forged" not in operations
    for line in lines:
        told = json.dumps(line)
        assert not [secret for _, secret in keys if secret in told] and signature not in told, line
    for line in requests:
        assert burglar.names_in(json.dumps(line).encode()) == [], line
