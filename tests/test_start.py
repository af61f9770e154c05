"""What a start can meet: other clocks, another process, old or damaged catalogs, foreign sites, wrong
keys, taken ports, disks that refuse. A clear error or a right answer, and nothing lost."""

import glob
import os
import shutil
import socket
import time

import pytest

import wire
from client import connect
from content import KIB, MIB, content
from ledger import Ledger, read_back
from load import WRITES, Load
from torn import Torn
from world import SITES, run

BUSY, LISTEN, ROOT_KEY, STORAGE, SITE = 3, 4, 5, 6, 7  # exit codes, as `entente --help` tells them
DAY = 86_400


@pytest.fixture
def kept(new_world, chance):
    """A stopped world with some objects, and what it owes."""
    return filled(new_world(), chance)


@pytest.fixture
def torn(tmp_path, chance):
    """The same, whose sites come back soon."""
    world = Torn(tmp_path / "torn")
    yield filled(world, chance)
    world.kill()


def filled(world, chance):
    world.start()
    connect(world).create_bucket(Bucket="kept")
    ledger = Ledger()
    write_more(world, ledger, chance, "first")
    world.stop()
    return world, ledger


def write_more(world, ledger, chance, name, each=8):
    load = Load(connect(world), "kept", ledger, chance, 4, WRITES, each, name)
    assert load.start().finish() == []


def check(world, ledger):
    """Starts if need be, reads everything back, and stops."""
    if not world.process:
        world.start()
    read_back(connect(world), "kept", ledger)
    world.stop()


# Clocks.


def fake_time(offset_file):
    """Environment under which the wall clock (and it alone) is off by what the file says."""
    libraries = glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")
    assert libraries, "libfaketime is not there: apt-get install faketime"
    return {
        "LD_PRELOAD": libraries[0],
        "FAKETIME_TIMESTAMP_FILE": str(offset_file),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "DONT_FAKE_MONOTONIC": "1",
    }


def put_at(world, days, key, body):
    """A put signed by a client whose clock is off as the server's is."""
    answer = wire.signed(world, "PUT", f"/kept/{key}", body=body, when=time.time() + days * DAY)
    assert answer.status == 200, answer


def get_at(world, days, key):
    answer = wire.signed(world, "GET", f"/kept/{key}", when=time.time() + days * DAY)
    assert answer.status == 200, answer
    return answer.body


@pytest.mark.parametrize("days", [30, -30])
def test_a_start_with_the_clock_30_days_off_finds_everything(kept, tmp_path, days):
    world, ledger = kept
    (tmp_path / "offset").write_text(f"{days:+d}d\n")
    world.environment = fake_time(tmp_path / "offset")
    world.start()
    put_at(world, days, "then", b"written then")
    key = next(key for key in ledger.keys() if ledger.settled(key))
    from ledger import bytes_of

    assert get_at(world, days, key) == bytes_of(ledger.settled(key))
    world.stop()
    world.environment = {}
    world.start()
    ledger.acknowledged("then", ("then", (0,)))
    assert get_at(world, 0, "then") == b"written then"
    put_at(world, 0, "then", b"")
    check(world, ledger)


def test_a_clock_that_jumps_while_it_runs_loses_nothing(new_world, tmp_path):
    offset = tmp_path / "offset"
    offset.write_text("+0d\n")
    world = new_world(environment=fake_time(offset)).start()
    connect(world).create_bucket(Bucket="kept")
    written = {}
    for number, days in enumerate([0, 30, 0, -30, -60, 0]):
        offset.write_text(f"{days:+d}d\n")
        for size in (100, 2 * MIB):
            key = f"{number}-{size}"
            written[key] = content(key, size)
            put_at(world, days, key, written[key])
        put_at(world, days, "same", str(number).encode())
        for key, body in written.items():
            assert get_at(world, days, key) == body
        assert get_at(world, days, "same") == str(number).encode(), "an older write won because of the clock"
    world.kill()
    world.environment = {}
    world.start()
    for key, body in written.items():
        assert get_at(world, 0, key) == body


# The directory.


def test_a_second_process_on_the_directory_is_refused_and_the_first_goes_on(kept, new_world, chance):
    world, ledger = kept
    world.start()
    second = new_world()
    second.log_path = world.log_path.with_name("second.log")
    code, log = second.fails_to_start()
    assert code == BUSY and str(world.pid) in log, (code, log)
    write_more(world, ledger, chance, "beside")
    check(world, ledger)


def test_a_port_in_use_is_told_before_anything_is_made(new_world):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        world = new_world()
        code, log = world.fails_to_start(port=port)
    assert code == LISTEN and f"127.0.0.1:{port}" in log, (code, log)
    assert not (world.directory / "root.key").exists() and not (world.directory / "catalog.sqlite").exists()


def test_a_data_directory_that_is_read_only_is_refused_and_nothing_lost(kept):
    world, ledger = kept
    run("mount", "--bind", world.directory, world.directory)
    try:
        run("mount", "-o", "remount,bind,ro", world.directory)
        code, log = world.fails_to_start()
        assert code == STORAGE and ("read-only" in log.lower() or "writable" in log), (code, log)
    finally:
        run("umount", world.directory)
    check(world, ledger)


