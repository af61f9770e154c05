"""The gate, from outside: what is not served is refused as S3 would, and changes nothing."""

import base64
import time
import zlib

import pytest

import wire
from client import refused
from content import MIB, content, etag
from wire import Signer, head_bytes, read_answer, send, sha256, signed, target

BUCKET, KEPT = "wire", "kept"
BODY = b"what must not be stored"
MINUTE = 60


@pytest.fixture(scope="module", autouse=True)
def bucket(s3):
    s3.create_bucket(Bucket=BUCKET)
    s3.put_object(Bucket=BUCKET, Key=KEPT, Body=b"kept as it was")


def unchanged(s3):
    """The bucket holds what it held: one object, the same bytes, no upload."""
    assert [entry["Key"] for entry in s3.list_objects_v2(Bucket=BUCKET)["Contents"]] == [KEPT]
    assert s3.get_object(Bucket=BUCKET, Key=KEPT)["Body"].read() == b"kept as it was"
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=BUCKET)


def crc32(data):
    return base64.b64encode(zlib.crc32(data).to_bytes(4, "big")).decode()


# What S3 has and this door does not serve.

SUB_RESOURCES = """abac accelerate acl analytics copy-object cors encryption intelligent-tiering inventory
logging metadataConfiguration metadataTable metadataInventoryTable metadataJournalTable metrics
notification ownershipControls policy policyStatus publicAccessBlock renameObject replication
requestPayment restore select select-type session torrent versionId website
unheard-of""".split()

# Where a sub-resource is served; it is refused everywhere else.
OF_BUCKETS = {
    "acl": "GET PUT", "cors": "GET PUT DELETE", "ownershipControls": "GET PUT DELETE", "publicAccessBlock": "GET PUT DELETE",
    "policyStatus": "GET", "encryption": "GET PUT DELETE", "requestPayment": "GET PUT", "policy": "GET DELETE",
    "website": "GET DELETE", "replication": "GET DELETE", "logging": "GET", "notification": "GET", "accelerate": "GET",
}  # fmt: skip
OF_OBJECTS = {"acl": "GET PUT"}

PLACES = [
    ("GET", "", b""), ("PUT", "", b"<x/>"), ("DELETE", "", b""), ("POST", "", b"<x/>"), ("HEAD", "", b""),
    ("GET", "/" + KEPT, b""), ("PUT", "/" + KEPT, b"<x/>"), ("DELETE", "/" + KEPT, b""), ("POST", "/" + KEPT, b""),
    ("HEAD", "/" + KEPT, b""),
]  # fmt: skip


@pytest.mark.parametrize("name", SUB_RESOURCES)
def test_a_sub_resource_that_is_not_served_is_refused_on_every_method(world, s3, name):
    for method, rest, body in PLACES:
        if method in (OF_OBJECTS if rest else OF_BUCKETS).get(name, "").split():
            continue
        for query in ([(name, "")], [(name, "x")], [(name, ""), ("x-id", "GetObject")]):
            answer = signed(world, method, f"/{BUCKET}{rest}", query, body)
            assert answer.status in (400, 403, 405, 501), (method, rest, query, answer)
            if method != "HEAD":
                assert answer.code, "a refusal without an S3 error code"
    unchanged(s3)


HEADERS = {
    "x-amz-acl": "log-delivery-write",
    "x-amz-grant-read": 'uri="http://acs.amazonaws.com/groups/s3/LogDelivery"',
    "x-amz-grant-full-control": 'id="1234"',
    "x-amz-copy-source": "no-key",
    "x-amz-copy-source-range": "bytes=0-1",
    "x-amz-tagging": "a=1&a=2",
    "x-amz-object-lock-mode": "COMPLIANCE",
    "x-amz-object-lock-retain-until-date": "2099-01-01T00:00:00Z",
    "x-amz-object-lock-legal-hold": "ON",
    "x-amz-bypass-governance-retention": "true",
    "x-amz-mfa": "123456 789012",
    "x-amz-request-payer": "requester",
    "x-amz-server-side-encryption": "aws:kms",
    "x-amz-server-side-encryption-aws-kms-key-id": "key",
    "x-amz-server-side-encryption-context": "e30=",
    "x-amz-server-side-encryption-customer-algorithm": "AES256",
    "x-amz-server-side-encryption-customer-key": base64.b64encode(b"k" * 32).decode(),
    "x-amz-storage-class": "GLACIER",
    "x-amz-website-redirect-location": "/elsewhere",
    "x-amz-write-offset-bytes": "5",
    "x-amz-security-token": "token",
    "x-amz-expected-bucket-owner": "111122223333",
    "x-amz-unheard-of": "1",
    "x-amz-checksum-unheard-of": "AAAA",
    "x-amz-rename-source": f"/{BUCKET}/{KEPT}",
    "x-amz-if-match-size": "3",
}


