"""Processes for tests: limited in time, each in its own session, stopped at the end of the test.

Nothing here depends on pytest, so that demonstrations and benchmarks can use the same servers.
"""
import ctypes
import os
import random
import signal
import socket
import subprocess
import threading
import time
from http.server import ThreadingHTTPServer
from pathlib import Path

_libc = ctypes.CDLL(None, use_errno=True)
_PR_SET_PDEATHSIG = 1

# Ports are reserved in blocks, below those that the kernel gives to clients. The process that binds the abstract socket
# "certd-test-ports-NUMBER" owns block NUMBER. Like ports, these sockets belong to a network namespace, and they end
# with their process, in any case. tests/support/process.c does the same.
_FIRST_PORT, _BLOCKS, _BLOCK_SIZE = 10240, 704, 32
_reserved = {}  # of each network namespace: the sockets that hold its blocks, and the ports not yet given out


# How much longer than on an idle machine anything may take. No test fails because the machine is slow or busy: a time
# limit ends what hangs, and costs nothing where nothing does.
_PATIENCE = 6
_SHORTEST_LIMIT = 60


def patient(seconds):
    """The time limit, in seconds, for what takes at most @seconds on an idle machine. All limits of tests are made here.

    Not for tests in which nothing is to happen: those wait for exactly as long as they say; see comes_within().
    """
    return max(_SHORTEST_LIMIT, _PATIENCE * seconds)


def wait_for(condition, seconds=10, what=None, interval=0.02):
    """Calls @condition until it returns something true, which is returned; TimeoutError after patient(@seconds)."""
    limit = patient(seconds)
    deadline = time.monotonic() + limit
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise TimeoutError(f"after {limit} s: {what or condition.__name__}")
        time.sleep(interval)


def comes_within(condition, seconds, interval=0.02):
    """Whether @condition becomes true within exactly @seconds, where a test goes on in either case."""
    deadline = time.monotonic() + seconds
    while not (value := condition()) and time.monotonic() < deadline:
        time.sleep(interval)
    return bool(value)


def run(argv, *, timeout=90, check=True, **options):
    """Runs a command to its end. Returns its CompletedProcess, output as text; a failure shows the output.

    @timeout: seconds that it takes at most on an idle machine.
    """
    argv = [str(arg) for arg in argv]
    result = subprocess.run(argv, timeout=patient(timeout), capture_output=True, text=True, errors="replace",
                            stdin=None if "input" in options else subprocess.DEVNULL, **options)
    if check and result.returncode != 0:
        raise AssertionError(f"{' '.join(argv)}: exit {result.returncode}\n{result.stdout}{result.stderr}")
    return result


def _is_free(port):
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with socket.socket(socket.AF_INET, kind) as sock:
            try:
                sock.bind(("127.0.0.1", port))
            except OSError:
                return False
    return True


def _reserve_block():
    """Returns a socket that holds a block that no other process has, and the block's ports."""
    start = random.randrange(_BLOCKS)
    for number in (*range(start, _BLOCKS), *range(start)):
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            sock.bind(f"\0certd-test-ports-{number}")
            return sock, range(_FIRST_PORT + number * _BLOCK_SIZE, _FIRST_PORT + (number + 1) * _BLOCK_SIZE)
        except OSError:
            sock.close()
    raise AssertionError("every block of ports is reserved")


def free_port():
    """A port of 127.0.0.1 that is free for TCP and UDP. No other test on this machine gets it before this process ends.
    """
    locks, ports = _reserved.setdefault(os.stat("/proc/thread-self/ns/net").st_ino, ([], []))
    while True:
        if not ports:
            lock, block = _reserve_block()
            locks.append(lock)
            ports.extend(block)
        port = ports.pop()
        if _is_free(port):
            return port


def listens(port, host="127.0.0.1"):
    """Whether a server accepts connections there."""
    try:
        socket.create_connection((host, port), timeout=patient(2)).close()
        return True
    except OSError:
        return False


def _die_with_parent():
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class Server:
    """A program that runs until it is stopped. Subclasses define how to start it and when it is ready.

    All its files are under @directory; its output is appended to `log_file`. To be started only from the main thread:
    the kernel ends it with the thread that started it.
    """
    name = "server"
    ready_seconds = 20  # to get ready, on an idle machine
    stop_seconds = patient(20)  # the time limit itself: it stops at once, but a sanitizer looks for leaks first

    def __init__(self, directory):
        self.directory = Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.log_file = self.directory / f"{self.name}.log"
        self.process = None
        self.exit_status = None  # of the last process, once it has ended

    def command(self):
        """The argument vector; writes the configuration files too, so that a restart applies new settings."""
        raise NotImplementedError

    def environment(self):
        """Additions to the environment of the test."""
        return {}

    def is_ready(self):
        raise NotImplementedError

    def start(self):
        argv = [str(arg) for arg in self.command()]
        with open(self.log_file, "ab") as log:
            self.process = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                cwd=self.directory, env={**os.environ, **self.environment()}, preexec_fn=_die_with_parent)
        try:
            wait_for(self._ready_or_dead, self.ready_seconds, f"{self.name} ready")
        except BaseException:
            self.kill9()
            raise
        return self

    def _ready_or_dead(self):
        if self.process.poll() is not None:
            raise AssertionError(f"{self.name} ended with {self.process.returncode}:\n{self.log[-4000:]}")
        return self.is_ready()

    @property
    def pid(self):
        return self.process.pid

    @property
    def is_running(self):
        return self.process is not None and self.process.poll() is None

    @property
    def log(self):
        """Its output so far."""
        return self.log_file.read_text(errors="replace") if self.log_file.exists() else ""

    def send_signal(self, number):
        os.kill(self.pid, number)

    def freeze(self):
        """Accepts connections and never answers, until thaw()."""
        os.killpg(self.pid, signal.SIGSTOP)
        wait_for(lambda: all(stat.read_text().rpartition(")")[2].split()[0] == "T"
                             for stat in Path(f"/proc/{self.pid}/task").glob("*/stat")), what="all threads stopped")

    def thaw(self):
        os.killpg(self.pid, signal.SIGCONT)

    def stop(self, number=signal.SIGTERM):
        """Asks it to end. Returns its exit status; it must end within `stop_seconds`."""
        if self.process is None:
            return None
        if self.is_running:
            self.thaw()
            self.send_signal(number)
        try:
            return self.process.wait(self.stop_seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} did not end within {self.stop_seconds} s") from None
        finally:
            self.kill9()

    def wait(self, seconds=10):
        """Waits until it ends by itself. Returns its exit status."""
        try:
            return self.process.wait(patient(seconds))
        finally:
            self.kill9()

    def kill9(self):
        """Kills it and its children at once, like a power cut."""
        if self.process is None:
            return
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.exit_status = self.process.wait()
        self.process = None

    def restart(self):
        self.stop()
        return self.start()

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.kill9()


class HttpServer(Server):
    """A stand-in that answers HTTP on loopback, in threads of the test. Subclasses name their handler, whose `api` it is."""
    http = None

    def handler(self):
        raise NotImplementedError

    @property
    def endpoint(self):
        return f"http://127.0.0.1:{self.http.server_port}"

    def start(self):
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (self.handler(),), {"api": self}))
        self.http.daemon_threads = True
        threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def stop(self, *_):
        self.kill9()

    def kill9(self):
        if self.http:
            self.http.shutdown()
            self.http.server_close()
            self.http = None
