"""dns-01 through Cloudflare's and Amazon's APIs (stand-ins that put records into Knot) and a real PowerDNS server."""
import threading

import pytest
import route53_dns
from acme_dns import AcmeDns
from certd import Certd
from cloudflare_dns import CloudflareDns
from dnsservers import ZONE, Knot
from pebble import Pebble
from powerdns import PowerDns
from procs import wait_for
from rpc import RpcError

OWNER = "_acme-challenge.example.com"


class Rig:
    """A certd with an account at a CA that queries @dns, and a DNS provider "api" of @kind."""

    def __init__(self, start, scratch, dns, kind, endpoint, token, options=None):
        self.dns = dns
        self.token_file = scratch / "token"
        self.write_token(token)
        pebble = start(Pebble, dns=dns.dns, validity=3600)
        self.certd = start(Certd, config=f"dns-servers = {dns.dns}\n")
        self.certd.ctl("add-provider", "--name", "le", "--server", pebble.url, "--ca-file", pebble.ca_file,
                       "--email", "ops@example.com", "--agree-tos")
        self.certd.ctl("add-dns", "--name", "api", "--kind", kind, *(options or ["--token-file", self.token_file]),
                       "--endpoint", endpoint, "--nameserver", dns.dns)

    def write_token(self, token):
        self.token_file.write_text(f"{token}\n")
        self.token_file.chmod(0o600)

    def issue(self):
        """A wildcard and its base: two values at one owner name."""
        self.certd.ctl("add-auto", "--provider", "le", "--cn", "*.example.com", "--san", "example.com")
        wait_for(lambda: not [r for r in self.certd.call("schedule.list")["items"] if r["kind"] == "cleanup"], 20,
                 "the values to be removed")


@pytest.fixture
def cloudflare(start, scratch):
    knot = start(Knot, zones=("example.com",))
    api = start(CloudflareDns, knot, zones=(*(f"a{number}.example.com" for number in range(60)), "example.com"))
    rig = Rig(start, scratch, knot, "cloudflare", api.endpoint, api.token)
    rig.api = api
    return rig


@pytest.fixture
def powerdns(start, scratch):
    pdns = start(PowerDns, zones=("example.com",))
    return Rig(start, scratch, pdns, "powerdns", pdns.endpoint, pdns.key)


def test_cloudflare_adds_and_removes_own_values_only(cloudflare):
    cloudflare.api.add_record("example.com", "_acme-challenge", "somebody-else's")
    cloudflare.issue()
    assert [(p["name"], p["type"], p["ttl"], len(p["content"])) for p in cloudflare.api.created] == \
        2 * [("_acme-challenge", "TXT", 60, 43)]
    assert cloudflare.api.contents("_acme-challenge") == ["somebody-else's"]
    assert cloudflare.dns.txt(OWNER) == []
    assert cloudflare.api.count("GET", "page=2"), "the zones of the second page are not read"


def test_cloudflare_makes_no_second_record_when_an_answer_is_lost(cloudflare):
    cloudflare.api.fail("POST", "executed")
    cloudflare.issue()
    assert len(cloudflare.api.created) == 2 and cloudflare.api.contents("_acme-challenge") == []


def test_a_check_without_a_ca_shows_each_server_and_leaves_nothing(cloudflare):
    shown = cloudflare.certd.ctl("check-dns", "api", "*.example.com").stdout
    assert "127.0.0.1 has the TXT record" in shown
    assert "the TXT record of _acme-challenge.example.com was added, found and removed" in shown
    assert len(cloudflare.api.created) == 1 and cloudflare.api.contents("_acme-challenge") == []
    cloudflare.write_token("another")
    cloudflare.certd.ctl("set", "dns", "api", "--token-file", cloudflare.token_file)
    refused = cloudflare.certd.ctl("check-dns", "api", "example.com", check=False)
    assert refused.returncode != 0 and "Cloudflare: the token is refused (HTTP 401" in refused.stderr


def test_powerdns_merges_and_leaves_the_values_of_others(powerdns):
    owner = f"{OWNER}."
    powerdns.dns.put("example.com", owner, "TXT", 300, '"of-somebody-else"')
    powerdns.issue()
    assert powerdns.dns.txt(OWNER) == ["of-somebody-else"]
    assert powerdns.dns.sets("example.com", owner)[0]["ttl"] == 300
    assert powerdns.certd.call("dnsProvider.get", ref="api")["metadata"]["zonesSeen"] == ["example.com"]


def test_powerdns_removes_the_set_with_its_last_value(powerdns):
    powerdns.issue()
    assert powerdns.dns.sets("example.com", f"{OWNER}.") == []


