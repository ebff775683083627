"""Migration from other tools, as described in certctl(1)."""
import json
import re
import subprocess
import time
from datetime import datetime

import pytest
from certd import Certd
from dnsservers import Knot
from ionos_client import UnixConnection
from pebble import Challtestsrv, Pebble
from procs import free_port, wait_for
from rpc import RpcError
from tls import ThrowAwayCa, parse_certificate

RECORD = re.compile(r"Record name:_acme-challenge\nRecord type:TXT\nRecord content:([A-Za-z0-9_-]{43})\n"
                    r"(_acme-challenge\.\S+)\. 300 IN TXT \"\1\"\n")


class Kontena:
    """The setup of a Kontena user: a CA that reuses @reuse % of the validations, DNS, certd."""

    def __init__(self, start, reuse):
        self.dns = start(Challtestsrv)
        self.pebble = start(Pebble, dns=self.dns.dns, authz_reuse=reuse, validity=3600)
        self.certd = start(Certd, config=f"dns-servers = {self.dns.dns}\n")

    def register(self, *more, check=True):
        return self.certd.ctl("register", "you@example.com", "--server", self.pebble.url, "--ca-file", self.pebble.ca_file,
                              *more, check=check)

    def authorize(self, name):
        """The record to publish for @name."""
        told = self.certd.ctl("authorize", name)
        assert "failed" not in told.stderr  # the order waits for the record
        out = told.stdout
        match = RECORD.fullmatch(out)
        assert match, out
        return match[2], match[1]

    def publish(self, *records):
        """A set of values at each name, as in a zone."""
        for owner, content in records:
            self.dns.add_txt(owner, content)

    def get(self, *words, check=True):
        return self.certd.ctl("get", *words, check=check)


@pytest.fixture
def kontena(start):
    return Kontena(start, 100)


def test_register_happens_once_and_only_with_the_terms_agreed_to(kontena):
    told = kontena.register(check=False)
    assert told.returncode and "terms of service" in told.stderr
    assert "registered: https://" in kontena.register("--agree-tos").stdout
    before = kontena.pebble.requests
    assert "registered: https://" in kontena.register("--agree-tos").stdout
    assert kontena.pebble.requests == before
    told = kontena.certd.ctl("register", "you@example.com", "and@example.com", check=False)
    assert told.returncode == 64


def test_kontenas_three_commands(kontena):
    kontena.register("--agree-tos")
    record = kontena.authorize("api.example.com")
    assert record[0] == "_acme-challenge.api.example.com"
    assert kontena.authorize("api.example.com") == record  # repeated: the same record is still to be published
    # Too early: no validation is spent, and the record is shown again.
    told = kontena.get("api.example.com", check=False)
    assert told.returncode and RECORD.fullmatch(told.stdout)[1] == record[1]
    assert "run again: certctl get api.example.com" in told.stderr
    # Hours later, after a crash:
    kontena.certd.kill9()
    kontena.certd.start()
    kontena.publish(record)
    orders = sum("order-plz" in path for _, path in kontena.pebble.requests)
    out = kontena.get("api.example.com").stdout.splitlines()
    assert out[0] == ("Certificate successfully received and stored into vault with key "
                      "LE_CERTIFICATE_api_example_com_BUNDLE")
    assert out[1] == f"fullchain: {kontena.certd.drop('api.example.com')}/fullchain.pem"
    assert parse_certificate(kontena.certd.drop("api.example.com") / "cert.pem").names == ["api.example.com"]
    # The order that authorized the name has become the certificate.
    assert sum("order-plz" in path for _, path in kontena.pebble.requests) == orders
    assert [a["metadata"]["status"] for a in kontena.certd.ctl_json("list", "authorizations")] == ["valid"]
    # A name that needs no record is reported as authorized, and a second certificate needs no manual step.
    assert re.fullmatch(r"api\.example\.com is authorized until \S+\n", kontena.certd.ctl("authorize", "api.example.com").stdout)
    kontena.get("api.example.com", "--cert-type", "chain")
    assert len(kontena.certd.ctl_json("list", "certs", "--auto", "api.example.com")) == 2


