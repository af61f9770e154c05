"""Object Lock: buckets made for it, retention, legal holds, and who may go past them."""

import datetime

from table import refuses, row

ABSENT = "no-such-bucket-here"


def later(seconds=3600):
    moment = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=seconds)
    return moment.replace(microsecond=0)


def locked(t):
    name = t.prefix.strip("/") + "-locked"
    t.s3.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)
    return name


@row("CreateBucket")
def a_bucket_made_for_locks_keeps_versions(t):
    name = locked(t)
    assert t.s3.get_bucket_versioning(Bucket=name)["Status"] == "Enabled"
    found = t.s3.get_object_lock_configuration(Bucket=name)["ObjectLockConfiguration"]
    assert found == {"ObjectLockEnabled": "Enabled"}
    suspended = {"Status": "Suspended"}
    assert t.refused("put_bucket_versioning", Bucket=name, VersioningConfiguration=suspended) == ("InvalidBucketState", 409)


@row("PutObjectLockConfiguration", "InvalidBucketState")
def locks_need_versions(t):
    name = t.new_bucket()
    asked = {"Bucket": name, "ObjectLockConfiguration": {"ObjectLockEnabled": "Enabled"}}
    assert t.refused("put_object_lock_configuration", **asked) == ("InvalidBucketState", 409)
    t.s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    t.s3.put_object_lock_configuration(**asked)


def default(**period):
    return {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", **period}}}


@row("PutObjectLockConfiguration")
def a_default_locks_what_is_put(t):
    name = locked(t)
    t.s3.put_object_lock_configuration(Bucket=name, ObjectLockConfiguration=default(Days=1))
    assert t.s3.get_object_lock_configuration(Bucket=name)["ObjectLockConfiguration"] == default(Days=1)
    version = t.s3.put_object(Bucket=name, Key="k", Body=b"v")["VersionId"]
    found = t.s3.get_object_retention(Bucket=name, Key="k")["Retention"]
    assert found["Mode"] == "GOVERNANCE" and found["RetainUntilDate"] > later(23 * 3600)
    assert t.refused("delete_object", Bucket=name, Key="k", VersionId=version) == ("AccessDenied", 403)
    t.s3.delete_object(Bucket=name, Key="k", VersionId=version, BypassGovernanceRetention=True)


refuses("PutObjectLockConfiguration", "no days", "InvalidRetentionPeriod", 400, ObjectLockConfiguration=default(Days=0))
refuses("PutObjectLockConfiguration", "days and years", "MalformedXML", 400, ObjectLockConfiguration=default(Days=1, Years=1))
refuses("GetObjectLockConfiguration", "a bucket without", "ObjectLockConfigurationNotFoundError", 404)


@row("PutObjectRetention", "AccessDenied")
def compliance_is_not_shortened_by_anyone(t):
    name = locked(t)
    until = later()
    version = t.s3.put_object(
        Bucket=name, Key="k", Body=b"v", ObjectLockMode="COMPLIANCE", ObjectLockRetainUntilDate=until
    )["VersionId"]
    head = t.s3.head_object(Bucket=name, Key="k")
    assert (head["ObjectLockMode"], head["ObjectLockRetainUntilDate"]) == ("COMPLIANCE", until)
    shorter = {"Mode": "COMPLIANCE", "RetainUntilDate": later(60)}
    asked = {"Bucket": name, "Key": "k", "BypassGovernanceRetention": True}
    assert t.refused("put_object_retention", Retention=shorter, **asked) == ("AccessDenied", 403)
    t.s3.put_object_retention(Bucket=name, Key="k", Retention={"Mode": "COMPLIANCE", "RetainUntilDate": later(7200)})
    asked["VersionId"] = version
    assert t.refused("delete_object", **asked) == ("AccessDenied", 403)
    errors = t.s3.delete_objects(Bucket=name, Delete={"Objects": [{"Key": "k", "VersionId": version}]})["Errors"]
    assert errors[0]["Code"] == "AccessDenied"
    assert t.s3.delete_object(Bucket=name, Key="k")["DeleteMarker"] is True, "a marker may come in front"


@row("PutObjectRetention")
def governance_is_shortened_by_who_says_so(t):
    name = locked(t)
    t.s3.put_object(Bucket=name, Key="k", Body=b"v", ObjectLockMode="GOVERNANCE", ObjectLockRetainUntilDate=later())
    shorter = {"Bucket": name, "Key": "k", "Retention": {"Mode": "GOVERNANCE", "RetainUntilDate": later(60)}}
    assert t.refused("put_object_retention", **shorter) == ("AccessDenied", 403)
    t.s3.put_object_retention(BypassGovernanceRetention=True, **shorter)


@row("PutObjectLegalHold", "NoSuchObjectLockConfiguration")
def a_hold_keeps_until_it_is_taken_off(t):
    name = locked(t)
    version = t.s3.put_object(Bucket=name, Key="k", Body=b"v", ObjectLockLegalHoldStatus="ON")["VersionId"]
    assert t.s3.get_object_legal_hold(Bucket=name, Key="k")["LegalHold"]["Status"] == "ON"
    assert t.s3.head_object(Bucket=name, Key="k")["ObjectLockLegalHoldStatus"] == "ON"
    asked = {"Bucket": name, "Key": "k", "VersionId": version}
    assert t.refused("delete_object", BypassGovernanceRetention=True, **asked) == ("AccessDenied", 403)
    assert t.refused("get_object_retention", Bucket=name, Key="k") == ("NoSuchObjectLockConfiguration", 404)
    t.s3.put_object_legal_hold(Bucket=name, Key="k", LegalHold={"Status": "OFF"})
    t.s3.delete_object(**asked)


@row("CopyObject")
def a_copy_is_locked_by_its_own_headers(t):
    name = locked(t)
    t.s3.put_object(Bucket=name, Key="k", Body=b"v")
    t.s3.copy_object(Bucket=name, Key="copy", CopySource={"Bucket": name, "Key": "k"}, ObjectLockLegalHoldStatus="ON")
    assert t.s3.get_object_legal_hold(Bucket=name, Key="copy")["LegalHold"]["Status"] == "ON"


HELD = {"Key": "k", "LegalHold": {"Status": "ON"}}
KEPT = {"Key": "k", "Retention": {"Mode": "GOVERNANCE", "RetainUntilDate": later(10**9)}}
refuses("GetObjectRetention", "a bucket without locks", "InvalidRequest", 400, Key="k")
refuses("GetObjectLegalHold", "a bucket without locks", "InvalidRequest", 400, Key="k")
refuses("PutObjectLegalHold", "a status there is none of", "MalformedXML", 400, Key="k", LegalHold={"Status": "MAYBE"})
refuses("PutObjectRetention", "a bucket that is not there", "NoSuchBucket", 404, Bucket=ABSENT, **KEPT)
refuses(
    "PutObject", "a lock where none can be", "InvalidRequest", 400,
    Key="k", Body=b"v", ObjectLockLegalHoldStatus="ON",
)  # fmt: skip


@row("PutObjectRetention", "InvalidArgument")
def the_past_is_no_retention(t):
    name = locked(t)
    t.s3.put_object(Bucket=name, Key="k", Body=b"v")
    past = {"Mode": "GOVERNANCE", "RetainUntilDate": later(-60)}
    assert t.refused("put_object_retention", Bucket=name, Key="k", Retention=past) == ("InvalidArgument", 400)
