"""kill -9 of certctl and of certd in the middle of `certctl migrate`: the second run completes what the first began, and
the result is that of a run that nothing disturbed: no object twice, none that is half declared, no order, no account.

As in test_kill.py, strace ends the process at the Nth call of a name; its status shows that the point was reached.
"""
import collections
import contextlib
import re
import shutil
import signal
import subprocess

import pytest
from certd import Certd, program
from other_clients import AcmeSh, Lego
from pebble import Pebble
from procs import free_port, patient, wait_for

DAYS = 86400
KILLED = (-signal.SIGKILL, 128 + signal.SIGKILL)
NAMES = ("a.example.com", "b.example.com", "c.example.com")
# Of certd: the commits of its store, what makes files appear, and answers.
CALLS = ("fdatasync", "renameat", "linkat", "sendmsg")
SHORT_FORM = 8  # points of each call

pytestmark = [pytest.mark.plain_build, pytest.mark.limit(400)]


class Site:
    """acme.sh's directory with all that migrate takes over, and what an undisturbed run makes of it."""

    def __init__(self, start, scratch):
        self.start, self.scratch = start, scratch
        self.pebble = start(Pebble, always_valid=True, validity=90 * DAYS)
        lego = Lego(self.pebble, scratch / "lego")
        for name in NAMES:
            lego.issue("-d", name, "--http", "--http.port", f":{free_port()}")
        self.acme = AcmeSh(self.pebble, scratch / "acme.sh", lego)
        # echo -n 'systemctl restart haproxy' | base64
        reload = "Le_ReloadCmd='__ACME_BASE64__START_c3lzdGVtY3RsIHJlc3RhcnQgaGFwcm94eQ==__ACME_BASE64__END_'"
        self.acme.add(NAMES[0], f"Le_Webroot='no'\n{reload}")
        self.acme.add(NAMES[1], "Le_Webroot='dns_ionos_cloud'")
        self.acme.add(NAMES[2], f"Le_Webroot='no'\n{reload}")
        with self.acme.account_conf.open("a") as conf:
            conf.write("SAVED_IONOS_TOKEN='t0ken'\n")
        self.before = self.at_the_ca()
        certd = self.certd()
        certd.start()
        self.migrate(certd)
        self.wanted = self.result(certd)
        assert len(self.wanted["autoCertificate"]) == len(self.wanted["certificate"]) == 3
        certd.stop()

    def certd(self, *wrapper):
        options = {"ready": False, "config": f"http-listen = 127.0.0.1:{free_port()}\nworkers = 1\n"}
        if wrapper:
            options.update(arguments=["--allow-debugger"], wrapper=["strace", "-f", "-qq", *map(str, wrapper)])
        return self.start(Certd, **options)

    def words(self):
        return ["migrate", "acme.sh", self.acme.directory, "--ca-file", self.pebble.ca_file]

    def migrate(self, certd, **options):
        return certd.ctl(*self.words(), **options)

    def at_the_ca(self):
        return (sum("order-plz" in path for _, path in self.pebble.requests),
                len(re.findall(r"There are now \d+ accounts", self.pebble.log)))

    def is_done(self, certd):
        """All files are written. A certd that is killed meanwhile does not say so."""
        try:
            return all((certd.drop(name) / "manifest.json").exists() for name in NAMES) and not [
                row for row in certd.call("schedule.list")["items"] if row["kind"] == "deploy"]
        except OSError:
            return False

    def result(self, certd):
        """What is declared, issued and written, without what differs from run to run."""
        for name in NAMES:
            wait_for((certd.drop(name) / "manifest.json").exists, 20, f"the files of {name}")
        wait_for(lambda: all(p["metadata"]["state"] == "AVAILABLE" for p in certd.call("provider.list")["items"]), 20)
        found = {kind: sorted(o["properties"]["name"] for o in certd.call(f"{kind}.list")["items"])
                 for kind in ("provider", "dnsProvider", "consumer", "autoCertificate")}
        found["certificate"] = sorted(c["metadata"]["serialNumber"] for c in certd.call("certificate.list")["items"])
        found["owners"] = [bool(c["properties"].get("autoCertificate") or c["metadata"].get("autoCertificate"))
                           for c in certd.call("certificate.list")["items"]]
        found["declared"] = certd.ctl("dump").stdout
        found["live"] = sorted(path.name for path in (certd.state / "live").iterdir())
        found["keys"] = [(certd.drop(name) / "privkey.pem").read_text() for name in NAMES]
        return found

    def check_second_run(self, certd, what):
        """Completes; a third run has nothing to do."""
        self.migrate(certd)
        assert self.result(certd) == self.wanted, what
        assert "nothing to do" in self.migrate(certd).stdout, what
        assert self.at_the_ca() == self.before, f"{what}: an order, or another account"


