"""The preloaded libraries that stand for bad disks and a wrong clock, built once a run. See tests/shim/README.md."""

import functools
import pathlib
import shutil
import tempfile

from world import REPOSITORY, run


@functools.cache
def library(name="unsynced"):
    built = pathlib.Path(tempfile.mkdtemp(prefix="entente-shim-")) / f"{name}.so"
    run("cc", "-shared", "-fPIC", "-O2", "-pthread", "-o", built, REPOSITORY / f"tests/shim/{name}.c")
    return str(built)


def wrong_clock(ahead_s=0, rate=1):
    """Environment under which the time of day is so far ahead, and runs so many times as fast."""
    return {"LD_PRELOAD": library("clock"), "SHIM_CLOCK_AHEAD_S": str(ahead_s), "SHIM_CLOCK_RATE": str(rate)}


def lying(directories, seed):
    """Environment under which a tenth of the reads of files there come with one byte flipped."""
    places = ":".join(str(directory) for directory in directories)
    return {"LD_PRELOAD": library(), "SHIM_FLIP": places, "SHIM_FLIP_SEED": str(seed)}


def forgetting(directory, mirror):
    """Environment under which `mirror` holds what of `directory` was synced, and nothing else."""
    return {"LD_PRELOAD": library(), "SHIM_TRACK": str(directory), "SHIM_MIRROR": str(mirror)}


def drop_unsynced(directory, mirror):
    """What a disk does at a power cut. Without a mirror nothing was changed, so nothing is lost."""
    if not mirror.exists():
        return
    shutil.rmtree(directory)
    mirror.rename(directory)
    shutil.rmtree(f"{mirror}.inodes", ignore_errors=True)
