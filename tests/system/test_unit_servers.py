"""Servers of Debian that certd's units test and reload, under a real systemd, D-Bus and polkit: certd has no privilege,
and what the server itself says about a mistake is what the operator reads."""
import os
import re
import shutil
from pathlib import Path

import pytest
from pebble import Challtestsrv, Pebble
from procs import free_port, run, wait_for
from tls import parse_certificate, tls_leaf

ETC = Path(__file__).parents[2] / "etc"
NAME = "www.example.com"
LIVE = f"/var/lib/certd/live/{NAME}"

pytestmark = [pytest.mark.plain_build, pytest.mark.limit(300),
              pytest.mark.skipif(os.geteuid() != 0, reason="namespaces need root")]


class Site:
    """A server, with its files as Debian has them but for what an operator adds for certd."""
    port = 443
    starttls = None   # the protocol before TLS, as certd and openssl call it
    group = "root"
    unit = None       # that certd runs
    service = None    # of the server
    mistake = None    # (file, text added to it)
    words = None      # the server's own, about the mistake

    def __init__(self, host):
        self.host = host

    def configure(self):
        """Before the first certificate."""

    def use_certificate(self):
        """After it was deployed."""

    def append(self, path, text):
        file = self.host.root / path
        self.host.write(path, (file.read_text() if file.exists() else "") + text, file.stat().st_mode & 0o777
                        if file.exists() else 0o644)

    @property
    def endpoint(self):
        return f"{self.starttls + '://' if self.starttls else ''}127.0.0.1:{self.port},{NAME}"

    def served(self):
        if self.starttls:
            said = run(["sh", "-c", f"openssl s_client -connect 127.0.0.1:{self.port} -starttls {self.starttls}"
                        f" -servername {NAME} </dev/null | openssl x509"], check=False)
            return parse_certificate(said.stdout).serial if said.returncode == 0 else None
        try:
            return tls_leaf("127.0.0.1", self.port, NAME).serial
        except OSError:
            return None


class Nginx(Site):
    unit, service = "certd-nginx.service", "nginx.service"
    mistake, words = ("etc/nginx/conf.d/mistake.conf", "nonsense;\n"), 'unknown directive "nonsense"'

    def use_certificate(self):
        self.host.run("rm", "/etc/nginx/sites-enabled/default")
        shutil.copy(ETC / "nginx-tls.conf", self.host.root / "etc/nginx/conf.d/www.conf")


class Haproxy(Site):
    unit, service = "certd-haproxy.service", "haproxy.service"
    mistake, words = ("etc/haproxy/haproxy.cfg", "nonsense\n"), "unknown keyword 'nonsense'"

    def use_certificate(self):
        self.append("etc/haproxy/haproxy.cfg", (ETC / "haproxy-tls.cfg").read_text())
        self.host.run("systemd-tmpfiles", "--create", "haproxy.conf")


class Apache(Site):
    unit, service = "certd-reload-apache2.service", "apache2.service"
    mistake, words = ("etc/apache2/conf-enabled/mistake.conf", "Nonsense on\n"), "Invalid command 'Nonsense'"

    def use_certificate(self):
        self.host.run("a2enmod", "-q", "ssl")
        self.host.write("etc/apache2/sites-enabled/www.conf", f"<VirtualHost *:443>\nServerName {NAME}\nSSLEngine on\n"
                        f"SSLCertificateFile {LIVE}/bundle.pem\n</VirtualHost>\n")


class Postfix(Site):
    port, starttls, unit, service = 25, "smtp", "certd-reload-postfix.service", "postfix@-.service"
    mistake, words = ("etc/postfix/master.cf", "nonsense\n"), "master.cf"

    def use_certificate(self):
        for setting in (f"smtpd_tls_chain_files={LIVE}/bundle.pem", "smtpd_tls_security_level=may",
                        "inet_interfaces=loopback-only", "inet_protocols=ipv4", "myhostname=www.example.com"):
            self.host.run("postconf", "-e", setting)


