"""The steps of IONOS's how-to "Create an Auto Certificate", from the provider to the purge of the old certificate: once
over REST and once with certctl, at the same time, with certificates that are valid for less than a minute.
"""
import datetime
import json
import time

import pytest
from certd import Certd
from dnsservers import Knot
from ionos_client import IonosClient
from ionos_dns import IonosDns
from openapi import OpenApi
from pebble import EAB_KEY, EAB_KEY_ID, Pebble
from procs import wait_for

ZONES = ("example.com", "example.org")
VALIDITY = 45  # seconds; long enough for two certificates of RSA-4096 one after the other on a busy machine


class ByRest:
    """Like IONOS's clients; the DNS provider is outside their API."""
    zone = "example.com"
    algorithm = "rsa4096"

    def __init__(self, certd):
        self.client = IonosClient(certd.runtime / "rest.sock")
        self.client.checker = OpenApi(self.client.raw("GET", "/openapi.json")[2])

    def declare(self, pebble, api, knot, _):
        provider = self.client.create(
            "/providers", name="by-rest", email="admin@example.com", server=pebble.url, caFile=str(pebble.ca_file),
            externalAccountBinding={"keyId": EAB_KEY_ID, "keySecret": EAB_KEY})
        assert provider["properties"]["externalAccountBinding"] == {"keyId": EAB_KEY_ID}
        self.client.wait_available(provider)
        self.client.create("/dns-providers", name="dns-rest", kind="ionoscloud", token=api.token,
                           endpoint=api.endpoint, zones=[self.zone], nameservers=[knot.dns])
        self.auto_item = self.client.create(
            "/auto-certificates", provider=provider["id"], commonName=f"*.{self.zone}", keyAlgorithm=self.algorithm,
            name="howto-rest", subjectAlternativeNames=[f"app.{self.zone}"])

    def issued(self):
        self.client.wait_available(self.auto_item)

    def auto(self):
        return self.client.get(self.auto_item)

    def by_auto_certificate(self):
        return self.client.list("/certificates", **{"filter.autoCertificate": self.auto_item["id"]})

    def by_common_name(self):
        return self.client.list("/certificates", **{"filter.commonName": f"*.{self.zone}"})

    def renew(self):
        self.client.request("POST", f"{self.auto_item['href']}/renew", {})


class ByCertctl:
    zone = "example.org"
    algorithm = "rsa2048"

    def __init__(self, certd):
        self.certd = certd

    def declare(self, pebble, api, knot, scratch):
        secrets = {"eab": EAB_KEY, "token": api.token}
        for name, text in secrets.items():
            path = scratch / name
            path.write_text(f"{text}\n")
            path.chmod(0o600)
        self.certd.ctl("add-provider", "--name", "by-certctl", "--email", "admin@example.com", "--server", pebble.url,
                       "--ca-file", pebble.ca_file, "--agree-tos", "--eab-key-id", EAB_KEY_ID, "--eab-key-file",
                       scratch / "eab")
        self.certd.ctl("add-dns", "--name", "dns-certctl", "--kind", "ionoscloud", "--token-file", scratch / "token",
                       "--endpoint", api.endpoint, "--zone", self.zone, "--nameserver", knot.dns)
        self.certd.ctl("add-auto", "--provider", "by-certctl", "--cn", f"*.{self.zone}", "--san", f"app.{self.zone}",
                       "--key-algorithm", self.algorithm, "--name", "howto-certctl", "--no-wait")

    def issued(self):
        wait_for(lambda: self.auto()["metadata"]["state"] == "AVAILABLE", 60, "the first certificate")

    def auto(self):
        return self.certd.ctl_json("show", "auto", "howto-certctl")

    def list(self, *filters):
        return self.certd.ctl_json("list", "cert", *filters)

    def by_auto_certificate(self):
        return self.list("--auto", "howto-certctl")

    def by_common_name(self):
        return self.list("--cn", f"*.{self.zone}")

    def renew(self):
        self.certd.ctl("renew", "howto-certctl", "--no-wait")


def ids(certificates):
    return {certificate["id"] for certificate in certificates}


def seconds_left(certificate):
    end = datetime.datetime.fromisoformat(certificate["metadata"]["notAfter"].replace("Z", "+00:00"))
    return end.timestamp() - time.time()


@pytest.mark.limit(180)
def test_the_how_to_from_the_provider_to_the_purge(start, scratch):
    knot = start(Knot, zones=ZONES)
    api = start(IonosDns, knot, zones=ZONES)
    pebble = start(Pebble, dns=knot.dns, validity=VALIDITY, eab=True)
    certd = start(Certd, config=f"dns-servers = {knot.dns}\npurge-after = 1s\n")
    ways = [ByRest(certd), ByCertctl(certd)]
    for way in ways:
        way.declare(pebble, api, knot, scratch)
    firsts = []
    for way in ways:
        way.issued()
        first = way.auto()["metadata"]["lastIssuedCertificate"]
        firsts.append(first)
        way.renew()
        listed = {c["id"]: c for c in way.by_auto_certificate()}
        assert ids(way.by_common_name()) >= {first}
        metadata = listed[first]["metadata"]
        assert set(metadata["subjectAlternativeNames"]) == {f"*.{way.zone}", f"app.{way.zone}"}
        assert metadata["keyAlgorithm"] == way.algorithm and metadata["wildcard"]
        assert metadata["autoCertificate"] == way.auto()["id"]
    for way in ways:
        assert api.count("POST", "/records") >= 2
        assert {p["name"] for p in api.created} <= {"_acme-challenge", "_acme-challenge.app"}

    for way, first in zip(ways, firsts):
        def side_by_side():
            return first in ids(way.by_auto_certificate()) and len(way.by_auto_certificate()) >= 2

        wait_for(side_by_side, VALIDITY, "old and new side by side")
        old, new = sorted(way.by_auto_certificate(), key=lambda c: c["metadata"]["notAfter"])[:2]
        assert old["id"] == first and way.auto()["metadata"]["lastIssuedCertificate"] != first
        assert old["properties"]["name"] != new["properties"]["name"], "names carry the time of issue"
        assert old["metadata"]["serialNumber"] != new["metadata"]["serialNumber"]
        assert ids(way.by_common_name()) == ids(way.by_auto_certificate())
        manifest = certd.drop(f"howto-{'rest' if way is ways[0] else 'certctl'}") / "manifest.json"
        wait_for(lambda: json.loads(manifest.read_text())["certificate"] != first, VALIDITY,
                 "the new one is what servers read")

    for way, first in zip(ways, firsts):
        wait_for(lambda: first not in ids(way.by_auto_certificate()), VALIDITY + 20, "the purge of the old one")
        assert way.by_auto_certificate(), "the new one stays"
        wait_for(lambda: all(seconds_left(c) > -15 for c in way.by_auto_certificate()), what="no expired one is left")
    purged = [e for e in certd.call("event.list", limit=1000)["items"] if e["kind"] == "certificate.purged"]
    assert len(purged) >= 2