def test_several_names_and_a_wildcard_in_one_certificate(kontena):
    kontena.register("--agree-tos")
    names = ("example.com", "*.example.com", "www.example.org")
    records = [kontena.authorize(name) for name in names]
    assert records[0][0] == records[1][0] and records[0][1] != records[1][1]
    kontena.publish(*records[:2])
    told = kontena.get(*names, "--secret-name", "SSL_CERT_WEB", check=False)
    assert told.returncode and "1 of 3 names" in told.stderr and RECORD.fullmatch(told.stdout)[1] == records[2][1]
    kontena.publish(records[2])
    out = kontena.get(*names, "--secret-name", "SSL_CERT_WEB", "--cert-type", "cert").stdout
    drop = kontena.certd.drop("SSL_CERT_WEB")
    assert out == ("Certificate successfully received and stored into vault with key SSL_CERT_WEB\n"
                   f"cert: {drop}/cert.pem\n")
    assert sorted(parse_certificate(drop / "cert.pem").names) == sorted(names)
    listed = kontena.certd.ctl_json("show", "auto", "SSL_CERT_WEB")
    assert listed["properties"]["challenge"] == "manual" and listed["metadata"]["nextAction"] == "renew"


def test_kontenas_programs_find_their_variables_and_the_old_account(kontena, scratch):
    key = scratch / "le_private_key.pem"
    subprocess.run(["openssl", "genrsa", "-out", key, "2048"], check=True, capture_output=True)
    key.chmod(0o600)
    kontena.register("--agree-tos", "--account-key", key, "--name", "before")
    account = kontena.certd.ctl_json("show", "provider", "before")["metadata"]["accountUrl"]
    kontena.certd.ctl("rm", "provider", "before")
    assert f"{account}; this key already had an account" in kontena.register("--account-key", key).stdout
    kontena.publish(kontena.authorize("api.example.com"))
    kontena.get("api.example.com", "--secret-name", "SSL_CERT_API")
    bundle = kontena.certd.ctl("exec", "SSL_CERT_API", "--", "sh", "-c",
                               'printf %s "$LE_CERTIFICATE_api_example_com_BUNDLE"').stdout
    blocks = re.compile("-----BEGIN .*?-----END [^\n]*", re.DOTALL)
    dropped = (kontena.certd.drop("SSL_CERT_API") / "bundle.pem").read_text()
    assert sorted(blocks.findall(bundle)) == sorted(blocks.findall(dropped))
    for cert_type in ("fullchain", "chain", "cert"):
        held = kontena.certd.ctl("exec", "--cert-type", cert_type, "SSL_CERT_API", "--", "sh", "-c",
                                 'printf %s "$LE_CERTIFICATE_api_example_com_CERTIFICATE"').stdout
        assert held == (kontena.certd.drop("SSL_CERT_API") / f"{cert_type}.pem").read_text()


def test_a_renewal_by_hand_begins_by_itself_and_says_what_to_publish(start):
    kontena = Kontena(start, 0)
    kontena.register("--agree-tos")
    kontena.publish(kontena.authorize("api.example.com"))
    kontena.get("api.example.com")
    first = kontena.certd.ctl_json("show", "auto", "api.example.com")["metadata"]["lastIssuedCertificate"]
    kontena.certd.ctl("set", "auto", "api.example.com", "--renew-before", "59m")
    # Pebble reuses validations at times, even at 0 %.
    renewals = (kontena.certd.ctl("renew", "api.example.com", check=False) for _ in range(5))
    assert any(renewal.returncode for renewal in renewals)

    def wanted():
        records = [a["metadata"] for a in kontena.certd.ctl_json("list", "authorizations")]
        return next((m for m in records if m["status"] == "pending"), None)
    record = wait_for(wanted, 20, "the record of the renewal")
    explained = kontena.certd.ctl("explain", "api.example.com").stdout
    assert record["recordName"] in explained and record["recordContent"] in explained
    told = [e["message"] for e in kontena.certd.call("event.list")["items"] if e["kind"] == "authorization.pending"]
    assert record["recordContent"] in told[-1]
    kontena.dns.clear_txt(record["recordName"])
    kontena.publish((record["recordName"], record["recordContent"]))
    kontena.get("api.example.com")
    assert kontena.certd.ctl_json("show", "auto", "api.example.com")["metadata"]["lastIssuedCertificate"] != first


