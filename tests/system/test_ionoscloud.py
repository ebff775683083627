"""dns-01 through the API of IONOS Cloud DNS, against a stand-in whose records a real CA validates."""
import json
import socket

import pytest
from certd import Certd
from dnsservers import Knot
from ionos_dns import IonosDns
from pebble import Pebble
from procs import wait_for
from rpc import RpcError

OWNER = "_acme-challenge.example.com"
NAMES = {"commonName": "*.example.com", "subjectAlternativeNames": ["example.com"]}


class Rig:
    """A certd with an account, a stand-in with example.com, and the CA that asks its name server."""

    def __init__(self, start, scratch, **options):
        self.knot = start(Knot, zones=("example.com",))
        self.api = start(IonosDns, self.knot, **options)
        self.token_file = scratch / "ionos.token"
        self.write_token(self.api.token)
        pebble = start(Pebble, dns=self.knot.dns, validity=3600)
        self.certd = start(Certd, config=f"dns-servers = {self.knot.dns}\n")
        self.certd.ctl("add-provider", "--name", "le", "--server", pebble.url, "--ca-file", pebble.ca_file,
                       "--email", "ops@example.com", "--agree-tos")

    def write_token(self, token):
        self.token_file.write_text(f"{token}\n")
        self.token_file.chmod(0o600)

    def add_dns(self, *more, **options):
        return self.certd.ctl("add-dns", "--name", "ionos", "--kind", "ionoscloud", "--token-file", self.token_file,
                              "--endpoint", self.api.endpoint, "--zone", "example.com",
                              "--nameserver", self.knot.dns, *more, **options)

    def issue(self, **names):
        self.certd.call("autoCertificate.create", properties={"provider": "le", **(names or NAMES)})
        name = (names or NAMES)["commonName"]
        wait_for(lambda: (self.certd.drop(name) / "manifest.json").exists(), 40, f"the certificate of {name}")
        manifest = json.loads((self.certd.drop(name) / "manifest.json").read_text())
        wait_for(lambda: not self.knot.txt(OWNER), 20, "the TXT records to go")
        wait_for(lambda: not [r for r in self.certd.call("schedule.list")["items"] if r["kind"] == "cleanup"], 10,
                 "the promises to remove them to go")
        return manifest


@pytest.fixture
def rig(start, scratch):
    rig = Rig(start, scratch)
    rig.add_dns()
    return rig


def test_a_wildcard_and_its_base_are_issued_and_only_own_values_removed(rig):
    rig.api.add_record("example.com", "_acme-challenge", "somebody-else's")
    rig.api.add_record("example.com", "_acme-challenge.www", "of-another-name")
    manifest = rig.issue()
    assert sorted(manifest["names"]) == ["*.example.com", "example.com"]
    assert [(p["name"], p["type"], p["ttl"], len(p["content"])) for p in rig.api.created] == \
        2 * [("_acme-challenge", "TXT", 60, 43)]
    assert rig.api.contents("_acme-challenge") == ["somebody-else's"]
    assert rig.api.contents("_acme-challenge.www") == ["of-another-name"]
    assert rig.api.count("GET", "/zones/") > 2, "the new records were not waited for"


def test_zones_that_only_look_alike_are_not_chosen_though_they_fill_pages(start, scratch):
    alike = ["notexample.com", "example.com.au", *(f"a{number}.example.com.au" for number in range(230))]
    rig = Rig(start, scratch, zones=(*alike, "example.com"))
    rig.add_dns()
    for number in range(120):
        rig.api.add_record("example.com", f"_acme-challenge.a{number}", "x")
    rig.issue()
    assert {path.split("?")[0].split("/")[2] for _, method, path, _ in rig.api.requests if method == "POST"} == \
        {zone_id for zone_id, zone in rig.api.zones.items() if zone == "example.com"}
    assert rig.api.count("GET", "offset=200") and rig.api.count("GET", "/records?filter")
    assert len(rig.api.created) == 2


def test_a_refused_token_is_named_and_a_new_one_helps(start, scratch):
    rig = Rig(start, scratch)
    rig.write_token("expired.token")
    rig.add_dns()
    result = rig.certd.ctl("add-auto", "--provider", "le", "--cn", "*.example.com", check=False)
    assert result.returncode == 77, "denied, see certctl(1)"
    assert "the token is refused (HTTP 401: Unauthorized, wrong or no api key" in result.stderr
    assert "replace it with --token-file (see: certctl set dns --help)" in result.stderr
    assert "expired.token" not in result.stderr + rig.certd.log
    rig.write_token(rig.api.token)
    rig.certd.ctl("set", "dns", "ionos", "--token-file", rig.token_file)
    rig.certd.ctl("renew", "*.example.com")
    wait_for(lambda: (rig.certd.drop("*.example.com") / "manifest.json").exists(), 40, "the certificate")


def test_429_is_repeated_when_it_asks_for_that(rig):
    rig.api.fail("POST", 429, Retry_After=3)
    rig.issue(commonName="*.example.com")
    times = [at for at, method, _, _ in rig.api.requests if method == "POST"]
    assert len(times) == 2 and times[1] - times[0] >= 2
    assert len(rig.api.created) == 1


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_500_once_is_repeated(rig, method):
    rig.api.fail(method, 500)
    rig.issue(commonName="*.example.com")
    assert len(rig.api.created) == 1