def test_powerdns_names_a_refused_key(powerdns):
    powerdns.write_token("another")
    powerdns.certd.ctl("set", "dns", "api", "--token-file", powerdns.token_file)
    result = powerdns.certd.ctl("add-auto", "--provider", "le", "--cn", "*.example.com", "--no-wait", check=False)
    wait_for(lambda: "HTTP 401: Unauthorized" in powerdns.certd.ctl("explain", "*.example.com").stdout, 20,
             f"the refusal ({result.stderr})")


@pytest.fixture
def route53(start, scratch):
    knot = start(Knot, zones=("example.com",))
    api = start(route53_dns.Route53Dns, knot)
    session = scratch / "session"
    session.touch(mode=0o600)
    session.write_text(route53_dns.SESSION)
    rig = Rig(start, scratch, knot, "route53", api.endpoint, route53_dns.KEY, [
        "--access-key-id", route53_dns.KEY_ID, "--secret-access-key-file", scratch / "token",
        "--session-token-file", session])
    rig.api = api
    return rig


def test_route53_signs_every_request_and_merges_values(route53):
    owner = f"{OWNER}."
    route53.api.sets[owner] = ("300", ['"of-somebody-else"'])
    route53.issue()
    assert route53.api.sets == {owner: ("300", ['"of-somebody-else"'])} and route53.api.largest == 3
    assert [request for request in route53.api.requests if not request.endswith("200")] == []


def test_route53_passes_on_that_a_signature_is_refused(route53):
    route53.write_token("another")
    route53.certd.ctl("set", "dns", "api", "--secret-access-key-file", route53.token_file)
    route53.certd.ctl("add-auto", "--provider", "le", "--cn", "*.example.com", "--no-wait", check=False)
    wait_for(lambda: "HTTP 403: The request signature we calculated does not match" in
             route53.certd.ctl("explain", "*.example.com").stdout, 20, "the refusal")


@pytest.fixture
def acmedns(start):
    """_acme-challenge.www is a CNAME to the first account that is registered, _acme-challenge.plain is no CNAME."""
    zone = ZONE.format(zone="example.com") + "_acme-challenge.www CNAME a0.auth.example.net.\n"
    knot = start(Knot, zones={"example.com": zone, "auth.example.net": ZONE.format(zone="auth.example.net")})
    api = start(AcmeDns, knot)
    certd = start(Certd, config=f"dns-servers = {knot.dns}\n")
    return api, certd, ("add-dns", "--name", "acme", "--kind", "acmedns", "--endpoint", api.endpoint,
                        "--nameserver", knot.dns)


def test_an_account_at_acme_dns_is_registered_and_its_cname_is_printed_and_tested(acmedns):
    api, certd, add = acmedns
    shown = certd.ctl(*add).stdout
    assert "_acme-challenge.NAME. CNAME a0.auth.example.net." in shown
    assert "a0.auth.example.net" in certd.ctl("show", "dns", "acme").stdout
    assert "_acme-challenge.NAME. CNAME a0.auth.example.net." in certd.ctl("explain", "dns", "acme").stdout
    assert "added, found and removed" in certd.ctl("check-dns", "acme", "www.example.com").stdout
    missing = certd.ctl("check-dns", "acme", "plain.example.com", check=False)
    assert missing.returncode != 0 and \
        "publish: _acme-challenge.plain.example.com. CNAME a0.auth.example.net." in missing.stderr
    for path in certd.directory.rglob("*"):
        assert not path.is_file() or b"password-of-a0" not in path.read_bytes(), f"{path} has the password"
    again = certd.ctl(*add, check=False)
    assert again.returncode != 0 and len(api.accounts) == 1, "a name that is taken registers nothing"
    certd.call("dnsProvider.create", dryRun=True, properties={
        "name": "not yet", "kind": "acmedns", "endpoint": api.endpoint})
    certd.call("dnsProvider.create", properties={"name": "own", "kind": "acmedns", "endpoint": api.endpoint,
                                                 "username": "me", "subdomain": "mine", "token": "secret"})
    with pytest.raises(RpcError, match="only for a new DNS provider"):
        certd.call("dnsProvider.update", ref="own", properties={"username": None, "subdomain": None, "token": None})
    assert len(api.accounts) == 1


@pytest.mark.parametrize("end", ["kill9", "stop"])
def test_a_registration_that_is_cut_off_leaves_nothing_but_an_unused_account(acmedns, end):
    api, certd, add = acmedns
    api.fail("POST", "executed")
    lost = certd.ctl(*add, check=False)
    assert lost.returncode != 0 and "register an account" in lost.stderr
    assert certd.call("dnsProvider.list")["items"] == []
    api.held.clear()
    caller = threading.Thread(target=certd.ctl, args=add, kwargs={"check": False})
    caller.start()
    wait_for(lambda: len(api.accounts) == 2, 20, "the second registration")
    getattr(certd, end)()
    api.held.set()
    caller.join()
    certd.start()
    assert certd.call("dnsProvider.list")["items"] == []
    assert "a2.auth.example.net" in certd.ctl(*add).stdout
