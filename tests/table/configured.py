"""What a bucket can be told, and what S3 answers where nothing is configured."""

import wire
from table import refuses, row

RULES = [
    {"AllowedMethods": ["GET", "PUT"], "AllowedOrigins": ["https://*.example.org"], "AllowedHeaders": ["x-amz-*"],
     "ExposeHeaders": ["ETag"], "MaxAgeSeconds": 60},
    {"AllowedMethods": ["HEAD"], "AllowedOrigins": ["*"]},
]  # fmt: skip
ORIGIN = "https://a.example.org"


def asked(t, method, path, **headers):
    """An unsigned request with a browser's headers; its answer with lower-case header names."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return wire.send(t.world, method, path, {"host": "127.0.0.1", **named})


def allowed(answer):
    return answer.headers.get("access-control-allow-origin"), answer.headers.get("access-control-allow-methods")


@row("PutBucketCors")
def a_browser_is_told_what_pages_may_see(t):
    name = t.new_bucket()
    t.s3.put_bucket_cors(Bucket=name, CORSConfiguration={"CORSRules": RULES})
    told = asked(t, "OPTIONS", f"/{name}/k", origin=ORIGIN, access_control_request_method="PUT",
                 access_control_request_headers="x-amz-date")  # fmt: skip
    assert (told.status, *allowed(told)) == (200, ORIGIN, "GET, PUT")
    assert told.headers["access-control-allow-headers"] == "x-amz-date" and told.headers["access-control-max-age"] == "60"
    refusal = asked(t, "GET", f"/{name}/k", origin=ORIGIN)
    assert (refusal.status, *allowed(refusal)) == (403, ORIGIN, "GET, PUT"), "the rules let nobody in"
    answer = wire.signed(t.world, "GET", f"/{name}", extra={"origin": "https://elsewhere.example"})
    assert (answer.status, *allowed(answer)) == (200, None, None)


@row("PutBucketCors", "AccessForbidden")
def a_page_that_no_rule_names_is_told_no(t):
    name = t.new_bucket()
    ask = {"origin": ORIGIN, "access_control_request_method": "PUT"}
    assert asked(t, "OPTIONS", f"/{name}", **ask).code == "AccessForbidden", "there are no rules yet"
    t.s3.put_bucket_cors(Bucket=name, CORSConfiguration={"CORSRules": RULES})
    for other in ({"origin": "https://a.example.com"}, {"access_control_request_method": "DELETE"},
                  {"access_control_request_headers": "authorization"}):  # fmt: skip
        answer = asked(t, "OPTIONS", f"/{name}", **(ask | other))
        assert (answer.status, answer.code) == (403, "AccessForbidden") and allowed(answer) == (None, None)


@row("PutBucketCors", "BadRequest")
def a_question_that_leaves_out_half_is_refused(t):
    answer = asked(t, "OPTIONS", f"/{t.bucket}", origin=ORIGIN)
    assert (answer.status, answer.code) == (400, "BadRequest")


@row("GetBucketCors")
def rules_come_back_as_they_were_put(t):
    name = t.new_bucket()
    t.s3.put_bucket_cors(Bucket=name, CORSConfiguration={"CORSRules": RULES})
    assert t.s3.get_bucket_cors(Bucket=name)["CORSRules"] == RULES


@row("DeleteBucketCors")
def deleted_rules_are_none(t):
    name = t.new_bucket()
    t.s3.put_bucket_cors(Bucket=name, CORSConfiguration={"CORSRules": RULES})
    t.s3.delete_bucket_cors(Bucket=name)
    assert t.refused("get_bucket_cors", Bucket=name) == ("NoSuchCORSConfiguration", 404)


refuses("GetBucketCors", "no rules", "NoSuchCORSConfiguration", 404)
refuses("PutBucketCors", "a method that is none", "InvalidRequest", 400,
        CORSConfiguration={"CORSRules": [{"AllowedMethods": ["PATCH"], "AllowedOrigins": ["*"]}]})  # fmt: skip


def encryption(algorithm, **more):
    return {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": algorithm, **more}}]}


@row("GetBucketEncryption")
def every_bucket_is_encrypted(t):
    rules = t.s3.get_bucket_encryption(Bucket=t.bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rules[0]["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}


@row("PutBucketEncryption", "NotImplemented")
def what_is_done_anyway_may_be_asked_for_and_nothing_else(t):
    t.s3.put_bucket_encryption(Bucket=t.bucket, ServerSideEncryptionConfiguration=encryption("AES256"))
    wanted = encryption("aws:kms", KMSMasterKeyID="key")
    answer = t.refused("put_bucket_encryption", ServerSideEncryptionConfiguration=wanted)
    assert answer == ("NotImplemented", 501)


@row("DeleteBucketEncryption")
def encryption_cannot_be_switched_off(t):
    t.s3.delete_bucket_encryption(Bucket=t.bucket)
    assert t.s3.get_bucket_encryption(Bucket=t.bucket)["ServerSideEncryptionConfiguration"]["Rules"]


@row("GetBucketRequestPayment")
def the_owner_pays(t):
    assert t.s3.get_bucket_request_payment(Bucket=t.bucket)["Payer"] == "BucketOwner"


@row("PutBucketRequestPayment", "NotImplemented")
def nobody_else_can_be_made_to_pay(t):
    t.s3.put_bucket_request_payment(Bucket=t.bucket, RequestPaymentConfiguration={"Payer": "BucketOwner"})
    answer = t.refused("put_bucket_request_payment", RequestPaymentConfiguration={"Payer": "Requester"})
    assert answer == ("NotImplemented", 501)


refuses("GetBucketPolicy", "there are no policies", "NoSuchBucketPolicy", 404)
refuses("GetBucketWebsite", "there are no websites", "NoSuchWebsiteConfiguration", 404)
refuses("GetBucketReplication", "there is no replication", "ReplicationConfigurationNotFoundError", 404)
refuses("PutBucketPolicy", "a policy", "NotImplemented", 501, Policy="{}")


@row("DeleteBucketPolicy")
def what_is_not_there_is_deleted(t):
    for method in ("delete_bucket_policy", "delete_bucket_website", "delete_bucket_replication"):
        assert getattr(t.s3, method)(Bucket=t.bucket)["ResponseMetadata"]["HTTPStatusCode"] == 204


row("DeleteBucketWebsite")(what_is_not_there_is_deleted)
row("DeleteBucketReplication")(what_is_not_there_is_deleted)


@row("GetBucketLogging")
def nothing_is_logged_or_notified_or_accelerated(t):
    assert "LoggingEnabled" not in t.s3.get_bucket_logging(Bucket=t.bucket)
    told = t.s3.get_bucket_notification_configuration(Bucket=t.bucket)
    assert not {name for name in told if name.endswith("Configurations")}
    assert "Status" not in t.s3.get_bucket_accelerate_configuration(Bucket=t.bucket)


row("GetBucketNotificationConfiguration")(nothing_is_logged_or_notified_or_accelerated)
row("GetBucketAccelerateConfiguration")(nothing_is_logged_or_notified_or_accelerated)