@pytest.mark.parametrize("name", HEADERS)
def test_a_header_that_is_not_honoured_is_refused(world, s3, name):
    answer = signed(world, "PUT", f"/{BUCKET}/new", body=BODY, extra={name: HEADERS[name]})
    assert answer.status in (400, 403, 501) and answer.code, answer
    unchanged(s3)


@pytest.mark.parametrize("name", ["x-amz-meta-a", "x-amz-acl", "x-amz-copy-source", "x-amz-storage-class"])
def test_an_amz_header_that_was_not_signed_is_refused(world, s3, name):
    extra = {name: "private" if name == "x-amz-acl" else f"/{BUCKET}/{KEPT}"}
    answer = signed(world, "PUT", f"/{BUCKET}/new", body=BODY, extra=extra, leave_out=[name])
    assert (answer.status, answer.code) == (403, "AccessDenied")
    query = Signer(world).presigned("PUT", f"/{BUCKET}/new")
    answer = send(world, "PUT", target(f"/{BUCKET}/new", query), {"host": Signer(world).host, **extra}, BODY)
    assert (answer.status, answer.code) == (403, "AccessDenied")
    unchanged(s3)


# Who says so? One row per way to be nobody, or somebody twice. Each gives the answer of the door.


def put(world, **more):
    return signed(world, "PUT", f"/{BUCKET}/new", body=BODY, **more)


def changed(world, change, payload=None, body=BODY, length=True, query=()):
    """A well signed PUT, changed after signing."""
    headers = Signer(world).headers("PUT", f"/{BUCKET}/new", query, payload or sha256(body))
    pairs, where = list(headers.items()), target(f"/{BUCKET}/new", query)
    pairs, where, body = change(pairs, where, body)
    return send(world, "PUT", where, pairs, body, length)


def anonymous(world):
    return send(world, "PUT", f"/{BUCKET}/new", {"host": Signer(world).host}, BODY)


def anonymous_list(world):
    return send(world, "GET", f"/{BUCKET}", {"host": Signer(world).host})


def version_2_header(world):
    headers = {"host": Signer(world).host, "date": time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime())}
    headers["authorization"] = f"AWS {world.keys()[0]}:{base64.b64encode(b's' * 20).decode()}"
    return send(world, "PUT", f"/{BUCKET}/new", headers, BODY)


def version_2_query(world):
    query = [("AWSAccessKeyId", world.keys()[0]), ("Expires", str(int(time.time()) + 60)), ("Signature", "c2ln")]
    return send(world, "PUT", target(f"/{BUCKET}/new", query), {"host": Signer(world).host}, BODY)


def post_form(world):
    form = "\r\n".join(["--b", 'content-disposition: form-data; name="key"', "", "new", "--b"])
    form += '\r\ncontent-disposition: form-data; name="file"; filename="f"\r\n\r\ndata\r\n--b--\r\n'
    headers = {"host": Signer(world).host, "content-type": "multipart/form-data; boundary=b"}
    return send(world, "POST", f"/{BUCKET}", headers, form.encode())


def signed_post_form(world):
    extra = {"content-type": "multipart/form-data; boundary=b"}
    return signed(world, "POST", f"/{BUCKET}", body=b"--b--\r\n", extra=extra)


def two_credentials(world):
    query = Signer(world).presigned("PUT", f"/{BUCKET}/new")
    headers = Signer(world).headers("PUT", f"/{BUCKET}/new", query)
    return send(world, "PUT", target(f"/{BUCKET}/new", query), headers, BODY)


