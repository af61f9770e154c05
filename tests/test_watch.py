"""Watching: what a scrape says, to whom, in which formats; what the log says; dashboards and alerts that hold."""

import json
import pathlib
import re
import subprocess
import time

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as prometheus
import urllib.error
import urllib.request

from client import connect
from collector import collecting
from content import MIB, content
from test_config import Configured
from world import binary, run

ROOT = pathlib.Path(__file__).parent.parent
U, SECRET = "UNCLASSIFIED", "SECRET//NOFORN"
OPENMETRICS = "application/openmetrics-text;version=1.0.0"
AGES = "entente_durability_age_seconds"


def documented():
    """Name, kind, labels and who sees it, by the page that a test of the code keeps."""
    rows = [line.split("|") for line in (ROOT / "docs/metrics.md").read_text().splitlines() if line.startswith("| `")]
    return {row[1].strip().strip("`"): tuple(cell.strip() for cell in row[2:5]) for row in rows}


def scrape(world, keys=None, accept=OPENMETRICS):
    url = world.ready["admin_endpoint"] + "/metrics"
    request = AWSRequest("GET", url, headers={"accept": accept})
    if keys:
        SigV4Auth(Credentials(*keys), "entente", world.region).add_auth(request)
    else:
        request.headers["authorization"] = "Bearer " + (world.directory / "admin.token").read_text().strip()
    with urllib.request.urlopen(urllib.request.Request(url, headers=dict(request.headers)), timeout=60) as answer:
        return answer.headers["content-type"], answer.read().decode()


def samples(page):
    return [sample for family in openmetrics(page) for sample in family.samples]


def value(page, name, **labels):
    found = [one.value for one in samples(page) if one.name == name and labels.items() <= one.labels.items()]
    assert found, f"no {name} {labels}"
    return sum(found)


def key_of(world, name, role, label):
    run(binary(), "user", "create", name, "--role", role, "--clearance", label, *world.place)
    made = json.loads(run(binary(), "key", "create", "--user", name, "--label", label, "--json", *world.place))
    return made["access_key"], made["secret_key"]


@pytest.fixture(scope="module")
def used(world):
    """A world in which something of each kind happened."""
    s3 = connect(world)
    s3.create_bucket(Bucket="watched")
    s3.put_object(Bucket="watched", Key="small", Body=b"x" * 4096)
    s3.put_object(Bucket="watched", Key="large", Body=content("large", 3 * MIB))
    for key in ("small", "large"):
        s3.get_object(Bucket="watched", Key=key)["Body"].read()
    s3.list_objects_v2(Bucket="watched")
    s3.delete_object(Bucket="watched", Key="small")
    with pytest.raises(s3.exceptions.NoSuchKey):
        s3.get_object(Bucket="watched", Key="small")
    # Signed by nobody who is known.
    with pytest.raises(Exception, match="InvalidAccessKeyId"):
        connect(world, keys=("ENTENOBODY", "x")).list_buckets()
    return world


def test_every_series_is_one_that_the_page_names_and_both_formats_say_the_same(used):
    kind, page = scrape(used)
    assert kind.startswith("application/openmetrics-text")
    plain_kind, plain = scrape(used, accept="text/plain")
    assert plain_kind.startswith("text/plain; version=0.0.4")
    names = documented()
    seen = set()
    for family in openmetrics(page):
        shown = family.name + ("_total" if family.type == "counter" else "")
        assert shown in names, f"{shown} is in no table"
        told_kind, labels, _ = names[shown]
        assert family.type == told_kind, shown
        for sample in family.samples:
            assert set(sample.labels) - {"le"} == set(filter(None, labels.split(", "))), sample
        seen.add(shown)
    plain_names = {family.name + ("_total" if family.type == "counter" else "") for family in prometheus(plain)}
    assert plain_names == seen
    # What is there only when something is wrong, under way or set.
    rare = {
        "entente_findings_open", "entente_findings_total", "entente_site_leaving_pieces", "entente_open_data_moves",
        "entente_keeping_dollars_limit", "entente_certificate_expiry_timestamp_seconds",
    }
    ledger = {name for name in names if name.startswith(("entente_durability", "entente_scrub", "entente_spared"))}
    assert set(names) - seen <= rare | ledger, set(names) - seen - rare - ledger


