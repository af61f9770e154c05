"""What the store owes: for every key the values it may hold, from what was asked and acknowledged."""

import threading
from concurrent.futures import ThreadPoolExecutor

from content import content, md5

ABSENT = None


class Ledger:
    """Values are (name, sizes): the content of each part is made from the name. A key holds what was
    last acknowledged; a request that got no answer leaves it open whether the key holds the old value
    or the new one, entirely."""

    def __init__(self):
        self.lock = threading.Lock()
        self.values = {}  # key → set of values it may hold

    def may_hold(self, key):
        with self.lock:
            return set(self.values.get(key, {ABSENT}))

    def asked(self, key, value):
        """Before a request is sent."""
        with self.lock:
            self.values.setdefault(key, {ABSENT}).add(value)

    def acknowledged(self, key, value):
        with self.lock:
            self.values[key] = {value}

    def keys(self):
        with self.lock:
            return sorted(self.values)

    def settled(self, key):
        """The one value a key must hold, for keys without open requests."""
        (value,) = self.may_hold(key)
        return value


def parts_of(value):
    """The bytes of a value, part by part."""
    name, sizes = value
    return [content((name, number), size) for number, size in enumerate(sizes)]


def bytes_of(value):
    return b"".join(parts_of(value))


def size_of(value):
    return sum(value[1])


def read_back(s3, bucket, ledger, threads=8):
    """Compares every key with what it may hold, settles what was open, and compares the listing.
    Gives the number of objects."""

    def look(key):
        allowed = ledger.may_hold(key)
        try:
            found = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        except s3.exceptions.NoSuchKey:
            assert ABSENT in allowed, f"`{key}` is gone; it should hold one of {allowed}"
            value = ABSENT
        else:
            fitting = [one for one in allowed if one is not ABSENT and size_of(one) == len(found)]
            value = next((one for one in fitting if bytes_of(one) == found), "nothing asked for")
            assert value in allowed, f"`{key}` holds {len(found)} bytes (MD5 {md5(found)}), allowed was {allowed}"
        ledger.acknowledged(key, value)
        return value is not ABSENT

    with ThreadPoolExecutor(threads) as pool:
        keys = ledger.keys()
        present = [key for key, there in zip(keys, pool.map(look, keys), strict=True) if there]
    assert listed(s3, bucket) == {key: size_of(ledger.settled(key)) for key in present}
    return len(present)


def listed(s3, bucket):
    """Every key with its size, as the listing tells."""
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    return {entry["Key"]: entry["Size"] for page in pages for entry in page.get("Contents", [])}
