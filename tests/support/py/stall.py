"""Stops a thread of another process, as a lock or a dead disk would; the other threads continue.

Needs the right to trace it. Only the thread that stops it may let it continue.
"""
import ctypes
import os
from pathlib import Path

_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.restype = ctypes.c_long
_libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p]

_SEIZE, _INTERRUPT, _DETACH = 0x4206, 0x4207, 17
_WALL = 0x40000000


def _ptrace(request, tid):
    if _libc.ptrace(request, tid, None, None) < 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{os.strerror(error)}: thread {tid}")


class StalledThread:
    """Stopped from the beginning of the `with` block to its end, or to let_go()."""

    def __init__(self, tid):
        self.tid = tid
        self.is_stalled = False

    def __enter__(self):
        _ptrace(_SEIZE, self.tid)
        _ptrace(_INTERRUPT, self.tid)
        os.waitpid(self.tid, _WALL)
        self.is_stalled = True
        return self

    def __exit__(self, *_):
        self.let_go()

    def let_go(self):
        """Signals that were sent meanwhile are delivered before it continues."""
        if self.is_stalled:
            self.is_stalled = False
            _ptrace(_DETACH, self.tid)

    def has_pending(self, number):
        """Whether that signal is pending for the thread, or for its process."""
        fields = dict(line.split(":\t", 1) for line in
                      Path(f"/proc/{self.tid}/status").read_text().splitlines() if ":\t" in line)
        pending = int(fields["SigPnd"], 16) | int(fields["ShdPnd"], 16)
        return bool(pending & 1 << number - 1)
