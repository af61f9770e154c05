"""Keys of labels and what is above them: rotation, shredding, the root key under a passphrase and in shares,
backups, and a data directory of an older Entente."""

import concurrent.futures
import hashlib
import json
import os
import shutil
import subprocess
import tarfile
import time

import pytest
from client import connect, refused
from content import MIB, content
from world import REPOSITORY, SITES, World, binary, run

U, SECRET = "UNCLASSIFIED", "SECRET//NOFORN"


class Configured(World):
    """Sites, root key and configuration lie beside the data directory, as in an enclave of one's own."""

    def __init__(self, home, passphrase=None, sites=None, **more):
        super().__init__(home / "data", **more)
        home.mkdir(exist_ok=True)
        self.home, self.root = home, home / "root.key"
        self.config = home / "entente.toml"
        sites = sites or home
        rows = [f'[[site]]\nname = "{name}"\nvendor = "{name}"\nregion = "here"\nkind = "local"\npath = "{sites}/{name}"\nceiling = "SECRET"\n' for name in SITES]
        where = f'passphrase = "file:{passphrase}"\n' if passphrase else ""
        head = f'[enclave]\ndata_dir = "data"\nroot_key = "root.key"\nrange = ["{U}", "SECRET"]\n{where}'
        self.config.write_text(head + "".join(rows))
        for name in SITES:
            (sites / name).mkdir(exist_ok=True)

    @property
    def place(self):
        return ["--config", str(self.config)]

    def with_key(self):
        run(binary(), "root-key", self.root)
        return self


def key(world, user, label):
    made = json.loads(run(binary(), "key", "create", *world.place, "--user", user, "--label", label, "--json"))
    return made["access_key"], made["secret_key"]


def fails(*command, code=None, **more):
    """The complaint of a command that must be refused."""
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, **more)
    assert done.returncode != 0, done.stdout
    assert code is None or done.returncode == code, (done.returncode, done.stderr)
    return done.stderr


def person(world, name="ana"):
    """Clients of one person at two labels."""
    run(binary(), "user", "create", name, "--clearance", SECRET, *world.place)
    keys = {label: key(world, name, label) for label in (U, SECRET)}
    return {label: connect(world, keys=pair) for label, pair in keys.items()}, keys


def labels(world):
    listed = json.loads(run(binary(), "label", "list", *world.place, "--json"))["labels"]
    return {row["label"]: row for row in listed}


def fill(clients):
    for label, bucket in ((U, "plain"), (SECRET, "vault")):
        clients[label].create_bucket(Bucket=bucket)
        clients[label].put_object(Bucket=bucket, Key="small", Body=content("small", 700))
        clients[label].put_object(Bucket=bucket, Key="large", Body=content("large", 3 * MIB))


def read(client, bucket, name):
    return client.get_object(Bucket=bucket, Key=name)["Body"].read()


def is_whole(client, bucket):
    assert read(client, bucket, "small") == content("small", 700)
    assert read(client, bucket, "large") == content("large", 3 * MIB)


def test_a_label_gets_a_new_key_and_nothing_moves(new_world):
    world = new_world().start()
    clients, keys = person(world)
    fill(clients)
    before = sorted(path for path in (world.directory / "sites").glob("*/*/d/*/*"))
    run(binary(), "label", "rotate", SECRET, *world.place)
    assert sorted(path for path in (world.directory / "sites").glob("*/*/d/*/*")) == before
    clients[SECRET].put_object(Bucket="vault", Key="new", Body=b"new")
    assert labels(world)[SECRET]["epochs"] == [1, 2] and labels(world)[U]["epochs"] == [1]
    assert labels(world)[SECRET]["buckets"] == 1
    world.kill()
    world.start()
    client = connect(world, keys=keys[SECRET])
    is_whole(client, "vault")
    assert read(client, "vault", "new") == b"new"
    assert "not in use here" in fails(binary(), "label", "rotate", "TOP SECRET//NOFORN", *world.place)