@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_a_reset_after_execution_makes_no_second_record(rig, method):
    rig.api.fail(method, "executed")
    rig.issue(commonName="*.example.com")
    assert len(rig.api.created) == 1 and rig.api.contents("_acme-challenge") == []
    assert rig.api.count(method) == (1 if method == "POST" else 2)


def test_an_api_that_stays_broken_fails_the_order_with_its_words(rig):
    for _ in range(40):
        rig.api.fail("POST", 503)
    result = rig.certd.ctl("add-auto", "--provider", "le", "--cn", "*.example.com", check=False)
    assert result.returncode != 0
    assert "IONOS Cloud DNS: POST /zones/" in result.stderr and "HTTP 503: planned 503" in result.stderr


@pytest.mark.parametrize("change, words", [
    (["--endpoint", "http://192.0.2.1"], "plain http is only allowed on loopback"),
    (["--endpoint", "http://127.0.0.1.example.net"], "plain http is only allowed on loopback"),
    (["--endpoint", "https://user@dns.example"], "is not https://HOST"),
    (["--server", "192.0.2.1"], "is not used by kind ionoscloud"),
])
def test_settings_that_make_no_sense_are_refused(start, scratch, change, words):
    certd = start(Certd)
    token = scratch / "token"
    token.write_text("abc\n")
    token.chmod(0o600)
    result = certd.ctl("add-dns", "--name", "ionos", "--kind", "ionoscloud", "--token-file", token, *change, check=False)
    assert result.returncode != 0 and words in result.stderr


def test_the_token_leaves_no_trace_in_answers_and_store(rig):
    shown = rig.certd.ctl("--output", "json", "show", "dns", "ionos").stdout
    assert "ionoscloud" in shown and rig.api.token not in shown
    rig.certd.stop()
    for path in rig.certd.state.rglob("*"):
        if path.is_file():
            assert rig.api.token.encode() not in path.read_bytes()


def declare(certd, cn, **more):
    return certd.call("autoCertificate.create", properties={"provider": "le", "commonName": cn, **more})


def test_a_name_in_no_zone_is_refused_with_the_zones_that_there_are(start, scratch):
    rig = Rig(start, scratch, zones=("example.com", "example.net", "notexample.org"))
    certd = rig.certd
    certd.ctl("add-dns", "--name", "ionos", "--kind", "ionoscloud", "--token-file", rig.token_file, "--endpoint",
              rig.api.endpoint, "--nameserver", rig.knot.dns)
    result = certd.ctl("add-auto", "--provider", "le", "--cn", "*.example.org", check=False)
    assert result.returncode and "zones: example.com, example.net, notexample.org" in result.stderr
    assert certd.call("autoCertificate.list")["total"] == 0
    asked = rig.api.count("GET", "/zones?offset")
    # Names in a known zone need no lookup.
    for number in range(20):
        declare(certd, f"*.a{number}.example.com")
    assert rig.api.count("GET", "/zones?offset") == asked
    # Another challenge is not delayed either.
    declare(certd, "www.example.org", challenge="manual")
    with pytest.raises(RpcError) as refused:
        certd.call("autoCertificate.update", ref="*.a1.example.com",
                   properties={"subjectAlternativeNames": ["*.example.org"]})
    assert "example.net" in refused.value.message
    # A zone that was created since is found.
    rig.api.zones["11111111-2222-3333-4444-555555555555"] = "example.org"

    def accepted():
        try:
            return declare(certd, "*.example.org")
        except RpcError:
            return None
    wait_for(accepted, 20, "the new zone to be seen")
    assert sorted(certd.call("dnsProvider.get", ref="ionos")["metadata"]["zonesSeen"]) == \
        ["example.com", "example.net", "example.org", "notexample.org"]
    # With a second DNS provider, the zones decide.
    certd.call("dnsProvider.create", properties={"name": "other", "kind": "exec", "command": "/bin/true",
                                                 "zones": ["other.example"]})
    declare(certd, "*.b.example.net")
    with pytest.raises(RpcError) as refused:
        declare(certd, "*.example.edu")
    assert "other.example" in refused.value.message and "example.net" in refused.value.message


def test_zones_that_cannot_be_listed_refuse_nothing_but_are_mentioned(start, scratch):
    rig = Rig(start, scratch)
    rig.certd.ctl("add-dns", "--name", "ionos", "--kind", "ionoscloud", "--token-file", rig.token_file, "--endpoint",
                  rig.api.endpoint)
    rig.api.fail("GET", 503)
    made = declare(rig.certd, "*.example.org")
    assert made["metadata"]["state"] == "PROVISIONING"
    assert "unknown whether *.example.org is in a zone of DNS provider 'ionos'" in made["metadata"]["message"]
    assert "503" in rig.certd.call("dnsProvider.get", ref="ionos")["metadata"]["message"]
    rig.certd.ctl("set", "dns", "ionos", "--ttl", "90s")
    assert not rig.certd.call("dnsProvider.get", ref="ionos")["metadata"]["message"]
    # certd ends while a call waits for an answer.
    rig.api.stop()
    with socket.create_server(("127.0.0.1", 0)) as silent, rig.certd.rpc() as rpc:
        rig.certd.call("dnsProvider.update", ref="ionos",
                       properties={"endpoint": f"http://127.0.0.1:{silent.getsockname()[1]}"})
        rpc.send({"jsonrpc": "2.0", "id": 1, "method": "autoCertificate.create",
                  "params": {"properties": {"provider": "le", "commonName": "*.example.edu"}}})
        silent.accept()
        rig.certd.stop()