class Dovecot(Site):
    port, starttls, unit, service = 143, "imap", "certd-reload-dovecot.service", "dovecot.service"
    mistake, words = ("etc/dovecot/conf.d/99-mistake.conf", "nonsense = yes\n"), "Unknown setting: nonsense"

    def use_certificate(self):
        self.host.run("sed", "-i", "-e", f"s|^ssl_cert = .*|ssl_cert = <{LIVE}/fullchain.pem|", "-e",
                      f"s|^ssl_key = .*|ssl_key = <{LIVE}/privkey.pem|", "/etc/dovecot/conf.d/10-ssl.conf")


class Postgresql(Site):
    port, starttls, group = 5432, "postgres", "postgres"
    unit, service = "certd-reload-postgresql.service", "postgresql@15-main.service"
    mistake = ("etc/postgresql/15/main/postgresql.conf", "nonsense = 1\n")
    words = 'unrecognized configuration parameter "nonsense"'

    def configure(self):
        """It runs without TLS before, as it does not start without the files that it names."""
        self.host.run("install", "-d", "-o", "postgres", "-g", "postgres", "/run/postgresql")
        self.host.systemctl("start", self.service)
        copies = f"/var/lib/certd-postgresql/{NAME}"
        self.append("etc/postgresql/15/main/postgresql.conf",
                    f"ssl = on\nssl_cert_file = '{copies}.crt'\nssl_key_file = '{copies}.key'\n")


SITES = [Nginx, Haproxy, Apache, Postfix, Dovecot, Postgresql]


@pytest.fixture
def hosted(host, start):
    """The host with D-Bus, polkit, certd, and a CA that validates at another port than 80."""
    port = free_port()
    host.configure(f"http-listen = 127.0.0.1:{port}\n")
    host.systemctl("start", "dbus.socket")
    host.systemctl("start", "dbus.service")
    host.systemctl("start", "polkit.service")
    host.systemctl("start", "certd.service")
    pebble = start(Pebble, dns=start(Challtestsrv).dns, http_port=port, validity=3600)
    host.write("etc/certd/ca.pem", pebble.ca_file.read_text())
    host.ctl("add-provider", "--name", "le", "--server", pebble.url, "--email", "ops@example.com", "--agree-tos",
             "--ca-file", "/etc/certd/ca.pem")
    return host


def deployed(host):
    return parse_certificate(host.run("cat", f"{LIVE}/cert.pem").stdout).serial


def message(host):
    return host.call("consumer.get", ref="app")["metadata"].get("message", "")


def rollout(host):
    return host.call("consumer.get", ref="app")["metadata"]["rollouts"][0]


def is_activated(host):
    return [r.get("activated") for r in host.call("consumer.get", ref="app")["metadata"]["rollouts"]] == [True]


def renew(host):
    before = deployed(host)
    host.ctl("renew", "--no-wait", NAME)
    wait_for(lambda: deployed(host) != before, 40, "the renewed certificate is deployed")
    return before


@pytest.mark.parametrize("kind", SITES, ids=lambda kind: kind.__name__.lower())
def test_a_server_is_tested_reloaded_and_probed_and_a_mistake_is_told_in_its_own_words(hosted, kind):
    host, site = hosted, kind(hosted)
    host.write("etc/tmpfiles.d/certd-drops.conf", f"d {LIVE} 2750 certd {site.group} -\n")
    host.run("systemd-tmpfiles", "--create", "certd-drops.conf")
    site.configure()
    host.ctl("add-consumer", "--name", "app", "--activate", "unit", "--unit", site.unit,
             "--probe", site.endpoint)
    host.call("autoCertificate.create", properties={"provider": "le", "commonName": NAME, "consumers": ["app"]})
    wait_for(lambda: (host.root / LIVE.lstrip("/") / "manifest.json").exists(), 40, "the files")
    wait_for(lambda: is_activated(host) or message(host), 40, "the first run of the unit")
    assert is_activated(host), message(host) + host.journal(site.unit)
    site.use_certificate()
    started = host.systemctl("start", site.service, check=False)
    assert started.returncode == 0, host.journal(site.service)
    wait_for(lambda: site.served() == deployed(host), 30, "the server serves the first certificate")

    renew(host)
    wait_for(lambda: site.served() == deployed(host), 40, "the renewed certificate is served")
    wait_for(lambda: is_activated(host), 30, "the unit has ended")
    wait_for(lambda: rollout(host).get("served") == "served", 30, "certd's own probe")

    file = host.root / site.mistake[0]
    before = file.read_text() if file.exists() else None
    site.append(*site.mistake)
    old = renew(host)
    wait_for(lambda: message(host), 40, "the failure")
    assert site.words in message(host), message(host) + host.journal(site.unit)
    assert "the test failed" in message(host) and rollout(host)["step"] == "written"
    assert site.words in host.ctl("explain", "app").stdout
    assert site.words in host.ctl("explain", NAME).stdout
    assert site.served() == old

    if before is None:
        file.unlink()
    else:
        file.write_text(before)
    # certd tries again by itself after a minute; one server shows that (make check-servers-heal: each).
    if kind is not Nginx and "EACH_SERVER_HEALS" not in os.environ:
        host.ctl("deploy", "--no-wait", "app")
    wait_for(lambda: is_activated(host) and not message(host), 90, "the next run of the unit")
    wait_for(lambda: site.served() == deployed(host), 30, "the corrected server serves the newest certificate")
    wait_for(lambda: rollout(host)["step"] == "served", 30, "certd's own probe of the corrected server")


