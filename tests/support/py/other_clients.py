"""Directories of other ACME clients, made by these clients with Pebble."""
import json
import os
import shlex
import shutil
from pathlib import Path

from procs import run

EMAIL = "you@example.com"


class Certbot:
    """`directory` is its configuration. Pebble must be always_valid."""

    def __init__(self, pebble, directory):
        self.pebble = pebble
        self.directory = Path(directory)

    def issue(self, *options):
        run(["certbot", "--config-dir", self.directory, "--work-dir", self.directory / "work", "--logs-dir",
             self.directory / "logs", "--server", self.pebble.url, "-n", "--agree-tos", "-m", EMAIL, "certonly",
             *options], env={**os.environ, "REQUESTS_CA_BUNDLE": str(self.pebble.ca_file)}, timeout=120)

    def files(self, name):
        return self.directory / "live" / name

    def change(self, name, *pairs):
        """Replaces texts in the settings of a certificate, as an operator or another version would have them."""
        path = self.directory / f"renewal/{name}.conf"
        text = path.read_text()
        for old, new in pairs:
            assert old in text, (old, text)
            text = text.replace(old, new)
        path.write_text(text)


class Lego:
    def __init__(self, pebble, directory):
        self.pebble = pebble
        self.directory = Path(directory)

    def issue(self, *options, variables=None):
        run(["lego", "--path", self.directory, "--server", self.pebble.url, "-a", "-m", EMAIL, *options, "run"],
            env={**os.environ, "LEGO_CA_CERTIFICATES": str(self.pebble.ca_file), **(variables or {})}, timeout=120)


class Dehydrated:
    def __init__(self, pebble, directory, settings=""):
        self.pebble = pebble
        self.directory = Path(directory)
        self.directory.mkdir()
        self.hook = self.directory / "hook.sh"
        self.hook.write_text("#!/bin/sh\nexit 0\n")
        self.hook.chmod(0o755)
        (self.directory / "www").mkdir()
        self.config = self.directory / "config"
        self.config.write_text(f'CA="{pebble.url}"\nWELLKNOWN="{self.directory}/www"\nCONTACT_EMAIL={EMAIL}\n'
                               f'CURL_OPTS="--cacert {pebble.ca_file}"\nKEYSIZE=2048\nACCOUNT_KEYSIZE=2048\n{settings}')

    def issue(self, *domains):
        """@domains: lines of domains.txt."""
        (self.directory / "domains.txt").write_text("".join(f"{line}\n" for line in domains))
        run(["dehydrated", "--config", self.config, "--register", "--accept-terms"], timeout=120)
        run(["dehydrated", "--config", self.config, "--cron"], timeout=120)


class Uacme:
    """It trusts only the system's certificates: in its own mount namespace it gets another file in their place."""

    def __init__(self, pebble, directory):
        self.pebble = pebble
        self.directory = Path(directory)
        self.hook = self.directory.with_suffix(".hook")
        self.hook.write_text("#!/bin/sh\nexit 0\n")
        self.hook.chmod(0o755)

    def _run(self, *words):
        command = shlex.join(str(word) for word in ["uacme", "-c", self.directory, "-a", self.pebble.url, "-y", "-h",
                                                    self.hook, *words])
        script = f"mount --bind {shlex.quote(str(self.pebble.ca_file))} /etc/ssl/certs/ca-certificates.crt && {command}"
        run(["unshare", "--mount", "sh", "-c", script], timeout=120)

    def issue(self, *names):
        if not (self.directory / "private/key.pem").exists():
            self._run("new", EMAIL)
        self._run("issue", *names)


class AcmeSh:
    """Written as acme.sh 3 documents and does it: Debian has no package of it. The pairs are lego's."""

    def __init__(self, pebble, directory, lego):
        self.pebble = pebble
        self.directory = Path(directory)
        host = "127.0.0.1"  # acme.sh leaves out the port
        ca = self.directory / "ca" / host / "dir"
        ca.mkdir(parents=True)
        account = next(Path(lego.directory).glob("accounts/*/*"))
        shutil.copy(next(account.glob("keys/*.key")), ca / "account.key")
        (ca / "account.key").chmod(0o600)
        registration = json.loads((account / "account.json").read_text())["registration"]
        (ca / "account.json").write_text(json.dumps(registration["body"]))
        (ca / "ca.conf").write_text(f"ACCOUNT_URL='{registration['uri']}'\nCA_EMAIL='{EMAIL}'\nCA_KEY_HASH='x='\n")
        self.account_conf = self.directory / "account.conf"
        self.account_conf.write_text("\n#LOG_FILE=\"/root/.acme.sh/acme.sh.log\"\nAUTO_UPGRADE='0'\n"
                                     "UPGRADE_HASH='$(touch /tmp/never)'\n")
        self.lego = lego

    def add(self, name, settings, is_ecc=True):
        """@settings: further lines of its .conf."""
        place = self.directory / (name + ("_ecc" if is_ecc else ""))
        place.mkdir()
        base = self.lego.directory / "certificates" / name.replace("*", "_")
        shutil.copy(f"{base}.crt", place / "fullchain.cer")
        shutil.copy(f"{base}.key", place / f"{name}.key")
        (place / f"{name}.conf").write_text(f"Le_Domain='{name}'\nLe_Alt='no'\nLe_PreHook=''\nLe_PostHook=''\n"
                                            f"Le_RenewHook=''\nLe_API='{self.pebble.url}'\nLe_Keylength='ec-256'\n"
                                            f"{settings}\nLe_NextRenewTime='1796027563'\n")
