"""How long the slowest 1 MiB gets take beside those of the best single vendor, on measured latencies.

Run by `cargo xtask bench --reading`: Entente over the four stand-ins, each behind a proxy that replays
what a vendor's store took (`tests/network`), and the same gets of whole objects from each vendor alone,
through the same proxies. Then the same with every vendor slow. Prints tables; absent by design: passing
or failing by what comes out."""

import argparse
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import tomllib

import boto3
import standins
from botocore.config import Config
from client import connect
from four import Four, Vendors
from world import REPOSITORY, SITES, binary

SIZE = 1 << 20
BUCKET = "measured"
# Four vendors in the reader's region, or two of them a continent away.
SETTINGS = {
    "near": dict(zip(SITES, ("near-euc1", "near-usw1", "near-euc1", "near-usw1"), strict=True)),
    "far": dict(zip(SITES, ("far-euc1", "far-usw1", "far-euc1", "far-usw1"), strict=True)),
    "mixed": dict(zip(SITES, ("near-euc1", "near-usw1", "far-euc1", "far-usw1"), strict=True)),
}
SLOWER = 5  # Times, when every vendor is slow.
BUDGET_PERCENT = 5
# The machine is the bound, and not the latencies, when what runs here takes more of it than this.
BUSY_PERCENT = 60


class Options:
    def __init__(self):
        parser = argparse.ArgumentParser()
        parser.add_argument("--gets", type=int, default=10_000)
        parser.add_argument("--clients", type=int, default=4)
        parser.add_argument("--objects", type=int, default=200)
        parser.add_argument("--setting", choices=SETTINGS, default="near")
        parser.add_argument("--scale", type=float, default=1.0, help="of all times, to leave the machine idle")
        parser.parse_args(namespace=self)


class Singles:
    """The same objects at each vendor alone, whole, by addresses that need no signature."""

    def __init__(self, vendors, objects):
        body = os.urandom(SIZE)
        self.addresses = {}
        for site, made in vendors.made.items():
            put = {"s3": self.s3, "oci": self.s3, "azure": self.azure, "gcs": self.gcs}[made.kind]
            self.addresses[site] = put(made, vendors.proxies[site], objects, body)

    @staticmethod
    def s3(made, proxy, objects, body):
        made.make_bucket(BUCKET)
        for n in range(objects):
            made.client().put_object(Bucket=BUCKET, Key=f"{n}", Body=body)
        keys = {"aws_access_key_id": standins.ACCESS_KEY, "aws_secret_access_key": standins.SECRET_KEY}
        path = Config(signature_version="s3v4", s3={"addressing_style": "path"})
        client = boto3.client("s3", endpoint_url=proxy.endpoint, region_name="us-east-1", config=path, **keys)
        return presigned(client, objects)

    @staticmethod
    def azure(made, proxy, objects, body):
        made.ask("PUT", f"/{BUCKET}", {"restype": "container"}, {"x-ms-blob-public-access": "blob"})
        for n in range(objects):
            status = made.ask("PUT", f"/{BUCKET}/{n}", {}, {"x-ms-blob-type": "BlockBlob"}, body)
            assert status == 201, f"putting a blob: {status}"
        return [f"{made.through(proxy.endpoint)}/{BUCKET}/{n}" for n in range(objects)]

    @staticmethod
    def gcs(made, proxy, objects, body):
        made.make_bucket(BUCKET)
        for n in range(objects):
            url = f"{made.endpoint}/upload/storage/v1/b/{BUCKET}/o?uploadType=media&name={n}"
            status = standins.plain("POST", url, {"Content-Type": "application/octet-stream"}, body)
            assert status == 200, f"putting an object: {status}"
        return [f"{proxy.endpoint}/{BUCKET}/{n}" for n in range(objects)]


def presigned(client, objects):
    def address(n):
        return client.generate_presigned_url("get_object", {"Bucket": BUCKET, "Key": f"{n}"}, ExpiresIn=86_400)

    return [address(n) for n in range(objects)]


class Times:
    """What gets took, in milliseconds, and how much of the cores all of this used meanwhile."""

    def __init__(self, addresses, gets, clients):
        began, before = time.monotonic(), used_s()
        command = [binary("bench"), "gets", "--clients", str(clients), "--gets", str(gets)]
        done = subprocess.run(command, input="\n".join(addresses), stdout=subprocess.PIPE, text=True, check=True)
        self.ordered = sorted(int(line) / 1000 for line in done.stdout.split())
        self.busy_percent = 100 * (used_s() - before) / (time.monotonic() - began) / os.cpu_count()

    def at(self, share):
        return self.ordered[min(len(self.ordered) - 1, int(len(self.ordered) * share))]

    @property
    def mean(self):
        return sum(self.ordered) / len(self.ordered)


