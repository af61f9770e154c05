"""Data of several labels behind one door: what a session sees, what it can change, and that what lies above it
is not there for it."""

import json
import re
import subprocess
import time

import pytest
from client import connect, refused
from content import MIB, content
from world import binary, run

U, SECRET, SI = "UNCLASSIFIED", "SECRET//NOFORN", "SECRET//SI//NOFORN"


def key(world, user, label):
    made = json.loads(run(binary(), "key", "create", *world.place, "--user", user, "--label", label, "--json"))
    assert made["label"] == label
    return made["access_key"], made["secret_key"]


def fails(world, *command):
    """The complaint of a command that must be refused."""
    done = subprocess.run([binary(), *command, *world.place], capture_output=True, text=True, check=False)
    assert done.returncode != 0, done.stdout
    return done.stderr


@pytest.fixture(scope="module")
def ana(world):
    """One person with a key at each of three labels."""
    run(binary(), "user", "create", "ana", "--clearance", SI, *world.place)
    return {label: connect(world, keys=key(world, "ana", label)) for label in (U, SECRET, SI)}


def names(client):
    return [bucket["Name"] for bucket in client.list_buckets()["Buckets"]]


def test_a_name_means_what_lies_at_ones_label_else_below(ana):
    for label, body in ((U, b"low"), (SECRET, b"high")):
        ana[label].create_bucket(Bucket="meant")
        ana[label].put_object(Bucket="meant", Key="a", Body=body)
    ana[SECRET].create_bucket(Bucket="meant-high")
    read = {label: ana[label].get_object(Bucket="meant", Key="a")["Body"].read() for label in (U, SECRET)}
    assert read == {U: b"low", SECRET: b"high"}
    # Two lie below: neither is meant.
    assert refused(lambda: ana[SI].get_object(Bucket="meant", Key="a")) == ("NoSuchBucket", 404)
    assert "meant" in names(ana[U]) and "meant-high" not in names(ana[U])
    assert "meant" in names(ana[SECRET]) and "meant-high" in names(ana[SI]) and "meant" not in names(ana[SI])


def test_reads_go_down_and_writes_stay_level(ana):
    body = content("down", 3 * MIB)
    ana[U].create_bucket(Bucket="down")
    ana[U].put_object(Bucket="down", Key="a", Body=body)
    assert ana[SI].get_object(Bucket="down", Key="a")["Body"].read() == body
    assert [entry["Key"] for entry in ana[SI].list_objects_v2(Bucket="down")["Contents"]] == ["a"]
    for change in (
        lambda: ana[SI].put_object(Bucket="down", Key="b", Body=b"x"),
        lambda: ana[SI].delete_object(Bucket="down", Key="a"),
        lambda: ana[SI].create_multipart_upload(Bucket="down", Key="b"),
        lambda: ana[SI].delete_bucket(Bucket="down"),
        lambda: ana[SI].put_bucket_versioning(Bucket="down", VersioningConfiguration={"Status": "Enabled"}),
    ):
        assert refused(change) == ("AccessDenied", 403)
    # A regrade upwards is a copy into a bucket of the higher label; there is none downwards.
    ana[SI].create_bucket(Bucket="raised")
    ana[SI].copy_object(Bucket="raised", Key="a", CopySource={"Bucket": "down", "Key": "a"})
    assert ana[SI].get_object(Bucket="raised", Key="a")["Body"].read() == body
    down = {"Bucket": "down", "Key": "c", "CopySource": {"Bucket": "raised", "Key": "a"}}
    assert refused(lambda: ana[U].copy_object(**down)) == ("NoSuchBucket", 404)
    assert refused(lambda: ana[SI].copy_object(**down)) == ("AccessDenied", 403)


# Every one is asked once of a bucket that lies above the session and once of one that nobody has.
ASKED = {
    "head bucket": lambda s3, bucket: s3.head_bucket(Bucket=bucket),
    "location": lambda s3, bucket: s3.get_bucket_location(Bucket=bucket),
    "list": lambda s3, bucket: s3.list_objects_v2(Bucket=bucket),
    "list versions": lambda s3, bucket: s3.list_object_versions(Bucket=bucket),
    "list uploads": lambda s3, bucket: s3.list_multipart_uploads(Bucket=bucket),
    "versioning": lambda s3, bucket: s3.get_bucket_versioning(Bucket=bucket),
    "acl": lambda s3, bucket: s3.get_bucket_acl(Bucket=bucket),
    "policy status": lambda s3, bucket: s3.get_bucket_policy_status(Bucket=bucket),
    "get": lambda s3, bucket: s3.get_object(Bucket=bucket, Key="a"),
    "head": lambda s3, bucket: s3.head_object(Bucket=bucket, Key="a"),
    "attributes": lambda s3, bucket: s3.get_object_attributes(Bucket=bucket, Key="a", ObjectAttributes=["ETag"]),
    "tags": lambda s3, bucket: s3.get_object_tagging(Bucket=bucket, Key="a"),
    "put": lambda s3, bucket: s3.put_object(Bucket=bucket, Key="a", Body=b"x"),
    "delete": lambda s3, bucket: s3.delete_object(Bucket=bucket, Key="a"),
    "delete several": lambda s3, bucket: s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "a"}]}),
    "upload": lambda s3, bucket: s3.create_multipart_upload(Bucket=bucket, Key="a"),
    "delete bucket": lambda s3, bucket: s3.delete_bucket(Bucket=bucket),
    "copy from": lambda s3, bucket: s3.copy_object(
        Bucket="asking", Key="a", CopySource={"Bucket": bucket, "Key": "a"}
    ),
    "copy to": lambda s3, bucket: s3.copy_object(Bucket=bucket, Key="a", CopySource={"Bucket": "asking", "Key": "b"}),
    "create, then delete": lambda s3, bucket: (s3.create_bucket(Bucket=bucket), s3.delete_bucket(Bucket=bucket))[0],
}
# What differs between any two answers.
OWN = re.compile(rb"<(RequestId|HostId)>[^<]*</|hidden-one|nobody-one")
OWN_HEADERS = ("x-amz-request-id", "x-amz-id-2", "date")


