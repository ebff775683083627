"""Shared by system and fault tests: servers that stop automatically, a time limit for each test, logs of failures."""
import collections
import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent / "support/py"))

from certd import is_sanitized  # noqa: E402
from network import PrivateNetwork  # noqa: E402
from procs import Server, patient  # noqa: E402
from unit_host import UnitHost  # noqa: E402

DEFAULT_LIMIT = 120
SERVERS = pytest.StashKey()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_protocol(item):
    """Stops a test that hangs: one that takes much longer than its @pytest.mark.limit(seconds). Cleaning up gets as long
    once more.
    """
    seconds = patient(limit_of(item))

    def stop(*_):
        pytest.fail(f"not done after {seconds} s", pytrace=True)

    previous = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds, seconds)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, previous)


def limit_of(item):
    """The seconds that a test takes at most on an idle machine."""
    marker = item.get_closest_marker("limit")
    return marker.args[0] if marker else DEFAULT_LIMIT


def pytest_collection_modifyitems(config, items):
    """Files run side by side, those that may take longest first, so that none is left alone at the end. With sanitizers,
    the tests for the plain build are skipped; they run on the plain build.
    """
    total = collections.Counter()
    for item in items:
        total[item.path] += limit_of(item)
    items.sort(key=lambda item: -total[item.path])
    plain = [item for item in items if item.get_closest_marker("plain_build")]
    if plain and is_sanitized():
        config.hook.pytest_deselected(items=plain)
        items[:] = [item for item in items if item not in plain]


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    """Shows the end of each server's log with a failure."""
    report = (yield).get_result()
    if report.failed:
        for server in item.stash.get(SERVERS, []):
            if server.log:
                report.sections.append((f"{server.log_file}", server.log[-6000:]))


@pytest.fixture
def scratch():
    """A directory that every user may enter. It is removed after the test, unless CERTD_KEEP_SCRATCH is set."""
    path = Path(tempfile.mkdtemp(prefix="certd-test-"))
    path.chmod(0o711)
    yield path
    if "CERTD_KEEP_SCRATCH" not in os.environ:
        shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def start(scratch, request):
    """start(Knot, zones=["a.example"]) creates that server in its own directory and starts it.

    All servers are stopped after the test in reverse order. start(Certd, ready=False) only creates it.
    """
    servers = request.node.stash[SERVERS] = []

    def make(cls, *arguments, ready=True, **options):
        count = sum(type(server) is cls for server in servers)
        server = cls(scratch / f"{cls.name}{count or ''}", *arguments, **options)
        assert isinstance(server, Server)
        servers.append(server)
        return server.start() if ready else server

    yield make
    failures = []
    for server in reversed(servers):
        try:
            # They are asked to end, not killed: they reap their children, and sanitizers report leaks only at an
            # orderly exit.
            server.stop()
        except AssertionError as failure:
            failures.append(str(failure))
    assert not failures


@pytest.fixture
def private_network(scratch):
    """The test runs in its own network; a name server that it starts on port 53 is the system's resolver."""
    if os.geteuid() != 0:
        pytest.skip("a private network needs root")
    with PrivateNetwork(scratch / "etc") as network:
        yield network


@pytest.fixture
def host(start):
    """A host whose network the test shares."""
    host = start(UnitHost)
    leave = host.enter_network()
    yield host
    leave()
    assert "status=31/SYS" not in host.journal(), "the sandbox forbids a system call that certd makes"
