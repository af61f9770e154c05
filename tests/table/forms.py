"""PostObject: uploads by HTML forms, as browsers send them."""

import base64
import datetime
import hashlib
import hmac
import json

import wire
from table import row

BOUNDARY = "form-boundary"


def encode(fields, file=b"tea", name="green.txt"):
    """A form's body; fields in order, the file last."""
    out = b""
    for field, value in fields:
        out += f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{field}"\r\n\r\n'.encode()
        out += (value if isinstance(value, bytes) else value.encode()) + b"\r\n"
    out += f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'.encode()
    return out + file + f"\r\n--{BOUNDARY}--\r\n".encode()


def post(t, fields, bucket=None, **more):
    headers = {"host": f"127.0.0.1:{t.world.port}", "content-type": f"multipart/form-data; boundary={BOUNDARY}"}
    return wire.send(t.world, "POST", f"/{bucket or t.bucket}", headers, encode(fields, **more))


def policy(t, conditions, minutes=10):
    until = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(minutes=minutes)
    document = {"expiration": until.strftime("%Y-%m-%dT%H:%M:%SZ"), "conditions": conditions}
    return base64.b64encode(json.dumps(document).encode()).decode()


def signed_2(t, fields, conditions, secret=None, **more):
    """Fields signed as older forms are."""
    access, own = t.world.keys()
    encoded = policy(t, [{"bucket": t.bucket}, *conditions], **more)
    signature = hmac.new((secret or own).encode(), encoded.encode(), hashlib.sha1).digest()
    proof = [("AWSAccessKeyId", access), ("policy", encoded), ("signature", base64.b64encode(signature).decode())]
    return [*fields, *proof]


KEY = ["starts-with", "$key", "row-"]


@row("PostObject")
def a_form_that_boto3_presigned_is_stored(t):
    made = t.s3.generate_presigned_post(t.bucket, t.key(), Fields={"Content-Type": "text/tea", "x-amz-meta-a": "1"},
                                        Conditions=[{"Content-Type": "text/tea"}, {"x-amz-meta-a": "1"},
                                                    ["content-length-range", 1, 5]])  # fmt: skip
    answer = post(t, list(made["fields"].items()))
    assert (answer.status, answer.body) == (204, b""), answer
    found = t.get(t.key())
    assert (found["Bytes"], found["ContentType"], found["Metadata"]) == (b"tea", "text/tea", {"a": "1"})
    assert answer.headers["etag"] == found["ETag"]


@row("PostObject")
def an_older_signature_is_proven_too(t):
    assert post(t, signed_2(t, [("key", t.key("${filename}"))], [KEY])).status == 204
    assert t.get(t.key("green.txt"))["Bytes"] == b"tea"


@row("PostObject")
def the_answer_is_what_the_form_asks_for(t):
    for field, value, status in [("success_action_status", "201", 201), ("success_action_status", "404", 204),
                                 ("success_action_redirect", "https://example.org/done", 303)]:  # fmt: skip
        answer = post(t, signed_2(t, [("key", t.key()), (field, value)], [KEY, ["eq", f"${field}", value]]))
        assert answer.status == status, answer
        assert status != 201 or f"<Key>{t.key()}</Key>".encode() in answer.body
        assert status != 303 or answer.headers["location"].startswith(f"{value}?bucket={t.bucket}&key=")


def gives(says, code, status, ask):
    def check(t):
        answer = ask(t)
        assert (answer.code, answer.status) == (code, status), answer
        assert not t.exists(t.key())

    check.__name__ = says
    row("PostObject", code)(check)


def with_fields(*fields, conditions=(KEY,), file=b"tea", **more):
    return lambda t: post(t, signed_2(t, [("key", t.key()), *fields], list(conditions), **more), file=file)


def unfinished(t):
    headers = {"host": f"127.0.0.1:{t.world.port}", "content-type": f"multipart/form-data; boundary={BOUNDARY}"}
    return wire.send(t.world, "POST", f"/{t.bucket}", headers, f"--{BOUNDARY}\r\nContent-Disposition: other\r\n\r\n".encode())


gives("nobody may", "AccessDenied", 403, lambda t: post(t, [("key", t.key())]))
gives("a field that no condition covers", "AccessDenied", 403, with_fields(("acl", "public-read")))
gives("metadata that no condition covers", "AccessDenied", 403, with_fields(("x-amz-meta-a", "1")))
gives("a redirect that no condition covers", "AccessDenied", 403, with_fields(("redirect", "https://example.org")))
gives("a condition that does not hold", "AccessDenied", 403, with_fields(conditions=[["eq", "$key", "other"]]))
gives("a policy that is over", "AccessDenied", 403, with_fields(minutes=-1))
gives("a policy for another bucket", "AccessDenied", 403,
      lambda t: post(t, signed_2(t, [("key", t.key())], [KEY]), bucket=t.new_bucket()))  # fmt: skip
gives("a wrong secret", "SignatureDoesNotMatch", 403, with_fields(secret="wrong"))
gives("a policy that says nothing", "InvalidPolicyDocument", 400, with_fields(conditions=[["like", "$key", "a"]]))
gives("a file that is too long", "EntityTooLarge", 400, with_fields(conditions=[KEY, ["content-length-range", 0, 2]]))
gives("a file that is too short", "EntityTooSmall", 400, with_fields(conditions=[KEY, ["content-length-range", 4, 9]]))
gives("no key", "InvalidArgument", 400, lambda t: post(t, signed_2(t, [], [KEY])[:-2]))
gives("fields of 64 KiB", "MaxPostPreDataLengthExceeded", 400, with_fields(("x-ignore-a", "x" * 65_536)))
gives("what is no form", "MalformedPOSTRequest", 400, unfinished)
gives("a header that S3 does not take", "NotImplemented", 501,
      with_fields(("x-amz-unheard-of", "1"), conditions=[KEY, {"x-amz-unheard-of": "1"}]))  # fmt: skip
gives("another file than its checksum says", "BadDigest", 400, with_fields(("x-amz-checksum-crc32", "AAAAAA==")))
