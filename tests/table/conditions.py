"""Conditional headers: on reads by RFC 9110, on writes as S3 has them."""

import datetime

from content import MIB, content, etag
from table import row

OTHER = '"0123456789abcdef0123456789abcdef"'
HOUR = datetime.timedelta(hours=1)


def reads(t, wanted, **conditions):
    """GET and HEAD answer the same: a status, or the error code of a refusal."""
    key, answer = t.put(body=b"conditional")
    given = {
        name: answer["ETag"] if value == "same" else value(t.head(key)["LastModified"]) if callable(value) else value
        for name, value in conditions.items()
    }
    if wanted == 200:
        assert t.get(key, **given)["Bytes"] == b"conditional"
        assert t.head(key, **given)["ContentLength"] == len("conditional")
    elif wanted == 304:
        assert t.refused("get_object", Key=key, **given)[1] == 304
        assert t.refused("head_object", Key=key, **given)[1] == 304
    else:
        assert t.refused("get_object", Key=key, **given) == ("PreconditionFailed", 412)
        assert t.refused("head_object", Key=key, **given)[1] == 412


def read_row(says, wanted, **conditions):
    def run(t):
        reads(t, wanted, **conditions)

    run.__name__ = says
    row("GetObject", {304: "304", 412: "PreconditionFailed"}.get(wanted))(run)


def earlier(modified):
    return modified - HOUR


def same_second(modified):
    return modified


def later(modified):
    return modified + HOUR


read_row("if_match_with_the_etag_is_served", 200, IfMatch="same")
read_row("if_match_with_a_star_is_served", 200, IfMatch="*")
read_row("if_match_with_another_etag_fails", 412, IfMatch=OTHER)
read_row("if_match_with_a_list_that_has_it_is_served", 200, IfMatch=f"{OTHER}, {etag(b'conditional')}")
read_row("if_none_match_with_the_etag_is_not_modified", 304, IfNoneMatch="same")
read_row("if_none_match_with_a_star_is_not_modified", 304, IfNoneMatch="*")
read_row("if_none_match_with_another_is_served", 200, IfNoneMatch=OTHER)
read_row("if_modified_since_an_hour_before_is_served", 200, IfModifiedSince=earlier)
read_row("if_modified_since_then_is_not_modified", 304, IfModifiedSince=same_second)
read_row("if_unmodified_since_then_is_served", 200, IfUnmodifiedSince=same_second)
read_row("if_unmodified_since_an_hour_before_fails", 412, IfUnmodifiedSince=earlier)
read_row("if_match_outranks_if_unmodified_since", 200, IfMatch="same", IfUnmodifiedSince=earlier)
read_row("if_none_match_outranks_if_modified_since", 200, IfNoneMatch=OTHER, IfModifiedSince=later)
read_row("a_failed_if_match_outranks_all", 412, IfMatch=OTHER, IfNoneMatch="same")


@row("GetObject")
def a_condition_and_a_range_together_are_both_honoured(t):
    key, answer = t.put(body=b"0123456789")
    assert t.get(key, IfMatch=answer["ETag"], Range="bytes=1-2")["Bytes"] == b"12"
    assert t.refused("get_object", Key=key, IfMatch=OTHER, Range="bytes=1-2") == ("PreconditionFailed", 412)


@row("PutObject", "PreconditionFailed")
def create_only_makes_it_once(t):
    for size in (5, 2 * MIB):
        body = content(("create", size), size)
        key, _ = t.put(str(size), body, IfNoneMatch="*")
        assert t.refused("put_object", Key=key, Body=b"again", IfNoneMatch="*") == ("PreconditionFailed", 412)
        assert t.get(key)["Bytes"] == body


@row("PutObject")
def create_only_works_again_after_a_delete(t):
    key, _ = t.put(IfNoneMatch="*")
    t.s3.delete_object(Bucket=t.bucket, Key=key)
    t.put(body=b"anew", IfNoneMatch="*")
    assert t.get(key)["Bytes"] == b"anew"


@row("PutObject")
def replace_that_etag_replaces_only_it(t):
    key, first = t.put(body=b"one")
    _, second = t.put(body=b"two", IfMatch=first["ETag"])
    assert t.refused("put_object", Key=key, Body=b"three", IfMatch=first["ETag"]) == ("PreconditionFailed", 412)
    assert t.get(key)["Bytes"] == b"two" and t.head(key)["ETag"] == second["ETag"]


@row("PutObject", "NoSuchKey")
def replace_that_etag_where_nothing_is(t):
    assert t.refused("put_object", Key=t.key(), Body=b"x", IfMatch=OTHER) == ("NoSuchKey", 404)


@row("PutObject", "NotImplemented")
def create_unless_that_etag_is_refused_as_s3_does(t):
    key = t.key()
    code, status = t.refused("put_object", Key=key, Body=b"x", IfNoneMatch=OTHER)
    assert status in (400, 501) and not t.exists(key), code


@row("PutObject", "PreconditionFailed")
def of_many_creators_exactly_one_wins(t):
    from concurrent.futures import ThreadPoolExecutor

    key = t.key()

    def create(n):
        try:
            t.s3.put_object(Bucket=t.bucket, Key=key, Body=f"writer {n}".encode(), IfNoneMatch="*")
            return n
        except t.s3.exceptions.ClientError as error:
            assert error.response["Error"]["Code"] in ("PreconditionFailed", "ConditionalRequestConflict")

    with ThreadPoolExecutor(16) as pool:
        winners = [n for n in pool.map(create, range(16)) if n is not None]
    assert len(winners) == 1 and t.get(key)["Bytes"] == f"writer {winners[0]}".encode()


@row("CompleteMultipartUpload", "PreconditionFailed")
def completing_obeys_its_condition_and_can_be_tried_again(t):
    key, first = t.put(body=b"before")
    _, upload = t.upload()
    part = t.part(key, upload, 1, b"after")["ETag"]
    parts = {"Parts": [{"PartNumber": 1, "ETag": part}]}
    for more in ({"IfNoneMatch": "*"}, {"IfMatch": OTHER}):
        asked = {"Key": key, "UploadId": upload, "MultipartUpload": parts, **more}
        assert t.refused("complete_multipart_upload", **asked) == ("PreconditionFailed", 412)
    assert t.get(key)["Bytes"] == b"before"
    t.complete(key, upload, [(1, part)], IfMatch=first["ETag"])
    assert t.get(key)["Bytes"] == b"after"
