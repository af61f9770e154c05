"""Multipart uploads: begun, filled, completed, aborted."""

from urllib.parse import unquote

from content import MIB, content, multipart_etag
from table import row

NONE = "no-such-bucket-here"


def bodies(*sizes):
    return [content(("part", n, size), size) for n, size in enumerate(sizes)]


def filled(t, *sizes, name="object", numbers=None, **more):
    """An upload with parts: key, upload id, bodies, (number, ETag) pairs."""
    key, upload = t.upload(name, **more)
    made = bodies(*sizes)
    numbers = numbers or range(1, len(made) + 1)
    parts = [(number, t.part(key, upload, number, body)["ETag"]) for number, body in zip(numbers, made, strict=True)]
    return key, upload, made, parts


@row("CompleteMultipartUpload")
def the_parts_become_one_object(t):
    for sizes in ((1,), (5 * MIB, 1), (5 * MIB, 6 * MIB + 7, 1_000_000), (70 * MIB, 5)):
        key, upload, made, parts = filled(t, *sizes, name=str(sizes), Metadata={"a": "b"}, ContentType="x/y")
        assert not t.exists(key)
        answer = t.complete(key, upload, parts)
        assert answer["ETag"] == multipart_etag(made) and answer["Bucket"] == t.bucket and answer["Key"] == key
        assert key.rsplit("/", 1)[0] in unquote(answer["Location"])
        got = t.get(key)
        assert got["Bytes"] == b"".join(made) and got["ETag"] == multipart_etag(made)
        assert got["Metadata"] == {"a": "b"} and got["ContentType"] == "x/y"


@row("CompleteMultipartUpload")
def ranges_across_parts_are_right(t):
    key, upload, made, parts = filled(t, 5 * MIB, 5 * MIB + 1, 17)
    t.complete(key, upload, parts)
    whole = b"".join(made)
    for first, last in ((5 * MIB - 1, 5 * MIB), (0, 10 * MIB), (10 * MIB, len(whole) - 1), (65_519, 5 * MIB + 65_521)):
        assert t.get(key, Range=f"bytes={first}-{last}")["Bytes"] == whole[first : last + 1]


@row("GetObject", "InvalidPartNumber")
def one_part_of_a_finished_upload_can_be_read(t):
    key, upload, made, parts = filled(t, 5 * MIB, 5 * MIB + 9, 11)
    t.complete(key, upload, parts)
    for number, body in enumerate(made, 1):
        got = t.get(key, PartNumber=number)
        assert got["Bytes"] == body and got["PartsCount"] == 3, number
        assert t.head(key, PartNumber=number)["ContentLength"] == len(body), number
    assert t.refused("get_object", Key=key, PartNumber=4) == ("InvalidPartNumber", 416)


@row("CompleteMultipartUpload")
def numbers_may_have_gaps_and_parts_may_be_left_out(t):
    key, upload, made, parts = filled(t, 5 * MIB, 5 * MIB, 5 * MIB, 9, numbers=[2, 7, 500, 10_000])
    t.complete(key, upload, [parts[0], parts[2], parts[3]])
    assert t.get(key)["Bytes"] == made[0] + made[2] + made[3]


@row("UploadPart")
def a_part_sent_again_takes_the_first_ones_place(t):
    key, upload, _, old = filled(t, 100)
    again = t.part(key, upload, 1, b"again")["ETag"]
    asked = {"Key": key, "UploadId": upload, "MultipartUpload": {"Parts": [{"PartNumber": 1, "ETag": old[0][1]}]}}
    assert t.refused("complete_multipart_upload", **asked) == ("InvalidPart", 400)
    t.complete(key, upload, [(1, again)])
    assert t.get(key)["Bytes"] == b"again"


@row("UploadPart")
def an_empty_part_is_an_empty_object(t):
    key, upload, _, parts = filled(t, 0)
    t.complete(key, upload, parts)
    assert t.get(key)["Bytes"] == b""


@row("UploadPart")
def parts_may_come_in_any_order(t):
    key, upload = t.upload()
    made = bodies(5 * MIB, 5 * MIB, 3)
    etags = {number: t.part(key, upload, number, made[number - 1])["ETag"] for number in (3, 1, 2)}
    t.complete(key, upload, sorted(etags.items()))
    assert t.get(key)["Bytes"] == b"".join(made)


