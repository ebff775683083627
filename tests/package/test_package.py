"""The Debian packages on a host that boots: README's first path word by word, reboots, upgrades, removal and purge.

CERTD_DEBS is the directory of the packages, made by `./bootstrap deb`. The host's file system is this machine's, or, for
`./bootstrap check-deb`, that of a fresh Debian 12 in the directory CERTD_ROOT, where apt also installs everything else.
"""
import os
import re
import socket
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from machine import Machine
from pebble import Challtestsrv, Pebble
from procs import patient, run, wait_for
from rpc import RpcClient
from tls import parse_certificate, tls_leaf

SOURCE = Path(__file__).parents[2]
DEBS = Path(os.environ.get("CERTD_DEBS", SOURCE / "build-deb"))
ROOT = os.environ.get("CERTD_ROOT", "/")
IS_FRESH = ROOT != "/"
NAME = "www.example.com"
LIVE = f"var/lib/certd/live/{NAME}"
CA_FILE = "usr/local/share/test-ca.pem"
KEY = "etc/credstore.encrypted/certd.master-key"

pytestmark = [pytest.mark.limit(600), pytest.mark.skipif(os.geteuid() != 0, reason="namespaces need root")]


def readme_examples():
    """The indented blocks of README, as in the text."""
    return [re.sub(r"^  ", "", block, flags=re.MULTILINE).strip()
            for block in re.findall(r"(?:^  .*\n)+", (SOURCE / "README").read_text(), re.MULTILINE)]


def readme(beginning):
    """The one example that begins so."""
    found = [example for example in readme_examples() if example.startswith(beginning)]
    assert len(found) == 1, f"{beginning}: {found}"
    return found[0]


def manual(beginning):
    """The one example of certctl(1) that begins so."""
    text = (SOURCE / "ctl/certctl.1.in").read_text().replace("\\-", "-")
    [found] = [block for block in re.findall(r"^\.nf\n(.*?)^\.fi", text, re.DOTALL | re.MULTILINE)
               if block.startswith(beginning)]
    return found


class Host(Machine):
    """With the packages in root's home directory, where README's commands are typed."""

    def start(self):
        is_first = not (self.mount_point / "up/root/packages").exists()
        super().start()
        if is_first:
            (self.root / "root/packages").mkdir()
            for package in DEBS.glob("*.deb"):
                (self.root / "root/packages" / package.name).write_bytes(package.read_bytes())
        return self

    def follow(self, text):
        """Commands as they stand in README; only the CA is another. apt's question is answered with "yes"."""
        text = text.replace("--server letsencrypt", f"--server {self.ca.url} --ca-file /{CA_FILE}")
        return self.shell(f"cd /root/packages && set -e\n{text}", input="y\n")

    def rpc(self, method, **params):
        with RpcClient(self.root / "run/certd/control.sock") as rpc:
            return rpc.call(method, **params)

    def has_server(self, package):
        """Installs a server as a stranger has it: with Debian's configuration, running, and enabled."""
        if IS_FRESH:
            self.follow(f"apt-get install --yes {package}")
        else:
            self.systemctl("enable", package)
            self.systemctl("start", package)
        self.wait_state(f"{package}.service", "active")

    def edit(self, path, before, after):
        text = (self.root / path).read_text()
        assert text.count(before) == 1, f"{path}: {text}"
        self.write(path, text.replace(before, after))

    def is_enabled(self, unit):
        return self.systemctl("is-enabled", unit, check=False).stdout.strip() == "enabled"


@pytest.fixture
def host(private_network, start, request):
    """Its CA issues certificates for an hour, or for the seconds that the test asks for."""
    dns = start(Challtestsrv)
    pebble = start(Pebble, dns=dns.dns, http_port=80, validity=getattr(request, "param", 3600))
    host = start(Host, ROOT)
    host.ca = pebble
    yield host


def trust_the_ca(host):
    host.write(CA_FILE, host.ca.ca_file.read_text())


def first_certificate(host):
    trust_the_ca(host)
    host.follow(readme("certctl add-provider"))
    assert (host.root / LIVE / "manifest.json").exists()


