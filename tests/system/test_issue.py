"""The main task with real servers: an order at a real CA, validated, deployed, and renewed."""
import json
import ssl
import time
from datetime import timedelta

import pytest
from certd import Certd
from dnsservers import Knot
from pebble import Challtestsrv, Pebble
from procs import free_port, run, wait_for
from tls import parse_certificate


def wait_certificate(certd, name, seconds=30):
    """The auto-certificate once a certificate was issued and deployed."""
    def issued():
        auto = certd.call("autoCertificate.get", ref=name)
        return auto if auto["metadata"]["state"] == "AVAILABLE" and (certd.drop(name) / "manifest.json").exists() else None
    return wait_for(issued, seconds, f"a certificate for {name}")


def add_provider(certd, pebble, **more):
    certd.call("provider.create", properties={
        "name": "le", "email": "ops@example.com", "server": pebble.url, "caFile": str(pebble.ca_file),
        "termsOfServiceAgreed": True, **more})
    wait_for(lambda: certd.call("provider.get", ref="le")["metadata"]["state"] == "AVAILABLE", 15, "an account")


def check_drop(drop, names):
    """The files belong together and match the manifest."""
    manifest = json.loads((drop / "manifest.json").read_text())
    leaf = parse_certificate(drop / "cert.pem")
    assert sorted(leaf.names) == sorted(names)
    bundle = (drop / "bundle.pem").read_text()
    assert bundle == (drop / "privkey.pem").read_text() + (drop / "fullchain.pem").read_text()
    assert (drop / "fullchain.pem").read_text() == (drop / "cert.pem").read_text() + (drop / "chain.pem").read_text()
    assert bundle == (drop.parent.parent / "pem" / f"{drop.name}.pem").read_text()
    assert sorted(manifest["names"]) == sorted(names)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(drop / "bundle.pem")
    return manifest


@pytest.fixture
def http_ca(start):
    """A CA that validates http-01 at certd's own listener."""
    port = free_port()
    dns = start(Challtestsrv)
    pebble = start(Pebble, dns=dns.dns, http_port=port, nonce_reject=30, validity=3600)
    certd = start(Certd, config=f"http-listen = 127.0.0.1:{port}\n")
    add_provider(certd, pebble)
    return certd, pebble


def test_a_certificate_by_http01_is_issued_and_dropped(http_ca):
    certd, _ = http_ca
    certd.call("autoCertificate.create", properties={
        "provider": "le", "commonName": "www.example.com", "subjectAlternativeNames": ["example.com"]})
    auto = wait_certificate(certd, "www.example.com")
    manifest = check_drop(certd.drop("www.example.com"), ["www.example.com", "example.com"])
    assert manifest["certificate"] == auto["metadata"]["lastIssuedCertificate"]
    listed = certd.call("certificate.list", autoCertificate="www.example.com")
    assert [c["metadata"]["status"] for c in listed["items"]] == ["active"]
    certd.stop()


def test_other_kinds_of_keys_are_issued(http_ca):
    certd, _ = http_ca
    for kind, text in (("secp521r1", "secp521r1"), ("ed25519", "ED25519")):
        name = f"{kind}.example.com"
        certd.ctl("add-auto", "--provider", "le", "--cn", name, "--key-algorithm", kind)
        wait_certificate(certd, name, 60)
        check_drop(certd.drop(name), [name])
        assert text in run(["openssl", "x509", "-in", certd.drop(name) / "cert.pem", "-noout", "-text"]).stdout


def test_a_profile_that_the_ca_does_not_offer_is_refused_at_once(http_ca):
    """Pebble 2.4 has none; before, the CA ignored the wish, and nobody said so."""
    certd, pebble = http_ca
    words = ("add-auto", "--provider", "le", "--cn", "www.example.com", "--profile", "shortlived")
    result = certd.ctl(*words, check=False)
    assert result.returncode == 65, result
    assert "'shortlived'; it offers no profiles at all" in result.stderr, result
    assert certd.call("autoCertificate.list")["items"] == []
    result = certd.ctl("set", "provider", "le", "--profile", "tlsserver", check=False)
    assert result.returncode == 65 and "'tlsserver'" in result.stderr, result
    assert not any("order" in path for _, path in pebble.requests)
    certd.ctl("add-auto", "--provider", "le", "--cn", "www.example.com")


