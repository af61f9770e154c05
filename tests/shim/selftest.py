#!/usr/bin/env python3
"""Shows that the shim drops what was not synced, keeps what was, and flips what it should.

Each case is a script run under the shim and killed at its end, and the tree that must be left.
Needs cc and python3, nothing else; prints one line per case and fails on the first wrong one.
"""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))

# What every script may use. T is the tracked directory; `here` is its own descriptor.
PRELUDE = """
import os, signal, sqlite3, sys, threading
T = os.environ["SHIM_TRACK"]
def put(name, data, sync=True, flags=os.O_WRONLY | os.O_CREAT | os.O_TRUNC):
    fd = os.open(f"{T}/{name}", flags, 0o644)
    os.write(fd, data)
    if sync: os.fsync(fd)
    os.close(fd)
def sync(name=""):
    fd = os.open(f"{T}/{name}", os.O_RDONLY)
    os.fsync(fd)
    os.close(fd)
"""

# name: (files before, script, tree after; a directory is None)
CASES = {
    "a synced file in a synced directory stays": ({}, "put('a', b'1'); sync()", {"a": b"1"}),
    "an unsynced write is dropped": (
        {"a": b"old"}, "put('a', b'new', sync=False, flags=os.O_WRONLY); sync()", {"a": b"old"}),
    "an unsynced new file has its synced name and no bytes": ({}, "put('a', b'1', sync=False); sync()", {"a": b""}),
    "a synced file with an unsynced name is dropped": ({"b": b"2"}, "put('a', b'1')", {"b": b"2"}),
    "only what was written before the sync stays": (
        {}, "put('a', b'12'); sync(); put('a', b'34', sync=False, flags=os.O_WRONLY | os.O_APPEND)", {"a": b"12"}),
    "a name synced behind its bytes leads to them": (
        {}, "put('a', b'1'); put('a', b'2', False, os.O_WRONLY); sync()", {"a": b"1"}),
    "a directory filled and synced before its own name appears whole": (
        {}, "os.makedirs(T + '/d/e'); put('d/e/f', b'1'); sync('d/e'); sync('d'); sync()",
        {"d": None, "d/e": None, "d/e/f": b"1"}),
    "the innermost first, the outermost next, the middle last": (
        {}, "os.makedirs(T + '/d/e'); put('d/e/f', b'1'); sync('d/e'); sync(); sync('d')",
        {"d": None, "d/e": None, "d/e/f": b"1"}),
    "a directory whose own name was not synced is dropped with all in it": (
        {}, "os.mkdir(T + '/d'); put('d/f', b'1'); sync('d')", {}),
    "a directory that was not synced is empty": ({}, "os.mkdir(T + '/d'); put('d/f', b'1'); sync()", {"d": None}),
    "an unsynced unlink comes back": ({"a": b"1"}, "os.unlink(T + '/a')", {"a": b"1"}),
    "a synced unlink stays gone": ({"a": b"1", "b": b"2"}, "os.unlink(T + '/a'); sync()", {"b": b"2"}),
    "a synced rename over a file stays": (
        {"a": b"old"}, "put('b', b'new'); os.rename(T + '/b', T + '/a'); sync()", {"a": b"new"}),
    "an unsynced rename is undone": ({"a": b"1"}, "os.rename(T + '/a', T + '/b')", {"a": b"1"}),
    "a renamed directory keeps what was synced in it": (
        {"d/f": b"1"}, "os.rename(T + '/d', T + '/e'); sync()", {"e": None, "e/f": b"1"}),
    "a directory moved into another": (
        {"d/f": b"1", "e/g": b"2"}, "os.rename(T + '/d', T + '/e/d'); sync('e'); sync()",
        {"e": None, "e/g": b"2", "e/d": None, "e/d/f": b"1"}),
    "a directory in place of a file": (
        {"a": b"1"}, "os.unlink(T + '/a'); os.mkdir(T + '/a'); put('a/f', b'2'); sync('a'); sync()",
        {"a": None, "a/f": b"2"}),
    "a reused inode number does not touch what it was before": (
        {}, """
for i in range(50):
    put(f'a{i}', b'old'); sync()
    os.unlink(f'{T}/a{i}')
    put(f'b{i}', b'new')
""", {**{f"b{i}": b"new" for i in range(49)}, "a49": b"old"}),
    "a hard link is one file under two names": (
        {"a": b"1"}, "os.link(T + '/a', T + '/b'); put('b', b'2'); sync()", {"a": b"2", "b": b"2"}),
    "a cut and regrown file has zeros where it was cut": (
        {"a": b"12345678"}, """
fd = os.open(T + '/a', os.O_RDWR); os.ftruncate(fd, 2); os.ftruncate(fd, 6); os.pwrite(fd, b'x', 4)
os.fdatasync(fd)""", {"a": b"12\0\0x\0"}),
    "an unsynced cut is undone": ({"a": b"12345678"}, "os.truncate(T + '/a', 2)", {"a": b"12345678"}),
    "many scattered writes are all synced": (
        {"a": bytes(100_000)}, """
fd = os.open(T + '/a', os.O_WRONLY)
for i in range(0, 100_000, 500): os.pwrite(fd, b'x', i)
os.pwritev(fd, [b'y', b'z'], 1)
os.fsync(fd)""", {"a": b"xyz" + bytes(497) + (b"x" + bytes(499)) * 199}),
    "writev, copy_file_range and sendfile count as writes": (
        {"a": b"0123456789"}, """
a = os.open(T + '/a', os.O_RDONLY)
b = os.open(T + '/b', os.O_WRONLY | os.O_CREAT)
os.fsync(b); os.writev(b, [b'w', b'v'])
os.copy_file_range(a, b, 3, offset_src=0); os.copy_file_range(a, b, 2, offset_src=8, offset_dst=5)
os.lseek(b, 7, os.SEEK_SET); os.sendfile(b, a, 4, 2); os.fsync(b); sync()""",
        {"a": b"0123456789", "b": b"wv0128945"}),
    "descriptors that share a file share its sync": (
        {}, "fd = os.open(T + '/a', os.O_WRONLY | os.O_CREAT); d = os.dup(fd); os.write(d, b'1'); os.fsync(fd); sync()",
        {"a": b"1"}),
    "relative names and descriptors of directories": (
        {"d/f": b"1"}, """
os.chdir(T + '/d'); d = os.open('.', os.O_RDONLY)
os.unlink('f', dir_fd=d); fd = os.open('g', os.O_WRONLY | os.O_CREAT, dir_fd=d); os.write(fd, b'2')
os.fsync(fd); os.fsync(d)""", {"d": None, "d/g": b"2"}),
    "shared memory of a database is left out": ({}, "put('x-shm', b'1'); put('x-wal', b'2'); sync()", {"x-wal": b"2"}),
    "threads": (
        {}, """
def work(n):
    for i in range(100):
        put(f'{n}-{i}', b'%d' % i); sync()
        if i % 2: os.unlink(f'{T}/{n}-{i}')
threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
[t.start() for t in threads]; [t.join() for t in threads]; sync()""",
        {f"{n}-{i}": b"%d" % i for n in range(8) for i in range(0, 100, 2)}),
}

