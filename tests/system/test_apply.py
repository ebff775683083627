"""certctl apply and dump: declarations as a file. Nothing is issued: the CA is a port without a listener."""
import json
import re

import pytest
from certd import Certd
from procs import free_port

CONFIG = f"http-listen = 127.0.0.1:{free_port()}\n"
TSIG_SECRET = "c2VjcmV0LW9mLXRoZS10c2lnLWtleQ=="


@pytest.fixture
def certd(start):
    return start(Certd, config=CONFIG)


@pytest.fixture
def site(scratch):
    """A file with every kind of object, and the directory of credentials that it needs."""
    credentials = scratch / "credentials"
    credentials.mkdir()
    for name, text in {"tsig": f'key "k." {{ algorithm hmac-sha512; secret "{TSIG_SECRET}"; }};',
                       "ionos": "token-of-the-api", "eab": "bWFjLWtleS1vZi10aGUtYWNjb3VudA"}.items():
        (credentials / name).write_text(text)
        (credentials / name).chmod(0o600)
    path = scratch / "site.yaml"
    path.write_text(f"""
# what this host needs
autoCertificates:
  "*.example.com":
    provider: ca
    commonName: "*.EXAMPLE.com"
    subjectAlternativeNames: [example.com, bücher.example.com]
    challenge: dns-01
    dnsProvider: ns1
    keyAlgorithm: rsa2048
    renewBefore: 20d
    consumers:
      - web
  "007":
    provider: ca
    commonName: bond.example.com
    profile: 7
consumers:
  web:
    probes:
      - {{host: "::1", port: 443, sni: www.example.com}}
  app: {{activate: notify, socket: "@app"}}
dnsProviders:
  ns1:
    kind: rfc2136
    server: 192.0.2.53:53
    zones: [example.com]
    ttl: 2m
    tsigKeyFile: credentials/tsig
  ionos:
    kind: ionoscloud
    token: {{credential: ionos}}
    zones: [example.net]
providers:
  ca:
    email: ops@example.com
    server: https://127.0.0.1:{free_port()}/directory
    termsOfServiceAgreed: true
    externalAccountBinding:
      keyId: kid-1
      keySecret: {{file: {credentials}/eab}}
  spare:
    email: ops@example.com
    server: letsencrypt-staging
""")
    return path


def apply(certd, path, *options, credentials=None, **more):
    variables = {"CREDENTIALS_DIRECTORY": str(credentials)} if credentials else {}
    return certd.ctl("apply", "-f", path, *options, variables=variables, **more)


def last_event(certd):
    """Except those of accounts, which certd tries to register meanwhile."""
    events = certd.call("event.list", limit=1000)["items"]
    return [event["seq"] for event in events if not event["kind"].startswith("account.")][-1]


def test_a_dump_makes_the_same_on_an_empty_daemon_and_nothing_the_second_time(certd, start, site, scratch):
    credentials = site.parent / "credentials"
    first = apply(certd, site, credentials=credentials).stdout
    assert first.splitlines()[-1] == "8 created, 0 changed, 0 removed, 0 unchanged"
    assert first.index("+ DNS provider 'ns1'") < first.index("+ auto-certificate '*.example.com'")
    assert "tsigKey: (secret)" in first and TSIG_SECRET not in first and "token-of" not in first
    auto = certd.ctl_json("show", "auto", "*.example.com")
    assert auto["metadata"]["subjectAlternativeNames"] == ["example.com", "xn--bcher-kva.example.com"]
    assert auto["properties"]["subjectAlternativeNames"] == ["example.com", "bücher.example.com"], "as it was written"
    assert certd.ctl_json("show", "auto", "007")["properties"]["profile"] == "7"

    seq = last_event(certd)
    modified = certd.ctl_json("show", "dns", "ns1")["metadata"]["lastModifiedDate"]
    again = apply(certd, site, credentials=credentials).stdout
    assert again == "0 created, 0 changed, 0 removed, 8 unchanged\n"
    assert last_event(certd) == seq
    assert certd.ctl_json("show", "dns", "ns1")["metadata"]["lastModifiedDate"] == modified

    dump = certd.ctl("dump").stdout
    assert TSIG_SECRET not in dump and "token-of" not in dump and "bWFj" not in dump
    assert "credential: dnsProvider.ns1.tsigKey" in dump
    assert certd.ctl("dump").stdout == dump
    copy = scratch / "copy.yaml"
    copy.write_text(dump)
    other = start(Certd, config=CONFIG)
    refused = apply(other, copy, check=False)
    assert refused.returncode == 65
    assert refused.stderr.splitlines()[:3] == [
        f"certctl: {what} is missing: cannot read the credential '{name}': CREDENTIALS_DIRECTORY is not set"
        for what, name in (("provider 'ca': externalAccountBinding.keySecret",
                            "provider.ca.externalAccountBinding.keySecret"),
                           ("DNS provider 'ionos': token", "dnsProvider.ionos.token"),
                           ("DNS provider 'ns1': tsigKey", "dnsProvider.ns1.tsigKey"))]
    assert other.ctl_json("list", "provider") == []

    for name, source in {"provider.ca.externalAccountBinding.keySecret": "eab", "dnsProvider.ionos.token": "ionos",
                         "dnsProvider.ns1.tsigKey": "tsig"}.items():
        (credentials / source).rename(credentials / name)
    apply(other, copy, credentials=credentials)
    assert other.ctl("dump").stdout == dump
    assert apply(other, copy, credentials=credentials).stdout == "0 created, 0 changed, 0 removed, 8 unchanged\n"
    assert apply(other, copy).stdout == "0 created, 0 changed, 0 removed, 8 unchanged\n"

    as_json = scratch / "copy.json"
    as_json.write_text(other.ctl("dump", "--format", "json").stdout)
    assert json.loads(as_json.read_text())["consumers"]["app"] == {"activate": "notify", "socket": "@app"}
    assert apply(certd, as_json).stdout == "0 created, 0 changed, 0 removed, 8 unchanged\n"


