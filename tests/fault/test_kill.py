"""kill -9 before each write-class system call of one issue and one renewal: nothing is lost, made twice or half
written.

strace ends certd at the Nth call of a name in one thread, and ends by the same signal: status 137 shows that the point
was reached. For points of the loop only its thread is traced, so that no other thread counts. strace counts per thread:
the points of the worker (there is one) are calls that the loop makes less often.

The number of calls depends a little on timing (one more poll, one less notification), so the last points of a thread
may be missing in a run. A run that was not killed reports the number of calls; the point is then counted from the end,
until one is reached: every point of the test is a kill. The short form takes an even sample of all points; `make
check-kill` (CERTD_KILL_ALL=1) takes every one.
"""
import collections
import os
import re
import signal
import ssl
import threading

import pytest
from certd import Certd
from pebble import Challtestsrv, Pebble
from procs import free_port, wait_for
from rpc import RpcError

WRITES = ("fdatasync", "pwrite64", "pwritev", "write", "writev", "fsync", "renameat", "renameat2", "linkat",
          "unlinkat", "sendto", "sendmsg", "ftruncate", "fallocate", "fchmod", "fchmodat", "mkdirat")
SHORT_FORM = 40
TRIES = 5  # until a point is reached
KILLED = (-signal.SIGKILL, 128 + signal.SIGKILL)
DISCONNECTED = (ConnectionError, FileNotFoundError, TimeoutError)

pytestmark = pytest.mark.plain_build

Point = collections.namedtuple("Point", "thread call nth")  # thread: "loop" or "worker"


class Scenario:
    """An operator's steps: declares a provider and an auto-certificate, and renews it. Continues after each crash."""

    def __init__(self, certd, pebble, name, patience=20):
        self.certd, self.pebble, self.name, self.patience = certd, pebble, name, patience
        self.acked = []
        self.asked = 2  # certificates: the first one and a renewal
        self.first = None

    def step(self, what, method, **params):
        if what in self.acked:
            return
        try:
            self.certd.call(method, **params)
        except RpcError as error:
            # Done before the crash; only the answer was lost.
            assert error.data.get("code") == "exists", error
        self.acked.append(what)

    def certificate(self):
        """A kill in the middle of the answer to a challenge invalidates that order: the operator retries."""
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
            wait_for(lambda: self.dropped(self.certificate()), self.patience, "the first certificate")
            self.first = self.certificate()
        self.step("renew", "autoCertificate.renew", ref=self.name)
        wait_for(lambda: self.certificate() != self.first and self.dropped(self.certificate()), self.patience,
                 "the renewal")


class Reader(threading.Thread):
    """A server that loads the bundle continuously: it must never see an incomplete one."""

    def __init__(self, bundle, copy):
        super().__init__(daemon=True)
        self.bundle = bundle
        self.copy = copy
        self.ended = threading.Event()
        self.failures = []
        self.seen = False

    def run(self):
        """load_cert_chain() opens its file twice; a copy is read once."""
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
    return start(Pebble, dns=dns.dns, http_port=port), f"http-listen = 127.0.0.1:{port}\nworkers = 1\n"


def count(pebble, pattern):
    return len(re.findall(pattern, pebble.log))


def traced(start, config, *options):
    return start(Certd, config=config, arguments=["--allow-debugger"], ready=False,
                 wrapper=["strace", "-qq", *map(str, options)])


def calls_in(log):
    """By thread, the loop's first: how often each call was started."""
    threads = collections.defaultdict(collections.Counter)
    for thread, call in re.findall(r"^(?:(\d+) +)?(\w+)\(", log.read_text(), re.MULTILINE):
        threads[thread][call] += 1
    return list(threads.values())


def points_of(start, ca, scratch):
    """All points of an undisturbed run of the scenario, from the start of certd to its orderly end."""
    pebble, config = ca
    log = scratch / "calls"
    certd = traced(start, config, "-f", "-o", log, "-e", "trace=execve," + ",".join(WRITES))
    certd.start()
    Scenario(certd, pebble, "count.example.com").run()
    certd.stop()
    loop, *workers = calls_in(log)
    assert len(workers) == 1, "one worker, and no other thread that writes"
    del loop["execve"]
    return ([Point("loop", call, nth) for call in sorted(loop) for nth in range(1, loop[call] + 1)] +
            [Point("worker", call, nth) for call in sorted(workers[0])
             for nth in range(loop[call] + 1, workers[0][call] + 1)])


