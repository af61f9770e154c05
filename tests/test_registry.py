"""A container registry on its S3 driver: images pushed and pulled; blobs move by copy and multipart copy."""

import gzip
import io
import json
import tarfile

import pytest

from content import KIB, MIB, content
from registry import Registry, digest


@pytest.fixture(scope="module")
def registry(world, s3, tmp_path_factory):
    s3.create_bucket(Bucket="images")
    with Registry(world, "images", tmp_path_factory.mktemp("registry") / "one") as registry:
        yield registry


def layer(name, size):
    """A layer as an engine makes one: a compressed archive of a file."""
    data, packed = content(name, size), io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        entry = tarfile.TarInfo(f"srv/{name}")
        entry.size = len(data)
        archive.addfile(entry, io.BytesIO(data))
    return gzip.compress(packed.getvalue(), compresslevel=1, mtime=0)


def config(layers):
    diffs = [digest(gzip.decompress(one)) for one in layers]
    return json.dumps({"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": diffs}}).encode()


def test_an_image_is_pushed_and_pulled_byte_for_byte(registry):
    # A blob is copied when its upload ends: whole up to 32 MiB, above that by parts.
    layers = [layer("small", 20 * KIB), layer("whole", 12 * MIB), layer("parts", 70 * MIB)]
    pushed = registry.push_image("team/app", "v1", config(layers), layers)
    for reference in ["v1", pushed]:
        assert registry.pull_image("team/app", reference) == (config(layers), layers)
    assert json.loads(registry.expect(200, "GET", "/v2/team/app/tags/list").data)["tags"] == ["v1"]
    assert json.loads(registry.expect(200, "GET", "/v2/_catalog").data)["repositories"] == ["team/app"]


def test_a_blob_is_read_by_ranges(registry):
    data = layer("ranged", 9 * MIB)
    registry.push_blob("team/ranges", data)
    for start, end in [(0, 0), (5 * MIB, 5 * MIB + 99), (len(data) - 7, len(data) - 1)]:
        answer = registry.expect(206, "GET", f"/v2/team/ranges/blobs/{digest(data)}", Range=f"bytes={start}-{end}")
        assert answer.data == data[start : end + 1]


def test_an_upload_that_is_cancelled_leaves_no_data(registry, s3):
    where = registry.expect(202, "POST", "/v2/team/gone/blobs/uploads/").headers["Location"]
    answer = registry.expect(202, "PATCH", where, content("gone", 7 * MIB), Content_Type="application/octet-stream")
    registry.expect(204, "DELETE", answer.headers["Location"])
    # The registry itself leaves a note of how far its digest was.
    left = s3.list_objects_v2(Bucket="images", Prefix="registry/docker/registry/v2/repositories/team/gone/")
    assert not [found["Key"] for found in left.get("Contents", []) if found["Key"].endswith("/data")]
    assert not s3.list_multipart_uploads(Bucket="images").get("Uploads")


def test_another_registry_on_the_same_bucket_serves_the_same_image(registry, world, tmp_path):
    layers = [layer("shared", MIB)]
    registry.push_image("team/shared", "latest", config(layers), layers)
    with Registry(world, "images", tmp_path / "two") as other:
        assert other.pull_image("team/shared", "latest") == (config(layers), layers)


def test_a_deleted_image_is_collected_and_the_others_stay(registry, world, s3, tmp_path):
    kept, lost = [layer("kept", MIB)], [layer("lost", 3 * MIB)]
    registry.push_image("team/kept", "v1", config(kept), kept)
    pushed = registry.push_image("team/lost", "v1", config(lost), lost)
    registry.expect(202, "DELETE", f"/v2/team/lost/manifests/{pushed}")
    registry.collect_garbage()
    hashed = digest(lost[0]).removeprefix("sha256:")
    blob = f"registry/docker/registry/v2/blobs/sha256/{hashed[:2]}/{hashed}/data"
    assert s3.list_objects_v2(Bucket="images", Prefix=blob)["KeyCount"] == 0
    with Registry(world, "images", tmp_path / "fresh") as fresh:
        fresh.expect(404, "GET", f"/v2/team/lost/blobs/{digest(lost[0])}")
        assert fresh.pull_image("team/kept", "v1") == (config(kept), kept)
