"""Ways to tear a site away while the program runs, and to give it back. Mounts are real ones."""

import contextlib
import itertools
import os
import subprocess
import time

from world import SITES, run

PAIRS = list(itertools.combinations(SITES, 2))
TMPFS_MIB = 1024  # Room for everything a run writes before the site is filled up.
SPARE_KIB = 2048  # What is left between looking and filling is not worth more.


def is_mount(place):
    """Also of a directory bound to itself, which `os.path.ismount` does not see."""
    with open("/proc/self/mountinfo") as mounts:
        return str(place) in {line.split()[4] for line in mounts}


class Fault:
    """Torn away with `strike`, given back with `heal`; `prepare` comes before the start."""

    def __init__(self, world, names, seed):
        self.world, self.names, self.seed = world, names, seed
        self.struck = False

    def prepare(self):
        """What must be so before the program starts."""

    def strike(self):
        self.struck = True
        for name in self.names:
            self.strike_one(self.world.site(name))

    def heal(self):
        if self.struck:
            for name in self.names:
                self.heal_one(self.world.site(name))
        self.struck = False

    def clean(self):
        """After the program ended."""


class Gone(Fault):
    """The directory is renamed away."""

    def strike_one(self, site):
        site.rename(site.with_name(site.name + ".away"))

    def heal_one(self, site):
        site.with_name(site.name + ".away").rename(site)


class FileInPlace(Gone):
    """A file lies where the directory was."""

    def strike_one(self, site):
        super().strike_one(site)
        site.write_text("not a directory")

    def heal_one(self, site):
        site.unlink()
        super().heal_one(site)


class Mounted(Fault):
    """Each site of the pair is a mount of its own, from before the start."""

    def clean(self):
        for name in self.names:
            for place in self.mounts(name):
                if is_mount(place):
                    run("umount", "--lazy", place)

    def mounts(self, name):
        return [self.world.site(name)]


class ReadOnly(Mounted):
    """The mount turns read-only."""

    def prepare(self):
        for name in self.names:
            site = self.world.site(name)
            site.mkdir(parents=True, exist_ok=True)
            run("mount", "--bind", site, site)

    def strike_one(self, site):
        # Refused as busy while a file is open for writing: ask until it is not.
        deadline = time.monotonic() + 30
        while os.system(f"mount -o remount,bind,ro '{site}' 2>/dev/null"):
            assert time.monotonic() < deadline, f"{site} does not turn read-only"
            time.sleep(0.005)

    def heal_one(self, site):
        run("mount", "-o", "remount,bind,rw", site)


class Full(Mounted):
    """A small file system without a byte left; what fills it lies beside the site, not in it."""

    def prepare(self):
        for name in self.names:
            site, volume = self.world.site(name), self.volume(name)
            site.mkdir(parents=True, exist_ok=True)
            volume.mkdir(parents=True)
            run("mount", "-t", "tmpfs", "-o", f"size={TMPFS_MIB}m", "tmpfs", volume)
            (volume / "site").mkdir()
            run("mount", "--bind", volume / "site", site)

    def volume(self, name):
        return self.world.directory.with_name(f"volume-{name}")

    def mounts(self, name):
        return [self.world.site(name), self.volume(name)]

    def strike_one(self, site):
        volume = self.volume(site.name)
        # What is written between the look and the remount may need more than is left to it.
        for spare_kib in (SPARE_KIB << doubled for doubled in range(8)):
            state = os.statvfs(volume)
            used_kib = (state.f_blocks - state.f_bfree) * state.f_frsize // 1024
            command = ["mount", "-o", f"remount,size={used_kib + spare_kib}k", str(volume)]
            if subprocess.run(command, capture_output=True, check=False).returncode == 0:
                break
        else:
            raise AssertionError(f"{volume} cannot be made smaller")
        with open(volume / "filler", "wb", buffering=0) as filler, contextlib.suppress(OSError):
            while filler.write(b"\0" * 4096) == 4096:
                pass

    def heal_one(self, site):
        volume = self.volume(site.name)
        run("mount", "-o", f"remount,size={TMPFS_MIB}m", volume)
        (volume / "filler").unlink()


class Lying(Fault):
    """A tenth of the reads come back with one byte flipped, from the start to the restart."""

    def prepare(self):
        import shim

        self.world.environment |= shim.lying([self.world.site(name) for name in self.names], self.seed)

    def strike_one(self, site):
        pass

    def heal(self):
        self.world.environment.clear()
        self.world.restart()


ALL = {"gone": Gone, "read-only": ReadOnly, "full": Full, "file-in-place": FileInPlace, "lying": Lying}
