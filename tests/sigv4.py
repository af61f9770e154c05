"""Signs requests to the admin API as the console and the command line do: by AWS Signature Version 4 for the
service `entente`, path and query as they are sent."""

import datetime
import hashlib
import hmac
from urllib.parse import urlsplit

from requests.auth import AuthBase

NAMES = "host;x-amz-date"


class Token(AuthBase):
    def __init__(self, token):
        self.token = token

    def __call__(self, request):
        request.headers["Authorization"] = f"Bearer {self.token}"
        return request


class Signed(AuthBase):
    def __init__(self, region, access_key, secret_key):
        self.region, self.access_key, self.secret_key = region, access_key, secret_key

    def __call__(self, request):
        url = urlsplit(request.url)
        moment = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
        body = request.body or b""
        body = body.encode() if isinstance(body, str) else body
        query = "&".join(sorted(pair for pair in url.query.split("&") if pair))
        heads = f"host:{url.netloc}\nx-amz-date:{moment}\n"
        parts = [request.method, url.path or "/", query, heads, NAMES, hashlib.sha256(body).hexdigest()]
        scope = f"{moment[:8]}/{self.region}/entente/aws4_request"
        digest = hashlib.sha256("\n".join(parts).encode()).hexdigest()
        key = b"AWS4" + self.secret_key.encode()
        for part in scope.split("/"):
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        signature = hmac.new(key, f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n{digest}".encode(), hashlib.sha256).hexdigest()
        request.headers["Host"] = url.netloc
        request.headers["x-amz-date"] = moment
        request.headers["Authorization"] = (
            f"AWS4-HMAC-SHA256 Credential={self.access_key}/{scope}, SignedHeaders={NAMES}, Signature={signature}"
        )
        return request
