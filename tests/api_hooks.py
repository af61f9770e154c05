"""What schemathesis loads: each request shows the operator's token, or is signed with a key."""

import os

import schemathesis
from sigv4 import Signed, Token

proof = os.environ["ENTENTE_PROOF"]
if proof.startswith("token:"):
    schemathesis.auth.set_from_requests(Token(proof.removeprefix("token:")))
else:
    _, region, access_key, secret_key = proof.split(":")
    schemathesis.auth.set_from_requests(Signed(region, access_key, secret_key))
