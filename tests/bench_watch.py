"""What counting, timing and logging cost: instructions of a small get, by callgrind, with and without them.

A get of 4 KiB is asked again and again over one connection, from the program in valgrind. Two lives are compared, of
few gets and of many. Instructions are counted and not time, so that a busy machine changes little: probes of the sites
go by the clock and are in the figures, less than a hundredth of them. What waits for disks is in none.
"""

import argparse
import http.client
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import urllib.parse

from client import connect
from world import World, binary, run

VENDORS = ("amazon", "microsoft", "google", "oracle")
# Valgrind makes everything some fifty times slower.
READY_S = 600
# What is asked for the first time is not what is asked for.
FEW = 50
WAYS = {
    "nothing": (False, "off"),
    "counted": (True, "off"),
    "counted, and a log as it is": (True, "info"),
    "counted, and a line for each": (True, "info,access=debug"),
}


class Ground(World):
    """A world whose program runs in callgrind."""

    def __init__(self, folder, counts, log):
        super().__init__(folder / "data", environment={"ENTENTE_LOG": log})
        self.file, self.out = folder / "entente.toml", folder / "callgrind.out"
        (folder / "keys").mkdir(parents=True)
        sites = []
        for vendor in VENDORS:
            (folder / "sites" / vendor).mkdir(parents=True)
            sites.append(f'[[site]]\nname = "{vendor}"\nvendor = "{vendor}"\nkind = "local"\npath = "sites/{vendor}"\n')
        self.file.write_text(
            '[enclave]\ndata_dir = "data"\nroot_key = "keys/root.key"\n[scrub]\nrequests_per_day = 0\n'
            + f"[metrics]\nrequests = {str(counts).lower()}\n" + "\n".join(sites)
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

    def end(self):
        """Ends it as a service is ended; gives the instructions of its whole life."""
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(READY_S) == 0, self.log_text()[-2000:]
        self._close()
        found = re.search(r"Collected : (\d+)", self.log_text())
        assert found, f"callgrind counted nothing:\n{self.log_text()[-2000:]}"
        return int(found[1])


def life(counts, log, gets):
    """Instructions of a start, so many gets of one object, and an end."""
    with tempfile.TemporaryDirectory(prefix="entente-ground-") as folder:
        world = Ground(pathlib.Path(folder), counts, log)
        try:
            world.start(READY_S)
            s3 = connect(world, keys=world.keys(), signature_version="s3v4")
            s3.create_bucket(Bucket="small")
            s3.put_object(Bucket="small", Key="a", Body=bytes(4096))
            where = s3.generate_presigned_url("get_object", Params={"Bucket": "small", "Key": "a"}, ExpiresIn=86400)
            where = urllib.parse.urlsplit(where)
            line = http.client.HTTPConnection(where.hostname, where.port, timeout=READY_S)
            for _ in range(gets):
                line.request("GET", f"{where.path}?{where.query}")
                answer = line.getresponse()
                body = answer.read()
                assert answer.status == 200 and len(body) == 4096, (answer.status, body[:500])
            line.close()
            return world.end()
        finally:
            world.kill()


def measured(counts, log, gets):
    return (life(counts, log, FEW + gets) - life(counts, log, FEW)) / gets


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--gets", type=int, default=1000)
    gets = options.parse_args().gets
    print(f"{gets} gets of 4 KiB by {binary()}, instructions each\n")
    bare = None
    for name, (counts, log) in WAYS.items():
        each = measured(counts, log, gets)
        bare = bare or each
        print(f"{name:<30}{each:>12,.0f}{(each / bare - 1) * 100:>+9.2f} %", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
