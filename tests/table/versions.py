"""Versions: kept, suspended, listed, read and removed by id; and what is said of them."""

import pytest
from botocore.exceptions import ClientError

from table import refuses, row
from wire import signed

NONE = "no-such-bucket-here"
ABSENT = "0123456789abcdef0123456789abcdef"


def versioned(t, status="Enabled"):
    name = t.new_bucket()
    t.s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": status})
    return name


def put(t, bucket, key="k", body=b"v", **more):
    return t.s3.put_object(Bucket=bucket, Key=key, Body=body, **more)


def listed(t, bucket, **more):
    """`key id latest` of versions, then of markers."""
    answer = t.s3.list_object_versions(Bucket=bucket, **more)
    line = lambda entry: (entry["Key"], entry["VersionId"], entry["IsLatest"])  # noqa: E731
    return [line(entry) for entry in answer.get("Versions", [])], [line(entry) for entry in answer.get("DeleteMarkers", [])]


@row("PutBucketVersioning")
def it_is_what_it_was_last_told(t):
    name = t.new_bucket()
    assert "Status" not in t.s3.get_bucket_versioning(Bucket=name)
    for status in ("Enabled", "Suspended", "Enabled"):
        t.s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": status})
        assert t.s3.get_bucket_versioning(Bucket=name)["Status"] == status


@row("PutBucketVersioning", "IllegalVersioningConfigurationException")
def without_a_status_nothing_is_told(t):
    answer = signed(t.world, "PUT", f"/{t.bucket}", [("versioning", "")], b"<VersioningConfiguration/>")
    assert (answer.code, answer.status) == ("IllegalVersioningConfigurationException", 400)


refuses("PutBucketVersioning", "a status there is none of", "MalformedXML", 400, VersioningConfiguration={"Status": "On"})
refuses("GetBucketVersioning", "a bucket that is not there", "NoSuchBucket", 404, Bucket=NONE)
refuses("ListObjectVersions", "a bucket that is not there", "NoSuchBucket", 404, Bucket=NONE)
refuses("ListObjectVersions", "a marker of a version without its key", "InvalidArgument", 400, VersionIdMarker=ABSENT)
refuses("GetObject", "a version that is not there", "NoSuchVersion", 404, Key="k", VersionId=ABSENT)


@row("PutObject")
def each_put_is_a_version_that_can_be_read_and_removed(t):
    name = versioned(t)
    first, second = (put(t, name, body=body)["VersionId"] for body in (b"first", b"second"))
    assert first != second
    read = t.s3.get_object(Bucket=name, Key="k", VersionId=first)
    assert (read["Body"].read(), read["VersionId"]) == (b"first", first)
    assert t.s3.head_object(Bucket=name, Key="k")["VersionId"] == second
    assert listed(t, name) == ([("k", second, True), ("k", first, False)], [])
    gone = t.s3.delete_object(Bucket=name, Key="k", VersionId=second)
    assert gone["VersionId"] == second and "DeleteMarker" not in gone
    assert t.s3.get_object(Bucket=name, Key="k")["Body"].read() == b"first"


@row("DeleteObject", "MethodNotAllowed")
def a_deletion_leaves_a_marker_that_can_be_removed(t):
    name = versioned(t)
    version = put(t, name)["VersionId"]
    deleted = t.s3.delete_object(Bucket=name, Key="k")
    marker = deleted["VersionId"]
    assert deleted["DeleteMarker"] is True
    with pytest.raises(ClientError) as gone:
        t.s3.get_object(Bucket=name, Key="k")
    headers = gone.value.response["ResponseMetadata"]["HTTPHeaders"]
    assert gone.value.response["Error"]["Code"] == "NoSuchKey"
    assert (headers["x-amz-delete-marker"], headers["x-amz-version-id"]) == ("true", marker)
    assert t.refused("get_object", Bucket=name, Key="k", VersionId=marker) == ("MethodNotAllowed", 405)
    assert listed(t, name) == ([("k", version, False)], [("k", marker, True)])
    assert t.refused("delete_bucket", Bucket=name) == ("BucketNotEmpty", 409)
    removed = t.s3.delete_object(Bucket=name, Key="k", VersionId=marker)
    assert (removed["DeleteMarker"], removed["VersionId"]) == (True, marker)
    assert t.s3.get_object(Bucket=name, Key="k")["VersionId"] == version


