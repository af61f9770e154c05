"""A site is left under load, with the plan shown before and the cost after; killed in the middle it goes on;
a dead one is left too. What a site lost is repaired by plan, and so far as the sites' listings say. What lies in
a bucket moves to another profile while it is used."""

import json
import shutil
import subprocess
import time

import pytest

from client import connect
from content import content
from ledger import Ledger, read_back
from load import MIXED, Load
from world import binary

MIB = 1 << 20


def entente(world, *words, check=True):
    command = [binary(), *words, *world.place]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert not check or done.returncode == 0, done.stderr
    return done


def sites(world):
    listed = json.loads(entente(world, "site", "list", "--json").stdout)
    return {site["name"]: site for site in listed["sites"]}


def wait_for_state(world, name, state, within_s=120):
    until = time.monotonic() + within_s
    while sites(world)[name]["state"] != state:
        assert time.monotonic() < until, f"{name} is {sites(world)[name]}"
        time.sleep(0.3)


@pytest.mark.timeout(600)
def test_a_site_is_left_under_load_and_killed_in_the_middle(new_world, chance, figure):
    world = new_world()
    world.start()
    s3 = connect(world)
    s3.create_bucket(Bucket="left")
    ledger = Ledger()
    load = Load(s3, "left", ledger, chance, 4, MIXED).start()
    load.wait_for(60)
    plan = json.loads(entente(world, "site", "evacuate", "google", "--plan", "--json").stdout)
    assert plan["work"]["segments"] > 0 and plan["waiting"] == 0
    assert plan["recoded"] == plan["work"]["segments"], "three vendors are too few for 2+2"
    assert sites(world)["google"]["state"] == "active", "a plan changes nothing"
    entente(world, "site", "evacuate", "google", "--no-wait")
    load.wait_for(load.done + 20)
    load.stopping.set()
    assert load.finish() == [], "no request fails while a site is left"
    world.kill()
    world.start()
    assert sites(world)["google"]["state"] in ("draining", "detached"), "what was decided is not forgotten"
    done = entente(world, "site", "evacuate", "google")
    assert "google is empty and detached" in done.stdout and "pieces brought away" in done.stderr
    s3 = connect(world)
    read_back(s3, "left", ledger)
    assert world.status()["below_promise"] == 0
    scrubbed = json.loads(entente(world, "scrub", "--depth", "inventory", "--json").stdout)
    # What the killed process was storing is named by no record, and swept in time.
    assert scrubbed["stopped"] == [] and set(scrubbed["found"]) <= {"stray"}, scrubbed
    # Nothing of it is needed: without the directory, and with one more gone, everything is there.
    shutil.rmtree(world.site("google"))
    shutil.rmtree(world.site("oracle"))
    count = read_back(s3, "left", ledger)
    s3.put_object(Bucket="left", Key="after", Body=b"three are enough")
    moved = sites(world)["google"]
    figure(f"{moved['moved_pieces']} pieces, {moved['moved_bytes']} bytes; {count} objects compared")


@pytest.mark.timeout(300)
def test_a_dead_vendor_is_left_and_what_would_end_writing_is_refused(new_world):
    world = new_world()
    world.start()
    s3 = connect(world)
    s3.create_bucket(Bucket="dead")
    bodies = {f"{n}": content(f"dead-{n}", size) for n, size in enumerate((10, 300_000, 3 * MIB, 9 * MIB))}
    for key, body in bodies.items():
        s3.put_object(Bucket="dead", Key=key, Body=body)
    shutil.rmtree(world.site("amazon"))
    done = entente(world, "site", "evacuate", "--vendor", "amazon")
    assert "amazon is empty and detached" in done.stdout
    assert all(s3.get_object(Bucket="dead", Key=key)["Body"].read() == body for key, body in bodies.items())
    refused = entente(world, "site", "evacuate", "google", "oracle", "--plan", check=False)
    assert refused.returncode != 0 and "add a site first" in refused.stderr
    unknown = entente(world, "site", "suspend", "azure", check=False)
    assert unknown.returncode != 0 and "there are amazon, microsoft" in unknown.stderr
    entente(world, "site", "suspend", "microsoft")
    assert sites(world)["microsoft"]["state"] == "suspended"
    entente(world, "site", "activate", "microsoft")
    assert sites(world)["microsoft"]["state"] == "active"


