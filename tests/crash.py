"""Rounds of load, sudden death and a look at what is left."""

import time

from client import connect
from ledger import Ledger, read_back
from load import WRITES, Load

WRITERS = 16


def rounds(world, count, chance, die, bucket="crash"):
    """`count` times: 16 writers, `die(world)` at a random moment, a start, and every key compared.
    `die` may give the world that goes on."""
    ledger, acknowledged, objects = Ledger(), 0, 0
    for number in range(count):
        s3 = connect(world)
        if number == 0:
            s3.create_bucket(Bucket=bucket)
        load = Load(s3, bucket, ledger, chance, WRITERS, WRITES, name=f"r{number:02d}-").start()
        time.sleep(chance.uniform(0.2, 2.5))
        world = die(world) or world
        load.stopping.set()
        answered = [failure for failure in load.finish(60) if "ClientError" in failure or "AssertionError" in failure]
        assert not answered, f"requests failed with an answer, not by the death: {answered}"
        acknowledged += load.done
        world.start()
        objects = read_back(connect(world), bucket, ledger)
    world.wait_until_whole()
    world.stop()
    return acknowledged, objects
