"""The S3 door as a table: one row per thing an operation does and per error it gives.

A row is a function decorated with `row(operation)`; its name is the sentence it proves. A refusal is
one line of data: `refuses(operation, sentence, code, status, **arguments)`.
"""

import dataclasses
import re
from collections.abc import Callable

from client import refused

ROWS = []


@dataclasses.dataclass(frozen=True)
class Row:
    operation: str
    says: str
    run: Callable
    code: str | None = None

    def __str__(self):
        return f"{self.operation}-{self.says.replace(' ', '_')}"


def row(operation, code=None):
    """Registers a function of one `Try`. `code` names the error it provokes, if it does."""

    def register(function):
        ROWS.append(Row(operation, function.__name__, function, code))
        return function

    return register


def refuses(operation, says, code, status, **arguments):
    """Registers a call that is refused with `code` and `status`. The bucket is the row's own unless
    named; a callable argument is given the `Try`."""

    def run(t):
        given = {name: value(t) if callable(value) else value for name, value in arguments.items()}
        method = getattr(t.s3, re.sub(r"(?<!^)(?=[A-Z])", "_", operation).lower())
        if operation != "ListBuckets":
            given.setdefault("Bucket", t.bucket)
        assert refused(lambda: method(**given)) == (code, status)

    ROWS.append(Row(operation, says, run, code))


class Try:
    """What one row works with: a client, a bucket that other rows share, and keys of its own."""

    count = 0

    def __init__(self, world, s3, bucket):
        self.world, self.s3, self.bucket = world, s3, bucket
        Try.count += 1
        self.prefix = f"row-{Try.count:04d}/"

    def key(self, name="object"):
        return self.prefix + name

    def new_bucket(self):
        Try.count += 1
        name = f"row-{Try.count:04d}-own"
        self.s3.create_bucket(Bucket=name)
        return name

    def put(self, name="object", body=b"tea", **more):
        key = self.key(name)
        return key, self.s3.put_object(Bucket=self.bucket, Key=key, Body=body, **more)

    def get(self, key, **more):
        """The answer with its body read: `answer["Bytes"]`."""
        answer = self.s3.get_object(Bucket=self.bucket, Key=key, **more)
        return {**answer, "Bytes": answer["Body"].read()}

    def head(self, key, **more):
        return self.s3.head_object(Bucket=self.bucket, Key=key, **more)

    def exists(self, key):
        return key in [found["Key"] for found in self.s3.list_objects_v2(Bucket=self.bucket, Prefix=key).get("Contents", [])]

    def upload(self, name="object", **more):
        """A multipart upload just begun: key and id."""
        key = self.key(name)
        return key, self.s3.create_multipart_upload(Bucket=self.bucket, Key=key, **more)["UploadId"]

    def part(self, key, upload, number, body, **more):
        answer = self.s3.upload_part(Bucket=self.bucket, Key=key, UploadId=upload, PartNumber=number, Body=body, **more)
        assert "ETag" in answer, answer
        return answer

    def complete(self, key, upload, parts, **more):
        """`parts`: (number, ETag) pairs or the dicts that S3 wants."""
        listed = [part if isinstance(part, dict) else {"PartNumber": part[0], "ETag": part[1]} for part in parts]
        return self.s3.complete_multipart_upload(
            Bucket=self.bucket, Key=key, UploadId=upload, MultipartUpload={"Parts": listed}, **more
        )

    def refused(self, method, **arguments):
        """Code and status of a refused call on this row's bucket."""
        arguments.setdefault("Bucket", self.bucket)
        return refused(lambda: getattr(self.s3, method)(**arguments))


def load():
    """Every row, in reading order."""
    from table import (  # noqa: F401
        buckets, checksums, codes, conditions, configured, copies, deletes, forms, keys, lifecycles, listing, locks,
        multipart, objects, presigned, sharing, uploads, versions,
    )  # fmt: skip

    return ROWS
