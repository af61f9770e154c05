"""People: who is for what, who may use what, and that two must sign before anything goes down."""

import http.client
import json
import os
import pathlib
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from client import connect, refused
from content import MIB, content
from world import binary, free_port, run

U, SECRET = "UNCLASSIFIED", "SECRET//NOFORN"
ROOT = pathlib.Path(__file__).parent.parent


class Person:
    """A user with a key, and the file it lies in."""

    def __init__(self, world, folder, name, role, label, clearance=None):
        self.world, self.name, self.file = world, name, folder / f"{name}-{label.split('/')[0]}.ini"
        if clearance:
            run(binary(), "user", "create", name, "--role", role, "--clearance", clearance, *world.place)
        made = json.loads(run(binary(), "key", "create", "--user", name, "--label", label, "--json", *world.place))
        self.keys = made["access_key"], made["secret_key"]
        self.file.write_text(f"[default]\naws_access_key_id={self.keys[0]}\naws_secret_access_key={self.keys[1]}\n")

    @property
    def s3(self):
        """Where the world is now: it may have been started again."""
        return connect(self.world, keys=self.keys)

    def does(self, *command):
        done = subprocess.run(
            [binary(), *command, "--as", self.file, *self.world.place], capture_output=True, text=True, check=False
        )
        return done.returncode == 0, done.stdout if done.returncode == 0 else done.stderr

    def can(self, *command):
        well, said = self.does(*command)
        assert well, said
        return said

    def cannot(self, *command):
        well, said = self.does(*command)
        assert not well, said
        return said


@pytest.fixture(scope="module")
def people(world, tmp_path_factory):
    folder = tmp_path_factory.mktemp("people")
    made = {
        "ana": Person(world, folder, "ana", "mission-owner", SECRET, SECRET),
        "ben": Person(world, folder, "ben", "mission-owner", U, U),
        "olga": Person(world, folder, "olga", "security-officer", SECRET, SECRET),
        "omar": Person(world, folder, "omar", "security-officer", SECRET, SECRET),
        "otto": Person(world, folder, "otto", "security-officer", U, U),
        "audrey": Person(world, folder, "audrey", "auditor", SECRET, SECRET),
        "pat": Person(world, folder, "pat", "platform-operator", U, U),
        "carl": Person(world, folder, "carl", "contracting-officer", U, U),
    }
    made["ana-low"] = Person(world, folder, "ana", "mission-owner", U)
    return made


def test_only_mission_owners_use_data_and_each_route_is_somebodys_duty(people):
    for name in ("olga", "audrey", "pat", "carl"):
        code, status = refused(people[name].s3.list_buckets)
        assert (code, status) == ("AccessDenied", 403), name
        assert refused(lambda: people[name].s3.create_bucket(Bucket="mine"))[1] == 403
    for who, command, may in (
        ("ana", ("user", "list"), False),
        ("pat", ("user", "list"), False),
        ("carl", ("user", "list"), False),
        ("audrey", ("user", "list"), True),
        ("olga", ("user", "list"), True),
        ("audrey", ("user", "create", "eve"), False),
        ("audrey", ("key", "create", "--user", "ana"), False),
        ("audrey", ("release", "list"), True),
        ("pat", ("key", "list"), False),
        ("pat", ("key", "create", "--user", "ana"), False),
        ("ana", ("key", "create", "--user", "ana"), False),
    ):
        well, said = people[who].does(*command)
        assert well == may, (who, command, said)
        assert may or "duty of" in said, said


def api(world, method, path, keys=None, token=None, body=b"", change=None, raw=False):
    """Status and document of a request to the admin API, signed by botocore."""
    url = world.ready["admin_endpoint"] + path
    request = AWSRequest(method, url, data=body, headers={"content-type": "application/json"})
    if keys:
        SigV4Auth(Credentials(*keys), "entente", world.ready["region"]).add_auth(request)
    if token:
        request.headers["authorization"] = f"Bearer {token}"
    if change:
        change(request)
    sent = urllib.request.Request(url, data=request.data or None, method=method, headers=dict(request.headers))
    try:
        with urllib.request.urlopen(sent, timeout=30) as answer:
            told = answer.read()
            return answer.status, told if raw else json.loads(told or b"null")
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


