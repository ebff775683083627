"""System calls that fail once, by strace -e inject: certd reports it and ends with a status, or continues; it never
aborts.

The short form fails what a start needs. `make check-inject` (CERTD_INJECT_ALL=1) fails, one after the other, each call
of one issue and one renewal that takes a resource or writes. Afterwards certd is restarted, and all declarations must
take effect.
"""
import os
import signal

import pytest
from certd import Certd
from pebble import Challtestsrv, Pebble
from procs import free_port, wait_for
from rpc import RpcError
from test_kill import DISCONNECTED, Scenario, calls_in

START = [("timerfd_create", "EMFILE", 1), ("timerfd_create", "EMFILE", 2), ("eventfd2", "EMFILE", 1),
         ("eventfd2", "ENFILE", 2), ("epoll_create1", "EMFILE", 1), ("clone3", "EAGAIN", 1), ("clone3", "EAGAIN", 2),
         ("socket", "EMFILE", 1), ("socket", "EMFILE", 2), ("bind", "EADDRINUSE", 1), ("listen", "EADDRINUSE", 1),
         ("flock", "ENOLCK", 1), ("fdatasync", "EIO", 1), ("pwrite64", "ENOSPC", 1)]
WHILE_RUNNING = {
    "timerfd_create": "EMFILE", "eventfd2": "EMFILE", "epoll_create1": "EMFILE", "epoll_ctl": "ENOMEM",
    "clone3": "EAGAIN", "socket": "EMFILE", "socketpair": "EMFILE", "pipe2": "EMFILE", "connect": "ENETUNREACH",
    "accept4": "EMFILE", "sendto": "ENOBUFS", "sendmsg": "ENOBUFS", "openat": "EMFILE", "mkdirat": "ENOSPC",
    "write": "ENOSPC", "writev": "ENOSPC", "pwrite64": "ENOSPC", "pwritev": "EIO", "fdatasync": "EIO", "fsync": "EIO",
    "ftruncate": "ENOSPC", "fallocate": "ENOSPC", "renameat": "EIO", "renameat2": "EIO", "linkat": "ENOSPC", "unlinkat": "EIO",
    "fchmod": "EPERM", "fstat": "EIO", "newfstatat": "EIO", "timerfd_settime": "EINVAL"}
POINTS_OF_A_CALL = 12  # an even sample of a call's points, including the first and the last one
RETRIED_SEC = 150  # files that could not be written are tried again after a minute or so
STATUSES = {69, 71, 72, 73, 74, 75, 77, 78}  # of certctl(1), for missing resources

pytestmark = pytest.mark.plain_build


def injected(start, config, call, error, nth, **more):
    return start(Certd, config=config, arguments=["--allow-debugger"], ready=False, wrapper=[
        "strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={call}:error={error}:when={nth}"],
        **more)


def assert_said(certd, status, why):
    assert status in STATUSES, (why, status, certd.log[-2000:])
    assert certd.log.splitlines()[-1].startswith("certd: "), (why, certd.log[-2000:])


@pytest.mark.parametrize("call, error, nth", START)
def test_a_start_that_lacks_something_says_it_and_ends_with_a_status(start, call, error, nth):
    certd = injected(start, "", call, error, nth)
    try:
        certd.start()
    except AssertionError:
        assert certd.exit_status is not None, (call, error, nth, certd.log[-2000:])
        assert_said(certd, certd.exit_status, (call, error, nth))
    else:
        assert certd.call("server.status")
        certd.stop()


@pytest.fixture
def ca(start):
    port = free_port()
    dns = start(Challtestsrv)
    return start(Pebble, dns=dns.dns, http_port=port), f"http-listen = 127.0.0.1:{port}\nworkers = 1\n"


def sample(count):
    steps = min(count, POINTS_OF_A_CALL)
    return sorted({1 + i * (count - 1) // max(steps - 1, 1) for i in range(steps)})


def points_of(start, ca, scratch):
    pebble, config = ca
    log = scratch / "calls"
    certd = start(Certd, config=config, arguments=["--allow-debugger"], wrapper=[
        "strace", "-f", "-qq", "-o", str(log), "-e", "trace=execve," + ",".join(WHILE_RUNNING)])
    Scenario(certd, pebble, "points.example.com").run()
    certd.stop()
    loop = calls_in(log)[0]
    return [(call, WHILE_RUNNING[call], nth) for call in WHILE_RUNNING if loop[call] for nth in sample(loop[call])]


def tell(scenario):
    """Runs the scenario as far as possible while something fails."""
    try:
        scenario.run()
    except (RpcError, *DISCONNECTED, AssertionError) as error:
        print(f"interrupted: {error}")


@pytest.mark.skipif("CERTD_INJECT_ALL" not in os.environ, reason="long; run make check-inject")
@pytest.mark.limit(7200)
def test_each_call_of_an_issue_and_a_renewal_fails_once(start, ca, scratch):
    pebble, config = ca
    for number, (call, error, nth) in enumerate(points_of(start, ca, scratch)):
        why = f"{call} fails with {error}, number {nth}"
        print(why)
        certd = injected(start, config, call, error, nth)
        scenario = Scenario(certd, pebble, f"n{number}.example.com")
        try:
            certd.start()
            tell(scenario)
        except AssertionError:
            pass
        if certd.is_running:
            certd.send_signal(signal.SIGTERM)
            wait_for(lambda: not certd.is_running, 20, "the end")
        status = certd.process.returncode if certd.process else certd.exit_status
        if status not in (0, 127):  # 127: the loader could not read a library
            assert_said(certd, status, why)
        certd.wrapper = []
        certd.start()
        if "auto" in scenario.acked and not scenario.certificate():
            certd.call("autoCertificate.renew", ref=scenario.name, force=True)
        scenario.patience = RETRIED_SEC
        scenario.run()
        certd.stop()
