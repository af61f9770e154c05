"""Two of the four sites are torn away under load: no request fails, no byte is wrong, and once they
are back everything regains its promise."""

import random

import pytest

import faults
from client import connect
from conftest import FULL, SEED
from ledger import Ledger, read_back
from load import MIXED, Load
from torn import Torn
from world import SITES

WORKERS, BEFORE, AFTER = 6, 60, 320  # operations before and after the blow


def drawn(name):
    """Every pair in the judge; one drawn by the seed elsewhere."""
    return faults.PAIRS if FULL else [random.Random(f"{SEED}/{name}").choice(faults.PAIRS)]


CASES = [(name, pair) for name in faults.ALL for pair in drawn(name)]


@pytest.mark.timeout(900)
@pytest.mark.parametrize("name,pair", CASES, ids=[f"{name}-{'+'.join(pair)}" for name, pair in CASES])
def test_a_pair_of_sites_is_torn_away_under_load(tmp_path, chance, figure, name, pair):
    world = Torn(tmp_path / "home")
    fault = faults.ALL[name](world, pair, chance.randrange(1 << 30))
    try:
        fault.prepare()
        world.start()
        s3 = connect(world)
        s3.create_bucket(Bucket="torn")
        ledger = Ledger()
        load = Load(s3, "torn", ledger, chance, WORKERS, MIXED).start()
        load.wait_for(BEFORE)
        fault.strike()
        torn_at = load.done
        load.wait_for(torn_at + AFTER, within_s=300)
        load.stopping.set()
        assert load.finish() == []
        read_back(s3, "torn", ledger)
        status = world.status()
        below = status["below_promise"]
        if name == "lying":
            assert status["bad_cells"] > 0, "no read was spoilt: the fault did not strike"
        else:
            assert below > 0 and set(pair) <= set(world.sites_out(status)), "the fault did not strike"
        fault.heal()
        world.wait_until_whole()
        s3 = connect(world)
        count = read_back(s3, "torn", ledger)
        figure(f"{name}, {' and '.join(pair)}: {load.done - torn_at} operations after the blow, none failed; "
               f"{below} segments below their promise, then 0; {count} objects compared")  # fmt: skip
        the_other_pair_is_enough(world, s3, pair, ledger)
    finally:
        world.kill()
        fault.clean()


def the_other_pair_is_enough(world, s3, pair, ledger):
    """What was written while the pair was away must now be readable from the pair alone: the
    promise is proven, not believed."""
    others = [site for site in SITES if site not in pair]
    gone = faults.Gone(world, others, 0)
    gone.strike()
    try:
        read_back(s3, "torn", ledger)
    finally:
        gone.heal()