# Of everything that lies at a site, or in the enclave.
SUMS = {
    "status": {"below_promise", "unshown", "buckets", "objects", "object_bytes", "uploads", "segments", "bad_cells"},
    "sites": {"pieces", "moved_pieces", "moved_bytes", "read_bytes", "dollars"},
    "scrubs": {"looked_at", "proven", "requests", "bytes", "dollars", "found", "stopped"},
}


def told_by_api(world, path, **who):
    status, document = api(world, "GET", f"/api/v1/{path}", **who)
    assert status == 200, document
    return document


def series(world, **who):
    """Of /metrics, by name and labels."""
    status, page = api(world, "GET", "/metrics", raw=True, **who)
    assert status == 200, page
    lines = [line.rsplit(" ", 1) for line in page.decode().splitlines() if not line.startswith("#")]
    return dict(lines)


def scrub_as(world, keys):
    status, problem = api(world, "POST", "/api/v1/scrubs", keys=keys, body=b'{"depths": ["inventory"]}')
    assert status == 202, problem
    while told_by_api(world, "scrubs", keys=keys)["running"]:
        time.sleep(0.1)


def promised():
    """Names of metrics that the documentation says only those see above whom nothing lies."""
    rows = [line.split("|") for line in (ROOT / "docs/metrics.md").read_text().splitlines() if line.startswith("| `")]
    return {re.search(r"\w+", row[1])[0] for row in rows if row[4].strip() == "by who sees all"}


def test_sums_over_all_labels_are_told_to_those_alone_who_may_see_all(world, people):
    token = {"token": (world.directory / "admin.token").read_text().strip()}
    pat, audrey = {"keys": people["pat"].keys}, {"keys": people["audrey"].keys}
    people["ben"].s3.create_bucket(Bucket="seen-low")
    people["ben"].s3.put_object(Bucket="seen-low", Key="a", Body=content("low", 2 * MIB))
    people["ana"].s3.create_bucket(Bucket="seen-high")
    scrub_as(world, people["pat"].keys)
    world.restart()  # the first walk over the ledger is at the start
    deadline = time.monotonic() + 60
    while not any("seen-low" in name for name in series(world, **pat)):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    before = {path: told_by_api(world, path, **pat) for path in ("status", "sites", "durability", "findings")}
    page = series(world, **pat)
    people["ana"].s3.put_object(Bucket="seen-high", Key="a", Body=content("high", 3 * MIB))
    scrub_as(world, people["pat"].keys)
    world.restart()
    while not any("seen-high" in name for name in series(world, **token)):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    for path, was in before.items():
        now = told_by_api(world, path, **pat)
        assert {**now, "at": ""} == {**was, "at": ""}, f"{path} tells of what lies above"
    assert series(world, **pat) == page, "the metrics tell of what lies above"
    # A scrub that runs now, for its answer.
    scrub_as(world, people["pat"].keys)
    for path, sums in SUMS.items():
        whole = {who: told_by_api(world, path, **key) for who, key in (("token", token), ("pat", pat))}
        whole = {who: said["sites"][0] if path == "sites" else said for who, said in whole.items()}
        assert sums <= whole["token"].keys() and not sums & whole["pat"].keys(), (path, whole)
    hidden = promised()
    assert len(hidden) > 30
    of = {who: {re.sub("_(bucket|sum|count)$", "", name.split("{")[0]) for name in series(world, **key)} for who, key in
          (("token", token), ("pat", pat), ("audrey", audrey))}
    # Nothing was found, no site is left, and nothing bounds what may be spent.
    absent = {"entente_findings_total", "entente_site_leaving_pieces", "entente_keeping_dollars_limit"}
    assert hidden - of["token"] == absent
    assert not hidden & (of["pat"] | of["audrey"])
    buckets = {who: " ".join(series(world, **key)) for who, key in (("pat", pat), ("audrey", audrey))}
    assert "seen-low" in buckets["pat"] and "seen-high" not in buckets["pat"] and SECRET not in buckets["pat"]
    assert "seen-low" in buckets["audrey"] and "seen-high" in buckets["audrey"]


def late(request):
    del request.headers["x-amz-date"]
    request.headers["x-amz-date"] = "20200101T000000Z"


def other_body(request):
    request.data = b'{"group": "two"}'


