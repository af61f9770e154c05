"""Checksums: all five, declared or computed, before or behind the body."""

import base64
import hashlib

from awscrt.checksums import crc32, crc32c, crc64nvme

from client import connect
from content import MIB, content, md5
from table import row

COMPUTE = {
    "CRC32": lambda data: crc32(data).to_bytes(4, "big"),
    "CRC32C": lambda data: crc32c(data).to_bytes(4, "big"),
    "CRC64NVME": lambda data: crc64nvme(data).to_bytes(8, "big"),
    "SHA1": lambda data: hashlib.sha1(data).digest(),
    "SHA256": lambda data: hashlib.sha256(data).digest(),
}
CRCS = ("CRC32", "CRC32C", "CRC64NVME")


def checksum(algorithm, data):
    return base64.b64encode(COMPUTE[algorithm](data)).decode()


def content_md5(data):
    return base64.b64encode(hashlib.md5(data).digest()).decode()


@row("PutObject")
def each_of_the_five_is_checked_kept_and_shown(t):
    for algorithm in COMPUTE:
        for size in (0, 1000, 3 * MIB + 1):
            body = content((algorithm, size), size)
            field, value = f"Checksum{algorithm}", checksum(algorithm, body)
            key, answer = t.put(f"{algorithm}-{size}", body, **{field: value})
            assert answer[field] == value and answer["ChecksumType"] == "FULL_OBJECT", (algorithm, size)
            got = t.get(key, ChecksumMode="ENABLED")
            assert got[field] == value and got["Bytes"] == body, (algorithm, size)
            assert t.head(key, ChecksumMode="ENABLED")[field] == value, (algorithm, size)
            assert field not in t.head(key), "shown unasked"


@row("PutObject")
def each_of_the_five_behind_the_body_is_checked_kept_and_shown(t):
    # boto3 sends a checksum it computes itself as a trailer.
    for algorithm in COMPUTE:
        for size in (0, 70_000, 2 * MIB + 3):
            body = content(("trailer", algorithm, size), size)
            key, answer = t.put(f"{algorithm}-{size}", body, ChecksumAlgorithm=algorithm)
            assert answer[f"Checksum{algorithm}"] == checksum(algorithm, body), (algorithm, size)
            got = t.get(key, ChecksumMode="ENABLED")
            assert got[f"Checksum{algorithm}"] == checksum(algorithm, body) and got["Bytes"] == body


@row("PutObject", "BadDigest")
def each_of_the_five_wrong_is_refused_and_nothing_is_stored(t):
    for algorithm in COMPUTE:
        for size in (1000, 2 * MIB):
            key, wrong = t.key(f"{algorithm}-{size}"), checksum(algorithm, b"something else")
            code, status = t.refused("put_object", Key=key, Body=content(1, size), **{f"Checksum{algorithm}": wrong})
            assert (code, status) == ("BadDigest", 400), (algorithm, size)
            assert not t.exists(key), (algorithm, size)


@row("PutObject", "InvalidRequest")
def a_checksum_that_is_none_is_refused(t):
    for value in ("AAAA", "not base64!", ""):
        key = t.key("none")
        code, status = t.refused("put_object", Key=key, Body=b"x", ChecksumCRC32=value)
        assert status == 400 and code in ("InvalidRequest", "InvalidArgument", "InvalidDigest"), (value, code)
        assert not t.exists(key)


@row("PutObject", "InvalidRequest")
def two_checksums_at_once_are_refused(t):
    key = t.key()
    more = {"ChecksumCRC32": checksum("CRC32", b"x"), "ChecksumSHA256": checksum("SHA256", b"x")}
    code, status = t.refused("put_object", Key=key, Body=b"x", **more)
    assert (code, status) == ("InvalidRequest", 400) and not t.exists(key)


@row("PutObject")
def a_right_content_md5_passes(t):
    body = content("md5", 2 * MIB)
    key, _ = t.put(body=body, ContentMD5=content_md5(body))
    assert t.get(key)["Bytes"] == body


