"""Bytes that look random, differ everywhere and can be made again from a name."""

import hashlib
import random

KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30


def content(name, size):
    """`size` bytes that depend on `name` alone."""
    seed = int.from_bytes(hashlib.sha256(repr(name).encode()).digest()[:8], "big")
    return random.Random(seed).randbytes(size)


def md5(data):
    return hashlib.md5(data).hexdigest()


def etag(data):
    return f'"{md5(data)}"'


def multipart_etag(parts):
    joined = b"".join(hashlib.md5(part).digest() for part in parts)
    return f'"{md5(joined)}-{len(parts)}"'