def test_must_staple_that_the_ca_leaves_out_is_said(http_ca):
    """Pebble 2.4 ignores it in the request, and its certificates name no OCSP responder."""
    certd, _ = http_ca
    certd.ctl("add-auto", "--provider", "le", "--cn", "www.example.com", "--must-staple")
    wait_certificate(certd, "www.example.com", 60)
    reasons = certd.ctl_json("explain", "www.example.com")["reasons"]
    assert "its certificate: the CA has left out must-staple (mustStaple)" in reasons
    findings = {f["check"]: f for f in certd.call("autoCertificate.check", ref="www.example.com")["findings"]}
    assert findings["staple"]["grade"] == "warning" and "the CA may refuse" in findings["staple"]["message"]


def test_a_renewed_certificate_that_differs_waits_until_it_is_approved(start):
    port = free_port()
    pebble = start(Pebble, always_valid=True, http_port=port, validity=3600, alternate_roots=1)
    certd = start(Certd, config=f"http-listen = 127.0.0.1:{port}\n")
    add_provider(certd, pebble)
    certd.ctl("add-auto", "--provider", "le", "--cn", "www.example.com", "--guard", "hold")
    cert = certd.drop("www.example.com") / "cert.pem"
    before = cert.read_text()
    other = parse_certificate(pebble.root(1)).subject.removeprefix("CN=")
    certd.ctl("set", "provider", "le", "--preferred-chain", other)
    result = certd.ctl("renew", "www.example.com", check=False)
    assert result.returncode != 0, result
    assert f"its chain ends at '{other}', not at" in result.stderr, result
    assert "certctl approve www.example.com" in result.stderr, result
    assert cert.read_text() == before
    assert "waits for approval" in certd.ctl("status").stdout
    assert f"its chain ends at '{other}'" in " ".join(certd.ctl_json("explain", "www.example.com")["reasons"])
    certd.ctl("approve", "www.example.com")
    wait_for(lambda: cert.read_text() != before, 60, "the approved certificate")
    assert "waits for approval" not in certd.ctl("status").stdout


def test_orders_go_to_the_fallback_while_the_ca_refuses_them(start):
    port = free_port()
    first, second = (start(Pebble, always_valid=True, http_port=port, validity=86400) for _ in range(2))
    certd = start(Certd, config=f"http-listen = 127.0.0.1:{port}\n")
    for name, pebble in (("first", first), ("second", second)):
        certd.ctl("add-provider", "--name", name, "--server", pebble.url, "--ca-file", pebble.ca_file, "--email",
                  "ops@example.com", "--agree-tos")
    certd.ctl("add-auto", "--provider", "first", "--fallback", "second", "--cn", "www.example.com")
    certd.ctl("deactivate", "first", "--force")
    wait_for(lambda: "accountStatus" in certd.call("provider.get", ref="first")["metadata"], 30, "the end of its account")
    for _ in range(3):
        assert certd.ctl("renew", "www.example.com", check=False).returncode != 0
    auto = certd.call("autoCertificate.get", ref="www.example.com")
    assert auto["metadata"]["providerInUse"] == certd.call("provider.get", ref="second")["id"]
    why = "provider 'first' has failed 3 times in a row, so the next order goes to its fallback 'second'"
    assert auto["metadata"]["providerReason"] == why
    explained = certd.ctl_json("explain", "www.example.com")
    assert why in explained["reasons"]
    assert explained["decisions"][0]["rule"] == "failover", explained["decisions"]
    assert why in certd.ctl("show", "auto", "www.example.com").stdout
    assert why in certd.ctl("status").stdout
    certd.ctl("renew", "www.example.com")
    chain = certd.drop("www.example.com") / "fullchain.pem"
    assert parse_certificate(chain).issuer == parse_certificate(second.intermediate()).subject
    assert "providerInUse" not in certd.call("autoCertificate.get", ref="www.example.com")["metadata"]