@row("PutObject")
def suspended_the_null_version_is_replaced(t):
    name = t.new_bucket()
    put(t, name, body=b"before")
    t.s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    kept = put(t, name, body=b"kept")["VersionId"]
    assert t.s3.get_object(Bucket=name, Key="k", VersionId="null")["Body"].read() == b"before"
    t.s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Suspended"})
    for body in (b"one", b"two"):
        put(t, name, body=body)
    assert listed(t, name) == ([("k", "null", True), ("k", kept, False)], [])
    assert t.s3.get_object(Bucket=name, Key="k")["VersionId"] == "null"
    assert t.s3.delete_object(Bucket=name, Key="k") ["VersionId"] == "null"
    assert listed(t, name) == ([("k", kept, False)], [("k", "null", True)])


@row("ListObjectVersions")
def pages_join_and_prefixes_roll_up(t):
    name = versioned(t)
    for key in ("a", "a", "b/1", "b/1", "b/2", "c"):
        put(t, name, key)
    whole, _ = listed(t, name)
    pages, markers = [], {}
    while True:
        answer = t.s3.list_object_versions(Bucket=name, MaxKeys=2, **markers)
        pages += [(entry["Key"], entry["VersionId"], entry["IsLatest"]) for entry in answer.get("Versions", [])]
        if not answer["IsTruncated"]:
            break
        markers = {"KeyMarker": answer["NextKeyMarker"], "VersionIdMarker": answer["NextVersionIdMarker"]}
    assert pages == whole and len(whole) == 6
    answer = t.s3.list_object_versions(Bucket=name, Delimiter="/")
    assert [entry["Prefix"] for entry in answer["CommonPrefixes"]] == ["b/"]
    assert [entry["Key"] for entry in t.s3.list_object_versions(Bucket=name, Prefix="b/")["Versions"]] == ["b/1", "b/1", "b/2"]


@row("DeleteObjects")
def versions_and_markers_go_by_id(t):
    name = versioned(t)
    version = put(t, name)["VersionId"]
    answer = t.s3.delete_objects(Bucket=name, Delete={"Objects": [{"Key": "k"}]})["Deleted"][0]
    assert answer["DeleteMarker"] is True
    marker = answer["DeleteMarkerVersionId"]
    named = [{"Key": "k", "VersionId": version}, {"Key": "k", "VersionId": marker}]
    deleted = t.s3.delete_objects(Bucket=name, Delete={"Objects": named})["Deleted"]
    assert sorted(entry["VersionId"] for entry in deleted) == sorted([version, marker])
    assert listed(t, name) == ([], [])
    t.s3.delete_bucket(Bucket=name)


@row("CompleteMultipartUpload")
def a_completed_upload_is_a_version(t):
    name = versioned(t)
    upload = t.s3.create_multipart_upload(Bucket=name, Key="k", Tagging="a=b")["UploadId"]
    etag = t.s3.upload_part(Bucket=name, Key="k", UploadId=upload, PartNumber=1, Body=b"part")["ETag"]
    parts = {"Parts": [{"PartNumber": 1, "ETag": etag}]}
    done = t.s3.complete_multipart_upload(Bucket=name, Key="k", UploadId=upload, MultipartUpload=parts)
    head = t.s3.head_object(Bucket=name, Key="k")
    assert head["VersionId"] == done["VersionId"]
    assert head["ResponseMetadata"]["HTTPHeaders"]["x-amz-tagging-count"] == "1"


# Tags.


def tagging(**tags):
    return {"TagSet": [{"Key": key, "Value": value} for key, value in tags.items()]}


@row("PutObjectTagging")
def tags_come_with_the_put_and_change_without_a_new_version(t):
    key, _ = t.put(Tagging="colour=green&size=a%20lot")
    assert t.s3.get_object_tagging(Bucket=t.bucket, Key=key)["TagSet"] == tagging(colour="green", size="a lot")["TagSet"]
    assert t.get(key)["TagCount"] == 2
    t.s3.put_object_tagging(Bucket=t.bucket, Key=key, Tagging=tagging(colour="red"))
    assert t.s3.get_object_tagging(Bucket=t.bucket, Key=key)["TagSet"] == tagging(colour="red")["TagSet"]


