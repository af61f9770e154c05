"""Both doors by TLS: clients as they come, what each profile refuses, a certificate that is replaced."""

import json
import pathlib
import shutil
import socket
import stat
import subprocess
import threading
import time
import urllib.request

import pytest
from botocore.exceptions import SSLError

from client import connect
from clients import Aws
from content import MIB, content
from world import World, binary, run

BUCKET = "encrypted"
CNSA2 = ["--tls", "dev", "--tls-profile", "cnsa2"]


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    shared = World(tmp_path_factory.mktemp("tls") / "data", arguments=["--tls", "dev"]).start()
    connect(shared).create_bucket(Bucket=BUCKET)
    yield shared
    shared.stop()


@pytest.fixture(scope="module")
def strict(tmp_path_factory):
    shared = World(tmp_path_factory.mktemp("strict") / "data", arguments=CNSA2).start()
    yield shared
    shared.stop()


def shake(port, *flags):
    """What openssl says of a handshake with these flags."""
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-servername", "localhost", *flags]
    return subprocess.run(command, input="", capture_output=True, text=True, check=False, timeout=60)


def curl(*arguments):
    command = ["curl", "--silent", "--show-error", *(str(part) for part in arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def admin_port(world):
    return int(world.ready["admin_endpoint"].rsplit(":", 1)[1])


def test_every_endpoint_says_https_and_the_key_is_private(world):
    told = json.loads((world.directory / "run.json").read_text())
    for endpoint in (world.endpoint, world.ready["admin_endpoint"], told["s3_endpoint"], told["admin_endpoint"]):
        assert endpoint.startswith("https://127.0.0.1:"), endpoint
    assert stat.S_IMODE((world.directory / "tls/key.pem").stat().st_mode) == 0o600
    assert pathlib.Path(world.ready["tls_authority"]).read_text().count("BEGIN CERTIFICATE") == 1


def test_boto3_puts_and_gets_and_is_told_of_https(world):
    s3, body = connect(world), content("by tls", 12 * MIB)
    s3.put_object(Bucket=BUCKET, Key="small", Body=body[:1000])
    s3.put_object(Bucket=BUCKET, Key="large", Body=body)
    assert s3.get_object(Bucket=BUCKET, Key="small")["Body"].read() == body[:1000]
    assert s3.get_object(Bucket=BUCKET, Key="large")["Body"].read() == body
    upload = s3.create_multipart_upload(Bucket=BUCKET, Key="parts")["UploadId"]
    part = s3.upload_part(Bucket=BUCKET, Key="parts", UploadId=upload, PartNumber=1, Body=body)
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    done = s3.complete_multipart_upload(Bucket=BUCKET, Key="parts", UploadId=upload, MultipartUpload=parts)
    assert done["Location"].startswith(f"https://127.0.0.1:{world.port}/{BUCKET}/"), done["Location"]


def test_whoever_does_not_trust_the_authority_goes_away(world):
    with pytest.raises(SSLError):
        connect(world, verify=True).list_buckets()
    assert curl(world.endpoint).returncode == 60


def test_aws_cli_and_curl(world, tmp_path):
    aws = Aws(world, tmp_path / "home")
    aws.environment["AWS_CA_BUNDLE"] = world.ready["tls_authority"]
    source, back = tmp_path / "source", tmp_path / "back"
    source.write_bytes(content("by aws", 9 * MIB))
    aws.up(source, BUCKET, "by-aws")
    aws.down(BUCKET, "by-aws", back)
    assert back.read_bytes() == source.read_bytes()
    url = run(binary(), "presign", "get", f"s3://{BUCKET}/by-aws", *world.place).strip()
    assert url.startswith("https://")
    done = curl("--cacert", world.ready["tls_authority"], "--output", back, url)
    assert done.returncode == 0, done.stderr
    assert back.read_bytes() == source.read_bytes()


def test_the_command_line_trusts_the_certificate_it_was_given_and_no_other(world, tmp_path):
    assert world.status()["buckets"] == 1
    told = world.directory / "run.json"
    text = told.read_text()
    other = tmp_path / "other.pem"
    make_pair(other, tmp_path / "other.key", "localhost")
    try:
        told.write_text(text.replace(str(world.directory / "tls/certificate.pem"), str(other)))
        done = subprocess.run([binary(), "status", *world.place], capture_output=True, text=True, check=False)
        assert done.returncode == 8 and "certificate" in done.stderr, done.stderr
    finally:
        told.write_text(text)
    assert world.status()["buckets"] == 1


def answer_plainly(listener):
    connection, _ = listener.accept()
    with connection:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")


def test_who_has_a_key_alone_names_the_certificate(world, tmp_path):
    """Like the command above, by somebody who may not read the data directory."""
    served, other = tmp_path / "served.pem", tmp_path / "other.pem"
    shutil.copy(world.directory / "tls/certificate.pem", served)
    make_pair(other, tmp_path / "other.key", "localhost")
    place = world.ready["admin_endpoint"].removeprefix("https://")

    def ask(*where):
        line = [binary(), "status", "--json", "--as", world.directory / "officer", *where]
        done = subprocess.run([str(part) for part in line], capture_output=True, text=True, check=False, cwd=tmp_path)
        return done.returncode, done.stdout + done.stderr

    for host in (place, place.replace("127.0.0.1", "localhost")):
        code, told = ask("--at", f"https://{host}/", "--certificate", served)
        assert code == 0 and len(json.loads(told)["sites"]) == 4, told
    with socket.create_server(("127.0.0.1", 0)) as plain:
        threading.Thread(target=answer_plainly, args=(plain,), daemon=True).start()
        for where, code, says in (
            ([f"https://{place}", "--certificate", other], 8, f"another certificate than the first in `{other}`"),
            ([f"https://127.0.0.1:{plain.getsockname()[1]}", "--certificate", served], 8, "does not speak TLS"),
            ([f"https://{place}"], 2, "--certificate"),
            ([f"https://{place}", "--certificate", tmp_path / "none.pem"], 2, "none.pem"),
            ([f"http://{place}"], 2, "ask it by https://"),
            ([f"http://{place}", "--certificate", served], 2, "write https://"),
            (["https://s3.example.org:9002", "--certificate", served], 2, "ssh -L 9002:127.0.0.1:9002"),
        ):
            ended, told = ask("--at", *where)
            assert ended == code and says in told, (where, ended, told)


@pytest.mark.parametrize("which", ["s3", "admin"])
def test_old_versions_are_refused_and_newer_ones_are_not(world, which):
    port = world.port if which == "s3" else admin_port(world)
    for old in ("-tls1", "-tls1_1"):
        # At its own level openssl would not even ask.
        done = shake(port, old, "-cipher", "DEFAULT@SECLEVEL=0")
        assert done.returncode != 0 and "SSL alert number" in done.stderr, done.stderr
    for version, suite in (("-tls1_2", "ECDHE-ECDSA-AES256-GCM-SHA384"), ("-tls1_3", "TLS_AES_256_GCM_SHA384")):
        done = shake(port, version, "-CAfile", world.ready["tls_authority"], "-verify_return_error")
        assert done.returncode == 0 and suite in done.stdout, done.stdout + done.stderr
    done = shake(port, "-tls1_2", "-cipher", "AES256-SHA")
    assert done.returncode != 0 and "alert handshake failure" in done.stderr, done.stderr


@pytest.mark.parametrize("which", ["s3", "admin"])
def test_plain_http_is_told_to_use_https(world, which):
    port = world.port if which == "s3" else admin_port(world)
    with pytest.raises(urllib.request.HTTPError) as refused:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=60)
    assert refused.value.code == 400 and b"https://" in refused.value.read()


def test_cnsa2_refuses_classical_clients_and_serves_its_own(strict):
    for port in (strict.port, admin_port(strict)):
        done = shake(port, "-tls1_3")
        assert done.returncode != 0 and "alert handshake failure" in done.stderr, done.stderr
        done = shake(port, "-tls1_2")
        assert done.returncode != 0 and "alert protocol version" in done.stderr, done.stderr
    assert curl("--cacert", strict.ready["tls_authority"], strict.endpoint).returncode == 35
    with pytest.raises(SSLError):
        connect(strict).list_buckets()
    # The command line can: by ML-KEM-1024, the only exchange there is.
    assert strict.status()["buckets"] == 0


def make_pair(certificate, key, name):
    run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384", "-nodes", "-days", "30",
        "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name},IP:127.0.0.1", "-keyout", key, "-out", certificate)  # fmt: skip


