"""certctl migrate: from directories that the other clients have made themselves."""
import json
import os
import re
import shutil
import time
from datetime import datetime
from pathlib import Path

import pytest
from certd import Certd
from other_clients import EMAIL, AcmeSh, Certbot, Dehydrated, Lego, Uacme
from pebble import Pebble
from procs import free_port, run, wait_for
from tls import ThrowAwayCa, parse_certificate, tls_leaf
from webservers import Nginx

DAYS = 86400
pytestmark = pytest.mark.limit(180)  # some of the clients are slow


def recording_hook(path, record):
    """A program that adds its arguments and the variables of hooks to @record, as a line of JSON."""
    path.write_text("#!/usr/bin/python3\nimport json, os, sys\n"
                    f"with open('{record}', 'a') as out:\n"
                    "    print(json.dumps([sys.argv[1:], dict(os.environ)]), file=out)\n")
    path.chmod(0o755)
    return path


def recorded(record, count):
    """What hooks have recorded, once there are that many lines."""
    wait_for(lambda: record.exists() and record.read_text().count("\n") >= count, 20, f"{count} calls")
    return [json.loads(line) for line in record.read_text().splitlines()]


class Site:
    """A CA whose account key and certificates the other client has, and certd."""

    def __init__(self, start, scratch):
        self.scratch = scratch
        self.pebble = start(Pebble, always_valid=True, validity=90 * DAYS)
        self.certd = start(Certd, config=f"http-listen = 127.0.0.1:{free_port()}\n")

    def migrate(self, *words, check=True):
        return self.certd.ctl("migrate", *words, "--ca-file", self.pebble.ca_file, check=check)

    def orders(self):
        return sum("order-plz" in path for _, path in self.pebble.requests)

    def accounts(self):
        return len(re.findall(r"There are now \d+ accounts", self.pebble.log))

    def declared(self):
        return {kind: self.certd.call(f"{kind}.list")["total"]
                for kind in ("provider", "autoCertificate", "certificate", "dnsProvider", "consumer")}

    def auto(self, name):
        return self.certd.ctl_json("show", "auto", name)

    def check_taken_over(self, *words, certificates):
        """Dry run, real run and second run of `migrate *words`, without an order or a new account.

        @certificates: {name: file of its chain}. Returns what the real run said.
        """
        before = (self.orders(), self.accounts())
        planned = self.migrate(*words, "--dry-run").stdout
        assert self.declared() == dict.fromkeys(self.declared(), 0)
        told = self.migrate(*words)
        assert re.match(r"(?s)(.*?)\ndry run: (\d+ created, 0 changed, 0 removed)", planned)[1] in told.stdout
        self.check_declared(certificates)
        again = self.migrate(*words).stdout
        count = len(certificates)
        assert again == f"{count} certificate{' is' if count == 1 else 's are'} declared already\nnothing to do\n"
        assert (self.orders(), self.accounts()) == before
        return told.stdout

    def check_declared(self, certificates):
        for name in certificates:
            wait_for((self.certd.drop(name) / "manifest.json").exists, 20)
        assert sorted(p.name for p in (self.certd.state / "live").iterdir()) == sorted(
            name.replace("*", "_") for name in certificates)
        for name, file in certificates.items():
            auto = self.auto(name)["metadata"]
            assert auto["state"] == "AVAILABLE" and auto["nextAction"] == "renew"
            left = datetime.fromisoformat(auto["nextDate"].replace("Z", "+00:00")).timestamp() - time.time()
            assert 50 * DAYS < left < 61 * DAYS
            served = parse_certificate(self.certd.drop(name) / "cert.pem")
            assert served.fingerprint == parse_certificate(file).fingerprint
            assert "PRIVATE KEY" in (self.certd.drop(name) / "privkey.pem").read_text()
        for provider in self.certd.call("provider.list")["items"]:
            self.certd.ctl("set", "provider", provider["id"], "--max-orders", "4")  # waits for nothing
        assert self.declared()["certificate"] == len(certificates)

    def check_expired(self, *words, name, file, key):
        """The same certificate, expired: it is named, and nothing of it is done."""
        ca = ThrowAwayCa(self.scratch / "expired-ca")
        certificate, expired_key = ca.issue(f"{name}.example.com", days=-1)
        for path, text in ((file, certificate.read_text() + ca.cert_file.read_text()), (key, expired_key.read_text())):
            path.unlink()
            path.write_text(text)
        self.certd.ctl("rm", "auto", name, "--with-certificates", "--force")
        before = self.declared()
        for options in (["--dry-run"], []):
            told = self.migrate(*words, name, *options, check=False)
            assert told.returncode and f"certificate '{name}' is not taken" in told.stderr and "expired" in told.stderr
        assert self.declared() == before

    def check_renews(self, name):
        """With the other client's account."""
        accounts, orders = self.accounts(), self.orders()
        self.certd.ctl("renew", name)
        assert (self.accounts(), self.orders()) == (accounts, orders + 1)


