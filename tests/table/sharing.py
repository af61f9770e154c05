"""Who beside the owner: access control lists, anonymous requests, ownership, public access blocks."""

import json
import uuid

import botocore
from botocore.config import Config
import boto3

from client import connect, note, refused
from table import refuses, row
from world import binary, run

NONE = "no-such-bucket-here"
EVERYONE = {"Type": "Group", "URI": "http://acs.amazonaws.com/groups/global/AllUsers"}
people = {}


def other(t):
    """A client of somebody else, and that one's id."""
    if t.world.directory not in people:
        made = json.loads(run(binary(), "key", "create", *t.world.place, "--user", "stranger", "--json"))
        keys = (made["access_key"], made["secret_key"])
        people[t.world.directory] = (connect(t.world, keys=keys), made["user_id"])
    return people[t.world.directory]


def nobody(t):
    client = boto3.client(
        "s3", endpoint_url=t.world.endpoint, region_name=t.world.region,
        config=Config(signature_version=botocore.UNSIGNED, retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}),
    )  # fmt: skip
    client.meta.events.register("after-call.s3", note)
    return client


def own_bucket(t, **more):
    name = f"sharing-{uuid.uuid4().hex[:12]}"
    t.s3.create_bucket(Bucket=name, **more)
    return name


def denied(call):
    return refused(call) == ("AccessDenied", 403)


@row("GetBucketAcl")
def a_bucket_is_the_owners_alone(t):
    answer = t.s3.get_bucket_acl(Bucket=t.bucket)
    owner = t.s3.list_buckets()["Owner"]
    assert answer["Owner"] == owner and owner["DisplayName"]
    assert [(grant["Grantee"]["ID"], grant["Permission"]) for grant in answer["Grants"]] == [(owner["ID"], "FULL_CONTROL")]


@row("PutBucketAcl", "AccessDenied")
def who_is_granted_read_lists_and_does_not_write(t):
    name = own_bucket(t)
    t.s3.put_object(Bucket=name, Key="k", Body=b"tea")
    theirs, who = other(t)
    assert denied(lambda: theirs.list_objects_v2(Bucket=name)) and denied(lambda: theirs.get_bucket_acl(Bucket=name))
    t.s3.put_bucket_acl(Bucket=name, GrantRead=f'id="{who}"')
    assert theirs.list_objects_v2(Bucket=name)["KeyCount"] == 1
    assert denied(lambda: theirs.put_object(Bucket=name, Key="new", Body=b"x"))
    assert denied(lambda: theirs.delete_object(Bucket=name, Key="k"))
    assert denied(lambda: theirs.get_object(Bucket=name, Key="k")), "the object has a list of its own"
    assert denied(lambda: nobody(t).list_objects_v2(Bucket=name))
    t.s3.put_bucket_acl(Bucket=name, ACL="private")
    assert denied(lambda: theirs.list_objects_v2(Bucket=name))


@row("PutBucketAcl")
def a_document_of_grants_comes_back(t):
    name = own_bucket(t)
    policy = {key: t.s3.get_bucket_acl(Bucket=name)[key] for key in ("Owner", "Grants")}
    policy["Grants"].append({"Grantee": EVERYONE, "Permission": "READ"})
    t.s3.put_bucket_acl(Bucket=name, AccessControlPolicy=policy)
    assert t.s3.get_bucket_acl(Bucket=name)["Grants"] == policy["Grants"][::-1], "groups come first"
    assert nobody(t).list_objects_v2(Bucket=name)["KeyCount"] == 0


@row("PutBucketAcl")
def what_others_put_is_theirs(t):
    name = own_bucket(t, ACL="public-read-write")
    theirs, who = other(t)
    theirs.put_object(Bucket=name, Key="theirs", Body=b"x")
    assert theirs.get_object_acl(Bucket=name, Key="theirs")["Owner"]["ID"] == who
    assert denied(lambda: t.s3.get_object(Bucket=name, Key="theirs"))
    theirs.put_object(Bucket=name, Key="shared", Body=b"x", ACL="bucket-owner-full-control")
    assert t.s3.get_object(Bucket=name, Key="shared")["Body"].read() == b"x"
    nobody(t).put_object(Bucket=name, Key="found", Body=b"x")
    assert t.s3.get_object(Bucket=name, Key="found")["Body"].read() == b"x"
    for key in ("theirs", "shared", "found"):
        t.s3.delete_object(Bucket=name, Key=key)
    t.s3.delete_bucket(Bucket=name)


