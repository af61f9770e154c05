"""Sites named by a configuration file: five vendors, another region, a domain of one's own."""

import json
import subprocess
import urllib.request

import pytest

from client import connect, refused
from content import MIB, content
from ledger import Ledger, read_back
from load import MIXED, Load
from world import World, binary, run

VENDORS = ("amazon", "microsoft", "google", "oracle", "own")
HEAD = """
[enclave]
data_dir = "data"
root_key = "keys/root.key"
region = "eu-central-1"
default_profile = "std"

[s3]
domains = ["store.localhost"]
"""


class Configured(World):
    """Started with `--config`; the owner's key is issued over the admin API."""

    def __init__(self, folder):
        super().__init__(folder / "data")
        self.file, self.owner = folder / "entente.toml", None
        sites = [
            f'[[site]]\nname = "{vendor}-1"\nvendor = "{vendor}"\nkind = "local"\npath = "sites/{vendor}"\n'
            for vendor in VENDORS
        ]
        self.file.write_text(HEAD + "\n".join(sites))
        for vendor in VENDORS:
            (folder / "sites" / vendor).mkdir(parents=True)
        (folder / "keys").mkdir()

    @property
    def place(self):
        return ["--config", str(self.file)]

    def keys(self):
        if not self.owner:
            self.owner = json.loads(run(binary(), "key", "create", *self.place, "--user", "owner", "--json"))
        return self.owner["access_key"], self.owner["secret_key"]


@pytest.fixture
def world(tmp_path):
    made = Configured(tmp_path)
    yield made
    made.kill()


def test_five_vendors_another_region_and_a_domain(world, chance):
    code, log = world.fails_to_start()
    assert code == 5 and "root-key" in log, "without a root key it says how to make one"
    run(binary(), "root-key", world.file.parent / "keys/root.key")
    world.start()
    assert "secret_key" not in world.ready
    s3 = connect(world)
    location = {"CreateBucketConfiguration": {"LocationConstraint": "eu-central-1"}}
    s3.create_bucket(Bucket="five", **location)
    assert refused(lambda: s3.create_bucket(Bucket="five", **location)) == ("BucketAlreadyOwnedByYou", 409)
    elsewhere = {"CreateBucketConfiguration": {"LocationConstraint": "us-west-2"}}
    for more in (elsewhere, {}):
        answer = refused(lambda more=more: s3.create_bucket(Bucket="elsewhere", **more))
        assert answer == ("IllegalLocationConstraintException", 400)
    assert s3.get_bucket_location(Bucket="five")["LocationConstraint"] == "eu-central-1"
    ledger = Ledger()
    assert Load(s3, "five", ledger, chance, 4, MIXED, 20).start().finish() == []
    by_host = connect(world, addressing="virtual", endpoint=f"http://store.localhost:{world.port}")
    by_host.put_object(Bucket="five", Key="by-host", Body=b"by host")
    assert s3.get_object(Bucket="five", Key="by-host")["Body"].read() == b"by host"
    s3.delete_object(Bucket="five", Key="by-host")
    world.wait_until_whole()
    for vendor in chance.sample(VENDORS, 2):
        (world.file.parent / "sites" / vendor).rename(world.file.parent / f"{vendor}.away")
    read_back(s3, "five", ledger)
    body = content("without two of five", 3 * MIB)
    s3.put_object(Bucket="five", Key="late", Body=body)
    world.kill()
    world.start()
    assert connect(world).get_object(Bucket="five", Key="late")["Body"].read() == body


def test_links_are_made_for_where_clients_reach_the_door(world):
    run(binary(), "root-key", world.file.parent / "keys/root.key")
    world.file.write_text(world.file.read_text().replace("[s3]\n", '[s3]\nendpoint = "https://s3.example.org"\n'))
    world.start()
    key, secret = world.keys()
    owner = world.file.parent / "owner"
    owner.write_text(f"[default]\naws_access_key_id = {key}\naws_secret_access_key = {secret}\n")
    link = run(binary(), "presign", "get", "s3://five/there", *world.place, "--credentials", owner)
    assert link.startswith("https://s3.example.org/five/there?X-Amz-"), link
    console = world.ready["console_url"]
    with urllib.request.urlopen(f"{console}/api/v1/sign-in", timeout=30) as told:
        assert json.load(told)["s3_endpoint"] == "https://s3.example.org"
    with urllib.request.urlopen(f"{console}/", timeout=30) as page:
        assert "connect-src 'self' https://s3.example.org;" in page.headers["content-security-policy"]
    # What runs here is still spoken to here.
    assert world.ready["s3_endpoint"] == f"http://127.0.0.1:{world.port}"


WRONG = [
    ("an unknown setting", 'region = "eu', 'regoin = "eu', "did you mean `region`"),
    ("an unknown section", "[s3]", "[s4]", "did you mean `s3`"),
    ("an unknown vendor", 'vendor = "google"', 'vendor = "gogle"', "did you mean `google`"),
    ("a root key beside the data", '"keys/root.key"', '"data/root.key"', "inside the data directory"),
    ("two sites in one place", '"sites/google"', '"sites/amazon"', "overlaps"),
    ("a profile that needs more vendors", '"std"', '"mirror-6"', "needs 6 vendors"),
]