@row("DeleteObjectTagging")
def tags_are_those_of_a_version(t):
    name = versioned(t)
    first = put(t, name, Tagging="n=1")["VersionId"]
    put(t, name, Tagging="n=2")
    assert t.s3.delete_object_tagging(Bucket=name, Key="k", VersionId=first)["VersionId"] == first
    assert t.s3.get_object_tagging(Bucket=name, Key="k", VersionId=first)["TagSet"] == []
    assert t.s3.get_object_tagging(Bucket=name, Key="k")["TagSet"] == tagging(n="2")["TagSet"]


MANY = {f"k{n}": "v" for n in range(11)}
refuses("PutObjectTagging", "eleven tags", "InvalidTag", 400, Key="k", Tagging=tagging(**MANY))
refuses("PutObjectTagging", "a key of 129 letters", "InvalidTag", 400, Key="k", Tagging=tagging(**{"k" * 129: "v"}))
refuses("PutObjectTagging", "a value of 257 letters", "InvalidTag", 400, Key="k", Tagging=tagging(k="v" * 257))
refuses("PutObject", "the same tag twice", "InvalidTag", 400, Key="k", Body=b"v", Tagging="a=1&a=2")
refuses("GetObjectTagging", "an object that is not there", "NoSuchKey", 404, Key="absent")
refuses("GetObjectTagging", "a version that is not there", "NoSuchVersion", 404, Key="k", VersionId=ABSENT)


@row("PutBucketTagging", "NoSuchTagSet")
def buckets_have_tags_of_their_own(t):
    name = t.new_bucket()
    assert t.refused("get_bucket_tagging", Bucket=name) == ("NoSuchTagSet", 404)
    t.s3.put_bucket_tagging(Bucket=name, Tagging=tagging(team="tea"))
    assert t.s3.get_bucket_tagging(Bucket=name)["TagSet"] == tagging(team="tea")["TagSet"]
    t.s3.delete_bucket_tagging(Bucket=name)
    assert t.refused("get_bucket_tagging", Bucket=name) == ("NoSuchTagSet", 404)


refuses("GetBucketTagging", "a bucket that is not there", "NoSuchBucket", 404, Bucket=NONE)
refuses("DeleteBucketTagging", "a bucket that is not there", "NoSuchBucket", 404, Bucket=NONE)


# Attributes.


@row("GetObjectAttributes")
def what_is_asked_for_is_told(t):
    key, answer = t.put(body=b"twelve bytes", ChecksumAlgorithm="SHA256")
    asked = ["ETag", "Checksum", "ObjectSize", "StorageClass", "ObjectParts"]
    found = t.s3.get_object_attributes(Bucket=t.bucket, Key=key, ObjectAttributes=asked)
    assert (found["ObjectSize"], found["StorageClass"]) == (12, "STANDARD")
    assert found["ETag"] == answer["ETag"].strip('"')
    assert found["Checksum"]["ChecksumSHA256"] == answer["ChecksumSHA256"]
    assert "ObjectParts" not in found
    assert "ETag" not in t.s3.get_object_attributes(Bucket=t.bucket, Key=key, ObjectAttributes=["ObjectSize"])


@row("GetObjectAttributes")
def parts_are_counted_and_listed_where_each_has_a_checksum(t):
    key, upload = t.upload(ChecksumAlgorithm="CRC32")
    parts = []
    for number, body in ((1, b"x" * (5 << 20)), (2, b"y")):
        part = t.part(key, upload, number, body, ChecksumAlgorithm="CRC32")
        parts.append({"PartNumber": number, "ETag": part["ETag"], "ChecksumCRC32": part["ChecksumCRC32"]})
    t.complete(key, upload, parts)
    found = t.s3.get_object_attributes(Bucket=t.bucket, Key=key, ObjectAttributes=["ObjectParts"])["ObjectParts"]
    assert found["TotalPartsCount"] == 2
    assert [(part["PartNumber"], part["Size"]) for part in found["Parts"]] == [(1, 5 << 20), (2, 1)]
    head = t.head(key, PartNumber=2)
    assert (head["PartsCount"], head["ContentLength"]) == (2, 1)


refuses("GetObjectAttributes", "an object that is not there", "NoSuchKey", 404, Key="absent", ObjectAttributes=["ETag"])
refuses("GetObjectAttributes", "an attribute there is none of", "InvalidArgument", 400, Key="k", ObjectAttributes=["Colour"])
