"""What only newer versions of Pebble do: ARI, replaces, profiles, dns-account-01, dns-persist-01.

PEBBLE_NEW names such a program (2.10 or later, as in Debian unstable); without it these tests are not run.
"""
import base64
import datetime
import hashlib
import json
import os
import ssl
import urllib.request

import pytest
from certd import Certd
from dnsservers import Knot
from pebble import Pebble
from procs import patient, wait_for
from tls import parse_certificate

PROGRAM = os.environ.get("PEBBLE_NEW", "")
NAME = "www.example.com"
HOUR = 3600

pytestmark = pytest.mark.skipif(not os.access(PROGRAM, os.X_OK),
                                reason="not run: PEBBLE_NEW does not name a program of Pebble 2.10 or later")


class NewPebble(Pebble):
    name = "new-pebble"
    profiles = {"classic": {"description": "two days", "validityPeriod": 48 * HOUR},
                "short": {"description": "six hours", "validityPeriod": 6 * HOUR}}

    def command(self):
        words = [PROGRAM, *super().command()[1:]]
        config = words[2]
        settings = json.loads(config.read_text())
        settings["pebble"].pop("certificateValidityPeriod")
        settings["pebble"] |= {"profiles": self.profiles, "caaIdentities": ["ca.example"]}
        config.write_text(json.dumps(settings))
        return words

    def set_renewal_info(self, certificate, answer):
        """@answer: the text that is served for it from now on."""
        body = json.dumps({"Certificate": certificate, "ARIResponse": answer}).encode()
        url = f"https://127.0.0.1:{self.management_port}/set-renewal-info/"
        context = ssl.create_default_context(cafile=self.ca_file)
        urllib.request.urlopen(urllib.request.Request(url, data=body, method="POST"), timeout=patient(10), context=context)


@pytest.fixture
def site(start):
    """(Pebble, certd, Knot): Pebble asks Knot for all records; certd may change them."""
    knot = start(Knot, zones=("example.com",))
    knot.update("example.com", f"add {NAME} 60 A 127.0.0.1")
    pebble = start(NewPebble, dns=knot.dns)
    certd = start(Certd, config=f"http-listen = 127.0.0.1:{pebble.http_port}\ndns-servers = {knot.dns}\n")
    certd.ctl("add-provider", "--name", "ca", "--server", pebble.url, "--ca-file", pebble.ca_file,
              "--email", "ops@example.com", "--agree-tos", "--profile", "classic")
    certd.call("dnsProvider.create", properties={
        "name": "ns1", "kind": "rfc2136", "server": knot.dns, "tsigName": knot.key_name, "tsigKey": knot.key_secret,
        "zones": ["example.com"]})
    return pebble, certd, knot


def account_url(certd):
    return certd.call("provider.get", ref="ca")["metadata"]["accountUrl"]


def leaf(certd, name=NAME):
    return parse_certificate(certd.drop(name) / "cert.pem")


def test_the_profile_that_is_asked_for_is_ordered(site):
    _, certd, _ = site
    certd.ctl("add-auto", "--provider", "ca", "--cn", NAME, "--challenge", "http-01", "--profile", "short")
    issued = certd.call("certificate.list")["items"][0]["metadata"]
    ends, begins = (datetime.datetime.fromisoformat(issued[key].replace("Z", "+00:00")) for key in ("notAfter", "notBefore"))
    assert abs((ends - begins).total_seconds() - 6 * HOUR) < 10
    assert "six hours" in certd.ctl("show", "provider", "ca").stdout
    refused = certd.ctl("set", "auto", NAME, "--profile", "long", check=False)
    assert refused.returncode and "'long'" in refused.stderr


def test_the_ca_hurries_a_renewal_and_accepts_what_the_order_replaces(site):
    pebble, certd, _ = site
    certd.ctl("add-auto", "--provider", "ca", "--cn", NAME, "--challenge", "http-01")
    first = leaf(certd).serial
    now = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
    window = {"start": (now - datetime.timedelta(hours=2)).isoformat(), "end": (now - datetime.timedelta(hours=1)).isoformat()}
    pebble.set_renewal_info((certd.drop(NAME) / "cert.pem").read_text(), json.dumps(
        {"suggestedWindow": window, "explanationURL": "https://ca.example/incident"}))
    wait_for(lambda: leaf(certd).serial != first, 60, "a renewal in the window of the CA")
    events = certd.call("event.list", limit=1000)["items"]
    suggested = [event for event in events if event["kind"] == "renewal.suggested"]
    assert any("https://ca.example/incident" == event["data"].get("explanationUrl") for event in suggested), suggested
    assert not [event for event in events if event["kind"] == "issue.failed"]


def test_the_owner_name_of_the_account_is_validated(site):
    _, certd, knot = site
    certd.call("autoCertificate.create", properties={"provider": "ca", "commonName": NAME, "challenge": "dns-account-01"})
    wait_for(lambda: (certd.drop(NAME) / "manifest.json").exists(), 60, "the certificate")
    label = base64.b32encode(hashlib.sha256(account_url(certd).encode()).digest()[:10]).decode().lower()
    wait_for(lambda: not knot.txt(f"_{label}._acme-challenge.{NAME}"), 20, "the record to go")
    assert leaf(certd).names == [NAME]


def test_a_standing_record_is_validated(site):
    _, certd, knot = site
    content = f"ca.example; accounturi={account_url(certd)}; policy=wildcard"
    owner = "_validation-persist.example.com"
    assert f'{owner}. 300 IN TXT "{content}"' in certd.ctl(
        "authorize", "*.example.com", "--challenge", "dns-persist-01").stdout
    knot.update("example.com", f'add {owner}. 60 TXT "{content}"')
    certd.call("autoCertificate.create", properties={
        "provider": "ca", "commonName": "*.example.com", "challenge": "dns-persist-01"})
    wait_for(lambda: (certd.drop("*.example.com") / "manifest.json").exists(), 60, "the certificate")
    assert leaf(certd, "*.example.com").names == ["*.example.com"]