@pytest.fixture
def site(start, scratch):
    return Site(start, scratch)


def counted(log):
    """How often each call was made, in the thread that makes it most."""
    threads = collections.defaultdict(collections.Counter)
    for thread, call in re.findall(r"^(?:(\d+) +)?(\w+)\(", log.read_text(), re.MULTILINE):
        threads[thread][call] += 1
    return {call: max(count[call] for count in threads.values()) for call in {c for t in threads.values() for c in t}}


def counted_at_rest(log):
    """The same once no more calls are made."""
    sizes = []

    def is_at_rest():
        sizes.append(log.stat().st_size)
        return len(sizes) > 1 and sizes[-1] == sizes[-2]

    wait_for(is_at_rest, 20, "no more calls", interval=1)
    return counted(log)


def spread(count):
    """At most SHORT_FORM of the points 1 to @count, with the first and the last."""
    size = min(count, SHORT_FORM)
    return sorted({1 + round(i * (count - 1) / max(1, size - 1)) for i in range(size)})


def traced_migrate(site, certd, *options):
    """certctl under strace. Return: its status."""
    environment = {"CERTD_SOCKET": str(certd.socket), "PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "HOME": str(site.scratch)}
    return subprocess.run(["strace", "-f", "-qq", *map(str, options), program("certctl"), *map(str, site.words())],
                          env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                          timeout=patient(60)).returncode


def test_certctl_is_killed_between_any_two_of_its_requests(site):
    log = site.scratch / "calls"
    certd = site.certd()
    certd.start()
    assert traced_migrate(site, certd, "-s", 100, "-o", log, "-e", "trace=sendmsg,recvfrom") == 0
    certd.stop()
    points = counted(log)
    # At the end it asks whether the files are written, as often as that takes.
    certain = points["sendmsg"] - log.read_text().count("event.list")
    assert certain >= 10, "lists, dry runs, and two calls for each certificate"
    # Every request is either not made or made and its answer not seen.
    for call in ("sendmsg", "recvfrom"):
        for nth in range(1, points[call] + 1):
            certd = site.certd()
            certd.start()
            status = traced_migrate(site, certd, "-o", "/dev/null", "-e", f"trace={call}", "-e",
                                    f"inject={call}:signal=KILL:when={nth}")
            if status == 0 and nth > certain:
                certd.stop()
                break  # it received fewer parts of answers, or asked less often
            assert status in KILLED, f"{call} {nth}: status {status}"
            site.check_second_run(certd, f"certctl is killed at {call} {nth}")
            certd.stop()
            shutil.rmtree(certd.state)


def end_of_migration(site, certd):
    """Starts certd, migrates to it, and ends it. Return: its status, which says whether it was killed on the way, and what
    certctl said.
    """
    try:
        certd.start()
    except AssertionError:
        return certd.exit_status, "nothing"
    told = site.migrate(certd, check=False).stderr
    wait_for(lambda: not certd.is_running or site.is_done(certd), 20, "the kill, or the end")
    with contextlib.suppress(IndexError, OSError):  # it has been killed
        certd.send_signal(signal.SIGTERM)
    return certd.wait(), told


def test_certd_is_killed_while_it_is_migrated_to(site):
    log = site.scratch / "calls"
    certd = site.certd("-o", log, "-e", "trace=" + ",".join(CALLS))
    certd.start()
    at_start = counted_at_rest(log)
    site.migrate(certd)
    site.result(certd)
    points = counted(log)
    certd.stop()
    met, missed = 0, []
    for call in CALLS:
        first = at_start.get(call, 0)
        for nth in spread(max(0, points.get(call, 0) - first)):
            certd = site.certd("-o", "/dev/null", "-e", f"trace={call}", "-e",
                               f"inject={call}:signal=KILL:when={first + nth}")
            status, told = end_of_migration(site, certd)
            if status == 0:  # the last points depend on timing
                missed.append(f"{call} {first + nth}")
                continue
            assert status in KILLED, f"{call} {nth}: status {status}"
            met += 1
            certd.wrapper = []
            certd.start()
            site.check_second_run(certd, f"certd is killed at {call} {first + nth}; certctl said {told}")
            certd.stop()
            shutil.rmtree(certd.state)
    print(f"{met} kills; not reached: {missed}")
    assert met >= 12 and len(missed) <= met // 4, missed