def test_requests_to_the_admin_api_are_signed_by_anybodys_signer(world, people):
    olga, token = people["olga"].keys, (world.directory / "admin.token").read_text().strip()
    assert api(world, "GET", "/api/v1/users", keys=olga)[0] == 200
    assert api(world, "GET", "/api/v1/users", keys=(olga[0], "wrong"))[0] == 401
    assert api(world, "GET", "/api/v1/users", keys=("ENTENOBODY", olga[1]))[0] == 401
    assert api(world, "GET", "/api/v1/users")[0] == 401
    assert api(world, "GET", "/api/v1/users", keys=olga, change=late)[0] == 401
    assert api(world, "POST", "/api/v1/groups", keys=olga, body=b'{"group": "one"}', change=other_body)[0] == 401
    assert api(world, "POST", "/api/v1/groups", keys=olga, body=b'{"group": "one"}')[0] == 201
    # The token of the machine runs sites, and opens neither people nor keys.
    assert api(world, "GET", "/api/v1/status", token=token)[0] == 200
    for method, path in (("GET", "/api/v1/users"), ("GET", "/api/v1/keys"), ("POST", "/api/v1/users")):
        status, problem = api(world, method, path, token=token)
        assert status == 403 and "security-officer" in problem["detail"], problem


def test_who_is_cleared_beyond_an_officer_is_absent_for_them(people):
    listed = people["otto"].can("user", "list")
    assert "ben" in listed and "ana" not in listed and "olga" not in listed, listed
    assert "no such user" in people["otto"].cannot("user", "set", "ana", "--suspend")
    assert "not at or below" in people["otto"].cannot("user", "create", "eve", "--clearance", SECRET)
    assert "not at or below" in people["otto"].cannot("key", "create", "--user", "ana", "--label", SECRET)
    keys = people["otto"].can("key", "list")
    assert people["ana-low"].keys[0] in keys and people["ana"].keys[0] not in keys
    assert "no such access key" in people["otto"].cannot("key", "revoke", people["ana"].keys[0])
    assert "no such access key" in people["otto"].cannot("key", "rotate", people["ana"].keys[0])


def test_a_grant_holds_for_a_person_and_for_a_group_within_the_label(people):
    ana, ben, olga = people["ana-low"], people["ben"], people["olga"]
    ana.s3.create_bucket(Bucket="shared")
    ana.s3.put_object(Bucket="shared", Key="a", Body=b"hers")
    get = lambda: ben.s3.get_object(Bucket="shared", Key="a")["Body"].read()  # noqa: E731
    put = lambda: ben.s3.put_object(Bucket="shared", Key="b", Body=b"his")  # noqa: E731
    assert refused(get)[1] == refused(put)[1] == 403
    assert "not granted" in ben.cannot("grant", "set", "shared", "manage", "--to", "ben")
    ana.can("grant", "set", "shared", "read", "--to", "ben")
    assert get() == b"hers" and refused(put)[1] == 403
    assert [entry["Key"] for entry in ben.s3.list_objects_v2(Bucket="shared")["Contents"]] == ["a"]
    assert ben.s3.get_bucket_versioning(Bucket="shared")["ResponseMetadata"]["HTTPStatusCode"] == 200
    ana.can("grant", "remove", "shared", "--to", "ben")
    assert refused(get)[1] == 403
    olga.can("group", "create", "writers")
    olga.can("grant", "set", "shared", "write", "--to", "group:writers", "--label", U)
    assert refused(get)[1] == 403
    olga.can("group", "set", "writers", "--add", "ben")
    put()
    assert get() == b"hers"
    # What is put by the owner's grant is the owner's.
    assert ana.s3.get_object(Bucket="shared", Key="b")["Body"].read() == b"his"
    assert refused(lambda: ben.s3.delete_bucket(Bucket="shared"))[1] == 403
    assert refused(lambda: ben.s3.put_bucket_versioning(Bucket="shared", VersioningConfiguration={"Status": "Enabled"}))[1] == 403
    listed = json.loads(ana.can("grant", "list", "shared", "--json"))
    assert listed["grants"] == [{"to": "group:writers", "right": "write"}]
    upload = ben.s3.create_multipart_upload(Bucket="shared", Key="c")["UploadId"]
    olga.can("group", "set", "writers", "--remove", "ben")
    assert refused(lambda: ben.s3.upload_part(Bucket="shared", Key="c", UploadId=upload, PartNumber=1, Body=b"x"))[1] == 403
    assert refused(get)[1] == 403
    # A group may also be named by its id in the lists that S3 clients write.
    groups = {group["group"]: group for group in json.loads(olga.can("group", "list", "--json"))["groups"]}
    ana.s3.put_bucket_acl(Bucket="shared", GrantRead=f'id={groups["writers"]["group_id"]}')
    assert refused(lambda: ben.s3.list_objects_v2(Bucket="shared"))[1] == 403
    olga.can("group", "set", "writers", "--add", "ben")
    assert len(ben.s3.list_objects_v2(Bucket="shared")["Contents"]) == 2
    olga.can("group", "delete", "writers")
    assert refused(lambda: ben.s3.list_objects_v2(Bucket="shared"))[1] == 403
    # No grant reaches across labels: what lies above is not there to be granted.
    people["ana"].s3.create_bucket(Bucket="above-all")
    people["ana"].can("grant", "set", "above-all", "manage", "--to", "ben")
    assert refused(lambda: ben.s3.list_objects_v2(Bucket="above-all")) == ("NoSuchBucket", 404)
    assert "does not exist" in ben.cannot("grant", "list", "above-all")
    assert "does not exist" in people["otto"].cannot("grant", "list", "above-all", "--label", SECRET)


