"""What a running process asks of the kernel, in order, as strace saw it."""

import dataclasses
import pathlib
import re
import subprocess
import time

CALLS = "openat,creat,mkdir,mkdirat,write,pwrite64,writev,pwritev,fsync,fdatasync,sendto,sendmsg,rename,renameat2"
LINE = re.compile(r"^(\d+) +(.*)$")
RESUMED = re.compile(r"^<\.\.\. (\w+) resumed>(.*)$")


@dataclasses.dataclass
class Call:
    """One system call: `began` and `ended` are places in the order of what strace saw."""

    name: str
    text: str
    began: int
    ended: int

    @property
    def path(self):
        """Of the file the call works on: that of its descriptor, or for an open that of the result."""
        where = self.text.rsplit(" = ", 1)[1] if self.name in ("openat", "creat") else self.text
        found = re.search(r"\d+<([^>]*)>", where)
        return found.group(1) if found else None

    @property
    def well(self):
        return not self.text.rsplit(" = ", 1)[1].startswith("-")


class Trace:
    """Attached to every thread of a process while the `with` lasts; `calls` are there afterwards."""

    def __init__(self, pid, file):
        self.pid, self.file = pid, pathlib.Path(file)

    def __enter__(self):
        command = ["strace", "-f", "-y", "-s", "48", "-e", f"trace={CALLS}", "-o", str(self.file), "-p", str(self.pid)]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        first = self.process.stderr.readline()
        assert "attached" in first, first
        time.sleep(0.5)  # The other threads follow one by one.
        return self

    def __exit__(self, *_):
        time.sleep(0.3)
        self.process.terminate()
        self.process.communicate()
        self.calls = parse(self.file.read_text(errors="replace"))


def parse(text):
    calls, open_calls = [], {}
    for at, line in enumerate(text.splitlines()):
        found = LINE.match(line)
        if not found:
            continue
        thread, rest = found.groups()
        resumed = RESUMED.match(rest)
        if rest.endswith("<unfinished ...>"):
            open_calls[thread] = (at, rest.removesuffix("<unfinished ...>"))
        elif resumed and thread in open_calls:
            began, first = open_calls.pop(thread)
            calls.append(made(first + resumed.group(2), began, at))
        elif "(" in rest and " = " in rest:
            calls.append(made(rest, at, at))
    return sorted(calls, key=lambda call: call.began)


def made(text, began, ended):
    return Call(text.split("(", 1)[0], text, began, ended)