def two_authorizations(world):
    return changed(world, lambda pairs, where, body: ([*pairs, ("authorization", pairs[-1][1])], where, body))


def no_payload_hash(world):
    headers = Signer(world).headers("PUT", f"/{BUCKET}/new", (), sha256(BODY))
    del headers["x-amz-content-sha256"]
    return send(world, "PUT", f"/{BUCKET}/new", headers, BODY)


def security_token_in_query(world):
    query = Signer(world).presigned("PUT", f"/{BUCKET}/new", [("X-Amz-Security-Token", "t")])
    return send(world, "PUT", target(f"/{BUCKET}/new", query), {"host": Signer(world).host}, BODY)


def presigned_from(world, when, expires=60):
    signer = Signer(world, when=when)
    query = signer.presigned("PUT", f"/{BUCKET}/new", expires=expires)
    return send(world, "PUT", target(f"/{BUCKET}/new", query), {"host": signer.host}, BODY)


NOBODY = [
    ("nobody at all may write", anonymous, 403, "AccessDenied"),
    ("nobody at all may list", anonymous_list, 403, "AccessDenied"),
    ("signature version 2 in a header", version_2_header, (400, 403), None),
    ("signature version 2 in the query", version_2_query, (400, 403), None),
    ("a form posted without a policy", post_form, (400, 403, 405, 501), None),
    ("a form posted with a signature", signed_post_form, (400, 403, 405, 501), None),
    ("credentials in two places", two_credentials, 400, "InvalidArgument"),
    ("two authorization headers", two_authorizations, (400, 403), None),
    ("an unknown access key", lambda w: put(w, keys=("ENTE00000000000000NO", "s" * 40)), 403, "InvalidAccessKeyId"),
    ("a wrong secret", lambda w: put(w, keys=(w.keys()[0], "wrong")), 403, "SignatureDoesNotMatch"),
    ("another region", lambda w: put(w, region="mars-north-1"), 400, "AuthorizationHeaderMalformed"),
    ("another service", lambda w: put(w, service="ec2"), 400, "AuthorizationHeaderMalformed"),
    ("a clock 16 minutes behind", lambda w: put(w, when=time.time() - 16 * MINUTE), 403, "RequestTimeTooSkewed"),
    ("a clock 16 minutes ahead", lambda w: put(w, when=time.time() + 16 * MINUTE), 403, "RequestTimeTooSkewed"),
    ("no payload hash", no_payload_hash, (400, 403), None),
    ("a session token", security_token_in_query, (400, 403, 501), None),
    ("a presigned request from tomorrow", lambda w: presigned_from(w, time.time() + 86_400), 403, None),
    ("a presigned request that is over", lambda w: presigned_from(w, time.time() - 61), 403, "AccessDenied"),
    ("a presigned request for 8 days", lambda w: presigned_from(w, time.time(), 8 * 86_400), 400,
     "AuthorizationQueryParametersError"),
    ("a presigned request for -1 s", lambda w: presigned_from(w, time.time(), -1), 400,
     "AuthorizationQueryParametersError"),
]  # fmt: skip


@pytest.mark.parametrize("ask,status,code", [row[1:] for row in NOBODY], ids=[row[0] for row in NOBODY])
def test_who_cannot_prove_who_they_are_is_refused(world, s3, ask, status, code):
    answer = ask(world)
    assert answer.status in (status if isinstance(status, tuple) else (status,)), answer
    assert answer.code and code in (None, answer.code), answer
    unchanged(s3)


def test_a_wrong_region_is_told_the_right_one(world):
    assert world.region.encode() in put(world, region="mars-north-1").body


def test_a_clock_14_minutes_off_is_near_enough(world, s3):
    for off in (-14, 14):
        assert put(world, when=time.time() + off * MINUTE).status == 200
    s3.delete_object(Bucket=BUCKET, Key="new")


# Requests that cannot be understood, or could be in two ways.


def duplicate(name, value):
    return lambda w: changed(w, lambda pairs, where, body: ([*pairs, (name, value)], where, body))


