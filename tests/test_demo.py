"""`entente demo` lives its few minutes, cleans up, and leaves an enclave that somebody uses alone."""

import glob
import json
import os
import pathlib
import signal
import subprocess
import tempfile
import time

from client import connect
from world import binary, run


def demo(*more):
    return subprocess.run([binary(), "demo", *more], capture_output=True, text=True, timeout=400, check=False)


def left():
    return set(glob.glob(os.path.join(tempfile.gettempdir(), "entente-demo-*")))


def test_a_vendor_goes_and_comes_back_and_nothing_is_left_behind():
    before = left()
    done = demo()
    assert done.returncode == 0, done.stdout + done.stderr
    for part in ("All 28 files were read meanwhile", "google     google", "out", "at list prices", "again, after"):
        assert part in done.stdout, done.stdout
    # First without the vendor, then with it.
    gone, back = [text for text in done.stdout.split("$ entente status")[1:]]
    assert "missing" in gone and "out" in gone and "all keep their promise" in back, done.stdout
    assert left() == before


def test_one_that_is_interrupted_cleans_up_as_well():
    before = left()
    process = subprocess.Popen([binary(), "demo"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        for line in process.stdout:
            if "is gone" in line:
                break
        [folder] = left() - before
        pid = json.loads((pathlib.Path(folder) / "data/run.json").read_text())["pid"]
        process.send_signal(signal.SIGINT)
        _, error = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 10 and "interrupted" in error, error
    assert left() == before
    assert not pathlib.Path(f"/proc/{pid}").exists(), "its enclave outlives it"


def test_it_is_kept_where_it_is_asked_for_and_takes_an_empty_enclave(new_world):
    done = demo("--keep", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(done.stdout)
    folder = pathlib.Path(told["data_dir"])
    pid = json.loads((folder / "run.json").read_text())["pid"]
    try:
        status = json.loads(subprocess.run([binary(), "status", "--data-dir", folder, "--json"], capture_output=True, check=True).stdout)
        # Whoever has a key of it signs in to the console: the journey `demo` does.
        assert [key["user"] for key in told["keys"]] == ["quartermaster", "cartographer", "operator"], told
        assert told["kept"] and status["objects"] == told["objects"] == 29 and status["below_promise"] == 0
        # It has buckets now: another demo is not for it.
        again = demo("--data-dir", str(folder))
        assert again.returncode == 2 and "for an empty one" in again.stderr, again.stderr
    finally:
        os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + 30
        while (folder / "run.json").exists() and time.monotonic() < deadline:
            time.sleep(0.1)
        subprocess.run(["rm", "-r", str(folder.parent)], check=True)

    world = new_world().start()
    done = demo(*world.place)
    assert done.returncode == 0, done.stdout + done.stderr
    assert world.process.poll() is None and "is gone again" in done.stderr, done.stderr
    status = world.status()
    assert (status["objects"], status["buckets"]) == (0, 0), status
    people = json.loads(run(binary(), "user", "list", *world.place, "--json"))["users"]
    made = [person for person in people if person["user"] not in ("owner", "officer")]
    assert len(made) == 4 and all(person["suspended"] for person in made), people
    keys = json.loads(run(binary(), "key", "list", *world.place, "--json"))["keys"]
    assert {key["user"] for key in keys if not key["revoked"]} == {"officer", "owner"}, keys
    assert not list(world.directory.glob("*-taken-away"))
    # Its people are known still.
    again = demo(*world.place)
    assert again.returncode == 2 and "of an earlier demo" in again.stderr, again.stderr
    connect(world)