@pytest.mark.timeout(300)
def test_what_was_written_in_an_outage_is_planned_and_repaired(new_world):
    world = new_world()
    world.start()
    s3 = connect(world)
    s3.create_bucket(Bucket="mend")
    nothing = entente(world, "repair", "--plan").stdout
    assert "nothing to repair" in nothing
    away = {name: world.site(name).rename(world.site(name).with_name(f"{name}-away")) for name in ("google", "oracle")}
    for n in range(6):
        s3.put_object(Bucket="mend", Key=str(n), Body=content(f"mend-{n}", 2 * MIB))
    plan = json.loads(entente(world, "repair", "--plan", "--json").stdout)
    assert plan["waiting"] + plan["work"]["segments"] >= 6
    failed = entente(world, "repair", check=False)
    assert failed.returncode != 0 and "below their promise" in failed.stderr
    assert "google, which is out" in failed.stderr and "oracle, which is out" in failed.stderr
    for name, place in away.items():
        place.rename(world.site(name))
    world.wait_until_whole()
    done = entente(world, "repair")
    assert "0 still below" in done.stdout and "4 sites compared with their listings: nothing is missing" in done.stdout
    assert "nothing to repair" in entente(world, "repair", "--plan").stdout


@pytest.mark.timeout(300)
def test_what_only_a_listing_misses_is_repaired(new_world):
    world = new_world()
    world.start()
    s3 = connect(world)
    s3.create_bucket(Bucket="lost")
    bodies = {f"{n}": content(f"lost-{n}", 2 * MIB) for n in range(4)}
    for key, body in bodies.items():
        s3.put_object(Bucket="lost", Key=key, Body=body)
    for piece in (path for path in world.site("google").glob("*/d/*/*") if path.is_file()):
        piece.unlink()
    assert world.status()["below_promise"] == 0, "nobody has looked"
    done = entente(world, "repair")
    assert "4 were missing and are restored, nothing is missing" in done.stdout, done.stdout
    for gone in ("amazon", "oracle"):
        shutil.rmtree(world.site(gone))
    assert all(s3.get_object(Bucket="lost", Key=key)["Body"].read() == body for key, body in bodies.items())


@pytest.mark.timeout(300)
def test_a_bucket_moves_to_another_profile_under_load_and_killed_in_the_middle(new_world, chance, figure):
    world = new_world()
    world.start()
    s3 = connect(world)
    s3.create_bucket(Bucket="moves")
    ledger = Ledger()
    load = Load(s3, "moves", ledger, chance, 4, MIXED).start()
    load.wait_for(60)
    plan = json.loads(entente(world, "bucket", "move-data", "moves", "--profile", "econ", "--plan", "--json").stdout)
    assert plan["recoded"] > 0 and plan["stored_bytes_after"] < plan["stored_bytes"], plan
    refused = entente(world, "bucket", "move-data", "moves", "--profile", "std", check=False)
    assert refused.returncode != 0 and "needs 5 vendors, 4 are configured" in refused.stderr
    entente(world, "bucket", "move-data", "moves", "--profile", "econ", "--no-wait")
    load.wait_for(load.done + 20)
    load.stopping.set()
    assert load.finish() == [], "no request fails while data moves"
    world.kill()
    world.start()
    done = entente(world, "bucket", "move-data", "moves")
    assert "everything lies as its profile says" in done.stdout
    [bucket] = json.loads(entente(world, "durability", "--json").stdout)["buckets"]
    assert (bucket["profile"], bucket["promise"]) == ("econ", 1)
    again = json.loads(entente(world, "bucket", "move-data", "--all", "--plan", "--json").stdout)
    assert again["recoded"] == 0 and again["waits"] == [], again
    s3 = connect(world)
    shutil.rmtree(world.site("google"))
    count = read_back(s3, "moves", ledger)
    figure(f"{plan['recoded']} segments coded anew, {count} objects compared")
