"""Every example of README, certd(8), certd.conf(5) and certctl(1) is run unchanged, except for the table below.

The examples are taken from the texts: indented lines of README, .nf blocks of the manuals. One without a rule fails.
"""
import json
import os
import re
import select
import shlex
import subprocess
import textwrap
from pathlib import Path

import pytest
from certd import Certd, program
from dnsservers import Knot
from pebble import Pebble
from procs import free_port, run

SOURCE = Path(__file__).parents[2]
DOCUMENTS = ("README", "certd.8", "certd.conf.5", "certctl.1")

# Names in the texts, and their replacements here. Applied in this order; {} are of the site below.
NAMES = (
    ("--server letsencrypt", "--server {ca} --ca-file {ca_file}"),
    ("server: letsencrypt", "server: {ca}\n    caFile: {ca_file}"),
    ("192.0.2.53:53", "{dns}"),
    ("server: 192.0.2.53", "server: {dns}"),
    ("127.0.0.1:53", "{dns}"),
    ("/run/certd/rest.sock", "{runtime}/rest.sock"),
    ("/var/lib/certd", "{state}"),
    ("0.0.0.0:8443", "127.0.0.1:{port}"),
    ("2750 certd GROUP", "2750 root root"),
    ("live/NAME", "live/prepared.example.com"),
    (" NAME", " www.example.com"),
)

# Examples that change the host, and the tests that run them.
ELSEWHERE = {
    r"certctl .*/usr/local/bin/": "system/test_first_hour.py",
    r"apt install git|git clone |tests/support/install-packages |\./bootstrap && |make && make install|cp etc/nginx":
        "package/test_source.py",
    r"\[Service\]|systemctl enable --now deploy-www": "package/test_package.py",
    r"apt install |ss -ltnp |include snippets/|systemctl (reload|restart) |cat /usr/share/": "package/test_package.py",
    r"certctl migrate ": "system/test_migrate.py",
    r"chown -R certd: |systemctl edit |\[Service\]\nReadWritePaths=|certctl add-consumer .*--(layout|file) ": "system/test_outputs.py",
    r"systemctl (en|dis)able --now certd-http.service": "system/test_first_hour.py",
    r"systemd-sysusers |systemctl enable |systemctl start certd-nginx.service": "system/test_units.py",
    r"systemd-creds ": "system/test_units.py",
    r"certctl (backup|rekey)|runuser -u certd|systemd-run |head -c 32 |shred |systemctl st(op|art) certd|certd --restore":
        "system/test_backup.py",
    r"# /etc/systemd/system/certd-reload-": "system/test_unit_servers.py",
    r"\./bootstrap (deb|demo|check|check-bare) ?": "support/check",
    r"certctl reissue ": "system/test_reissue.py",
    r"certctl alert test ": "system/test_alerts.py",
    r"certctl check-dns ": "system/test_dns_apis.py",
    r"pkcs11:token=|openssl_conf = ": "system/test_pkcs11.py",
    r"certctl (check|doctor|rehearse)\b(?!-)": "system/test_ready.py",
}


def paragraphs(document):
    """(indented or not, text) of the parts outside running text."""
    if document == "README":
        text = (SOURCE / document).read_text()
        for block in re.findall(r"(?:^  .*\n)+", text, re.MULTILINE):
            yield True, re.sub(r"^  ", "", block, flags=re.MULTILINE)
        return
    text = (Path(os.environ["CERTD_BUILDDIR"]) / document).read_text()
    for block in re.findall(r"^\.nf\n(.*?)^\.fi", text, re.DOTALL | re.MULTILINE):
        block = block.replace("\\-", "-").replace("\\e", "\\").replace("\\&", "")
        for paragraph in re.split(r"\n\n+", block.strip("\n")):
            yield paragraph.startswith("  "), textwrap.dedent(paragraph) + "\n"


def examples(document):
    """Commands one by one, everything else (a part of a file) as a whole; remarks on a command begin like a sentence.
    """
    for indented, text in paragraphs(document):
        if not indented and re.match(r"[A-Z]\w*[ ,]", text):
            continue
        if re.match(r"[\w./-]+( |$)", text) and not re.match(r"\S+ = |\S+:\n|include |d ", text):
            yield from (re.sub(r"\s+# .*", "", line) for line in text.replace("\\\n", " ").splitlines() if line.strip())
        else:
            yield text


