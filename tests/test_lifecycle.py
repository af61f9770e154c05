"""Lifecycle rules at work, with days of a second: what is due goes, what is not or is locked stays."""

import json
import time

import pytest

from client import connect
from test_config import Configured
from world import binary, run

WAIT_S = 60


@pytest.fixture
def world(tmp_path):
    made = Configured(tmp_path)
    settings = made.file.read_text().replace("eu-central-1", "us-east-1")
    made.file.write_text(settings + "\n[lifecycle]\nday_s = 1\n")
    run(binary(), "root-key", tmp_path / "keys/root.key")
    made.start()
    yield made
    made.kill()


def until(what, holds):
    deadline = time.monotonic() + WAIT_S
    while not holds():
        assert time.monotonic() < deadline, what
        time.sleep(0.2)


def keys(s3, bucket):
    return [entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]


def rules(*given):
    return {"Rules": [{"ID": f"rule {n}", "Status": "Enabled", **rule} for n, rule in enumerate(given)]}


def test_objects_versions_markers_and_uploads_go_when_they_are_due(world):
    s3 = connect(world)
    s3.create_bucket(Bucket="plain")
    s3.create_bucket(Bucket="locked", ObjectLockEnabledForBucket=True)
    for key in ("old/small", "old/tagged", "new/kept"):
        s3.put_object(Bucket="plain", Key=key, Body=b"v", Tagging="keep=yes" if key.endswith("tagged") else "")
    s3.put_object(Bucket="plain", Key="old/large", Body=b"v" * 2000)
    s3.create_multipart_upload(Bucket="plain", Key="up/a")
    for body in (b"one", b"two", b"three"):
        s3.put_object(Bucket="locked", Key="k", Body=body)
    held = s3.put_object(Bucket="locked", Key="held", Body=b"held", ObjectLockLegalHoldStatus="ON")["VersionId"]
    s3.put_object(Bucket="locked", Key="held", Body=b"newer")
    s3.delete_object(Bucket="locked", Key="gone")
    day = {"Expiration": {"Days": 1}}
    s3.put_bucket_lifecycle_configuration(
        Bucket="plain",
        LifecycleConfiguration=rules(
            {"Filter": {"And": {"Prefix": "old/", "ObjectSizeGreaterThan": 1000}}, **day},
            {"Filter": {"And": {"Prefix": "old/", "Tags": [{"Key": "keep", "Value": "yes"}]}}, **day},
            {"Filter": {"Prefix": "up/"}, "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1}},
        ),
    )
    s3.put_bucket_lifecycle_configuration(
        Bucket="locked",
        LifecycleConfiguration=rules(
            {"Filter": {"Prefix": ""}, "NoncurrentVersionExpiration": {"NoncurrentDays": 1, "NewerNoncurrentVersions": 1}},
            {"Filter": {"Prefix": "held"}, "NoncurrentVersionExpiration": {"NoncurrentDays": 1}},
            {"Filter": {"Prefix": "gone"}, "Expiration": {"ExpiredObjectDeleteMarker": True}},
        ),
    )
    until("what is due goes", lambda: keys(s3, "plain") == ["new/kept", "old/small"])
    until("uploads are aborted", lambda: "Uploads" not in s3.list_multipart_uploads(Bucket="plain"))

    def versions():
        answer = s3.list_object_versions(Bucket="locked")
        return [(entry["Key"], entry["IsLatest"]) for entry in answer["Versions"]], answer.get("DeleteMarkers", [])

    left = [("held", True), ("held", False), ("k", True), ("k", False)]
    until("older versions and lone markers go", lambda: versions() == (left, []))
    due = json.loads(run(binary(), "bucket", "lifecycle", "--plan", *world.place, "--json"))
    counts = {"rule": "rule 1", "expired": 0, "removed": 1, "aborted": 0}
    assert [{**row, "label": ""} for row in due["rows"]] == [{"bucket": "locked", "label": "", **counts}], due
    s3.put_object_legal_hold(Bucket="locked", Key="held", VersionId=held, LegalHold={"Status": "OFF"})
    until("what was held goes when it is not", lambda: len(versions()[0]) == 3)
    assert s3.get_object(Bucket="locked", Key="held")["Body"].read() == b"newer"
