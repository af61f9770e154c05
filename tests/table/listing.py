"""Listings, both versions: prefixes, delimiters, markers, pages, encodings."""

from concurrent.futures import ThreadPoolExecutor

from table import refuses, row

NONE = "no-such-bucket-here"
TREE = ["a", "b/1", "b/2", "b/c/1", "b/c/2", "b0", "d/1", "e", "e-f", "e/"]


def tree(t):
    bucket = t.new_bucket()
    for key in TREE:
        t.s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    return bucket


def walk(t, version, bucket, size=1000, **query):
    """Every key and every common prefix, page by page, in the order they came; and the page count."""
    found, pages, go_on = [], 0, {}
    while True:
        pages += 1
        method = t.s3.list_objects_v2 if version == 2 else t.s3.list_objects
        page = method(Bucket=bucket, MaxKeys=size, **query, **go_on)
        keys = [entry["Key"] for entry in page.get("Contents", [])]
        prefixes = [entry["Prefix"] for entry in page.get("CommonPrefixes", [])]
        assert keys == sorted(keys) and prefixes == sorted(prefixes)
        assert len(keys) + len(prefixes) <= size
        if version == 2:
            assert page["KeyCount"] == len(keys) + len(prefixes)
        found += sorted(keys + prefixes, key=str.encode)
        if not page["IsTruncated"]:
            return found, pages
        if version == 2:
            go_on = {"ContinuationToken": page["NextContinuationToken"]}
        else:
            # NextMarker comes with a delimiter only; without one the last key is the marker.
            go_on = {"Marker": page.get("NextMarker") or found[-1]}
        assert pages < 100, "the listing does not end"


def check(t, wanted, bucket=None, **query):
    """Both versions, at every page size, find the same."""
    bucket = bucket or tree(t)
    for version in (1, 2):
        for size in (1, 2, 3, 1000):
            found, pages = walk(t, version, bucket, size, **query)
            assert found == wanted, (version, size)
            assert pages == max(1, -(-len(wanted) // size)), (version, size)


@row("ListObjects")
def everything_is_found_in_byte_order_at_every_page_size(t):
    check(t, TREE)


@row("ListObjectsV2")
def a_prefix_narrows(t):
    check(t, ["b/1", "b/2", "b/c/1", "b/c/2", "b0"], Prefix="b")


@row("ListObjectsV2")
def a_delimiter_rolls_up(t):
    check(t, ["a", "b/", "b0", "d/", "e", "e-f", "e/"], Delimiter="/")


@row("ListObjectsV2")
def prefix_and_delimiter_show_one_level(t):
    check(t, ["b/1", "b/2", "b/c/"], Prefix="b/", Delimiter="/")


@row("ListObjectsV2")
def any_string_may_delimit(t):
    check(t, ["a", "b/1", "b/2", "b/c/1", "b/c/2", "b0", "d/1", "e", "e-", "e/"], Delimiter="-")
    check(t, ["a", "b/1", "b/2", "b/c/", "b0", "d/1", "e", "e-f", "e/"], Delimiter="c/")


@row("ListObjectsV2")
def a_prefix_that_nothing_has_finds_nothing(t):
    check(t, [], Prefix="zzz")


@row("ListObjectsV2")
def start_after_begins_behind(t):
    bucket = tree(t)
    for after, wanted in (("b/2", TREE[3:]), ("b/", TREE[1:]), ("c", TREE[6:]), ("zzz", [])):
        assert walk(t, 2, bucket, 2, StartAfter=after)[0] == wanted, after
        page = t.s3.list_objects(Bucket=bucket, Marker=after)
        assert [entry["Key"] for entry in page.get("Contents", [])] == wanted, after


@row("ListObjects")
def a_marker_that_is_a_common_prefix_passes_over_it(t):
    page = t.s3.list_objects(Bucket=tree(t), Delimiter="/", Marker="b/")
    assert [entry["Prefix"] for entry in page["CommonPrefixes"]] == ["d/", "e/"]
    assert [entry["Key"] for entry in page["Contents"]] == ["b0", "e", "e-f"]


@row("ListObjectsV2")
def what_was_asked_is_repeated(t):
    bucket = tree(t)
    page = t.s3.list_objects_v2(Bucket=bucket, Prefix="b/", Delimiter="/", MaxKeys=2, StartAfter="b/1")
    assert (page["Name"], page["Prefix"], page["Delimiter"], page["MaxKeys"]) == (bucket, "b/", "/", 2)
    assert page["StartAfter"] == "b/1" and not page["IsTruncated"]
    page = t.s3.list_objects(Bucket=bucket, Prefix="b/", Delimiter="/", MaxKeys=2, Marker="b/1")
    assert (page["Name"], page["Prefix"], page["Delimiter"], page["MaxKeys"]) == (bucket, "b/", "/", 2)
    assert page["Marker"] == "b/1"


@row("ListObjectsV2")
def entries_tell_size_etag_date_and_class(t):
    key, put = t.put(body=b"0123456789")
    for page in (t.s3.list_objects_v2(Bucket=t.bucket, Prefix=key), t.s3.list_objects(Bucket=t.bucket, Prefix=key)):
        (entry,) = page["Contents"]
        assert (entry["Size"], entry["ETag"], entry["StorageClass"]) == (10, put["ETag"], "STANDARD")
        assert entry["LastModified"] == t.head(key)["LastModified"]


@row("ListObjectsV2")
def the_owner_is_told_when_asked(t):
    key, _ = t.put()
    assert "Owner" not in t.s3.list_objects_v2(Bucket=t.bucket, Prefix=key)["Contents"][0]
    owner = t.s3.list_objects_v2(Bucket=t.bucket, Prefix=key, FetchOwner=True)["Contents"][0]["Owner"]["ID"]
    assert owner == t.s3.list_buckets()["Owner"]["ID"]


@row("ListObjectsV2")
def no_keys_asked_no_keys_given(t):
    bucket = tree(t)
    for page in (t.s3.list_objects_v2(Bucket=bucket, MaxKeys=0), t.s3.list_objects(Bucket=bucket, MaxKeys=0)):
        assert "Contents" not in page and not page["IsTruncated"]


@row("ListObjectsV2")
def more_than_a_thousand_come_in_pages_of_a_thousand(t):
    bucket = t.new_bucket()
    wanted = [f"{n:05d}" for n in range(1005)]
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda key: t.s3.put_object(Bucket=bucket, Key=key, Body=b""), wanted))
    page = t.s3.list_objects_v2(Bucket=bucket, MaxKeys=5000)
    assert len(page["Contents"]) == 1000 and page["IsTruncated"] and page["MaxKeys"] == 1000
    for version in (1, 2):
        assert walk(t, version, bucket, 1000) == (wanted, 2)


