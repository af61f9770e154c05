"""Faults planted by hand in the sites' directories: a scrub names each, and all that can be mended is mended."""

import json
import os
import subprocess
import time
import urllib.error
import urllib.request

import pytest

from client import connect
from content import content
from test_config import Configured
from world import World, binary, run

ILL = "microsoft"
HEADER, DIGEST = 192, 32
WAIT_S = 60


@pytest.fixture
def world(tmp_path):
    made = World(tmp_path / "data")
    yield made.start()
    made.kill()


def told(world, *command):
    return json.loads(run(binary(), *command, *world.place, "--json", timeout=120))


def pieces(world, kind="d"):
    """The ill site's data pieces, by name."""
    return sorted(path for path in world.site(ILL).glob(f"*/{kind}/*/*") if path.is_file())


def flip_every_cell(path):
    """One bit of each cell, so that whichever is read shows it."""
    held = bytearray(path.read_bytes())
    cell = int.from_bytes(held[96:100], "big")
    for at in range(HEADER + 5, len(held) - 100, cell + DIGEST):
        held[at] ^= 4
    path.write_bytes(held)


def open_findings(world):
    """Fault and the end of the object's name, and that all are of the ill site."""
    found = told(world, "findings")["findings"]
    assert all(finding["site"] == ILL and not finding["over"] for finding in found), found
    return {(finding["fault"], finding["object"].rsplit("/", 1)[-1]) for finding in found}


def spares(world, proof, days):
    """Objects by spare pieces."""
    [bucket] = told(world, "durability")["buckets"]
    return {
        row["spare"]: row["objects"] for row in bucket["proofs"] if (row["proof"], row["within_days"]) == (proof, days)
    }


def until(what, holds):
    deadline = time.monotonic() + WAIT_S
    while not holds():
        assert time.monotonic() < deadline, what
        time.sleep(0.3)


def test_each_planted_fault_is_named_and_mended(world):
    s3 = connect(world)
    s3.create_bucket(Bucket="tea")
    bodies = {f"large-{n}": content(n, 3 << 20) for n in range(5)}
    bodies |= {f"small-{n}": content(n, 2000) for n in range(5)}
    for key, body in bodies.items():
        s3.put_object(Bucket="tea", Key=key, Body=body)
    world.wait_until_whole()
    # It spends what its plan says.
    for depths in (["inventory", "heads"], ["cells"]):
        order = ["scrub", "--site", ILL, *(f"--depth={depth}" for depth in depths)]
        plan, done = told(world, *order, "--plan"), told(world, *order)
        assert all(site["within_budget"] and not site["is_out"] for site in plan["sites"]), plan
        assert len(plan["sites"]) == (4 if depths == ["cells"] else 1), "a stripe lies at all sites"
        assert plan["total"]["bytes"] == done["bytes"], (plan, done)
        # A stripe whose first cell follows the header takes a request less.
        least = plan["total"]["requests"] // 2 if depths == ["cells"] else plan["total"]["requests"]
        assert least <= done["requests"] <= plan["total"]["requests"], (plan, done)
    # A scrub of what is well finds nothing, and says so in words.
    assert "nothing wrong was found" in run(binary(), "scrub", *world.place, timeout=120)
    assert spares(world, "recorded", None) == spares(world, "seen", 1) == spares(world, "read", 7) == {2: 10}
    world.restart()  # what was written before is of a closed epoch now
    missing, truncated, flipped, rolled_back, other = pieces(world)
    missing.unlink()
    os.truncate(truncated, truncated.stat().st_size - 10)
    flip_every_cell(flipped)
    rolled_back.write_bytes(other.read_bytes())
    stray = other.with_name("5a" * 16)
    stray.write_bytes(b"what")
    (world.site(ILL) / "notes.txt").write_text("mine")
    done = told(world, "scrub")
    assert done["found"].keys() == {"missing", "truncated", "damaged", "replaced", "stray", "foreign"}, done
    assert done["proven"] > 0 and done["requests"] > 0 and not done["stopped"], done
    planted = {("missing", missing), ("truncated", truncated), ("damaged", flipped), ("replaced", rolled_back)}
    left_alone = {("stray", stray.name), ("foreign", "notes.txt")}
    everything = told(world, "findings", "--all")["findings"]
    everything = {(finding["fault"], finding["object"].rsplit("/", 1)[-1]) for finding in everything}
    assert everything == {(fault, path.name) for fault, path in planted} | left_alone
    page = metrics(world)
    assert f'entente_findings_total{{site="{ILL}",fault="missing"}} 1' in page, page
    # Given up, restored under new names, and proven.
    until("what was given up is restored", lambda: mended(world, 4))
    again = told(world, "scrub")
    assert again["found"].keys() == {"stray", "foreign"}, again
    assert open_findings(world) == left_alone
    assert spares(world, "recorded", None) == spares(world, "read", 7) == {2: 10}
    assert stray.exists() and (world.site(ILL) / "notes.txt").exists()
    for key, body in bodies.items():
        assert s3_body(world, key) == body, key


