"""The power is cut at any moment: acknowledged changes survive, and every file is either the old or the new one.

The state is on its own file system, which is shut down without flushing its journal; then certd is killed. Everything
that was not synced is lost, in any order: in each round, a file of the test itself shows that this works.
"""
import json
import os
import random
import re
import ssl
import time

import pytest
from certd import Certd
from disk import CuttableDisk, PrivateMounts
from pebble import Challtestsrv, Pebble
from procs import free_port, wait_for
from rpc import RpcError

DISKS = 2
CUTS = 10       # of each disk
NAMES = 4       # renewed at the same time
LONGEST = 0.25  # seconds from the request to the cut: most of the work takes less

pytestmark = [pytest.mark.plain_build, pytest.mark.skipif(os.geteuid() != 0, reason="mounts need root")]


class Life:
    """An operator that records every acknowledgement, and a certd that loses its power at intervals."""

    def __init__(self, certd, disk, pebble):
        self.certd, self.disk, self.pebble = certd, disk, pebble
        self.autos = set()          # acknowledged
        self.certificates = set()   # ids in answers
        self.marks = 0
        self.log_before = len(pebble.log)

    def declare(self, name):
        try:
            self.certd.call("autoCertificate.create", properties={"provider": "le", "commonName": name})
        except RpcError as error:
            assert error.data["code"] == "exists", error  # durable, but the answer was lost
        self.autos.add(name)

    def begin(self):
        self.certd.start()
        self.certd.call("provider.create", properties={
            "name": "le", "email": "ops@example.com", "server": self.pebble.url, "caFile": str(self.pebble.ca_file),
            "termsOfServiceAgreed": True})
        self.certd.call("consumer.create", properties={"name": "mark", "activate": "none"})

    def work(self, new_name):
        """Requests as much as possible at once."""
        self.declare(new_name)
        for name in sorted(self.autos)[-NAMES:]:
            self.certd.call("autoCertificate.renew", ref=name, force=True)

    def cut(self):
        self.note()
        # A new file each time: ext4 writes what replaces the content of an old one when it is closed (auto_da_alloc).
        canary = self.certd.state / f"canary{self.marks}"
        canary.write_bytes(b"never synced\n")
        self.disk.cut()
        self.certd.kill9()
        self.disk.repair()
        assert not canary.exists() or canary.read_bytes() == b"", "the power was not cut"

    def note(self):
        """The last query before the cut. Lists may show data a moment before it is durable; the answer to a change
        never does."""
        told = {auto["metadata"].get("lastIssuedCertificate") for auto in self.certd.call("autoCertificate.list")["items"]}
        self.marks += 1
        self.certd.call("consumer.update", ref="mark", properties={"probes": [{"host": "127.0.0.1", "port": self.marks}]})
        self.certificates |= told - {None}

    def check_files(self):
        """As seen by a server that starts before certd."""
        bundles = [*self.certd.state.glob("live/*/bundle.pem"), *self.certd.state.glob("pem/*.pem")]
        for bundle in bundles:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(bundle)
        for manifest in self.certd.state.glob("live/*/manifest.json"):
            assert json.loads(manifest.read_text())["certificate"]
            assert "PRIVATE KEY" in (manifest.parent / "privkey.pem").read_text()
        return len(bundles)

    def check_store(self):
        autos = {a["properties"]["commonName"] for a in self.certd.call("autoCertificate.list")["items"]}
        certificates = {c["id"] for c in self.certd.call("certificate.list")["items"]}
        assert self.autos <= autos and self.certificates <= certificates
        mark, = self.certd.call("consumer.get", ref="mark")["properties"]["probes"]
        assert mark["port"] == self.marks

    def is_settled(self):
        """All requests have been carried out: each drop has the newest certificate."""
        if [row for row in self.certd.call("schedule.list")["items"] if row["kind"] == "deploy"]:
            return False
        for auto in self.certd.call("autoCertificate.list")["items"]:
            manifest = self.certd.drop(auto["properties"]["commonName"]) / "manifest.json"
            newest = auto["metadata"].get("lastIssuedCertificate")
            if not newest or "progress" in auto["metadata"]:
                return False
            if not manifest.exists() or newest not in manifest.read_text():
                return False
        return True

    def check_end(self):
        """No certificate that the CA issued was lost, and no account key."""
        happened = self.pebble.log[self.log_before:]
        stored = {int(c["metadata"]["serialNumber"].replace(":", ""), 16)
                  for c in self.certd.call("certificate.list")["items"]}
        issued = {int(serial, 16) for serial in re.findall("Issued certificate serial ([0-9a-f]+)", happened)}
        assert len(issued) > CUTS and issued <= stored, f"lost: {issued - stored}"
        assert happened.count("accounts in memory") == 1, "a second account"


@pytest.fixture
def mounts(scratch):
    with PrivateMounts():
        try:
            disk = CuttableDisk(scratch / "trial")
        except AssertionError:
            pytest.skip("no loop devices")
        disk.remove()
        yield


@pytest.fixture
def pebble(start):
    return start(Pebble, dns=start(Challtestsrv).dns, always_valid=True, validity=24 * 3600)


def live(life, number, dice):
    """From an empty disk through all power cuts. Return: how many bundles existed right after them."""
    seen = 0
    life.begin()
    for cut in range(CUTS):
        life.work(f"{number}-{cut}.example.com")
        time.sleep(dice.uniform(0, LONGEST))
        life.cut()
        seen += life.check_files()
        life.certd.start()
        life.check_store()
        wait_for(life.is_settled, 60, "all that was asked for")
        life.check_files()
    life.check_end()
    return seen


def new_life(start, pebble, **options):
    certd = start(Certd, config=f"http-listen = 127.0.0.1:{free_port()}\n", ready=False, **options)
    return Life(certd, CuttableDisk(certd.state), pebble)


@pytest.mark.limit(300)
def test_after_a_power_cut_everything_is_the_old_or_the_new(start, pebble, mounts):
    dice = random.Random(int(os.environ.get("CERTD_SEED", "1")))
    for number in range(DISKS):
        life = new_life(start, pebble)
        assert live(life, number, dice) > CUTS
        life.certd.stop()
        life.disk.remove()


@pytest.mark.limit(120)
def test_a_certd_that_does_not_sync_is_found_out(start, pebble, mounts):
    """The same without any sync. If this succeeded, the test above would be meaningless."""
    life = new_life(start, pebble, arguments=["--allow-debugger"], wrapper=[
        "strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=fsync,fdatasync",
        "-e", "inject=fsync,fdatasync:retval=0"])
    with pytest.raises((AssertionError, OSError, RpcError, ValueError)):
        live(life, 0, random.Random(1))
    life.certd.kill9()
    life.disk.remove()
