"""boto3 as the tests use it: no retries, one minute, so that nothing that fails is hidden."""

import socket

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

TIMEOUT_S = 60
SEEN = set()  # Every error code any client was given.


def connect(world, addressing="path", keys=None, region=None, endpoint=None, verify=None, **config):
    """A client of the world's S3 door, trusting what it says. `addressing="virtual"` goes through bucket.localhost."""
    access, secret = keys or world.keys()
    endpoint = endpoint or world.endpoint
    if addressing == "virtual":
        endpoint = f"http://localhost:{world.port}"
    client = boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name=region or world.region,
        aws_access_key_id=access,
        aws_secret_access_key=secret,
        verify=verify or world.ready.get("tls_authority"),
        config=Config(
            retries={"total_max_attempts": 1, "mode": "standard"},
            connect_timeout=TIMEOUT_S,
            read_timeout=TIMEOUT_S,
            max_pool_connections=32,
            s3={"addressing_style": addressing},
            **config,
        ),
    )
    client.meta.events.register("after-call.s3", note)
    return client


def note(parsed, **_):
    SEEN.add(parsed.get("Error", {}).get("Code"))


def refused(call):
    """The error code and status that `call` is refused with."""
    try:
        answer = call()
    except ClientError as error:
        response = error.response
        return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]
    raise AssertionError(f"expected a refusal, got {answer}")


def resolve_localhost():
    """Names under .localhost are this machine (RFC 6761); not every resolver knows."""
    ask = socket.getaddrinfo

    def answer(host, *rest, **more):
        return ask("127.0.0.1" if str(host).endswith("localhost") else host, *rest, **more)

    socket.getaddrinfo = answer