def test_a_plan_is_shown_and_changes_nothing(new_world):
    world = new_world().start()
    clients, _ = person(world)
    fill(clients)
    shred = [binary(), "label", "shred", SECRET, *world.place]
    plan = json.loads(run(*shred, "--plan", "--json"))
    assert (plan["buckets"], plan["versions"], plan["bytes"]) == (["vault"], 2, 700 + 3 * MIB)
    assert plan["access_keys"] == 1 and plan["keys"] == 1 and len(plan["sites"]) == 4
    text = run(*shred, "--plan")
    assert "vault" in text and str(world.directory / "root.key") in text
    # Nobody confirms it; it is confirmed as another label.
    assert "--yes" in fails(*shred, code=2)
    assert "another label" in fails(*shred, "--yes", U)
    is_whole(clients[SECRET], "vault")


def test_a_shredded_label_is_refused_within_a_second_however_much_there_is(new_world, figure):
    world = new_world().start()
    clients, keys = person(world)
    fill(clients)
    count = 3000
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        put = lambda number: clients[SECRET].put_object(Bucket="vault", Key=f"many/{number:05}", Body=b"%d" % number)
        list(pool.map(put, range(count)))
    old_root = (world.directory / "root.key").read_text()
    began = time.monotonic()
    command = [binary(), "label", "shred", SECRET, "--yes", SECRET, *world.place, "--json"]
    shredding = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    planned = shredding.stdout.readline()
    assert json.loads(planned)["versions"] == count + 2
    ordered = time.monotonic()
    while True:
        try:
            read(clients[SECRET], "vault", "many/00001")
        except clients[SECRET].exceptions.ClientError as error:
            last = time.monotonic()
            assert error.response["Error"]["Code"] in ("InvalidAccessKeyId", "NoSuchBucket", "AccessDenied"), error
            break
    assert shredding.wait(60) == 0
    figure(f"{count} objects of a label: refused {last - ordered:.2f} s after the plan, shredded after {time.monotonic() - began:.2f} s")
    assert last - ordered < 1.0
    assert (world.directory / "root.key").read_text() != old_root
    assert sorted(path.name for path in world.directory.glob("root.key*")) == ["root.key"]

    is_whole(clients[U], "plain")
    for name in ("small", "large", "many/00002"):
        refused(lambda name=name: read(clients[SECRET], "vault", name))
    assert list(labels(world)) == [U]
    # The names leave the catalog in the background, and its file.
    deadline = time.monotonic() + 60
    while world.status()["objects"] != 2:
        assert time.monotonic() < deadline, world.status()
        time.sleep(0.2)
    world.restart()
    client = connect(world, keys=keys[U])
    is_whole(client, "plain")
    assert world.status()["objects"] == 2
    # But for what older pages of the file may still hold between their rows.
    assert (world.directory / "catalog.sqlite").read_bytes().count(b"many/0") < count // 10
    # The label begins anew.
    again = connect(world, keys=key(world, "ana", SECRET))
    again.create_bucket(Bucket="vault")
    assert again.list_objects_v2(Bucket="vault")["KeyCount"] == 0