@pytest.fixture
def site(start, scratch):
    return Site(start, scratch)


def test_certbot(site):
    certbot = Certbot(site.pebble, site.scratch / "letsencrypt")
    certbot.issue("--standalone", "--http-01-port", str(free_port()), "-d", "www.example.com", "-d", "example.com")
    for name in ("web", "web2"):
        (site.scratch / name).mkdir()
    certbot.issue("--webroot", "-w", site.scratch / "web", "-d", "a.example.com", "-w", site.scratch / "web2", "-d",
                  "b.example.com", "--key-type", "rsa", "--rsa-key-size", "3072", "--reuse-key", "--cert-name", "shop")
    hook = site.scratch / "hook.sh"
    hook.write_text("#!/bin/sh\nexit 0\n")
    hook.chmod(0o755)
    certbot.issue("--manual", "--preferred-challenges", "dns", "--manual-auth-hook", hook, "--manual-cleanup-hook",
                  hook, "-d", "*.example.org")
    # Not by --deploy-hook: certbot would run it on this host.
    certbot.change("www.example.com", ("authenticator = ", "renew_hook = systemctl reload nginx\nauthenticator = "))
    certbot.change("shop", ("# renew_before_expiry = 30 days", "renew_before_expiry = 31 days"),
                   ("authenticator = ", "renew_hook = service postfix reload\nauthenticator = "))

    # The address of the account is in none of its files.
    told = site.migrate("certbot", certbot.directory, check=False)
    assert told.returncode and told.stderr.count("give --email ADDRESS") == 3 and site.declared()["provider"] == 0
    out = site.check_taken_over("certbot", certbot.directory, "--email", EMAIL, certificates={
        name: certbot.files(name) / "cert.pem" for name in ("www.example.com", "shop", "example.org")})
    assert "accountKey: (secret)" in out and "systemctl disable --now certbot.timer" in out
    assert "systemctl enable --now certd-nginx.path" in out
    assert "systemctl enable --now certd-reload@postfix.path" in out
    assert f"webroot = {site.scratch}/web\n" in out and f"webroot = {site.scratch}/web2\n" in out
    assert f"the files of 'shop' are now in {site.certd.drop('shop')}" in out

    www, shop = site.auto("www.example.com")["properties"], site.auto("shop")["properties"]
    assert www["commonName"] in ("www.example.com", "example.com") and www["keyAlgorithm"] == "secp256r1"
    assert www["challenge"] == "http-01" and len(www["consumers"]) == 1
    assert (shop["keyAlgorithm"], shop["reuseKey"], shop["renewBefore"]) == ("rsa3072", True, 31 * DAYS)
    dns = site.certd.ctl_json("show", "dns", "exec")["properties"]
    assert (dns["command"], dns["convention"], dns["cleanupCommand"]) == (str(hook), "certbot", str(hook))
    assert site.auto("example.org")["properties"]["challenge"] == "dns-01"
    site.check_renews("www.example.com")

    # Another certificate later: the provider is there, and what was changed since is kept.
    site.certd.ctl("set", "auto", "shop", "--renew-before", "20d")
    certbot.issue("--standalone", "--http-01-port", str(free_port()), "-d", "new.example.com")
    out = site.migrate("certbot", certbot.directory, "--email", EMAIL).stdout
    assert "1 created, 0 changed" in out and site.declared()["provider"] == 1
    assert site.auto("shop")["properties"]["renewBefore"] == 20 * DAYS


