"""Sessions at a terminal, as they are, beside the files that reviewers read: `tests/transcripts/*.txt`.

Each line of a file that begins with `$ ` is run by a shell in a fresh directory, where `entente` is the program
under test and an enclave runs on `./entente-data`; what follows is what it says, both streams, with what differs
from run to run masked. `ENTENTE_BLESS=1` writes the files anew.
"""

import os
import pathlib
import re
import subprocess

import pytest

from world import World, binary

FOLDER = pathlib.Path(__file__).parent / "transcripts"
BLESS = os.environ.get("ENTENTE_BLESS") == "1"
# In this order: what is told apart by its surroundings comes first.
MASKS = [
    (r"X-Amz-[A-Za-z]+=[^\s'\"&]+(&X-Amz-[A-Za-z]+=[^\s'\"&]+)*", "X-Amz-…"),
    (r"\bENTE[A-Z0-9]{16}\b", "ENTE…"),
    (r"(secret\w*(?: = |\": \"|\":\"))[A-Za-z0-9+/_-]{20,}", r"\1…"),
    (r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "DATE"),
    (r"\b[0-9a-f]{64}\b", "DIGEST"),
    (r"\b[0-9a-f]{32}\b", "ID"),
    (r"127\.0\.0\.1:\d+", "127.0.0.1:PORT"),
    (r"\bpid(\W+)\d+", r"pid\1PID"),
    (r"\b\d+\.\d ms", "N ms"),
]
SCRIPTS = sorted(path.stem for path in FOLDER.glob("*.txt"))


def masked(text, folder):
    text = text.replace(str(folder), "DIR")
    for pattern, by in MASKS:
        text = re.sub(pattern, by, text)
    # Columns are as wide as what was masked: their width says nothing.
    lines = [re.sub(r"(?<=\S)  +", "  ", line).rstrip() for line in text.splitlines()]
    return "\n".join(lines)


@pytest.fixture
def terminal(tmp_path):
    world = World(tmp_path / "entente-data", arguments=["--lifecycle-day-s", "86400"]).start()
    tools = tmp_path / "bin"
    tools.mkdir()
    (tools / "entente").symlink_to(binary())
    environment = {**os.environ, "PATH": f"{tools}:{os.environ['PATH']}", "LC_ALL": "C.UTF-8"}
    environment.pop("ENTENTE_LOG", None)

    def say(line):
        done = subprocess.run(
            ["bash", "-c", line],
            cwd=tmp_path,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=180,
            check=False,
        )
        said = masked(done.stdout, tmp_path)
        return said + (f"\n[exit code {done.returncode}]" if done.returncode else "")

    yield say
    world.stop()


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_session_reads_as_it_did(terminal, name):
    path = FOLDER / f"{name}.txt"
    kept = path.read_text()
    now = []
    for line in kept.splitlines():
        if line.startswith("$ "):
            said = terminal(line[2:])
            now.append(f"{line}\n{said}\n" if said else f"{line}\n")
        elif line.startswith("# "):
            now.append(f"{line}\n")
    text = "\n".join(now)
    if BLESS:
        path.write_text(text)
    assert text == kept, "if this is meant, run it again with ENTENTE_BLESS=1 and read what changed"


def test_there_are_sessions():
    assert {"first-day", "people", "mistakes", "keeping"} <= set(SCRIPTS)