@row("ListObjectsV2")
def url_encoding_is_done_when_asked(t):
    from botocore.handlers import decode_list_object, decode_list_object_v2

    from client import connect

    raw = connect(t.world)
    raw.meta.events.unregister("after-call.s3.ListObjectsV2", decode_list_object_v2)
    raw.meta.events.unregister("after-call.s3.ListObjects", decode_list_object)
    key, _ = t.put("a b+ü/x\n")
    for method in (raw.list_objects_v2, raw.list_objects):
        page = method(Bucket=t.bucket, Prefix=t.prefix + "a b", Delimiter="/", EncodingType="url")
        assert page["EncodingType"] == "url"
        prefix = page["CommonPrefixes"][0]["Prefix"]
        assert prefix in (t.prefix + "a+b%2B%C3%BC/", t.prefix + "a%20b%2B%C3%BC/"), prefix
        plain = method(Bucket=t.bucket, Prefix=key, EncodingType="url")
        assert plain["Contents"][0]["Key"].endswith("%0A")


@row("ListObjectsV2", "InvalidArgument")
def arguments_that_make_no_sense_are_refused(t):
    for more in ({"MaxKeys": -1}, {"ContinuationToken": "not-a-token"}, {"EncodingType": "rot13"}):
        assert t.refused("list_objects_v2", **more) == ("InvalidArgument", 400), more
    assert t.refused("list_objects", MaxKeys=-1) == ("InvalidArgument", 400)


refuses("ListObjects", "a bucket that is not there", "NoSuchBucket", 404, Bucket=NONE)
refuses("ListObjectsV2", "a bucket that is not there", "NoSuchBucket", 404, Bucket=NONE)


@row("ListObjectsV2")
def what_was_acknowledged_is_listed_at_once(t):
    for n in range(30):
        key, _ = t.put(f"{n:02d}")
        assert t.exists(key)
        if n % 3 == 0:
            t.s3.delete_object(Bucket=t.bucket, Key=key)
            assert not t.exists(key)