@row("UploadPart", "InvalidArgument")
def a_part_number_out_of_1_to_10000_is_refused(t):
    key, upload = t.upload()
    for number in (0, 10_001, -1):
        asked = {"Key": key, "UploadId": upload, "PartNumber": number, "Body": b"x"}
        assert t.refused("upload_part", **asked) == ("InvalidArgument", 400), number


@row("UploadPart", "NoSuchUpload")
def an_upload_that_is_not_there(t):
    key, upload, _, parts = filled(t, 10)
    listed = {"Parts": [{"PartNumber": number, "ETag": etag} for number, etag in parts]}
    for wrong in ("nonsense", upload[:-1] + ("0" if upload[-1] != "0" else "1")):
        named = {"Key": key, "UploadId": wrong}
        assert t.refused("upload_part", PartNumber=1, Body=b"x", **named) == ("NoSuchUpload", 404)
        assert t.refused("list_parts", **named) == ("NoSuchUpload", 404)
        assert t.refused("complete_multipart_upload", MultipartUpload=listed, **named) == ("NoSuchUpload", 404)
        assert t.refused("abort_multipart_upload", **named) == ("NoSuchUpload", 404)
    t.complete(key, upload, parts)


@row("UploadPart", "NoSuchUpload")
def an_upload_of_another_key_or_bucket_is_not_there(t):
    key, upload, _, _ = filled(t, 10)
    for named in ({"Key": key + "x"}, {"Key": key, "Bucket": t.new_bucket()}):
        assert t.refused("upload_part", PartNumber=1, Body=b"x", UploadId=upload, **named) == ("NoSuchUpload", 404)
        assert t.refused("list_parts", UploadId=upload, **named) == ("NoSuchUpload", 404)
        assert t.refused("abort_multipart_upload", UploadId=upload, **named) == ("NoSuchUpload", 404)
    assert len(t.s3.list_parts(Bucket=t.bucket, Key=key, UploadId=upload)["Parts"]) == 1


@row("CompleteMultipartUpload", "InvalidPart")
def a_part_that_was_not_uploaded(t):
    key, upload, _, parts = filled(t, 10)
    for listed in ([(1, '"0123456789abcdef0123456789abcdef"')], [(2, parts[0][1])]):
        asked = {"Parts": [{"PartNumber": number, "ETag": etag} for number, etag in listed]}
        named = {"Key": key, "UploadId": upload}
        assert t.refused("complete_multipart_upload", MultipartUpload=asked, **named) == ("InvalidPart", 400)
    assert not t.exists(key)


@row("CompleteMultipartUpload", "InvalidPartOrder")
def parts_named_out_of_order_or_twice(t):
    key, upload, _, parts = filled(t, 5 * MIB, 5 * MIB)
    for listed in ([parts[1], parts[0]], [parts[0], parts[0]]):
        asked = {"Parts": [{"PartNumber": number, "ETag": etag} for number, etag in listed]}
        named = {"Key": key, "UploadId": upload}
        assert t.refused("complete_multipart_upload", MultipartUpload=asked, **named) == ("InvalidPartOrder", 400)


@row("CompleteMultipartUpload", "EntityTooSmall")
def a_small_part_before_the_last_is_refused(t):
    key, upload, _, parts = filled(t, 5 * MIB - 1, 10)
    asked = {"Parts": [{"PartNumber": number, "ETag": etag} for number, etag in parts]}
    answer = t.refused("complete_multipart_upload", Key=key, UploadId=upload, MultipartUpload=asked)
    assert answer == ("EntityTooSmall", 400) and not t.exists(key)


@row("CompleteMultipartUpload", "MalformedXML")
def no_parts_at_all_is_refused(t):
    key, upload = t.upload()
    answer = t.refused("complete_multipart_upload", Key=key, UploadId=upload, MultipartUpload={"Parts": []})
    assert answer in [("MalformedXML", 400), ("InvalidRequest", 400)]


@row("CompleteMultipartUpload")
def completing_a_second_time_says_so_or_answers_the_same(t):
    key, upload, made, parts = filled(t, 10)
    t.complete(key, upload, parts)
    try:
        assert t.complete(key, upload, parts)["ETag"] == multipart_etag(made)
    except t.s3.exceptions.ClientError as error:
        assert error.response["Error"]["Code"] == "NoSuchUpload"
    assert t.get(key)["Bytes"] == made[0]


