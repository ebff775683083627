"""Requests without end by a user who is only a viewer."""
import contextlib
import json
import os
import select
import signal

from rpc import RpcClient

VIEWER = 65534  # uid and gid
FLOODERS = 32   # connections

# What is asked, and whether the answers are read.
FLOODS = {
    "lists that nobody reads": ("autoCertificate.list", {"limit": 1000}, False),
    "lists": ("autoCertificate.list", {"limit": 100}, True),
    "far rows of the schedule": ("schedule.list", {"offset": 10 ** 9}, True),
    "all rows of the schedule": ("schedule.list", {"offset": 399}, True),
    "descriptions of the API": ("rpc.discover", {}, True),
}


def _flood(path, method, params, reads):
    os.setgroups([])
    os.setresgid(VIEWER, VIEWER, VIEWER)
    os.setresuid(VIEWER, VIEWER, VIEWER)
    request = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode() + b"\n"
    socks = []
    while True:
        while len(socks) < FLOODERS:
            socks.append(RpcClient(path).sock)
            socks[-1].setblocking(False)
        readable, writable, _ = select.select(socks if reads else [], socks, [], 1)
        for sock in {*readable, *writable}:
            try:
                if sock in readable:
                    sock.recv(1 << 20)
                if sock in writable:
                    sock.send(request * 10)
            except BlockingIOError:
                pass
            except OSError:  # certd has closed it
                sock.close()
                socks.remove(sock)


@contextlib.contextmanager
def flood(path, method, params, reads):
    """FLOODERS connections, from a process of its own, to the end of the `with` block. Fails if it ended before."""
    pid = os.fork()
    if pid == 0:
        try:
            _flood(path, method, params, reads)
        finally:
            os._exit(1)
    ended = 0
    try:
        yield
        ended, _ = os.waitpid(pid, os.WNOHANG)
        assert not ended, f"{method}: the flood came to an end"
    finally:
        if not ended:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