def test_what_happened_is_counted(used):
    _, page = scrape(used)
    count = "entente_s3_request_seconds_count"
    assert value(page, count, **{"class": "get", "status": "2xx", "label": U}) == 2
    assert value(page, count, **{"class": "get", "status": "4xx", "label": U}) == 1
    assert value(page, count, **{"class": "put", "label": U}) == 2
    assert value(page, count, **{"class": "list", "label": "unproven", "status": "4xx"}) == 1
    assert value(page, "entente_s3_received_bytes_total", **{"class": "put", "label": U}) >= 3 * MIB + 4096
    assert value(page, "entente_s3_sent_bytes_total", **{"class": "get", "label": U}) >= 3 * MIB + 4096
    for stage in ("decide", "ship", "show"):
        assert value(page, "entente_commit_stage_seconds_count", label=U, stage=stage) >= 4
    for site in ("amazon", "microsoft", "google", "oracle"):
        assert value(page, "entente_site_request_seconds_count", site=site, kind="put", outcome="done") >= 4
        assert value(page, "entente_site_out", site=site) == 0
        assert value(page, "entente_site_state", site=site, state="active") == 1
        assert value(page, "entente_site_written_bytes_total", site=site) > MIB
    assert value(page, "entente_objects") == 1 and value(page, "entente_buckets") == 1
    assert value(page, "entente_catalog_bytes") > 0 and value(page, "entente_disk_free_bytes", place="data") > 0
    assert value(page, "process_resident_memory_bytes") > MIB and value(page, "process_open_fds") > 10
    assert abs(value(page, "process_start_time_seconds") - time.time()) < 600


def test_an_exemplar_is_the_request_that_a_client_was_answered(used):
    answer = connect(used).list_objects_v2(Bucket="watched")
    wanted = answer["ResponseMetadata"]["HTTPHeaders"]["x-amz-request-id"]
    _, page = scrape(used)
    named = {
        one.exemplar.labels["request_id"]
        for one in samples(page)
        if one.name == "entente_s3_request_seconds_bucket" and one.labels["class"] == "list" and one.exemplar
    }
    assert wanted in named, named
    lines = [json.loads(line) for line in used.log_text().splitlines() if wanted in line]
    [line] = [line for line in lines if line["message"] == "request"]
    assert line["operation"] == "ListObjectsV2" and line["status"] == 200 and line["request_id"] == wanted


def test_a_request_line_names_nothing_that_is_stored_and_nobody(used):
    lines = [json.loads(line) for line in used.log_text().splitlines() if line.startswith("{")]
    requests = [line for line in lines if line.get("message") == "request"]
    fields = {
        "timestamp", "level", "message", "target", "request_id", "method", "operation", "status", "code", "bytes_in",
        "bytes_out", "millis", "broken",
    }
    assert requests and all(line.keys() <= fields for line in requests), requests[0]
    text = "\n".join(json.dumps(line) for line in requests)
    access, secret = used.keys()
    for name in ("watched", "small", "large", access, secret, U):
        assert name not in text, name


def test_admin_requests_have_ids_and_lines_without_names(used):
    url = used.ready["admin_endpoint"] + "/api/v1/groups/no-such-group"
    request = AWSRequest("DELETE", url)
    officer = (used.directory / "officer").read_text()
    keys = [re.search(rf"{name}\s*=\s*(\S+)", officer)[1] for name in ("access_key_id", "secret_access_key")]
    SigV4Auth(Credentials(*keys), "entente", used.region).add_auth(request)
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(urllib.request.Request(url, method="DELETE", headers=dict(request.headers)), timeout=60)
    told = refused.value.headers["x-request-id"]
    assert refused.value.code == 404 and re.fullmatch("[0-9A-F]{16}", told), told
    [line] = [json.loads(line) for line in used.log_text().splitlines() if told in line]
    assert (line["route"], line["status"]) == ("/api/v1/groups/{name}", 404) and "no-such-group" not in json.dumps(line)


def test_a_lower_label_hears_nothing_of_a_higher_one(new_world):
    world = new_world()
    world.start()
    low, high = key_of(world, "low", "mission-owner", U), key_of(world, "high", "mission-owner", SECRET)
    watcher = key_of(world, "watcher", "platform-operator", U)
    seer = key_of(world, "seer", "platform-operator", SECRET)
    connect(world, keys=low).create_bucket(Bucket="low-bucket")
    connect(world, keys=low).put_object(Bucket="low-bucket", Key="a", Body=content("low", 2 * MIB))
    deadline = time.monotonic() + 60
    while AGES not in scrape(world)[1]:
        assert time.monotonic() < deadline, "the ledger was never walked"
        time.sleep(0.5)

    def told(keys):
        return scrape(world, keys)[1].splitlines()

    before = {name: told(keys) for name, keys in (("watcher", watcher), ("seer", seer))}
    s3 = connect(world, keys=high)
    s3.create_bucket(Bucket="high-bucket")
    for index in range(5):
        s3.put_object(Bucket="high-bucket", Key=f"k{index}", Body=content(index, MIB + index))
        s3.get_object(Bucket="high-bucket", Key=f"k{index}")["Body"].read()
    # What it asks of a bucket below, which is another's, is its own doing still.
    for key in ("a", "not there"):
        with pytest.raises(s3.exceptions.ClientError, match="AccessDenied"):
            s3.get_object(Bucket="low-bucket", Key=key)
    assert told(watcher) == before["watcher"], "the lower one's scrape tells of what lies above"
    after = told(seer)
    assert after != before["seer"] and any(f'label="{SECRET}"' in line for line in after), after
    assert not any(SECRET in line or "unproven" in line or "process_" in line for line in before["watcher"])


