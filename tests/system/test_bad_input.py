"""Operators' input is made canonical, or refused with the field named and nothing stored."""
import json
import os

import pytest
from certd import Certd
from procs import free_port
from rpc import RpcError

LABEL = "a" * 63


@pytest.fixture(scope="module")
def certd(tmp_path_factory):
    """Shared by all tests, since refused input leaves nothing behind. Its providers are unreachable."""
    directory = tmp_path_factory.mktemp("certd")
    daemon = Certd(directory, config=f"http-listen = 127.0.0.1:{free_port()}\nmax-alternative-names = 5\n").start()
    daemon.call("provider.create", properties=provider())
    daemon.call("dnsProvider.create", properties={
        "name": "hook", "kind": "exec", "command": "/bin/true", "zones": ["example.com"]})
    yield daemon
    daemon.stop()


def provider(**more):
    return {"name": "p", "email": "ops@example.com", "server": "https://127.0.0.1:1/dir", **more}


def auto(**more):
    return {"provider": "p", "commonName": "www.example.com", **more}


def dns(**more):
    return {"name": "d", "kind": "rfc2136", "server": "127.0.0.1:53", "zones": ["example.com"], "tsigName": "key",
            "tsigKey": "c2VjcmV0", **more}


def consumer(**more):
    return {"name": "c", **more}


@pytest.mark.parametrize("typed, canonical", [
    ("WWW.Example.COM", "www.example.com"),
    ("www.example.com.", "www.example.com"),
    ("*.EXAMPLE.com.", "*.example.com"),
    ("bücher.example", "xn--bcher-kva.example"),
    ("BÜCHER.example", "xn--bcher-kva.example"),
    ("bu\u0308cher.example", "xn--bcher-kva.example"),
    ("www。example。com", "www.example.com"),
    ("ＷＷＷ.example.com", "www.example.com"),
    (f"{LABEL}.example.com", f"{LABEL}.example.com"),
    ("192.0.2.1", "192.0.2.1"),
    ("2001:DB8:0:0::1", "2001:db8::1"),
])
def test_a_name_has_one_canonical_form(certd, typed, canonical):
    made = certd.call("autoCertificate.create", properties=auto(commonName=typed))
    certd.call("autoCertificate.delete", ref=made["id"])
    assert made["metadata"]["commonName"] == canonical and made["properties"]["commonName"] == typed
    assert made["properties"]["name"] == canonical
    directory = made["metadata"]["dropDirectory"]
    assert os.path.dirname(directory) == str(certd.state / "live")


def test_duplicates_are_one(certd):
    names = ["WWW.example.com", "a.example.com", "A.Example.Com.", "a.example.com"]
    made = certd.call("autoCertificate.create", properties=auto(subjectAlternativeNames=names))
    certd.call("autoCertificate.delete", ref=made["id"])
    assert made["metadata"]["subjectAlternativeNames"] == ["a.example.com"]
    assert made["properties"]["subjectAlternativeNames"] == names


@pytest.mark.parametrize("name", ["../../../pwned", "..", ".", "a/b", "live", "%2e%2e", "~", "-rf", "$(id)"])
def test_no_name_leads_out_of_the_directory_of_drops(certd, name):
    made = certd.call("autoCertificate.create", properties=auto(name=name))
    certd.call("autoCertificate.delete", ref=made["id"])
    directory = made["metadata"]["dropDirectory"]
    assert os.path.realpath(directory).startswith(f"{os.path.realpath(certd.state)}/live/")
    assert os.path.basename(directory)[0] not in ".-"


NO_NAMES = [
    "", ".", "..", "-", "*", "*.com", "*.*.example.com", "www.*.example.com", "w*.example.com", "*example.com",
    "-www.example.com", "www-.example.com", "www..example.com", ".example.com", "www.example.com..", "a_b.example.com",
    "_.example.com", "../etc/passwd", "a/b.example.com", "a\\b.example.com", f"a{LABEL}.example.com",
    ".".join([LABEL] * 4), "a" * 1025, "www.exam ple.com", " www.example.com", "www.example.com ", "www.example.com\n",
    "www.example.com\t", "\x1b[2J.example.com", "\x7f.example.com", "\u202ewww.example.com", "a\u200db.example",
    "\u0085.example.com", "*.192.0.2.1", "192.0.2.300", "192.0.2", "0x7f.1", "192.0.2.1/24", "[::1]", "fe80::1%eth0",
    "single", "www.example.123", "xn--.example", "xn--a.example", "example.com:443", "https://example.com",
    "user@example.com", "a.example.com,b.example.com", "`id`.example.com", "$(id).example.com", ";reboot.example.com",
    "%00.example.com", "%s%n.example.com", 7, True, ["www.example.com"], {"a": "b"},
]

