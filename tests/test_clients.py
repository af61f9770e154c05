"""Real clients in their default modes, with real files."""

import hashlib
import json
import pathlib

import pytest

import clients
from content import GIB, KIB, MIB, content
from tree import assert_same, gather

SIZES = {"empty": 0, "small": 5 * KIB, "inline-limit": MIB, "large": 7 * MIB, "multipart": 40 * MIB}


@pytest.fixture(params=clients.ALL)
def client(request, world, tmp_path):
    return clients.ALL[request.param](world, tmp_path / "home")


def test_files_of_every_size_go_up_and_come_back(client, tmp_path):
    bucket = f"sizes-{type(client).__name__.lower()}"
    client.make(bucket)
    for name, size in SIZES.items():
        source, back = tmp_path / name, tmp_path / f"{name}.back"
        source.write_bytes(content(name, size))
        client.up(source, bucket, f"dir/{name}")
        client.down(bucket, f"dir/{name}", back)
        assert back.read_bytes() == source.read_bytes(), name
    assert client.keys(bucket) == sorted(f"dir/{name}" for name in SIZES)
    for name in SIZES:
        client.remove(bucket, f"dir/{name}")
    client.remove_bucket(bucket)


def test_keys_that_need_escaping_go_up_and_come_back(client, tmp_path):
    bucket = f"names-{type(client).__name__.lower()}"
    client.make(bucket)
    names = ["with space", "plus+and&amp;", "ümläut 日本", "percent%41", "a=b,c@d;e", "it's"]
    for name in names:
        source, back = tmp_path / "up", tmp_path / "back"
        source.write_bytes(name.encode())
        back.unlink(missing_ok=True)
        client.up(source, bucket, name)
        client.down(bucket, name, back)
        assert back.read_bytes() == name.encode(), name
    assert client.keys(bucket) == sorted(names)


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    root = tmp_path_factory.mktemp("tree") / "real"
    count, size = gather(root)
    print(f"real tree: {count} files, {size / MIB:.0f} MiB")
    return root


@pytest.mark.timeout(900)
def test_a_real_tree_through_aws_s3_sync_comes_back_byte_for_byte(world, tree, tmp_path):
    aws = clients.Aws(world, tmp_path / "home")
    aws.make("tree-aws")
    aws("s3", "sync", "--only-show-errors", tree, "s3://tree-aws/real")
    aws("s3", "sync", "--only-show-errors", "s3://tree-aws/real", tmp_path / "back")
    assert_same(tree, tmp_path / "back")
    assert aws("s3", "sync", tree, "s3://tree-aws/real").strip() == "", "a second sync found something to do"


@pytest.mark.timeout(900)
def test_a_real_tree_through_rclone_copy_comes_back_byte_for_byte(world, tree, tmp_path):
    rclone = clients.Rclone(world, tmp_path / "home")
    rclone("copy", tree, "here:tree-rclone/real")
    rclone("copy", "here:tree-rclone/real", tmp_path / "back")
    assert_same(tree, tmp_path / "back")
    rclone("check", tree, "here:tree-rclone/real")
    rclone("purge", "here:tree-rclone/real")
    assert rclone("lsf", "here:tree-rclone").strip() == ""


def test_rclone_finds_that_any_name_and_any_stream_can_be_stored(world, tmp_path):
    rclone, report = clients.Rclone(world, tmp_path / "home"), tmp_path / "info.json"
    rclone.make("info")
    rclone("test", "info", "--all", "--write-json", report, "here:info/d")
    found = json.loads(report.read_text())
    assert found["CanStream"] and found["CanWriteUnnormalized"] and found["CanReadUnnormalized"]
    assert not found["CanReadRenormalized"], "two keys became one"
    assert found["MaxFileLength"] + len("d/rclone-test-info-12345678/") == 1024
    characters = found["ControlCharacters"]
    assert len(characters) > 100
    # A name is listed as "renamed" where rclone itself shows a picture for a control character.
    lost = [name for name, what in characters.items() if what["WriteError"] or what["GetError"] or not_listed(what)]
    assert not lost


def not_listed(what):
    return set(what["InList"].values()) - {"present", "renamed"}


def digest(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@pytest.mark.timeout(900)
def test_a_file_of_one_gib_goes_through_multipart_and_back(world, s3, tmp_path):
    source, back = tmp_path / "gib", tmp_path / "back"
    with open(source, "wb") as file:
        for number in range(GIB // (16 * MIB)):
            file.write(content(("gib", number), 16 * MIB))
    aws = clients.Aws(world, tmp_path / "home")
    aws.make("gib")
    aws.up(source, "gib", "file")
    assert s3.head_object(Bucket="gib", Key="file")["ETag"].rstrip('"').endswith("-128")
    aws.down("gib", "file", back)
    assert digest(back) == digest(source)
    source.unlink()
    pathlib.Path(back).unlink()
    aws.remove("gib", "file")
