"""certctl check and doctor: each thing that would make the next renewal fail is found before it, with its grade."""
import contextlib
import os
import shutil
import socket
import struct
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from certd import Certd, is_sanitized, program
from cloudflare_dns import CloudflareDns
from counting_dns import A, CAA, NS, SOA, CountingDns
from disk import PrivateMounts
from dnsservers import ZONE, Knot
from hostile_ca import HostileCa, Identity
from hostile_cases import problem
from pebble import Challtestsrv, Pebble
from procs import free_port, run, wait_for

OK, WARNING, BLOCKED = 0, 1, 2


class OtherServer(BaseHTTPRequestHandler):
    """Has the port of a name, and knows nothing of challenges."""

    def do_GET(self):
        if "moved" in self.headers["Host"]:
            self.send_response(301)
            self.send_header("Location", f"http://clean.example{self.path}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        body = b"nothing \x1b[31mhere"
        self.send_response(404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def ca(scratch):
    before = threading.active_count()
    with HostileCa(Identity(scratch / "ca")) as ca:
        yield ca
    # A process with threads cannot leave a private network.
    wait_for(lambda: threading.active_count() <= before, 60, "the threads of the CA to end")


def add_provider(certd, ca, **more):
    certd.call("provider.create", properties={
        "name": "ca", "email": "ops@example.com", "server": ca.url, "caFile": str(ca.ca_file),
        "termsOfServiceAgreed": True, **more})
    wait_for(lambda: certd.call("provider.get", ref="ca")["metadata"]["state"] == "AVAILABLE", 60, "an account")


def add(certd, name, **more):
    certd.call("autoCertificate.create", properties={"provider": "ca", "commonName": name, **more})


def troubles(result):
    """{check: (grade, message)} of what is not ok."""
    return {f["check"]: (f["grade"], f["message"]) for f in result["findings"] if f["grade"] != "ok"}


def check(certd, name):
    return troubles(certd.call("autoCertificate.check", ref=name))


def zone(name, *, caa=None, address="127.0.0.1"):
    text = ZONE.format(zone=name)
    if address != "127.0.0.1":
        text = "\n".join(line for line in text.splitlines() if not line.startswith(("@ A", "* A"))) + "\n"
        text += f"@ A {address}\n" if address else ""
    return text + (f"@ CAA {caa}\n" if caa else "")


def test_http_01_each_trouble_has_its_grade_and_a_clean_setup_has_none(start, private_network, ca):
    zones = {
        "clean.example": zone("clean.example", caa='0 issue "ca.example; validationmethods=http-01"'),
        "other.example": zone("other.example", caa='0 issue "other-ca.example"'),
        "nobody.example": zone("nobody.example", caa='0 issue ";"'),
        "account.example": zone("account.example", caa='0 issue "ca.example; accounturi=https://ca.example/1"'),
        "method.example": zone("method.example", caa='0 issue "ca.example; validationmethods=dns-01"'),
        "critical.example": zone("critical.example", caa='128 tbs "Unknown"'),
        "bare.example": zone("bare.example", address=None),
        "elsewhere.example": zone("elsewhere.example", address="127.0.0.2"),
        "moved.example": zone("moved.example", address="127.0.0.2"),
        "closed.example": zone("closed.example", address="127.0.0.3"),
        "top": zone("top"),
    }
    zones["top"] = "\n".join(line for line in zones["top"].splitlines() if not line.startswith("*")) + "\n"
    start(Knot, zones=zones, port=53)
    certd = start(Certd, config="http-listen = 127.0.0.1:80\n")
    add_provider(certd, ca)
    other = HTTPServer(("127.0.0.2", 80), OtherServer)
    serving = threading.Thread(target=other.serve_forever, daemon=True)
    serving.start()
    expected = {
        "clean.example": {},
        "www.clean.example": {},
        "moved.example": {},  # to the same path, as CAs follow it
        "www.deep.other.example": {"caa": ("blocked", 'CAA of other.example, seen at 127.0.0.1:53: issue '
                                                      '"other-ca.example" does not allow ca.example')},
        "nobody.example": {"caa": ("blocked", "does not allow")},
        "account.example": {"caa": ("blocked", "only the account https://ca.example/1")},
        "method.example": {"caa": ("blocked", "only validation by dns-01, and certd would use http-01")},
        "critical.example": {"caa": ("blocked", "is critical")},
        "bare.example": {"address": ("warning", "neither an A nor an AAAA record"), "answer": ("warning", "address")},
        "elsewhere.example": {"answer": ("warning", 'answers 404, "nothing [31mhere"')},
        "closed.example": {"answer": ("warning", "from this host")},
        "gone.top": {"delegation": ("warning", "zone top does not delegate it"),
                     "address": ("warning", "neither"), "answer": ("warning", "address")},
    }
    try:
        for name, wanted in expected.items():
            add(certd, name, challenge="http-01")
            found = check(certd, name)
            assert found.keys() == wanted.keys(), (name, found)
            for word, (grade, says) in wanted.items():
                assert found[word][0] == grade and says in found[word][1], (name, found[word])
        shown = certd.ctl("check", "clean.example")
        assert shown.returncode == OK and "caa" in shown.stdout
        shown = certd.ctl("check", "closed.example", check=False)
        assert shown.returncode == WARNING and "closed.example" in shown.stdout
        shown = certd.ctl("check", "nobody.example", "clean.example", check=False)
        assert shown.returncode == BLOCKED and 'issue ";"' in shown.stdout
        doctor = certd.ctl("doctor", check=False)
        assert doctor.returncode == BLOCKED and "this host: ok" in doctor.stdout and "clean.example: ok" in doctor.stdout
    finally:
        other.shutdown()
        other.server_close()
        serving.join()
    follow_up(certd)


def follow_up(certd):
    """What is blocked is a condition, an event, and part of explain; a warning is one when it is seen again."""
    held = {c["object"]["name"]: c for c in certd.call("server.status")["conditions"] if c["condition"] == "unready"}
    assert held["nobody.example"]["severity"] == "critical" and "does not allow" in held["nobody.example"]["message"]
    assert held["closed.example"]["severity"] == "warning"  # it was checked twice
    assert "clean.example" not in held and "moved.example" not in held
    events = {e["object"]["name"] for e in certd.call("event.list", limit=1000)["items"]
              if e["kind"] == "renewal.unready"}
    assert "nobody.example" in events and "clean.example" not in events
    assert "does not allow" in certd.ctl("explain", "nobody.example").stdout
    assert "checked" not in certd.ctl("explain", "clean.example").stdout


def test_what_the_account_and_the_ca_refuse_is_blocked(start, scratch, ca):
    knot = start(Knot, zones=("a.example",))
    certd = start(Certd, config=f"dns-servers = {knot.dns}\n")

    def offers(profiles):
        def change(reply, _):
            reply.json["meta"]["profiles"] = {name: "one" for name in profiles}
        return change
    ca.change("directory", offers(["short"]))
    add_provider(certd, ca)
    program = scratch / "deploy"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    certd.call("consumer.create", properties={"name": "web", "activate": "exec", "command": [str(program)]})
    certd.call("dnsProvider.create", properties={
        "name": "ns", "kind": "rfc2136", "server": knot.dns, "tsigName": knot.key_name, "tsigKey": knot.key_secret,
        "zones": ["a.example", "b.example"]})
    add(certd, "www.a.example", challenge="dns-01", profile="short", consumers=["web"])
    assert check(certd, "www.a.example") == {}
    # The zone is not served by the server of the DNS provider any more; the program cannot be run.
    add(certd, "b.example", challenge="dns-01")
    assert check(certd, "b.example")["zone"][0] == "warning"
    program.chmod(0o644)
    assert check(certd, "www.a.example")["files"][0] == "warning"
    program.unlink()
    assert "No such file" in check(certd, "www.a.example")["files"][1]
    # The profile is gone: the directory is fetched again by a certd that starts.
    ca.change("directory", offers(["other"]))
    certd.stop()
    certd.start()
    grade, message = check(certd, "www.a.example")["profile"]
    assert grade == "blocked" and "short" in message and "other" in message


def test_a_name_server_that_fails_for_caa_is_blocked(start, ca):
    dns = start(Challtestsrv)
    certd = start(Certd, config=f"dns-servers = {dns.dns}\nhttp-listen = 127.0.0.1:0\n")
    add_provider(certd, ca)
    dns.post("set-servfail", host="bad.example.")
    add(certd, "bad.example", challenge="http-01")
    found = check(certd, "bad.example")
    assert found["caa"][0] == "blocked" and "SERVFAIL, twice" in found["caa"][1]
    dns.post("clear-servfail", host="bad.example.")
    dns.post("add-caa", host="bad.example.", policies=[{"tag": "issue", "value": "ca.example"}])
    assert "caa" not in check(certd, "bad.example")
    check_fallback(certd, ca, dns)


def check_fallback(certd, ca, dns):
    """CAA records that do not allow a fallback are a warning."""
    def other_account(reply, _):
        reply.headers = [("Location", f"{ca.base}/account/2")]
    ca.change("account", other_account)
    certd.ctl("add-provider", "--name", "second", "--server", ca.url, "--ca-file", ca.ca_file, "--email",
              "ops@example.com", "--agree-tos")
    accounts = [certd.call("provider.get", ref=name)["metadata"]["accountUrl"] for name in ("ca", "second")]
    assert accounts[0] != accounts[1], accounts
    add(certd, "www.example", challenge="http-01", fallbackProviders=["second"])
    dns.post("add-caa", host="www.example.", policies=[{"tag": "issue", "value": f"ca.example; accounturi={accounts[0]}"}])
    grade, message = check(certd, "www.example")["caa"]
    assert grade == "warning" and "does not allow the fallback provider 'second'" in message, message


def test_a_provider_without_an_account_is_a_warning(start):
    certd = start(Certd)
    certd.call("provider.create", properties={
        "name": "ca", "email": "ops@example.com", "server": "https://127.0.0.1:1/dir", "termsOfServiceAgreed": True})
    add(certd, "www.example.com", challenge="manual")
    assert check(certd, "www.example.com")["account"][0] == "warning"


class BogusResolver(threading.Thread):
    """Answers SERVFAIL, as a validating resolver does for a zone with wrong signatures, unless it is told not to
    validate."""

    def __init__(self):
        super().__init__(daemon=True)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.dns = "127.0.0.1:%d" % self.socket.getsockname()[1]

    def run(self):
        while True:
            query, peer = self.socket.recvfrom(512)
            if not query:
                return
            flags = struct.unpack("!H", query[2:4])[0]
            question = query[12:query.index(b"\0", 12) + 5]
            soa = b"\xc0\x0c" + struct.pack("!HHIH", 6, 1, 60, 22) + b"\0\0" + struct.pack("!5I", 1, 2, 3, 4, 5)
            if not flags & 0x10:
                reply = struct.pack("!6H", 0, 0x8182, 1, 0, 0, 0) + question
            else:
                reply = struct.pack("!6H", 0, 0x8190, 1, 1, 0, 0) + question + soa
            self.socket.sendto(query[:2] + reply[2:], peer)


    def stop(self):
        self.socket.sendto(b"", self.socket.getsockname())
        self.join()


def test_signatures_that_do_not_validate_are_a_warning(start, ca):
    resolver = BogusResolver()
    resolver.start()
    certd = start(Certd, config=f"dns-servers = {resolver.dns}\nhttp-listen = 127.0.0.1:0\n")
    add_provider(certd, ca)
    add(certd, "signed.example", challenge="http-01")
    found = check(certd, "signed.example")
    resolver.stop()
    assert found["delegation"][0] == "warning" and "DNSSEC" in found["delegation"][1]


# --- rehearsals ---

@pytest.fixture
def rehearsals(start, scratch):
    """A certificate by dns-01, and another CA as the staging environment, which the same file verifies."""
    knot = start(Knot, zones=("a.example",))
    certd = start(Certd, config=f"dns-servers = {knot.dns}\n")
    ca, staging = (start(Pebble, dns=knot.dns, validity=3600) for _ in range(2))
    roots = scratch / "roots.pem"
    roots.write_text(ca.ca_file.read_text() + staging.ca_file.read_text())
    certd.ctl("add-provider", "--name", "le", "--server", ca.url, "--email", "ops@example.com", "--agree-tos",
              "--ca-file", roots)
    certd.call("dnsProvider.create", properties={
        "name": "ns", "kind": "rfc2136", "server": knot.dns, "tsigName": knot.key_name, "tsigKey": knot.key_secret,
        "zones": ["a.example"]})
    certd.ctl("add-auto", "--provider", "le", "--cn", "*.a.example", "--challenge", "dns-01", "--dns", "ns",
              "--key-algorithm", "secp384r1")
    return certd, knot, staging


def state_of(certd):
    """All that a rehearsal must not change."""
    auto = certd.call("autoCertificate.get", ref="*.a.example")
    drop = certd.drop("*.a.example")
    return (auto, [c["id"] for c in certd.call("certificate.list")["items"]],
            {file.name: (file.stat().st_ino, file.read_bytes()) for file in drop.iterdir()},
            [(r["kind"], r["object"]["id"]) for r in certd.call("schedule.list")["items"]
             if r["kind"] in ("issue", "deploy", "purge", "rehearsal")])


def wait_no_record(certd, knot):
    wait_for(lambda: not knot.txt("_acme-challenge.a.example"), 60, "the TXT records to go")
    wait_for(lambda: not [r for r in certd.call("schedule.list")["items"] if r["kind"] in ("cleanup", "rehearsal")],
             60, "the rows to go")


def test_a_rehearsal_at_the_staging_environment_changes_nothing(rehearsals):
    certd, knot, staging = rehearsals
    wait_no_record(certd, knot)
    before = state_of(certd)
    refused = certd.ctl("rehearse", "*.a.example", check=False)
    assert refused.returncode and "no staging environment of" in refused.stderr, refused.stderr
    for nth in (1, 2):  # the account of the first one is used again
        shown = certd.ctl("rehearse", "*.a.example", "--staging", staging.url)
        assert "the rehearsal with provider 'le-staging' succeeded" in shown.stdout, shown
        assert ("declared the provider 'le-staging'" in shown.stderr) == (nth == 1), shown.stderr
        for step in ("authorize", "solve", "finalize") if nth == 1 else ("finalize",):
            assert step in shown.stderr, shown.stderr
    wait_no_record(certd, knot)
    assert state_of(certd) == before
    account = certd.call("provider.get", ref="le-staging")
    assert account["metadata"]["state"] == "AVAILABLE" and account["metadata"]["directoryUrl"] == staging.url
    # The same settings fail in the same way, and the renewal is not counted as failed.
    certd.call("dnsProvider.update", ref="ns", properties={"tsigKey": "d3Jvbmcgc2VjcmV0IG9mIGEga2V5IGZvciB0c2ln"})
    failed = certd.ctl("rehearse", "*.a.example", "--provider", "le-staging", check=False)
    assert failed.returncode and "the rehearsal failed" in failed.stderr and "'ns'" in failed.stderr, failed.stderr
    assert state_of(certd) == before
    kinds = [e["kind"] for e in certd.call("event.list", limit=1000)["items"] if e["kind"].startswith("rehearsal")]
    assert kinds == ["rehearsal.done", "rehearsal.done", "rehearsal.failed"]


def test_a_rehearsal_that_is_killed_leaves_no_record(rehearsals, start):
    certd, knot, _ = rehearsals
    wait_no_record(certd, knot)
    slow = start(Pebble, dns=knot.dns, is_slow=True)
    certd.ctl("add-provider", "--name", "slow", "--server", slow.url, "--email", "ops@example.com", "--agree-tos",
              "--ca-file", slow.ca_file)
    started = certd.ctl("rehearse", "*.a.example", "--provider", "slow", "--no-wait")
    assert "has started" in started.stdout
    wait_for(lambda: knot.txt("_acme-challenge.a.example"), 60, "the record")
    certd.kill9()
    left = knot.txt("_acme-challenge.a.example")
    certd.start()
    wait_for(lambda: not set(knot.txt("_acme-challenge.a.example")) & set(left), 60, "the record of before to go")
    certd.ctl("pause", "*.a.example")
    certd.ctl("rm", "auto", "*.a.example", "--force")
    wait_no_record(certd, knot)


def test_after_failed_validations_the_ca_is_asked_when_a_rehearsal_passes(start):
    port, dns = free_port(), start(Challtestsrv)
    certd = start(Certd, config=f"http-listen = 127.0.0.1:{port}\n")
    ca, staging = (start(Pebble, dns=dns.dns, http_port=port, validity=86400) for _ in range(2))
    for name, server, more in (("le", ca, ("--staging", staging.url)), ("le-staging", staging, ())):
        certd.ctl("add-provider", "--name", name, "--server", server.url, "--email", "ops@example.com", "--agree-tos",
                  "--ca-file", server.ca_file, *more)
    dns.add_address("www.a.example", "127.0.0.9")  # where certd does not listen
    failed = certd.ctl("add-auto", "--provider", "le", "--cn", "www.a.example", "--challenge", "http-01", check=False)
    for nth in range(2, 5):
        assert failed.returncode, failed
        assert "rehearsal" not in failed.stderr, failed.stderr
        failed = certd.ctl("renew", "www.a.example", check=False)
    assert "the rehearsal with provider 'le-staging' failed, and the CA was not asked" in failed.stderr, failed.stderr
    explained = certd.ctl("explain", "www.a.example").stdout
    assert "the next attempt is rehearsed with provider 'le-staging'" in " ".join(explained.split()), explained
    certd.kill9()
    certd.start()
    dns.post("clear-a", host="www.a.example")
    certd.ctl("renew", "www.a.example")
    kinds = [e["kind"] for e in certd.call("event.list", limit=1000)["items"]]
    assert kinds.count("issue.failed") == 4 and kinds.count("rehearsal.done") == 1, kinds
    assert kinds.index("rehearsal.done") < kinds.index("issue.done"), kinds


# --- many names ---

def test_what_names_share_is_asked_once_and_few_at_the_same_time(start, private_network, ca):
    dns = CountingDns("a.example", port=53, delay=0.05)
    dns.start()
    try:
        certd = start(Certd, config=f"dns-servers = {dns.dns}\nhttp-listen = 127.0.0.1:80\n")
        add_provider(certd, ca)
        names = [f"n{i}.a.example" for i in range(40)]
        for name in names:
            add(certd, name, challenge="http-01")
        dns.reset()
        doctor = certd.ctl("doctor")
        assert sorted(line.split(":")[0] for line in doctor.stdout.splitlines()) == sorted(["this host", *names])
        for shared in (("a.example", NS), ("a.example", CAA), ("ns.a.example", A)):
            assert dns.asked[shared] == 1, (shared, dns.asked)
        for name in names:
            assert dns.asked[name, SOA] == 1 and dns.asked[name, CAA] == 1, (name, dns.asked)
        # certctl has 16 certificates checked at once; each asks one question, or for both kinds of addresses.
        assert 1 < dns.most <= 32, dns.most
        # When nothing runs, nothing is remembered.
        certd.ctl("check", names[0])
        assert dns.asked["a.example", CAA] == 2
    finally:
        dns.stop()


# --- DNSSEC ---

def signed(scratch, name, begin, end):
    """The zone as dnssec-signzone signs it for that time, in seconds from now; and its DS record."""
    directory = scratch / f"{name}-keys"
    directory.mkdir()
    (directory / "zone").write_text(zone(name))
    for kind in ([], ["-f", "KSK"]):
        run(["dnssec-keygen", "-q", "-a", "ECDSAP256SHA256", *kind, "-K", directory, name])
    run(["dnssec-signzone", "-q", "-P", "-S", "-K", directory, "-d", directory, "-o", name, "-s", f"now{begin:+d}",
         "-e", f"now{end:+d}", "-f", directory / "signed", directory / "zone"])
    ds = [line.split("DS", 1)[1].strip() for line in (directory / f"dsset-{name}.").read_text().splitlines()]
    return (directory / "signed").read_text(), ds[0]


def test_dnssec_that_fails_or_will_fail_is_a_warning(start, scratch, ca):
    hour, day = 3600, 86400
    texts = {"good": signed(scratch, "good.example", -hour, 14 * day),
             "late": signed(scratch, "late.example", -13 * day, day),
             "old": signed(scratch, "old.example", -14 * day, -hour)}
    parent = zone("example") + "".join(f"{name} NS ns1\n{name} DS {ds}\n" for name, (_, ds) in texts.items())
    parent += f"keyless NS ns1\nkeyless DS {texts['good'][1]}\nplain NS ns1\n"
    zones = {"example": parent, "keyless.example": zone("keyless.example"), "plain.example": zone("plain.example"),
             **{f"{name}.example": text for name, (text, _) in texts.items()}}
    knot = start(Knot, zones=zones)
    certd = start(Certd, config=f"dns-servers = {knot.dns}\nhttp-listen = 127.0.0.1:0\n")
    add_provider(certd, ca)
    for name, says in (("good", None), ("plain", None), ("late", "is not renewed"), ("old", "expired at"),
                       ("keyless", "which has no key")):
        add(certd, f"www.{name}.example", challenge="http-01")
        found = check(certd, f"www.{name}.example")
        if says:
            assert found["dnssec"][0] == "warning" and says in found["dnssec"][1], (name, found)
        else:
            assert "dnssec" not in found, (name, found)


# --- what the host, the DNS service and the CA refuse ---

USER = 24680


class Unprivileged(Certd):
    """A certd of another user, which permissions apply to."""

    def command(self):
        binary = shutil.copy(program("certd"), self.directory)
        argv = super().command()
        for path in (self.directory, self.state, self.runtime, self.directory / "certd.conf"):
            os.chown(path, USER, USER)
        return ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups", binary, *argv[1:]]


def unwritable(path):
    return lambda: path.chmod(0o555), lambda: path.chmod(0o755)


def not_executable(path):
    return lambda: path.chmod(0o644), lambda: path.chmod(0o755)


def gone(path):
    return lambda: path.rename(f"{path}.away"), lambda: path.with_name(f"{path.name}.away").rename(path)


@pytest.mark.skipif(os.geteuid() != 0, reason="running certd as another user needs root")
def test_each_directory_and_program_that_certd_cannot_use_is_a_warning(start, scratch, ca):
    paths = {name: scratch / name for name in ("drop", "webroot", "haproxy", "deploy", "hook")}
    for name in ("drop", "webroot", "haproxy"):
        paths[name].mkdir()
        os.chown(paths[name], USER, USER)
    for name in ("deploy", "hook"):
        paths[name].write_text("#!/bin/sh\n")
        paths[name].chmod(0o755)
        os.chown(paths[name], USER, USER)
    knot = start(Knot, zones=("a.example",))
    certd = start(Unprivileged, config=f"drop-root = {paths['drop']}\nwebroot = {paths['webroot']}\n"
                                       f"dns-servers = {knot.dns}\n")
    add_provider(certd, ca)
    certd.call("consumer.create", properties={"name": "haproxy", "directory": str(paths["haproxy"])})
    certd.call("consumer.create", properties={"name": "web", "activate": "exec", "command": [str(paths["deploy"])]})
    certd.call("dnsProvider.create", properties={
        "name": "hook", "kind": "exec", "command": str(paths["hook"]), "zones": ["a.example"]})
    add(certd, "dns.a.example", challenge="dns-01", dnsProvider="hook", consumers=["haproxy", "web"])
    add(certd, "http.a.example", challenge="http-01")
    assert "files" not in check(certd, "dns.a.example") and "files" not in check(certd, "http.a.example")
    for name, says, (breaks, mends) in (
            ("dns.a.example", f"cannot write to the drop directory {paths['drop']}", unwritable(paths["drop"])),
            ("http.a.example", f"cannot write to the webroot {paths['webroot']}", unwritable(paths["webroot"])),
            ("dns.a.example", f"cannot write to the directory of consumer 'haproxy', {paths['haproxy']}",
             unwritable(paths["haproxy"])),
            ("dns.a.example", f"the directory of consumer 'haproxy', {paths['haproxy']}: No such file",
             gone(paths["haproxy"])),
            ("dns.a.example", f"cannot run the program of consumer 'web', {paths['deploy']}: Permission denied",
             not_executable(paths["deploy"])),
            ("dns.a.example", f"cannot run the program of DNS provider 'hook', {paths['hook']}: Permission denied",
             not_executable(paths["hook"])),
            ("dns.a.example", f"the program of DNS provider 'hook', {paths['hook']}: No such file",
             gone(paths["hook"]))):
        breaks()
        found = check(certd, name).get("files")
        mends()
        assert found and found[0] == "warning" and says in found[1], (says, found)
        assert "files" not in check(certd, name), says


def test_what_the_dns_service_refuses_and_aliases_that_lead_astray_are_warnings(start):
    text = zone("a.example") + "_acme-challenge.astray CNAME a.elsewhere.example.\n_acme-challenge.round CNAME round2\n" \
        "round2 CNAME _acme-challenge.round\n@ CAA 0 issuewild \";\"\n"
    knot = start(Knot, zones={"a.example": text})
    api = start(CloudflareDns, knot, zones=("a.example",))
    pebble = start(Pebble)
    certd = start(Certd, config=f"dns-servers = {knot.dns}\n")
    add_provider(certd, pebble)
    certd.call("dnsProvider.create", properties={"name": "cf", "kind": "cloudflare", "token": api.token,
                                                 "endpoint": api.endpoint, "nameservers": [knot.dns]})

    def found(name):
        return check(certd, name)
    for name in ("www.a.example", "astray.a.example", "round.a.example", "*.a.example"):
        add(certd, name, challenge="dns-01", dnsProvider="cf")
    assert found("www.a.example") == {}
    grade, message = found("*.a.example")["caa"]
    assert grade == "blocked" and 'issuewild ";"' in message
    grade, message = found("astray.a.example")["zone"]
    assert grade == "warning" and "a.elsewhere.example" in message
    assert found("round.a.example")["zone"][0] == "warning"
    # Another token, and another account that does not have the zone.
    certd.call("dnsProvider.update", ref="cf", properties={"token": "another"})
    grade, message = found("www.a.example")["zone"]
    assert grade == "warning" and "cannot list its zones" in message and "token is refused" in message
    certd.call("dnsProvider.update", ref="cf", properties={"token": api.token})
    api.zones = {identity: "b.example" for identity in api.zones}
    grade, message = found("www.a.example")["zone"]
    assert grade == "warning" and "does not have the zone a.example" in message


def test_changed_terms_and_an_account_that_ended_are_blocked(start, ca):
    knot = start(Knot, zones=("a.example",))
    certd = start(Certd, config=f"dns-servers = {knot.dns}\nhttp-listen = 127.0.0.1:{free_port()}\n")
    add_provider(certd, ca)
    add(certd, "www.a.example", challenge="http-01")
    wait_for(lambda: certd.call("autoCertificate.get", ref="www.a.example")["metadata"].get("lastIssuedCertificate"), 60,
             "the certificate")
    assert "account" not in check(certd, "www.a.example")
    ca.change("order", problem("userActionRequired", "agree", status=403, instance="https://ca.example/terms"))
    certd.call("autoCertificate.renew", ref="www.a.example", force=True)
    wait_for(lambda: "account" in check(certd, "www.a.example"), 60, "the changed terms")
    grade, message = check(certd, "www.a.example")["account"]
    assert grade == "blocked" and "changed terms" in message and "--agree-tos" in message
    ca.changes.pop("order")
    certd.ctl("set", "provider", "ca", "--agree-tos")
    wait_for(lambda: "account" not in check(certd, "www.a.example"), 60, "the agreement")
    certd.ctl("deactivate", "ca", "--force")
    grade, message = check(certd, "www.a.example")["account"]
    assert grade == "blocked" and "deactivated" in message and "new-account" in message


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")
def test_a_full_disk_is_found(scratch):
    with PrivateMounts(), contextlib.ExitStack() as stack:
        drop = scratch / "drop"
        drop.mkdir()
        run(["mount", "-t", "tmpfs", "-o", "size=256m,nr_inodes=5000,mode=755", "tmpfs", drop])
        certd = Certd(scratch / "certd", config=f"drop-root = {drop}\n")
        run(["mount", "-t", "tmpfs", "-o", "size=128m", "tmpfs", certd.state])
        certd.state.chmod(0o711)
        certd.start()
        stack.callback(certd.stop)

        def host():
            doctor = certd.call("server.check")
            return [(f["check"], f["grade"]) for f in doctor["findings"] if f["grade"] != "ok"], doctor
        assert host()[0] == []
        run(["mount", "-o", "remount,size=32m", certd.state])
        found, doctor = host()
        assert found == [("space", "warning")] and "MiB left" in str(doctor), doctor
        run(["mount", "-o", "remount,size=128m", certd.state])
        for number in range(4500):
            (drop / str(number)).touch()
        found, doctor = host()
        assert found == [("space", "warning")] and "inodes left" in str(doctor), doctor
        for number in range(4500):
            (drop / str(number)).unlink()


def test_a_clock_before_certd_was_built_is_found(start):
    if is_sanitized():
        pytest.skip("not run: faketime and AddressSanitizer each have to be loaded first")
    certd = start(Certd, ready=False)
    certd.wrapper = ["faketime", "-f", "-400d"]
    certd.start()
    doctor = certd.call("server.check")
    assert ("clock", "blocked") in [(f["check"], f["grade"]) for f in doctor["findings"]], doctor
    assert "nothing is issued" in str(doctor), doctor
    shown = certd.ctl("doctor", check=False)
    assert shown.returncode == BLOCKED and "the clock is behind" in shown.stdout
