"""A disk of a few MB that a test can fill up, seen by the test and what it starts alone. Needs root."""
import ctypes
import os
from pathlib import Path

from procs import run

_libc = ctypes.CDLL(None, use_errno=True)
_CLONE_NEWNS = 0x00020000


def _checked(result):
    if result != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


class PrivateMounts:
    """While it is entered, mounts of this process and of what it starts are theirs alone, and end with them.

    Threads of this process share them: start none meanwhile.
    """

    def __enter__(self):
        self.outside = os.open("/proc/self/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
        self.cwd = os.getcwd()
        _checked(_libc.unshare(_CLONE_NEWNS))
        run(["mount", "--make-rprivate", "/"])
        return self

    def __exit__(self, *_):
        _checked(_libc.setns(self.outside, 0))
        os.close(self.outside)
        os.chdir(self.cwd)


class SmallDisk:
    """@megabytes of ext4 in a file at @path; of tmpfs where loop devices are not to be had (`kind` says which).

    To be made in PrivateMounts.
    """

    def __init__(self, path, megabytes):
        self.path = Path(path)
        self.path.mkdir(exist_ok=True)
        self.ballast = self.path / "ballast"
        image = self.path.with_name(f"{self.path.name}.img")
        with open(image, "wb") as file:
            file.truncate(megabytes << 20)
        run(["mkfs.ext4", "-q", "-F", "-O", "^has_journal", "-m", "0", image])
        self.kind = "ext4 on a loop device"
        if run(["mount", "-o", "loop", image, self.path], check=False).returncode:
            self.kind = "tmpfs"
            run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", self.path])
        self.path.chmod(0o755)

    def fill(self):
        """To the last octet."""
        with open(self.ballast, "ab", buffering=0) as file:
            for size in (1 << 16, 1 << 12, 1 << 9, 1):
                try:
                    while True:
                        file.write(b"\0" * size)
                except OSError:
                    pass
            os.fsync(file.fileno())

    def free(self):
        self.ballast.unlink()
        os.sync()