def test_a_fresh_data_directory_that_is_read_only_is_refused(new_world):
    world = new_world()
    world.directory.mkdir()
    run("mount", "--bind", world.directory, world.directory)
    try:
        run("mount", "-o", "remount,bind,ro", world.directory)
        code, log = world.fails_to_start()
        assert code == STORAGE, (code, log)
    finally:
        run("umount", world.directory)


def test_a_data_directory_that_fills_up_refuses_writes_and_loses_nothing(new_world, chance):
    world = new_world()
    world.directory.mkdir()
    run("mount", "-t", "tmpfs", "-o", "size=300m", "tmpfs", world.directory)
    try:
        world.start()
        s3 = connect(world)
        s3.create_bucket(Bucket="kept")
        ledger, refusals = Ledger(), 0
        for number in range(200):
            key, value = f"{number:03d}", (f"fill-{number}", (3 * MIB,))
            ledger.asked(key, value)
            try:
                s3.put_object(Bucket="kept", Key=key, Body=content((value[0], 0), 3 * MIB))
                ledger.acknowledged(key, value)
            except s3.exceptions.ClientError as error:
                assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 503, error
                refusals += 1
                if refusals > 5:
                    break
        assert refusals, "the disk did not fill up"
        read_back(s3, "kept", ledger)
        world.kill()
        run("mount", "-o", "remount,size=900m", world.directory)
        world.start()
        write_more(world, ledger, chance, "after")
        check(world, ledger)
    finally:
        world.kill()
        run("umount", "--lazy", world.directory)


# The catalog.


def catalog_files(world):
    return [path for path in world.directory.iterdir() if path.name.startswith("catalog.sqlite")]


def save(world, into):
    into.mkdir()
    for path in catalog_files(world):
        shutil.copy2(path, into / path.name)


def restore(world, saved):
    for path in catalog_files(world):
        path.unlink()
    for path in saved.iterdir():
        shutil.copy2(path, world.directory / path.name)


@pytest.mark.parametrize("missing", [(), ("amazon", "oracle")], ids=["all-sites", "two-sites-away"])
def test_yesterdays_catalog_catches_up_from_the_sites(torn, tmp_path, chance, missing):
    world, ledger = torn
    save(world, tmp_path / "yesterday")
    world.start()
    for name in ("second", "third"):
        write_more(world, ledger, chance, name)
    s3 = connect(world)
    s3.create_bucket(Bucket="newer")
    s3.put_object(Bucket="newer", Key="key", Body=b"newer")
    world.stop()
    restore(world, tmp_path / "yesterday")
    for name in missing:
        world.site(name).rename(world.site(name).with_name(f"{name}.away"))
    world.start()
    read_back(connect(world), "kept", ledger)
    assert connect(world).get_object(Bucket="newer", Key="key")["Body"].read() == b"newer"
    for name in missing:
        world.site(name).with_name(f"{name}.away").rename(world.site(name))
    world.wait_until_whole()
    write_more(world, ledger, chance, "after")
    check(world, ledger)


def test_a_missing_catalog_beside_full_sites_is_told_and_makes_no_new_enclave(kept, tmp_path):
    world, ledger = kept
    save(world, tmp_path / "saved")
    for path in catalog_files(world):
        path.unlink()
    code, log = world.fails_to_start()
    assert code in (STORAGE, SITE, ROOT_KEY) and "catalog" in log, (code, log)
    restore(world, tmp_path / "saved")
    check(world, ledger)


def garbage_header(data, chance):
    return chance.randbytes(100) + data[100:]


