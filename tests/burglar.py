"""What a thief looks for: every run of eight bytes of a plaintext, and every name, in the forms they could lie
around in."""

import base64
import bz2
import lzma
import zlib

RUN = 8  # Bytes of a plaintext that are no accident.
ENDS = 32  # What a compressor writes around what it compressed.


def forms(data):
    """The plaintext as it is, and as carelessness would have written it."""
    utf8 = data.decode()
    yield from (data, data.hex().encode(), data.hex().upper().encode())
    # Three beginnings, because six bits do not divide a byte.
    yield from (base64.b64encode(data[start:])[:-4] for start in range(3))
    yield from (base64.urlsafe_b64encode(data[start:])[:-4] for start in range(3))
    yield from (utf8.encode("utf-16-le"), utf8.encode("utf-16-be"))


def compressed(data):
    """The plaintext in the formats that libraries choose by themselves."""
    raw = zlib.compressobj(6, zlib.DEFLATED, -15)
    deflated = [zlib.compress(data, level)[:-4] for level in (1, 6, 9)] + [raw.compress(data) + raw.flush()]
    yield from (packed[ENDS:-ENDS] for packed in [*deflated, bz2.compress(data), lzma.compress(data)])


def runs(data):
    """Every eight bytes in a row, as numbers."""
    for start in range(RUN):
        end = start + (len(data) - start) // RUN * RUN
        yield from memoryview(data[start:end]).cast("Q")


class Burglar:
    """Knows what was stored, and says what of it lies in bytes that were found."""

    def __init__(self, plaintexts, names):
        self.names = {form: name for name in names for form in forms(name.encode()) if len(form) >= 4}
        found = {run for data in plaintexts for form in [*forms(data), *compressed(data)] for run in runs(form)}
        # A compressor's tables have zeros, as any padding has.
        self.plain = {run for run in found if b"\0\0\0" not in run.to_bytes(RUN, "little")}

    def plaintext_in(self, found):
        """Runs of a plaintext, as bytes."""
        return [run.to_bytes(RUN, "little") for run in self.plain.intersection(runs(found))]

    def names_in(self, found):
        return sorted({name for form, name in self.names.items() if form in found})
