"""Mixed load: workers that put, copy, get, range, list, delete and upload in parts, and know what they are owed."""

import dataclasses
import random
import threading
import time

from content import KIB, MIB
from ledger import ABSENT, bytes_of, parts_of, size_of

SMALL, LARGE = (0, 1, 100, 4 * KIB, 64 * KIB, 300 * KIB), (MIB + 1, 2 * MIB + 77, 5 * MIB, 9 * MIB)
WRITES = ("small", "small", "small", "large", "multipart", "copy", "overwrite", "delete")
MIXED = ("small", "small", "large", "multipart", "copy", "get", "get", "range", "list", "overwrite", "delete", "head")


@dataclasses.dataclass
class Worker:
    """Works on keys of its own, so that it alone knows what each must hold."""

    s3: object
    bucket: str
    ledger: object
    chance: random.Random
    prefix: str
    done: int = 0
    made: int = 0

    def one(self, kind):
        """One operation, checked; raises what the client raises."""
        getattr(self, kind)()
        self.done += 1

    # Writing.

    def small(self):
        self._put(self._fresh(), self.chance.choice(SMALL))

    def large(self):
        self._put(self._fresh(), self.chance.choice(LARGE))

    def overwrite(self):
        self._put(self._some() or self._fresh(), self.chance.choice(SMALL + LARGE[:2]))

    def multipart(self):
        key, value = self._fresh(), self._value(5 * MIB, self.chance.choice(SMALL + LARGE))
        named = {"Bucket": self.bucket, "Key": key}
        upload = self.s3.create_multipart_upload(**named)["UploadId"]
        parts = []
        for number, body in enumerate(parts_of(value), 1):
            answer = self.s3.upload_part(**named, UploadId=upload, PartNumber=number, Body=body)
            parts.append({"PartNumber": number, "ETag": answer["ETag"]})
        self.ledger.asked(key, value)
        self.s3.complete_multipart_upload(**named, UploadId=upload, MultipartUpload={"Parts": parts})
        self.ledger.acknowledged(key, value)

    def copy(self):
        if source := self._some():
            key, value = self._fresh(), self.ledger.settled(source)
            self.made += 1
            self.ledger.asked(key, value)
            self.s3.copy_object(Bucket=self.bucket, Key=key, CopySource={"Bucket": self.bucket, "Key": source})
            self.ledger.acknowledged(key, value)

    def delete(self):
        key = self._some() or self._fresh()
        self.ledger.asked(key, ABSENT)
        self.s3.delete_object(Bucket=self.bucket, Key=key)
        self.ledger.acknowledged(key, ABSENT)

    def _put(self, key, size):
        value = self._value(size)
        self.ledger.asked(key, value)
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=bytes_of(value))
        self.ledger.acknowledged(key, value)

    # Reading; what is read must be what is owed.

    def get(self):
        if key := self._some():
            found = self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()
            assert found == bytes_of(self.ledger.settled(key)), f"`{key}` has other bytes"

    def range(self):
        if (key := self._some()) and (size := size_of(self.ledger.settled(key))):
            first = self.chance.randrange(size)
            last = self.chance.randrange(first, size)
            found = self.s3.get_object(Bucket=self.bucket, Key=key, Range=f"bytes={first}-{last}")["Body"].read()
            assert found == bytes_of(self.ledger.settled(key))[first : last + 1], f"`{key}` {first}-{last} differs"

    def head(self):
        if key := self._some():
            head = self.s3.head_object(Bucket=self.bucket, Key=key)
            assert head["ContentLength"] == size_of(self.ledger.settled(key))

    def list(self):
        page = self.s3.list_objects_v2(Bucket=self.bucket, Prefix=self.prefix)
        found = {entry["Key"]: entry["Size"] for entry in page.get("Contents", [])}
        assert found == {key: size_of(self.ledger.settled(key)) for key in self._present()}

    def _value(self, *sizes):
        self.made += 1
        return (f"{self.prefix}{self.made}", sizes)

    def _fresh(self):
        return f"{self.prefix}{self.chance.randrange(16)}/{self.made:05d}"

    def _present(self):
        mine = [key for key in self.ledger.keys() if key.startswith(self.prefix)]
        return [key for key in mine if self.ledger.settled(key) is not ABSENT]

    def _some(self):
        present = self._present()
        return self.chance.choice(present) if present else None


class Load:
    """Several workers at once. `kinds` is drawn from until `stop` or until each did `each` operations."""

    def __init__(self, s3, bucket, ledger, chance, workers, kinds, each=None, name="w"):
        self.kinds, self.each = kinds, each
        self.stopping = threading.Event()
        self.failures = []
        self.workers = [
            Worker(s3, bucket, ledger, random.Random(chance.random()), f"{name}{n:02d}/") for n in range(workers)
        ]
        self.threads = [threading.Thread(target=self._work, args=(worker,), daemon=True) for worker in self.workers]

    def _work(self, worker):
        while not self.stopping.is_set() and (self.each is None or worker.done < self.each):
            kind = worker.chance.choice(self.kinds)
            began = time.monotonic()
            try:
                worker.one(kind)
            except Exception as error:  # noqa: BLE001 (whatever it is, the test wants to know)
                self.failures.append(f"{kind} by {worker.prefix} after {time.monotonic() - began:.1f} s: {error!r}")
                return

    def start(self):
        for thread in self.threads:
            thread.start()
        return self

    @property
    def done(self):
        return sum(worker.done for worker in self.workers)

    def wait_for(self, operations, within_s=120):
        """Until so many operations were done in all, or a worker failed."""
        deadline = time.monotonic() + within_s
        while self.done < operations and not self.failures and any(thread.is_alive() for thread in self.threads):
            assert time.monotonic() < deadline, f"only {self.done} of {operations} operations in {within_s} s"
            time.sleep(0.01)

    def finish(self, within_s=300):
        """Waits for every worker; gives the failures."""
        deadline = time.monotonic() + within_s
        for thread in self.threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        assert not any(thread.is_alive() for thread in self.threads), f"workers hang; done {self.done}"
        return self.failures
