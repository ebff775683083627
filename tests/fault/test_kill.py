"""kill -9 at the system calls of one issue and one renewal: nothing is lost, made twice or left half written.

strace ends certd at the Nth call of a kind, so every point is reached for certain: exit status 137 proves it. The short
form takes an even sample of all points; `make check-kill` (CERTD_KILL_ALL=1) takes every one.
"""
import os
import re
import ssl
import threading

import pytest
from certd import Certd
from pebble import Challtestsrv, Pebble
from procs import free_port, wait_for
from rpc import RpcError

WRITES = ("fdatasync", "pwrite64", "write", "writev", "fsync", "renameat", "linkat", "unlinkat", "sendto", "sendmsg",
          "ftruncate", "fchmod", "mkdirat")
SHORT_FORM = 40
DISCONNECTED = (ConnectionError, FileNotFoundError, TimeoutError)

pytestmark = pytest.mark.plain_build


class Story:
    """What an operator does: declares a provider and an auto-certificate, and renews it. Goes on after each crash."""

    def __init__(self, certd, pebble, name):
        self.certd, self.pebble, self.name = certd, pebble, name
        self.acked = []
        self.asked = 2  # certificates: the first one and a renewal
        self.first = None

    def step(self, what, method, **params):
        if what in self.acked:
            return
        try:
            self.certd.call(method, **params)
        except RpcError as error:
            # Done in an earlier life, whose answer was lost.
            assert error.data.get("code") == "exists", error
        self.acked.append(what)

    def certificate(self):
        """A kill in the middle of the answer to a challenge fails that order for good: the operator tries again."""
        auto = self.certd.call("autoCertificate.get", ref=self.name)
        if (auto["metadata"].get("lastError") or {}).get("code") == "validation":
            self.asked += 1
            self.certd.call("autoCertificate.renew", ref=self.name, force=True)
        return auto["metadata"].get("lastIssuedCertificate")

    def dropped(self, certificate):
        manifest = self.certd.drop(self.name) / "manifest.json"
        return certificate and manifest.exists() and certificate in manifest.read_text()

    def run(self):
        self.step("provider", "provider.create", properties={
            "name": "le", "email": "ops@example.com", "server": self.pebble.url, "caFile": str(self.pebble.ca_file),
            "termsOfServiceAgreed": True})
        self.step("auto", "autoCertificate.create", properties={"provider": "le", "commonName": self.name})
        if not self.first:
            wait_for(lambda: self.dropped(self.certificate()), 20, "the first certificate")
            self.first = self.certificate()
        self.step("renew", "autoCertificate.renew", ref=self.name)
        wait_for(lambda: self.certificate() != self.first and self.dropped(self.certificate()), 20, "the renewal")


class Reader(threading.Thread):
    """A server that loads the bundle over and over: it must never meet half of one."""

    def __init__(self, bundle, copy):
        super().__init__(daemon=True)
        self.bundle = bundle
        self.copy = copy
        self.ended = threading.Event()
        self.failures = []
        self.seen = False

    def run(self):
        """load_cert_chain() opens its file twice: a copy makes it one look."""
        while not self.ended.wait(0.002):
            try:
                self.copy.write_bytes(self.bundle.read_bytes())
                ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(self.copy)
            except FileNotFoundError:
                if self.seen:
                    self.failures.append("the bundle vanished")
            except ssl.SSLError as error:
                self.failures.append(str(error))
            else:
                self.seen = True

    def stop(self):
        self.ended.set()
        self.join()
        assert not self.failures


@pytest.fixture
def ca(start):
    port = free_port()
    dns = start(Challtestsrv)
    return start(Pebble, dns=dns.dns, http_port=port), f"http-listen = 127.0.0.1:{port}\n"


def count(pebble, pattern):
    return len(re.findall(pattern, pebble.log))


def traced(start, config, *options):
    return start(Certd, config=config, arguments=["--allow-debugger"], ready=False,
                 wrapper=["strace", "-f", "-qq", *map(str, options)])


