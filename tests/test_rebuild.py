"""A data directory that is lost comes back out of the sites and the root key: `entente rebuild`."""

import datetime
import json
import os
import pty
import shutil
import sqlite3
import subprocess

import pytest
from client import connect
from content import MIB, content, md5
from test_keys import SECRET, Configured, U, person
from world import SITES, StartFailed, binary, run

OVER = datetime.datetime(2090, 1, 1, tzinfo=datetime.UTC)


def fill(low, high):
    """A bit of everything there is."""
    low.create_bucket(Bucket="plain")
    for n in range(40):
        low.put_object(Bucket="plain", Key=f"small/{n}", Body=content(n, 700 + n), Metadata={"n": str(n)})
    low.put_object(Bucket="plain", Key="large", Body=content("large", 9 * MIB), ContentType="text/x-large")
    low.put_object(Bucket="plain", Key="tagged", Body=b"tagged", Tagging="one=1&two=2")
    low.put_object(Bucket="plain", Key="gone", Body=b"gone")
    low.delete_object(Bucket="plain", Key="gone")
    low.copy_object(Bucket="plain", Key="copy", CopySource="plain/large")
    upload = low.create_multipart_upload(Bucket="plain", Key="parts")["UploadId"]
    parts = []
    for number, size in ((1, 5 * MIB), (2, 300)):
        etag = low.upload_part(Bucket="plain", Key="parts", UploadId=upload, PartNumber=number, Body=content(number, size))["ETag"]
        parts.append({"PartNumber": number, "ETag": etag})
    low.complete_multipart_upload(Bucket="plain", Key="parts", UploadId=upload, MultipartUpload={"Parts": parts})
    begun = low.create_multipart_upload(Bucket="plain", Key="under way")["UploadId"]
    low.upload_part(Bucket="plain", Key="under way", UploadId=begun, PartNumber=3, Body=b"a part")
    low.create_bucket(Bucket="locked", ObjectLockEnabledForBucket=True)
    low.put_object(Bucket="locked", Key="kept", Body=b"first", ObjectLockMode="COMPLIANCE", ObjectLockRetainUntilDate=OVER)
    low.put_object(Bucket="locked", Key="kept", Body=content("second", 2 * MIB), ObjectLockLegalHoldStatus="ON")
    low.delete_object(Bucket="locked", Key="kept")
    low.put_object(Bucket="locked", Key="now", Body=b"now")
    high.create_bucket(Bucket="vault")
    high.put_object(Bucket="vault", Key="small", Body=b"secret")
    high.put_object(Bucket="vault", Key="large", Body=content("secret", 3 * MIB))


def without_answer(response):
    return {name: value for name, value in response.items() if name not in ("ResponseMetadata", "Body")}


