"""One contract for every adapter: the Rust suite, run against the programs that stand for the vendors."""

import json
import os
import subprocess

import pytest
import standins
from proxy import Proxy
from world import REPOSITORY

CASES = {
    "amazon_keeps_the_contract": "amazon",
    "a_store_that_knows_md5_alone_keeps_the_contract": "amazon",
    "oracle_keeps_the_contract": "oracle",
    "microsoft_keeps_the_contract": "microsoft",
    "google_keeps_the_contract": "google",
}
# The flags of the area `unit`, so that what it built is used again.
BUILD = ["test", "--workspace", "--all-features", "--locked", "--test", "standins", "--no-run", "--message-format=json"]


@pytest.fixture(scope="module")
def suite():
    """The test program of crates/providers/tests/standins.rs."""
    if named := os.environ.get("ENTENTE_CONTRACT_BIN"):
        return named
    built = subprocess.run(["cargo", *BUILD], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr[-4000:]
    for line in built.stdout.splitlines():
        message = json.loads(line)
        if message.get("executable") and message["target"]["name"] == "standins":
            return message["executable"]
    raise AssertionError("cargo built no test program called standins")


@pytest.fixture(scope="module")
def four(tmp_path_factory):
    made = standins.start_four(tmp_path_factory.mktemp("standins"))
    yield made
    standins.stop_all(made)


@pytest.fixture(scope="module")
def endpoints(four):
    """Where each is spoken to: Oracle's behind a proxy that refuses what Oracle refuses."""
    oracle = Proxy(f"127.0.0.1:{four['oracle'].port}", quirks="oracle")
    yield {name: one.endpoint for name, one in four.items()} | {"oracle": oracle.endpoint}
    oracle.stop()


@pytest.mark.parametrize("case", CASES)
def test_an_adapter_keeps_the_contract(case, suite, endpoints):
    vendor = CASES[case]
    prefix = f"ENTENTE_STANDIN_{vendor.upper()}"
    variables = {
        prefix: endpoints[vendor],
        f"{prefix}_ACCESS_KEY_ID": standins.ACCESS_KEY,
        f"{prefix}_SECRET_ACCESS_KEY": standins.SECRET_KEY,
    }
    if vendor == "microsoft":
        variables[f"{prefix}_ACCOUNT_KEY"] = standins.ACCOUNT_KEY
    command = [suite, "--ignored", "--exact", case]
    done = subprocess.run(command, env={**os.environ, **variables}, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0 and "1 passed" in done.stdout, done.stdout[-3000:] + done.stderr[-3000:]


def test_the_suite_without_stand_ins_fails_and_says_so(suite):
    done = subprocess.run([suite, "--ignored"], capture_output=True, text=True, check=False)
    assert done.returncode != 0 and "test_contract.py" in done.stdout + done.stderr
    for case in CASES:
        assert f"{case} ... FAILED" in done.stdout, "a case in Rust that no line here runs"
    assert f"0 passed; {len(CASES)} failed" in done.stdout
