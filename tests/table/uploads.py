"""Unfinished uploads and their parts, listed."""

from table import row


@row("ListParts")
def parts_come_in_order_with_size_etag_and_date(t):
    key, upload = t.upload()
    sent = {number: t.part(key, upload, number, b"x" * number)["ETag"] for number in (3, 1, 10_000)}
    answer = t.s3.list_parts(Bucket=t.bucket, Key=key, UploadId=upload)
    found = [(part["PartNumber"], part["Size"], part["ETag"]) for part in answer["Parts"]]
    assert found == [(number, number, sent[number]) for number in sorted(sent)]
    assert (answer["Bucket"], answer["Key"], answer["UploadId"]) == (t.bucket, key, upload)
    assert not answer["IsTruncated"] and answer["StorageClass"] == "STANDARD"
    assert answer["Owner"]["ID"] == answer["Initiator"]["ID"] == t.s3.list_buckets()["Owner"]["ID"]


@row("ListParts")
def parts_come_in_pages(t):
    key, upload = t.upload()
    for number in range(1, 8):
        t.part(key, upload, number, b"x")
    found, marker = [], 0
    for _ in range(4):
        page = t.s3.list_parts(Bucket=t.bucket, Key=key, UploadId=upload, MaxParts=2, PartNumberMarker=marker)
        found += [part["PartNumber"] for part in page["Parts"]]
        assert page["MaxParts"] == 2 and page["IsTruncated"] == (len(found) < 7)
        marker = page.get("NextPartNumberMarker")
    assert found == list(range(1, 8))


@row("ListParts")
def an_upload_without_parts_lists_none(t):
    key, upload = t.upload()
    assert "Parts" not in t.s3.list_parts(Bucket=t.bucket, Key=key, UploadId=upload)


@row("ListMultipartUploads")
def uploads_come_by_key_then_by_age(t):
    bucket = t.new_bucket()
    begun = [(key, t.s3.create_multipart_upload(Bucket=bucket, Key=key)["UploadId"]) for key in ("b", "a", "b", "c/1")]
    answer = t.s3.list_multipart_uploads(Bucket=bucket)
    found = [(upload["Key"], upload["UploadId"]) for upload in answer["Uploads"]]
    assert found == [begun[1], begun[0], begun[2], begun[3]]
    assert all(upload["Initiated"] and upload["StorageClass"] == "STANDARD" for upload in answer["Uploads"])


@row("ListMultipartUploads")
def they_come_in_pages_even_within_one_key(t):
    bucket = t.new_bucket()
    begun = {t.s3.create_multipart_upload(Bucket=bucket, Key="same")["UploadId"] for _ in range(5)}
    found, go_on = [], {}
    for _ in range(3):
        page = t.s3.list_multipart_uploads(Bucket=bucket, MaxUploads=2, **go_on)
        found += [upload["UploadId"] for upload in page["Uploads"]]
        if not page["IsTruncated"]:
            break
        go_on = {"KeyMarker": page["NextKeyMarker"], "UploadIdMarker": page["NextUploadIdMarker"]}
    assert len(found) == 5 and set(found) == begun


@row("ListMultipartUploads")
def prefix_and_delimiter_work_as_for_objects(t):
    bucket = t.new_bucket()
    for key in ("a/1", "a/2", "b", "a2"):
        t.s3.create_multipart_upload(Bucket=bucket, Key=key)
    page = t.s3.list_multipart_uploads(Bucket=bucket, Delimiter="/")
    assert [entry["Prefix"] for entry in page["CommonPrefixes"]] == ["a/"]
    assert [upload["Key"] for upload in page["Uploads"]] == ["a2", "b"]
    page = t.s3.list_multipart_uploads(Bucket=bucket, Prefix="a/")
    assert [upload["Key"] for upload in page["Uploads"]] == ["a/1", "a/2"]


@row("ListMultipartUploads")
def a_finished_upload_is_not_listed(t):
    bucket = t.new_bucket()
    ids = [t.s3.create_multipart_upload(Bucket=bucket, Key=key)["UploadId"] for key in ("done", "gone")]
    etag = t.s3.upload_part(Bucket=bucket, Key="done", UploadId=ids[0], PartNumber=1, Body=b"x")["ETag"]
    listed = {"Parts": [{"PartNumber": 1, "ETag": etag}]}
    t.s3.complete_multipart_upload(Bucket=bucket, Key="done", UploadId=ids[0], MultipartUpload=listed)
    t.s3.abort_multipart_upload(Bucket=bucket, Key="gone", UploadId=ids[1])
    assert "Uploads" not in t.s3.list_multipart_uploads(Bucket=bucket)


@row("ListMultipartUploads", "InvalidArgument")
def counts_that_make_no_sense_are_refused(t):
    key, upload = t.upload()
    assert t.refused("list_multipart_uploads", MaxUploads=-1) == ("InvalidArgument", 400)
    assert t.refused("list_parts", Key=key, UploadId=upload, MaxParts=-1) == ("InvalidArgument", 400)