DATABASE = """
db = sqlite3.connect(T + '/db', isolation_level=None)
db.execute('pragma journal_mode = wal')
db.execute(f'pragma synchronous = {sys.argv[1]}')
db.execute('create table t (n integer primary key, filler text)')
for n in range(1, 2001):
    db.execute('insert into t values (?, ?)', (n, 'x' * (n % 700)))
    os.write(1, b'%d\\n' % n)
    if n % 300 == 0: db.execute('pragma wal_checkpoint')
"""


class Bench:
    """A scratch directory with the shim built in it."""

    def __init__(self, scratch):
        self.shim = f"{scratch}/unsynced.so"
        self.track, self.mirror = f"{scratch}/track", f"{scratch}/mirror"
        command = ["cc", "-shared", "-fPIC", "-O2", "-Wall", "-Wextra", "-Werror", "-pthread"]
        subprocess.run([*command, "-o", self.shim, f"{HERE}/unsynced.c"], check=True)

    def begin(self, files):
        for old in (self.track, self.mirror, f"{self.mirror}.inodes"):
            shutil.rmtree(old, ignore_errors=True)
        os.mkdir(self.track)
        for name, data in files.items():
            os.makedirs(os.path.dirname(f"{self.track}/{name}"), exist_ok=True)
            with open(f"{self.track}/{name}", "wb") as file:
                file.write(data)

    def start(self, script, *arguments, **environment):
        environment = {**os.environ, "LD_PRELOAD": self.shim, **environment}
        command = [sys.executable, "-c", PRELUDE + script, *arguments]
        return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE)

    def tracked(self, script, *arguments):
        return self.start(script, *arguments, SHIM_TRACK=self.track, SHIM_MIRROR=self.mirror)

    def swap(self):
        """What a test does behind a kill: only what was synced is left."""
        shutil.rmtree(self.track)
        os.rename(self.mirror, self.track)
        shutil.rmtree(f"{self.mirror}.inodes")


