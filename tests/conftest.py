"""Fixtures: a running world shared by a file, worlds of one's own, and the seed of the run."""

import os
import random
import secrets

import pytest

pytest.register_assert_rewrite("burglar", "table", "client", "crash", "faults", "ledger", "load", "standins", "vendored", "wire", "world")

from client import connect, resolve_localhost  # noqa: E402
from world import World  # noqa: E402

SEED = int(os.environ.get("ENTENTE_SEED") or secrets.randbits(32))
FULL = os.environ.get("ENTENTE_FULL") == "1"

resolve_localhost()
for name in [name for name in os.environ if name.startswith("AWS_")]:
    del os.environ[name]


def pytest_report_header():
    return f"ENTENTE_SEED={SEED} (set it to run the same again){', full size' if FULL else ''}"


def pytest_terminal_summary(terminalreporter):
    if terminalreporter.stats.get("failed") or terminalreporter.stats.get("error"):
        terminalreporter.write_line(f"seed of this run: ENTENTE_SEED={SEED}")


@pytest.fixture
def chance(request):
    """Seeded by the run and the test, so that one test replays alone."""
    return random.Random(f"{SEED}/{request.node.name}")


@pytest.fixture
def figure():
    """Notes a figure for the judge's record; shown in the output of a failing test."""

    def note(text):
        print(text)
        if path := os.environ.get("ENTENTE_FIGURES"):
            with open(path, "a") as file:
                file.write(text + "\n")

    return note


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """One embedded Entente for a whole file."""
    shared = World(tmp_path_factory.mktemp("world") / "data").start()
    yield shared
    shared.stop()


@pytest.fixture(scope="module")
def s3(world):
    return connect(world)


@pytest.fixture
def new_world(tmp_path):
    """Makes worlds of one's own; what still runs at the end is killed."""
    made = []

    def make(name="data", **more):
        made.append(World(tmp_path / name, **more))
        return made[-1]

    yield make
    for one in made:
        one.kill()
