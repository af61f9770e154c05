"""Shells complete commands by what `entente completion` writes: each is typed to at a terminal of its own."""

import os
import pty
import select
import shutil
import subprocess
import time

import pytest
from world import binary, run

# How each is started without anybody's settings, and what makes it ready to be told of completions.
SHELLS = {
    "bash": (["bash", "--norc", "--noprofile"], ":"),
    "zsh": (["zsh", "-f"], "autoload -U compinit && compinit -u -D"),
    "fish": (["fish", "-N"], "true"),
}
# In place of the program, so that the line is told as the shell completed it.
TELLING = {
    "bash": 'entente() { echo "told: $*"; }',
    "zsh": 'entente() { echo "told: $*"; }',
    "fish": 'function entente; echo "told: $argv"; end',
}
# What is typed before the key, and what becomes of it.
LINES = {
    "site ev": "site evacuate",
    "bucket move-d": "bucket move-data",
    "release si": "release sign",
    "site evacuate --pl": "site evacuate --plan",
}
ANSWER_S = 30


class Typed:
    """A shell at a terminal of its own."""

    def __init__(self, command, home):
        terminal, inner = pty.openpty()
        self.terminal, self.said = terminal, ""
        environment = {"PATH": os.environ["PATH"], "HOME": str(home), "TERM": "xterm", "LC_ALL": "C.UTF-8"}
        # A shell that is to be typed to wants to rule its terminal.
        command = ["setsid", "--ctty", *command, "-i"]
        self.process = subprocess.Popen(command, stdin=inner, stdout=inner, stderr=inner, env=environment, cwd=home)
        os.close(inner)

    def type(self, keys, until):
        """Types, and waits until it says this."""
        mark = len(self.said)
        os.write(self.terminal, keys.encode())
        deadline = time.monotonic() + ANSWER_S
        while until not in self.said[mark:]:
            assert time.monotonic() < deadline, f"`{keys}` was not answered by `{until}`:\n{self.said[-3000:]}"
            if select.select([self.terminal], [], [], 0.1)[0]:
                self.said += os.read(self.terminal, 65_536).decode(errors="replace")

    def end(self):
        self.process.kill()
        self.process.wait(30)
        os.close(self.terminal)


@pytest.mark.parametrize("shell", SHELLS)
def test_a_shell_completes_what_is_begun(shell, tmp_path):
    assert shutil.which(shell), f"{shell} is not installed: `cargo xtask test --only completion` installs it"
    script = tmp_path / f"entente.{shell}"
    script.write_text(run(binary(), "completion", shell))
    command, ready = SHELLS[shell]
    # Whatever it has to say against the script, it says here.
    read = subprocess.run([*command, "-c", f"{ready}; source {script}"], capture_output=True, text=True, check=False)
    assert (read.returncode, read.stdout, read.stderr) == (0, "", "")

    typed = Typed(command, tmp_path)
    try:
        # The words of the answer are not those of the line, which is shown as well.
        typed.type(f"{ready}; source {script}; {TELLING[shell]}; echo it is $HOME\r", f"it is {tmp_path}")
        for line, becomes in LINES.items():
            typed.type(f"entente {line}\t\r", f"told: {becomes}")
    finally:
        typed.end()