def test_certbots_files_are_kept_and_certd_writes_them(site, start):
    certbot = Certbot(site.pebble, site.scratch / "letsencrypt")
    certbot.issue("--standalone", "--http-01-port", str(free_port()), "-d", "www.example.com")
    certbot.change("www.example.com", ("authenticator = ", "renew_hook = systemctl reload nginx\nauthenticator = "))
    live = certbot.files("www.example.com")
    before = {path: os.readlink(path) for path in live.glob("*.pem")}
    assert len(before) == 4

    class Old(Nginx):
        """As it was configured for certbot."""
        @staticmethod
        def _certificate(bundle):
            return f"ssl_certificate {bundle}/fullchain.pem; ssl_certificate_key {bundle}/privkey.pem;"

    nginx = start(Old, bundles={"www.example.com": live})
    words = ("certbot", certbot.directory, "--email", EMAIL)
    assert f"servers can go on reading {certbot.directory}: see certctl migrate certbot --keep-files" in site.migrate(
        *words, "--dry-run").stdout
    planned = site.migrate(*words, "--keep-files", "--dry-run").stdout
    told = site.migrate(*words, "--keep-files").stdout
    for text in (planned, told):
        assert f"chown -R certd: {certbot.directory}/live {certbot.directory}/archive" in text
        assert f"ReadWritePaths={certbot.directory}/live {certbot.directory}/archive" in text
        assert "layout: certbot" in text and "has no privileges" in text and "sandbox is read-only" in text
    consumers = [site.certd.call("consumer.get", ref=ref)["properties"]["name"] for ref in
                 site.auto("www.example.com")["properties"]["consumers"]]
    assert consumers == ["certbot", "nginx"]  # the files are written first
    assert "nothing to do" in site.migrate(*words, "--keep-files").stdout
    site.check_renews("www.example.com")
    wait_for(lambda: os.readlink(live / "privkey.pem") == "../../archive/www.example.com/privkey2.pem" or
             os.readlink(live / "privkey.pem").endswith("privkey3.pem"), 20)
    newest = parse_certificate(site.certd.drop("www.example.com") / "cert.pem")
    wait_for(lambda: parse_certificate(live / "fullchain.pem").fingerprint == newest.fingerprint, 20)
    nginx.reload()
    wait_for(lambda: tls_leaf("127.0.0.1", nginx.tls_port, "www.example.com").fingerprint == newest.fingerprint, 20)
    assert {path: (path.parent / old).exists() for path, old in before.items()} == dict.fromkeys(before, True)
    site.certd.ctl("rm", "auto", "www.example.com", "--with-certificates", "--force")
    archive = certbot.directory / "archive/www.example.com"
    wait_for(lambda: sorted(p.name for p in archive.iterdir()) == sorted(
        Path(old).name for old in before.values()), 20)  # certbot's own stay


def test_files_of_other_clients_are_kept(site):
    lego = Lego(site.pebble, site.scratch / "lego")
    for name in ("lego.example.com", "s.example.com"):
        lego.issue("-d", name, "--http", "--http.port", f":{free_port()}")
    dehydrated = Dehydrated(site.pebble, site.scratch / "dehydrated", "KEY_ALGO=rsa\n")
    dehydrated.issue("d.example.com")
    acme = AcmeSh(site.pebble, site.scratch / "acme.sh", lego)
    acme.add("s.example.com", "Le_Webroot='no'")
    cases = {("lego", lego.directory, "--server", site.pebble.url, "lego.example.com"):
             (lego.directory / "certificates/lego.example.com.crt", f"chown -R certd: {lego.directory}/certificates"),
             ("dehydrated", dehydrated.directory):
             (dehydrated.directory / "certs/d.example.com/fullchain.pem", "first, stop dehydrated"),
             ("acme.sh", acme.directory):
             (acme.directory / "s.example.com_ecc/fullchain.cer", "first, stop acme.sh")}
    for words, (file, said) in cases.items():
        told = site.migrate(*words, "--keep-files").stdout
        assert said in told and "ReadWritePaths=" in told
        name = file.name.removesuffix(".crt") if words[0] == "lego" else file.parent.name.removesuffix("_ecc")
        site.certd.ctl("renew", name)
        newest = parse_certificate(site.certd.drop(name) / "cert.pem")
        wait_for(lambda: parse_certificate(file).fingerprint == newest.fingerprint, 20, str(file))  # noqa: B023


