"""Credentials that nobody wrote into settings are found where the vendors' own tools look: variables, files,
and the identity that a machine or container gets from the service beside it."""

import http.server
import json
import os
import subprocess
import threading
import time

import pytest
from world import binary, run

SITE = {
    "amazon": 'kind = "s3"\nbucket = "b"\n',
    "microsoft": 'kind = "azure"\naccount = "acct"\ncontainer = "c"\n',
    "google": 'kind = "gcs"\nbucket = "b"\n',
}


class Listening:
    """A server on loopback that keeps what it was asked; `answer(method, path, headers)` gives status and text."""

    def __init__(self, answer):
        self.asked = asked = []

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_one_request(self):
                self.raw_requestline = self.rfile.readline(65537)
                if not self.raw_requestline or not self.parse_request():
                    self.close_connection = True
                    return
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                headers = {name.lower(): value for name, value in self.headers.items()}
                asked.append((self.command, self.path, headers))
                status, text = answer(self.command, self.path, headers)
                self.send_response(status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def host(self):
        return f"127.0.0.1:{self.server.server_port}"

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


def rfc3339(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds))


TEMPORARY = json.dumps(
    {"Code": "Success", "LastUpdated": rfc3339(0), "Type": "AWS-HMAC", "Expiration": rfc3339(3600)}
    | {"AccessKeyId": "FROM-THE-MACHINE", "SecretAccessKey": "secret", "Token": "session-token"}
)


def identity(method, path, headers):
    """What the service beside a machine of each vendor says."""
    match path.split("?")[0]:
        case "/latest/api/token":
            return (200, "imds-token") if method == "PUT" else (405, "")
        case "/latest/meta-data/iam/security-credentials/":
            return (200, "role") if headers.get("x-aws-ec2-metadata-token") == "imds-token" else (401, "")
        case "/latest/meta-data/iam/security-credentials/role":
            return 200, TEMPORARY
        case "/pod":
            return (200, TEMPORARY) if headers.get("authorization") == "pod-token" else (401, "")
        case "/computeMetadata/v1/instance/service-accounts/default/token":
            known = headers.get("metadata-flavor") == "Google"
            return (200, json.dumps({"access_token": "google-token", "expires_in": 3600})) if known else (403, "")
        case "/msi":
            known = headers.get("x-identity-header") == "msi-secret"
            token = {"access_token": "azure-token", "expires_on": str(int(time.time()) + 3600)}
            return (200, json.dumps(token | {"token_type": "Bearer"})) if known else (403, "")
    return 404, ""


@pytest.fixture
def beside():
    made = Listening(identity)
    yield made
    made.stop()


@pytest.fixture
def vendor():
    """It knows nobody: what counts here is as whom one comes."""
    made = Listening(lambda *_: (403, ""))
    yield made
    made.stop()


def check(tmp_path, who, vendor, environment):
    """`entente site check` of one site that names no credentials; exit code and output."""
    config = tmp_path / "entente.toml"
    site = f'[[site]]\nname = "{who}"\nvendor = "{who}"\nregion = "us-east-1"\nendpoint = "http://{vendor.host}"\n'
    config.write_text('[enclave]\ndata_dir = "data"\nroot_key = "root.key"\ndefault_profile = "mirror-1"\n' + site + SITE[who])
    if not (tmp_path / "root.key").exists():
        run(binary(), "root-key", tmp_path / "root.key")
    plain = {name: value for name, value in os.environ.items() if name in ("PATH", "TMPDIR")}
    command = [binary(), "site", "check", "--config", config]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=120, env={**plain, "HOME": str(tmp_path), **environment}
    )
    return done.returncode, done.stdout + done.stderr


AWS_FILE = "[default]\naws_access_key_id = FROM-THE-FILE\naws_secret_access_key = s\n"
AWS_FILE += "[work]\naws_access_key_id = FROM-THE-PROFILE\naws_secret_access_key = s\n"
AWS_KEYS = {"AWS_ACCESS_KEY_ID": "FROM-VARIABLES", "AWS_SECRET_ACCESS_KEY": "s"}


# Whose site, what the process finds, and what must then stand in `Authorization`. `{host}` is the service
# beside the machine, `{home}` the home directory, in which some find files.
CASES = {
    "amazon-variables": ("amazon", {}, AWS_KEYS, "Credential=FROM-VARIABLES/"),
    "amazon-file": ("amazon", {".aws/credentials": AWS_FILE}, {}, "Credential=FROM-THE-FILE/"),
    "amazon-profile": (
        "amazon",
        {".aws/credentials": AWS_FILE},
        {"AWS_PROFILE": "work"},
        "Credential=FROM-THE-PROFILE/",
    ),
    "amazon-variables-before-file": (
        "amazon",
        {".aws/credentials": AWS_FILE},
        AWS_KEYS,
        "Credential=FROM-VARIABLES/",
    ),
    "amazon-machine": ("amazon", {}, {"AWS_METADATA_ENDPOINT": "http://{host}"}, "Credential=FROM-THE-MACHINE/"),
    "amazon-pod": (
        "amazon",
        {"token": "pod-token"},
        {
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://{host}/pod",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "{home}/token",
        },
        "Credential=FROM-THE-MACHINE/",
    ),
    "microsoft-key": ("microsoft", {}, {"AZURE_STORAGE_ACCOUNT_KEY": "a2V5"}, "SharedKey acct:"),
    "microsoft-machine": (
        "microsoft",
        {},
        {"IDENTITY_ENDPOINT": "http://{host}/msi", "IDENTITY_HEADER": "msi-secret"},
        "Bearer azure-token",
    ),
    "google-machine": ("google", {}, {"GCE_METADATA_HOST": "{host}"}, "Bearer google-token"),
}


@pytest.mark.parametrize("case", CASES)
def test_a_site_without_credentials_comes_as_its_surroundings_say(tmp_path, beside, vendor, case):
    who, files, environment, expected = CASES[case]
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    environment = {name: value.format(host=beside.host, home=tmp_path) for name, value in environment.items()}
    code, output = check(tmp_path, who, vendor, environment)
    assert code == 7 and "refuses access" in output, output
    assert vendor.asked, output
    for method, path, headers in vendor.asked:
        assert expected in headers.get("authorization", ""), (method, path, headers, output)
        temporary = "FROM-THE-MACHINE" in expected
        assert headers.get("x-amz-security-token") == ("session-token" if temporary else None), (method, path)
    for secret in ("session-token", "azure-token", "google-token", "pod-token", "msi-secret"):
        assert secret not in output


@pytest.mark.parametrize("who", SITE)
def test_nobody_anywhere_is_told_as_that(tmp_path, vendor, who):
    """The service beside the machine does not answer: nothing is sent unsigned instead."""
    closed = Listening(identity)
    closed.stop()
    nowhere = {"AWS_METADATA_ENDPOINT": f"http://{closed.host}", "GCE_METADATA_HOST": closed.host}
    nowhere |= {"GCE_METADATA_IP": closed.host, "IDENTITY_ENDPOINT": f"http://{closed.host}/msi"}
    code, output = check(tmp_path, who, vendor, nowhere)
    assert code == 7 and "no credentials" in output and "`credentials`" in output, output
    assert vendor.asked == []