CLOUD66 = ["uuid", "name", "server_group_id", "server_names", "sha256_fingerprint", "ca_name", "type", "wildcard",
           "dns_provider_uuid", "ssl_termination", "has_intermediate_cert", "status", "created_at", "updated_at",
           "expires_at", "certificate", "key", "intermediate_certificate"]


def test_cloud66s_automatic_and_manual_certificates(start, scratch):
    knot = start(Knot, zones=("example.com",))
    pebble = start(Pebble, dns=knot.dns, validity=3600)
    certd = start(Certd, config=f"dns-servers = {knot.dns}\n")
    certd.ctl("add-provider", "--name", "le", "--server", pebble.url, "--ca-file", pebble.ca_file, "--email",
              "you@example.com", "--agree-tos")
    certd.ctl("add-dns", "--name", "ns1", "--kind", "rfc2136", "--server", knot.dns, "--tsig-key-file", knot.key_file,
              "--zone", "example.com")
    certd.ctl("add-auto", "--provider", "le", "--cn", "*.example.com", "--dns", "ns1")
    ca = ThrowAwayCa(scratch / "ca", "Some CA")
    certificate, key = ca.issue("shop.example.com")
    certd.ctl("import", "--name", "shop", "--cert", certificate, "--chain", ca.cert_file, "--key", key)
    automatic = certd.ctl_json("list", "certs", "--auto", "*.example.com")[0]["properties"]["name"]
    shown = {name: json.loads(certd.ctl("show", "cert", name, "-o", "cloud66").stdout) for name in (automatic, "shop")}
    assert all(list(item) == CLOUD66 for item in shown.values())
    assert shown[automatic]["dns_provider_uuid"] == certd.call("dnsProvider.get", ref="ns1")["id"]
    assert shown[automatic]["wildcard"] is True and shown[automatic]["type"] != "manual"
    assert shown["shop"]["type"] == "manual" and shown["shop"]["server_names"].startswith("shop.example.com")
    for item in shown.values():
        assert item["status"] == "active" and item["has_intermediate_cert"] is True
        assert item["certificate"] is item["key"] is item["intermediate_certificate"] is None
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", item["expires_at"])


def test_cloud66s_upload_is_accepted(start, scratch):
    certd = start(Certd)
    ca = ThrowAwayCa(scratch / "ca", "Some CA")
    certificate, key = ca.issue("shop.example.com")
    parts = {"certificate": certificate.read_text(), "key": key.read_text()}
    rest = UnixConnection(certd.runtime / "rest.sock")

    def upload(**more):
        rest.request("POST", "/certificates", json.dumps({**parts, **more}), {"Content-Type": "application/json"})
        answer = rest.getresponse()
        return answer.status, json.loads(answer.read())
    status, made = upload(name="shop", intermediate_certificate=ca.cert_file.read_text(), type="manual",
                          server_names="shop.example.com", server_group_id=None)
    assert status == 201 and made["metadata"]["hasIntermediateCert"]
    shown = json.loads(certd.ctl("show", "cert", made["id"], "-o", "cloud66").stdout)
    assert (shown["name"], shown["type"], shown["status"]) == ("shop", "manual", "active")
    wait_for((certd.drop("shop") / "bundle.pem").exists, 20)
    status, refused = upload(unknown=1)
    assert status in (400, 422) and "unknown" in json.dumps(refused)
    rest.close()


def test_a_ca_that_asks_again_is_answered_in_a_second_round(start):
    kontena = Kontena(start, 0)
    kontena.register("--agree-tos")
    for number in range(5):
        names = (f"a{number}.example.com", f"b{number}.example.com")
        kontena.publish(*(kontena.authorize(name) for name in names))
        kontena.get(*names, check=False)
        kontena.certd.ctl("rm", "auto", names[0])  # the authorizations that its order needed are deleted with it
        assert all(a["metadata"]["status"] == "valid" for a in kontena.certd.ctl_json("list", "authorizations"))
        told = kontena.get(*names, check=False)
        again = RECORD.findall(told.stdout)
        if len(again) == 2:
            break  # otherwise Pebble has reused a validation, which it does at times, even at 0 %
    assert told.returncode
    assert [owner for _, owner in again] == [f"_acme-challenge.{name}" for name in names]
    kontena.publish(*((owner, content) for content, owner in again))
    kontena.get(*names)
    assert sorted(parse_certificate(kontena.certd.drop(names[0]) / "cert.pem").names) == list(names)
    # A single name uses the order of its authorization, so that no CA asks twice.
    kontena.publish(kontena.authorize("c.example.com"))
    kontena.get("c.example.com")


