"""What counting, timing, logging and traces cost: instructions of a small get, by callgrind, with and without them.

A get of 4 KiB is asked again and again over one connection, from the program in valgrind, and counted once the first
are over: what a start takes differs more than all that is looked for here. Instructions are counted and not time, so that a
busy machine changes little: probes of the sites go by the clock and are in the figures, less than a hundredth of them. What
waits for disks is in none. Traces go to a collector that takes all and keeps nothing; what the program does to send them is in
the figures.
"""

import argparse
import http.client
import json
import os
import pathlib
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import urllib.parse

from client import connect
from collector import collecting
from world import World, binary, run

VENDORS = ("amazon", "microsoft", "google", "oracle")
# Valgrind makes everything some fifty times slower.
READY_S = 600
# What is asked for the first time is not what is asked for.
FEW = 50
# Whether requests are counted, what is logged, and of how many requests one is traced.
WAYS = {
    "nothing": (False, "off", None),
    "counted": (True, "off", None),
    "and a log as it is": (True, "info", None),
    "and traces as they are": (True, "info", "as it is"),
    "and each request traced": (True, "info", 1),
    "and a line for each": (True, "info,access=debug", None),
}


class Ground(World):
    """A world whose program runs in callgrind."""

    def __init__(self, folder, counts, log, traces):
        super().__init__(folder / "data", environment={"ENTENTE_LOG": log})
        self.file, self.out = folder / "entente.toml", folder / "callgrind.out"
        self.dumps = 0
        (folder / "keys").mkdir(parents=True)
        sites = []
        for vendor in VENDORS:
            (folder / "sites" / vendor).mkdir(parents=True)
            sites.append(f'[[site]]\nname = "{vendor}"\nvendor = "{vendor}"\nkind = "local"\npath = "sites/{vendor}"\n')
        self.file.write_text(
            '[enclave]\ndata_dir = "data"\nroot_key = "keys/root.key"\n[scrub]\nrequests_per_day = 0\n'
            + f"[metrics]\nrequests = {str(counts).lower()}\n{traces}\n" + "\n".join(sites)
        )
        run(binary(), "root-key", folder / "keys/root.key")

    @property
    def place(self):
        return ["--config", str(self.file)]

    def begin(self, port=None):
        """In callgrind, which takes the program's place and keeps its pid, also where that begins itself anew."""
        command = ["valgrind", "--tool=callgrind", "--trace-children=yes", f"--callgrind-out-file={self.out}", "--", binary(), "up", *self.place]
        command += ["--json", "--s3-listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"]
        self.log = open(self.log_path, "ab")
        environment = {**os.environ, **self.environment}
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self.log, env=environment)

    def keys(self):
        made = json.loads(run(binary(), "key", "create", *self.place, "--user", "owner", "--json", timeout=READY_S))
        return made["access_key"], made["secret_key"]

    def counted(self):
        """Instructions since it was asked last."""
        self.dumps += 1
        run("callgrind_control", "--dump", self.process.pid, timeout=READY_S)
        file = self.out.with_name(f"{self.out.name}.{self.dumps}")
        found = re.search(r"^totals: (\d+)$", file.read_text(), re.MULTILINE)
        assert found, f"callgrind counted nothing:\n{self.log_text()[-2000:]}"
        return int(found[1])

    def end(self):
        """Ends it as a service is ended."""
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(READY_S) == 0, self.log_text()[-2000:]
        self._close()


def measured(counts, log, one_in, gets):
    """Instructions of a get, and spans that are sent of it."""
    with collecting() as (collector, traces), tempfile.TemporaryDirectory(prefix="entente-ground-") as folder:
        traces += "" if one_in == "as it is" else f"one_in = {one_in}\n"
        world = Ground(pathlib.Path(folder), counts, log, traces if one_in else "")
        try:
            world.start(READY_S)
            s3 = connect(world, keys=world.keys(), signature_version="s3v4")
            s3.create_bucket(Bucket="small")
            s3.put_object(Bucket="small", Key="a", Body=bytes(4096))
            where = s3.generate_presigned_url("get_object", Params={"Bucket": "small", "Key": "a"}, ExpiresIn=86400)
            where = urllib.parse.urlsplit(where)
            line = http.client.HTTPConnection(where.hostname, where.port, timeout=READY_S)
            for number in range(FEW + gets):
                if number == FEW:
                    world.counted()
                line.request("GET", f"{where.path}?{where.query}")
                answer = line.getresponse()
                body = answer.read()
                assert answer.status == 200 and len(body) == 4096, (answer.status, body[:500])
            taken = world.counted()
            line.close()
            world.end()
            return taken / gets, len(collector.spans) / (FEW + gets)
        finally:
            world.kill()


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--gets", type=int, default=1000)
    # Threads that look for work and find none are counted too, and no two runs have as many of them.
    options.add_argument("--rounds", type=int, default=5)
    options = options.parse_args()
    print(f"{options.gets} gets of 4 KiB by {binary()}, each: instructions, median of {options.rounds} (least, most); spans\n")
    taken = {name: [] for name in WAYS}
    for number in range(options.rounds):
        for name, way in WAYS.items():
            taken[name].append(measured(*way, options.gets))
            print(f"round {number + 1}: {name}: {taken[name][-1][0]:,.0f}", file=sys.stderr, flush=True)
    bare = None
    for name, figures in taken.items():
        each = sorted(instructions for instructions, _ in figures)
        middle, spans = statistics.median(each), statistics.median(spans for _, spans in figures)
        bare = bare or middle
        more = (middle / bare - 1) * 100
        print(f"{name:<26}{middle:>10,.0f} ({each[0]:,.0f}, {each[-1]:,.0f}){more:>+8.2f} %{spans:>7.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