def test_what_cannot_be_taken_from_certbot_is_named_and_nothing_of_it_is_done(site):
    certbot = Certbot(site.pebble, site.scratch / "letsencrypt")
    names = ("fine", "keyless", "expired", "plugin", "foreign", "token", "directory")
    for name in names:
        certbot.issue("--standalone", "--http-01-port", str(free_port()), "-d", f"{name}.example.com", "--cert-name",
                      name)
    (certbot.files("keyless") / "privkey.pem").unlink()
    ca = ThrowAwayCa(site.scratch / "ca")
    certificate, key = ca.issue("expired.example.com", days=-1)
    expired = certbot.directory / "archive/expired"
    (expired / "fullchain1.pem").write_text(certificate.read_text() + ca.cert_file.read_text())
    shutil.copy(key, expired / "privkey1.pem")
    certbot.change("plugin", ("authenticator = standalone", "authenticator = dns-ovh"))
    certbot.change("token", ("authenticator = standalone", "authenticator = dns-cloudflare"))
    (site.scratch / "stolen.pem").write_text(key.read_text())
    (certbot.files("foreign") / "privkey.pem").unlink()
    (certbot.files("foreign") / "privkey.pem").symlink_to(site.scratch / "stolen.pem")
    (certbot.files("directory") / "privkey.pem").unlink()
    (certbot.files("directory") / "privkey.pem").mkdir()
    reasons = {
        "keyless": "live/keyless/privkey.pem': No such file", "expired": "expire", "plugin": "validated by dns-ovh",
        "foreign": "leads out of the directory", "token": "dns_cloudflare_credentials is not set",
        "directory": "not a regular file"}
    for options in (["--dry-run"], [], []):
        told = site.migrate("certbot", certbot.directory, "--email", EMAIL, *options, check=False)
        lines = [line for line in told.stderr.splitlines() if "is not taken" in line]
        assert told.returncode and len(lines) == len(reasons)
        for name, reason in reasons.items():
            assert any(f"certificate '{name}' is not taken" in line and reason in line for line in lines), (name, lines)
        assert "6 items were refused" in told.stderr
    assert site.declared() == {"provider": 1, "autoCertificate": 1, "certificate": 1, "dnsProvider": 0, "consumer": 0}

    # Any DNS provider of certd's own takes the place of a plugin.
    site.certd.ctl("add-dns", "--name", "own", "--kind", "exec", "--command", "/bin/true")
    site.migrate("certbot", certbot.directory, "plugin", "--email", EMAIL, "--dns", "own")
    assert site.auto("plugin")["properties"]["dnsProvider"]
    assert "there is no certificate 'nobody'" in site.migrate(
        "certbot", certbot.directory, "nobody", "--email", EMAIL, check=False).stderr


def test_certbots_plugins_that_certd_has(site):
    certbot = Certbot(site.pebble, site.scratch / "letsencrypt")
    files = {"cloudflare": "dns_cloudflare_api_token = t0ken\n",
             "rfc2136": "dns_rfc2136_server = 192.0.2.1\ndns_rfc2136_port = 5353\ndns_rfc2136_name = key.\n"
                        "dns_rfc2136_secret = c2VjcmV0c2VjcmV0c2VjcmV0\ndns_rfc2136_algorithm = HMAC-SHA512\n"}
    for plugin, text in files.items():
        path = site.scratch / f"{plugin}.ini"
        path.write_text(f"# credentials\n{text}")
        path.chmod(0o600)
        certbot.issue("--standalone", "--http-01-port", str(free_port()), "-d", f"{plugin}.example.com", "--cert-name",
                      plugin)
        certbot.change(plugin, ("authenticator = standalone",
                                f"authenticator = dns-{plugin}\ndns_{plugin}_credentials = {path}"))
    told = site.migrate("certbot", certbot.directory, "rfc2136", "--email", EMAIL)
    assert "DNS provider 'rfc2136'" in told.stdout and "c2VjcmV0" not in told.stdout + told.stderr
    dns = site.certd.ctl_json("show", "dns", "rfc2136")["properties"]
    assert (dns["server"], dns["tsigName"], dns["tsigAlgorithm"]) == ("192.0.2.1:5353", "key.", "hmac-sha512")
    planned = site.migrate("certbot", certbot.directory, "--email", EMAIL, "--dry-run", check=False).stdout
    assert "kind: cloudflare" in planned and "token: (secret)" in planned


