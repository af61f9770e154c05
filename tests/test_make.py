"""`make up` builds the console where Node is new enough, says why where it is not, and starts all the same."""

import json
import os
import re
import shutil
import subprocess

import pytest

from world import REPOSITORY

TOOLS = ("sh", "find", "sort", "touch", "mkdir")
NPM = """#!/bin/sh
echo "npm $1" >> "$STEPS"
[ "$1" = ci ] && exit ${NPM_CI:-0}
mkdir -p dist && touch dist/index.html
"""
LEFT_OUT = "The console is left out: it is built with Node 20.19 or newer and npm."
BROKEN = "The console could not be built (see above): Entente is built without it."
BUILT = ["npm ci", "npm run"]


class Checkout:
    """The Makefile beside a console, and a machine that has the programs that are named alone."""

    def __init__(self, folder):
        self.folder, self.programs = folder, folder / "programs"
        for place in ("console/src", "crates/server/src", "programs"):
            (folder / place).mkdir(parents=True)
        shutil.copy(REPOSITORY / "Makefile", folder)
        shutil.copy(REPOSITORY / "console/package.json", folder / "console")
        for tool in TOOLS:
            (self.programs / tool).symlink_to(shutil.which(tool))

    def program(self, name, text):
        path = self.programs / name
        path.write_text(text)
        path.chmod(0o755)

    def make(self, *goals, **more):
        """What it printed, and what npm was told."""
        steps = self.folder / "steps"
        steps.unlink(missing_ok=True)
        kept = {"PATH": str(self.programs), "STEPS": str(steps), **more}
        done = subprocess.run([shutil.which("make"), *goals], cwd=self.folder, env=kept, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout, steps.read_text().splitlines() if steps.exists() else []


@pytest.fixture
def checkout(tmp_path):
    return Checkout(tmp_path)


@pytest.mark.parametrize(
    ("node", "npm", "built"),
    [
        (None, True, False),
        ("v18.20.4", True, False),
        ("v20.18.1", True, False),
        ("v9.99.0", True, False),
        ("v20.19.0", True, True),
        ("v20.20.2", True, True),
        ("v22.23.3", True, True),
        ("v100.0.0", True, True),
        ("v22.23.3", False, False),
    ],
)
def test_the_console_is_built_where_node_is_new_enough(checkout, node, npm, built):
    if node:
        checkout.program("node", f"#!/bin/sh\necho {node}\n")
    if npm:
        checkout.program("npm", NPM)
    said, steps = checkout.make("console")
    assert (LEFT_OUT in said, steps) == ((False, BUILT) if built else (True, [])), said
    # So that the program is compiled anew, with the page in it.
    assert (checkout.folder / "crates/server/src/console.rs").exists() == built


def test_it_is_built_anew_only_when_something_changed(checkout):
    checkout.program("node", "#!/bin/sh\necho v20.19.0\n")
    checkout.program("npm", NPM)
    page = checkout.folder / "console/dist/index.html"
    assert checkout.make("console")[1] == BUILT
    os.utime(page, (2_000_000_000, 2_000_000_000))
    assert checkout.make("console") == ("", [])
    os.utime(page, (1_000_000_000, 1_000_000_000))
    assert checkout.make("console")[1] == BUILT


def test_a_console_that_cannot_be_built_stops_nothing(checkout):
    checkout.program("node", "#!/bin/sh\necho v20.19.0\n")
    checkout.program("npm", NPM)
    said, steps = checkout.make("console", NPM_CI="1")
    assert BROKEN in said and steps == ["npm ci"], said


def test_up_builds_the_console_then_entente_and_starts_it(checkout):
    plan = checkout.make("-n", "up", "ARGS=--s3-listen 127.0.0.1:9999")[0]
    order = ["npm ci", "cargo build --release -p server --locked", "exec target/release/entente up --s3-listen 127.0.0.1:9999"]
    assert [plan.count(step) for step in order] == [1, 1, 1], plan
    assert sorted(order, key=plan.index) == order, plan


def test_the_oldest_node_is_the_same_wherever_it_is_told():
    oldest = json.loads((REPOSITORY / "console/package.json").read_text())["engines"]["node"].removeprefix(">=")
    assert f"NODE_MIN := {oldest}\n" in (REPOSITORY / "Makefile").read_text()
    told = re.search(r"const NODE_MIN: \(u32, u32\) = \((\d+), (\d+)\);", (REPOSITORY / "xtask/src/tools.rs").read_text())
    assert ".".join(told.groups()) == oldest