def wait_forwarded():
    """Old workers of a web server answer for a moment after a reload; a person types more slowly than a test."""
    wait_for(lambda: challenge_answers() and all(challenge_answers() for _ in range(5)), 10, "challenges reach certd")


def challenge_answers():
    """Whether certd answers on port 80."""
    try:
        with urllib.request.urlopen("http://127.0.0.1/.well-known/acme-challenge/x", timeout=patient(5)):
            return False
    except urllib.error.HTTPError as error:
        return error.code == 404 and error.headers["Cache-Control"] == "no-store"
    except OSError:
        return False


def served():
    """The serial number that a server presents on port 443; None if there is no server."""
    try:
        return tls_leaf("127.0.0.1", 443, NAME).serial
    except OSError:
        return None


def deployed(host):
    return parse_certificate((host.root / LIVE / "cert.pem").read_text()).serial


def copied_by_hook(host):
    """The serial number of the copy that a deploy hook made; None while it is being written."""
    try:
        return parse_certificate((host.root / "etc/mail/cert.pem").read_text()).serial
    except (ValueError, FileNotFoundError):
        return None


def wait_served(host):
    wait_for(lambda: served() == deployed(host), 30, "what certd deployed is served", interval=0.2)


def lasting(seconds):
    """For a test that waits for a renewal which nobody asks for; certd renews such certificates at half of their life."""
    return pytest.mark.parametrize("host", [seconds], indirect=True, ids=[f"{seconds} s"])


def renewal_is_served(host):
    """By itself, while nothing is done."""
    before = deployed(host)
    wait_for(lambda: deployed(host) != before, host.ca.validity, "a renewal that nobody asked for", interval=0.5)
    wait_served(host)


def no_unit_failed(host):
    failed = host.systemctl("--failed", "--no-legend").stdout
    assert "certd" not in failed and "nginx" not in failed and "haproxy" not in failed, failed + host.journal()


def connects(port):
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) == 0


@lasting(120)
def test_nginx_owns_port_80(host):
    host.has_server("nginx")
    host.follow(readme("apt install ./certd_"))
    assert host.show("certd.service", "ActiveState") == "active" and host.is_enabled("certd.service")
    assert "nginx" in host.follow(readme("ss ")).stdout
    host.follow(readme("apt install ./certd-nginx_"))
    host.edit("etc/nginx/sites-available/default", "\tlisten 80 default_server;\n",
              "\tlisten 80 default_server;\n\t" + readme("include snippets/") + "\n")
    host.follow(readme("systemctl reload nginx"))
    wait_forwarded()
    first_certificate(host)
    example = (host.root / "usr/share/doc/certd/examples/nginx-tls.conf").read_text()
    include = readme("include /var/lib/certd-nginx/")
    assert include in example
    wait_for((host.root / include.split()[1].strip("/;")).exists, 20, "the file to include")
    host.write("etc/nginx/conf.d/www.conf", example)
    host.follow(readme("systemctl reload nginx"))
    wait_served(host)
    no_unit_failed(host)

    host.reboot()
    wait_served(host)
    assert "nginx" in host.follow(readme("ss ")).stdout
    no_unit_failed(host)
    renewal_is_served(host)

    # Instead of the path unit, certd has systemd do it, as the rule of polkit in the package allows.
    host.systemctl("disable", "--now", "certd-nginx.path")
    host.follow("\n".join(readme("certctl add-consumer --name nginx").splitlines()[:2]))
    renewal_is_served(host)
    wait_for(lambda: host.rpc("consumer.get", ref="nginx")["metadata"]["rollouts"][0].get("served") == "served", 60,
             "certd's own probe")
    no_unit_failed(host)


@lasting(120)
def test_haproxy_owns_port_80(host):
    host.has_server("haproxy")
    host.follow(readme("apt install ./certd_"))
    host.follow(readme("apt install ./certd-haproxy_"))
    wait_forwarded()
    assert "haproxy" in host.follow(readme("ss ")).stdout
    first_certificate(host)
    # "an example that can be appended"
    host.follow("cat /usr/share/doc/certd/examples/haproxy-tls.cfg >> /etc/haproxy/haproxy.cfg\nsystemctl reload haproxy")
    wait_served(host)
    no_unit_failed(host)

    host.reboot()
    wait_served(host)
    no_unit_failed(host)
    renewal_is_served(host)


