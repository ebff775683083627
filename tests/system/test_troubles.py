"""Failures around certd: callers learn what failed and where, the old certificate stays in place, certd retries by
itself before it expires, and recovers when the cause is gone.

All failures affect one daemon at the same time, which is also killed meanwhile: so they share the minute until the next
attempt.
"""
import os
import re
import shutil
import socket
import ssl
import tempfile
from contextlib import ExitStack
from datetime import datetime, timezone
from pathlib import Path

import pytest
from certd import Certd
from disk import PrivateMounts, SmallDisk
from dnsservers import Knot
from pebble import EAB_KEY, EAB_KEY_ID, Pebble
from procs import free_port, wait_for
from relay import Relay
from tls import ThrowAwayCa

WRONG_KEY = "d3Jvbmcgc2VjcmV0"

# Name of the auto-certificate (first label): the message of explain, and the error class.
TROUBLES = {
    "tsig": (r"DNS provider 'tsig': add \S+: DNS update at {knot}: NOTAUTH, BADSIG: the secret of TSIG key", "dns"),
    "dns-gone": (r"DNS update at {dns_gone}: the server cannot be reached \(connection refused", "dns"),
    "dns-silent": (r"DNS update at {dns_silent}: no answer from the server within 15000 ms", "timeout"),
    "ca-gone": (r"{ca_gone}.*(refused|connect)", "network"),
    "ca-silent": (r"{ca_silent}.*(no answer|in time|timeout|timed out)", "timeout"),
    "ca-root": (r"{pebble}.*certificate", "tls"),
    "eab": (r"provider 'eab' has no account yet: .*[Ee]xternal", None),
    "tos": (r"provider 'tos' has no account yet: .*terms", None),
    "port": (r"http-01: http-listen {http}: python3 \(process \d+\) has that port: .*examples.*webroot", "unavailable"),
    "missing": (r"'{missing}' does not exist; as root, add the line 'd {missing} 2750 \S+ GROUP -' to", None),
    "foreign": (r"'{foreign}' belongs to uid 12345 .*add the line 'd {foreign} 2750 \S+ GROUP -' to", None),
    "link": (r"'{link}' is a symbolic link", None),
    "full": (r"'{full}'.*No space left on device", None),
}
DIRECTORIES = ("missing", "foreign", "link", "full")
VALIDATED = ("tsig", "dns-gone", "dns-silent", "port")  # what fails is the validation of the name

# Waits for the next attempts, over a minute: once in a check.
pytestmark = [pytest.mark.plain_build, pytest.mark.limit(300)]


def name_of(trouble):
    return "port.example.net" if trouble == "port" else f"{trouble}.example.com"


def is_loadable(bundle):
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(bundle)
    return True


def files_in(directory):
    return {path.name: path.read_bytes() for path in directory.iterdir() if path.is_file() and path.name != "ballast"}


