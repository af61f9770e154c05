"""Objects deleted, one and many."""

from client import connect
from table import refuses, row

NONE = "no-such-bucket-here"


@row("DeleteObject")
def a_deleted_object_is_gone(t):
    key, _ = t.put()
    assert t.s3.delete_object(Bucket=t.bucket, Key=key)["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert t.refused("get_object", Key=key) == ("NoSuchKey", 404)
    assert not t.exists(key)


@row("DeleteObject")
def deleting_what_is_not_there_succeeds(t):
    assert t.s3.delete_object(Bucket=t.bucket, Key=t.key())["ResponseMetadata"]["HTTPStatusCode"] == 204


@row("DeleteObject", "PreconditionFailed")
def a_condition_that_does_not_hold_keeps_the_object_or_is_refused(t):
    key, _ = t.put()
    code, status = t.refused("delete_object", Key=key, IfMatch='"0123456789abcdef0123456789abcdef"')
    assert (code, status) in [("PreconditionFailed", 412), ("NotImplemented", 501)]
    assert t.exists(key)


refuses("DeleteObject", "a bucket that is not there", "NoSuchBucket", 404, Bucket=NONE, Key="k")
refuses("DeleteObject", "an id that is none", "InvalidArgument", 400, Key="k", VersionId="abc")


def objects(keys, **more):
    return {"Objects": [{"Key": key} for key in keys], **more}


@row("DeleteObjects")
def many_go_at_once_and_absent_ones_count_as_gone(t):
    keys = [t.put(str(n))[0] for n in range(5)]
    asked = [*keys[:4], t.key("never-there")]
    answer = t.s3.delete_objects(Bucket=t.bucket, Delete=objects(asked))
    assert sorted(found["Key"] for found in answer["Deleted"]) == sorted(asked) and "Errors" not in answer
    assert [t.exists(key) for key in keys] == [False] * 4 + [True]


@row("DeleteObjects")
def quiet_answers_only_errors(t):
    key, _ = t.put()
    answer = t.s3.delete_objects(Bucket=t.bucket, Delete=objects([key], Quiet=True))
    assert "Deleted" not in answer and "Errors" not in answer and not t.exists(key)


@row("DeleteObjects")
def a_thousand_fit_in_one_request(t):
    keys = [t.key(f"{n:04d}") for n in range(1000)]
    kept = t.put("0500")[0]
    answer = t.s3.delete_objects(Bucket=t.bucket, Delete=objects(keys))
    assert len(answer["Deleted"]) == 1000 and not t.exists(kept)


@row("DeleteObjects", "MalformedXML")
def a_thousand_and_one_are_refused_whole(t):
    key, _ = t.put("0000")
    asked = objects([t.key(f"{n:04d}") for n in range(1001)])
    assert t.refused("delete_objects", Delete=asked) == ("MalformedXML", 400)
    assert t.exists(key)


@row("DeleteObjects", "MalformedXML")
def none_is_no_list(t):
    assert t.refused("delete_objects", Delete={"Objects": []}) == ("MalformedXML", 400)


@row("DeleteObjects")
def an_id_that_is_none_deletes_nothing(t):
    key, _ = t.put()
    try:
        answer = t.s3.delete_objects(Bucket=t.bucket, Delete={"Objects": [{"Key": key, "VersionId": "abc"}]})
        assert answer["Errors"][0]["Code"] in ("NotImplemented", "NoSuchVersion", "InvalidArgument")
    except t.s3.exceptions.ClientError as error:
        assert error.response["Error"]["Code"] in ("NotImplemented", "InvalidArgument")
    assert t.exists(key)


@row("DeleteObjects")
def keys_that_xml_must_escape_are_deleted(t):
    keys = [t.put(name)[0] for name in ("a&b", "a<b>c", "quote\"'", "tab\tkey", "line\rkey")]
    answer = t.s3.delete_objects(Bucket=t.bucket, Delete=objects(keys))
    assert "Errors" not in answer and not any(t.exists(key) for key in keys)


@row("DeleteObjects")
def a_digest_of_another_kind_is_as_good(t):
    for algorithm in ("CRC32C", "SHA256", "SHA1", "CRC32"):
        key, _ = t.put(algorithm)
        t.s3.delete_objects(Bucket=t.bucket, Delete=objects([key]), ChecksumAlgorithm=algorithm)
        assert not t.exists(key), algorithm


refuses("DeleteObjects", "a bucket that is not there", "NoSuchBucket", 404, Bucket=NONE, Delete=objects(["k"]))


@row("DeleteObjects")
def a_client_that_sends_no_checksum_sends_md5(t):
    key, _ = t.put()
    old = connect(t.world, request_checksum_calculation="when_required")
    old.delete_objects(Bucket=t.bucket, Delete=objects([key]))
    assert not t.exists(key)