def sample(points, size):
    """The first and the last of each call, and an even spread of the rest."""
    ends = [p for p in points if p._replace(nth=p.nth - 1) not in points or p._replace(nth=p.nth + 1) not in points]
    rest = [p for p in points if p not in ends]
    step = max(1, -(-len(rest) // max(1, size - len(ends))))
    return ends + rest[::step]


def is_killed(certd, scenario):
    """Runs the scenario under strace. Return: whether the kill ended it; any other end fails the test."""
    try:
        certd.start()
    except AssertionError as error:
        assert f"ended with {KILLED[0]}" in str(error) or f"ended with {KILLED[1]}" in str(error), error
        return True
    failure = None
    try:
        scenario.run()
        certd.send_signal(signal.SIGTERM)
    except (*DISCONNECTED, AssertionError, RpcError, IndexError) as error:
        failure = error
    status = certd.wait()
    assert status in KILLED or (status == 0 and not failure), f"status {status}, {failure!r}"
    return status in KILLED


def serials(certd):
    return {int(c["metadata"]["serialNumber"].replace(":", ""), 16) for c in certd.call("certificate.list")["items"]}


def go_on(certd, scenario, reader, log_before):
    """Restarts after the kill, finishes the scenario, and checks the invariants."""
    pebble = scenario.pebble
    certd.wrapper = []
    certd.start()
    scenario.run()
    stored = serials(certd)
    certd.stop()
    reader.stop()
    happened = pebble.log[log_before:]
    issued = {int(serial, 16) for serial in re.findall("Issued certificate serial ([0-9a-f]+)", happened)}
    assert len(issued) >= 2 and issued <= stored, f"a certificate was lost: {issued - stored}"
    assert happened.count("accounts in memory") == 1, "a second account: its key was lost"
    assert happened.count("Added order") <= scenario.asked + 1, "more than one orphan order"


def kill_at(start, ca, point, name):
    """Kills one certd at that point, and restarts it. Return: the number of calls, if the point was not reached."""
    pebble, config = ca
    log_before = len(pebble.log)
    certd = traced(start, config, *["-f"] * (point.thread == "worker"), "-o", "calls", "-e", f"trace={point.call}",
                   "-e", f"inject={point.call}:signal=KILL:when={point.nth}")
    reader = Reader(certd.drop(name) / "bundle.pem", certd.directory / "copy.pem")
    scenario = Scenario(certd, pebble, name)
    reader.start()
    if is_killed(certd, scenario):
        go_on(certd, scenario, reader, log_before)
        return None
    reader.stop()
    made = max(calls[point.call] for calls in calls_in(certd.directory / "calls"))
    assert 0 < made < point.nth, f"{point} was reached without a kill"
    return made


def kill_near(start, ca, point):
    """Kills at that point, or at the last one of a run in which it does not exist. Return: the point."""
    for attempt in range(TRIES):
        made = kill_at(start, ca, point, f"{point.thread}-{point.call}-{point.nth}-{attempt}.example.com")
        if made is None:
            return point
        point = point._replace(nth=made)
    raise AssertionError(f"{point}: not met in {TRIES} runs")


@pytest.mark.limit(2400)
def test_a_kill_at_any_write_loses_nothing_and_makes_nothing_twice(start, ca, scratch):
    points = points_of(start, ca, scratch)
    assert {p.thread for p in points} == {"loop", "worker"} and len(points) > 100
    chosen = points if "CERTD_KILL_ALL" in os.environ else sample(points, SHORT_FORM)
    moved = []
    for point in chosen:
        met = kill_near(start, ca, point)
        if met != point:
            moved.append(f"{point.thread} {point.call} {point.nth}: the last was {met.nth}")
    print(f"{len(chosen)} of {len(points)} points, {len(chosen)} kills; not there in their run: {moved}")
    # The last point of each call is one of a run that may have been slower, with more polls.
    assert len(moved) <= len(chosen) // 2, "the points are not those of the scenario"


@pytest.mark.limit(120)
@pytest.mark.parametrize("state", ["authorize", "solve", "validate", "finalize", "download"])
def test_an_order_is_resumed_in_every_state(start, ca, state):
    """Every send is delayed, so that certd is in that state when the kill arrives."""
    pebble, config = ca
    certd = traced(start, config, "-f", "-o", "/dev/null", "-e", "trace=sendto", "-e",
                   "inject=sendto:delay_exit=150000")
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
    assert certd.wait() in KILLED
    assert not (certd.drop(name) / "manifest.json").exists()
    certd.wrapper = []
    certd.start()
    wait_for(lambda: (certd.drop(name) / "manifest.json").exists(), 30, "the order to be finished")
    assert count(pebble, "Added order") == 1, "the order was not resumed but made again"
    certd.stop()


class Deletion:
    """An auto-certificate with files in three places, and their paths."""

    def __init__(self, certd, own):
        self.certd, self.own = certd, own
        self.keys = [certd.drop("gone.example.com") / "privkey.pem", certd.state / "pem/gone.example.com.pem",
                     own / "privkey.pem", own / "bundle.pem"]

    def declare(self):
        self.certd.call("autoCertificate.create", properties={
            "provider": "le", "commonName": "gone.example.com", "consumers": ["own"]})
        wait_for(lambda: (self.own / "manifest.json").exists() and not self.rows("deploy"), 20,
                 "files in all places, and so it is noted")
        assert all(key.exists() for key in self.keys)

    def delete(self):
        self.certd.call("autoCertificate.delete", ref="gone.example.com", force=True)
        wait_for(self.is_done, 20, "the files are gone, and so is the intent")

    def is_done(self):
        """Asks certd first, which fails when it is not running."""
        left = [*self.own.glob("bundle-*"), *self.certd.state.glob("live/gone.example.com/*")]
        return not self.rows("remove") and not left and not any(key.exists() for key in self.keys)

    def rows(self, kind):
        return [row for row in self.certd.call("schedule.list")["items"] if row["kind"] == kind]


@pytest.mark.limit(120)
def test_a_kill_anywhere_in_a_removal_leaves_no_key_behind(start, ca, scratch):
    """The first point is between the commit of the deletion and the removal of the first file."""
    pebble, config = ca
    own = scratch / "own"
    own.mkdir()
    own.chmod(0o2750)
    certd = traced(start, config)
    wrapper, certd.wrapper = certd.wrapper, []
    certd.start()
    certd.call("provider.create", properties={
        "name": "le", "email": "ops@example.com", "server": pebble.url, "caFile": str(pebble.ca_file),
        "termsOfServiceAgreed": True})
    certd.call("consumer.create", properties={"name": "own", "activate": "none", "directory": str(own)})
    deletion = Deletion(certd, own)

    def delete_under(*options):
        """Return: how that run ended."""
        deletion.declare()
        certd.stop()
        certd.wrapper = [*wrapper, "-f", "-o", scratch / "calls", *options]
        certd.start()
        try:
            deletion.delete()
            certd.send_signal(signal.SIGTERM)
        except DISCONNECTED:
            pass
        status = certd.wait()
        certd.wrapper = []
        certd.start()
        return status

    assert delete_under("-e", "trace=unlinkat") == 0
    points = max(calls["unlinkat"] for calls in calls_in(scratch / "calls"))
    assert points >= 14, "two times six files, the flat one and the directory"
    for nth in range(1, points + 1):
        status = delete_under("-e", "trace=unlinkat", "-e", f"inject=unlinkat:signal=KILL:when={nth}")
        assert status in KILLED, f"point {nth}: status {status}"
        wait_for(deletion.is_done, 20, f"point {nth}: the files are removed by the next life")
        assert certd.call("autoCertificate.list")["items"] == []
        assert list(own.iterdir()) == [] and not certd.drop("gone.example.com").exists()
    certd.stop()
