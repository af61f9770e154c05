"""Sites at the four vendors' own stores, by the programs that stand for them."""

import json
import subprocess
from concurrent.futures import ThreadPoolExecutor, as_completed

import pytest
import requests
import standins
from client import connect
from content import KIB, MIB, content, md5
from proxy import Proxy
from sigv4 import Token
from vendored import Vendored
from world import binary

STEPS = ("marker", "put", "get", "range", "list", "delete")
# Small ones ride in the journal, larger ones are segments of their own.
SIZES = {"empty": 0, "small": 4 * KIB, "edge": MIB, "over": MIB + 1, "large": 40 * MIB + 17}
PART = 6 * MIB


@pytest.fixture(scope="module")
def four(tmp_path_factory):
    made = standins.start_four(tmp_path_factory.mktemp("standins"))
    yield made
    standins.stop_all(made)


@pytest.fixture(scope="module")
def oracle(four):
    """A proxy that refuses what Oracle refuses."""
    proxy = Proxy(f"127.0.0.1:{four['oracle'].port}", quirks="oracle")
    yield proxy
    proxy.stop()


@pytest.fixture
def world(tmp_path, four, oracle, request):
    """An enclave of its own: each test has its own prefix at the vendors."""
    made = Vendored(tmp_path, four, {"oracle": oracle.endpoint})
    prefix = f'prefix = "{md5(request.node.name.encode())[:8]}/"\n'
    made.file.write_text(made.file.read_text().replace("[[site]]\n", "[[site]]\n" + prefix))
    yield made
    made.kill()


def check(world, *more):
    """Exit code, stdout and stderr of `entente site check`."""
    command = [binary(), "site", "check", *world.place, *more]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    return done.returncode, done.stdout, done.stderr


def test_four_vendors_hold_what_a_killed_gateway_acknowledged(world, chance):
    code, table, _ = check(world)
    assert code == 0 and table.count("nobody, empty") == 4, table

    world.start()
    s3 = connect(world)
    s3.create_bucket(Bucket="four")
    bodies = {name: content(name, size) for name, size in SIZES.items()}
    for name, body in bodies.items():
        s3.put_object(Bucket="four", Key=name, Body=body)
    parts = [content(("part", number), PART) for number in range(3)]
    upload = s3.create_multipart_upload(Bucket="four", Key="parts")["UploadId"]
    tags = [
        s3.upload_part(Bucket="four", Key="parts", UploadId=upload, PartNumber=number, Body=part)["ETag"]
        for number, part in enumerate(parts, 1)
    ]
    listed = [{"PartNumber": number, "ETag": tag} for number, tag in enumerate(tags, 1)]
    s3.complete_multipart_upload(Bucket="four", Key="parts", UploadId=upload, MultipartUpload={"Parts": listed})
    bodies["parts"] = b"".join(parts)
    s3.put_object(Bucket="four", Key="gone", Body=b"gone")
    s3.delete_object(Bucket="four", Key="gone")

    world.kill()
    world.start()
    s3 = connect(world)
    found = [one["Key"] for one in s3.list_objects_v2(Bucket="four")["Contents"]]
    assert found == sorted(bodies)
    for name, body in bodies.items():
        assert s3.get_object(Bucket="four", Key=name)["Body"].read() == body, name
    start = chance.randrange(len(bodies["large"]) - 100_000)
    part = s3.get_object(Bucket="four", Key="large", Range=f"bytes={start}-{start + 99_999}")["Body"].read()
    assert part == bodies["large"][start : start + 100_000]

    status = world.wait_until_whole()
    assert status["below_promise"] == 0 and len(status["sites"]) == 4
    code, text, error = check(world, "--json")
    assert code == 0, text + error
    for site in json.loads(text):
        assert [step["step"] for step in site["steps"]] == list(STEPS) and not site["advice"], site
        assert site["held_by"].startswith("enclave ") and site["name"] in site["held_by"], site
    for name, body in bodies.items():
        assert s3.get_object(Bucket="four", Key=name)["Body"].read() == body, name
    world.stop()


def test_a_site_check_says_what_does_not_work_and_what_helps(world, four, tmp_path):
    wrong = tmp_path / "wrong"
    wrong.write_text("[default]\naws_access_key_id = standin\naws_secret_access_key = not-the-secret\n")
    text = world.file.read_text().replace(str(four["amazon"].directory / "credentials"), str(wrong))
    text = text.replace('container = "entente"', 'container = "elsewhere"')
    world.file.write_text(text)
    four["google"].kill()
    try:
        code, table, error = check(world)
    finally:
        four["google"].start()
    assert code == 7 and "3 of 4 sites cannot be used: amazon, microsoft, google" in error, table + error
    lines = {line.split()[0].rstrip(":"): line for line in table.splitlines() if line}
    assert "site refuses access" in lines["amazon"] and "s3:GetObject" in lines["amazon"], table
    assert "container `elsewhere`" in lines["microsoft"] and "exists" in lines["microsoft"], table
    assert f"bucket `entente` at {four['google'].endpoint}" in lines["google"], table
    assert lines["oracle"].count(" ms") == len(STEPS), table
    assert "not-the-secret" not in table + error


def test_oracle_is_not_spoken_to_as_amazon_is(world):
    world.file.write_text(world.file.read_text().replace('kind = "oci"', 'kind = "s3"'))
    code, table, error = check(world)
    assert code == 7 and "1 of 4 sites cannot be used: oracle" in error, table + error
    assert "oracle: put:" in table and "crc64nvme" in table, table


def test_a_further_site_is_checked_by_the_running_enclave(world, four, oracle):
    world.start()
    url = world.ready["console_url"] + "/api/v1/site-checks"
    token = Token((world.directory / "admin.token").read_text().strip())

    def ask(site, endpoint=None, **more):
        entry = four[site].site(endpoint, name="fifth", **more)
        return requests.post(url, auth=token, json={"entry": entry}, timeout=120)

    for site in four:
        told = ask(site, oracle.endpoint if site == "oracle" else None, prefix="fifth/").json()
        assert told["works"] and told["advice"] == [] and told["held_by"] == "nobody, empty", told
        assert [step["step"] for step in told["steps"]] == list(STEPS), told
        assert all(step["error"] is None and step["millis"] > 0 for step in told["steps"]), told

    nowhere = f"http://127.0.0.1:{standins.free_port()}"
    answer = ask("amazon", nowhere, prefix="fifth/")
    assert answer.status_code == 200 and not answer.json()["works"], answer.text
    assert f"see that bucket `entente` at {nowhere} exists" in answer.json()["advice"][0], answer.text
    assert ask("amazon").status_code == 409, "without a prefix it would lie around the site that is there"

    four["google"].freeze()
    try:
        with ThreadPoolExecutor() as threads:
            both = [threads.submit(ask, "google", prefix="fifth/") for _ in range(2)]
            first = next(as_completed(both, timeout=60)).result()
            four["google"].thaw()
            statuses = sorted(one.result().status_code for one in both)
    finally:
        four["google"].thaw()
    assert first.status_code == 409 and statuses == [200, 409], (first.text, statuses)
