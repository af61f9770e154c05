"""One vendor hangs: what commits take before, at the blow and after the first deadline. Prints a table.

Run by `cargo xtask bench --faults`: 4 KiB puts of 16 clients over the four stand-ins."""

import os
import pathlib
import sys
import tempfile
import threading
import time

from client import connect
from four import Four, Vendors
from world import SITES

CLIENTS, SIZE = 16, 4 << 10
HEALTHY_S, HUNG_S = 20, 40


class Clients:
    """Each puts one object after the other and notes when it asked and how long that took."""

    def __init__(self, world):
        self.noted, self.failed, self.stopping = [], [], threading.Event()
        self.threads = [threading.Thread(target=self.work, args=(connect(world), n)) for n in range(CLIENTS)]
        for thread in self.threads:
            thread.start()

    def work(self, s3, client):
        body, number = os.urandom(SIZE), 0
        while not self.stopping.is_set():
            began, number = time.monotonic(), number + 1
            try:
                s3.put_object(Bucket="bench", Key=f"{client}/{number}", Body=body)
            except Exception as error:  # noqa: BLE001 It is counted and told.
                self.failed.append(repr(error))
            self.noted.append((began, time.monotonic() - began))

    def finish(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join()


def quantile(seconds, share):
    ordered = sorted(seconds)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1000


def row(name, seconds):
    print(f"| {name} | {len(seconds)} | {quantile(seconds, 0.5):.0f} | {quantile(seconds, 0.99):.0f} | "
          f"{max(seconds) * 1000:.0f} |")  # fmt: skip


def main():
    site = sys.argv[1] if len(sys.argv) > 1 else SITES[0]
    with tempfile.TemporaryDirectory() as folder:
        vendors = Vendors(pathlib.Path(folder))
        try:
            world = Four(vendors).start()
            try:
                measure(vendors, world, site)
            finally:
                world.kill()
        finally:
            vendors.stop()


def measure(vendors, world, site):
    connect(world).create_bucket(Bucket="bench")
    clients = Clients(world)
    time.sleep(HEALTHY_S)
    blow = time.monotonic()
    vendors.proxies[site].fault("hung")
    time.sleep(HUNG_S)
    clients.finish()
    # The first deadline has passed when the first write that met the silence is answered.
    met = [(began, took) for began, took in clients.noted if began + took > blow]
    deadline = min(began + took for began, took in met if began >= blow or took > 0.5)
    # The first second is for connections and caches.
    start = clients.noted[0][0] + 1
    healthy = [took for began, took in clients.noted if began > start and began + took <= blow]
    at_the_blow = [took for began, took in met if began < deadline]
    after = [took for began, took in met if began >= deadline]
    print(f"\n4 KiB puts of {CLIENTS} clients, `{site}` hung after {HEALTHY_S} s, for {HUNG_S} s\n")
    print("| | puts | p50 ms | p99 ms | longest ms |\n|---|---|---|---|---|")
    row("all well", healthy)
    row("begun before the first deadline", at_the_blow)
    row("begun after it", after)
    ratio = quantile(after, 0.99) / quantile(healthy, 0.99)
    print(f"\np99 after ÷ p99 all well: {ratio:.2f} (aim: at most 2); failed: {len(clients.failed)}")


if __name__ == "__main__":
    main()