def test_a_clearance_lowered_or_a_person_suspended_stops_what_is_under_way(world, people, tmp_path):
    olga, late = people["olga"], Person(world, tmp_path, "lena", "mission-owner", SECRET, SECRET)
    late.s3.create_bucket(Bucket="lenas")
    body = content("late", MIB)
    for how, back in (
        (("--clearance", U), ("--clearance", SECRET)),
        (("--suspend",), ("--resume",)),
    ):
        upload = late.s3.create_multipart_upload(Bucket="lenas", Key="a")["UploadId"]
        part = late.s3.upload_part(Bucket="lenas", Key="a", UploadId=upload, PartNumber=1, Body=body)
        half = Half(late, "lenas", "slow", body)
        olga.can("user", "set", "lena", *how)
        assert half.ends() == 403, "what was begun does not commit"
        done = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
        finish = lambda: late.s3.complete_multipart_upload(Bucket="lenas", Key="a", UploadId=upload, MultipartUpload=done)  # noqa: B023, E731
        assert refused(finish)[1] == 403
        olga.can("user", "set", "lena", *back)
        assert refused(lambda: late.s3.head_object(Bucket="lenas", Key="slow"))[1] == 404
        finish()
        assert late.s3.get_object(Bucket="lenas", Key="a")["Body"].read() == body
    assert "suspended" not in olga.can("user", "list").split("lena")[1].splitlines()[0]