@row("PutObject", "BadDigest")
def a_wrong_content_md5_stores_nothing(t):
    for size in (10, 2 * MIB):
        key = t.key(str(size))
        asked = {"Key": key, "Body": content(1, size), "ContentMD5": content_md5(b"other")}
        assert t.refused("put_object", **asked) == ("BadDigest", 400)
        assert not t.exists(key)


@row("PutObject", "InvalidDigest")
def a_content_md5_that_is_none_is_refused(t):
    for value in ("", "AAAA", "not base64 at all"):
        asked = {"Key": t.key(), "Body": b"x", "ContentMD5": value}
        assert t.refused("put_object", **asked) == ("InvalidDigest", 400), value


@row("PutObject")
def a_wrong_checksum_keeps_the_old_object(t):
    key, _ = t.put(body=b"old")
    assert t.refused("put_object", Key=key, Body=b"new", ChecksumCRC32=checksum("CRC32", b"x"))[0] == "BadDigest"
    assert t.get(key)["Bytes"] == b"old"


@row("GetObject")
def a_client_that_declares_none_gets_a_checksum_or_none_but_never_a_wrong_one(t):
    plain = connect(t.world, request_checksum_calculation="when_required")
    plain.put_object(Bucket=t.bucket, Key=t.key(), Body=b"plain")
    head = t.head(t.key(), ChecksumMode="ENABLED")
    for algorithm in COMPUTE:
        assert head.get(f"Checksum{algorithm}") in (None, checksum(algorithm, b"plain"))


@row("GetObject")
def a_range_carries_no_checksum_of_the_whole(t):
    key, _ = t.put(body=b"0123456789")
    answer = t.get(key, Range="bytes=2-3", ChecksumMode="ENABLED")
    assert answer["Bytes"] == b"23"  # boto3 checks what is declared against what it gets


def two_parts(t, algorithm, kind):
    """A finished upload of two parts with checksums: key, parts, answer."""
    bodies = [content((algorithm, kind, n), size) for n, size in ((1, 5 * MIB), (2, 12_345))]
    key, upload = t.upload(f"{algorithm}-{kind}", ChecksumAlgorithm=algorithm, ChecksumType=kind)
    field, parts = f"Checksum{algorithm}", []
    for number, body in enumerate(bodies, 1):
        part = t.part(key, upload, number, body, ChecksumAlgorithm=algorithm)
        assert part[field] == checksum(algorithm, body)
        parts.append({"PartNumber": number, "ETag": part["ETag"], field: part[field]})
    return key, upload, bodies, parts


@row("CompleteMultipartUpload")
def composite_checksums_are_those_of_the_parts(t):
    for algorithm in ("CRC32", "CRC32C", "SHA1", "SHA256"):
        key, upload, bodies, parts = two_parts(t, algorithm, "COMPOSITE")
        answer = t.complete(key, upload, parts)
        wanted = checksum(algorithm, b"".join(COMPUTE[algorithm](body) for body in bodies)) + "-2"
        assert answer[f"Checksum{algorithm}"] == wanted, algorithm
        head = t.head(key, ChecksumMode="ENABLED")
        assert head[f"Checksum{algorithm}"] == wanted and head["ChecksumType"] == "COMPOSITE", algorithm


@row("CompleteMultipartUpload")
def full_object_checksums_are_those_of_all_bytes(t):
    for algorithm in CRCS:
        key, upload, bodies, parts = two_parts(t, algorithm, "FULL_OBJECT")
        wanted = checksum(algorithm, b"".join(bodies))
        answer = t.complete(key, upload, parts, ChecksumType="FULL_OBJECT", **{f"Checksum{algorithm}": wanted})
        assert answer[f"Checksum{algorithm}"] == wanted, algorithm
        head = t.head(key, ChecksumMode="ENABLED")
        assert head[f"Checksum{algorithm}"] == wanted and head["ChecksumType"] == "FULL_OBJECT", algorithm


