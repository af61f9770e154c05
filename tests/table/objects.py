"""Objects put and got: bodies, metadata, ranges, system headers."""

import datetime

from content import KIB, MIB, content, etag
from table import refuses, row

NONE = "no-such-bucket-here"
# Around every boundary there is: chunk (64 KiB less the tag), inline or segment (1 MiB), stripes, segments (64 MiB).
SIZES = [0, 1, 15, 16, 65_519, 65_520, 65_521, 131_040, MIB - 1, MIB, MIB + 1, 5 * MIB + 17, 64 * MIB, 65 * MIB + 3]


@row("PutObject")
def every_size_around_a_boundary_comes_back(t):
    for size in SIZES:
        body = content(size, size)
        key, answer = t.put(str(size), body)
        assert answer["ETag"] == etag(body), size
        got = t.get(key)
        assert got["Bytes"] == body and got["ContentLength"] == size and got["ETag"] == etag(body), size
        head = t.head(key)
        assert head["ContentLength"] == size and head["ETag"] == etag(body), size


@row("PutObject")
def the_last_put_wins(t):
    key, _ = t.put(body=b"first")
    t.put(body=b"second, and longer")
    assert t.get(key)["Bytes"] == b"second, and longer"
    assert len(t.s3.list_objects_v2(Bucket=t.bucket, Prefix=key)["Contents"]) == 1


@row("PutObject")
def user_metadata_and_system_headers_come_back(t):
    given = {
        "ContentType": "text/x-tea; charset=utf-8",
        "CacheControl": "max-age=60",
        "ContentDisposition": 'attachment; filename="tea.txt"',
        "ContentEncoding": "identity",
        "ContentLanguage": "en",
        "Metadata": {"colour": "green", "with-dash": "a b  c", "empty": ""},
    }
    key, _ = t.put(Expires=datetime.datetime(2030, 1, 2, 3, 4, 5), **given)
    for answer in (t.get(key), t.head(key)):
        for name, value in given.items():
            assert answer[name] == value, name
        assert answer["ResponseMetadata"]["HTTPHeaders"]["expires"] == "Wed, 02 Jan 2030 03:04:05 GMT"


@row("PutObject")
def a_second_put_forgets_the_first_ones_metadata(t):
    key, _ = t.put(Metadata={"colour": "green"}, ContentType="text/plain")
    t.put()
    head = t.head(key)
    assert head["Metadata"] == {} and head["ContentType"] == "binary/octet-stream"


@row("PutObject")
def two_kib_of_metadata_fit(t):
    key, _ = t.put(Metadata={"m": "x" * (2 * KIB - 1)})
    assert len(t.head(key)["Metadata"]["m"]) == 2 * KIB - 1


@row("PutObject", "MetadataTooLarge")
def more_than_two_kib_of_metadata_is_refused(t):
    key = t.key()
    assert t.refused("put_object", Key=key, Metadata={"m": "x" * (2 * KIB)}) == ("MetadataTooLarge", 400)
    assert not t.exists(key)


@row("PutObject")
def what_is_true_anyway_may_be_said(t):
    t.put(ACL="private", StorageClass="STANDARD")


@row("PutObject", "NotImplemented")
def what_is_not_served_is_refused_and_nothing_is_stored(t):
    asked = [
        {"StorageClass": "GLACIER"},
        {"WebsiteRedirectLocation": "/elsewhere"},
        {"ServerSideEncryption": "aws:kms"},
        {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": "k" * 32},
        {"ObjectLockLegalHoldStatus": "ON"},
        {"ObjectLockMode": "GOVERNANCE", "ObjectLockRetainUntilDate": datetime.datetime(2030, 1, 1)},
        {"WriteOffsetBytes": 3},
    ]
    for more in asked:
        key = t.key(next(iter(more)))
        code, status = t.refused("put_object", Key=key, Body=b"x", **more)
        assert status in (400, 403, 501) and not t.exists(key), (more, code, status)


refuses("PutObject", "a bucket that is not there", "NoSuchBucket", 404, Bucket=NONE, Key="k", Body=b"v")


@row("GetObject")
def date_type_and_ranges_are_announced(t):
    before = datetime.datetime.now(datetime.UTC) - datetime.timedelta(seconds=2)
    key, _ = t.put()
    answer = t.get(key)
    assert before <= answer["LastModified"] <= datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=2)
    assert answer["AcceptRanges"] == "bytes" and answer["ContentType"] == "binary/octet-stream"