REFUSED = [
    *(("autoCertificate", auto(commonName=name), "commonName") for name in NO_NAMES),
    *(("autoCertificate", auto(subjectAlternativeNames=["a.example.com", name]), "subjectAlternativeNames[1]")
      for name in NO_NAMES),
    ("autoCertificate", auto(commonName=None), "commonName"),
    ("autoCertificate", auto(subjectAlternativeNames="a.example.com"), "subjectAlternativeNames"),
    ("autoCertificate", auto(subjectAlternativeNames=[f"{i}.example.com" for i in range(6)]),
     "subjectAlternativeNames[5]"),
    ("autoCertificate", auto(commonName="192.0.2.1", challenge="dns-01"), "challenge"),
    ("autoCertificate", auto(commonName="192.0.2.1", dnsProvider="hook", challenge="dns-01"), "challenge"),
    ("autoCertificate", auto(commonName="*.example.com", challenge="http-01"), "challenge"),
    ("autoCertificate", auto(commonName="*.example.org"), "challenge"),
    ("autoCertificate", auto(provider="nobody"), "provider"),
    ("autoCertificate", auto(dnsProvider="nobody"), "dnsProvider"),
    ("autoCertificate", auto(consumers=["nobody"]), "consumers[0]"),
    ("autoCertificate", auto(keyAlgorithm="rsa1024"), "keyAlgorithm"),
    ("autoCertificate", auto(challenge="http01"), "challenge"),
    ("autoCertificate", auto(renewBefore="0"), "renewBefore"),
    ("autoCertificate", auto(renewBefore=-5), "renewBefore"),
    ("autoCertificate", auto(renewBefore=10**30), "renewBefore"),
    ("autoCertificate", auto(renewBefore="1e9"), "renewBefore"),
    ("autoCertificate", auto(renewBefore="30 parsecs"), "renewBefore"),
    ("autoCertificate", auto(reuseKey="yes"), "reuseKey"),
    ("autoCertificate", auto(profile="a\tb"), "profile"),
    ("autoCertificate", auto(commonNam="x"), "commonNam"),
    *(("autoCertificate", auto(name=name), "name")
      for name in ("", " ", "a\nb", " a", "a ", "\u202egnp", "x" * 1025, 7)),
    *(("provider", provider(name="q", server=server), "server") for server in (
        "", "http://ca.example/", "ftp://ca.example/", "https://", "https:///dir", "https://:443/", "https://u:p@h/",
        "https://ca.example:0/", "https://ca.example:65536/", "https://ca.example:x/", "https://a b/", "https://a/#b",
        "https://ä.example/", "file:///etc/passwd", "letsencyrpt", "/etc/passwd", "https://" + "a" * 3000)),
    *(("provider", provider(name="q", email=email), "email") for email in (
        "", "nobody", "@", "a@", "@b.example", "a b@b.example", "a@b@c.example", "a@b.example,c@d.example",
        "mailto:a@b.example", "a@b.example?subject=x", "a@-b.example", "a@b.example\r\nBcc: c@d.example")),
    ("provider", provider(name="q", caFile="ca.pem"), "caFile"),
    ("provider", provider(name="q", accountKeyAlgorithm="dsa"), "accountKeyAlgorithm"),
    ("provider", provider(name="q", maxOrders=0), "maxOrders"),
    ("provider", provider(name="q", externalAccountBinding={"keyId": "k", "keySecret": "!"}),
     "externalAccountBinding.keySecret"),
    *(("dnsProvider", dns(server=server), "server") for server in (
        "", "ns1.example.com", ":53", "192.0.2.1:0", "192.0.2.1:65536", "192.0.2.1:x", "[::1", "::1]:53", "http://x",
        "a b")),
    *(("dnsProvider", dns(zones=["example.com", zone]), "zones[1]") for zone in (
        "", "*.example.com", "-a.example", "a..b", "../x", "192.0.2.1", ".")),
    ("dnsProvider", dns(kind="route66"), "kind"),
    ("dnsProvider", dns(tsigName="a b"), "tsigName"),
    ("dnsProvider", dns(tsigName=None), "tsigName"),
    ("dnsProvider", dns(tsigKey=None), "tsigKey"),
    ("dnsProvider", dns(tsigKey="not base64!"), "tsigKey"),
    ("dnsProvider", dns(tsigAlgorithm="rot13"), "tsigAlgorithm"),
    ("dnsProvider", dns(tsigAlgorithm="hmac-md5"), "tsigAlgorithm"),
    ("dnsProvider", dns(command="/bin/true"), "command"),
    ("dnsProvider", dns(token="abc"), "token"),
    *(("dnsProvider", {"name": "e", "kind": "exec", "command": "/bin/true", name: value}, name) for name, value in (
        ("server", "192.0.2.1"), ("tsigName", "k"), ("tsigKey", "c2VjcmV0"), ("tsigAlgorithm", "hmac-sha256"),
        ("token", "abc"), ("endpoint", "https://dns.example"))),
    ("dnsProvider", {"name": "e", "kind": "ionoscloud"}, "token"),
    ("dnsProvider", dns(ttl=0), "ttl"),
    ("dnsProvider", {"name": "e", "kind": "exec", "zones": ["example.com"]}, "command"),
    ("dnsProvider", {"name": "e", "kind": "exec", "zones": ["example.com"], "command": "hook.sh"}, "command"),
    ("consumer", consumer(activate="exec"), "command"),
    ("consumer", consumer(activate="exec", command=["reload"]), "command"),
    ("consumer", consumer(activate="notify"), "socket"),
    ("consumer", consumer(activate="notify", socket="run/x"), "socket"),
    ("consumer", consumer(activate="notify", socket="/" + "x" * 108), "socket"),
    ("consumer", consumer(probes=[{"host": "h", "port": 0}]), "probes[0].port"),
    ("consumer", consumer(probes=[{"host": "h", "port": 443}, {"host": "", "port": 443}]), "probes[1].host"),
    ("consumer", consumer(probes=[{"host": "h h", "port": 443}]), "probes[0].host"),
    ("consumer", consumer(probes=[{"host": "h", "port": 443, "sni": "a/b"}]), "probes[0].sni"),
    ("consumer", consumer(directory="drops"), "directory"),
]