def test_lego(site):
    lego = Lego(site.pebble, site.scratch / "lego")
    lego.issue("-d", "lego.example.com", "-d", "x.example.com", "--http", "--http.port", f":{free_port()}")
    lego.issue("-d", "*.example.net", "--dns", "exec", "--dns.disable-cp", "-k", "rsa2048",
               variables={"EXEC_PATH": "/bin/true"})
    files = lego.directory / "certificates"
    words = ("lego", lego.directory, "--server", site.pebble.url)
    told = site.migrate("lego", lego.directory, check=False)
    assert told.returncode and "give --server URL" in told.stderr
    told = site.migrate(*words, check=False)
    assert told.returncode and "certificate '*.example.net' is not taken" in told.stderr and "--dns" in told.stderr
    assert site.declared()["certificate"] == 1
    for auto in site.certd.call("autoCertificate.list")["items"]:
        site.certd.ctl("rm", "auto", auto["id"], "--with-certificates", "--force")
    site.certd.ctl("rm", "provider", "127.0.0.1")
    site.certd.ctl("add-dns", "--name", "own", "--kind", "exec", "--command", "/bin/true")
    site.migrate(*words, "*.example.net", "--dns", "own")
    site.migrate(*words, "lego.example.com")
    site.check_declared({"*.example.net": files / "_.example.net.crt",
                         "lego.example.com": files / "lego.example.com.crt"})
    assert "nothing to do" in site.migrate(*words, "--dns", "own").stdout
    assert site.certd.ctl_json("show", "auto", "*.example.net")["properties"]["keyAlgorithm"] == "rsa2048"
    site.check_renews("lego.example.com")
    site.check_expired(*words, name="lego.example.com", file=files / "lego.example.com.crt",
                       key=files / "lego.example.com.key")
    (files / "lego.example.com.key").unlink()
    told = site.migrate(*words, "lego.example.com", check=False)
    assert "certificates/lego.example.com.key" in told.stderr and site.declared()["certificate"] == 1


def test_dehydrated(site):
    dehydrated = Dehydrated(site.pebble, site.scratch / "dehydrated", 'PRIVATE_KEY_RENEW="no"\nKEY_ALGO=rsa\n')
    dehydrated.issue("d.example.com e.example.com", "f.example.com > front")
    files = dehydrated.directory / "certs"
    out = site.check_taken_over("dehydrated", dehydrated.directory, certificates={
        name: files / name / "cert.pem" for name in ("d.example.com", "front")})
    assert "remove the timer or cron job that runs 'dehydrated --cron'" in out
    properties = site.auto("d.example.com")["properties"]
    assert (properties["keyAlgorithm"], properties["reuseKey"]) == ("rsa2048", True)
    assert site.certd.ctl_json("list", "providers")[0]["properties"]["email"] == EMAIL
    site.check_renews("front")
    site.check_expired("dehydrated", dehydrated.directory, name="d.example.com",
                       file=files / "d.example.com/fullchain.pem", key=files / "d.example.com/privkey.pem")

    site.certd.ctl("rm", "auto", "front", "--with-certificates", "--force")
    with dehydrated.config.open("a") as config:
        config.write(f'CHALLENGETYPE="dns-01"\nHOOK="{dehydrated.hook}"\n')
    out = site.migrate("dehydrated", dehydrated.directory, "front").stdout
    assert "convention: dehydrated" in out and "consumer 'dehydrated-hook'" in out
    site.certd.ctl("rm", "auto", "front", "--with-certificates", "--force")
    with dehydrated.config.open("a") as config:
        config.write('HOOK="${BASEDIR}/hook.sh"\n')  # what only a shell knows is not guessed
    told = site.migrate("dehydrated", dehydrated.directory, "front", check=False)
    assert "HOOK in its configuration is not the absolute path" in told.stderr
    with dehydrated.config.open("a") as config:
        config.write("CHALLENGETYPE=http-01\n")
    out = site.migrate("dehydrated", dehydrated.directory, "front").stdout
    assert "certd does not run dehydrated's HOOK '${BASEDIR}/hook.sh'" in out
    site.certd.ctl("rm", "auto", "front", "--with-certificates")
    with dehydrated.config.open("a") as config:
        config.write("CHALLENGETYPE=dns-01\n")
    (files / "front/privkey.pem").unlink()
    assert "privkey.pem': No such file" in site.migrate("dehydrated", dehydrated.directory, "front", "--dns", "exec",
                                                         check=False).stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts a file of certificates in its own namespace")
