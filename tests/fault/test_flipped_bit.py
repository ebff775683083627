"""A disk that changes a bit of the store: certd names the damaged object, keeps running, and keeps the others valid."""
import random
import re
import shutil

import pytest
from certd import Certd
from pebble import Challtestsrv, Pebble
from procs import free_port, run, wait_for
from rpc import RpcError

NAMES = [f"www{i}.example.com" for i in range(4)]
VICTIM = NAMES[1]
MARK = b"marked.example.com"  # a name that occurs only in the victim's records
SAMPLE = 40
PAGE = 4096
DATA_ERROR = 65  # sysexits.h, as listed in certd(8)

pytestmark = pytest.mark.plain_build


@pytest.fixture
def pebble(start):
    return start(Pebble, dns=start(Challtestsrv).dns, always_valid=True, validity=24 * 3600)


@pytest.fixture
def certd(start, pebble):
    """A certd with a certificate for each name; stopped."""
    certd = start(Certd, config=f"http-listen = 127.0.0.1:{free_port()}\n")
    certd.call("provider.create", properties={
        "name": "le", "email": "ops@example.com", "server": pebble.url, "caFile": str(pebble.ca_file),
        "termsOfServiceAgreed": True})
    for name in NAMES:
        certd.call("autoCertificate.create", properties={
            "provider": "le", "commonName": name,
            "subjectAlternativeNames": [MARK.decode()] if name == VICTIM else []})
    for name in NAMES:
        wait_for(lambda: newest(certd, name), 20, name)
    wait_for(lambda: not [r for r in certd.call("schedule.list")["items"] if r["kind"] == "deploy"], 20)
    certd.stop()
    return certd


def newest(certd, name):
    return certd.call("autoCertificate.get", ref=name)["metadata"].get("lastIssuedCertificate")


class Pristine:
    """The state of a stopped certd, restored for each round."""

    def __init__(self, certd):
        self.state = certd.state
        self.copy = certd.directory / "pristine"
        self.data = certd.state / "store/data.mdb"
        self.octets = self.data.read_bytes()
        run(["cp", "-a", self.state, self.copy])

    def restore(self):
        shutil.rmtree(self.state)
        run(["cp", "-a", self.copy, self.state])


def flip(path, offset):
    """Flips one bit."""
    with open(path, "r+b") as file:
        file.seek(offset)
        octet = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([octet ^ 4]))


def ask_everything(certd):
    """Return: the refusals. Anything but an answer fails the test."""
    refusals = []
    for method in ("provider", "autoCertificate", "certificate", "consumer", "dnsProvider", "event", "schedule"):
        try:
            certd.call(f"{method}.list")
        except RpcError as error:
            refusals.append(error)
    for name in NAMES:
        for method in ("get", "explain"):
            try:
                certd.call(f"autoCertificate.{method}", ref=name)
            except RpcError as error:
                refusals.append(error)
    return refusals


def listed(certd):
    """Return: names of the auto-certificates in the list, and what it reports about damaged objects."""
    items = certd.call("autoCertificate.list")["items"] + certd.call("certificate.list")["items"]
    messages = [item["metadata"].get("message", "") for item in items]
    return ({item["properties"].get("commonName") for item in items},
            [message for message in messages if "is damaged in the store" in message])


def renew(certd, name):
    before = newest(certd, name)
    certd.call("autoCertificate.renew", ref=name, force=True)
    wait_for(lambda: newest(certd, name) not in (None, before), 20, f"{name} renewed")


@pytest.mark.limit(120)
def test_a_damaged_record_is_named_and_the_others_go_on(certd):
    """All places in the file that contain the victim's name: records, older copies of them, and index rows."""
    pristine = Pristine(certd)
    named, shown = set(), set()
    for place in [m.start() for m in re.finditer(re.escape(MARK), pristine.octets)]:
        pristine.restore()
        flip(pristine.data, place + 3)
        certd.start()
        for error in ask_everything(certd):
            assert error.data["code"] == "corrupt", error
            _, kind = re.search("record '(.+)' of '(.+)' is damaged in the store", str(error)).groups()
            named.add(kind)
        names, damaged = listed(certd)
        assert {name for name in NAMES if name != VICTIM} <= names
        shown |= {re.search("record '.+' of '(.+)'", message)[1] for message in damaged}
        for name in NAMES:
            if name != VICTIM:
                renew(certd, name)
        certd.stop()
    assert {"auto-certificate", "certificate"} <= named | shown
    assert shown, "no list shows what is damaged"


@pytest.mark.limit(180)
def test_a_flipped_bit_anywhere_kills_nobody(certd):
    """The flipped bit is reported at the start, or by a request for the object, or is in a place that is never read."""
    dice = random.Random(1)
    pristine = Pristine(certd)
    used = [i for i in range(0, len(pristine.octets), 64) if any(pristine.octets[i:i + 64])]
    for _ in range(SAMPLE):
        pristine.restore()
        flip(pristine.data, dice.choice(used) + dice.randrange(64))
        try:
            certd.start()
        except AssertionError as error:
            assert f"ended with {DATA_ERROR}:" in str(error) and str(certd.state / "store") in str(error), error
            continue
        ask_everything(certd)
        certd.stop()


@pytest.mark.limit(120)
def test_swapped_pages_are_refused_in_words_until_the_backup_is_back(certd):
    pristine = Pristine(certd)
    dice = random.Random(2)
    pages = [i for i in range(2, len(pristine.octets) // PAGE) if any(pristine.octets[i * PAGE:(i + 1) * PAGE])]
    refused = 0
    for _ in range(12):
        pristine.restore()
        one, other = dice.sample(pages, 2)
        with open(pristine.data, "r+b") as file:
            for page, content in ((one, other), (other, one)):
                file.seek(page * PAGE)
                file.write(pristine.octets[content * PAGE:(content + 1) * PAGE])
        try:
            certd.start()
        except AssertionError as error:
            refused += 1
            assert f"ended with {DATA_ERROR}:" in str(error), error
            assert "restore the state directory from a backup" in certd.log.splitlines()[-1], certd.log
            continue
        ask_everything(certd)
        for name in NAMES:
            renew(certd, name)
        certd.stop()
    assert refused
    pristine.restore()
    certd.start()
    assert {name for name in NAMES} <= listed(certd)[0]


@pytest.mark.limit(120)
def test_single_damaged_records_are_reported_at_each_start(certd):
    pristine = Pristine(certd)
    reported = 0
    for place in [m.start() for m in re.finditer(re.escape(MARK), pristine.octets)]:
        pristine.restore()
        flip(pristine.data, place + 3)
        for _ in range(2):
            before = certd.log.count("certd: damaged records in the store")
            certd.start()
            says = "damaged records in the store" in certd.ctl("status").stdout
            certd.stop()
            assert certd.log.count("certd: damaged records in the store") == before + says
            reported += says
    assert reported and reported % 2 == 0, reported
