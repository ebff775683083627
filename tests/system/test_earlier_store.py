"""A full store that an earlier certd has written (tests/data/make-earlier-store), opened by this one: as on an upgrade."""
import hashlib
import json
import lzma
from pathlib import Path

import pytest
from certd import Certd
from pebble import Pebble
from procs import free_port, run, wait_for
from tls import parse_certificate

DATA = Path(__file__).parents[1] / "data"
# What happens to objects after they were recorded, and where they were.
CHANGING = {"nextDate", "dropDirectory", "state", "message", "lastError", "rollouts", "progress", "served", "lastUsedDate",
            "status", "retryAt", "attempts", "lastAttemptDate", "nextAction"}


@pytest.fixture
def recorded():
    with lzma.open(DATA / "earlier-store.json.xz", "rt") as text:
        return json.load(text)


@pytest.fixture
def certd(start):
    certd = start(Certd, config=f"http-listen = 127.0.0.1:{free_port()}\n", ready=False)
    run(["tar", "-C", certd.state, "-xJf", DATA / "earlier-store.tar.xz"])
    certd.start()
    return certd


def differences(before, after, path=""):
    """Members of @before that @after lacks or has otherwise; it may have more."""
    if isinstance(before, dict) and isinstance(after, dict):
        return [line for name in before if name not in CHANGING
                for line in differences(before[name], after.get(name), f"{path}.{name}")]
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        return [line for i, item in enumerate(before) for line in differences(item, after[i], f"{path}[{i}]")]
    return [] if before == after else [f"{path}: {before!r} became {after!r}"]


def everything(certd, kinds):
    return {kind: {o["id"]: o for o in certd.call(f"{kind}.list", limit=1000)["items"]} for kind in kinds}


def check_contents(certd, recorded):
    recorded["objects"].pop("authorization", None)  # it was valid for an hour, and is removed after that
    now = everything(certd, recorded["objects"])
    for kind, objects in recorded["objects"].items():
        assert sorted(now[kind]) == sorted(o["id"] for o in objects), kind
        for o in objects:
            assert differences(o, now[kind][o["id"]], f"{kind} {o['id']}") == []
    # Every key is unsealed: the files are written anew.
    wait_for(lambda: len(list((certd.state / "live").glob("*/manifest.json"))) == len(recorded["keys"]), 40, "all files")
    for name, digest in recorded["keys"].items():
        assert hashlib.sha256((certd.drop(name) / "privkey.pem").read_bytes()).hexdigest() == digest, name
    audit = certd.call("audit.verify", known=f"{recorded['audit']['last']}:{recorded['audit']['hash']}")
    assert audit["intact"] and audit["last"] >= recorded["audit"]["last"]


@pytest.mark.limit(180)
def test_nothing_is_lost_and_it_goes_on(certd, recorded, start):
    assert sum(len(objects) for objects in recorded["objects"].values()) > 300
    check_contents(certd, recorded)
    dump = certd.ctl("dump").stdout
    certd.stop()
    certd.start()
    check_contents(certd, recorded)
    assert certd.ctl("dump").stdout == dump

    # It can be changed, and what it has is enough to issue: accounts, challenges, declarations.
    pebble = start(Pebble, always_valid=True)
    name = "host1.example.com"
    before = parse_certificate(certd.drop(name) / "cert.pem").serial
    certd.call("provider.update", ref="second", properties={"server": pebble.url, "caFile": str(pebble.ca_file)})
    wait_for(lambda: parse_certificate(certd.drop(name) / "cert.pem").serial != before, 60, "a new certificate")
    certd.ctl("rm", "token", "ci1")
    certd.ctl("set", "auto", "host2.example.com", "--label", "changed")
    certd.ctl("rm", "auto", "host4.example.com", "--with-certificates")
    certd.stop()
    certd.start()
    assert certd.ctl_json("show", "auto", "host2.example.com")["properties"]["labels"] == ["changed"]
    assert certd.call("audit.verify")["intact"]


def test_its_backup_opens_with_the_key_only(certd, recorded, start):
    """The same store with another key is refused with words, and is not harmed."""
    certd.stop()
    key = certd.state / "master-key"
    right = key.read_bytes()
    key.chmod(0o600)
    key.write_bytes(bytes(32))
    with pytest.raises(AssertionError):
        certd.start()
    assert "master key" in certd.log
    key.write_bytes(right)
    key.chmod(0o400)
    certd.start()
    check_contents(certd, recorded)