refuses("PutBucketAcl", "nothing said", "MissingSecurityHeader", 400)
refuses("PutBucketAcl", "an unknown grantee", "InvalidArgument", 400, GrantRead="id=_foo")
refuses("PutBucketAcl", "a grantee by address", "UnresolvableGrantByEmailAddress", 400, GrantRead="emailaddress=a@b.example")
refuses("PutBucketAcl", "a list for the log service", "NotImplemented", 501, ACL="log-delivery-write")
refuses("GetBucketAcl", "a bucket that is not there", "NoSuchBucket", 404, Bucket=NONE)


@row("PutBucketAcl", "MalformedACLError")
def a_document_without_an_owner_is_refused(t):
    grants = [{"Grantee": EVERYONE, "Permission": "READ"}]
    assert t.refused("put_bucket_acl", AccessControlPolicy={"Grants": grants}) == ("MalformedACLError", 400)


@row("PutBucketAcl", "UnexpectedContent")
def headers_and_a_document_at_once_are_refused(t):
    policy = {key: t.s3.get_bucket_acl(Bucket=t.bucket)[key] for key in ("Owner", "Grants")}
    assert t.refused("put_bucket_acl", ACL="private", AccessControlPolicy=policy) == ("UnexpectedContent", 400)


@row("GetObjectAcl")
def an_object_keeps_the_list_it_was_put_with(t):
    key, _ = t.put(ACL="public-read")
    grants = t.s3.get_object_acl(Bucket=t.bucket, Key=key)["Grants"]
    assert [grant["Permission"] for grant in grants] == ["READ", "FULL_CONTROL"]
    assert nobody(t).get_object(Bucket=t.bucket, Key=key)["Body"].read() == b"tea"
    t.put()
    assert denied(lambda: nobody(t).get_object(Bucket=t.bucket, Key=key)), "the new object is private again"


refuses("GetObjectAcl", "an object that is not there", "NoSuchKey", 404, Key="nothing-here")


@row("PutObjectAcl")
def an_objects_list_can_be_changed(t):
    key, put = t.put()
    theirs, who = other(t)
    assert denied(lambda: theirs.get_object(Bucket=t.bucket, Key=key))
    t.s3.put_object_acl(Bucket=t.bucket, Key=key, GrantRead=f"id={who}", GrantReadACP=f"id={who}")
    answer = theirs.get_object(Bucket=t.bucket, Key=key)
    assert answer["Body"].read() == b"tea" and answer["ETag"] == put["ETag"]
    assert len(theirs.get_object_acl(Bucket=t.bucket, Key=key)["Grants"]) == 2
    assert denied(lambda: theirs.put_object_acl(Bucket=t.bucket, Key=key, ACL="public-read"))
    t.s3.put_object_acl(Bucket=t.bucket, Key=key, ACL="private")
    assert denied(lambda: theirs.get_object(Bucket=t.bucket, Key=key))


@row("CopyObject")
def a_copy_is_private_whatever_its_source_is(t):
    key, _ = t.put(ACL="public-read")
    theirs, _ = other(t)
    t.s3.copy_object(Bucket=t.bucket, Key=key + "-copy", CopySource={"Bucket": t.bucket, "Key": key})
    assert denied(lambda: theirs.get_object(Bucket=t.bucket, Key=key + "-copy"))
    name = f"sharing-{uuid.uuid4().hex[:12]}"
    theirs.create_bucket(Bucket=name)
    theirs.copy_object(Bucket=name, Key="copied", CopySource={"Bucket": t.bucket, "Key": key})
    secret = {"Bucket": t.bucket, "Key": key + "-copy"}
    assert denied(lambda: theirs.copy_object(Bucket=name, Key="stolen", CopySource=secret))


