"""How long an answer takes tells nobody whether a name is taken above the session or not at all. No area of the
tests: times belong to a judge (`cargo xtask judge timing`)."""

import json
import statistics
import time

import pytest
from client import connect
from conftest import FULL
from wire import Signer, head_bytes, read_answer, sha256, target
from wire import connect as line_to
from world import binary, run

SECRET = "SECRET//NOFORN"
PAIRS = 100_000 if FULL else 1_000
# One that changes something waits for disks, a hundred times as long.
WRITTEN = 5_000 if FULL else 100
# Below it, two samples of one distribution differ that much less than once in 100,000 times.
T_MAX = 4.5
# A leak that must be found: a few steps of a program, or one look at a disk's cache.
PLANTED_S = 2e-6 if FULL else 20e-6
# What is slower than nine in ten is the machine's doing, and hides what is looked for.
KEPT = 0.9
HIDDEN, ABSENT = "hidden-bucket", "absent-bucket"
AGAIN_S = 300  # Signatures are good for a quarter of an hour.

ASKED = {
    "HeadBucket": ("HEAD", "", (), b""),
    "ListObjects": ("GET", "", (("list-type", "2"),), b""),
    "GetObject": ("GET", "/a", (), b""),
    "HeadObject": ("HEAD", "/a", (), b""),
    "PutObject": ("PUT", "/a", (), b"x" * 100),
    "DeleteObject": ("DELETE", "/a", (), b""),
    "CreateMultipartUpload": ("POST", "/a", (("uploads", ""),), b""),
    "GetBucketAcl": ("GET", "", (("acl", ""),), b""),
}


@pytest.fixture(scope="module")
def low(world):
    """A session below, and a bucket above it that it must not notice."""
    run(binary(), "user", "create", "ana", "--clearance", SECRET, *world.place)

    def key(label):
        command = [binary(), "key", "create", *world.place, "--user", "ana", "--label", label, "--json"]
        made = json.loads(run(*command))
        return made["access_key"], made["secret_key"]

    above, below = connect(world, keys=key(SECRET)), key("UNCLASSIFIED")
    above.create_bucket(Bucket=HIDDEN)
    above.put_object(Bucket=HIDDEN, Key="a", Body=b"x" * 100)
    return below


class Client:
    """One connection, and requests that are signed beforehand."""

    def __init__(self, world, keys):
        self.world, self.keys, self.line, self.signed = world, keys, line_to(world), {}
        self.line.setsockopt(6, 1, 1)  # TCP_NODELAY
        self.until = 0

    def ask(self, method, path, query=(), body=b"", delay_s=0):
        """Status, and seconds until the answer was there."""
        if time.monotonic() > self.until:
            self.signed, self.until = {}, time.monotonic() + AGAIN_S
        wanted = (method, path, query, body)
        if wanted not in self.signed:
            headers = Signer(self.world, keys=self.keys).headers(method, path, query, sha256(body))
            headers["content-length"] = str(len(body))
            self.signed[wanted] = head_bytes(method, target(path, query), headers) + body
        request = self.signed[wanted]
        began = time.perf_counter()
        self.line.sendall(request)
        answer = read_answer(self.line, method)
        there = time.perf_counter()
        while delay_s and time.perf_counter() - there < delay_s:
            pass
        return answer.status, time.perf_counter() - began


def welch(one, other):
    """How far apart the means are, in their own uncertainty, of what is left of both samples."""
    cut = sorted(one + other)[int(len(one + other) * KEPT)]
    one, other = ([sample for sample in samples if sample < cut] for samples in (one, other))
    spread = statistics.variance(one) / len(one) + statistics.variance(other) / len(other)
    return (statistics.fmean(one) - statistics.fmean(other)) / spread**0.5


def pairs_of(chance, count, measure):
    """Times of hidden and absent, asked in turn, in an order that is drawn each time."""
    taken = {HIDDEN: [], ABSENT: []}
    for number in range(count + 50):
        for name in chance.sample((HIDDEN, ABSENT), 2):
            seconds = measure(name)
            if number >= 50:
                taken[name].append(seconds)
    return taken[HIDDEN], taken[ABSENT]


def judged(figure, what, hidden, absent):
    t, median_us = welch(hidden, absent), statistics.median(hidden + absent) * 1e6
    figure(f"{what}: t = {t:+.2f} over {len(hidden)} pairs, median {median_us:.0f} µs")
    return t


@pytest.mark.parametrize("operation", ASKED)
def test_hidden_takes_as_long_as_absent(world, low, chance, figure, operation):
    client, (method, path, query, body) = Client(world, low), ASKED[operation]

    def measure(name):
        status, seconds = client.ask(method, f"/{name}{path}", query, body)
        assert status == 404
        return seconds

    assert abs(judged(figure, operation, *pairs_of(chance, PAIRS, measure))) < T_MAX


def test_creating_takes_as_long_whether_the_name_is_taken_above(world, low, chance, figure):
    client = Client(world, low)

    def measure(name):
        status, seconds = client.ask("PUT", f"/{name}")
        assert (status, client.ask("DELETE", f"/{name}")[0]) == (200, 204)
        return seconds

    assert abs(judged(figure, "CreateBucket", *pairs_of(chance, WRITTEN, measure))) < T_MAX


def test_a_delay_that_is_planted_is_found(world, low, chance, figure):
    """What must be found is: the client itself waits a moment longer for the hidden one."""
    client = Client(world, low)

    def measure(name):
        return client.ask("HEAD", f"/{name}", delay_s=PLANTED_S if name == HIDDEN else 0)[1]

    t = judged(figure, f"planted, {PLANTED_S * 1e6:.0f} µs", *pairs_of(chance, PAIRS, measure))
    assert t > T_MAX