class Site:
    """A certd with everything that the examples require: a CA, a zone, consumers, two certificates, some files."""

    def __init__(self, start, directory):
        self.start = start
        self.directory = directory
        self.knot = start(Knot, zones=("example.com",))
        self.pebble = start(Pebble, dns=self.knot.dns, authz_reuse=100, validity=3600)
        self.certd = start(Certd, config=f"dns-servers = {self.knot.dns}\n")
        self.places = {"ca": self.pebble.url, "ca_file": self.pebble.ca_file, "dns": self.knot.dns, "port": free_port(),
                       "runtime": self.certd.runtime, "state": self.certd.state}
        self.count = 0
        self.write("FILE", self.knot.key_file.read_text())
        self.write("ddns.key", self.knot.key_file.read_text())
        self.write("phrase", "correct horse battery staple\n")
        self.write("ionos.token", "abcdef\n")
        self.write("pw", "secret\n")
        self.write("slack.url", "https://hooks.slack.com/services/T0/B0/secret\n")
        self.write("ntfy.url", "https://ntfy.sh/certd-of-example\n")
        self.write("ntfy.headers", "Authorization: Bearer abcdef\n")
        self.write("alertmanager.url", "http://localhost:9093\n")
        self.write("smtp.password", "secret\n")
        self.write("account.pem", run(["openssl", "genrsa", "2048"]).stdout)
        ctl = self.certd.ctl
        for name in ("le", "old-ca"):
            ctl("add-provider", "--name", name, "--server", self.pebble.url, "--ca-file", self.pebble.ca_file, "--email",
                "you@example.com", "--agree-tos")
        ctl("add-dns", "--name", "ns1", "--kind", "rfc2136", "--server", self.knot.dns, "--tsig-key-file",
            self.knot.key_file, "--zone", "example.com")
        ctl("add-consumer", "--name", "nginx")
        for name in ("www.example.com", "*.example.com"):
            ctl("add-auto", "--provider", "le", "--cn", name)
        self.foreign_certificate()

    def write(self, name, text):
        path = self.directory / name
        path.write_text(text)
        path.chmod(0o600)

    def foreign_certificate(self):
        """shop: a certificate that certd did not issue, with its key, chain, and as PKCS#12."""
        def openssl(*words):
            return run(["openssl", *words], cwd=self.directory)
        openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "intermediate.pem",
                "-subj", "/CN=Some CA", "-days", "900", "-addext", "basicConstraints=critical,CA:TRUE")
        openssl("req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", "shop.key", "-out", "shop.csr", "-subj",
                "/CN=shop.example.com")
        self.write("ext", "subjectAltName=DNS:shop.example.com\n")
        for name, days in (("shop.pem", "300"), ("shop-2027.pem", "700")):
            openssl("x509", "-req", "-in", "shop.csr", "-CA", "intermediate.pem", "-CAkey", "ca.key", "-days", days,
                    "-extfile", "ext", "-out", name)
        openssl("pkcs12", "-export", "-in", "shop-2027.pem", "-inkey", "shop.key", "-certfile", "intermediate.pem",
                "-out", "shop-2027.p12", "-passout", "pass:")
        (self.directory / "old").mkdir()
        for name, *parts in (("old/privkey.pem", "shop.key"), ("old/fullchain.pem", "shop.pem", "intermediate.pem"),
                             ("new.key", "shop.key"), ("new.pem", "shop-2027.pem", "intermediate.pem")):
            self.write(name, "".join((self.directory / part).read_text() for part in parts))
        for name in ("shop.key", "shop-2027.p12"):
            (self.directory / name).chmod(0o600)
        self.shell("certctl import --name shop --cert shop.pem --chain intermediate.pem --key shop.key")

    def here(self, text):
        for there, name in NAMES:
            text = text.replace(there, name.format(**self.places))
        return text

    def environment(self):
        return {**os.environ, "CERTD_SOCKET": str(self.certd.socket), "LC_ALL": "C.UTF-8",
                "PATH": f"{program('certctl').parent}:{os.environ['PATH']}"}

    def shell(self, line):
        result = run(["bash", "-c", line], check=False, cwd=self.directory, env=self.environment())
        assert result.returncode == 0, f"{line}\n{result.stdout}{result.stderr}"
        return result

    # --- how each kind of example is run ---

    def check(self, line):
        """The exit status is that of the word in its one line."""
        result = run(["bash", "-c", line], check=False, env=self.environment())
        assert ("OK", "WARNING", "CRITICAL")[result.returncode] == result.stdout.split(":")[0], result

    def add(self, line):
        """Existing objects get another name."""
        self.count += 1
        line = re.sub(r"--name (\S+)", rf"--name \1-{self.count}", line)
        if line.startswith("certctl add-auto") and "--name" not in line:
            line = re.sub(r"add-auto", f"add-auto --name example-{self.count}", line)
        self.shell(line)

    def register(self, line):
        self.count += 1
        self.shell(line.replace("you@example.com", f"you{self.count}@example.com") +
                   f" --name k{self.count} --server {self.pebble.url} --ca-file {self.pebble.ca_file}")

    def authorize(self, line):
        """Also publishes the record."""
        for content, owner in re.findall(r"Record content:(\S+)\n(\S+) 300", self.shell(f"{line} --provider le").stdout):
            assert self.knot.update("example.com", f"add {owner} 60 TXT {content}").returncode == 0

    def get(self, line):
        names = [word for word in shlex.split(line.partition(" --")[0])[2:]]
        for name in names:
            self.authorize(f"certctl authorize {shlex.quote(name)}")
        self.count += 1
        other_name = "" if "--secret-name" in line else f" --secret-name example-{self.count}"
        self.shell(f"{line} --provider le{other_name}")

    def follow(self, line):
        """Up to its first line."""
        with subprocess.Popen(["bash", "-c", f"exec {line}"], cwd=self.directory, env=self.environment(), text=True,
                              stdout=subprocess.PIPE) as process:
            while not select.select([process.stdout], [], [], 0.3)[0]:
                self.certd.ctl("pause", "*.example.com")
                self.certd.ctl("resume", "*.example.com")
            assert process.stdout.readline()
            process.terminate()  # not SIGINT, which is ignored if the tests were started in the background
            process.stdout.read()

    def curl(self, line):
        shop = self.certd.ctl_json("show", "cert", "shop")["id"]
        assert json.loads(self.shell(f"{line.replace('/ID', f'/{shop}')} --silent --fail-with-body").stdout)

    def tmpfiles(self, text):
        self.write("certd-drops.conf", text)
        self.shell(f"systemd-tmpfiles --create {self.directory}/certd-drops.conf")

    def nginx(self, text):
        """With the files that certd-nginx.service writes."""
        includes = Path(f"{self.certd.state}-nginx")
        includes.mkdir(exist_ok=True)
        self.shell(f"STATE_DIRECTORY={includes} {SOURCE}/systemd/nginx-includes {self.certd.state}/live true")
        self.write("nginx.conf", f"pid {self.directory}/nginx.pid; error_log stderr;\nevents {{}}\n"
                   f"http {{ server {{ listen unix:{self.directory}/nginx.sock ssl;\n{text}}} }}\n")
        self.shell(f"nginx -t -e stderr -c {self.directory}/nginx.conf")

    def declarations(self, text):
        """Into an empty certd."""
        self.write("declarations.yaml", text)
        self.start(Certd, config=f"dns-servers = {self.knot.dns}\n").ctl("apply", "-f", "declarations.yaml",
                                                                           cwd=self.directory)

    def settings(self, text):
        """Starts a certd with them."""
        state = self.certd.state if "rest-certificate" in text else None
        if state:
            self.certd.stop()
            self.certd.config += text
            self.certd.start()
            return
        self.start(Certd, config=text)