def used_s():
    """CPU seconds of this program and all it started: stand-ins, proxies, Entente and the client."""
    parents, ticks = {}, {}
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue  # It has ended.
        pid = int(stat.parent.name)
        parents[pid], ticks[pid] = int(fields[1]), sum(int(field) for field in fields[11:15])
    family = {os.getpid()}
    while more := {pid for pid, parent in parents.items() if parent in family} - family:
        family |= more
    return sum(ticks[pid] for pid in family) / os.sysconf("SC_CLK_TCK")


class Asked:
    """What the vendors were asked while it lasts: gets and bytes by site, and hedges by Entente's count."""

    def __init__(self, vendors, world):
        self.vendors, self.world = vendors, world

    def __enter__(self):
        self.hedged = self.world.status()["hedged_reads"]
        for proxy in self.vendors.proxies.values():
            proxy.forget_counts()
        return self

    def __exit__(self, *_):
        counts = {site: proxy.counts() for site, proxy in self.vendors.proxies.items()}
        self.extra = self.world.status()["hedged_reads"] - self.hedged
        self.requests = {site: count["get"] for site, count in counts.items()}
        self.dollars = sum(price(site, count["get"], count["bytes"]) for site, count in counts.items())

    @property
    def extra_percent(self):
        """Beyond those that no read was late for, as the budget counts."""
        return 100 * self.extra / (sum(self.requests.values()) - self.extra)


def price(site, gets, size):
    prices = tomllib.loads((REPOSITORY / "crates/server/data/facts.toml").read_text())["prices"][site]
    return gets * prices["get_per_1000"] / 1000 + size * prices["egress_per_gb"] / 1e9


def row(name, times, requests, extra, dollars):
    cells = (f"{times.at(share):.0f}" for share in (0.5, 0.9, 0.99, 0.999))
    print(f"| {name} | {' | '.join(cells)} | {times.mean:.0f} | {requests} | {extra} | {dollars * 1000:.3f} | "
          f"{times.busy_percent:.0f} % |", flush=True)  # fmt: skip


def measure(title, vendors, world, addresses, singles, options):
    print(f"\n{title}: {options.gets} gets of 1 MiB by {options.clients} clients; milliseconds\n")
    print("| from | p50 | p90 | p99 | p99.9 | mean | requests a get | extra requests | $ per 1,000 gets | of the cores |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    best = None
    for site in SITES:
        times = Times(singles.addresses[site], options.gets, options.clients)
        row(f"{site} alone", times, "1.00", "", price(site, 1, SIZE))
        if best is None or times.at(0.999) < best.at(0.999):
            best = times
    # The meters learn what is usual now.
    Times(addresses, max(options.gets // 10, 200), options.clients)
    with Asked(vendors, world) as asked:
        ours = Times(addresses, options.gets, options.clients)
    requests = sum(asked.requests.values()) / options.gets
    extra = f"{asked.extra_percent:.2f} %"
    row("Entente", ours, f"{requests:.2f}", extra, asked.dollars / options.gets)
    shares = ", ".join(f"{site} {count}" for site, count in asked.requests.items())
    print(f"\np99.9 ÷ that of the best single vendor: {ours.at(0.999) / best.at(0.999):.2f} (aim: at most 0.25); "
          f"p50: {ours.at(0.5) / best.at(0.5):.2f}; extra requests: {extra} "
          f"(aim: at most {BUDGET_PERCENT} %); requests by site: {shares}", flush=True)  # fmt: skip
    if max(ours.busy_percent, best.busy_percent) > BUSY_PERCENT:
        print("the cores were busy: part of these times is the machine's own, ask with fewer --clients")


def main():
    options = Options()
    with tempfile.TemporaryDirectory() as folder:
        vendors = Vendors(pathlib.Path(folder))
        try:
            world = Four(vendors).start()
            try:
                run(vendors, world, options)
            finally:
                world.kill()
        finally:
            vendors.stop()


def run(vendors, world, options):
    s3 = connect(world, signature_version="s3v4")
    s3.create_bucket(Bucket=BUCKET)
    body = os.urandom(SIZE)
    print(f"putting {options.objects} objects here and at each vendor", file=sys.stderr)
    for n in range(options.objects):
        s3.put_object(Bucket=BUCKET, Key=f"{n}", Body=body)
    singles, addresses = Singles(vendors, options.objects), presigned(s3, options.objects)
    bare = Times(addresses, 500, options.clients)
    print(f"without latencies a get takes {bare.at(0.5):.1f} ms, p99 {bare.at(0.99):.1f} ms: the machine's own part")
    for title, scale in (("as measured", options.scale), (f"every vendor slow, times {SLOWER}", options.scale * SLOWER)):
        for site, samples in SETTINGS[options.setting].items():
            vendors.proxies[site].latency(samples, scale)
        measure(f"`{options.setting}` {title}", vendors, world, addresses, singles, options)
        options.gets = max(options.gets // SLOWER, 1)
        time.sleep(1)


if __name__ == "__main__":
    main()