def other_target(where):
    return lambda w: changed(w, lambda pairs, _, body: (pairs, where, body))


def duplicate_query(world):
    return signed(world, "GET", f"/{BUCKET}", [("prefix", "a"), ("prefix", "b")])


def nul_in_key(world):
    return signed(world, "PUT", f"/{BUCKET}/a%00b", body=BODY)


def bad_utf8_in_key(world):
    return signed(world, "PUT", f"/{BUCKET}/a%ff%fe", body=BODY)


def both_lengths(world):
    headers = Signer(world).headers("PUT", f"/{BUCKET}/new", (), sha256(b"x"))
    pairs = [*headers.items(), ("content-length", "1"), ("transfer-encoding", "chunked")]
    return send(world, "PUT", f"/{BUCKET}/new", pairs, b"1\r\nx\r\n0\r\n\r\n", length=False)


def two_lengths(world):
    headers = Signer(world).headers("PUT", f"/{BUCKET}/new", (), sha256(b"x"))
    pairs = [*headers.items(), ("content-length", "1"), ("content-length", "2")]
    return send(world, "PUT", f"/{BUCKET}/new", pairs, b"xy", length=False)


def no_length(world):
    headers = Signer(world).headers("PUT", f"/{BUCKET}/new")
    pairs = [*headers.items(), ("transfer-encoding", "chunked")]
    return send(world, "PUT", f"/{BUCKET}/new", pairs, b"1\r\nx\r\n0\r\n\r\n", length=False)


def xml(world, method, path, query, body):
    import hashlib

    extra = {"content-md5": base64.b64encode(hashlib.md5(body).digest()).decode()}
    return signed(world, method, path, query, body, extra=extra)


def deep(world):
    body = b"<Delete>" + b"<a>" * 5000 + b"</a>" * 5000 + b"</Delete>"
    return xml(world, "POST", f"/{BUCKET}", [("delete", "")], body)


def entity(world):
    body = b'<!DOCTYPE d [<!ENTITY e SYSTEM "file:///etc/passwd">]><Delete><Object><Key>&e;</Key></Object></Delete>'
    return xml(world, "POST", f"/{BUCKET}", [("delete", "")], body)


MALFORMED = [
    ("the same query name twice", duplicate_query, 400),
    ("an amz header twice", duplicate("x-amz-date", "20200101T000000Z"), (400, 403)),
    ("a second payload hash", duplicate("x-amz-content-sha256", "UNSIGNED-PAYLOAD"), (400, 403)),
    ("a second if-match", duplicate("if-match", '"a"'), (400, 403, 501, 404)),
    ("bad percent encoding", other_target(f"/{BUCKET}/%zz"), (400, 403)),
    ("a percent sign at the end", other_target(f"/{BUCKET}/new%"), (400, 403)),
    ("another path than was signed", other_target(f"/{BUCKET}/other"), 403),
    ("a NUL in the key", nul_in_key, 400),
    ("a key that is not UTF-8", bad_utf8_in_key, 400),
    ("length and chunked at once", both_lengths, 400),
    ("two lengths", two_lengths, 400),
    ("no length", no_length, (400, 411, 501)),
    ("XML that is none", lambda w: xml(w, "POST", f"/{BUCKET}", [("delete", "")], b"<Delete><Obj"), 400),
    ("XML of another kind", lambda w: xml(w, "POST", f"/{BUCKET}", [("delete", "")], b"<Tea/>"), 400),
    ("XML that is too deep", deep, 400),
    ("XML with an entity", entity, 400),
    ("XML of 5 MiB", lambda w: xml(w, "POST", f"/{BUCKET}", [("delete", "")], b" " * 5 * MIB), 400),
    ("a method S3 does not know", lambda w: signed(w, "PATCH", f"/{BUCKET}/new", body=BODY), (400, 403, 405, 501)),
    ("OPTIONS", lambda w: send(w, "OPTIONS", f"/{BUCKET}/new", {"host": "x", "origin": "http://x"}), (400, 403, 405, 501)),
]  # fmt: skip