def test_port_80_is_free(host):
    host.follow(readme("apt install ./certd_"))
    assert "80" not in host.follow(readme("ss ")).stdout
    host.follow(readme("systemctl enable --now certd-http.service"))
    first_certificate(host)
    host.reboot()
    assert connects(80)
    before = deployed(host)
    host.shell(f"certctl renew {NAME}")
    wait_for(lambda: deployed(host) != before, 30, "the renewed certificate")
    no_unit_failed(host)


@pytest.mark.skipif(not IS_FRESH, reason="certbot is installed on a fresh Debian only")
@lasting(300)
def test_certbot_is_taken_over(host):
    """A host that nginx and certbot serve: the same certificate, then renewed by certd, also after a reboot."""
    host.has_server("nginx")
    host.follow("apt-get install --yes certbot")
    trust_the_ca(host)
    host.shell(f"REQUESTS_CA_BUNDLE=/{CA_FILE} certbot certonly --non-interactive --agree-tos --email you@example.com "
               f"--server {host.ca.url} --webroot -w /var/www/html -d {NAME}")
    old = f"/etc/letsencrypt/live/{NAME}"
    hook = host.write("etc/letsencrypt/renewal-hooks/deploy/hook", "#!/bin/sh\nset -e\nmkdir -p /etc/mail\n"
                      "cp $RENEWED_LINEAGE/cert.pem $RENEWED_LINEAGE/privkey.pem /etc/mail\n", 0o755)
    host.write("etc/nginx/conf.d/www.conf", f"server {{\n\tlisten 443 ssl;\n\tserver_name {NAME};\n"
               f"\tssl_certificate {old}/fullchain.pem;\n\tssl_certificate_key {old}/privkey.pem;\n}}\n")
    host.follow(readme("systemctl reload nginx"))
    serial = wait_for(served, 10, "nginx serves certbot's certificate")

    host.follow(readme("apt install ./certd_"))
    host.follow(readme("apt install ./certd-nginx_"))
    host.edit("etc/nginx/sites-available/default", "\tlisten 80 default_server;\n",
              "\tlisten 80 default_server;\n\t" + readme("include snippets/") + "\n")
    plan, migrate = readme("certctl migrate").splitlines()
    host.follow(f"{plan} --ca-file /{CA_FILE}")
    said = host.follow(f"{migrate} --ca-file /{CA_FILE}").stdout
    assert deployed(host) == serial, "the same certificate"
    assert "systemctl disable --now certbot.timer" in said
    host.shell("systemctl disable --now certbot.timer")
    include = readme("include /var/lib/certd-nginx/")
    wait_for((host.root / include.split()[1].strip("/;")).exists, 20, "the file to include")
    assert deployed(host) == serial, "still the same: it is not due"
    host.edit("etc/nginx/conf.d/www.conf", f"\tssl_certificate {old}/fullchain.pem;\n\tssl_certificate_key "
              f"{old}/privkey.pem;\n", f"\t{include}\n")
    host.follow(readme("systemctl reload nginx"))
    wait_served(host)
    assert served() == serial
    # The hook is one for root: it runs as the manual says.
    assert "renewal-hooks/deploy/hook' of 'www.example.com' needs root: it runs mkdir" in said, said
    host.write("etc/systemd/system/deploy-www.service", manual("[Service]"))
    assert f"ExecStart=/{hook.relative_to(host.root)}\n" in manual("[Service]")
    host.shell(manual("systemctl enable --now deploy-www"))

    host.reboot()
    wait_served(host)
    renewal_is_served(host)
    wait_for(lambda: copied_by_hook(host) == deployed(host), 30, "the hook of root, after a renewal")
    no_unit_failed(host)


def previous_packages(directory):
    """The same contents as an earlier version: there is no release before this one."""
    for package in DEBS.glob("certd*.deb"):
        if "dbgsym" in package.name:
            continue
        tree = directory / package.stem
        run(["dpkg-deb", "-R", package, tree])
        control = tree / "DEBIAN/control"
        control.write_text(re.sub(r"^Version: .*", "Version: 0.0.9", control.read_text(), flags=re.MULTILINE)
                           .replace("(>= 0.1.0)", "(>= 0.0.9)"))
        run(["dpkg-deb", "-b", "--root-owner-group", tree, directory / f"{package.name.split('_')[0]}_previous.deb"])
    return directory


