"""Every operation of the S3 door and every error it gives, one row each, through boto3."""

import pathlib
import re

import pytest

import table

ROWS = table.load()
SERVED = {
    "ListBuckets", "CreateBucket", "HeadBucket", "DeleteBucket", "GetBucketLocation",
    "PutObject", "GetObject", "HeadObject", "DeleteObject", "DeleteObjects", "ListObjects", "ListObjectsV2",
    "CreateMultipartUpload", "UploadPart", "ListParts", "ListMultipartUploads", "CompleteMultipartUpload",
    "AbortMultipartUpload",
}  # fmt: skip


@pytest.fixture(scope="module")
def bucket(s3):
    s3.create_bucket(Bucket="table")
    return "table"


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_row(row, world, s3, bucket):
    row.run(table.Try(world, s3, bucket))


def test_every_operation_served_has_rows():
    assert SERVED <= {row.operation for row in ROWS}