@row("GetObject")
def a_part_is_told_with_its_own_checksum_and_the_kind_of_the_whole(t):
    for algorithm, kind in [("CRC32", "FULL_OBJECT"), ("CRC64NVME", "FULL_OBJECT"), ("SHA256", "COMPOSITE")]:
        key, upload, bodies, parts = two_parts(t, algorithm, kind)
        t.complete(key, upload, parts)
        ends = f"bytes={len(bodies[0])}-{len(bodies[0]) + len(bodies[1]) - 1}"
        for number, asked in [(1, {"PartNumber": 1}), (2, {"PartNumber": 2}), (2, {"Range": ends})]:
            got = t.get(key, ChecksumMode="ENABLED", **asked)
            wanted = checksum(algorithm, bodies[number - 1])
            assert (got[f"Checksum{algorithm}"], got["ChecksumType"]) == (wanted, kind), (algorithm, asked)
            assert got["Bytes"] == bodies[number - 1], (algorithm, asked)
        assert f"Checksum{algorithm}" not in t.get(key, ChecksumMode="ENABLED", Range="bytes=0-9"), algorithm


@row("CompleteMultipartUpload", "BadDigest")
def a_wrong_full_object_checksum_completes_nothing(t):
    key, upload, _, parts = two_parts(t, "CRC64NVME", "FULL_OBJECT")
    asked = {"Key": key, "UploadId": upload, "MultipartUpload": {"Parts": parts}, "ChecksumType": "FULL_OBJECT"}
    wrong = {"ChecksumCRC64NVME": checksum("CRC64NVME", b"other")}
    assert t.refused("complete_multipart_upload", **asked, **wrong) == ("BadDigest", 400)
    assert not t.exists(key)


@row("CompleteMultipartUpload", "InvalidPart")
def a_part_named_with_another_checksum_is_refused(t):
    key, upload, _, parts = two_parts(t, "SHA256", "COMPOSITE")
    parts[0]["ChecksumSHA256"] = checksum("SHA256", b"other")
    asked = {"Key": key, "UploadId": upload, "MultipartUpload": {"Parts": parts}}
    assert t.refused("complete_multipart_upload", **asked)[0] in ("InvalidPart", "BadDigest")
    assert not t.exists(key)


@row("UploadPart", "BadDigest")
def a_wrong_checksum_of_a_part_stores_no_part(t):
    key, upload = t.upload()
    for more in ({"ChecksumCRC32": checksum("CRC32", b"other")}, {"ContentMD5": content_md5(b"other")}):
        asked = {"Key": key, "UploadId": upload, "PartNumber": 1, "Body": b"part"}
        assert t.refused("upload_part", **asked, **more) == ("BadDigest", 400)
    assert "Parts" not in t.s3.list_parts(Bucket=t.bucket, Key=key, UploadId=upload)


@row("CreateMultipartUpload", "InvalidRequest")
def sha_of_a_full_object_cannot_be_had_from_parts(t):
    for algorithm in ("SHA1", "SHA256"):
        asked = {"Key": t.key(), "ChecksumAlgorithm": algorithm, "ChecksumType": "FULL_OBJECT"}
        assert t.refused("create_multipart_upload", **asked) == ("InvalidRequest", 400), algorithm
    asked = {"Key": t.key(), "ChecksumAlgorithm": "CRC64NVME", "ChecksumType": "COMPOSITE"}
    assert t.refused("create_multipart_upload", **asked) == ("InvalidRequest", 400)


@row("PutObject")
def the_etag_is_the_md5_whatever_else_is_declared(t):
    body = content("etag", 1_500_000)
    for algorithm in COMPUTE:
        _, answer = t.put(algorithm, body, ChecksumAlgorithm=algorithm)
        assert answer["ETag"] == f'"{md5(body)}"'
