"""Durable means synced: seen in a trace of one put, and shown by dropping what was not synced."""

import os
import pathlib

import pytest

import shim
from client import connect
from conftest import FULL
from content import KIB, MIB, content
from crash import rounds
from strace import Trace

ROUNDS = 5  # of one test
TESTS = 10 if FULL else 2
WRITES = ("write", "pwrite64", "writev", "pwritev")
SYNCS = ("fsync", "fdatasync")


@pytest.mark.parametrize("size,pieces", [(4 * KIB, 4), (3 * MIB, 8)], ids=["small", "large"])
def test_every_piece_its_directory_and_the_wal_are_synced_before_the_answer(new_world, tmp_path, size, pieces):
    world = new_world().start()
    s3 = connect(world)
    s3.create_bucket(Bucket="traced")
    s3.put_object(Bucket="traced", Key="warm", Body=content("warm", size))
    with Trace(world.pid, tmp_path / "trace") as trace:
        s3.put_object(Bucket="traced", Key="key", Body=content("traced", size))
    answer = next(call.began for call in trace.calls if '"HTTP/1.1 200' in call.text)
    before = [call for call in trace.calls if call.began < answer]
    sites = f"{os.path.realpath(world.directory)}/sites/"
    created = [call for call in before if is_creation(call) and call.path.startswith(sites)]
    assert len(created) >= pieces, [call.text for call in before if call.name == "openat"]
    for piece in created:
        file = synced(before, piece.path, piece.ended, answer)
        assert file, f"{piece.path} was not synced before the answer"
        folder = str(pathlib.Path(piece.path).parent)
        assert synced(before, folder, piece.ended, answer), f"the entry of {piece.path} was not synced before the answer"
    for call in before:
        if call.name in ("mkdir", "mkdirat") and call.well:
            made = call.text.split('"')[1]
            assert synced(before, str(pathlib.Path(made).parent), call.ended, answer), f"the entry of {made} was not synced"
    wal = [call for call in before if (call.path or "").endswith("catalog.sqlite-wal")]
    written = [call for call in wal if call.name in WRITES and call.ended < answer]
    assert written, "the catalog was not written to"
    assert synced(before, written[-1].path, written[-1].ended, answer), "the WAL was not synced before the answer"


def is_creation(call):
    return call.name in ("openat", "creat") and "O_CREAT" in call.text and call.well


def synced(calls, path, after, before):
    """A sync of `path` that began after one moment and ended well before another."""
    return any(
        call.name in SYNCS and call.path == path and call.well and call.began > after and call.ended < before
        for call in calls
    )


@pytest.mark.timeout(900)
@pytest.mark.parametrize("nth", range(TESTS))
def test_what_was_not_synced_may_be_dropped(new_world, tmp_path, chance, figure, nth):
    world = new_world()
    mirrors = (tmp_path / f"mirror-{number}" for number in range(1000))

    def begin_under_the_shim():
        begin_under_the_shim.mirror = next(mirrors)
        world.environment = shim.forgetting(world.directory, begin_under_the_shim.mirror)

    def die(world):
        world.kill()
        shim.drop_unsynced(world.directory, begin_under_the_shim.mirror)
        begin_under_the_shim()

    world.directory.mkdir()
    begin_under_the_shim()
    world.start()
    acknowledged, objects = rounds(world, ROUNDS, chance, die)
    figure(f"unsynced data dropped, {ROUNDS} times: {acknowledged} acknowledged writes, {objects} objects at the end, all as owed")


def test_what_the_first_start_made_is_synced_when_it_says_ready(new_world, tmp_path):
    world = new_world()
    world.directory.mkdir()
    world.environment = shim.forgetting(world.directory, tmp_path / "mirror")
    world.start()
    keys = world.keys()
    s3 = connect(world)
    s3.create_bucket(Bucket="first")
    s3.put_object(Bucket="first", Key="key", Body=b"first")
    world.kill()
    shim.drop_unsynced(world.directory, tmp_path / "mirror")
    world.environment = {}
    world.start()
    assert world.keys() == keys
    assert connect(world).get_object(Bucket="first", Key="key")["Body"].read() == b"first"
