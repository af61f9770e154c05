"""Starts, steers and stops the proxy that plays a vendor's bad days before a stand-in."""

import json
import subprocess
import urllib.request

from world import REPOSITORY, binary

NETWORK = REPOSITORY / "tests/network"  # Measured latencies, one file for each path.


class Proxy:
    """Before one stand-in at `upstream` (host:port). `speaks` is s3, azure or gcs; `quirks` is oracle
    or none. The faults are those of `cargo run -p xtask --features proxy --bin proxy`, by their names."""

    def __init__(self, upstream, speaks="s3", quirks="none", seed=1):
        command = [binary("proxy"), "--with-stdin", "--upstream", upstream, "--speaks", speaks]
        command += ["--quirks", quirks, "--seed", str(seed)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        addresses = json.loads(self.process.stdout.readline())
        self.address, self.control = addresses["listen"], addresses["control"]

    @property
    def endpoint(self):
        return f"http://{self.address}"

    @property
    def port(self):
        return int(self.address.rsplit(":", 1)[1])

    def fault(self, name, **more):
        """`well`, `hung`, `slow-down` (share), `flip` (share), `yesterday`, `reset` (share), `landed`
        (share) or `slow` (bytes_per_second)."""
        self._order("PUT", "/fault", {"fault": name, **more})

    def well(self):
        self.fault("well")

    def latency(self, samples, scale=1.0):
        """Draws latencies from a file of tests/network, by its name without `.csv`; `None` ends it."""
        path = str(NETWORK / f"{samples}.csv")
        self._order("PUT", "/latency", samples and {"samples": path, "scale": scale})

    def moment(self):
        """What is written from now on is not in yesterday's listing."""
        self._order("PUT", "/moment")

    def counts(self):
        """Requests by kind, `struck` by the fault, and bytes both ways."""
        return self._order("GET", "/state")["counts"]

    def forget_counts(self):
        self._order("DELETE", "/counts")

    def stop(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(30)
        self.process.stdin.close()
        self.process.stdout.close()

    def _order(self, method, path, what=None):
        body = None if method == "GET" else json.dumps(what).encode()
        request = urllib.request.Request(f"http://{self.control}{path}", method=method, data=body)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)
