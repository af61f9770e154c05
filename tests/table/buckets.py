"""Buckets: made, found, listed, deleted."""

from client import connect, refused
from table import refuses, row

NONE = "no-such-bucket-here"


@row("CreateBucket")
def a_bucket_is_there_at_once(t):
    name = t.new_bucket()
    assert t.s3.head_bucket(Bucket=name)["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert name in [bucket["Name"] for bucket in t.s3.list_buckets()["Buckets"]]


@row("CreateBucket")
def the_answer_names_its_location(t):
    answer = t.s3.create_bucket(Bucket="location-in-answer")
    assert answer["Location"] == "/location-in-answer"


@row("CreateBucket")
def making_it_again_is_fine_in_us_east_1(t):
    name = t.new_bucket()
    t.s3.put_object(Bucket=name, Key="kept", Body=b"kept")
    assert t.s3.create_bucket(Bucket=name)["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert t.s3.get_object(Bucket=name, Key="kept")["Body"].read() == b"kept"


@row("CreateBucket", "InvalidLocationConstraint")
def another_region_is_refused(t):
    location = {"LocationConstraint": "eu-central-1"}
    answer = t.refused("create_bucket", Bucket="elsewhere-bucket", CreateBucketConfiguration=location)
    assert answer == ("InvalidLocationConstraint", 400)


@row("CreateBucket", "InvalidBucketName")
def names_that_s3_forbids_are_refused(t):
    open_minded = connect(t.world)
    open_minded.meta.events.unregister("before-parameter-build.s3", None)
    for name in ["ab", "Upper-Case", "under_score", "a" * 64, "dot..dot", "-begins", "ends-", "192.168.5.4"]:
        answer = refused(lambda name=name: open_minded.create_bucket(Bucket=name))
        assert answer == ("InvalidBucketName", 400), name


@row("CreateBucket")
def the_shortest_the_longest_and_a_dotted_name_are_fine(t):
    for name in ["abc", "a" * 63, "with.dots-and-1"]:
        t.s3.create_bucket(Bucket=name)
        t.s3.put_object(Bucket=name, Key="k", Body=b"v")
        assert t.s3.get_object(Bucket=name, Key="k")["Body"].read() == b"v"


@row("CreateBucket")
def private_and_owner_enforced_are_what_is_done_anyway(t):
    t.s3.create_bucket(Bucket="said-private", ACL="private", ObjectOwnership="BucketOwnerEnforced")


refuses("HeadBucket", "a bucket that is not there", "404", 404, Bucket=NONE)


@row("HeadBucket")
def the_answer_names_the_region(t):
    headers = t.s3.head_bucket(Bucket=t.bucket)["ResponseMetadata"]["HTTPHeaders"]
    assert headers["x-amz-bucket-region"] == t.world.region


@row("HeadBucket")
def the_right_expected_owner_passes_and_a_wrong_one_does_not(t):
    assert t.refused("head_bucket", ExpectedBucketOwner="111122223333")[1] in (403, 501)


@row("GetBucketLocation")
def it_is_null_in_us_east_1_and_the_region_elsewhere(t):
    wanted = None if t.world.region == "us-east-1" else t.world.region
    assert t.s3.get_bucket_location(Bucket=t.bucket)["LocationConstraint"] == wanted


refuses("GetBucketLocation", "a bucket that is not there", "NoSuchBucket", 404, Bucket=NONE)


@row("ListBuckets")
def they_come_in_order_with_owner_and_date(t):
    for name in ["order-b", "order-a", "order-c"]:
        t.s3.create_bucket(Bucket=name)
    answer = t.s3.list_buckets()
    names = [bucket["Name"] for bucket in answer["Buckets"]]
    assert names == sorted(names) and {"order-a", "order-b", "order-c"} <= set(names)
    assert all(bucket["CreationDate"].year >= 2024 for bucket in answer["Buckets"])
    assert answer["Owner"]["ID"]


@row("ListBuckets")
def a_prefix_and_pages_are_honoured(t):
    wanted = [f"paged-{letter}" for letter in "abcde"]
    for name in wanted:
        t.s3.create_bucket(Bucket=name)
    found, token = [], {}
    for _ in wanted:
        page = t.s3.list_buckets(Prefix="paged-", MaxBuckets=2, **token)
        assert len(page["Buckets"]) <= 2
        found += [bucket["Name"] for bucket in page["Buckets"]]
        if "ContinuationToken" not in page:
            break
        token = {"ContinuationToken": page["ContinuationToken"]}
    assert found == wanted


@row("DeleteBucket")
def a_deleted_bucket_is_gone(t):
    name = t.new_bucket()
    assert t.s3.delete_bucket(Bucket=name)["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert t.refused("head_bucket", Bucket=name) == ("404", 404)
    assert name not in [bucket["Name"] for bucket in t.s3.list_buckets()["Buckets"]]


@row("DeleteBucket")
def a_bucket_made_again_is_empty(t):
    name = t.new_bucket()
    t.s3.put_object(Bucket=name, Key="old", Body=b"old")
    t.s3.delete_object(Bucket=name, Key="old")
    t.s3.delete_bucket(Bucket=name)
    t.s3.create_bucket(Bucket=name)
    assert t.s3.list_objects_v2(Bucket=name)["KeyCount"] == 0


@row("DeleteBucket", "BucketNotEmpty")
def a_bucket_with_an_object_stays(t):
    name = t.new_bucket()
    t.s3.put_object(Bucket=name, Key="k", Body=b"v")
    assert t.refused("delete_bucket", Bucket=name) == ("BucketNotEmpty", 409)
    assert t.s3.get_object(Bucket=name, Key="k")["Body"].read() == b"v"


refuses("DeleteBucket", "a bucket that is not there", "NoSuchBucket", 404, Bucket=NONE)
