"""Programs that keep their own data in a bucket, each with its own idea of S3."""

import json
import random

import polars
import pytest

import clients
from content import KIB, MIB, content
from tree import assert_same


@pytest.fixture
def home(tmp_path):
    return tmp_path / "home"


def files(root, chance):
    """Small and large files, some of them twice, some hard to compress."""
    for number in range(60):
        path = root / f"{number % 7}" / f"file {number}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content(("files", number // 2), chance.choice([0, 1, 5 * KIB, 300 * KIB, 3 * MIB])))


def change(root, chance):
    """Some files grow, some go, some come."""
    paths = sorted(path for path in root.rglob("*") if path.is_file())
    for path in chance.sample(paths, 20):
        path.write_bytes(path.read_bytes() + content(str(path), 100 * KIB))
    for path in sorted(root.rglob("*1")):
        if path.is_file():
            path.unlink()
    (root / "new").write_bytes(content("new", 9 * MIB))


def test_restic_backs_up_prunes_checks_every_byte_and_restores(world, s3, home, tmp_path):
    chance, source = random.Random("restic"), tmp_path / "source"
    s3.create_bucket(Bucket="restic")
    restic = clients.Restic(world, home, "restic")
    restic("init")
    files(source, chance)
    restic("backup", source)
    change(source, chance)
    restic("backup", source)
    restic("check", "--read-data")
    restic("forget", "--keep-last", "1", "--prune")
    restic("check", "--read-data")
    restic("restore", "latest", "--target", tmp_path / "back")
    assert_same(source, tmp_path / "back" / source.relative_to("/"))


def options(world):
    access, secret = world.keys()
    return {
        "aws_access_key_id": access,
        "aws_secret_access_key": secret,
        "aws_region": world.region,
        "aws_endpoint_url": world.endpoint,
        "aws_allow_http": "true",
        "max_retries": 0,
    }


def measurements(rows):
    """A table of which one group of rows is a small part of the file."""
    numbers = polars.int_range(rows, eager=True)
    chance = random.Random("measurements")
    return polars.DataFrame({"number": numbers, "noise": [chance.random() for _ in range(rows)], "group": numbers // 50_000})


def test_polars_writes_parquet_and_reads_only_the_ranges_it_needs(world, s3):
    s3.create_bucket(Bucket="tables")
    table = measurements(1_000_000)
    at = "s3://tables/measurements.parquet"
    table.write_parquet(at, storage_options=options(world), row_group_size=50_000, compression="uncompressed")
    size = s3.head_object(Bucket="tables", Key="measurements.parquet")["ContentLength"]
    assert size > 10 * MIB

    mark = world.log_path.stat().st_size
    scan = polars.scan_parquet(at, storage_options=options(world))
    group = scan.filter(polars.col("group") == 7).select("number", "noise").collect()
    assert group.equals(table.filter(polars.col("group") == 7).select("number", "noise"))
    sent = bytes_sent(world, mark)
    assert 0 < sent < size / 3, f"{sent} of {size} bytes were read for a twentieth of the rows"

    assert scan.select(polars.col("noise").sum()).collect().item() == pytest.approx(table["noise"].sum())
    assert polars.read_parquet(at, storage_options=options(world)).equals(table)


def bytes_sent(world, mark):
    """Bytes of objects that left the door since the log was `mark` bytes long."""
    lines = [json.loads(line) for line in world.log_path.read_bytes()[mark:].splitlines()]
    return sum(line["bytes_out"] for line in lines if line.get("operation") == "GetObject")


def test_polars_streams_a_table_into_many_files_and_scans_them_as_one(world, s3):
    s3.create_bucket(Bucket="lake")
    table = measurements(400_000)
    for part, rows in enumerate(table.iter_slices(100_000)):
        rows.lazy().sink_parquet(f"s3://lake/year=2026/part-{part}.parquet", storage_options=options(world))
    scan = polars.scan_parquet("s3://lake/**/*.parquet", storage_options=options(world), hive_partitioning=True)
    assert scan.select(polars.len()).collect().item() == 400_000
    assert scan.drop("year").sort("number").collect().equals(table)