def test_retained_bytes_and_the_new_root_give_nothing_of_a_shredded_label(tmp_path, new_world):
    world = new_world().start()
    clients, keys = person(world)
    fill(clients)
    backup = tmp_path / "before.backup"
    run(binary(), "backup", backup, *world.place)
    world.stop()
    retained = tmp_path / "retained"
    shutil.copytree(world.directory, retained)
    world.start()
    run(binary(), "label", "shred", SECRET, "--yes", SECRET, *world.place)
    world.stop()
    new_root = world.directory / "root.key"

    # The pieces, with everything that was ever written to the sites, and the new root.
    out = tmp_path / "rescued"
    sites = [world.site(name) for name in SITES]
    done = subprocess.run([binary("entente-rescue"), "--root-key", new_root, "--out", out, *sites], capture_output=True, text=True, check=False)
    assert done.returncode == 0, (done.stdout, done.stderr)
    assert sorted(path.name for path in out.iterdir()) == ["plain"]
    assert (out / "plain/large").read_bytes() == content("large", 3 * MIB)
    assert not any(b"vault" in path.name.encode() for path in out.rglob("*"))
    # Before, it gave both.
    out = tmp_path / "rescued-before"
    done = subprocess.run([binary("entente-rescue"), "--root-key", retained / "root.key", "--out", out, *[retained / "sites" / name for name in SITES]], capture_output=True, text=True, check=False)
    assert done.returncode == 0, (done.stdout, done.stderr)
    assert sorted(path.name for path in out.iterdir()) == ["plain", "vault"]

    # The old catalog over the sites as they are, under the new root: the other label is there, this one is not.
    over = World(tmp_path / "over")
    shutil.copytree(world.directory, over.directory)
    shutil.copy(retained / "catalog.sqlite", over.directory / "catalog.sqlite")
    over.start()
    try:
        is_whole(connect(over, keys=keys[U]), "plain")
        assert list(labels(over)) == [U]
        assert refused(lambda: read(connect(over, keys=keys[SECRET]), "vault", "small"))[1] in (403, 404)
    finally:
        over.stop()
    # The old catalog with the old pieces does not open under the new root at all; nor does the backup.
    shutil.copy(new_root, retained / "root.key")
    old = World(retained)
    code, log = old.fails_to_start()
    assert code == 5 and "root key" in log, log
    restored = tmp_path / "restored"
    restored.mkdir()
    shutil.copy(new_root, restored / "root.key")
    assert "another root key" in fails(binary(), "restore", backup, "--data-dir", restored, code=5)


@pytest.mark.parametrize("at", [0.0, 0.02, 0.05, 0.1, 0.2, 0.4])
def test_a_shredding_that_is_killed_is_completed_or_undone(new_world, at):
    world = new_world().start()
    clients, keys = person(world)
    fill(clients)
    old = (world.directory / "root.key").read_text()
    command = [binary(), "label", "shred", SECRET, "--yes", SECRET, *world.place]
    shredding = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    shredding.stdout.readline()
    time.sleep(at)
    world.kill()
    shredding.communicate(timeout=60)
    world.start()
    is_whole(connect(world, keys=keys[U]), "plain")
    assert sorted(path.name for path in world.directory.glob("root.key*")) == ["root.key"]
    if SECRET in labels(world):
        assert (world.directory / "root.key").read_text() == old, "undone"
        is_whole(connect(world, keys=keys[SECRET]), "vault")
    else:
        assert (world.directory / "root.key").read_text() != old, "completed"
    world.restart()
    is_whole(connect(world, keys=keys[U]), "plain")


