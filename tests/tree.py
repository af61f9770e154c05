"""A real tree of files: what the Rust toolchain and the system brought to this machine."""

import filecmp
import os
import pathlib
import shutil
import subprocess

from content import MIB

FILES_MIN, BYTES_MIN, FILE_MAX = 3_000, 100 * MIB, 40 * MIB


def sources():
    """Directories in the order they are drawn upon."""
    found = subprocess.run(["rustc", "--print", "sysroot"], capture_output=True, text=True, check=False)
    if found.returncode == 0:
        root = pathlib.Path(found.stdout.strip())
        yield from (root / "lib", root / "bin", root / "share/doc", root / "etc")
    yield from map(pathlib.Path, ("/usr/share/doc", "/usr/include", "/usr/lib/python3", "/usr/share", "/usr/lib"))


def gather(into):
    """Copies plain files until there are enough of them and enough bytes; gives count and bytes."""
    count = size = 0
    for number, source in enumerate(sources()):
        for folder, folders, names in os.walk(source):
            folders.sort()
            for name in sorted(names):
                path = pathlib.Path(folder, name)
                if path.is_symlink() or not path.is_file() or path.stat().st_size > FILE_MAX:
                    continue
                if count >= FILES_MIN + 200 and size >= BYTES_MIN + 20 * MIB:
                    return count, size
                # Big files first fill the bytes, many small ones the count: leave out what serves neither.
                if size >= BYTES_MIN + 20 * MIB and path.stat().st_size > 64 * 1024:
                    continue
                to = pathlib.Path(into, str(number), path.relative_to(source))
                to.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, to)
                count, size = count + 1, size + path.stat().st_size
    assert count >= FILES_MIN and size >= BYTES_MIN, f"only {count} files and {size} bytes on this machine"
    return count, size


def files(root):
    return sorted(str(path.relative_to(root)) for path in pathlib.Path(root).rglob("*") if path.is_file())


def assert_same(one, other):
    """The same files with the same bytes."""
    names = files(one)
    assert names == files(other)
    _, different, unreadable = filecmp.cmpfiles(one, other, names, shallow=False)
    assert not different and not unreadable, (different[:5], unreadable[:5])