@pytest.mark.parametrize("ask,status", [row[1:] for row in MALFORMED], ids=[row[0] for row in MALFORMED])
def test_what_is_malformed_is_refused(world, s3, ask, status):
    answer = ask(world)
    assert answer.status in (status if isinstance(status, tuple) else (status,)), answer
    unchanged(s3)


# Bodies that are not what was declared.


def bodies_of(size):
    whole = content(("wire", size), size)
    return whole, [whole[at : at + 65_536] for at in range(0, size, 65_536)]


def chunked(world, size, payload=wire.CHUNKED, trailer=None, spoil=None, change=None, declared=None):
    whole, pieces = bodies_of(size)
    extra = {"x-amz-decoded-content-length": str(size if declared is None else declared), "content-encoding": "aws-chunked"}
    if trailer:
        extra["x-amz-trailer"] = trailer[0]
    signer = Signer(world)
    headers = signer.headers("PUT", f"/{BUCKET}/new", (), payload, extra)
    if payload == wire.UNSIGNED_TRAILER:
        body = wire.plain_chunks(pieces, trailer)
    else:
        body = signer.chunks(pieces, trailer, spoil)
    return send(world, "PUT", f"/{BUCKET}/new", headers, change(body) if change else body)


@pytest.mark.parametrize("size", [0, 1, 65_536, 200_000, 3 * MIB + 1])
def test_every_form_of_chunked_body_is_stored_as_its_bytes(world, s3, size):
    whole, _ = bodies_of(size)
    checksum = ("x-amz-checksum-crc32", crc32(whole))
    for payload, trailer in (
        (wire.CHUNKED, None),
        (wire.CHUNKED_TRAILER, checksum),
        (wire.UNSIGNED_TRAILER, checksum),
    ):
        answer = chunked(world, size, payload, trailer)
        assert answer.status == 200, (payload, answer)
        got = s3.get_object(Bucket=BUCKET, Key="new")
        assert got["Body"].read() == whole and got["ETag"] == etag(whole), payload
        assert "aws-chunked" not in got.get("ContentEncoding", "")
        s3.delete_object(Bucket=BUCKET, Key="new")


WRONG = ("x-amz-checksum-crc32", crc32(b"other"))


def right(size):
    return ("x-amz-checksum-crc32", crc32(bodies_of(size)[0]))


SPOILED = [
    ("a first chunk signed wrongly", dict(spoil=0), {"SignatureDoesNotMatch"}),
    ("a second chunk signed wrongly", dict(spoil=1), {"SignatureDoesNotMatch"}),
    ("a last chunk signed wrongly", dict(spoil="last"), {"SignatureDoesNotMatch"}),
    ("a byte of a chunk changed", dict(change=lambda body: flip(body, 40_000)), {"SignatureDoesNotMatch"}),
    ("a trailer signed wrongly", dict(payload=wire.CHUNKED_TRAILER, trailer=right, spoil="trailer"),
     {"SignatureDoesNotMatch"}),
    ("a wrong checksum in a signed trailer", dict(payload=wire.CHUNKED_TRAILER, trailer=WRONG), {"BadDigest"}),
    ("a wrong checksum in an unsigned trailer", dict(payload=wire.UNSIGNED_TRAILER, trailer=WRONG), {"BadDigest"}),
    ("a trailer that was announced and does not come",
     dict(payload=wire.UNSIGNED_TRAILER, trailer=right, change=lambda body: body[: body.index(b"\r\n0\r\n") + 5] + b"\r\n"),
     {"MalformedTrailerError", "InvalidRequest", "IncompleteBody", "BadDigest", "InvalidArgument"}),
    ("another trailer than was announced",
     dict(payload=wire.UNSIGNED_TRAILER, trailer=right, change=lambda body: body.replace(b"checksum-crc32", b"checksum-sha256")),
     {"MalformedTrailerError", "InvalidRequest", "InvalidArgument", "BadDigest", "IncompleteBody"}),
    ("a decoded length that is too long", dict(declared=1_000_000), {"IncompleteBody"}),
    ("a decoded length that is too short", dict(declared=10), {"IncompleteBody", "InvalidRequest", "InvalidArgument"}),
    ("no last chunk", dict(change=lambda body: body[: body.rindex(b"0;chunk-signature")]), {"IncompleteBody"}),
    ("a chunk size that is no number", dict(change=lambda body: b"zz" + body[2:]),
     {"InvalidRequest", "IncompleteBody", "InvalidArgument", "SignatureDoesNotMatch", "InvalidChunkSizeError"}),
]  # fmt: skip


