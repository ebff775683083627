"""kill -9 before each write-class system call of a restore and of a change of the master key: the former store or the
restored one opens, with every secret in it.
"""
import collections
import contextlib
import os
import re
import shutil
import subprocess
import threading

import pytest
from certd import Certd, program
from procs import comes_within, wait_for
from rpc import RpcError
from tls import ThrowAwayCa

WRITES = ("fdatasync", "pwrite64", "write", "fsync", "renameat", "linkat", "unlinkat", "ftruncate", "mkdir", "close")
KILLED = (-9, 137)
SHORT_FORM = 24

pytestmark = pytest.mark.plain_build


@pytest.fixture
def site(start, scratch):
    """A stopped certd with imported certificates "one" and "two", and a backup from when there was only "one"."""
    ca = ThrowAwayCa(scratch / "ca")
    certd = start(Certd)
    phrase, file = scratch / "phrase", scratch / "certd.backup"
    phrase.write_text("correct horse battery")
    phrase.chmod(0o600)
    for name in ("one", "two"):
        certificate, key = ca.issue(f"{name}.example.com")
        certd.call("certificate.create", properties={
            "name": name, "certificate": certificate.read_text(), "certificateChain": ca.cert_file.read_text(),
            "privateKey": key.read_text()})
        if name == "one":
            certd.ctl("backup", file, "--passphrase-file", phrase)
    keys = {name: certd.ctl("export", name, "--key").stdout for name in ("one", "two")}
    certd.stop()
    return start, certd, file, phrase, keys


def copied(start, certd):
    """Another certd, stopped, with a copy of the state."""
    other = start(Certd, ready=False)
    shutil.rmtree(other.state)
    shutil.copytree(certd.state, other.state)
    return other


def strace(log, call="", nth=0):
    words = ["strace", "-f", "-qq", "-o", log, "-e", "trace=" + (call or ",".join(WRITES))]
    return words + ["-e", f"inject={call}:signal=KILL:when={nth}"] * bool(call)


def points(log):
    """Each call of each name, in an even sample."""
    made = collections.Counter(re.findall(r"^\d+ +(\w+)\(", log.read_text(), re.MULTILINE))
    every = [(call, nth) for call in sorted(made) for nth in range(1, made[call] + 1)]
    return every if "CERTD_KILL_ALL" in os.environ else every[::max(1, len(every) // SHORT_FORM)]


def secrets(certd):
    """Every private key, by the name of its certificate; all of them can be unsealed."""
    names = [c["properties"]["name"] for c in certd.call("certificate.list")["items"]]
    return {name: certd.ctl("export", name, "--key").stdout for name in names}


@pytest.mark.limit(900)
def test_a_killed_restore_leaves_the_former_store_or_the_restored_one(site, scratch):
    start, certd, file, phrase, keys = site

    def restore(other, wrapper):
        return subprocess.run([*wrapper, program("certd"), "--allow-debugger", "--state", other.state, "--restore", file,
                               "--passphrase-file", phrase, "--force"], capture_output=True, check=False).returncode

    log = scratch / "calls"
    other = copied(start, certd)
    # Another master key, as on another host: the store is rewritten too.
    assert restore(other, strace(log)) == 0
    kills, ends = 0, set()
    for call, nth in points(log):
        other = copied(start, certd)
        status = restore(other, strace("/dev/null", call, nth))
        assert status in (*KILLED, 0)
        kills += status in KILLED
        other.start()
        found = secrets(other)
        other.stop()
        assert found in (keys, {"one": keys["one"]}), f"killed at {call} {nth}"
        assert not (other.state / "store/restore").exists()
        ends.add(len(found))
    assert kills >= 10 and ends == {1, 2}


@pytest.mark.limit(900)
def test_a_killed_change_of_the_master_key_goes_on(site, scratch):
    start, certd, _, _, keys = site

    def rekey(other):
        """Until the change has ended, or certd has been killed."""
        try:
            other.call("server.rekey")
            wait_for(lambda: "server.rekeyed" in str(other.call("event.list", limit=100)), 60, "the end")
        except (OSError, RpcError):
            pass

    def traced(log, call="", nth=0):
        other = copied(start, certd)
        other.arguments, other.wrapper = ["--allow-debugger"], strace(log, call, nth)
        return other

    log = scratch / "calls"
    other = traced(log)
    other.start()
    before = len(log.read_text().splitlines())
    rekey(other)
    other.stop()
    counts = collections.Counter(re.findall(r"^\d+ +(\w+)\(", log.read_text(), re.MULTILINE))
    first = collections.Counter(re.findall(r"^\d+ +(\w+)\(", "\n".join(log.read_text().splitlines()[:before]),
                                           re.MULTILINE))
    every = [(call, nth) for call in ("fdatasync", "pwrite64", "renameat", "linkat", "fsync")
             for nth in range(first[call] + 1, counts[call] + 1)]
    kills = 0
    for call, nth in every if "CERTD_KILL_ALL" in os.environ else every[::max(1, len(every) // SHORT_FORM)]:
        other = traced("/dev/null", call, nth)
        with contextlib.suppress(AssertionError):  # the start made more calls than before
            other.start()
            rekey(other)
        kills += comes_within(lambda: not other.is_running, 1)  # noqa: B023: the last points depend on timing
        other.kill9()
        other.wrapper, other.arguments = [], []
        other.start()
        assert secrets(other) == keys, f"killed at {call} {nth}"
        wait_for(lambda: other.ctl("rekey", check=False).returncode == 0, 60, "the end of the change")
        assert secrets(other) == keys
        other.stop()
    assert kills >= 10