def test_uacme(site):
    uacme = Uacme(site.pebble, site.scratch / "uacme")
    uacme.issue("u.example.com", "v.example.com")
    told = site.migrate("uacme", uacme.directory, "--email", EMAIL, check=False)
    assert told.returncode and "give --server URL" in told.stderr
    out = site.check_taken_over("uacme", uacme.directory, "--email", EMAIL, "--server", site.pebble.url, certificates={
        "u.example.com": uacme.directory / "u.example.com/cert.pem"})
    assert "http-01 is declared unless --dns is given" in out
    site.check_renews("u.example.com")
    site.certd.ctl("rm", "auto", "u.example.com", "--with-certificates", "--force")
    site.certd.ctl("rm", "provider", "127.0.0.1")
    words = ("uacme", uacme.directory, "--email", EMAIL, "--server", site.pebble.url)
    key = (uacme.directory / "private/key.pem").rename(uacme.directory / "private/away.pem")
    told = site.migrate(*words, check=False)
    assert "private/key.pem" in told.stderr and site.declared()["certificate"] == 0
    key.rename(uacme.directory / "private/key.pem")
    site.migrate(*words)
    site.check_expired(*words, name="u.example.com", file=uacme.directory / "u.example.com/cert.pem",
                       key=uacme.directory / "private/u.example.com/key.pem")


def test_acme_sh(site):
    lego = Lego(site.pebble, site.scratch / "lego")
    for name in ("s.example.com", "t.example.com", "u.example.com", "v.example.com"):
        lego.issue("-d", name, "--http", "--http.port", f":{free_port()}")
    acme = AcmeSh(site.pebble, site.scratch / "acme.sh", lego)
    # echo -n 'systemctl restart haproxy' | base64
    acme.add("s.example.com", "Le_Webroot='no'\nLe_ReloadCmd='__ACME_BASE64__START_c3lzdGVtY3RsIHJlc3RhcnQgaGFwcm94eQ=="
                              "__ACME_BASE64__END_'\nLe_RealFullChainPath='/etc/ssl/s.pem'")
    acme.add("t.example.com", "Le_Webroot='dns_ionos_cloud'", is_ecc=False)
    with acme.account_conf.open("a") as conf:
        conf.write("SAVED_IONOS_TOKEN='t0ken'\n")
    names = ("s.example.com", "t.example.com")
    out = site.check_taken_over("acme.sh", acme.directory, certificates={
        name: lego.directory / f"certificates/{name}.crt" for name in names})
    assert "acme.sh --uninstall-cronjob" in out and "certd-haproxy.path" in out and "/etc/ssl/s.pem" in out
    assert "kind: ionoscloud" in out and "t0ken" not in out and not os.path.exists("/tmp/never")
    assert site.certd.ctl_json("list", "consumers")[0]["properties"]["name"] == "haproxy"
    site.check_renews("s.example.com")
    site.check_expired("acme.sh", acme.directory, name="s.example.com",
                       file=acme.directory / "s.example.com_ecc/fullchain.cer",
                       key=acme.directory / "s.example.com_ecc/s.example.com.key")

    acme.add("u.example.com", "Le_Webroot='dns_unknown'")
    acme.add("v.example.com", "Le_Webroot='/var/www'")
    (acme.directory / "v.example.com_ecc/v.example.com.key").unlink()
    for _ in range(2):
        told = site.migrate("acme.sh", acme.directory, check=False)
        assert "certificate 'u.example.com' is not taken: it is validated by dns_unknown" in told.stderr
        assert "v.example.com.key': No such file" in told.stderr and site.declared()["autoCertificate"] == 1
    (acme.directory / "dnsapi").mkdir()
    (acme.directory / "dnsapi/dns_unknown.sh").write_text("dns_unknown_add() { true; }\n")
    out = site.migrate("acme.sh", acme.directory, "u.example.com", check=False)
    assert "convention: acme.sh" in out.stdout


