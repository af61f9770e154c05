"""Bounds on memory and time of the real program; in the judge at full size."""

import hashlib
import threading
import time

import pytest

import wire
from client import connect
from conftest import FULL
from content import GIB, KIB, MIB, content
from ledger import Ledger, read_back
from load import WRITES, Load
from wire import Signer, head_bytes, read_answer

RESIDENT_MIB, IDLE_MIB, READY_S = 700, 60, 1.0
BIG = 5 * GIB if FULL else GIB
BLOCK = 16 * MIB


def blocks(name, size):
    """Bytes of any size, cheaply: one random block, each time with another number in front."""
    block = bytearray(content(name, BLOCK))
    for number in range(size // BLOCK):
        block[:8] = number.to_bytes(8, "big")
        yield bytes(block)


def send_big(world, path, name, size):
    """Puts `size` bytes over one connection; gives their SHA-256."""
    digest = hashlib.sha256()
    headers = Signer(world).headers("PUT", path) | {"content-length": str(size), "connection": "close"}
    with wire.connect(world, timeout=300) as line:
        line.sendall(head_bytes("PUT", path, headers))
        for block in blocks(name, size):
            line.sendall(block)
            digest.update(block)
        answer = read_answer(line)
    assert answer.status == 200, answer
    return digest.hexdigest()


def fetch_big(world, path):
    """Gets an object without keeping it; gives size and SHA-256."""
    digest, size = hashlib.sha256(), 0
    headers = Signer(world).headers("GET", path, (), wire.EMPTY) | {"connection": "close"}
    with wire.connect(world, timeout=300) as line:
        line.sendall(head_bytes("GET", path, headers))
        data = b""
        while b"\r\n\r\n" not in data:
            data += line.recv(BLOCK)
        head, data = data.split(b"\r\n\r\n", 1)
        assert head.startswith(b"HTTP/1.1 200"), head
        while True:
            digest.update(data)
            size += len(data)
            data = line.recv(MIB)
            if not data:
                break
    return size, digest.hexdigest()


@pytest.mark.timeout(1800)
def test_one_huge_object_up_and_down_stays_within_memory(new_world, figure):
    world = new_world().start()
    connect(world).create_bucket(Bucket="huge")
    began = time.monotonic()
    sent = send_big(world, "/huge/object", "huge", BIG)
    up = time.monotonic() - began
    assert fetch_big(world, "/huge/object") == (BIG, sent)
    down = time.monotonic() - began - up
    peak = world.resident_mib()
    figure(f"one object of {BIG // GIB} GiB: up {BIG / MIB / up:.0f} MiB/s, down {BIG / MIB / down:.0f} MiB/s, "
           f"at most {peak:.0f} MiB resident")  # fmt: skip
    assert peak < RESIDENT_MIB
    connect(world).delete_object(Bucket="huge", Key="object")


@pytest.mark.timeout(1200)
def test_sixty_four_uploads_at_once_stay_within_memory(new_world, figure):
    world = new_world().start()
    connect(world).create_bucket(Bucket="many")
    digests, failures = {}, []

    def upload(number):
        try:
            digests[number] = send_big(world, f"/many/{number}", f"many {number % 4}", 64 * MIB)
        except Exception as error:  # noqa: BLE001
            failures.append(repr(error))

    threads = [threading.Thread(target=upload, args=(number,)) for number in range(64)]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.monotonic() - began
    assert not failures, failures
    peak = world.resident_mib()
    figure(f"64 uploads of 64 MiB at once: {64 * 64 / took:.0f} MiB/s, at most {peak:.0f} MiB resident")
    assert peak < RESIDENT_MIB
    for number in range(0, 64, 1 if FULL else 8):
        assert fetch_big(world, f"/many/{number}") == (64 * MIB, digests[number])


def test_idle_it_is_small_and_a_start_takes_less_than_a_second(new_world, chance, figure):
    world = new_world().start()
    first = world.started_in_s
    connect(world).create_bucket(Bucket="idle")
    ledger = Ledger()
    assert Load(connect(world), "idle", ledger, chance, 8, WRITES, 40).start().finish() == []
    again = []
    for _ in range(3):
        world.restart()
        again.append(world.started_in_s)
    time.sleep(2)
    idle = world.resident_mib("VmRSS")
    figure(f"first start {first:.2f} s, starts on {len(ledger.keys())} keys {min(again):.2f}–{max(again):.2f} s, "
           f"idle {idle:.0f} MiB resident")  # fmt: skip
    assert idle < IDLE_MIB and min(again) < READY_S and first < READY_S
    read_back(connect(world), "idle", ledger)


def test_a_client_that_does_not_read_holds_no_memory(new_world, figure):
    """Thirty-two downloads that stop reading: what they asked for waits at the sites, not in memory."""
    world = new_world().start()
    connect(world).create_bucket(Bucket="slow")
    send_big(world, "/slow/object", "slow", 256 * MIB)
    lines = []
    for _ in range(32):
        line = wire.connect(world)
        line.sendall(head_bytes("GET", "/slow/object", Signer(world).headers("GET", "/slow/object", (), wire.EMPTY)))
        lines.append(line)
    time.sleep(5)
    peak = world.resident_mib()
    # And others are served meanwhile.
    connect(world).put_object(Bucket="slow", Key="other", Body=content("other", 100 * KIB))
    for line in lines:
        line.close()
    figure(f"32 downloads that stopped reading: at most {peak:.0f} MiB resident")
    assert peak < RESIDENT_MIB