@pytest.mark.parametrize("old,new,says", [row[1:] for row in WRONG], ids=[row[0] for row in WRONG])
def test_what_makes_no_sense_is_refused_with_its_line(world, old, new, says):
    text = world.file.read_text()
    assert old in text
    world.file.write_text(text.replace(old, new, 1))
    line = text[: text.index(old)].count("\n") + 1
    done = subprocess.run([binary(), "up", *world.place], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2 and says in done.stderr, done.stderr
    assert f"entente.toml:{line}:" in done.stderr, done.stderr
    assert not world.directory.exists(), "something was made before the settings were checked"


def test_beyond_loopback_it_listens_only_when_told_that_this_is_not_safe(world):
    run(binary(), "root-key", world.file.parent / "keys/root.key")
    world.file.write_text(world.file.read_text().replace("[s3]", '[s3]\nlisten = "0.0.0.0:0"'))
    done = subprocess.run([binary(), "up", *world.place], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2 and "--insecure" in done.stderr, done.stderr


def test_a_site_is_added_from_a_terminal_and_takes_pieces_at_once(world):
    run(binary(), "root-key", world.file.parent / "keys/root.key")
    whole = world.file.read_text()
    rest, own = whole.replace('"std"', '"quad"').rsplit("[[site]]", 1)
    world.file.write_text(rest)
    world.file.chmod(0o640)
    entry = f"[[site]]{own}".strip()
    world.start()
    s3 = connect(world)
    s3.create_bucket(Bucket="tea", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    body = content("tea", 3 * MIB)
    s3.put_object(Bucket="tea", Key="large", Body=body)

    def add(text, *more):
        command = [binary(), "site", "add", "-", *world.place, *more]
        return subprocess.run(command, input=text, capture_output=True, text=True, check=False, timeout=60)

    def sites():
        return json.loads(run(binary(), "site", "list", *world.place, "--json"))

    plan = json.loads(add(entry, "--plan", "--json").stdout)
    assert plan == {"name": "own-1", "file": str(world.file), "text": f"\n{entry}\n"}, plan
    missing = add(entry.replace("sites/own", "sites/nowhere"))
    assert missing.returncode == 14 and "mount the directory" in missing.stderr, missing.stderr
    assert "nothing was written" in missing.stderr and world.file.read_text() == rest
    assert sites()["waiting"] == []

    def pieces():
        return [path for path in (world.file.parent / "sites/own").glob("*/d/*/*") if path.is_file()]

    added = add(entry, "--json")
    assert added.returncode == 0, added.stderr
    said = json.loads(added.stdout)
    assert said["check"]["works"] and (said["used"], said["why"]) == ("now", None), said
    assert world.file.read_text() == f"{rest}\n{entry}\n" and world.file.stat().st_mode & 0o777 == 0o640
    assert sorted(world.file.parent.glob("entente.toml*")) == [world.file], "nothing is left beside it"
    known = sites()
    assert known["waiting"] == [] and [site["name"] for site in known["sites"]][4:] == ["own-1"]
    assert (known["sites"][4]["state"], known["sites"][4]["writes"], known["sites"][4]["kind"]) == ("active", "well", "local")
    again = add(entry)
    assert again.returncode == 14 and "called `own-1` is there already" in again.stderr, again.stderr
    by_hand = entry.replace("own-1", "own-2").replace("sites/own", "sites/more")
    world.file.write_text(f"{world.file.read_text()}\n{by_hand}\n")
    assert [site["name"] for site in sites()["waiting"]] == ["own-2"], "nobody gave it to the running Entente"
    assert "own-2 stands in the settings and waits for a restart" in run(binary(), "site", "list", *world.place)
    world.file.write_text(f"{rest}\n{entry}\n")

    assert pieces() == [], "nothing moves by itself"
    for n in range(8):
        s3.put_object(Bucket="tea", Key=f"after-{n}", Body=body)
    assert pieces() != [], "what is written from then on lies there too"
    run(binary(), "bucket", "move-data", "tea", "--profile", "std", *world.place, timeout=120)
    assert s3.get_object(Bucket="tea", Key="large")["Body"].read() == body

    before = len(pieces())
    assert before >= 9, "of five vendors each holds a piece of everything"
    world.restart()
    assert sites()["waiting"] == [] and [site["name"] for site in sites()["sites"]][4:] == ["own-1"]
    assert len(pieces()) >= before and sites()["sites"][4]["state"] == "active"
    s3 = connect(world)
    assert all(s3.get_object(Bucket="tea", Key=f"after-{n}")["Body"].read() == body for n in range(8))
    world.stop()


def test_a_site_that_cannot_be_taken_in_now_is_taken_in_by_the_next_start(world):
    run(binary(), "root-key", world.file.parent / "keys/root.key")
    rest, own = world.file.read_text().replace('"std"', '"quad"').rsplit("[[site]]", 1)
    world.file.write_text(rest)
    world.start()
    entry = f"[[site]]{own}".strip()

    def add():
        command = [binary(), "site", "add", "-", *world.place, "--json"]
        return subprocess.run(command, input=entry, capture_output=True, text=True, check=False, timeout=120)

    def sites():
        return json.loads(run(binary(), "site", "list", *world.place, "--json"))

    # It works, and is somebody's.
    photo = world.file.parent / "sites/own/holiday.jpg"
    photo.write_text("sand")
    refused = add()
    assert refused.returncode == 14 and "it holds `holiday.jpg`" in refused.stderr, refused.stderr
    assert "nothing was written" in refused.stderr and world.file.read_text() == rest
    photo.unlink()
    # It works, and with three others away nothing can be decided.
    away = [world.file.parent / "sites" / vendor for vendor in VENDORS if vendor != "own"][:3]
    for site in away:
        site.rename(site.with_suffix(".away"))
    added = add()
    said = json.loads(added.stdout)
    assert added.returncode == 0 and said["used"] == "next_start" and "try again later" in said["why"], said
    known = sites()
    assert [site["name"] for site in known["waiting"]] == ["own-1"] and len(known["sites"]) == 4
    for site in away:
        site.with_suffix(".away").rename(site)
    world.restart()
    known = sites()
    assert known["waiting"] == [] and known["sites"][4]["state"] == "active", known
    world.stop()
