"""The admin API as its own document describes it, and the console's port beside it."""

import json
import os
import pathlib
import subprocess
import sys
import threading
from configparser import ConfigParser

import pytest
import requests
from sigv4 import Signed, Token

from client import connect
from content import MIB, content
from world import World, binary, free_port, run

TESTS = pathlib.Path(__file__).parent
# Of each caller's run.
RUN_S = 20

# Left out of what is made up at random, and why.
LEFT_OUT = {
    "get_events": "it does not end",
    "post_backups": "it writes a file of this machine wherever it is told",
    "post_adoptions": "it asks hosts that were made up",
    "post_adoption_plan": "it asks hosts that were made up",
}
# Routes that each caller is answered well at least, of what is made up.
WELL = {"operator": 20, "officer": 15, "low": 15, "owner": 5, "auditor": 5}
# All that there are but three: `positive_data_acceptance`, since a name that the schema allows may be of nothing that is there, and
# two that follow links between routes, of which the document has none.
CHECKS = ",".join(
    [
        "not_a_server_error",
        "status_code_conformance",
        "content_type_conformance",
        "response_headers_conformance",
        "response_schema_conformance",
        "unsupported_method",
        "allow_header_conformance",
        "ignored_auth",
        "missing_required_header",
        "negative_data_rejection",
    ]
)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    world = World(tmp_path_factory.mktemp("api") / "data").start()
    yield world
    world.stop()


def read_keys(path):
    file = ConfigParser()
    file.read(path)
    profile = file[file.sections()[0]]
    return profile["aws_access_key_id"], profile["aws_secret_access_key"]


class Caller:
    """Asks the admin API at the console's port."""

    def __init__(self, world, auth, proof):
        self.base, self.auth, self.proof = world.ready["console_url"], auth, proof

    def ask(self, method, path, expect=200, **more):
        answer = requests.request(method, self.base + path, auth=self.auth, timeout=30, **more)
        assert answer.status_code == expect, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer

    def get(self, path, **more):
        return self.ask("GET", path, **more).json()


def signed(world, keys):
    return Caller(world, Signed(world.region, *keys), ":".join(("key", world.region, *keys)))


@pytest.fixture(scope="module")
def operator(world):
    token = (world.directory / "admin.token").read_text().strip()
    return Caller(world, Token(token), f"token:{token}")


@pytest.fixture(scope="module")
def officer(world):
    return signed(world, read_keys(world.directory / "officer"))


@pytest.fixture(scope="module")
def low(world, officer):
    """Above whom most of the enclave lies: what is told of everything together is not told to them."""
    return signed(world, made(officer, "low", "platform-operator"))


@pytest.fixture(scope="module")
def owner(world):
    return signed(world, world.keys())


@pytest.fixture(scope="module")
def auditor(world, officer):
    return signed(world, made(officer, "inspector", "auditor"))


@pytest.fixture(scope="module")
def tea(world):
    s3 = connect(world)
    s3.create_bucket(Bucket="tea")
    s3.put_object(Bucket="tea", Key="small", Body=b"sencha")
    s3.put_object(Bucket="tea", Key="large", Body=content("large", 2 * MIB))
    return s3


def made(officer, name, role, **more):
    officer.ask("POST", "/api/v1/users", 201, json={"user": name, "role": role, **more})
    issued = officer.ask("POST", "/api/v1/keys", 201, json={"user": name}).json()
    return issued["access_key"], issued["secret_key"]


@pytest.mark.timeout(RUN_S * 3)
@pytest.mark.parametrize("who", ["operator", "officer", "low", "owner", "auditor"])
def test_it_does_what_its_document_says(world, who, request, tea, tmp_path):
    caller = request.getfixturevalue(who)
    document = caller.get("/api/v1/openapi.json")
    assert document["openapi"].startswith("3.1")
    known = {op["operationId"] for item in document["paths"].values() for op in item.values()}
    assert set(LEFT_OUT) <= known, set(LEFT_OUT) - known
    file = tmp_path / "openapi.json"
    file.write_text(json.dumps(document))
    command = [pathlib.Path(sys.executable).parent / "schemathesis", "run", file, "--url", caller.base]
    command += ["--phases", "coverage,fuzzing", "--checks", CHECKS, "--max-time", RUN_S, "--max-examples", 12]
    command += ["--continue-on-failure", "--no-shrink", "--warnings", "off", "--seed", 1]
    command += [part for name in LEFT_OUT for part in ("--exclude-operation-id", name)]
    environment = {**os.environ, "SCHEMATHESIS_HOOKS": "api_hooks", "PYTHONPATH": str(TESTS), "ENTENTE_PROOF": caller.proof}
    command, before = [str(part) for part in command], len(world.log_text())
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, cwd=tmp_path)
    assert done.returncode == 0, (done.stdout + done.stderr)[-20000:]
    assert world.process.poll() is None, "it is still there"
    # A caller who is not let in is answered as the document says, too.
    lines = [json.loads(line) for line in world.log_text()[before:].splitlines() if '"admin request"' in line]
    asked = {(line["method"], line["route"]) for line in lines}
    wanted = {
        (method.upper(), path)
        for path, item in document["paths"].items()
        for method, op in item.items()
        if op["operationId"] not in LEFT_OUT
    }
    assert not wanted - asked, f"it ended before these were asked: {sorted(wanted - asked)}"
    well = {(line["method"], line["route"]) for line in lines if line["status"] < 300}
    assert len(well) >= WELL[who], sorted(well)