def test_a_certificate_is_replaced_without_a_restart(tmp_path):
    certificate, key = tmp_path / "chain.pem", tmp_path / "key.pem"
    make_pair(certificate, key, "localhost")
    world = World(tmp_path / "data", arguments=["--tls-certificate", certificate, "--tls-key", key])
    try:
        world.start()
        assert "tls_authority" not in world.ready
        connect(world, verify=str(certificate)).create_bucket(Bucket=BUCKET)
        old = tmp_path / "old.pem"
        old.write_bytes(certificate.read_bytes())
        make_pair(certificate, key, "localhost")
        deadline = time.monotonic() + 30
        while "Verification: OK" not in shake(world.port, "-CAfile", certificate).stdout:
            assert time.monotonic() < deadline, world.log_text()[-2000:]
            time.sleep(0.5)
        assert world.status()["buckets"] == 1
        connect(world, verify=str(certificate)).head_bucket(Bucket=BUCKET)
        with pytest.raises(SSLError):
            connect(world, verify=str(old)).head_bucket(Bucket=BUCKET)
        # What is no pair changes nothing, and is said.
        key.write_text("no key")
        while "was not replaced" not in world.log_text():
            assert time.monotonic() < deadline + 30, world.log_text()[-2000:]
            time.sleep(0.5)
        connect(world, verify=str(certificate)).head_bucket(Bucket=BUCKET)
        world.stop()
    finally:
        world.kill()


def test_a_certificate_that_cannot_be_served_stops_the_start(tmp_path):
    certificate, key = tmp_path / "chain.pem", tmp_path / "key.pem"
    make_pair(certificate, tmp_path / "another.pem", "localhost")
    make_pair(tmp_path / "yet-another.pem", key, "localhost")
    world = World(tmp_path / "data", arguments=["--tls-certificate", certificate, "--tls-key", key])
    code, log = world.fails_to_start()
    assert code == 2 and "not that of the certificate" in log, log