class Scenario:
    """All is issued, fails, is reported, and recovers. `failed[trouble]` and `healed[trouble]` are the observations."""

    def __init__(self, stack):
        self.stack = stack
        self.directory = Path(tempfile.mkdtemp(prefix="certd-test-"))
        stack.callback(shutil.rmtree, self.directory, ignore_errors=True)
        self.directory.chmod(0o711)
        stack.enter_context(PrivateMounts())
        self.failed, self.healed = {}, {}
        self.paths = {name: self.directory / f"drop-{name}" for name in DIRECTORIES}

    def start(self, cls, name, *arguments, **options):
        server = cls(self.directory / name, *arguments, **options).start()
        self.stack.callback(server.stop)
        return server

    # --- the world

    def begin(self):
        self.http_port = free_port()
        self.knot = self.start(Knot, "knot", zones=("example.com", "example.net"))
        self.pebble = self.start(Pebble, "pebble", dns=self.knot.dns, http_port=self.http_port, validity=480)
        self.pebble_eab = self.start(Pebble, "pebble-eab", dns=self.knot.dns, eab=True, validity=480)
        self.relays = {name: self.start(Relay, name, port) for name, port in (
            ("dns-gone", self.knot.port), ("dns-silent", self.knot.port),
            ("ca-gone", self.pebble.port), ("ca-silent", self.pebble.port))}
        self.root_file = self.directory / "root.pem"
        shutil.copy(self.pebble.ca_file, self.root_file)
        for name in ("missing", "foreign", "link"):
            self.paths[name].mkdir(mode=0o700)
        self.disk = SmallDisk(self.paths["full"], 2)
        self.certd = self.start(Certd, "certd", config=(
            f"http-listen = 127.0.0.1:{self.http_port}\ndns-servers = {self.knot.dns}\n"))
        self.call = self.certd.call
        self.declare()

    def add_provider(self, name, port, ca_file, **more):
        self.call("provider.create", properties={
            "name": name, "email": "ops@example.com", "server": f"https://127.0.0.1:{port}/dir",
            "caFile": str(ca_file), "termsOfServiceAgreed": True, **more})

    def add_dns(self, name, server, **more):
        self.call("dnsProvider.create", properties={
            "name": name, "kind": "rfc2136", "server": server, "tsigName": self.knot.key_name,
            "tsigKey": self.knot.key_secret, "nameservers": [self.knot.dns], **more})

    def declare(self):
        self.add_provider("le", self.pebble.port, self.pebble.ca_file)
        self.add_provider("ca-gone", self.relays["ca-gone"].port, self.pebble.ca_file)
        self.add_provider("ca-silent", self.relays["ca-silent"].port, self.pebble.ca_file)
        self.add_provider("ca-root", self.pebble.port, self.root_file)
        self.add_dns("ns", self.knot.dns, zones=["example.com"])
        self.add_dns("tsig", self.knot.dns)
        for name in ("dns-gone", "dns-silent"):
            self.add_dns(name, self.relays[name].address)
        for name in DIRECTORIES:
            self.call("consumer.create", properties={"name": name, "directory": str(self.paths[name])})
        for trouble in TROUBLES:
            properties = {"provider": trouble if trouble.startswith("ca-") else "le", "commonName": name_of(trouble)}
            if trouble != "port":
                properties |= {"challenge": "dns-01",
                               "dnsProvider": trouble if trouble in ("tsig", "dns-gone", "dns-silent") else "ns"}
            if trouble in DIRECTORIES:
                properties["consumers"] = [trouble]
            self.call("autoCertificate.create", properties=properties)
        wait_for(lambda: all(self.is_dropped(trouble) for trouble in TROUBLES), 60, "all certificates")
        self.first = {trouble: self.certificate(trouble) for trouble in TROUBLES}

    # --- looking

    def auto(self, trouble):
        return self.call("autoCertificate.get", ref=name_of(trouble))["metadata"]

    def certificate(self, trouble):
        return self.auto(trouble).get("lastIssuedCertificate")

    def target(self, trouble):
        """Where the files of that failure are."""
        return self.paths.get(trouble) or self.certd.drop(name_of(trouble))

    def is_dropped(self, trouble, after=None):
        """The newest certificate was issued @after that one, and its files are in place."""
        last, manifest = self.certificate(trouble), self.target(trouble) / "manifest.json"
        return last and last != after and manifest.exists() and last in manifest.read_text()

    def rows(self, trouble):
        """The next attempt: (kind, date) of its row in the schedule."""
        about = trouble if trouble in ("eab", "tos") else name_of(trouble)
        kinds = ("account",) if trouble in ("eab", "tos") else ("deploy",) if trouble in DIRECTORIES else ("issue",)
        return [(row["kind"], row["date"]) for row in self.call("schedule.list", limit=1000)["items"]
                if row["kind"] in kinds and row["object"].get("name") == about]

    def has_failed(self, trouble):
        if trouble in ("eab", "tos"):
            return self.call("provider.get", ref=trouble)["metadata"]["state"] == "FAILED"
        if trouble in DIRECTORIES:
            rollouts = self.call("consumer.get", ref=trouble)["metadata"]["rollouts"]
            return self.certificate(trouble) != self.first[trouble] and "No such" not in str(rollouts) and any(
                event["kind"] == "deploy.failed" and event["object"]["name"] == name_of(trouble)
                for event in self.call("event.list", limit=1000)["items"])
        return self.auto(trouble).get("lastError")

    def fails(self, trouble):
        """It has failed. Where Pebble used the authorization of before again, nothing could fail: another one is ordered."""
        if self.has_failed(trouble):
            return True
        if trouble in VALIDATED and self.is_dropped(trouble, after=self.first[trouble]):
            self.first[trouble] = self.certificate(trouble)
            self.before[trouble] = files_in(self.target(trouble))
            self.call("autoCertificate.renew", ref=name_of(trouble), force=True)
        return False

    # --- acts

    def go_wrong(self):
        self.certd.stop()
        self.before = {trouble: files_in(self.target(trouble)) for trouble in TROUBLES if trouble != "missing"}
        for name in ("dns-gone", "ca-gone"):
            self.relays[name].stop()
        for name in ("dns-silent", "ca-silent"):
            self.relays[name].freeze()
        shutil.copy(ThrowAwayCa(self.directory / "other", "another CA").cert_file, self.root_file)
        self.squatter = socket.create_server(("127.0.0.1", self.http_port))
        self.paths["missing"].rename(self.directory / "elsewhere")
        os.chown(self.paths["foreign"], 12345, 12345)
        self.paths["link"].rename(self.directory / "real")
        self.paths["link"].symlink_to(self.directory / "real")
        self.disk.fill()
        self.certd.start()
        self.call("dnsProvider.update", ref="tsig", properties={"tsigKey": WRONG_KEY})
        self.add_provider("eab", self.pebble_eab.port, self.pebble_eab.ca_file,
                          externalAccountBinding={"keyId": EAB_KEY_ID, "keySecret": "d3Jvbmc" * 5})
        self.add_provider("tos", self.pebble.port, self.pebble.ca_file, termsOfServiceAgreed=False)
        for trouble in TROUBLES:
            if trouble in ("eab", "tos"):
                self.call("autoCertificate.update", ref=name_of(trouble), properties={"provider": trouble})
            else:
                self.call("autoCertificate.renew", ref=name_of(trouble), force=True)

    def look(self):
        """The operator's view of each; nothing in it may depend on an event that has passed."""
        for trouble in TROUBLES:
            wait_for(lambda: self.fails(trouble), 60, f"{trouble} to fail", interval=0.1)
        rows = {trouble: self.rows(trouble) for trouble in TROUBLES}
        self.certd.kill9()
        self.certd.start()
        after = {trouble: self.rows(trouble) for trouble in TROUBLES}
        looked_at = datetime.now(timezone.utc)
        status = self.certd.ctl("status").stdout
        for trouble in TROUBLES:
            name = name_of(trouble)
            target = self.target(trouble)
            self.failed[trouble] = {
                "explain": self.certd.ctl("explain", name).stdout,
                "error": (self.auto(trouble).get("lastError") or {}).get("code"),
                "status": status,
                "rows": rows[trouble], "rows after a crash": after[trouble], "looked at": looked_at,
                "files stay": trouble == "missing" or files_in(target) == self.before[trouble],
                "loadable": is_loadable(self.certd.drop(name) / "bundle.pem"),
            }

    def heal(self):
        self.failing = {trouble: self.certificate(trouble) for trouble in TROUBLES}
        for name in ("dns-gone", "ca-gone"):
            self.relays[name].start()
        for name in ("dns-silent", "ca-silent"):
            self.relays[name].thaw()
        shutil.copy(self.pebble.ca_file, self.root_file)
        self.squatter.close()
        self.paths["missing"].mkdir(mode=0o700)
        os.chown(self.paths["foreign"], os.geteuid(), os.getegid())
        self.paths["link"].unlink()
        self.paths["link"].mkdir(mode=0o700)
        self.disk.free()
        self.call("dnsProvider.update", ref="tsig", properties={"tsigKey": self.knot.key_secret})
        self.call("provider.update", ref="eab",
                  properties={"externalAccountBinding": {"keyId": EAB_KEY_ID, "keySecret": EAB_KEY}})
        self.call("provider.update", ref="tos", properties={"termsOfServiceAgreed": True})

        def healed():
            for trouble in TROUBLES:
                after = None if trouble in DIRECTORIES else self.failing[trouble]
                self.healed[trouble] = self.healed.get(trouble) or self.is_dropped(trouble, after)
            return all(self.healed.values())
        try:
            wait_for(healed, 100, "everything to heal", interval=0.3)
        except TimeoutError:
            pass  # each test reports its own


