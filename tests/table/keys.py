"""Keys are bytes with meaning to nobody but their owner."""

from client import connect
from content import content
from table import row

UNUSUAL = [
    "plain",
    "with space",
    " begins and ends with space ",
    "plus+plus",
    "a+b c%20d%2Fe",
    "percent%",
    "%2e%2e/%00",
    "slash//double",
    "/begins",
    "ends/",
    "..",
    "../up",
    "a/../b",
    "./here",
    "a/./b",
    "...",
    "ümläut",
    "u\u0308mla\u0308ut",
    "日本語/鍵",
    "🍵",
    "quote\"'`",
    "<tag>&amp;",
    "semi;colon=equals&and",
    "question?mark#hash",
    "back\\slash",
    "(round)[square]{curly}",
    "tab\there",
    "new\nline",
    "return\rhere",
    "~tilde!star*dollar$comma,at@colon:",
    "x" * 1000,
    "uploads",
    "-rf",
]


@row("PutObject")
def unusual_keys_stay_apart_and_come_back(t):
    for key in UNUSUAL:
        t.put(key, content(key, 100))
    for key in UNUSUAL:
        assert t.get(t.key(key))["Bytes"] == content(key, 100), repr(key)


@row("ListObjectsV2")
def unusual_keys_are_listed_as_they_are(t):
    for key in UNUSUAL:
        t.put(key, b"")
    pages = t.s3.get_paginator("list_objects_v2").paginate(Bucket=t.bucket, Prefix=t.prefix)
    found = [entry["Key"] for page in pages for entry in page.get("Contents", [])]
    wanted = sorted((t.key(key) for key in UNUSUAL), key=str.encode)
    assert found == wanted


@row("DeleteObject")
def unusual_keys_are_deleted_alone(t):
    for key in UNUSUAL:
        t.put(key, b"x")
    for n, key in enumerate(UNUSUAL):
        t.s3.delete_object(Bucket=t.bucket, Key=t.key(key))
        assert t.refused("head_object", Key=t.key(key)) == ("404", 404), repr(key)
        if n + 1 < len(UNUSUAL):
            t.head(t.key(UNUSUAL[n + 1]))


@row("PutObject")
def dots_and_slashes_at_the_very_beginning_are_part_of_the_key(t):
    bucket = t.new_bucket()
    for key in ("..", ".", "/", "//", "../../etc/passwd", "/abs", "a/"):
        t.s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    for key in ("..", ".", "/", "//", "../../etc/passwd", "/abs", "a/"):
        assert t.s3.get_object(Bucket=bucket, Key=key)["Body"].read() == key.encode(), key
    assert t.s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 7


@row("PutObject")
def a_key_of_1024_bytes_fits(t):
    for key in ("k" * 1024, "ü" * 512):
        t.s3.put_object(Bucket=t.bucket, Key=key, Body=b"long")
        assert t.get(key)["Bytes"] == b"long"
        t.s3.delete_object(Bucket=t.bucket, Key=key)


@row("PutObject", "KeyTooLongError")
def a_key_of_1025_bytes_is_refused(t):
    for key in ("k" * 1025, "ü" * 512 + "x"):
        for method in ("put_object", "get_object", "delete_object", "create_multipart_upload"):
            assert t.refused(method, Key=key) == ("KeyTooLongError", 400), method


@row("PutObject")
def a_key_and_a_key_below_it_are_two_objects(t):
    for name in ("a", "a/", "a/b", "a/b/"):
        t.put(name, name.encode())
    for name in ("a", "a/", "a/b", "a/b/"):
        assert t.get(t.key(name))["Bytes"] == name.encode()


@row("PutObject")
def virtual_host_style_reaches_the_same_objects(t):
    other = connect(t.world, addressing="virtual")
    for key in ("virtual/a b+c", "virtual/..", "virtual//x", "virtual/ü"):
        other.put_object(Bucket=t.bucket, Key=t.key(key), Body=key.encode())
        assert t.get(t.key(key))["Bytes"] == key.encode()
        assert other.get_object(Bucket=t.bucket, Key=t.key(key))["Body"].read() == key.encode()
    listed = other.list_objects_v2(Bucket=t.bucket, Prefix=t.prefix)["Contents"]
    assert len(listed) == 4
    other.create_bucket(Bucket="made-by-host-name")
    assert other.head_bucket(Bucket="made-by-host-name")["ResponseMetadata"]["HTTPStatusCode"] == 200
    other.delete_bucket(Bucket="made-by-host-name")