@row("CompleteMultipartUpload", "InvalidRequest")
def a_declared_size_must_be_right(t):
    key, upload, made, parts = filled(t, 5 * MIB, 3)
    asked = {"Parts": [{"PartNumber": number, "ETag": etag} for number, etag in parts]}
    named = {"Key": key, "UploadId": upload, "MultipartUpload": asked}
    assert t.refused("complete_multipart_upload", MpuObjectSize=7, **named) == ("InvalidRequest", 400)
    t.complete(key, upload, parts, MpuObjectSize=5 * MIB + 3)
    assert t.head(key)["ContentLength"] == 5 * MIB + 3


@row("CompleteMultipartUpload")
def parts_of_many_uploads_may_come_at_once(t):
    from concurrent.futures import ThreadPoolExecutor

    uploads = [t.upload(str(n)) for n in range(4)]
    made = {(n, number): content((n, number), 5 * MIB if number < 4 else 77) for n in range(4) for number in range(1, 5)}

    def send(at):
        n, number = at
        return at, t.part(*uploads[n], number, made[at])["ETag"]

    with ThreadPoolExecutor(8) as pool:
        etags = dict(pool.map(send, made))
    for n, (key, upload) in enumerate(uploads):
        t.complete(key, upload, [(number, etags[n, number]) for number in range(1, 5)])
        assert t.get(key)["Bytes"] == b"".join(made[n, number] for number in range(1, 5))


@row("AbortMultipartUpload")
def an_aborted_upload_is_gone_with_its_parts(t):
    key, upload, _, _ = filled(t, 10)
    answer = t.s3.abort_multipart_upload(Bucket=t.bucket, Key=key, UploadId=upload)
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert t.refused("list_parts", Key=key, UploadId=upload) == ("NoSuchUpload", 404)
    assert not t.exists(key)


@row("AbortMultipartUpload")
def aborting_leaves_the_old_object(t):
    key, _ = t.put(body=b"old")
    _, upload, _, _ = filled(t, 10)
    t.s3.abort_multipart_upload(Bucket=t.bucket, Key=key, UploadId=upload)
    assert t.get(key)["Bytes"] == b"old"


@row("CreateMultipartUpload", "NoSuchBucket")
def a_bucket_that_is_not_there(t):
    assert t.refused("create_multipart_upload", Bucket=NONE, Key="k") == ("NoSuchBucket", 404)
    assert t.refused("list_multipart_uploads", Bucket=NONE) == ("NoSuchBucket", 404)
    named = {"Bucket": NONE, "Key": "k", "UploadId": t.upload()[1]}
    assert t.refused("upload_part", PartNumber=1, Body=b"x", **named) == ("NoSuchBucket", 404)
    assert t.refused("list_parts", **named) == ("NoSuchBucket", 404)
    assert t.refused("abort_multipart_upload", **named) == ("NoSuchBucket", 404)


@row("CreateMultipartUpload", "MetadataTooLarge")
def metadata_of_an_upload_has_the_same_limit(t):
    asked = {"Key": t.key(), "Metadata": {"m": "x" * 2048}}
    assert t.refused("create_multipart_upload", **asked) == ("MetadataTooLarge", 400)


@row("CreateMultipartUpload", "NotImplemented")
def what_is_not_served_is_refused_at_the_start(t):
    for more in ({"StorageClass": "GLACIER"}, {"ServerSideEncryption": "aws:kms"}):
        code, status = t.refused("create_multipart_upload", Key=t.key(), **more)
        assert status in (400, 403, 501), (more, code)
    assert "Uploads" not in t.s3.list_multipart_uploads(Bucket=t.bucket, Prefix=t.prefix)


@row("DeleteBucket")
def a_bucket_with_only_an_unfinished_upload_can_go(t):
    bucket = t.new_bucket()
    upload = t.s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    t.s3.upload_part(Bucket=bucket, Key="k", UploadId=upload, PartNumber=1, Body=b"x")
    try:
        t.s3.delete_bucket(Bucket=bucket)
    except t.s3.exceptions.ClientError as error:  # S3 deletes it; other stores ask for the abort first.
        assert error.response["Error"]["Code"] == "BucketNotEmpty"
        t.s3.abort_multipart_upload(Bucket=bucket, Key="k", UploadId=upload)
        t.s3.delete_bucket(Bucket=bucket)
    assert t.refused("head_bucket", Bucket=bucket) == ("404", 404)