class Half:
    """A put of which half was sent."""

    def __init__(self, person, bucket, key, body):
        signs = connect(person.world, keys=person.keys, signature_version="s3v4")
        url = signs.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": key})
        match = re.match(r"http://([^/:]+):(\d+)(/.*)", url)
        self.connection = http.client.HTTPConnection(match[1], int(match[2]), timeout=60)
        self.connection.putrequest("PUT", match[3])
        self.connection.putheader("content-length", str(len(body)))
        self.connection.endheaders()
        self.rest = body[len(body) // 2 :]
        self.connection.send(body[: len(body) // 2])
        time.sleep(0.5)

    def ends(self):
        self.connection.send(self.rest)
        status = self.connection.getresponse().status
        self.connection.close()
        return status


def test_a_key_is_rotated_with_and_without_grace(world, people, tmp_path):
    rosa = Person(world, tmp_path, "rosa", "mission-owner", U, U)
    made = json.loads(rosa.can("key", "rotate", rosa.keys[0], "--grace", "3s", "--json"))
    again = connect(world, keys=(made["access_key"], made["secret_key"]))
    again.create_bucket(Bucket="rosas")
    rosa.s3.head_bucket(Bucket="rosas")
    time.sleep(3.2)
    assert refused(lambda: rosa.s3.head_bucket(Bucket="rosas"))[1] == 403
    again.head_bucket(Bucket="rosas")
    assert "expired" in rosa.cannot("key", "rotate", made["access_key"])
    people["olga"].can("key", "rotate", made["access_key"])
    assert refused(lambda: again.head_bucket(Bucket="rosas"))[1] == 403
    assert "you sign with" in people["ben"].cannot("key", "rotate", people["ana-low"].keys[0])


def test_a_release_takes_two_officers_and_goes_once(world, people):
    ana, low, olga, omar, ben = (people[name] for name in ("ana", "ana-low", "olga", "omar", "ben"))
    body = content("release", 2 * MIB)
    ana.s3.create_bucket(Bucket="plans")
    ana.s3.put_object(Bucket="plans", Key="plan", Body=body, Metadata={"by": "ana"})
    low.s3.create_bucket(Bucket="press")

    def ask(key="plan", to="press", to_key="plan", who=ana):
        command = ("release", "ask", f"s3://plans/{key}", f"s3://{to}/{to_key}", "--to-label", U, "--reason", "order 7")
        return json.loads(who.can(*command, "--json"))["id"]

    first = ask()
    def looks(who):
        return api(world, "GET", f"/api/v1/releases/{first}/content", keys=people[who].keys, raw=True)

    assert looks("olga") == looks("omar") == (200, body), "who signs sees what they sign"
    assert looks("otto")[0] == 404 and [looks(who)[0] for who in ("ana", "audrey", "pat")] == [403] * 3
    olga.can("release", "look", first, "--out", str(olga.file.with_suffix(".seen")))
    assert olga.file.with_suffix(".seen").read_bytes() == body
    assert "no such release" in people["otto"].cannot("release", "sign", first), "not cleared for the source"
    assert "duty" in ana.cannot("release", "sign", first)
    assert "duty" in people["audrey"].cannot("release", "sign", first)
    assert json.loads(olga.can("release", "sign", first, "--json"))["state"] == "open"
    assert "twice" in olga.cannot("release", "sign", first)
    assert refused(lambda: low.s3.head_object(Bucket="press", Key="plan"))[1] == 404
    done = json.loads(omar.can("release", "sign", first, "--json"))
    assert done["state"] == "done" and [signed["by"] for signed in done["signed_by"]] == ["olga", "omar"]
    read = low.s3.get_object(Bucket="press", Key="plan")
    assert read["Body"].read() == body and read["Metadata"] == {"by": "ana"}
    assert looks("olga")[0] == 404, "and only while it is open"
    for again in (("sign",), ("carry-out",), ("refuse",)):
        olga.cannot("release", *again, first)
    # A taken key is not replaced, and the signatures stand until it is free.
    low.s3.put_object(Bucket="press", Key="plan", Body=b"in the way")
    second = ask()
    olga.can("release", "sign", second)
    assert "taken" in omar.cannot("release", "sign", second)
    low.s3.delete_object(Bucket="press", Key="plan")
    assert json.loads(run(binary(), "release", "list", "--json", "--as", olga.file, *world.place))["releases"][-1]["state"] == "signed"
    omar.can("release", "carry-out", second)
    assert low.s3.get_object(Bucket="press", Key="plan")["Body"].read() == body
    # What was signed is what goes, or nothing.
    third = ask(to_key="third")
    olga.can("release", "sign", third)
    ana.s3.put_object(Bucket="plans", Key="plan", Body=b"something else")
    omar.cannot("release", "sign", third)
    assert refused(lambda: low.s3.head_object(Bucket="press", Key="third"))[1] == 404
    # A no, and what was taken back, end it.
    fourth, fifth = ask(to_key="fourth"), ask(to_key="fifth")
    omar.can("release", "refuse", fourth)
    ana.can("release", "take-back", fifth)
    for ended in (fourth, fifth):
        olga.cannot("release", "sign", ended)
    assert "no such release" in ben.cannot("release", "take-back", third)
    assert "fourth" not in ben.can("release", "list")
    # Downwards only; and only what one may read and write oneself.
    up = ("release", "ask", "s3://press/plan", "s3://plans/up", "--to-label", SECRET, "--reason", "x")
    assert "needs no release" in ana.cannot(*up)
    assert "does not exist" in low.cannot(*up), "what lies above is not there to be named"
    ben.s3.create_bucket(Bucket="bens-own")
    assert "not granted" in ana.cannot(
        "release", "ask", "s3://plans/plan", "s3://bens-own/x", "--to-label", U, "--reason", "x"
    )
    world.kill()
    world.start()
    states = {release["id"]: release["state"] for release in json.loads(olga.can("release", "list", "--json"))["releases"]}
    assert (states[first], states[third], states[fourth]) == ("done", "signed", "ended")


def test_explain_says_which_step_decided_and_to_the_refused_no_more_than_they_may_know(people):
    ana, ben, olga = people["ana"], people["ben"], people["olga"]
    ana.s3.create_bucket(Bucket="explained")
    ana.s3.put_object(Bucket="explained", Key="a", Body=b"x")

    def steps(who, *command):
        told = json.loads(who.can("explain", *command, "--json"))
        return told["allowed"], told["steps"][-1]["step"], told["steps"][-1]["why"]

    target = ("GetObject", "s3://explained/a")
    assert steps(ana, *target)[:2] == (True, "allow")
    allowed, step, why = steps(olga, *target, "--user", "ben")
    assert (allowed, step) == (False, "lattice") and SECRET in why, why
    hidden, absent = steps(ben, *target), steps(ben, "GetObject", "s3://nobodys-bucket/a")
    assert hidden == absent and hidden[:2] == (False, "lattice") and "SECRET" not in hidden[2], hidden
    assert "yourself" in ben.cannot("explain", *target, "--user", "ana")
    assert "clearance" in people["ana-low"].cannot("explain", *target, "--key", ana.keys[0])
    people["ana-low"].s3.create_bucket(Bucket="explained-low")
    low = ("PutObject", "s3://explained-low/a")
    assert steps(olga, *low, "--user", "ana", "--label", U)[:2] == (True, "allow")
    assert steps(olga, *low, "--user", "ana", "--label", SECRET)[:2] == (False, "lattice")
    assert steps(olga, *low, "--user", "ben")[:2] == (False, "allow")
    assert steps(olga, *low, "--user", "audrey", "--label", U)[:2] == (False, "duty")
    assert steps(olga, *low, "--user", "ben", "--label", SECRET)[:2] == (False, "authenticate")
    people["ana-low"].can("grant", "set", "explained-low", "write", "--to", "ben")
    allowed, step, why = steps(olga, *low, "--user", "ben")
    assert allowed and "`ben` the right to write" in why
    assert steps(ben, "CreateBucket")[:2] == (True, "allow")
    # What explain says is what the door does.
    ben.s3.put_object(Bucket="explained-low", Key="a", Body=b"x")


BLOCK = re.compile(r"^```sh( background)?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def test_the_walk_through_works_as_it_is_written(tmp_path):
    """Every command of docs/levels.md, in a shell, with the ports of this test."""
    text = (ROOT / "docs" / "levels.md").read_text()
    s3_port, admin_port = free_port(), free_port()
    tools = f"{pathlib.Path(binary()).parent}:{pathlib.Path(sys.executable).parent}"
    script = ["set -eu", f"export PATH={tools}:$PATH HOME={tmp_path} AWS_EC2_METADATA_DISABLED=true"]
    for background, commands in BLOCK.findall(text):
        commands = commands.replace("127.0.0.1:9000", f"127.0.0.1:{s3_port}")
        if background:
            ports = f"--s3-listen 127.0.0.1:{s3_port} --admin-listen 127.0.0.1:{admin_port}"
            script.append(f"{commands.strip()} {ports} > up.log 2>&1 & up=$!; trap 'kill $up; wait $up' EXIT")
            script.append("until test -s data/officer -a -s data/run.json; do kill -0 $up; sleep 0.1; done")
        else:
            # `set -e` does not see what must fail.
            script.append(re.sub(r"^! (.*)$", r"if \1; then echo 'this must fail: \1' >&2; exit 1; fi", commands, flags=re.M))
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "ENTENTE_"))}
    done = subprocess.run(
        ["bash", "-c", "\n".join(script)], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}\n{(tmp_path / 'up.log').read_text()}"
    assert "the plan" in done.stdout and "not allowed" in done.stdout
    assert not (tmp_path / "data" / "officer").exists()