def test_polkit_lets_certd_run_its_units_and_nothing_else(hosted):
    host = hosted
    host.add_unit("certd-reload-mine.service", "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/usr/bin/touch /run/mine\n")
    host.add_unit("victim.service", "[Service]\nType=oneshot\nExecStart=/usr/bin/touch /run/victim\n")
    manager = ["busctl", "call", "org.freedesktop.systemd1", "/org/freedesktop/systemd1",
               "org.freedesktop.systemd1.Manager"]

    def ask(*words, user="certd"):
        return host.run(*manager, *words, user=user, check=False)

    assert ask("StartUnit", "ss", "certd-reload-mine.service", "replace").returncode == 0
    wait_for((host.root / "run/mine").exists, 10)
    refused = [
        ask("StartUnit", "ss", "victim.service", "replace"),
        ask("StartUnit", "ss", "certd-reload@victim.service", "replace"),
        ask("ReloadUnit", "ss", "certd.service", "replace"),
        ask("StartUnit", "ss", "certd-http.service", "replace"),
        ask("StopUnit", "ss", "certd-reload-mine.service", "replace"),
        ask("KillUnit", "ssi", "certd-reload-mine.service", "all", "9"),
        ask("SetUnitProperties", "sba(sv)", "certd-reload-mine.service", "true", "1", "CPUWeight", "t", "5"),
        ask("StartTransientUnit", "ssa(sv)a(sa(sv))", "certd-reload-new.service", "replace", "1", "ExecStart", "a(sasb)", "1",
            "/usr/bin/touch", "2", "touch", "/run/victim", "false", "0"),
        ask("StartUnit", "ss", "certd-reload-mine.service", "replace", user="www-data"),
    ]
    for result in refused:
        assert result.returncode != 0 and re.search("Access denied|authentication required", result.stderr), result
    assert not (host.root / "run/victim").exists()


def test_a_generation_is_loaded_once_whoever_asks_and_another_users_process_gets_no_signal(hosted):
    host = hosted
    host.ctl("add-consumer", "--name", "app", "--activate", "unit", "--unit", "certd-nginx.service")
    host.call("autoCertificate.create", properties={"provider": "le", "commonName": NAME, "consumers": ["app"]})
    wait_for(lambda: (host.root / LIVE.lstrip("/") / "manifest.json").exists() and is_activated(host), 40)
    Nginx(host).use_certificate()
    host.systemctl("start", "nginx.service", "certd-nginx.path")
    renew(host)

    def loaded():
        return host.journal("certd-nginx.service").count("loaded the certificates deployed until")

    wait_for(lambda: loaded() >= 2 and is_activated(host), 40, "the second generation is loaded")
    host.systemctl("start", "certd-nginx.service")
    assert loaded() == 2, host.journal("certd-nginx.service")

    refused = host.ctl("add-consumer", "--name", "web", "--activate", "signal", "--pid-file", "/run/nginx.pid",
                       check=False)
    assert refused.returncode == 65 and "belongs to another user" in refused.stderr, refused