def points_of(start, ca, scratch):
    """How often each call happens in the busiest thread of an undisturbed story."""
    pebble, config = ca
    log = scratch / "calls"
    certd = traced(start, config, "-o", log, "-e", "trace=" + ",".join(WRITES))
    certd.start()
    Story(certd, pebble, "count.example.com").run()
    certd.stop()
    calls = {}
    for thread, call in re.findall(r"^(\d+) +(\w+)\(", log.read_text(), re.MULTILINE):
        calls[call, thread] = calls.get((call, thread), 0) + 1
    most = {}
    for (call, _), n in calls.items():
        most[call] = max(n, most.get(call, 0))
    return [(call, n) for call in sorted(most) for n in range(1, most[call] + 1)]


def sample(points, size):
    """The first and the last of each call, and an even spread of the rest."""
    ends = {p for p in points if p[1] == 1 or (p[0], p[1] + 1) not in points}
    rest = [p for p in points if p not in ends]
    step = max(1, -(-len(rest) // max(1, size - len(ends))))
    return sorted(ends) + rest[::step]


def tell_until_killed(certd, story):
    """Return: whether the point was met; timing moves the last ones of a thread by a call or two."""
    try:
        certd.start()
    except AssertionError as error:
        assert "ended with -9" in str(error) or "ended with 137" in str(error)
        return True
    try:
        story.run()
    except (*DISCONNECTED, AssertionError, RpcError) as error:
        assert certd.wait() in (137, -9), error
        return True
    certd.kill9()
    return False


def kill_at(start, ca, call, nth, name):
    pebble, config = ca
    orders, accounts = count(pebble, "Added order"), count(pebble, "accounts in memory")
    certd = traced(start, config, "-o", "/dev/null", "-e", f"trace={call}", "-e",
                   f"inject={call}:signal=KILL:when={nth}")
    reader = Reader(certd.drop(name) / "bundle.pem", certd.directory / "copy.pem")
    story = Story(certd, pebble, name)
    reader.start()
    killed = tell_until_killed(certd, story)
    certd.wrapper = []
    certd.start()
    story.run()
    certd.stop()
    reader.stop()
    assert count(pebble, "accounts in memory") - accounts == 1, f"{call} {nth}: a second account"
    assert count(pebble, "Added order") - orders <= story.asked + 1, f"{call} {nth}: more than one orphan order"
    return killed


@pytest.mark.limit(1800)
def test_a_kill_at_any_write_loses_nothing_and_makes_nothing_twice(start, ca, scratch):
    points = points_of(start, ca, scratch)
    assert len(points) > 100
    if "CERTD_KILL_ALL" not in os.environ:
        points = sample(points, SHORT_FORM)
    killed = [kill_at(start, ca, call, nth, f"{call}-{nth}.example.com") for call, nth in points]
    print(f"{sum(killed)} of {len(points)} points were met by a kill")
    # Near the end of a thread's calls timing decides whether there is one more.
    assert sum(killed) >= 0.8 * len(points)


@pytest.mark.limit(120)
@pytest.mark.parametrize("state", ["authorize", "solve", "validate", "finalize", "download"])
def test_an_order_is_resumed_in_every_state(start, ca, state):
    """Every send is slowed down, so that certd is in that state when the kill arrives."""
    pebble, config = ca
    certd = traced(start, config, "-o", "/dev/null", "-e", "trace=sendto", "-e", "inject=sendto:delay_exit=150000")
    certd.start()
    name = f"{state}.example.com"
    certd.call("provider.create", properties={
        "name": "le", "email": "ops@example.com", "server": pebble.url, "caFile": str(pebble.ca_file),
        "termsOfServiceAgreed": True})
    wait_for(lambda: certd.call("provider.get", ref="le")["metadata"]["state"] == "AVAILABLE", 20)
    with certd.rpc() as rpc:
        rpc.call("event.subscribe")
        rpc.call("autoCertificate.create", properties={"provider": "le", "commonName": name})
        while (rpc.next_event("event").get("data") or {}).get("state") != state:
            pass
    os.kill(certd.daemon_pid, 9)
    assert certd.wait() in (137, -9)
    assert not (certd.drop(name) / "manifest.json").exists()
    certd.wrapper = []
    certd.start()
    wait_for(lambda: (certd.drop(name) / "manifest.json").exists(), 30, "the order to be finished")
    assert count(pebble, "Added order") == 1, "the order was not resumed but made again"
    certd.stop()