def held(s3, buckets):
    """All that a client can see of these buckets, every version read."""
    found = {}
    for bucket in buckets:
        listed = s3.list_object_versions(Bucket=bucket)
        found[bucket, "markers"] = listed.get("DeleteMarkers", [])
        found[bucket, "versioning"] = s3.get_bucket_versioning(Bucket=bucket).get("Status")
        for version in listed["Versions"]:
            place = {"Bucket": bucket, "Key": version["Key"], "VersionId": version["VersionId"]}
            got = s3.get_object(**place)
            found[bucket, version["Key"], version["VersionId"]] = (
                version,
                without_answer(got),
                md5(got["Body"].read()),
                s3.get_object_tagging(**place)["TagSet"],
            )
        for upload in s3.list_multipart_uploads(Bucket=bucket).get("Uploads", []):
            parts = s3.list_parts(Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"])
            found[bucket, upload["UploadId"]] = (upload, parts["Parts"])
    return found


def people(world):
    return {what: run(binary(), what, "list", *world.place, "--json") for what in ("user", "key", "group", "label")}


@pytest.fixture(scope="module")
def lost(tmp_path_factory):
    """An enclave that was killed, what it held, and its sites and root key; its data directory is gone."""
    world = Configured(tmp_path_factory.mktemp("rebuild") / "enclave").with_key().start()
    clients, keys = person(world)
    fill(clients[U], clients[SECRET])
    run(binary(), "group", "create", "staff", *world.place)
    run(binary(), "group", "set", "staff", "--add", "ana", *world.place)
    seen = (held(clients[U], ("plain", "locked")), held(clients[SECRET], ("vault",)), people(world))
    world.wait_until_whole()
    world.kill()
    # What people were given they have; everything else of the directory is gone.
    shutil.copy(world.directory / "officer", world.home / "officer")
    shutil.rmtree(world.directory)
    return world, keys, seen


@pytest.fixture
def copy(lost, tmp_path):
    """A copy of it, to bring back."""
    world, keys, seen = lost
    home = tmp_path / "enclave"
    shutil.copytree(world.home, home)
    copied = Configured(home)
    return copied, keys, seen


def rebuild(world, *more):
    command = [binary(), "rebuild", *world.place, *more]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def check(world, keys, seen):
    """It is as it was, and works on."""
    shutil.copy(world.home / "officer", world.directory / "officer")
    world.start()
    try:
        low, high = (connect(world, keys=keys[label]) for label in (U, SECRET))
        assert held(low, ("plain", "locked")) == seen[0]
        assert held(high, ("vault",)) == seen[1]
        assert people(world) == seen[2]
        low.put_object(Bucket="plain", Key="on", Body=b"and on")
        assert low.get_object(Bucket="plain", Key="on")["Body"].read() == b"and on"
        world.stop()
    finally:
        world.kill()


def test_the_embedded_default_comes_back_from_its_sites_and_root_key(new_world):
    """All of the directory that `entente up` makes by itself is lost but for its sites and root key."""
    world = new_world("embedded").start()
    keys = world.keys()
    s3 = connect(world)
    s3.create_bucket(Bucket="plain")
    bodies = {"small": b"small", "large": content("embedded", 3 * MIB)}
    for name, body in bodies.items():
        s3.put_object(Bucket="plain", Key=name, Body=body)
    before = held(s3, ["plain"])
    world.wait_until_whole()
    world.kill()
    for entry in world.directory.iterdir():
        if entry.name not in ("root.key", "sites"):
            entry.unlink()
    assert {entry.name for entry in world.directory.iterdir()} == {"root.key", "sites"}
    done = rebuild(world)
    assert done.returncode == 0, done.stderr
    world.start()
    assert held(connect(world, keys=keys), ["plain"]) == before
    world.stop()


def test_everything_comes_back(copy):
    world, keys, seen = copy
    code, log = world.fails_to_start()
    assert code != 0 and "entente rebuild" in log
    planned = rebuild(world, "--plan", "--json")
    assert planned.returncode == 0, planned.stderr
    before = (world.directory / "catalog.sqlite").read_bytes()
    plan = json.loads(planned.stdout)
    assert sorted(row["site"] for row in plan["sites"]) == sorted(SITES)
    pieces = sum(row["pieces"] for row in plan["sites"])
    assert plan["list_requests"] == 8 and plan["segments"] * 4 == plan["get_requests"] * 2 == pieces
    assert "8 LIST" in rebuild(world, "--plan").stdout
    # A plan does nothing; what the failed start left, which is of no enclave, is in nobody's way.
    assert (world.directory / "catalog.sqlite").read_bytes() == before
    done = rebuild(world, "--json")
    assert done.returncode == 0, done.stderr
    came = json.loads(done.stdout)
    assert (came["buckets"], came["uploads"], came["silent_sites"]) == (3, 1, [])
    stages = [json.loads(line) for line in done.stderr.splitlines() if '"stage"' in line]
    last = [stage for stage in stages if stage["stage"] == "segments of the journal"][-1]
    assert last["done"] == last["of"] == plan["segments"]
    assert sorted(path.name for path in world.directory.iterdir()) == ["catalog.sqlite", "lock"]
    check(world, keys, seen)


@pytest.mark.parametrize("pair", [("amazon", "google"), ("microsoft", "oracle")], ids="+".join)
def test_two_sites_are_enough(copy, tmp_path, pair):
    world, keys, seen = copy
    for name in pair:
        (world.home / name).rename(tmp_path / name)
        (world.home / name).mkdir()
    done = rebuild(world)
    assert done.returncode == 0, done.stderr
    assert f"Done without {', '.join(pair)}." in done.stdout
    assert "segments of the journal: " in done.stderr
    # The other two come back; what they hold of the journal is found by the start.
    for name in pair:
        (world.home / name).rmdir()
        (tmp_path / name).rename(world.home / name)
    check(world, keys, seen)


def test_three_lost_sites_are_too_many_and_it_says_so(copy):
    world, _, _ = copy
    for name in SITES[1:]:
        shutil.rmtree(world.home / name)
        (world.home / name).mkdir()
    done = rebuild(world)
    assert done.returncode == 7 and all(name in done.stderr for name in SITES[1:]), done.stderr
    assert not (world.directory / "catalog.sqlite").exists()


def test_a_catalog_that_is_there_is_left_alone_and_another_root_opens_nothing(copy):
    world, keys, seen = copy
    (world.home / "root.key").rename(world.home / "kept.key")
    run(binary(), "root-key", world.root)
    done = rebuild(world)
    assert done.returncode == 5 and not done.stdout, done.stderr
    (world.home / "kept.key").rename(world.root)
    assert rebuild(world).returncode == 0
    catalog = world.directory / "catalog.sqlite"
    before = catalog.stat().st_ino, catalog.stat().st_mtime_ns, catalog.read_bytes()
    done = rebuild(world)
    assert done.returncode == 6 and "replaces nothing" in done.stderr
    assert (catalog.stat().st_ino, catalog.stat().st_mtime_ns, catalog.read_bytes()) == before
    check(world, keys, seen)


def test_a_drill_beside_the_enclave_tells_what_would_not_come_back(copy):
    world, keys, seen = copy
    assert rebuild(world).returncode == 0
    shutil.copy(world.home / "officer", world.directory / "officer")
    world.start()
    try:
        low = connect(world, keys=keys[U])
        for n in range(60):
            low.put_object(Bucket="plain", Key=f"more/{n}", Body=content(n, 2000))
        assert "No rebuild drill was made" in run(binary(), "durability", *world.place)
        drill = json.loads(run(binary(), "rebuild", "--drill", *world.place, "--json"))
        kept = json.loads(run(binary(), "durability", *world.place, "--json"))["last_drill"]
        assert kept["tables"] == drill["tables"] and not kept["differs"] and kept["quiet"], kept
        assert kept["failed"] is None and kept["silent_sites"] == drill["silent_sites"], kept
        assert f"{kept['objects']} objects came back as they are." in run(binary(), "durability", *world.place)
        assert not drill["differs"] and drill["quiet"], drill
        assert sum(row["same"] for row in drill["tables"]) > 200

        # The batches of a start before are compacted, and what would come back is still the same.
        world.stop()
        world.start()
        low, high = (connect(world, keys=keys[label]) for label in (U, SECRET))
        plan = json.loads(run(binary(), "journal", "compact", "--plan", *world.place, "--json"))
        assert plan["segments"] > 60 and plan["into"] < 8, plan
        told = run(binary(), "journal", "compact", *world.place)
        assert f"{plan['segments']} segments became {plan['into']}" in told
        assert "there is nothing to do" in run(binary(), "journal", "compact", "--plan", *world.place)
        assert "rows of the catalog as they are" in run(binary(), "rebuild", "--drill", *world.place)
        assert held(high, ("vault",)) == seen[1]
        for n in range(60):
            assert low.get_object(Bucket="plain", Key=f"more/{n}")["Body"].read() == content(n, 2000)
        world.stop()
    finally:
        world.kill()
    # Without the program too, out of two sites.
    out = world.home / "rescued"
    rescue = [binary("entente-rescue"), "--root-key", world.root, "--out", out]
    run(*rescue, world.home / "microsoft", world.home / "google")
    for n in range(60):
        (found,) = out.rglob(f"more/{n}")
        assert found.read_bytes() == content(n, 2000)

    with sqlite3.connect(world.directory / "catalog.sqlite") as catalog:
        catalog.execute("UPDATE version SET size = size + 1 WHERE row = (SELECT min(row) FROM version)")
    catalog.close()
    done = rebuild(world, "--drill", "--json")
    drill = json.loads(done.stdout)
    version = next(row for row in drill["tables"] if row["table"] == "version")
    assert done.returncode != 0 and drill["differs"] and (version["missing"], version["unknown"]) == (1, 1)
    assert {path.name.split("-")[0] for path in world.directory.glob("catalog*")} == {"catalog.sqlite"}
    kept = json.loads((world.directory / "drill.json").read_text())["drill"]
    assert kept["differs"] and kept["tables"] == drill["tables"], "also without a running Entente"


def test_a_terminal_is_shown_a_bar(copy):
    world, _, _ = copy
    primary, secondary = pty.openpty()
    done = subprocess.run([binary(), "rebuild", *world.place], stdout=subprocess.PIPE, stderr=secondary, check=False, timeout=120)
    shown = ""
    # It is on its way, and lost where the other end is closed before it came; what never comes runs into the test's time.
    while not ("segments of the journal" in shown and " of " in shown):
        shown += os.read(primary, 1 << 16).decode(errors="replace")
    os.close(secondary)
    os.close(primary)
    assert done.returncode == 0, shown


def left(world):
    return {path.name for path in world.directory.glob("catalog*")}


def test_what_a_rebuild_that_was_killed_left_the_next_goes_on_with(copy):
    world, keys, seen = copy
    catalog = world.directory / "catalog.sqlite"
    for _ in range(10):
        process = subprocess.Popen([binary(), "rebuild", *world.place], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        while "pieces of the journal" not in process.stderr.readline():
            assert process.poll() is None
        process.kill()
        process.wait(30)
        process.stderr.close()
        if not catalog.exists():
            break
        # It was done before it was killed.
        catalog.unlink()
    else:
        pytest.fail("no rebuild was killed in the middle")
    with pytest.raises(StartFailed):
        world.start()
    assert "catalog.rebuilding" in left(world)
    done = rebuild(world)
    assert done.returncode == 0 and "goes on with" in done.stderr, done.stderr
    assert left(world) == {"catalog.sqlite"}
    check(world, keys, seen)


def test_what_is_left_of_a_rebuild_goes_when_asked_or_when_nothing_needs_it(copy):
    world, keys, seen = copy
    world.directory.mkdir(exist_ok=True)
    leftover = world.directory / "catalog.rebuilding"
    leftover.write_bytes(b"no catalog at all")
    done = rebuild(world)
    assert done.returncode != 0 and "`--anew` begins without it" in done.stderr, done.stderr
    done = rebuild(world, "--anew")
    assert done.returncode == 0 and "goes on with" not in done.stderr, done.stderr
    leftover.write_bytes(b"of a rebuild instead of which the catalog was put back")
    check(world, keys, seen)
    assert not leftover.exists()