def mended(world, count):
    """So many segments were given further pieces at the ill site: their names are of the newest epoch."""
    newest = max(path.parent.name for path in pieces(world))
    new = [path for path in pieces(world) if path.parent.name == newest]
    return len(new) == count and spares(world, "recorded", None) == {2: 10}


def s3_body(world, key):
    return connect(world).get_object(Bucket="tea", Key=key)["Body"].read()


def metrics(world):
    token = (world.directory / "admin.token").read_text().strip()
    request = urllib.request.Request(world.ready["admin_endpoint"] + "/metrics")
    request.add_header("authorization", f"Bearer {token}")
    with urllib.request.urlopen(request, timeout=60) as answer:
        assert answer.headers["content-type"].startswith("text/plain")
        return answer.read().decode()


def test_metrics_show_the_ledger_to_those_who_may_see_it(world):
    s3 = connect(world)
    s3.create_bucket(Bucket="tea")
    s3.put_object(Bucket="tea", Key="a", Body=content(1, 3 << 20))
    told(world, "scrub", "--depth", "inventory")
    world.restart()  # the first walk over the ledger is at the start
    until("the ledger was walked", lambda: "entente_durability_objects" in metrics(world))
    page = metrics(world)
    assert "# TYPE entente_durability_age_seconds gauge\nentente_durability_age_seconds " in page, page
    lines = [line for line in page.splitlines() if line.startswith("entente_durability_objects")]
    [line] = [line for line in lines if 'proof="recorded"' in line]
    assert 'bucket="tea"' in line and 'profile="quad"' in line and 'spare="2"' in line and line.endswith(" 1"), line
    for name in ("durability_bytes", "scrub_oldest_proof_seconds", "scrub_requests_today", "scrub_dollars_today"):
        assert f"# TYPE entente_{name} gauge\n" in page, page
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(world.ready["admin_endpoint"] + "/metrics", timeout=60)
    assert refused.value.code == 401


def test_a_budget_stops_a_scrub_and_survives_a_restart(tmp_path):
    # A new day has a new budget.
    if time.time() % 86400 > 86400 - 90:
        time.sleep(90)
    world = Configured(tmp_path)
    world.file.write_text(world.file.read_text() + "\n[scrub]\nrequests_per_day = 5\n")
    run(binary(), "root-key", tmp_path / "keys/root.key")
    world.start()
    try:
        for _ in range(2):
            done = told(world, "scrub", "--depth", "heads")
            spent = {site["site"]: site["requests_today"] for site in told(world, "durability")["sites"]}
            assert set(spent.values()) == {5}, spent
            world.restart()
        assert {stopped["why"] for stopped in done["stopped"]} == {"the day's budget is spent"}, done
        assert not told(world, "scrub", "--depth", "heads", "--beyond-budget")["stopped"]
    finally:
        world.kill()


def test_what_cannot_be_scrubbed_is_said(world):
    refused = subprocess.run(
        [binary(), "scrub", *world.place, "--site", "nowhere"], capture_output=True, text=True, check=False
    )
    assert refused.returncode != 0 and "`nowhere` is no site" in refused.stderr