def tree(root):
    found = {}
    for folder, folders, files in os.walk(root):
        for name in folders:
            found[os.path.relpath(f"{folder}/{name}", root)] = None
        for name in files:
            with open(f"{folder}/{name}", "rb") as file:
                found[os.path.relpath(f"{folder}/{name}", root)] = file.read()
    return found


def expect(name, found, expected):
    if found != expected:
        sys.exit(f"FAILED: {name}\n  found    {found}\n  expected {expected}")
    print(f"ok: {name}")


def check_tree(bench, name, files, script, expected):
    bench.begin(files)
    process = bench.tracked(script + "\nos.kill(os.getpid(), signal.SIGKILL)")
    process.communicate()
    expect(f"{name} (killed)", process.returncode, -signal.SIGKILL)
    bench.swap()
    expect(name, tree(bench.track), expected)


def rows_after_kill(bench, synchronous, after):
    """Rows a database acknowledged before it was killed, and those it still has."""
    bench.begin({})
    process = bench.tracked(DATABASE, synchronous)
    acknowledged = 0
    while acknowledged < after:
        acknowledged = int(process.stdout.readline())
    process.kill()
    acknowledged = max([acknowledged, *map(int, process.stdout.read().split())])
    process.wait()
    bench.swap()
    try:
        with sqlite3.connect(f"{bench.track}/db") as db:
            sound = db.execute("pragma integrity_check").fetchone()[0]
            return acknowledged, db.execute("select count(*) from t").fetchone()[0], sound
    except sqlite3.DatabaseError as error:
        return acknowledged, 0, str(error)


def check_database(bench):
    for after in (1, 250, 301, 777, 1500):
        acknowledged, kept, sound = rows_after_kill(bench, "full", after)
        expect(f"a database synced at each commit has its {acknowledged} rows", (kept >= acknowledged, sound), (True, "ok"))
    acknowledged, kept, _ = rows_after_kill(bench, "off", 1500)
    expect(f"a database that never syncs has lost some of {acknowledged} rows", kept < acknowledged, True)


def check_flips(bench):
    script = """
wrong = 0
for name in ('in', 'out'):
    fd = os.open(f'{T}/{name}/f', os.O_RDONLY)
    for i in range(1000):
        os.lseek(fd, 0, os.SEEK_SET)
        data = os.read(fd, 200) if i % 2 else os.pread(fd, 200, 0)
        bad = sum(a != b for a, b in zip(data, bytes(range(200))))
        assert bad <= 1
        wrong += bad
        print(bad, end='')
    print(':', wrong)
"""
    bench.begin({"in/f": bytes(range(200)), "out/f": bytes(range(200))})
    runs = []
    for seed in ("1", "1", "2"):
        process = bench.start(script, SHIM_TRACK=bench.track, SHIM_FLIP=f"{bench.track}/in", SHIM_FLIP_SEED=seed)
        out = process.communicate()[0].decode().split("\n")
        runs.append(out[0])
        inside, both = (int(line.split(":")[1]) for line in out[:2])
        expect(f"{inside} of 1000 reads inside are flipped, none outside", (60 < inside < 140, both), (True, inside))
    expect("the same seed flips the same reads, another one others", (runs[0] == runs[1], runs[0] == runs[2]), (True, False))


def check_speed(bench):
    bench.begin({})
    start = time.monotonic()
    bench.tracked("for i in range(4000): put(f'{i}', b'x' * 4096); sync()").communicate()
    print(f"4000 files with their directory synced each time: {time.monotonic() - start:.1f} s")
    bench.swap()
    expect("all of them are there", len(tree(bench.track)), 4000)


def main():
    with tempfile.TemporaryDirectory() as scratch:
        bench = Bench(scratch)
        for name, (files, script, expected) in CASES.items():
            check_tree(bench, name, files, script, expected)
        check_database(bench)
        check_flips(bench)
        check_speed(bench)


if __name__ == "__main__":
    main()
