"""A private network for a test: ports 53, 80 and 443 are free, and names resolve as the test defines. Needs root."""
import ctypes
import errno
import os
from pathlib import Path

from procs import run, wait_for

_libc = ctypes.CDLL(None, use_errno=True)
_CLONE_NEWNS, _CLONE_NEWNET = 0x00020000, 0x40000000


def _checked(result):
    if result != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def enter_namespace(fd):
    """A thread that was joined may exist for a moment, and then the kernel refuses a mount namespace (EINVAL)."""
    def is_entered():
        if _libc.setns(fd, 0) == 0:
            return True
        if ctypes.get_errno() != errno.EINVAL:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        return False
    wait_for(is_entered, 10, "the threads of this network have ended")


class PrivateNetwork:
    """While it is entered, this process and all its children see only a private loopback interface.

    @resolver: address of the name server in /etc/resolv.conf; @hosts: lines of /etc/hosts. All other files are shared
    with the machine.
    """

    def __init__(self, directory, *, resolver="127.0.0.1", hosts=("127.0.0.1 localhost",)):
        self.directory = Path(directory)
        self.files = {"/etc/resolv.conf": f"nameserver {resolver}\noptions timeout:1 attempts:2\n",
                      "/etc/hosts": "\n".join(hosts) + "\n"}

    def __enter__(self):
        self.directory.mkdir(parents=True, exist_ok=True)
        self.outside = [os.open(f"/proc/self/ns/{kind}", os.O_RDONLY | os.O_CLOEXEC) for kind in ("net", "mnt")]
        self.cwd = os.getcwd()
        _checked(_libc.unshare(_CLONE_NEWNET | _CLONE_NEWNS))
        try:
            run(["mount", "--make-rprivate", "/"])
            run(["ip", "link", "set", "lo", "up"])
            for path, text in self.files.items():
                mine = self.directory / Path(path).name
                mine.write_text(text)
                run(["mount", "--bind", mine, path])
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for fd in self.outside:
            enter_namespace(fd)
            os.close(fd)
        os.chdir(self.cwd)