def test_a_record_that_is_wrong_is_seen_by_the_ca_only_when_forced(kontena):
    kontena.register("--agree-tos")
    kontena.authorize("x.example.com")
    told = kontena.get("x.example.com", "--force", check=False)
    assert told.returncode and "x.example.com" in told.stderr
    failed = kontena.certd.ctl_json("show", "authorization", "x.example.com")
    assert failed["metadata"]["state"] == "FAILED" and failed["metadata"]["message"]
    kontena.publish(kontena.authorize("x.example.com"))  # a new record, because the old one is spent
    kontena.get("x.example.com")


def test_what_cannot_be_authorized_is_refused(kontena, tmp_path):
    told = kontena.certd.ctl("authorize", "api.example.com", check=False)
    assert "certctl register you@example.com --agree-tos" in told.stderr
    kontena.register("--agree-tos", "--name", "le")
    for name, why in (("192.0.2.1", "192.0.2.1"), ("_.example.com", "did the shell expand"), ("a..b", "a..b")):
        told = kontena.certd.ctl("authorize", name, check=False)
        assert told.returncode and why in told.stderr
    with pytest.raises(RpcError) as refused:
        kontena.certd.call("authorization.create", properties={"name": "192.0.2.1", "provider": "le"})
    assert refused.value.data["field"] == "properties.name"
    kontena.authorize("api.example.com")
    with pytest.raises(RpcError) as refused:
        kontena.certd.call("provider.delete", ref="le")
    assert "api.example.com" in refused.value.message
    kontena.certd.ctl("rm", "authorization", "api.example.com")
    assert kontena.certd.call("schedule.list")["total"] == 0
    kontena.certd.ctl("rm", "provider", "le")


def test_a_crash_between_any_two_steps_loses_nothing(kontena):
    kontena.register("--agree-tos", "--name", "le")
    certd = kontena.certd

    def crash_after(method, **params):
        certd.call(method, **params)
        certd.kill9()
        certd.start()

    def status():
        return certd.call("authorization.get", ref="api.example.com")["metadata"]
    crash_after("authorization.create", properties={"name": "api.example.com", "provider": "le"})
    record = wait_for(lambda: status() if status().get("recordContent") else None, 20, "the record")
    kontena.publish((record["recordName"], record["recordContent"]))
    crash_after("authorization.validate", ref="api.example.com")
    wait_for(lambda: status()["status"] == "valid", 20, "the authorization")
    orders = sum("order-plz" in path for _, path in kontena.pebble.requests)
    crash_after("autoCertificate.create", properties={
        "provider": "le", "commonName": "api.example.com", "challenge": "manual"})
    wait_for(lambda: (certd.drop("api.example.com") / "manifest.json").exists(), 20, "the certificate")
    assert sum("order-plz" in path for _, path in kontena.pebble.requests) == orders


@pytest.fixture
def adopter(start):
    """certd with a provider, and its CA."""
    pebble = start(Pebble, always_valid=True, validity=3600)
    certd = start(Certd, config=f"http-listen = 127.0.0.1:{free_port()}\n")
    certd.ctl("add-provider", "--name", "le", "--server", pebble.url, "--ca-file", pebble.ca_file, "--email",
              "you@example.com", "--agree-tos")
    return certd, pebble


def orders(pebble):
    return sum("order-plz" in path for _, path in pebble.requests)


