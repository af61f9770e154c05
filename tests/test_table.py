"""Every operation of the S3 door and every error it gives, one row each, through boto3."""

import re

import pytest

import table
from client import SEEN
from world import REPOSITORY

ROWS = table.load()
SERVED = {
    "ListBuckets", "CreateBucket", "HeadBucket", "DeleteBucket", "GetBucketLocation",
    "PutObject", "GetObject", "HeadObject", "DeleteObject", "DeleteObjects", "ListObjects", "ListObjectsV2",
    "CreateMultipartUpload", "UploadPart", "ListParts", "ListMultipartUploads", "CompleteMultipartUpload",
    "AbortMultipartUpload", "CopyObject", "UploadPartCopy", "GetBucketVersioning", "PutBucketVersioning",
    "ListObjectVersions", "GetObjectTagging", "PutObjectTagging", "DeleteObjectTagging", "GetBucketTagging",
    "PutBucketTagging", "DeleteBucketTagging", "GetObjectAttributes", "GetObjectLockConfiguration",
    "PutObjectLockConfiguration", "GetObjectRetention", "PutObjectRetention", "GetObjectLegalHold",
    "PutObjectLegalHold", "PutBucketLifecycleConfiguration", "DeleteBucketLifecycle",
    "PostObject", "GetBucketAcl", "PutBucketAcl", "GetObjectAcl", "PutObjectAcl",
    "GetBucketCors", "PutBucketCors", "DeleteBucketCors", "GetBucketOwnershipControls", "PutBucketOwnershipControls",
    "DeleteBucketOwnershipControls", "GetPublicAccessBlock", "PutPublicAccessBlock", "DeletePublicAccessBlock",
    "GetBucketPolicyStatus", "GetBucketEncryption", "PutBucketEncryption", "DeleteBucketEncryption",
    "GetBucketRequestPayment", "PutBucketRequestPayment", "GetBucketPolicy", "DeleteBucketPolicy", "GetBucketWebsite",
    "DeleteBucketWebsite", "GetBucketReplication", "DeleteBucketReplication", "GetBucketLogging",
    "GetBucketNotificationConfiguration", "GetBucketAccelerateConfiguration",
}  # fmt: skip


# Codes that no row here can provoke, and where each is.
ELSEWHERE = {
    "BucketAlreadyOwnedByYou": "test_config.py: only outside us-east-1",
    "IllegalLocationConstraintException": "test_config.py: only outside us-east-1",
    "NotModified": "has no document that could name it: rows on conditions",
    "RequestTimeout": "test_wire.py: takes its time",
    "ServiceUnavailable": "test_start.py: needs a full disk or too few sites",
    "SlowDown": "crates/s3/tests/limits.rs: needs a crowd",
    "InternalError": "a defect",
}
ran = set()


@pytest.fixture(scope="module")
def bucket(s3):
    s3.create_bucket(Bucket="table")
    return "table"


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_row(row, world, s3, bucket):
    row.run(table.Try(world, s3, bucket))
    ran.add(row)


def test_every_operation_served_has_rows():
    assert SERVED <= {row.operation for row in ROWS}


def test_every_error_code_of_the_door_was_given_by_a_row():
    if len(ran) < len(ROWS):
        pytest.fail("only the whole table can tell: run the file without -k, and see which rows failed")
    listed = (REPOSITORY / "crates/s3/src/error.rs").read_text().split("codes! {")[1].split("\n}")[0]
    codes = set(re.findall(r"^    (\w+) \d{3} ", listed, re.MULTILINE))
    assert len(codes) > 30, "the door's list of codes was not understood"
    assert codes - SEEN - set(ELSEWHERE) == set()
    assert set(ELSEWHERE) <= codes