@row("GetObject")
def every_kind_of_range_gives_exactly_its_bytes(t):
    for size in (10, 3 * MIB + 5):
        body = content(("range", size), size)
        key, _ = t.put(str(size), body)
        ranges = [
            ("bytes=0-0", 0, 1),
            ("bytes=2-5", 2, 6),
            ("bytes=5-", 5, size),
            ("bytes=-3", size - 3, size),
            (f"bytes=-{size * 2}", 0, size),
            (f"bytes=4-{size + 100}", 4, size),
            (f"bytes={size - 1}-{size - 1}", size - 1, size),
        ]
        if size > MIB:
            ranges += [("bytes=65519-65520", 65_519, 65_521), ("bytes=65520-196607", 65_520, 196_608)]
        for text, first, end in ranges:
            got = t.get(key, Range=text)
            assert got["Bytes"] == body[first:end], text
            assert got["ContentRange"] == f"bytes {first}-{end - 1}/{size}", text
            assert got["ResponseMetadata"]["HTTPStatusCode"] == 206, text
            assert got["ContentLength"] == end - first, text


@row("GetObject", "InvalidRange")
def a_range_behind_the_end_is_refused(t):
    key, _ = t.put(body=b"0123456789")
    for text in ("bytes=10-", "bytes=10-20", "bytes=-0"):
        assert t.refused("get_object", Key=key, Range=text) == ("InvalidRange", 416), text


@row("GetObject", "InvalidRange")
def an_empty_object_has_no_range(t):
    key, _ = t.put(body=b"")
    assert t.refused("get_object", Key=key, Range="bytes=0-0") == ("InvalidRange", 416)


@row("GetObject")
def a_range_that_makes_no_sense_or_names_several_gives_the_whole(t):
    key, _ = t.put(body=b"0123456789")
    for text in ("bytes=0-1,3-4", "bytes=5-2", "lines=1-2"):
        got = t.get(key, Range=text)
        assert got["Bytes"] == b"0123456789" and got["ResponseMetadata"]["HTTPStatusCode"] == 200, text


@row("GetObject")
def the_answers_headers_may_be_chosen(t):
    key, _ = t.put(ContentType="text/plain")
    asked = {
        "ResponseContentType": "text/html",
        "ResponseCacheControl": "no-store",
        "ResponseContentDisposition": "inline",
        "ResponseContentEncoding": "identity",
        "ResponseContentLanguage": "fr",
    }
    answer = t.get(key, **asked)
    for name, value in asked.items():
        assert answer[name.removeprefix("Response")] == value, name


@row("GetObject", "InvalidPartNumber")
def part_one_of_a_plain_object_is_the_whole_and_there_is_no_second(t):
    key, _ = t.put(body=b"whole")
    assert t.get(key, PartNumber=1)["Bytes"] == b"whole"
    assert t.refused("get_object", Key=key, PartNumber=2) == ("InvalidPartNumber", 416)


refuses("GetObject", "a key that is not there", "NoSuchKey", 404, Key="nothing-here")
refuses("GetObject", "a bucket that is not there", "NoSuchBucket", 404, Bucket=NONE, Key="k")
refuses("GetObject", "a version, while there are none", "InvalidArgument", 400, Key="k", VersionId="abc")


@row("HeadObject", "404")
def what_is_not_there_is_404(t):
    assert t.refused("head_object", Key="nothing-here") == ("404", 404)
    assert t.refused("head_object", Key="k", Bucket=NONE) == ("404", 404)


@row("HeadObject")
def a_ranged_head_tells_the_ranges_length(t):
    key, _ = t.put(body=b"0123456789")
    head = t.head(key, Range="bytes=2-4")
    assert head["ContentLength"] == 3 and head["ResponseMetadata"]["HTTPStatusCode"] == 206


@row("PutObject")
def empty_objects_and_refusals_leave_the_connection_in_order(t):
    # boto3 asks before it sends a body, and hears the answer at once when there is none to send.
    for number in range(10):
        t.put(f"{number}-empty", b"")
        assert t.refused("put_object", Key=t.key("no"), Body=b"x", WebsiteRedirectLocation="/x")[1] == 501
        key, answer = t.put(f"{number}-full", b"full")
        assert answer["ETag"] == etag(b"full") and t.get(key)["Bytes"] == b"full"


@row("GetObject")
def every_answer_has_a_request_id_of_its_own(t):
    key, _ = t.put()
    ids = {t.head(key)["ResponseMetadata"]["RequestId"] for _ in range(5)}
    assert len(ids) == 5 and all(ids)