def test_a_root_key_under_a_passphrase(tmp_path):
    home = tmp_path / "home"
    passphrase, wrong = tmp_path / "pass", tmp_path / "wrong"
    passphrase.write_text("correct horse battery staple\n")
    wrong.write_text("correct horse battery stable\n")
    world = Configured(home, passphrase=passphrase)
    assert "too short" in fails(binary(), "root-key", world.root, "--passphrase", "env:SHORT", env={**os.environ, "SHORT": "short"}, code=5)
    run(binary(), "root-key", world.root, "--passphrase", f"file:{passphrase}")
    assert world.root.stat().st_mode & 0o777 == 0o600 and world.root.read_text().startswith("entente-root-key 1\nargon2id ")
    try:
        world.start()
        clients, keys = person(world)
        fill(clients)
        world.stop()
        sealed = world.root.read_text()
        world.config.write_text(world.config.read_text().replace(str(passphrase), str(wrong)))
        code, log = world.fails_to_start()
        assert code == 5 and "passphrase is wrong" in log, log
        assert world.root.read_text() == sealed
        world.config.write_text(world.config.read_text().replace(f'passphrase = "file:{wrong}"\n', ""))
        asking = subprocess.run([binary(), "up", *world.place], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        assert asking.returncode == 5 and "--passphrase" in asking.stderr, asking.stderr
        world.config.write_text(world.config.read_text().replace('root_key = ', 'passphrase = "env:ROOT_PASS"\nroot_key = '))
        world.environment["ROOT_PASS"] = "correct horse battery staple"
        world.start()
        is_whole(connect(world, keys=keys[SECRET]), "vault")
        # A new root comes under the same passphrase.
        run(binary(), "label", "shred", SECRET, "--yes", SECRET, *world.place)
        assert world.root.read_text() != sealed and world.root.read_text().startswith("entente-root-key 1\n")
        world.restart()
        is_whole(connect(world, keys=keys[U]), "plain")
    finally:
        world.kill()


def test_a_root_key_within_what_it_opens_is_refused(tmp_path):
    world = Configured(tmp_path / "home").with_key()
    (world.home / "data").mkdir(mode=0o700)
    # By its name, and by where a link leads.
    inside = world.home / "data/root.key"
    world.config.write_text(world.config.read_text().replace('"root.key"', '"data/root.key"'))
    code, log = world.fails_to_start()
    assert code == 2 and "keep it elsewhere" in log, log
    world.config.write_text(world.config.read_text().replace('"data/root.key"', '"root.key"'))
    world.root.rename(inside)
    world.root.symlink_to(inside)
    code, log = world.fails_to_start()
    assert code == 5 and "keep it elsewhere" in log, log
    at_site = world.home / "amazon/root.key"
    inside.rename(at_site)
    world.root.unlink()
    world.root.symlink_to(at_site)
    code, log = world.fails_to_start()
    assert code == 5 and "amazon" in log, log


def test_backup_and_shares_are_enough_on_a_bare_machine(tmp_path):
    """Everything but the sites is lost; writes that came after the backup are there too."""
    world = Configured(tmp_path / "home", sites=tmp_path).with_key()
    bare = None
    try:
        world.start()
        clients, keys = person(world)
        fill(clients)
        shares = tmp_path / "shares"
        shares.mkdir()
        holders = ["ana", "bob", "eve", "joe", "sue"]
        split = [binary(), "root-key", "split", "--shares", 5, "--needed", 3, "--out", shares, *world.place]
        split += [part for name in holders for part in ("--holder", name)]
        run(*split)
        files = {name: shares / f"root-share-{name}.txt" for name in holders}
        assert all(path.stat().st_mode & 0o777 == 0o600 for path in files.values())
        assert "is there already" in fails(*split)
        plan = json.loads(run(binary(), "backup", tmp_path / "b1", "--plan", "--json", *world.place))
        assert plan["config"] == str(world.config) and not (tmp_path / "b1").exists()
        backup = tmp_path / "enclave.backup"
        told = run(binary(), "backup", backup, *world.place)
        assert backup.stat().st_mode & 0o777 == 0o600 and str(backup) in told
        held = backup.read_bytes()
        assert bytes.fromhex(world.root.read_text().strip()) not in held and world.root.read_bytes().strip() not in held
        assert b"vault" not in held and b"small" not in held
        assert "is there already" in fails(binary(), "backup", backup, *world.place)
        shred = json.loads(run(binary(), "label", "shred", SECRET, "--plan", "--json", *world.place))
        assert shred["shares"][0]["holders"] == holders and shred["backups"][0]["place"] == str(backup)

        for label, bucket in ((U, "plain"), (SECRET, "vault")):
            clients[label].put_object(Bucket=bucket, Key="later", Body=content("later", 2 * MIB))
        clients[U].delete_object(Bucket="plain", Key="small")
        world.kill()
        shutil.rmtree(world.home)

        bare = Configured(tmp_path / "bare", sites=tmp_path)
        join = lambda *names, out=bare.root: [binary(), "root-key", "join", *[files[name] for name in names], "--out", out]
        assert "bring 1 more" in fails(*join("ana", "bob"), code=5)
        damaged = tmp_path / "damaged"
        damaged.write_text(files["joe"].read_text().replace("holder joe", "holder moe"))
        files["moe"] = damaged
        assert "damaged" in fails(*join("ana", "bob", "moe"), code=5)
        assert not bare.root.exists()
        run(*join("sue", "bob", "joe"))
        restore = [binary(), "restore", backup, *bare.place]
        assert "will hold the catalog" in run(*restore, "--plan") and not bare.directory.exists()
        run(*restore)
        assert "is not empty" in fails(*restore, code=6)
        bare.start()
        for label, bucket in ((U, "plain"), (SECRET, "vault")):
            client = connect(bare, keys=keys[label])
            assert read(client, bucket, "large") == content("large", 3 * MIB)
            assert read(client, bucket, "later") == content("later", 2 * MIB)
        assert refused(lambda: read(connect(bare, keys=keys[U]), "plain", "small"))[0] == "NoSuchKey"
        changed = bytearray(backup.read_bytes())
        changed[-5] ^= 1
        backup.write_bytes(changed)
        bare.stop()
        shutil.rmtree(bare.directory)
        assert "damaged" in fails(*restore, code=6)
        assert not (bare.directory / "catalog.sqlite").exists()
    finally:
        world.kill()
        if bare:
            bare.kill()


def noise(name, length):
    blocks = (hashlib.sha256(f"{name}/{number}".encode()).digest() for number in range(length // 32 + 1))
    return b"".join(blocks)[:length]


def test_a_data_directory_of_the_first_format_opens(tmp_path, new_world):
    fixtures = REPOSITORY / "tests/fixtures"
    facts = json.loads((fixtures / "first-format.json").read_text())
    with tarfile.open(fixtures / "first-format.tar.xz") as archive:
        # Debian's 3.11 has no filters yet; where there are some, none is no choice.
        archive.extraction_filter = getattr(tarfile, "data_filter", lambda member, _: member)
        archive.extractall(tmp_path)
    world = new_world("d").start()
    low, high = (connect(world, keys=tuple(facts["keys"][label])) for label in (U, SECRET))
    small = low.get_object(Bucket="plain", Key="small")
    assert (small["Body"].read(), small["Metadata"], small["ContentType"]) == (noise("small", 300), {"who": "ana"}, "text/plain")
    assert low.get_object_tagging(Bucket="plain", Key="small")["TagSet"] == [{"Key": "a", "Value": "b"}]
    assert read(low, "plain", "copied") == noise("small", 300)
    assert read(low, "plain", "empty") == b""
    assert read(low, "plain", "parts") == noise("p1", 20000)
    assert [entry["Key"] for entry in low.list_objects_v2(Bucket="plain")["Contents"]] == ["copied", "empty", "parts", "small"]
    assert read(high, "vault", "plan") == noise("plan", 500)
    for version, length in (("v1", 100), ("v2", 200)):
        got = high.get_object(Bucket="vault", Key="versioned", VersionId=facts[version])["Body"].read()
        assert got == noise(version, length)
    assert refused(lambda: read(high, "vault", "marked"))[0] == "NoSuchKey"
    assert refused(lambda: read(low, "vault", "plan"))[0] == "NoSuchBucket"
    # And it is of today from here on.
    run(binary(), "label", "rotate", SECRET, *world.place)
    high.put_object(Bucket="vault", Key="new", Body=b"new")
    run(binary(), "label", "shred", U, "--yes", U, *world.place)
    world.restart()
    assert read(connect(world, keys=tuple(facts["keys"][SECRET])), "vault", "plan") == noise("plan", 500)
    low = connect(world, keys=tuple(facts["keys"][U]))
    assert refused(lambda: read(low, "plain", "small"))[0] == "InvalidAccessKeyId"
