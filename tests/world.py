"""Starts, stops and kills the real binary, each time on its own directory and free ports."""

import json
import os
import pathlib
import signal
import socket
import subprocess
import time
from configparser import ConfigParser

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent
SITES = ("amazon", "microsoft", "google", "oracle")
READY_S = 60  # A start may replay a journal; a healthy one takes well under a second.
DRAIN_S = 60


def binary(name="entente"):
    """The program under test; the tests build nothing."""
    named = os.environ.get("ENTENTE_BIN")
    path = pathlib.Path(named) if named else REPOSITORY / "target/release/entente"
    path = path.with_name(name)
    assert path.exists(), f"{path} is not there: cargo build --release -p server -p coding, or set ENTENTE_BIN"
    return str(path)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def run(*command, **more):
    """Runs a command to its end; its output is in the failure."""
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False, **more)
    assert done.returncode == 0, f"{command} ended with {done.returncode}:\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
    return done.stdout


class StartFailed(Exception):
    """The program ended, or did not get ready; `code` and `log` say why."""

    def __init__(self, code, log):
        super().__init__(f"entente did not get ready (exit code {code}):\n{log[-4000:]}")
        self.code, self.log = code, log


class World:
    """One enclave on one data directory; `environment` and `arguments` are added to the program's."""

    def __init__(self, directory, environment=None, arguments=()):
        self.arguments = list(arguments)
        self.directory = pathlib.Path(directory)
        self.environment = dict(environment or {})
        self.log_path = self.directory.with_name(self.directory.name + ".log")
        self.process = None
        self.ready = {}
        self.started_in_s = None

    @property
    def place(self):
        """How a command says which Entente is meant."""
        return ["--data-dir", str(self.directory)]

    # Starting.

    def begin(self, port=None):
        """Starts the process and does not wait for it."""
        command = [binary(), "up", *self.place, "--json"]
        command += self.arguments
        command += ["--s3-listen", f"127.0.0.1:{port or free_port()}", "--admin-listen", f"127.0.0.1:{free_port()}"]
        command += ["--console-listen", "127.0.0.1:0"]
        self.log = open(self.log_path, "ab")
        level = os.environ.get("ENTENTE_LOG", "info,access=debug")
        environment = {**os.environ, "ENTENTE_LOG": level, **self.environment}
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self.log, env=environment)

    def start(self, wait_s=READY_S, port=None):
        """Starts it and waits until it is ready."""
        before = time.monotonic()
        self.begin(port)
        self.ready = json.loads(self._first_line(before + wait_s))
        self.started_in_s = time.monotonic() - before
        return self

    def _first_line(self, deadline):
        os.set_blocking(self.process.stdout.fileno(), False)
        line = b""
        while not line.endswith(b"\n"):
            if time.monotonic() > deadline or (self.process.poll() is not None and not line):
                rest = self.process.stdout.read() or b""
                if rest.endswith(b"\n"):
                    return rest
                code = self.process.poll()
                self.kill()
                raise StartFailed(code, self.log_text())
            line += self.process.stdout.read() or b""
            time.sleep(0.005)
        return line

    def fails_to_start(self, wait_s=READY_S, port=None):
        """Starts it, expects it to refuse, and gives exit code and log."""
        mark = self.log_path.stat().st_size if self.log_path.exists() else 0
        try:
            self.start(wait_s, port)
        except StartFailed as failed:
            assert failed.code is not None, f"it neither started nor ended:\n{failed.log}"
            return failed.code, self.log_path.read_text(errors="replace")[mark:]
        self.kill()
        raise AssertionError("it started, and should have refused")

    # Ending.

    def stop(self):
        """Asks it to drain; the exit code must be 0."""
        if self.process and self.process.poll() is None:
            os.kill(self.pid, signal.SIGTERM)
            code = self.process.wait(DRAIN_S)
            assert code == 0, f"ended with {code} on SIGTERM:\n{self.log_text()[-4000:]}"
        self._close()

    def kill(self):
        """No warning, no drain."""
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait(30)
        self._close()

    def _close(self):
        if self.process:
            self.process.stdout.close()
            self.log.close()
        self.process = None

    def restart(self):
        self.stop()
        return self.start()

    # Looking.

    @property
    def pid(self):
        return self.process.pid

    def resident_mib(self, field="VmHWM"):
        for line in pathlib.Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith(field + ":"):
                return int(line.split()[1]) / 1024
        raise AssertionError(f"no {field} in /proc/{self.pid}/status")

    def status(self):
        return json.loads(run(binary(), "status", *self.place, "--json", timeout=60))

    def wait_until_whole(self, within_s=180):
        """Waits until nothing is unshown or below its promise and every site is well."""
        deadline = time.monotonic() + within_s
        while True:
            status = self.status()
            if not status["below_promise"] and not status["unshown"] and not self.sites_out(status):
                return status
            assert time.monotonic() < deadline, f"not whole after {within_s} s: {status}\n{self.log_text()[-3000:]}"
            time.sleep(0.25)

    @staticmethod
    def sites_out(status):
        used = [site for site in status["sites"] if site["state"] == "active"]
        return [site["name"] for site in used if site["reads"] != "well" or site["writes"] != "well"]

    def site(self, name):
        return self.directory / "sites" / name

    def log_text(self):
        return self.log_path.read_text(errors="replace")

    def keys(self):
        """Access key and secret: from the ready line, else from the credentials file."""
        if "secret_key" in self.ready:
            return self.ready["access_key"], self.ready["secret_key"]
        file = ConfigParser()
        file.read(self.directory / "credentials")
        profile = file[file.sections()[0]]
        return profile["aws_access_key_id"], profile["aws_secret_access_key"]

    @property
    def endpoint(self):
        return self.ready["s3_endpoint"]

    @property
    def port(self):
        return int(self.endpoint.rsplit(":", 1)[1].rstrip("/"))

    @property
    def region(self):
        return self.ready["region"]
