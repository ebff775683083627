"""daemon/acme against real CAs, without the rest of certd (tests/support/acme_once.c)."""
import base64
import hashlib
import re
import subprocess
import sys

import pytest
from caddy import Caddy
from certd import program
from network import PrivateNetwork
from pebble import EAB_KEY, EAB_KEY_ID, Challtestsrv, Pebble
from procs import Server, listens, run
from tls import parse_certificate, split_pem


def once(ca, *arguments, check=True):
    """Runs acme_once against @ca. Returns its output."""
    result = run([program("acme_once"), "-d", ca.url, "-c", ca.ca_file, *arguments], check=check, timeout=40)
    return result.stdout


def publish_each(ca, publish, *arguments):
    """Runs acme_once -a; @publish(name, type, token, key_authorization) is called for each challenge."""
    argv = [str(arg) for arg in (program("acme_once"), "-d", ca.url, "-c", ca.ca_file, "-a", *arguments)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        output = []
        for line in process.stdout:
            output.append(line)
            if line.startswith("challenge "):
                publish(*line.split()[1:])
                process.stdin.write("ok\n")
                process.stdin.flush()
        return process.wait(), "".join(output)


def dns_publisher(dns):
    def publish(name, _type, _token, key_authorization):
        digest = hashlib.sha256(key_authorization.encode()).digest()
        dns.add_txt(f"_acme-challenge.{name}", base64.urlsafe_b64encode(digest).rstrip(b"=").decode())
    return publish


MOST_SIDE_BY_SIDE = 8


@pytest.mark.parametrize("names", [1, 2, 5, 20])
def test_k_names_take_2k_plus_5_requests_and_three_to_begin_with(start, names):
    pebble = start(Pebble, always_valid=True)
    once(pebble, *[f"n{i}.example.com" for i in range(names)])
    nonces = [path for method, path in pebble.requests if method == "HEAD"]
    assert len(pebble.requests) - len(nonces) == 2 * names + 5 + 2, pebble.requests
    # The first nonce; more only for requests side by side, which a CA that does not answer at once may get.
    assert 1 <= len(nonces) <= 1 + MOST_SIDE_BY_SIDE, pebble.requests


def test_a_hundred_orders_take_seven_requests_each(start):
    pebble = start(Pebble, always_valid=True)
    assert "issued 100 of 100" in once(pebble, "-n", 100, "www.example.com")
    assert len(pebble.requests) <= 7.1 * 100 + 10


def test_refused_nonces_and_reused_authorizations_disturb_nobody(start):
    pebble = start(Pebble, always_valid=True, nonce_reject=30, authz_reuse=50)
    assert "issued 30 of 30" in once(pebble, "-n", 30, "a.example.com", "b.example.com")


def test_a_validated_wildcard_and_its_parent(start, scratch):
    dns = start(Challtestsrv)
    pebble = start(Pebble, dns=dns.dns)
    chain = scratch / "chain.pem"
    status, output = publish_each(pebble, dns_publisher(dns), "-o", chain, "*.example.com", "example.com")
    assert status == 0, output
    assert parse_certificate(chain).names == ["*.example.com", "example.com"]
    assert len(split_pem(chain.read_text())) == 2


def test_a_failed_validation_is_told_in_the_cas_words(start):
    dns = start(Challtestsrv)
    pebble = start(Pebble, dns=dns.dns)
    output = once(pebble, "www.example.com", check=False)
    assert re.search(r"^failed www.example.com validation \(spent\): www.example.com: \S+-01: unauthorized: ", output), output


def test_the_preferred_chain_is_found_among_the_alternates(start, scratch):
    pebble = start(Pebble, always_valid=True, alternate_roots=3)
    root = parse_certificate(pebble.root(2)).subject.removeprefix("CN=")
    chain = scratch / "chain.pem"
    once(pebble, "-p", root, "-o", chain, "www.example.com")
    assert parse_certificate(split_pem(chain.read_text())[-1]).issuer == f"CN={root}"


def test_the_chain_with_a_fingerprint_is_found_among_the_alternates(start, scratch):
    pebble = start(Pebble, always_valid=True, alternate_roots=2)
    wanted = parse_certificate(pebble.intermediate(1))
    chain = scratch / "chain.pem"
    once(pebble, "-p", wanted.fingerprint, "-o", chain, "www.example.com")
    assert parse_certificate(split_pem(chain.read_text())[-1]).fingerprint == wanted.fingerprint


@pytest.mark.parametrize("binding, outcome", [
    ([], "failed account invalid"),
    (["-e", f"{EAB_KEY_ID}:AAAA"], "failed account ca: unauthorized"),
    (["-e", f"{EAB_KEY_ID}:{EAB_KEY}"], "issued 1 of 1"),
])
def test_an_external_account_is_bound(start, binding, outcome):
    pebble = start(Pebble, always_valid=True, eab=True)
    assert outcome in once(pebble, *binding, "www.example.com", check=False)


def test_a_refused_name_is_named(start):
    pebble = start(Pebble, always_valid=True, blocked=["blocked.example"])
    output = once(pebble, "ok.example", "www.blocked.example", check=False)
    about, why = output.split(": ", 1)
    assert about.startswith("failed ok.example ca"), output  # the order goes by its first name
    assert why.startswith("rejectedIdentifier: ") and "www.blocked.example" in why and "ok.example" not in why, output


class FileServer(Server):
    """Serves the files in `directory` on port 80."""
    name = "files"

    def command(self):
        return [sys.executable, "-m", "http.server", "--bind", "127.0.0.1", "--directory", self.directory, "80"]

    def is_ready(self):
        return listens(80)

    def publish_after(self, seconds):
        """A publisher of late http-01 answers; None: never."""
        path = self.directory / ".well-known/acme-challenge"
        path.mkdir(parents=True)
        late = []

        def publish(_name, _type, token, key_authorization):
            answer = self.directory / token
            answer.write_text(key_authorization)
            if seconds is not None:
                late.append(subprocess.Popen(["sh", "-c", f"sleep {seconds}; mv {answer} {path}"]))
        return publish, late


@pytest.mark.parametrize("seconds", [0, 1, None])
def test_a_ca_that_never_fails_a_challenge(start, scratch, seconds):
    """Smallstep's library leaves a failed challenge pending and waits for another request."""
    hosts = ["127.0.0.1 localhost www.example.com api.example.com"]
    with PrivateNetwork(scratch / "network", hosts=hosts):
        caddy = start(Caddy)
        publish, late = start(FileServer).publish_after(seconds)
        status, output = publish_each(caddy, publish, "-t", "http-01", "www.example.com", "api.example.com")
        for process in late:
            process.wait()
        if seconds is not None:
            assert status == 0, output
        else:
            assert re.search(r"^failed www.example.com validation \(spent\): (www|api).example.com: ", output, re.M)
        caddy.stop()