@pytest.fixture(scope="module")
def scenario():
    if os.geteuid() != 0:
        pytest.skip("a small disk and directories of others need root")
    with ExitStack() as stack:
        scenario = Scenario(stack)
        scenario.begin()
        scenario.go_wrong()
        scenario.look()
        scenario.heal()
        yield scenario


@pytest.mark.parametrize("trouble", TROUBLES)
def test_it_is_told_and_tried_again_and_heals(scenario, trouble):
    says, code = TROUBLES[trouble]
    seen = scenario.failed[trouble]
    words = {"knot": scenario.knot.dns, "http": f"127.0.0.1:{scenario.http_port}",
             "pebble": f"127.0.0.1:{scenario.pebble.port}",
             **{name.replace("-", "_"): relay.address for name, relay in scenario.relays.items()},
             **{name: path for name, path in scenario.paths.items()}}
    pattern = says.format(**{key: re.escape(str(value)) for key, value in words.items()})
    assert re.search(pattern, seen["explain"].replace("\n", " ")), seen["explain"]
    assert seen["error"] == code, seen["explain"]
    assert name_of(trouble) in seen["status"] or trouble in seen["status"], seen["status"]
    assert seen["files stay"] and seen["loadable"]
    (row,) = seen["rows"]
    due = datetime.fromisoformat(row[1].replace("Z", "+00:00"))
    assert due > datetime(2020, 1, 1, tzinfo=timezone.utc)
    assert seen["rows after a crash"] == seen["rows"] or due <= seen["looked at"]
    assert scenario.healed[trouble], scenario.certd.ctl("explain", name_of(trouble)).stdout
