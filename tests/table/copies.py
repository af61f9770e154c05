"""Copies: objects and parts made of other objects."""

from content import MIB
from table import refuses, row
from wire import signed

NONE = "no-such-bucket-here"


def source(t, key, **more):
    return {"Bucket": t.bucket, "Key": key, **more}


def copy(t, key, to="copy", **more):
    return t.s3.copy_object(Bucket=t.bucket, Key=t.key(to), CopySource=source(t, key), **more)


@row("CopyObject")
def a_copy_has_the_bytes_and_all_that_was_said(t):
    for name, body in (("small", b"tea"), ("large", b"leaf" * MIB)):
        key, put = t.put(name, body, ContentType="text/tea", Metadata={"colour": "green"}, Tagging="a=b")
        copied = copy(t, key, name + "-copy")["CopyObjectResult"]
        assert copied["ETag"] == put["ETag"]
        t.s3.delete_object(Bucket=t.bucket, Key=key)
        found = t.get(t.key(name + "-copy"))
        assert found["Bytes"] == body
        assert (found["ContentType"], found["Metadata"], found["TagCount"]) == ("text/tea", {"colour": "green"}, 1)


@row("CopyObject")
def what_is_said_can_be_replaced(t):
    key, _ = t.put(ContentType="text/tea", Metadata={"colour": "green"}, Tagging="a=b")
    copy(t, key, MetadataDirective="REPLACE", Metadata={"size": "small"}, TaggingDirective="REPLACE", Tagging="c=d&e=f")
    found = t.head(t.key("copy"))
    assert (found["ContentType"], found["Metadata"]) == ("binary/octet-stream", {"size": "small"})
    tags = t.s3.get_object_tagging(Bucket=t.bucket, Key=t.key("copy"))["TagSet"]
    assert [tag["Key"] for tag in tags] == ["c", "e"]


@row("CopyObject", "InvalidRequest")
def onto_itself_only_with_a_change(t):
    key, _ = t.put(Metadata={"n": "1"})
    assert t.refused("copy_object", Key=key, CopySource=source(t, key)) == ("InvalidRequest", 400)
    t.s3.copy_object(Bucket=t.bucket, Key=key, CopySource=source(t, key), MetadataDirective="REPLACE", Metadata={"n": "2"})
    assert t.get(key)["Metadata"] == {"n": "2"} and t.get(key)["Bytes"] == b"tea"


@row("CopyObject")
def keys_are_percent_encoded(t):
    for name in ("a b", "a+b", "a?b", "ключ", "a%2Fb", "a/../b"):
        key, _ = t.put(name, name.encode())
        copy(t, key, "copy of " + name)
        assert t.get(t.key("copy of " + name))["Bytes"] == name.encode()


@row("CopyObject")
def another_bucket_and_another_checksum(t):
    key, _ = t.put(body=b"checked")
    name = t.new_bucket()
    answer = t.s3.copy_object(Bucket=name, Key="k", CopySource=source(t, key), ChecksumAlgorithm="SHA256")
    assert answer["CopyObjectResult"]["ChecksumSHA256"]
    found = t.s3.get_object(Bucket=name, Key="k", ChecksumMode="ENABLED")
    assert (found["Body"].read(), found["ChecksumSHA256"]) == (b"checked", answer["CopyObjectResult"]["ChecksumSHA256"])


@row("CopyObject", "PreconditionFailed")
def the_source_and_the_target_have_their_conditions(t):
    key, put = t.put()
    other = '"0123456789abcdef0123456789abcdef"'
    copy(t, key, "one", CopySourceIfMatch=put["ETag"])
    copy(t, key, "two", CopySourceIfNoneMatch=other, IfNoneMatch="*")
    for more in (
        {"CopySourceIfMatch": other},
        {"CopySourceIfNoneMatch": put["ETag"]},
        {"CopySourceIfUnmodifiedSince": "Thu, 01 Jan 1998 00:00:00 GMT"},
    ):
        asked = {"Key": t.key("three"), "CopySource": source(t, key), **more}
        assert t.refused("copy_object", **asked) == ("PreconditionFailed", 412), more
    asked = {"Key": t.key("two"), "CopySource": source(t, key), "IfNoneMatch": "*"}
    assert t.refused("copy_object", **asked) == ("PreconditionFailed", 412)
    assert not t.exists(t.key("three"))


