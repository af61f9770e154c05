"""Lifecycle configurations, and what answers say of an object's end. That rules are kept is shown by
`test_lifecycle.py`, with days of a second."""

from table import refuses, row


def rules(*given):
    return {"Rules": [{"ID": f"rule {n}", "Status": "Enabled", **rule} for n, rule in enumerate(given)]}


def put(t, name, *given):
    t.s3.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration=rules(*given))


@row("PutBucketLifecycleConfiguration", "NoSuchLifecycleConfiguration")
def what_is_kept_is_given_back_and_taken_away(t):
    name = t.new_bucket()
    assert t.refused("get_bucket_lifecycle_configuration", Bucket=name) == ("NoSuchLifecycleConfiguration", 404)
    given = [
        {"Prefix": "old/", "Expiration": {"Days": 1}},
        {"Filter": {"Tag": {"Key": "a", "Value": "b"}}, "Expiration": {"Days": 30}},
        {
            "Filter": {"And": {"Prefix": "p/", "ObjectSizeGreaterThan": 10, "ObjectSizeLessThan": 20}},
            "NoncurrentVersionExpiration": {"NoncurrentDays": 3, "NewerNoncurrentVersions": 2},
        },
        {"Filter": {"Prefix": ""}, "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7}},
        {"Filter": {"Prefix": "m/"}, "Expiration": {"ExpiredObjectDeleteMarker": True}},
    ]
    put(t, name, *given)
    assert t.s3.get_bucket_lifecycle_configuration(Bucket=name)["Rules"] == rules(*given)["Rules"]
    t.s3.delete_bucket_lifecycle(Bucket=name)
    assert t.refused("get_bucket_lifecycle_configuration", Bucket=name) == ("NoSuchLifecycleConfiguration", 404)


@row("PutObject")
def an_answer_says_when_the_object_goes(t):
    name = t.new_bucket()
    put(t, name, {"Prefix": "old/", "Expiration": {"Days": 2}})
    answer = t.s3.put_object(Bucket=name, Key="old/k", Body=b"v")
    assert 'rule-id="rule%200"' in answer["Expiration"] and "00:00:00 GMT" in answer["Expiration"]
    assert t.s3.head_object(Bucket=name, Key="old/k")["Expiration"] == answer["Expiration"]
    assert "Expiration" not in t.s3.put_object(Bucket=name, Key="new/k", Body=b"v")


DAY = {"Expiration": {"Days": 1}}
for says, code, given in [
    ("no days", "InvalidArgument", [{"Prefix": "", "Expiration": {"Days": 0}}]),
    ("no filter", "MalformedXML", [DAY]),
    ("no action", "InvalidRequest", [{"Prefix": ""}]),
    ("a long id", "InvalidArgument", [{"Prefix": "", "ID": "x" * 256, **DAY}]),
    ("one id twice", "InvalidArgument", [{"Prefix": "", "ID": "x", **DAY}] * 2),
    ("a transition that is not at midnight", "InvalidArgument", [
        {"Prefix": "", "Transitions": [{"Date": "2030-01-01T00:00:01Z", "StorageClass": "GLACIER"}]},
    ]),
    ("a transition with neither day nor date", "MalformedXML", [
        {"Prefix": "", "Transitions": [{"StorageClass": "GLACIER"}]},
    ]),
    ("a status there is none of", "MalformedXML", [{"Prefix": "", "Status": "enabled", **DAY}]),
]:
    refuses("PutBucketLifecycleConfiguration", says, code, 400, LifecycleConfiguration=rules(*given))
refuses("PutBucketLifecycleConfiguration", "a transition", "NotImplemented", 501, LifecycleConfiguration=rules(
    {"Prefix": "", "Transitions": [{"Days": 30, "StorageClass": "GLACIER"}]},
))
refuses("DeleteBucketLifecycle", "a bucket that is not there", "NoSuchBucket", 404, Bucket="no-such-bucket-here")
