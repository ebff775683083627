"""Disks that a test can fill up, or cut the power of, seen by the test and what it starts alone. Needs root."""
import ctypes
import fcntl
import os
import struct
from pathlib import Path

from network import enter_namespace
from procs import run

_libc = ctypes.CDLL(None, use_errno=True)
_CLONE_NEWNS = 0x00020000


def _checked(result):
    if result != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


class PrivateMounts:
    """While it is entered, mounts of this process and its children are private, and end with them.

    Threads of this process share them: start none meanwhile.
    """

    def __enter__(self):
        self.outside = os.open("/proc/self/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
        self.cwd = os.getcwd()
        _checked(_libc.unshare(_CLONE_NEWNS))
        run(["mount", "--make-rprivate", "/"])
        return self

    def __exit__(self, *_):
        enter_namespace(self.outside)
        os.close(self.outside)
        os.chdir(self.cwd)


class SmallDisk:
    """@megabytes of ext4 in a file at @path; tmpfs where loop devices are not available (`kind` says which).

    To be created in PrivateMounts.
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


class CuttableDisk:
    """64 MB of ext4 with a journal at @path, whose power can be cut: what was not synced is lost, as on a real disk.

    To be made in PrivateMounts, where loop devices are to be had. It is there, and empty, at once.
    """
    _SHUTDOWN = 0x8004587D  # FS_IOC_SHUTDOWN
    _NO_LOG_FLUSH = struct.pack("I", 2)

    def __init__(self, path):
        self.path = Path(path)
        self.path.mkdir(exist_ok=True)
        self.image = self.path.with_name(f"{self.path.name}.img")
        with open(self.image, "wb") as file:
            file.truncate(64 << 20)
        run(["mkfs.ext4", "-q", "-F", "-m", "0", self.image])
        self._mount()

    def _mount(self):
        run(["mount", "-o", "loop", self.image, self.path])
        self.path.chmod(0o711)

    def cut(self):
        """From this moment on nothing reaches the disk. Who uses it is to be ended next."""
        directory = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        fcntl.ioctl(directory, self._SHUTDOWN, self._NO_LOG_FLUSH)
        os.close(directory)

    def repair(self):
        """The power is back: mounts it again, with what its journal has."""
        run(["umount", self.path])
        self._mount()

    def remove(self):
        run(["umount", self.path])