@row("CopyObject", "InvalidRequest")
def a_version_is_copied_by_its_id_and_a_marker_is_not(t):
    name = t.new_bucket()
    t.s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    first = t.s3.put_object(Bucket=name, Key="k", Body=b"first")["VersionId"]
    t.s3.put_object(Bucket=name, Key="k", Body=b"second")
    copied = t.s3.copy_object(Bucket=name, Key="k", CopySource={"Bucket": name, "Key": "k", "VersionId": first})
    assert copied["CopySourceVersionId"] == first and copied["VersionId"] != first
    assert t.s3.get_object(Bucket=name, Key="k")["Body"].read() == b"first"
    marker = t.s3.delete_object(Bucket=name, Key="k")["VersionId"]
    asked = {"Bucket": name, "Key": "to"}
    assert t.refused("copy_object", CopySource={"Bucket": name, "Key": "k"}, **asked) == ("NoSuchKey", 404)
    of_marker = {"Bucket": name, "Key": "k", "VersionId": marker}
    assert t.refused("copy_object", CopySource=of_marker, **asked) == ("InvalidRequest", 400)


refuses("CopyObject", "a source that is not there", "NoSuchKey", 404, Key="to", CopySource=lambda t: source(t, "absent"))
refuses("CopyObject", "a bucket that is not there", "NoSuchBucket", 404, Key="to", CopySource={"Bucket": NONE, "Key": "k"})
refuses("CopyObject", "a source without a key", "InvalidArgument", 400, Key="to", CopySource="just-a-bucket")
refuses(
    "CopyObject", "a directive there is none of", "InvalidArgument", 400,
    Key="to", CopySource=lambda t: source(t, "k"), MetadataDirective="KEEP",
)  # fmt: skip


@row("UploadPartCopy")
def parts_are_ranges_of_other_objects(t):
    body = bytes(range(256)) * (12 * MIB // 256)
    key, _ = t.put(body=body)
    to, upload = t.upload("assembled")
    parts = []
    for number, (first, last) in enumerate([(10, 6 * MIB), (0, 5 * MIB + 99), (7, 7)], 1):
        answer = t.s3.upload_part_copy(
            Bucket=t.bucket, Key=to, UploadId=upload, PartNumber=number,
            CopySource=source(t, key), CopySourceRange=f"bytes={first}-{last}",
        )  # fmt: skip
        parts.append((number, answer["CopyPartResult"]["ETag"]))
    t.s3.delete_object(Bucket=t.bucket, Key=key)
    t.complete(to, upload, parts)
    assert t.get(to)["Bytes"] == body[10 : 6 * MIB + 1] + body[: 5 * MIB + 100] + body[7:8]


@row("UploadPartCopy")
def a_checksum_the_upload_asks_for_is_computed(t):
    key, _ = t.put(body=b"checked part")
    to, upload = t.upload("checked", ChecksumAlgorithm="SHA1")
    answer = t.s3.upload_part_copy(Bucket=t.bucket, Key=to, UploadId=upload, PartNumber=1, CopySource=source(t, key))
    result = answer["CopyPartResult"]
    t.complete(to, upload, [{"PartNumber": 1, "ETag": result["ETag"], "ChecksumSHA1": result["ChecksumSHA1"]}])
    assert t.get(to)["Bytes"] == b"checked part"


@row("UploadPartCopy", "InvalidRange")
def a_range_beyond_the_source_is_refused(t):
    key, _ = t.put(body=b"short")
    to, upload = t.upload("beyond")
    asked = {"Key": to, "UploadId": upload, "PartNumber": 1, "CopySource": source(t, key)}
    assert t.refused("upload_part_copy", CopySourceRange="bytes=0-99", **asked)[0] == "InvalidRange"
    assert t.refused("upload_part_copy", CopySourceRange="bytes=3-", **asked) == ("InvalidArgument", 400)


@row("CopyObject", "AccessDenied")
def a_source_is_read_by_who_may_read_it(t):
    key, _ = t.put()
    headers = {"x-amz-copy-source": f"/{t.bucket}/{key}", "x-amz-source-expected-bucket-owner": "111122223333"}
    answer = signed(t.world, "PUT", f"/{t.bucket}/{t.key('stolen')}", extra=headers)
    assert (answer.code, answer.status) == ("AccessDenied", 403)
    assert not t.exists(t.key("stolen"))
