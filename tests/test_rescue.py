"""The sites and the root key, with none of the rest of the system, give the files back."""

import shutil
import subprocess

import pytest

from client import connect
from content import MIB, content, md5
from ledger import ABSENT, Ledger, bytes_of
from load import WRITES, Load
from faults import PAIRS
from world import binary

ODD = ["../../escape", "/absolute", "a//b", "dir/", "dir", "dir/file", "ümläut", "new\nline", "x" * 900, ".."]


@pytest.fixture(scope="module")
def left(tmp_path_factory):
    """What a world leaves behind, and what it owed."""
    import random

    from conftest import SEED
    from world import World

    world = World(tmp_path_factory.mktemp("rescue") / "data").start()
    s3 = connect(world)
    ledger = Ledger()
    for bucket in ("load", "odd", "empty"):
        s3.create_bucket(Bucket=bucket)
    assert Load(s3, "load", ledger, random.Random(SEED), 6, WRITES, 20).start().finish() == []
    s3.put_object(Bucket="load", Key="w00/big", Body=content("big", 70 * MIB))
    for key in ODD:
        s3.put_object(Bucket="odd", Key=key, Body=f"odd {key}".encode())
    world.kill()
    return world, ledger


def rescue(world, sites, out):
    command = [binary("entente-rescue"), "--root-key", world.directory / "root.key", "--out", out]
    return subprocess.run([*command, *[world.site(name) for name in sites]], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("pair", PAIRS, ids="+".join)
def test_any_two_sites_and_the_root_key_give_every_file_back(left, tmp_path, pair):
    world, ledger = left
    done = rescue(world, pair, tmp_path / "out")
    assert done.returncode == 0, done.stderr[-3000:]
    found = {str(path.relative_to(tmp_path / "out/load")): path for path in (tmp_path / "out/load").rglob("*") if path.is_file()}
    wanted = {key: bytes_of(ledger.settled(key)) for key in ledger.keys() if ledger.settled(key) is not ABSENT}
    wanted["w00/big"] = content("big", 70 * MIB)
    assert sorted(found) == sorted(wanted)
    for key, path in found.items():
        assert path.read_bytes() == wanted[key], key
    odd = [path for path in (tmp_path / "out/odd").rglob("*") if path.is_file()]
    assert sorted(md5(path.read_bytes()) for path in odd) == sorted(md5(f"odd {key}".encode()) for key in ODD)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out"], "something was written beside the directory"


def test_one_site_is_not_enough_and_it_says_so(left, tmp_path):
    world, _ = left
    done = rescue(world, ["amazon"], tmp_path / "out")
    assert done.returncode != 0 and done.stderr.strip()


def test_another_root_key_opens_nothing(left, tmp_path):
    world, _ = left
    (tmp_path / "root.key").write_text("00" * 32 + "\n")
    command = [binary("entente-rescue"), "--root-key", tmp_path / "root.key", "--out", tmp_path / "out"]
    command += [world.site(name) for name in PAIRS[0]]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode != 0 and "key" in done.stderr
    assert not [path for path in (tmp_path / "out").rglob("*") if path.is_file()] if (tmp_path / "out").exists() else True


def test_damaged_pieces_are_worked_around(left, tmp_path):
    world, ledger = left
    copy = tmp_path / "sites"
    shutil.copytree(world.directory / "sites", copy)
    for number, path in enumerate(sorted(path for path in (copy / "google").rglob("*") if path.is_file())):
        if number % 3 == 0 and path.stat().st_size:
            data = bytearray(path.read_bytes())
            data[len(data) // 2] ^= 1
            path.write_bytes(data)
    command = [binary("entente-rescue"), "--root-key", world.directory / "root.key", "--out", tmp_path / "out"]
    done = subprocess.run([*command, *[copy / name for name in ("google", "amazon", "oracle")]], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    for key in ledger.keys():
        if ledger.settled(key) is not ABSENT:
            assert (tmp_path / "out/load" / key).read_bytes() == bytes_of(ledger.settled(key)), key
