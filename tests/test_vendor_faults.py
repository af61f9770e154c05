"""Vendors have their bad days under load: no request fails, no byte is wrong, everything is read
back, and what fell below its promise regains it."""

import contextlib
import random
import threading
import time

import pytest

import vendor_faults
from client import connect
from clients import Aws
from conftest import FULL, SEED
from content import MIB, content
from four import Four, Vendors
from ledger import Ledger, read_back
from load import Load
from world import SITES

# Mostly small, so that many operations fit between a blow and its end.
LIGHT = ("small", "small", "small", "small", "get", "get", "get", "range", "range", "head", "list", "overwrite", "delete")
KINDS = (*LIGHT, *LIGHT, "large", "multipart")
WORKERS, BEFORE = 6, 60
AFTER = 2000 if FULL else 320  # Operations while the fault lasts; the judge asks them of each enclave.
WITHIN_S = 1200 if FULL else 300


def drawn(name, of):
    return random.Random(f"{SEED}/{name}").choice(of)


def struck(name):
    """In the judge a vendor and every pair; elsewhere the one or a pair, as the seed draws."""
    one, pair = (drawn(f"{name}/one", SITES),), drawn(f"{name}/pair", vendor_faults.PAIRS)
    return [one, *vendor_faults.PAIRS] if FULL else [drawn(f"{name}/which", [one, pair])]


CASES = [(name, who) for name in vendor_faults.ALL for who in struck(name)]


@pytest.fixture(scope="module")
def kept():
    """Vendors and enclaves outlive a test that left them whole."""
    with contextlib.ExitStack() as stack:
        yield {"stack": stack, "whole": None}


@pytest.fixture
def enclaves(kept, tmp_path_factory):
    """The vendors with an enclave of profile quad, and one of profile econ."""
    if kept["whole"] is None:
        kept["stack"].close()
        vendors = Vendors(tmp_path_factory.mktemp("four"), SEED & 0xFFFF)
        kept["stack"].callback(vendors.stop)
        both = {}
        for profile in ("quad", "econ"):
            both[profile] = Four(vendors, profile, profile)
            kept["stack"].callback(both[profile].kill)
            both[profile].start()
        kept["whole"] = (vendors, both)
    made, kept["whole"] = kept["whole"], None
    yield made
    made[0].well()
    for world in made[1].values():
        world.wait_until_whole()
    kept["whole"] = made


class Customer:
    """A bucket of one enclave, what it is owed, and boto3 and aws-cli at work on it."""

    def __init__(self, world, bucket, chance, home):
        self.world, self.bucket, self.chance = world, bucket, chance
        self.ledger, self.aws = Ledger(), Aws(world, home)
        self.s3 = connect(world)
        self.s3.create_bucket(Bucket=bucket)
        self.home, self.loads, self.failures = home, [], []

    def work(self):
        name = f"{self.bucket}-{len(self.loads)}-"
        load = Load(self.s3, self.bucket, self.ledger, self.chance, WORKERS, KINDS, name=name)
        self.loads.append(load.start())

    @property
    def done(self):
        return sum(load.done for load in self.loads)

    def wait_for(self, operations):
        """Until so many were done in all, whatever load did them."""
        load = self.loads[-1]
        load.wait_for(operations - self.done + load.done, WITHIN_S)

    def rest(self):
        self.loads[-1].stopping.set()
        self.failures += self.loads[-1].finish(WITHIN_S)
        assert self.failures == []

    def with_aws_cli(self):
        """Up, down and listed by aws-cli, while boto3 works."""
        body, up, down = content((self.bucket, "aws"), 9 * MIB), self.home / "up", self.home / "down"
        up.write_bytes(body)
        try:
            self.aws.up(up, self.bucket, "aws/file")
            self.aws.down(self.bucket, "aws/file", down)
            assert down.read_bytes() == body, "aws-cli got other bytes than it gave"
            self.aws.remove(self.bucket, "aws/file")
        except BaseException as error:  # noqa: BLE001 It is told where the load's failures are.
            self.failures.append(f"aws-cli: {error}")

    def compare(self):
        self.s3 = connect(self.world)
        return read_back(self.s3, self.bucket, self.ledger)


@pytest.mark.timeout(2400 if FULL else 600)
@pytest.mark.parametrize("name,who", CASES, ids=[f"{name}-{'+'.join(who)}" for name, who in CASES])
def test_vendors_have_a_bad_day_under_load(enclaves, chance, figure, tmp_path, name, who):
    vendors, worlds = enclaves
    # A profile of 3+1 outlives one vendor, one of 2+2 any two.
    profiles = ("quad", "econ") if len(who) == 1 else ("quad",)
    fault = vendor_faults.ALL[name](vendors, who)
    bucket = f"{name}-{'-'.join(who)}"
    customers = [Customer(worlds[profile], bucket, chance, tmp_path / profile) for profile in profiles]
    try:
        begin(customers, fault)
        if len(who) > 1:
            # What was acknowledged while one of its pieces was late outlives one vendor, and two once that is brought up.
            for customer in customers:
                customer.rest()
                customer.world.wait_until_whole()
                customer.work()
        fault.strike()
        each = AFTER if FULL else AFTER // len(customers)
        began, wanted = time.monotonic(), [customer.done + each for customer in customers]
        if name == "yesterday":
            for customer, operations in zip(customers, wanted, strict=True):
                start_again(customer, operations - each // 2)
        clis = [threading.Thread(target=customer.with_aws_cli, daemon=True) for customer in customers]
        for cli in clis:
            cli.start()
        for customer, operations in zip(customers, wanted, strict=True):
            customer.wait_for(operations)
        for cli in clis:
            cli.join(WITHIN_S)
        until_struck(fault)
        seconds = time.monotonic() - began
        for customer in customers:
            customer.rest()
        struck = fault.struck()
        for customer in customers:
            customer.compare()
        below = [customer.world.status()["below_promise"] for customer in customers]
        assert all(struck.values()), f"the fault did not strike everywhere: {struck}"
    finally:
        fault.heal()
    for customer in customers:
        customer.world.wait_until_whole()
        objects = customer.compare()
    figure(f"{name}, {' and '.join(who)} ({' and '.join(profiles)}): {each} operations each in {seconds:.0f} s, none "
           f"failed; struck {sum(struck.values())} times; {sum(below)} segments below their promise, then 0; "
           f"{objects} objects compared")  # fmt: skip


def begin(customers, fault):
    """Load on healthy vendors, by which a slow one is slow."""
    for proxy in fault.vendors.proxies.values():
        proxy.forget_counts()
    began = time.monotonic()
    for customer in customers:
        customer.work()
    for customer in customers:
        customer.wait_for(BEFORE)
    if measure := getattr(fault, "measure", None):
        measure(time.monotonic() - began)


def until_struck(fault):
    """A site that is read seldom may be spared by chance, so the load goes on until it was not."""
    until = time.monotonic() + WITHIN_S
    while not all(fault.struck().values()) and time.monotonic() < until:
        time.sleep(0.2)


def start_again(customer, operations):
    """A start compares the journal with what the sites list."""
    customer.wait_for(operations)
    customer.rest()
    customer.world.restart()
    customer.compare()
    customer.aws = Aws(customer.world, customer.home)
    customer.work()