def test_what_differs_is_shown_and_done_object_by_object(certd, site):
    apply(certd, site, credentials=site.parent / "credentials")
    text = site.read_text()
    text = text.replace("keyAlgorithm: rsa2048", "keyAlgorithm: secp384r1").replace("    ttl: 2m\n", "")
    text = text.replace("  app: {activate: notify, socket: \"@app\"}\n", "  api: {activate: none}\n")
    site.write_text(text.replace("server: letsencrypt-staging", "server: letsencrypt\n    email2: x"))
    refused = apply(certd, site, check=False)
    line = 1 + site.read_text().splitlines().index("    email2: x")
    assert refused.returncode == 65
    assert f"site.yaml: line {line}: provider 'spare': email2: unknown member; did you mean 'email'?" \
        in refused.stderr
    site.write_text(text)
    seq = last_event(certd)
    (site.parent / "credentials/tsig").write_text("bmV3LXNlY3JldC1vZi10aGUta2V5MDA=")
    (site.parent / "credentials/tsig").chmod(0o600)

    def expect(out, summary):
        lines = out.splitlines()
        assert lines[-1] == summary
        assert "+ consumer 'api'" in lines
        assert "    ttl: 120 -> (none)" in lines and "    tsigKey: (secret)" in lines
        assert "~ auto-certificate '*.example.com': causes reissue" in lines
        assert "    keyAlgorithm: rsa2048 -> secp384r1" in lines

    expect(apply(certd, site, "--dry-run", "--prune").stdout,
           "dry run: 1 created, 2 changed, 1 removed, 5 unchanged")
    assert last_event(certd) == seq and certd.ctl_json("show", "dns", "ns1")["properties"]["ttl"] == 120
    expect(apply(certd, site).stdout, "1 created, 2 changed, 0 removed, 5 unchanged; 1 not in the file, kept")
    steps = json.loads(apply(certd, site, "--prune", "-o", "json").stdout)
    assert [(step["action"], step["noun"], step["name"]) for step in steps] == [("delete", "consumer", "app")]
    assert apply(certd, site, "--prune").stdout == "0 created, 0 changed, 0 removed, 8 unchanged\n"


def test_what_refers_to_something_new_comes_behind_it(certd, site):
    credentials = site.parent / "credentials"
    apply(certd, site, credentials=credentials)
    site.write_text(site.read_text().replace("      - web\n", "      - web\n      - late\n")
                    .replace("\nconsumers:\n", "\nconsumers:\n  late:\n"))
    assert apply(certd, site, "--dry-run", credentials=credentials).stdout.splitlines() == [
        "+ consumer 'late'", "~ auto-certificate '*.example.com'", "    consumers: web -> web late",
        "dry run: 1 created, 1 changed, 0 removed, 7 unchanged"]
    steps = json.loads(apply(certd, site, "-o", "json", credentials=credentials).stdout)
    assert [(step["action"], step["name"], step.get("effect", {}).get("action")) for step in steps] == \
        [("create", "late", None), ("update", "*.example.com", "redeploy")]
    assert apply(certd, site).stdout == "0 created, 0 changed, 0 removed, 9 unchanged\n"