def flip(body, at):
    return body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :]


@pytest.mark.parametrize("how,codes", [row[1:] for row in SPOILED], ids=[row[0] for row in SPOILED])
@pytest.mark.parametrize("size", [200_000, 2 * MIB], ids=["small", "large"])
def test_a_chunked_body_that_is_not_what_was_declared_is_not_stored(world, s3, size, how, codes):
    how = dict(how)
    if callable(how.get("trailer")):
        how["trailer"] = how["trailer"](size)
    if how.get("spoil") == "last":
        how["spoil"] = len(bodies_of(size)[1])
    answer = chunked(world, size, **how)
    assert answer.status in (400, 403) and answer.code in codes, answer
    unchanged(s3)


def test_a_payload_hash_that_is_not_the_bodys_stores_nothing(world, s3):
    for size in (100, 2 * MIB):
        answer = signed(world, "PUT", f"/{BUCKET}/new", body=content(1, size), payload=sha256(b"other"))
        assert (answer.status, answer.code) == (400, "XAmzContentSHA256Mismatch"), answer
    unchanged(s3)


def test_a_body_that_breaks_off_stores_nothing(world, s3):
    for size in (100_000, 9 * MIB):
        body = content("cut", size)
        headers = Signer(world).headers("PUT", f"/{BUCKET}/new", (), sha256(body))
        headers["content-length"] = str(size)
        with wire.connect(world) as line:
            line.sendall(head_bytes("PUT", f"/{BUCKET}/new", headers) + body[: size // 2])
    time.sleep(1)
    unchanged(s3)


def test_a_body_that_breaks_off_keeps_the_old_object(world, s3):
    body = content("cut", MIB)
    headers = Signer(world).headers("PUT", f"/{BUCKET}/{KEPT}", (), wire.UNSIGNED)
    headers["content-length"] = str(MIB)
    with wire.connect(world) as line:
        line.sendall(head_bytes("PUT", f"/{BUCKET}/{KEPT}", headers) + body[:1000])
    time.sleep(0.5)
    unchanged(s3)


# Manners.


def test_who_waits_for_100_continue_gets_it_or_the_refusal_at_once(world, s3):
    for keys, wanted in ((world.keys(), 100), ((world.keys()[0], "wrong"), 403)):
        headers = Signer(world, keys=keys).headers("PUT", f"/{BUCKET}/new", (), sha256(BODY))
        headers |= {"content-length": str(len(BODY)), "expect": "100-continue", "connection": "close"}
        with wire.connect(world, timeout=20) as line:
            line.sendall(head_bytes("PUT", f"/{BUCKET}/new", headers))
            if wanted == 100:
                assert b"100 Continue" in line.recv(1000)
                line.sendall(BODY)
                assert read_answer(line).status == 200
            else:
                assert read_answer(line).status == wanted
    s3.delete_object(Bucket=BUCKET, Key="new")
    unchanged(s3)


def test_who_waited_for_100_continue_in_vain_is_told_to_close(world, s3):
    """Refused, or with nothing to send: whether the body still comes cannot be known, so the next
    request on this connection could be taken for it."""
    for body, keys in ((b"", world.keys()), (BODY, (world.keys()[0], "wrong"))):
        headers = Signer(world, keys=keys).headers("PUT", f"/{BUCKET}/new", (), sha256(body))
        headers |= {"content-length": str(len(body)), "expect": "100-continue"}
        with wire.connect(world, timeout=20) as line:
            line.sendall(head_bytes("PUT", f"/{BUCKET}/new", headers))
            assert read_answer(line).headers.get("connection") == "close"
            assert line.recv(1) == b""
    s3.delete_object(Bucket=BUCKET, Key="new")
    unchanged(s3)


def test_a_connection_serves_many_requests(world):
    with wire.connect(world) as line:
        for _ in range(50):
            headers = Signer(world).headers("GET", f"/{BUCKET}/{KEPT}", (), wire.EMPTY)
            line.sendall(head_bytes("GET", f"/{BUCKET}/{KEPT}", headers))
            assert read_answer(line).body == b"kept as it was"


def test_the_log_repeats_the_request_id_and_keeps_the_secret(world, s3):
    answers = [
        signed(world, "GET", f"/{BUCKET}/{KEPT}"),
        signed(world, "GET", f"/{BUCKET}/not-there"),
        put(world, keys=(world.keys()[0], "wrong")),
        anonymous(world),
    ]
    ids = [answer.request_id for answer in answers]
    assert all(ids) and len(set(ids)) == len(ids)
    for answer in answers[1:]:
        assert f"<RequestId>{answer.request_id}</RequestId>".encode() in answer.body
    deadline = time.monotonic() + 5
    while not all(one in world.log_text() for one in ids) and time.monotonic() < deadline:
        time.sleep(0.1)
    for one in ids:
        assert one in world.log_text()
    assert world.keys()[1] not in world.log_text()


def test_an_error_says_nothing_about_the_inside(world):
    answer = signed(world, "GET", f"/{BUCKET}/not-there")
    for word in (b"sqlite", b"panicked", b".rs", b"/tmp", str(world.directory).encode()):
        assert word not in answer.body


@pytest.mark.timeout(240)
def test_who_dawdles_is_cut_off(world, s3):
    """Half a head, no head, half a body: each connection is closed within the door's time-outs."""
    head = head_bytes("GET", f"/{BUCKET}", {"host": "x"})
    body_head = Signer(world).headers("PUT", f"/{BUCKET}/new", (), wire.UNSIGNED) | {"content-length": "1000"}
    lines = {}
    for name, sent in (
        ("half a head", head[:-4]),
        ("nothing", b""),
        ("half a body", head_bytes("PUT", f"/{BUCKET}/new", body_head) + b"x" * 500),
    ):
        lines[name] = wire.connect(world, timeout=180)
        lines[name].sendall(sent)
    for name, line in lines.items():
        with line:
            answer = b""
            while more := wire.receive(line):
                answer += more
            assert answer[:12] in (b"", b"HTTP/1.1 408", b"HTTP/1.1 400"), (name, answer)
    unchanged(s3)


def test_a_head_that_is_too_large_is_refused(world, s3):
    answer = send(world, "GET", f"/{BUCKET}", {"host": "x", "x-amz-meta-big": "x" * 200_000})
    assert answer.status in (400, 414, 431)
    answer = send(world, "GET", f"/{BUCKET}?" + "a" * 200_000, {"host": "x"})
    assert answer.status in (400, 414, 431)
    unchanged(s3)


def test_another_users_bucket_is_refused_and_its_name_taken(world, s3):
    import json

    from client import connect
    from world import binary, run

    made = json.loads(run(binary(), "key", "create", "--data-dir", world.directory, "--user", "other", "--json"))
    other = connect(world, keys=(made["access_key"], made["secret_key"]))
    for call in (
        lambda: other.get_object(Bucket=BUCKET, Key=KEPT),
        lambda: other.put_object(Bucket=BUCKET, Key="new", Body=BODY),
        lambda: other.delete_object(Bucket=BUCKET, Key=KEPT),
        lambda: other.list_objects_v2(Bucket=BUCKET),
        lambda: other.delete_bucket(Bucket=BUCKET),
        lambda: other.create_multipart_upload(Bucket=BUCKET, Key="new"),
        lambda: other.list_multipart_uploads(Bucket=BUCKET),
    ):
        assert refused(call) == ("AccessDenied", 403)
    assert refused(lambda: other.create_bucket(Bucket=BUCKET)) == ("BucketAlreadyExists", 409)
    assert other.list_buckets()["Buckets"] == []
    run(binary(), "key", "revoke", "--data-dir", world.directory, made["access_key"])
    assert refused(other.list_buckets) == ("InvalidAccessKeyId", 403)
    unchanged(s3)