def test_hooks_of_certbot_run_in_certd(site):
    certbot = Certbot(site.pebble, site.scratch / "letsencrypt")
    for name in ("www.example.com", "shop.example.com"):
        certbot.issue("--standalone", "--http-01-port", str(free_port()), "-d", name)
    for directory in (site.scratch, certbot.directory):
        directory.chmod(0o755)
    record = site.scratch / "record"
    hooks = certbot.directory / "renewal-hooks/deploy"
    recording_hook(hooks / "10-record", record)
    (hooks / "20-reload").write_text("#!/bin/sh\n# for new certificates\nset -e\nsystemctl reload nginx\n")
    (hooks / "20-reload").chmod(0o755)
    (hooks / "30-copy").write_text("#!/bin/sh\ncp $RENEWED_LINEAGE/*.pem /etc/mail\n")
    (hooks / "30-copy").chmod(0o755)
    recording_hook(hooks / "40-not-executable", record).chmod(0o644)
    certbot.change("www.example.com", ("authenticator = ", "installer = apache\nauthenticator = "))
    certbot.change("shop.example.com", ("authenticator = ", f"renew_hook = {hooks}/10-record shop\nauthenticator = "))
    out = site.migrate("certbot", certbot.directory, "--email", EMAIL).stdout
    assert f"the hook '{hooks}/30-copy' of 'www.example.com' needs root: it runs cp; " in out
    assert "40-not-executable" not in out and "certd-nginx.path" in out
    consumers = {c["properties"]["name"]: c for c in site.certd.ctl_json("list", "consumers")}
    assert sorted(consumers) == ["apache2", "certbot-hook", "certbot-hook-2", "nginx"]
    assert consumers["apache2"]["id"] in site.auto("www.example.com")["properties"]["consumers"]
    assert "to reload apache2, run: systemctl enable --now certd-reload@apache2.path" in out
    calls = recorded(record, 3)
    for name in ("www.example.com", "shop.example.com"):
        [environment] = [v for words, v in calls if words == [] and v["CERTD_NAME"] == name]
        assert environment["RENEWED_LINEAGE"] == str(site.certd.drop(name)) and environment["RENEWED_DOMAINS"] == name
    assert [v["CERTD_NAME"] for words, v in calls if words == ["shop"]] == ["shop.example.com"]
    assert "nothing to do" in site.migrate("certbot", certbot.directory, "--email", EMAIL).stdout
    site.certd.ctl("renew", "www.example.com")
    assert len(recorded(record, 4)) == 4, "it runs after each renewal"
    # A certificate that certbot gets later: the consumers are there already.
    certbot.issue("--standalone", "--http-01-port", str(free_port()), "-d", "new.example.com")
    site.migrate("certbot", certbot.directory, "--email", EMAIL)
    assert len(site.certd.ctl_json("list", "consumers")) == 4 and len(recorded(record, 5)) == 5