@row("PutBucketOwnershipControls", "InvalidBucketAclWithObjectOwnership")
def lists_count_for_nothing_where_the_owner_owns_everything(t):
    name = own_bucket(t, ACL="public-read")
    enforced = {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    answer = t.refused("put_bucket_ownership_controls", Bucket=name, OwnershipControls=enforced)
    assert answer == ("InvalidBucketAclWithObjectOwnership", 400)
    t.s3.put_object(Bucket=name, Key="public", Body=b"x", ACL="public-read")
    t.s3.put_bucket_acl(Bucket=name, ACL="private")
    t.s3.put_bucket_ownership_controls(Bucket=name, OwnershipControls=enforced)
    assert denied(lambda: nobody(t).get_object(Bucket=name, Key="public"))
    refusal = ("AccessControlListNotSupported", 400)
    assert t.refused("put_bucket_acl", Bucket=name, ACL="public-read") == refusal
    assert t.refused("put_object", Bucket=name, Key="new", Body=b"x", ACL="public-read") == refusal
    t.s3.put_object(Bucket=name, Key="new", Body=b"x", ACL="bucket-owner-full-control")


@row("GetBucketOwnershipControls")
def ownership_comes_back_as_it_was_put(t):
    name = own_bucket(t, ObjectOwnership="BucketOwnerPreferred")
    rules = t.s3.get_bucket_ownership_controls(Bucket=name)["OwnershipControls"]["Rules"]
    assert rules == [{"ObjectOwnership": "BucketOwnerPreferred"}]


@row("DeleteBucketOwnershipControls", "OwnershipControlsNotFoundError")
def deleted_ownership_is_none(t):
    name = own_bucket(t, ObjectOwnership="ObjectWriter")
    t.s3.delete_bucket_ownership_controls(Bucket=name)
    answer = t.refused("get_bucket_ownership_controls", Bucket=name)
    assert answer == ("OwnershipControlsNotFoundError", 404)


@row("PutPublicAccessBlock", "AccessDenied")
def a_public_access_block_refuses_public_lists_and_ignores_those_there_are(t):
    name = own_bucket(t, ACL="public-read")
    assert nobody(t).list_objects_v2(Bucket=name)["KeyCount"] == 0
    block = {"BlockPublicAcls": True, "IgnorePublicAcls": True, "BlockPublicPolicy": False, "RestrictPublicBuckets": False}
    t.s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=block)
    assert t.s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"] == block
    assert denied(lambda: nobody(t).list_objects_v2(Bucket=name))
    assert denied(lambda: t.s3.put_bucket_acl(Bucket=name, ACL="public-read"))
    assert denied(lambda: t.s3.put_object(Bucket=name, Key="k", Body=b"x", ACL="authenticated-read"))
    t.s3.put_object(Bucket=name, Key="k", Body=b"x", ACL="private")


refuses("GetPublicAccessBlock", "never told", "NoSuchPublicAccessBlockConfiguration", 404)


@row("DeletePublicAccessBlock")
def a_deleted_public_access_block_is_none(t):
    name = own_bucket(t)
    t.s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration={"BlockPublicAcls": True})
    t.s3.delete_public_access_block(Bucket=name)
    assert t.refused("get_public_access_block", Bucket=name)[0] == "NoSuchPublicAccessBlockConfiguration"
    t.s3.put_bucket_acl(Bucket=name, ACL="public-read")


@row("GetBucketPolicyStatus")
def a_bucket_is_public_when_its_list_says_so(t):
    name = own_bucket(t)
    public = lambda: t.s3.get_bucket_policy_status(Bucket=name)["PolicyStatus"]["IsPublic"]  # noqa: E731
    assert not public()
    t.s3.put_bucket_acl(Bucket=name, ACL="authenticated-read")
    assert public()


@row("CreateBucket", "BucketAlreadyExists")
def making_it_again_with_another_list_is_refused(t):
    name = own_bucket(t)
    assert t.refused("create_bucket", Bucket=name, ACL="public-read") == ("BucketAlreadyExists", 409)
    assert denied(lambda: nobody(t).list_objects_v2(Bucket=name))


@row("ListBuckets", "AccessDenied")
def nobody_has_buckets(t):
    assert denied(lambda: nobody(t).list_buckets()) and denied(lambda: nobody(t).create_bucket(Bucket="nobodys"))