def of_two(caller, path, name):
    """The list that `path` gives two at a time, and in how many pages."""
    met, after, pages = [], "", 0
    while after is not None:
        page = caller.get(f"{path}?limit=2{after}")
        met += page[name]
        after, pages = (f"&after={page['next']}" if page["next"] else None), pages + 1
    return met, pages


def test_a_list_is_read_page_by_page(officer, operator, tea):
    for number in range(5):
        officer.ask("POST", "/api/v1/users", 201, json={"user": f"page-{number}"})
        grant = {"to": f"page-{number}", "right": "read"}
        granted = officer.ask("PUT", "/api/v1/buckets/tea/grants", json=grant).json()["grants"]
        tea.create_bucket(Bucket=f"page-{number}")
        tea.put_object(Bucket=f"page-{number}", Key="leaf", Body=b"sencha")
    assert {grant["to"] for grant in granted} >= {f"page-{number}" for number in range(5)}
    for caller, path, name in [
        (officer, "/api/v1/users", "users"),
        (officer, "/api/v1/buckets/tea/grants", "grants"),
        (operator, "/api/v1/durability", "buckets"),
    ]:
        whole = caller.get(path)[name]
        assert len(whole) >= 5 and of_two(caller, path, name) == (whole, -(-len(whole) // 2)), path
        for bad in ("limit=0", "limit=1001", "limit=x", "after=zz", "before=1"):
            problem = caller.ask("GET", f"{path}?{bad}", 400)
            assert problem.headers["content-type"] == "application/problem+json"


def test_one_is_shown_and_whoever_is_above_is_absent(world, officer, low, tea):
    officer.ask("POST", "/api/v1/users", 201, json={"user": "shown", "clearance": "SECRET"})
    officer.ask("POST", "/api/v1/groups", 201, json={"group": "shown"})
    group = officer.ask("PATCH", "/api/v1/groups/shown", json={"add": ["shown"]}).json()
    assert officer.get("/api/v1/users/shown") in officer.get("/api/v1/users")["users"]
    assert officer.get("/api/v1/groups/shown") == group and group["members"] == ["shown"]
    watcher = signed(world, made(officer, "watcher", "auditor"))
    watcher.ask("GET", "/api/v1/users/shown", 404)
    assert watcher.get("/api/v1/groups/shown")["members"] == []
    for absent in ("/api/v1/users/nobody", "/api/v1/groups/nobody"):
        assert "see `entente" in officer.ask("GET", absent, 404).json()["detail"]
    # An owner who is cleared for more is absent to whoever sees the bucket.
    bucket = lambda caller: next(row for row in caller.get("/api/v1/buckets")["buckets"] if row["name"] == "tea")
    assert (bucket(officer)["owner"], bucket(low)["owner"]) == ("owner", None)


def test_what_the_caller_has_is_not_sent_again(officer):
    first = officer.ask("GET", "/api/v1/users")
    tag = first.headers["etag"]
    again = officer.ask("GET", "/api/v1/users", 304, headers={"If-None-Match": tag})
    assert not again.content and again.headers["etag"] == tag
    officer.ask("POST", "/api/v1/users", 201, json={"user": "changes-the-list"})
    assert officer.ask("GET", "/api/v1/users", headers={"If-None-Match": tag}).headers["etag"] != tag


def test_a_change_takes_no_condition_and_says_so(officer):
    officer.ask("POST", "/api/v1/users", 201, json={"user": "unconditional"})
    for tag in ('"nonsense"', "*"):
        answer = officer.ask("PATCH", "/api/v1/users/unconditional", 412, json={"suspended": True}, headers={"If-Match": tag})
        assert "leave the header out" in answer.json()["detail"]
    [user] = [user for user in officer.get("/api/v1/users")["users"] if user["user"] == "unconditional"]
    assert not user["suspended"]


def test_an_order_is_carried_out_once(world, officer):
    key = {"Idempotency-Key": "one-order"}
    first = officer.ask("POST", "/api/v1/users", 201, json={"user": "once"}, headers=key)
    again = officer.ask("POST", "/api/v1/users", 201, json={"user": "once"}, headers=key)
    assert again.json() == first.json() and again.headers["idempotency-replayed"] == "true"
    officer.ask("POST", "/api/v1/users", 409, json={"user": "once"})
    other = officer.ask("POST", "/api/v1/users", 422, json={"user": "other"}, headers=key)
    assert other.headers["content-type"] == "application/problem+json"
    for key_of_another_kind in ("two words", "k" * 256):
        officer.ask("POST", "/api/v1/users", 400, json={"user": "never"}, headers={"Idempotency-Key": key_of_another_kind})
    # Another caller's key of the same name is another order.
    second = signed(world, made(officer, "second-officer", "security-officer"))
    second.ask("POST", "/api/v1/users", 201, json={"user": "twice"}, headers=key)
    many = [threading.Thread(target=lambda: statuses.append(raced())) for _ in range(8)]
    statuses = []

    def raced():
        url, headers = officer.base + "/api/v1/groups", {"Idempotency-Key": "raced"}
        return requests.post(url, auth=officer.auth, json={"group": "raced"}, headers=headers, timeout=30).status_code

    for one in many:
        one.start()
    for one in many:
        one.join()
    assert set(statuses) <= {201, 409} and 201 in statuses
    assert [group["group"] for group in officer.get("/api/v1/groups")["groups"]].count("raced") == 1


def test_where_an_object_lies_is_told_to_whoever_may_read_it(world, owner, officer, tea):
    for key, place in (("small", "journal"), ("large", "segments")):
        told = owner.get(f"/api/v1/buckets/tea/pieces?key={key}")
        assert told["where"] == place and told["segments"], told
        for segment in told["segments"]:
            assert {piece["site"] for piece in segment["pieces"]} <= {"amazon", "microsoft", "google", "oracle"}
            assert len(segment["pieces"]) == segment["k"] + segment["m"]
            assert sum(piece["data"] for piece in segment["pieces"]) == segment["k"]
            assert all(piece["state"] == "well" for piece in segment["pieces"])
    owner.ask("GET", "/api/v1/buckets/tea/pieces?key=none", 404)
    owner.ask("GET", "/api/v1/buckets/none/pieces?key=small", 404)
    stranger = signed(world, made(officer, "stranger", "mission-owner"))
    stranger.ask("GET", "/api/v1/buckets/tea/pieces?key=small", 403)
    stranger.ask("GET", "/api/v1/buckets/tea/pieces?key=none", 403)
    officer.ask("GET", "/api/v1/buckets/tea/pieces?key=small", 403)


def test_a_bucket_is_made_with_its_profile(world, owner, officer):
    info = owner.ask("POST", "/api/v1/buckets", 201, json={"name": "mirrored", "profile": "mirror-2"}).json()
    assert info["profile"] == "mirror-2"
    names = [bucket["name"] for bucket in owner.get("/api/v1/buckets")["buckets"]]
    assert "mirrored" in names
    connect(world).put_object(Bucket="mirrored", Key="a", Body=b"a")
    officer.ask("POST", "/api/v1/buckets", 403, json={"name": "officers"})
    owner.ask("POST", "/api/v1/buckets", 400, json={"name": "NO"})
    owner.ask("POST", "/api/v1/buckets", 400, json={"name": "well", "profile": "none"})


def test_events_tell_what_is_and_then_what_changes(world, operator):
    answer = requests.get(operator.base + "/api/v1/events", auth=operator.auth, stream=True, timeout=30)
    assert answer.status_code == 200 and answer.headers["content-type"] == "text/event-stream"
    lines, met = answer.iter_lines(decode_unicode=True), {}

    def until(name, holds):
        event = None
        for line in lines:
            if line.startswith("event: "):
                event = line.removeprefix("event: ")
            elif line.startswith("data: ") and event:
                met[event] = json.loads(line.removeprefix("data: "))
                if event == name and holds(met[event]):
                    return met[event]
        raise AssertionError(f"the events ended: {met}")

    until("overview", lambda _: True)
    assert set(met) == {"sites", "activity", "overview"}
    run(binary(), "site", "suspend", "google", *world.place)
    suspended = until("sites", lambda told: any(site["state"] == "suspended" for site in told["sites"]))
    assert [site["name"] for site in suspended["sites"] if site["state"] == "suspended"] == ["google"]
    until("activity", lambda told: any(item["kind"] == "suspended" for item in told["items"]))
    run(binary(), "site", "activate", "google", *world.place)
    until("sites", lambda told: all(site["state"] == "active" for site in told["sites"]))
    answer.close()


def test_events_end_when_the_key_is_revoked(world, officer):
    keys = made(officer, "audrey", "auditor")
    audrey = signed(world, keys)
    answer = requests.get(audrey.base + "/api/v1/events", auth=audrey.auth, stream=True, timeout=60)
    assert answer.status_code == 200
    lines = answer.iter_lines()
    assert next(lines), "a key that holds is told something"
    officer.ask("DELETE", f"/api/v1/keys/{keys[0]}", 204)
    for _ in lines:
        pass
    audrey.ask("GET", "/api/v1/session", 401)


def test_sums_over_all_labels_are_told_to_those_alone_who_see_all(world, officer, operator):
    low = signed(world, made(officer, "low-operator", "platform-operator"))
    session = low.get("/api/v1/session")
    assert session["sees_all"] is False and session["user"] == "low-operator"
    low.ask("GET", "/api/v1/repair-plan", 403)
    low.ask("GET", "/api/v1/repairs", 403)
    low.ask("POST", "/api/v1/repairs", 403, json={})
    low.ask("POST", "/api/v1/scrub-plan", 403, json={})
    low.ask("POST", "/api/v1/evacuation-plan", 403, json={"sites": ["google"]})
    low.ask("POST", "/api/v1/site-states", 403, json={"sites": ["google"], "state": "draining"})
    low.ask("GET", "/api/v1/backup-plan", 403)
    low.ask("GET", "/api/v1/backups", 403)
    low.ask("POST", "/api/v1/backups", 403, json={"path": str(world.directory / "a-backup")})
    low.ask("POST", "/api/v1/data-move-plan", 403, json={})
    low.ask("POST", "/api/v1/data-moves", 403, json={})
    low.ask("POST", "/api/v1/data-move-plan", 404, json={"bucket": "nobodys"})
    assert set(low.get("/api/v1/data-moves")) == {"moves", "next"}
    history = low.get("/api/v1/history")
    assert "door" not in history
    assert all(set(site) == {"reads_out", "writes_out"} for site in history["sites"].values())
    overview = low.get("/api/v1/overview")
    assert all(overview[what] is None for what in ("below_promise", "cost_month", "troubles"))
    assert all("pieces" not in site and "bytes" not in site for site in low.get("/api/v1/sites")["sites"])
    operator.get("/api/v1/repair-plan")
    plan = operator.ask("POST", "/api/v1/scrub-plan", json={"depths": ["inventory"]}).json()
    assert len(plan["sites"]) == 4 and plan["total"]["requests"] == 12, plan
    assert set(operator.get("/api/v1/data-moves")) == {"moves", "next", "work", "waits"}
    overview = operator.get("/api/v1/overview")
    assert (overview["below_promise"], overview["troubles"]) == (0, []), overview


def entry(name, **more):
    """A `[[site]]` as a configuration has it."""
    settings = {"name": name, "vendor": "own", "region": "cellar", **more}
    return "[[site]]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in settings.items())


def test_a_site_is_checked_before_it_is_added_by_who_runs_sites(world, operator, officer):
    closed = {"kind": "s3", "endpoint": f"http://127.0.0.1:{free_port()}", "anonymous": True}
    path, good = "/api/v1/site-checks", {"entry": entry("hall-e", **closed, bucket="pieces")}
    told = operator.ask("POST", path, json=good).json()
    assert not told["works"] and told["held_by"] is None and told["ceiling"] == "UNCLASSIFIED", told
    assert [step["step"] for step in told["steps"]] == ["marker"] and told["steps"][0]["error"], told
    assert f"bucket `pieces` at {closed['endpoint']} exists and is reached from here" in told["advice"][0], told
    officer.ask("POST", path, 403, json=good)
    signed(world, made(officer, "ada", "auditor")).ask("POST", path, 403, json=good)
    keeper = signed(world, made(officer, "keeper", "platform-operator"))
    folder = world.directory.parent / "chosen"
    folder.mkdir()
    for status, says, wrong in (
        (400, "`entente site add` there", entry("hall-e", kind="local", path=str(folder))),
        (400, "line 8 of the entry: `buckets` is no setting of [site]", entry("hall-e", **closed, buckets="pieces")),
        (400, "here are 2", good["entry"] + entry("hall-f", **closed, bucket="more")),
        (409, "a site called `google` is there already", entry("google", **closed, bucket="pieces")),
    ):
        for way in (path, "/api/v1/site-plan", "/api/v1/sites"):
            problem = keeper.ask("POST", way, status, json={"entry": wrong})
            assert problem.headers["content-type"] == "application/problem+json", problem.headers
            assert says in problem.json()["detail"], problem.text
    high = {"entry": entry("hall-e", **closed, bucket="pieces", ceiling="SECRET")}
    assert "the ceiling of this site lies above" in keeper.ask("POST", "/api/v1/sites", 403, json=high).json()["detail"]
    officer.ask("POST", "/api/v1/sites", 403, json=good)
    alone = operator.ask("POST", "/api/v1/sites", 409, json=high).json()["detail"]
    assert "start with --config FILE; nothing was written" in alone, alone
    assert not list(folder.iterdir()), "nothing is written where a session says"


def test_the_matrix_is_the_one_of_the_page(owner):
    told = owner.get("/api/v1/role-matrix")
    page = (TESTS.parent / "docs/role-matrix.md").read_text()
    rows = {row["action"]: row["outcomes"] for row in told["actions"] if row["label"] == "same"}
    first = page.split("### A bucket whose label is same")[1].split("###")[0]
    for line in (line for line in first.splitlines() if line.startswith("| ") and not line.startswith("| action")):
        action, *cells = [cell.strip() for cell in line.strip("|").split("|")]
        assert [rows[action][stand] for stand in ("owner", "manage", "write", "read", "stranger")] == cells


def test_the_ledger_and_history_are_told(operator, tea):
    assert operator.get("/api/v1/durability?now=true")["buckets"]
    for minutes in (0, 361):
        operator.ask("GET", f"/api/v1/history?minutes={minutes}", 400)
    history = operator.get("/api/v1/history?minutes=60")
    lengths = {len(series) for site in history["sites"].values() for series in site.values()}
    assert history["step_s"] == 10 and len(lengths) == 1


def test_who_has_a_key_alone_asks_from_a_terminal(world, officer, tea, tmp_path):
    id, secret = made(officer, "terence", "auditor")
    key = tmp_path / "terence"
    key.write_text(f"[default]\naws_access_key_id = {id}\naws_secret_access_key = {secret}\n")

    def ask(*command, code=0):
        line = [binary(), *command, "--json", "--as", key, "--at", officer.base]
        done = subprocess.run([str(part) for part in line], capture_output=True, text=True, check=False, cwd=tmp_path)
        assert done.returncode == code, (command, done.stdout, done.stderr)
        return json.loads(done.stdout) if code == 0 else done.stderr

    assert {site["name"] for site in ask("status")["sites"]} == {site["name"] for site in ask("site", "list")["sites"]}
    assert "items" in ask("activity") and "buckets" in ask("durability") and "findings" in ask("findings") and "labels" in ask("label", "list")
    assert "tea" in {bucket["name"] for bucket in ask("bucket", "list")["buckets"]}
    assert [bucket["name"] for bucket in ask("bucket", "show", "tea")["buckets"]] == ["tea"]
    assert "terence" in {user["user"] for user in ask("user", "list")["users"]} and ask("user", "show", "terence")
    for thing in ("group", "release", "key"):
        assert f"{thing}s" in ask(thing, "list")
    for command, why in {
        ("repair",): "you are auditor",
        ("scrub",): "you are auditor",
        ("group", "create", "tasters"): "you are auditor",
        ("bucket", "create", "coffee"): "sign with a mission owner's key",
    }.items():
        refused = json.loads(ask(*command, code=9))
        assert (refused["title"], refused["status"], refused["exit_code"]) == ("Forbidden", 403, 9), refused
        assert why in refused["detail"]
    assert json.loads(ask("bucket", "show", "nowhere", code=13)).keys() == {"title", "detail", "exit_code"}
    officer.ask("DELETE", f"/api/v1/keys/{id}", 204)
    ask("status", code=9)
