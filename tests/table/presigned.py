"""Presigned URLs, used by a client that knows nothing of signing."""

import time

import urllib3

from client import connect
from table import row

http = urllib3.PoolManager(retries=False)


def presign(t, method, expires=60, addressing="path", **arguments):
    arguments.setdefault("Bucket", t.bucket)
    return connect(t.world, addressing=addressing, signature_version="s3v4").generate_presigned_url(method, Params=arguments, ExpiresIn=expires)


@row("PutObject")
def a_presigned_put_and_get_need_no_keys(t):
    for addressing in ("path", "virtual"):
        key = t.key(f"{addressing} a+b/ü")
        put = http.request("PUT", presign(t, "put_object", Key=key, addressing=addressing), body=b"presigned")
        assert put.status == 200, put.data
        got = http.request("GET", presign(t, "get_object", Key=key, addressing=addressing))
        assert got.status == 200 and got.data == b"presigned"


@row("GetObject")
def every_operation_may_be_presigned(t):
    key, _ = t.put(body=b"x")
    assert http.request("HEAD", presign(t, "head_object", Key=key)).status == 200
    assert key.encode() in http.request("GET", presign(t, "list_objects_v2", Prefix=key)).data
    ranged = http.request("GET", presign(t, "get_object", Key=key), headers={"range": "bytes=0-0"})
    assert ranged.status == 206
    typed = http.request("GET", presign(t, "get_object", Key=key, ResponseContentType="a/b"))
    assert typed.headers["content-type"] == "a/b"
    assert http.request("DELETE", presign(t, "delete_object", Key=key)).status == 204
    assert not t.exists(key)


@row("GetObject", "AccessDenied")
def an_expired_url_is_refused(t):
    key, _ = t.put()
    url = presign(t, "get_object", expires=1, Key=key)
    time.sleep(2.1)
    answer = http.request("GET", url)
    assert answer.status == 403 and b"AccessDenied" in answer.data


@row("GetObject", "AuthorizationQueryParametersError")
def more_than_a_week_is_refused(t):
    key, _ = t.put()
    answer = http.request("GET", presign(t, "get_object", expires=604_801, Key=key))
    assert answer.status == 400 and b"AuthorizationQueryParametersError" in answer.data


@row("GetObject", "SignatureDoesNotMatch")
def a_url_changed_in_any_way_is_refused(t):
    key, _ = t.put()
    other, _ = t.put("other")
    url = presign(t, "get_object", Key=key)
    changed = [
        url.replace(key, other),
        url.replace("X-Amz-Expires=60", "X-Amz-Expires=61"),
        url[:-1] + ("0" if url[-1] != "0" else "1"),
        url + "&response-content-type=text%2Fhtml",
    ]
    for bad in changed:
        answer = http.request("GET", bad)
        assert answer.status == 403 and b"SignatureDoesNotMatch" in answer.data, bad
    assert http.request("PUT", url, body=b"x").status == 403


@row("PutObject", "AccessDenied")
def headers_that_were_not_signed_make_no_copy_of_a_put(t):
    key, _ = t.put("source", b"secret")
    url = presign(t, "put_object", Key=t.key("target"))
    for headers in ({"x-amz-copy-source": f"/{t.bucket}/{key}"}, {"x-amz-meta-a": "b"}, {"x-amz-acl": "public-read"}):
        answer = http.request("PUT", url, headers=headers, body=b"x")
        assert answer.status == 403 and b"AccessDenied" in answer.data, (headers, answer.data)
    assert not t.exists(t.key("target"))


@row("PutObject")
def headers_that_were_signed_count(t):
    key = t.key()
    url = presign(t, "put_object", Key=key, ContentType="x/y", Metadata={"a": "b"})
    given = {"content-type": "x/y", "x-amz-meta-a": "b"}
    assert http.request("PUT", url, headers=given, body=b"x").status == 200
    head = t.head(key)
    assert (head["ContentType"], head["Metadata"]) == ("x/y", {"a": "b"})