def test_a_renewal_waits_for_the_end_of_a_freeze_but_not_too_long(http_ca):
    certd, _ = http_ca
    certd.ctl("add-auto", "--provider", "le", "--cn", "www.example.com")
    cert = certd.drop("www.example.com") / "cert.pem"
    first = cert.read_text()
    result = certd.ctl("set", "auto", "www.example.com", "--issue-window", "Mon 2-5", check=False)
    assert result.returncode == 65, result
    assert "'Mon 2-5' is not written like Mon..Fri 02:00-05:00 Europe/Berlin" in result.stderr, result
    today = time.strftime("%Y-%m-%d", time.gmtime(time.time() - 86400))
    certd.ctl("set", "auto", "www.example.com", "--freeze", f"{today}..2099-12-31 Europe/Berlin")
    auto = certd.call("autoCertificate.get", ref="www.example.com")["metadata"]
    leaf = parse_certificate(cert)
    latest = leaf.not_after - timedelta(seconds=(leaf.not_after - leaf.not_before) // timedelta(seconds=1) // 20)
    assert auto["nextDate"] == latest.strftime("%Y-%m-%dT%H:%M:%SZ")
    explained = certd.ctl_json("explain", "www.example.com")
    assert any(f"and waits for its window (not {today}..2099-12-31" in why for why in explained["reasons"]), explained
    assert explained["decisions"][0]["rule"] == "window"
    certd.ctl("renew", "www.example.com")
    wait_for(lambda: cert.read_text() != first, 30, "what a caller wants does not wait")


def test_the_chain_leads_to_a_trusted_root(start, scratch):
    port = free_port()
    pebble = start(Pebble, always_valid=True, http_port=port, validity=3600, alternate_roots=1)
    certd = start(Certd, config=f"http-listen = 127.0.0.1:{port}\n")
    add_provider(certd, pebble)
    roots = scratch / "roots.pem"
    roots.write_text(pebble.root(1))
    refused = certd.ctl("set", "provider", "le", "--trusted-roots", scratch / "none.pem", check=False)
    assert refused.returncode != 0 and "--trusted-roots: cannot open" in refused.stderr, refused
    certd.ctl("set", "provider", "le", "--trusted-roots", roots)
    certd.ctl("add-auto", "--provider", "le", "--cn", "www.example.com", "--guard", "hold")
    chain = certd.drop("www.example.com") / "chain.pem"
    trusted = parse_certificate(pebble.root(1)).subject
    assert parse_certificate(chain.read_text()).issuer == trusted
    before = chain.read_text()
    roots.write_text((certd.drop("www.example.com") / "cert.pem").read_text())  # which has signed nothing
    result = certd.ctl("renew", "www.example.com", check=False)
    assert result.returncode != 0 and f"does not lead to a root in '{roots}'" in result.stderr, result
    assert chain.read_text() == before


def test_renew_makes_a_new_certificate_and_keeps_the_old_one(http_ca):
    certd, _ = http_ca
    certd.call("autoCertificate.create", properties={"provider": "le", "commonName": "www.example.com"})
    first = wait_certificate(certd, "www.example.com")["metadata"]["lastIssuedCertificate"]
    certd.call("autoCertificate.renew", ref="www.example.com")
    manifest = certd.drop("www.example.com") / "manifest.json"  # replaced after all other files
    wait_for(lambda: json.loads(manifest.read_text())["certificate"] != first, 20, "the renewed certificate's manifest")
    check_drop(certd.drop("www.example.com"), ["www.example.com"])
    assert certd.call("certificate.list", autoCertificate="www.example.com")["total"] == 2


def test_a_wildcard_and_its_base_by_dns01_through_tsig(start):
    knot = start(Knot, zones=("example.com",))
    pebble = start(Pebble, dns=knot.dns, nonce_reject=30, validity=3600)
    certd = start(Certd)
    add_provider(certd, pebble)
    certd.call("dnsProvider.create", properties={
        "name": "ns1", "kind": "rfc2136", "server": knot.dns, "zones": ["example.com"],
        "tsigName": knot.key_name, "tsigAlgorithm": knot.key_algorithm, "tsigKey": knot.key_secret})
    certd.call("autoCertificate.create", properties={
        "provider": "le", "commonName": "*.example.com", "subjectAlternativeNames": ["example.com"]})
    wait_certificate(certd, "*.example.com")
    check_drop(certd.drop("*.example.com"), ["*.example.com", "example.com"])
    wait_for(lambda: not knot.txt("_acme-challenge.example.com"), 10, "the TXT records to be removed")
    wait_for(lambda: not [r for r in certd.call("schedule.list")["items"] if r["kind"] == "cleanup"], 10)
