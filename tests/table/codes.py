"""Errors that boto3 would never provoke, each by one request made by hand."""

import json
import time

import wire
from client import connect
from content import GIB, MIB
from table import row
from wire import Signer, head_bytes, read_answer, send, sha256, signed, target
from world import binary, run


def gives(operation, says, code, status, ask):
    """A row: `ask(t)` is answered with `code` and `status`, and no object comes of it."""

    def check(t):
        answer = ask(t)
        assert (answer.code, answer.status) == (code, status), answer
        assert not t.exists(t.key())

    check.__name__ = says
    row(operation, code)(check)


def path(t):
    return f"/{t.bucket}/{t.key()}"


def put(t, body=b"x", extra=None, payload=None, query=(), **more):
    return signed(t.world, "PUT", path(t), query, body, payload, extra, **more)


def head_only(t, **headers):
    """A put of which only the head is sent."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    given = Signer(t.world).headers("PUT", path(t)) | named | {"connection": "close"}
    with wire.connect(t.world) as line:
        line.sendall(head_bytes("PUT", path(t), given))
        return read_answer(line)


def anonymous(t):
    return send(t.world, "GET", path(t), {"host": "127.0.0.1"})


def other_target(t):
    return send(t.world, "PUT", f"/{t.bucket}/%zz", Signer(t.world).headers("PUT", f"/{t.bucket}/%zz"), b"x")


def presigned_for_too_long(t):
    query = Signer(t.world).presigned("PUT", path(t), expires=604_801)
    return send(t.world, "PUT", target(path(t), query), {"host": Signer(t.world).host}, b"x")


def cut_short(t):
    signer = Signer(t.world)
    extra = {"x-amz-decoded-content-length": "100", "content-encoding": "aws-chunked"}
    headers = signer.headers("PUT", path(t), (), wire.CHUNKED, extra)
    return send(t.world, "PUT", path(t), headers, signer.chunks([b"only this"]))


def huge_document(t):
    return signed(t.world, "POST", f"/{t.bucket}", [("delete", "")], b" " * 20 * MIB)


def location(name):
    body = f"<CreateBucketConfiguration><LocationConstraint>{name}</LocationConstraint></CreateBucketConfiguration>"
    return lambda t: signed(t.world, "PUT", "/located", body=body.encode())


gives("GetObject", "nobody may read", "AccessDenied", 403, anonymous)
gives("PutObject", "an unknown key", "InvalidAccessKeyId", 403, lambda t: put(t, keys=("ENTENOBODY", "s")))
gives("PutObject", "a wrong secret", "SignatureDoesNotMatch", 403, lambda t: put(t, keys=(t.world.keys()[0], "s")))
gives("PutObject", "another region", "AuthorizationHeaderMalformed", 400, lambda t: put(t, region="mars-1"))
gives("PutObject", "yesterdays date", "RequestTimeTooSkewed", 403, lambda t: put(t, when=time.time() - 86_400))
gives("PutObject", "a url for eight days", "AuthorizationQueryParametersError", 400, presigned_for_too_long)
gives("PutObject", "a session token", "InvalidToken", 400, lambda t: put(t, extra={"x-amz-security-token": "t"}))
gives("PutObject", "another body than was hashed", "XAmzContentSHA256Mismatch", 400, lambda t: put(t, payload=sha256(b"y")))
gives("PutObject", "fewer bytes than were declared", "IncompleteBody", 400, cut_short)
gives("PutObject", "no length", "MissingContentLength", 411, lambda t: head_only(t))
gives("PutObject", "more than 5 GiB", "EntityTooLarge", 400, lambda t: head_only(t, content_length=str(5 * GIB + 1)))
gives("PutObject", "a path that cannot be decoded", "InvalidURI", 400, other_target)
gives("PutObject", "a method S3 does not have", "MethodNotAllowed", 405, lambda t: signed(t.world, "PATCH", path(t)))
gives("PutObject", "an unknown storage class", "InvalidStorageClass", 400,
      lambda t: put(t, extra={"x-amz-storage-class": "PAPER"}))  # fmt: skip
gives("PutObject", "a long head", "RequestHeaderSectionTooLarge", 400,
      lambda t: put(t, extra={"x-other": "x" * 40_000}))  # fmt: skip
gives("DeleteObjects", "a document of 20 MiB", "MaxMessageLengthExceeded", 400, huge_document)
gives("CreateBucket", "a region that is none", "InvalidLocationConstraint", 400, location("mars-1"))


@row("CreateBucket", "BucketAlreadyExists")
def another_users_name_is_taken(t):
    other = json.loads(run(binary(), "key", "create", "--data-dir", t.world.directory, "--user", "row", "--json"))
    theirs = connect(t.world, keys=(other["access_key"], other["secret_key"]))
    theirs.create_bucket(Bucket="theirs")
    assert t.refused("create_bucket", Bucket="theirs") == ("BucketAlreadyExists", 409)
    assert t.refused("list_objects_v2", Bucket="theirs") == ("AccessDenied", 403)
