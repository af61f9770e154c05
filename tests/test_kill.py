"""`kill -9` at random moments under 16 writers: what was acknowledged is there bit for bit, and
nothing unacknowledged is half there."""

import time

import pytest

from client import connect
from conftest import FULL
from crash import rounds
from ledger import Ledger, read_back
from load import WRITES, Load

ROUNDS = 5  # of one test
TESTS = 10 if FULL else 2


@pytest.mark.timeout(900)
@pytest.mark.parametrize("nth", range(TESTS))
def test_kill_9_under_sixteen_writers_loses_nothing(new_world, chance, figure, nth):
    world = new_world().start()
    acknowledged, objects = rounds(world, ROUNDS, chance, lambda world: world.kill())
    figure(f"kill -9, {ROUNDS} times: {acknowledged} acknowledged writes, {objects} objects at the end, all as owed")


@pytest.mark.timeout(300)
def test_a_second_kill_while_it_recovers_loses_nothing(new_world, chance):
    world = new_world().start()
    s3 = connect(world)
    s3.create_bucket(Bucket="twice")
    ledger = Ledger()
    load = Load(s3, "twice", ledger, chance, 16, WRITES).start()
    load.wait_for(60)
    world.kill()
    load.finish(60)
    for _ in range(5):
        # Anywhere between the first instruction and readiness.
        world.begin()
        time.sleep(chance.uniform(0.0, 0.3))
        world.kill()
    world.start()
    read_back(connect(world), "twice", ledger)