def stored(certd):
    """Everything that a create could leave behind."""
    counts = {noun: certd.call(f"{noun}.list")["total"]
              for noun in ("provider", "autoCertificate", "dnsProvider", "consumer")}
    return counts, [row for row in certd.call("schedule.list")["items"] if row["kind"] != "account"]


def newest_event(certd):
    """Except those of the provider's account, which certd tries to register meanwhile."""
    return [event for event in certd.call("event.list")["items"] if not event["kind"].startswith("account.")][-1:]


@pytest.mark.parametrize("noun", ["autoCertificate", "provider", "dnsProvider", "consumer"])
def test_what_cannot_be_is_refused_before_anything_is_stored(certd, noun):
    before = stored(certd)
    newest = newest_event(certd)
    for _, properties, field in (row for row in REFUSED if row[0] == noun):
        with pytest.raises(RpcError) as refused:
            certd.call(f"{noun}.create", properties=properties)
        error = refused.value
        assert error.data.get("field") == f"properties.{field}", (properties, error.data, error.message)
        assert error.data["code"] in ("invalid", "limit", "not-found"), (properties, error.data)
        assert error.message.replace("\u200d", "").isprintable() and len(error.message) < 1300, error.message
    assert stored(certd) == before
    assert newest_event(certd) == newest


def test_a_nul_is_no_part_of_a_name(certd):
    for text in (r"www\u0000.example.com", "www\0.example.com"):
        with certd.rpc() as rpc:
            request = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "autoCertificate.create",
                                  "params": {"properties": auto(commonName="NAME")}})
            rpc.send_bytes(request.replace("NAME", text).encode() + b"\n")
            assert rpc.read()["error"]["code"] == -32700


def test_a_name_that_is_taken_is_told(certd):
    made = certd.call("autoCertificate.create", properties=auto())
    with pytest.raises(RpcError, match="'www.example.com' already exists"):
        certd.call("autoCertificate.create", properties=auto(commonName="WWW.EXAMPLE.COM."))
    with pytest.raises(RpcError) as refused:
        certd.call("autoCertificate.update", ref="www.example.com", properties={"subjectAlternativeNames": ["../x"]})
    assert refused.value.data["field"] == "properties.subjectAlternativeNames[0]"
    assert certd.call("autoCertificate.get", ref=made["id"])["properties"]["subjectAlternativeNames"] == []
    certd.call("autoCertificate.delete", ref=made["id"])