def promtool(*arguments, **more):
    done = subprocess.run(["promtool", *arguments], capture_output=True, text=True, check=False, **more)
    return done.returncode, done.stdout + done.stderr


def test_promtool_finds_nothing_wrong_with_a_scrape(used):
    _, page = scrape(used, accept="text/plain")
    code, said = promtool("check", "metrics", input=page)
    assert code == 0, said


def test_alerts_fire_when_they_should_and_not_otherwise():
    code, said = promtool("check", "rules", str(ROOT / "deploy/prometheus/alerts.yaml"))
    assert code == 0, said
    code, said = promtool("test", "rules", "alerts.test.yaml", cwd=ROOT / "deploy/prometheus")
    assert code == 0 and "SUCCESS" in said, said


def test_each_alert_has_a_test_that_sees_it_fire():
    alerts = re.findall(r"^\s*- alert: (\w+)", (ROOT / "deploy/prometheus/alerts.yaml").read_text(), re.M)
    tests = (ROOT / "deploy/prometheus/alerts.test.yaml").read_text()
    assert alerts and len(set(alerts)) == len(alerts)
    for alert in alerts:
        fires = re.findall(rf"alertname: {alert}\n\s*exp_alerts:\n\s*- exp_labels", tests)
        quiet = re.findall(rf"alertname: {alert}\n\s*exp_alerts: \[\]", tests)
        assert fires and quiet, f"{alert} is not tested both ways"


def test_the_dashboards_queries_parse(tmp_path):
    dashboard = json.loads((ROOT / "deploy/grafana/entente.json").read_text())
    known = {variable["name"] for variable in dashboard["templating"]["list"]} | {"__rate_interval"}
    queries = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", [])]
    queries += [one["expr"] for one in dashboard["annotations"]["list"]]
    assert len(queries) > 40 and set(re.findall(r"\$(\w+)", " ".join(queries))) <= known
    rules = [{"record": f"panel{at}", "expr": re.sub(r"\$\w+", "5m", query)} for at, query in enumerate(queries)]
    (tmp_path / "rules.json").write_text(json.dumps({"groups": [{"name": "panels", "rules": rules}]}))
    code, said = promtool("check", "rules", str(tmp_path / "rules.json"))
    assert code == 0, said


@pytest.mark.parametrize("file", ["grafana/entente.json", "prometheus/alerts.yaml", "prometheus/alerts.test.yaml"])
def test_dashboards_and_alerts_name_only_metrics_that_exist(file):
    names = set(documented())
    text = (ROOT / "deploy" / file).read_text()
    used = {re.sub("_(bucket|sum|count)$", "", name) for name in re.findall(r"\b(?:entente|process)_\w+", text)}
    assert used and used <= names, used - names


def test_traces_are_as_documented_and_name_nobody(tmp_path):
    """Each span of the page is met, with the attributes that stand there and no other."""
    with collecting() as (collector, traces):
        world = Configured(tmp_path)
        world.file.write_text(world.file.read_text() + traces + "one_in = 1\n")
        run(binary(), "root-key", tmp_path / "keys/root.key")
        try:
            world.start()
            s3 = connect(world, keys=world.keys())
            s3.create_bucket(Bucket="hidden-bucket", CreateBucketConfiguration={"LocationConstraint": world.region})
            s3.put_object(Bucket="hidden-bucket", Key="hidden-key", Body=content("traced", 3 * MIB))
            s3.get_object(Bucket="hidden-bucket", Key="hidden-key")["Body"].read()
            world.stop()
        finally:
            world.kill()
    rows = [line.split("|") for line in (ROOT / "docs/logs.md").read_text().splitlines() if line.startswith("| `")]
    documented = {row[1].strip().strip("`"): set(re.findall("`(.+?)`", row[2])) for row in rows}
    assert {name for name, _ in collector.spans} == set(documented)
    for name, attributes in collector.spans:
        assert set(attributes) == documented[name], (name, attributes)
    served = {at["operation"]["stringValue"]: at["status"]["intValue"] for name, at in collector.spans if name == "request"}
    assert served["PutObject"] == served["GetObject"] == "200", served
    assert max(int(at["bytes"]["intValue"]) for name, at in collector.spans if name == "site") > MIB
    kinds = {at["kind"]["stringValue"] for name, at in collector.spans if name == "site"}
    assert {"put", "get"} <= kinds <= {"put", "get", "head", "delete", "list"}
    assert not [text for text in collector.texts if "hidden" in text or "owner" in text]