RULES = (
    (r"certctl (add-|import --name)", Site.add),
    (r"certctl register ", Site.register),
    (r"certctl status --check", Site.check),
    (r"certctl authorize ", Site.authorize),
    (r"certctl get ", Site.get),
    (r"certctl (.*--follow|watch)", Site.follow),
    (r"certctl |eval ", Site.shell),
    (r"curl ", Site.curl),
    (r"include ", Site.nginx),
    (r"d ", Site.tmpfiles),
    (r"providers:\n", Site.declarations),
    (r"[a-z-]+ = ", Site.settings),
)


@pytest.mark.limit(120)
def test_every_example_does_what_it_says(start, scratch):
    if os.geteuid() != 0:
        pytest.skip("some examples are for root")
    site = Site(start, scratch)
    count = 0
    for document in DOCUMENTS:
        for example in examples(document):
            elsewhere = [test for pattern, test in ELSEWHERE.items() if re.match(pattern, example)]
            if elsewhere:
                assert (SOURCE / "tests" / elsewhere[0]).exists()
                continue
            rule = next((how for pattern, how in RULES if re.match(pattern, example)), None)
            assert rule, f"{document}: nobody knows how to try this example:\n{example}"
            try:
                rule(site, site.here(example))
            except AssertionError as failure:
                raise AssertionError(f"{document}: {example}\n{failure}") from None
            count += 1
    assert count > 30