def test_hooks_of_acme_sh_and_dehydrated_run_in_certd(site):
    site.scratch.chmod(0o755)
    record = site.scratch / "record"
    hook = recording_hook(site.scratch / "hook", record)
    lego = Lego(site.pebble, site.scratch / "lego")
    lego.issue("-d", "s.example.com", "--http", "--http.port", f":{free_port()}")
    acme = AcmeSh(site.pebble, site.scratch / "acme.sh", lego)
    acme.add("s.example.com", f"Le_Webroot='no'\nLe_ReloadCmd='{hook} one two && true'\nLe_RenewHook='{hook} renewed'")
    site.migrate("acme.sh", acme.directory)
    [[words, environment], [more, _]] = sorted(recorded(record, 2), key=lambda call: call[0])
    drop = site.certd.drop("s.example.com")
    assert words == ["one", "two"] and more == ["renewed"] and environment["Le_Domain"] == "s.example.com"
    assert {name: environment[name] for name in ("CERT_PATH", "CERT_KEY_PATH", "CA_CERT_PATH", "CERT_FULLCHAIN_PATH")} == {
        "CERT_PATH": f"{drop}/cert.pem", "CERT_KEY_PATH": f"{drop}/privkey.pem", "CA_CERT_PATH": f"{drop}/chain.pem",
        "CERT_FULLCHAIN_PATH": f"{drop}/fullchain.pem"}
    record.unlink()

    dehydrated = Dehydrated(site.pebble, site.scratch / "dehydrated", "KEY_ALGO=prime256v1\n")
    dehydrated.issue("d.example.com", "e.example.com")
    dehydrated.config.write_text(dehydrated.config.read_text() + f"HOOK={hook}\nRENEW_DAYS=40\n")
    # What only one certificate has.
    (dehydrated.directory / "certs/e.example.com/config").write_text(
        f'CHALLENGETYPE="dns-01"\nHOOK="{dehydrated.hook}"\nPRIVATE_KEY_RENEW="no"\nRENEW_DAYS="20"\nCA=https://no.example\n')
    site.migrate("dehydrated", dehydrated.directory)
    drop = site.certd.drop("d.example.com")
    [[words, environment]] = recorded(record, 1)
    assert words[:-1] == ["deploy_cert", "d.example.com", f"{drop}/privkey.pem", f"{drop}/cert.pem",
                          f"{drop}/fullchain.pem", f"{drop}/chain.pem"] and abs(int(words[-1]) - time.time()) < 3600
    first, second = (site.auto(name)["properties"] for name in ("d.example.com", "e.example.com"))
    assert (first["challenge"], first["reuseKey"], first["renewBefore"]) == ("http-01", False, 40 * DAYS)
    assert (second["challenge"], second["reuseKey"], second["renewBefore"]) == ("dns-01", True, 20 * DAYS)
    assert site.certd.ctl_json("list", "dns")[0]["properties"]["command"] == str(dehydrated.hook)
    assert first["consumers"] != second["consumers"] and len(second["consumers"]) == 1


def test_all_that_are_there_and_none(site, tmp_path):
    told = site.certd.ctl("migrate", variables={"HOME": str(tmp_path)}, check=False)
    if not os.path.exists("/etc/letsencrypt") and not os.path.exists("/etc/dehydrated/certs"):
        assert told.returncode and "/etc/letsencrypt" in told.stderr
    lego = Lego(site.pebble, tmp_path / ".lego")
    lego.issue("-d", "home.example.com", "--http", "--http.port", f":{free_port()}")
    told = site.certd.ctl("migrate", "--server", site.pebble.url, "--dry-run", "-o", "json",
                          variables={"HOME": str(tmp_path)}, check=False)
    steps = json.loads(told.stdout)
    assert [step["name"] for step in steps if step["noun"] == "autoCertificate"] == ["home.example.com"]
    offered = site.certd.ctl("complete", "migrate", "").stdout.splitlines()
    assert [line.split("\t")[0] for line in offered] == ["certbot", "acme.sh", "lego", "dehydrated", "uacme"]
    told = site.certd.ctl("migrate", "lego", variables={"HOME": str(tmp_path / "empty")}, check=False)
    assert "no certificates of lego in ~/.lego, /etc/lego, /var/lib/lego;" in told.stderr
    assert "name the client that" in site.certd.ctl("migrate", tmp_path, check=False).stderr
    assert "has no directory 'renewal'" in site.certd.ctl("migrate", "certbot", tmp_path, check=False).stderr