def fill(host):
    """Objects of every kind, and as many auto-certificates as a small site has."""
    host.rpc("dnsProvider.create", properties={"name": "ns1", "kind": "powerdns", "endpoint": "http://127.0.0.1:1",
                                               "token": "secret", "zones": ["example.org"]})
    host.rpc("consumer.create", properties={"name": "nginx"})
    host.rpc("token.create", properties={"name": "ci", "role": "viewer"})
    for number in range(20):
        host.rpc("autoCertificate.create", properties={"provider": "le", "commonName": f"host{number}.example.com",
                                                       "consumers": ["nginx"]})
    wait_for(lambda: host.rpc("server.status")["autoCertificates"].get("available") == 21, 60, "all certificates")
    wait_for(lambda: not [row for row in host.rpc("schedule.list", limit=1000)["items"] if row["kind"] == "deploy"], 60,
             "their files")


def contents(host):
    """What must survive: declarations, certificates, files and secrets, as the administrator sees them."""
    serials = sorted(item["metadata"]["serialNumber"] for item in host.rpc("certificate.list", limit=1000)["items"])
    tokens = [item["id"] for item in host.rpc("token.list")["items"]]
    return (host.shell("certctl dump").stdout, serials, tokens,
            host.shell("cd /var/lib/certd && sha256sum live/*/privkey.pem pem/*").stdout,
            host.shell(f"sha256sum /{KEY}").stdout)


def names(host):
    """All files of the system that belong to certd by their names."""
    return host.shell("find /etc /run /usr /var -name '*certd*'").stdout.splitlines()


def test_upgrade_downgrade_remove_and_purge(host, scratch):
    old = scratch / "old"
    old.mkdir()
    for package in previous_packages(old).glob("*_previous.deb"):
        (host.root / "root/packages" / package.name).write_bytes(package.read_bytes())
    host.has_server("nginx")
    host.systemctl("disable", "--now", "nginx")
    at_first = names(host)
    host.follow("apt install ./certd_previous.deb ./certd-nginx_previous.deb")
    host.write("etc/certd/certd.conf", "max-auto-certificates = 100\n")
    host.systemctl("reload", "certd.service")
    host.follow(readme("systemctl enable --now certd-http.service"))
    first_certificate(host)
    fill(host)
    before = contents(host)

    host.follow("apt install ./certd_0.1.0_amd64.deb ./certd-nginx_0.1.0_all.deb")
    assert host.show("certd.service", "ActiveState") == "active" and host.show("certd-nginx.path", "ActiveState") == "active"
    assert contents(host) == before
    assert (host.root / "etc/certd/certd.conf").read_text() == "max-auto-certificates = 100\n"
    assert connects(80) and connects(5080), "the sockets are held during an upgrade"
    old_serial = deployed(host)
    host.shell(f"certctl renew {NAME}")
    wait_for(lambda: deployed(host) != old_serial, 30, "a renewal after the upgrade")
    no_unit_failed(host)

    before = contents(host)
    host.follow("apt install --allow-downgrades ./certd_previous.deb ./certd-nginx_previous.deb")
    assert host.show("certd.service", "ActiveState") == "active"
    assert contents(host) == before

    # remove keeps the store and the keys, and stops everything.
    host.shell("apt-get remove --yes certd </dev/null")
    assert not connects(80) and not connects(5080)
    assert host.show("certd.service", "ActiveState") == "inactive"
    assert (host.root / "var/lib/certd/store/data.mdb").exists() and (host.root / KEY).exists()
    assert (host.root / "etc/certd/certd.conf").exists()
    host.reboot()
    assert not connects(80)
    host.follow(readme("apt install ./certd_"))
    assert contents(host) == before

    # purge asks nothing and leaves nothing of certd, but for the user.
    host.shell("dpkg --purge certd certd-nginx </dev/null")
    assert names(host) == at_first
    assert "certd" in host.shell("getent passwd certd").stdout