def test_what_lies_above_is_answered_as_what_is_not_there(world, ana):
    ana[SECRET].create_bucket(Bucket="hidden-one")
    ana[SECRET].put_object(Bucket="hidden-one", Key="a", Body=b"secret")
    ana[SECRET].create_multipart_upload(Bucket="hidden-one", Key="u")
    low = connect(world, keys=key(world, "ana", U))
    low.create_bucket(Bucket="asking")
    low.put_object(Bucket="asking", Key="b", Body=b"b")
    raw = []
    low.meta.events.register("before-parse.s3.*", lambda response_dict, **_: raw.append(dict(response_dict)))

    def answers(ask, bucket):
        raw.clear()
        try:
            ask(low, bucket)
        except low.exceptions.ClientError:
            pass
        assert raw, "nothing was answered"
        told = []
        for answer in raw:
            headers = {name.lower(): value for name, value in answer["headers"].items()}
            headers = {name: headers[name] for name in headers if name not in OWN_HEADERS}
            if "location" in headers:
                headers["location"] = headers["location"].replace(bucket, "BUCKET")
            told.append((answer["status_code"], headers, OWN.sub(b"", answer["body"] or b"")))
        return told

    for name, ask in ASKED.items():
        assert answers(ask, "hidden-one") == answers(ask, "nobody-one"), name
    assert "hidden-one" not in names(low)
    assert ana[SECRET].get_object(Bucket="hidden-one", Key="a")["Body"].read() == b"secret"


def test_keys_and_users_are_made_within_what_they_are_cleared_for(world, ana):
    assert "at or below the principal's clearance" in fails(
        world, "key", "create", "--user", "ana", "--label", "TOP SECRET"
    )
    assert "SECRET" in fails(world, "key", "create", "--user", "ana", "--label", "SECRTE")
    assert "no role" in fails(world, "user", "create", "ben", "--role", "boss")
    run(binary(), "user", "create", "audrey", "--role", "auditor", "--clearance", SI, *world.place)
    assert refused(connect(world, keys=key(world, "audrey", SI)).list_buckets) == ("AccessDenied", 403)
    assert "name is taken" in fails(world, "user", "create", "ana")
    run(binary(), "user", "create", "chloe", "--clearance", "SECRET//REL TO USA, FRA", "--nation", "FRA", *world.place)
    french = connect(world, keys=key(world, "chloe", "SECRET//REL TO USA, FRA"))
    french.create_bucket(Bucket="allied")
    french.put_object(Bucket="allied", Key="a", Body=b"for both")
    # What is released to both flows up to what is for the owner's nation alone, and not the other way.
    assert refused(lambda: french.head_bucket(Bucket="meant-high"))[1] == 404
    assert "at or below" in fails(world, "key", "create", "--user", "chloe", "--label", SECRET)
    # Cleared for the owner's SECRET in words, and of another nation all the same.
    run(binary(), "user", "create", "claude", "--clearance", "SECRET", "--nation", "FRA", *world.place)
    assert "at or below" in fails(world, "key", "create", "--user", "claude", "--label", SECRET)
    key(world, "claude", "SECRET//REL TO USA, FRA")
    shown = run(binary(), "key", "list", *world.place)
    assert "SECRET//REL TO USA, FRA" in shown, shown


def test_labels_outlive_a_kill(world, ana):
    ana[SI].create_bucket(Bucket="after")
    ana[SI].put_object(Bucket="after", Key="a", Body=b"still here")
    again = key(world, "ana", SI)
    world.kill()
    world.start()
    s3 = connect(world, keys=again)
    assert s3.get_object(Bucket="after", Key="a")["Body"].read() == b"still here"
    s3.put_object(Bucket="after", Key="b", Body=b"and goes on")
    assert refused(lambda: connect(world, keys=key(world, "ana", U)).head_bucket(Bucket="after"))[1] == 404


def test_a_key_is_taken_until_it_expires_and_from_where_it_may_come(world, ana):
    def limited(*more):
        made = run(binary(), "key", "create", *world.place, "--user", "ana", "--label", U, "--json", *more)
        made = json.loads(made)
        return connect(world, keys=(made["access_key"], made["secret_key"]))

    here, elsewhere = limited("--from", "127.0.0.0/8", "--from", "2001:db8::/32"), limited("--from", "192.0.2.0/24")
    assert "meant" in names(here)
    assert refused(elsewhere.list_buckets) == ("AccessDenied", 403)
    brief = limited("--expires", "3s")
    assert "meant" in names(brief)
    time.sleep(3.1)
    assert refused(brief.list_buckets) == ("AccessDenied", 403)
    assert "no range" in fails(world, "key", "create", "--user", "ana", "--from", "192.0.2.1/24")
    assert "no time" in fails(world, "key", "create", "--user", "ana", "--expires", "soon")
    shown = run(binary(), "key", "list", *world.place)
    assert "127.0.0.0/8 2001:db8::/32" in shown and "never" in shown, shown