def test_an_imported_certificate_is_adopted_and_ordered_only_when_it_is_due(adopter, scratch):
    certd, pebble = adopter
    ca = ThrowAwayCa(scratch / "ca", "Some CA")
    certificate, key = ca.issue("WWW.example.com", "example.com", days=80)
    for directory in ("front", "back"):
        (scratch / directory).mkdir()
        certd.ctl("add-consumer", "--name", directory, "--directory", scratch / directory)
    certd.ctl("import", "--name", "web", "--cert", certificate, "--chain", ca.cert_file, "--key", key,
              "--consumer", "front")
    files = certd.drop("web")
    before = (files / "bundle.pem").read_text()

    # Another set of names would leave two certificates of one name: nothing is declared.
    told = certd.ctl("add-auto", "--name", "web", "--provider", "le", "--cn", "www.example.com", "--san",
                     "shop.example.com", check=False)
    assert told.returncode and "not for shop.example.com, and also for example.com" in told.stderr
    add = ("add-auto", "--name", "web", "--provider", "le", "--cn", "example.com", "--san", "www.example.com",
           "--consumer", "back", "--force")
    assert f"adopts the imported certificate 'web' with its files in {files}" in certd.ctl(*add, "--dry-run").stdout
    assert certd.call("autoCertificate.list")["total"] == 0 and certd.call("certificate.get", ref="web")
    out = certd.ctl(*add).stdout
    assert "has a certificate until" in out and f"files in {files}\n" in out

    auto = certd.call("autoCertificate.get", ref="web")["metadata"]
    assert auto["dropDirectory"] == str(files) and auto["state"] == "AVAILABLE" and auto["nextAction"] == "renew"
    days = (datetime.fromisoformat(auto["nextDate"].replace("Z", "+00:00")).timestamp() - time.time()) / 86400
    assert 45 < days < 55  # of 80: 30 days before its end, or up to 3 days earlier
    [adopted] = certd.call("certificate.list")["items"]
    assert adopted["id"] == auto["lastIssuedCertificate"] and adopted["metadata"]["autoCertificate"]
    assert re.fullmatch(r"web 20\d\d-.*Z", adopted["properties"]["name"])
    # It is deployed as before, to the consumer that the declaration names.
    wait_for((scratch / "back/bundle.pem").exists, 20)
    wait_for(lambda: not (scratch / "front/bundle.pem").exists(), 20)
    assert sorted(p.name for p in (certd.state / "live").iterdir()) == ["web"]
    assert (files / "bundle.pem").read_text() == before
    assert orders(pebble) == 0
    assert "issue" in {row["kind"] for row in certd.call("schedule.list")["items"]}  # certd renews it

    certd.kill9()
    certd.start()
    certd.ctl("renew", "web")
    assert orders(pebble) == 1
    assert sorted(p.name for p in (certd.state / "live").iterdir()) == ["web"]
    assert parse_certificate(files / "cert.pem").names == ["example.com", "www.example.com"]
    assert (files / "bundle.pem").read_text() != before
    certd.ctl("rm", "auto", "web", "--force")
    wait_for(lambda: not files.exists(), 20)


def test_what_is_adopted_keeps_its_consumers_and_an_expired_certificate_is_ordered_at_once(adopter, scratch):
    certd, pebble = adopter
    ca = ThrowAwayCa(scratch / "ca", "Some CA")
    certificate, key = ca.issue("a.example.com", days=80)
    (scratch / "front").mkdir()
    certd.ctl("add-consumer", "--name", "front", "--directory", scratch / "front")
    certd.ctl("import", "--name", "a", "--cert", certificate, "--chain", ca.cert_file, "--key", key, "--consumer", "front")
    certd.ctl("add-auto", "--name", "a", "--provider", "le", "--cn", "a.example.com")
    assert certd.ctl_json("show", "auto", "a")["properties"]["consumers"]
    certificate, key = ca.issue("b.example.com", days=-1)
    certd.ctl("import", "--name", "b", "--cert", certificate, "--chain", ca.cert_file, "--key", key, "--allow-expired")
    certd.ctl("add-auto", "--name", "b", "--provider", "le", "--cn", "b.example.com", "--no-wait")
    wait_for(lambda: orders(pebble) == 1, 20)
    wait_for(lambda: parse_certificate(certd.drop("b") / "cert.pem").names == ["b.example.com"] and
             certd.call("autoCertificate.get", ref="b")["metadata"].get("nextDate", "") > "2", 20)
    assert sorted(p.name for p in (certd.state / "live").iterdir()) == ["a", "b"]