def test_one_that_is_refused_holds_up_only_those_that_need_it(certd, scratch):
    path = scratch / "site.yaml"
    ca = f"{{email: a@example.com, server: 'https://127.0.0.1:{free_port()}/d'}}"
    path.write_text(f"""
providers: {{good: {ca}, bad: {{email: nobody, server: letsencrypt}}}}
autoCertificates:
  a.example.com: {{provider: bad, commonName: a.example.com}}
  b.example.com: {{provider: good, commonName: b.example.com}}
""")
    dry = apply(certd, path, "--dry-run", check=False)
    assert dry.returncode == 65 and certd.ctl_json("list", "provider") == []
    assert "certctl: provider 'bad': 'nobody' is not one address" in dry.stderr
    assert "1 of 4 changes would be refused" in dry.stderr
    result = apply(certd, path, check=False)
    assert result.returncode == 65
    assert "certctl: provider 'bad': 'nobody' is not one address" in result.stderr
    assert "certctl: auto-certificate 'a.example.com': there is no provider 'bad'" in result.stderr
    assert "2 of 4 changes were refused (listed above); the others were made" in result.stderr
    assert result.stdout.splitlines()[-1] == "4 created, 0 changed, 0 removed, 0 unchanged; 2 of them refused"
    assert [auto["properties"]["name"] for auto in certd.ctl_json("list", "auto")] == ["b.example.com"]

    # a refused update leaves its object unchanged
    path.write_text(f"""
providers: {{good: {ca.replace("a@example", "b@example")}}}
autoCertificates:
  b.example.com: {{provider: good, commonName: b.example.com, subjectAlternativeNames: [a..b]}}
  c.example.com: {{provider: good, commonName: c.example.com}}
""")
    result = apply(certd, path, check=False)
    assert result.stdout.splitlines()[-1] == "1 created, 2 changed, 0 removed, 0 unchanged; 1 of them refused"
    assert "certctl: auto-certificate 'b.example.com': " in result.stderr
    assert certd.ctl_json("show", "provider", "good")["properties"]["email"] == "b@example.com"
    assert "subjectAlternativeNames" not in certd.ctl_json("show", "auto", "b.example.com")["properties"] or \
        certd.ctl_json("show", "auto", "b.example.com")["properties"]["subjectAlternativeNames"] == []
    certd.ctl("rm", "auto", "c.example.com")
    ca = ca.replace("a@example", "b@example")

    # the provider is deleted after the objects that need it; a collection missing from the file is not touched
    path.write_text("autoCertificates: {}\n")
    assert apply(certd, path, "--prune").stdout.endswith("1 removed, 0 unchanged; 1 not in the file, kept\n")
    path.write_text(f"providers: {{good: {ca}}}\n"
                    "autoCertificates: {c.example.com: {provider: good, commonName: c.example.com}}\n")
    apply(certd, path)
    path.write_text("providers:\nautoCertificates:\n")
    result = certd.ctl("apply", "-f", "-", "--prune", input=path.read_text())
    assert result.stdout.splitlines() == ["- auto-certificate 'c.example.com'", "- provider 'good'",
                                          "0 created, 0 changed, 2 removed, 0 unchanged"]


@pytest.mark.parametrize("text, says", [
    ("providers: [", "line 2: while parsing a flow node"),
    ("a: &x 1\n", "line 1: anchors (&) and tags (!) are not supported"),
    ("providers:\n  x: *y\n", "line 2: aliases (*) are not supported"),
    ("providers: {}\nproviders: {}\n", "line 2: 'providers' is given twice"),
    ("provider: {}\n", "line 1: 'provider' is not one of providers, dnsProviders, consumers, alerts, autoCertificates; did you"),
    ("dnsProviders:\n  ns1:\n    kind: rfc2136\n    tsigKey: c2VjcmV0\n",
     "line 4: DNS provider 'ns1': tsigKey: a secret is not written into this file: use tsigKey: {file: PATH}"),
    ("autoCertificates:\n  a:\n    provider: x\n    commonName: a.example\n    keyAlgorithm: rsa204\n",
     "line 5: auto-certificate 'a': keyAlgorithm: 'rsa204' is not one of"),
    ("autoCertificates:\n  a:\n    provider: x\n", "line 2: auto-certificate 'a': commonName: is required"),
    ("- 1\n", "line 1: expected a mapping"),
    ("", "line 1: the file is empty"),
])
def test_a_file_that_is_wrong_is_refused_with_its_line(certd, text, says):
    result = certd.ctl("apply", "-f", "-", input=text, check=False)
    assert result.returncode == 65
    assert f"certctl: standard input: {says}" in result.stderr
    assert result.stdout == ""


def test_a_thousand_auto_certificates(certd, scratch):
    path = scratch / "site.yaml"
    lines = ["providers:", "  ca:", "    email: ops@example.com",
             f"    server: https://127.0.0.1:{free_port()}/directory", "autoCertificates:"]
    for number in range(1000):
        lines += [f"  a{number:04}.example.com:", "    provider: ca", f"    commonName: a{number:04}.example.com"]
    path.write_text("\n".join(lines) + "\n")
    assert apply(certd, path).stdout.splitlines()[-1] == "1001 created, 0 changed, 0 removed, 0 unchanged"
    assert apply(certd, path).stdout == "0 created, 0 changed, 0 removed, 1001 unchanged\n"
    last = certd.ctl("list", "--sort", "name:desc", "--limit", "2", "--offset", "1", "--columns", "name,provider").stdout
    assert last == "NAME               PROVIDER\na0998.example.com  ca\na0997.example.com  ca\n"
    dump = certd.ctl("dump").stdout
    assert len(re.findall(r"^  a\d+\.example\.com:$", dump, re.M)) == 1000
    path.write_text(dump.replace("a0500.example.com", "b0500.example.com"))
    assert apply(certd, path, "--prune").stdout.splitlines()[-1] == \
        "1 created, 0 changed, 1 removed, 1000 unchanged"