def cut_in_half(data, chance):
    return data[: len(data) // 2]


def empty(data, chance):
    return b""


def garbage_page(data, chance):
    size = int.from_bytes(data[16:18], "big") or 65_536
    page = chance.randrange(1, len(data) // size)
    return data[: page * size] + chance.randbytes(size) + data[(page + 1) * size :]


def flipped_byte(data, chance):
    at = chance.randrange(100, len(data))
    return data[:at] + bytes([data[at] ^ (1 << chance.randrange(8))]) + data[at + 1 :]


DAMAGES = [garbage_header, cut_in_half, empty, *[garbage_page] * 4, *[flipped_byte] * 4]


@pytest.mark.parametrize("number", range(len(DAMAGES)), ids=[f"{damage.__name__}-{n}" for n, damage in enumerate(DAMAGES)])
def test_a_damaged_catalog_is_a_clear_error_or_a_right_answer(kept, tmp_path, chance, number):
    world, ledger = kept
    save(world, tmp_path / "good")
    path = world.directory / "catalog.sqlite"
    wal = world.directory / "catalog.sqlite-wal"
    assert not wal.exists() or wal.stat().st_size == 0, "a clean stop leaves nothing in the WAL"
    path.write_bytes(DAMAGES[number](path.read_bytes(), chance))
    try:
        world.start()
    except Exception as failed:
        assert failed.code in (STORAGE, SITE, ROOT_KEY), failed
        assert "catalog" in failed.log, failed.log
    else:
        right_or_error(world, ledger)
        world.kill()
    restore(world, tmp_path / "good")
    check(world, ledger)


def right_or_error(world, ledger):
    """It started: no answer may be wrong. Failing with 5xx is no wrong answer."""
    from ledger import ABSENT, bytes_of

    s3 = connect(world)
    for key in ledger.keys():
        value = ledger.settled(key)
        try:
            found = s3.get_object(Bucket="kept", Key=key)["Body"].read()
            assert value is not ABSENT and found == bytes_of(value), f"`{key}` has other bytes"
        except s3.exceptions.ClientError as error:
            status = error.response["ResponseMetadata"]["HTTPStatusCode"]
            assert status >= 500 or (status == 404 and value is ABSENT), f"`{key}`: {error}"


# Sites.


def test_another_enclaves_site_is_refused_and_left_alone(kept, new_world, tmp_path):
    world, ledger = kept
    other = new_world("other").start()
    connect(other).create_bucket(Bucket="others")
    connect(other).put_object(Bucket="others", Key="key", Body=b"others")
    other.stop()
    swap(world.site("google"), other.site("google"))
    code, log = world.fails_to_start()
    assert code == SITE and "google" in log, (code, log)
    swap(world.site("google"), other.site("google"))
    check(world, ledger)
    other.start()
    assert connect(other).get_object(Bucket="others", Key="key")["Body"].read() == b"others"


def swap(one, two):
    aside = one.with_name("aside")
    one.rename(aside)
    two.rename(one)
    aside.rename(two)


@pytest.mark.parametrize("count", [1, 2])
def test_a_start_without_one_or_two_sites_serves_everything(torn, chance, count):
    world, ledger = torn
    missing = chance.sample(SITES, count)
    for name in missing:
        world.site(name).rename(world.site(name).with_name(f"{name}.away"))
    world.start()
    read_back(connect(world), "kept", ledger)
    write_more(world, ledger, chance, "without")
    assert not any(world.site(name).exists() for name in missing), "a site that is away was made anew"
    for name in missing:
        world.site(name).with_name(f"{name}.away").rename(world.site(name))
    world.wait_until_whole()
    check(world, ledger)


def test_an_empty_directory_where_a_site_was_is_not_taken_for_it(kept, chance):
    world, ledger = kept
    site = world.site("microsoft")
    site.rename(site.with_name("away"))
    site.mkdir()
    try:
        world.start()
    except Exception as failed:
        assert failed.code == SITE and "microsoft" in failed.log, failed
    else:
        read_back(connect(world), "kept", ledger)
        world.stop()
    shutil.rmtree(site)
    site.with_name("away").rename(site)
    check(world, ledger)


def test_without_three_sites_it_says_so_and_loses_nothing(kept):
    world, ledger = kept
    for name in SITES[:3]:
        world.site(name).rename(world.site(name).with_name(f"{name}.away"))
    try:
        world.start()
    except Exception as failed:
        assert failed.code == SITE, failed
    else:
        s3 = connect(world)
        with pytest.raises(s3.exceptions.ClientError) as refused:
            s3.put_object(Bucket="kept", Key="refused", Body=b"x" * 10 * KIB)
        assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 503
        world.kill()
        ledger.asked("refused", ("refused", (0,)))
    for name in SITES[:3]:
        world.site(name).with_name(f"{name}.away").rename(world.site(name))
    world.start()
    with pytest.raises(connect(world).exceptions.ClientError):
        connect(world).head_object(Bucket="kept", Key="refused")
    check(world, ledger)


# The root key.


def other_key(path):
    path.write_text(os.urandom(32).hex() + "\n")


def cut(path):
    path.write_text(path.read_text()[:20])


def open_to_all(path):
    path.chmod(0o644)


def absent(path):
    path.unlink()


@pytest.mark.parametrize("spoil", [absent, other_key, cut, open_to_all], ids=lambda spoil: spoil.__name__)
def test_without_the_right_root_key_nothing_is_touched(kept, tmp_path, spoil):
    world, ledger = kept
    key = world.directory / "root.key"
    shutil.copy2(key, tmp_path / "root.key")
    spoil(key)
    code, log = world.fails_to_start()
    assert code == ROOT_KEY and "root key" in log, (code, log)
    assert spoil is not absent or not key.exists(), "a new root key was made beside an old catalog"
    assert (tmp_path / "root.key").read_text().strip() not in log
    shutil.copy2(tmp_path / "root.key", key)
    check(world, ledger)


def test_a_drain_finishes_what_is_under_way(new_world, chance):
    world = new_world().start()
    s3 = connect(world)
    s3.create_bucket(Bucket="kept")
    ledger = Ledger()
    load = Load(s3, "kept", ledger, chance, 8, WRITES).start()
    load.wait_for(40)
    world.stop()
    load.finish(60)
    world.start()
    assert world.status()["unshown"] == 0
    check(world, ledger)
