"""certd and comparable clients with one interface: a client that has an account, and gets certificates for names.

Each runs as its package installs it, with P-256 keys, against a CA that accepts every challenge without checking. What
remains is the client's own work. Daemons are measured from start to stop, commands as often as they have to be started.
"""
import json
import os
import shlex
import time
from dataclasses import dataclass, field
from pathlib import Path

from measure import Process, Used, wait_files
from certd import program
from procs import free_port, run, wait_for
from rpc import RpcClient

ONE_SECONDS = 60  # time limit for a certificate; Caddy starts ten in ten seconds


@dataclass
class Run:
    wall: float = 0  # seconds from the start to the last file
    used: Used = field(default_factory=Used)
    commits: int = 0  # of certd's store


class Client:
    name = None
    most = 1000000  # certificates to wait for

    def __init__(self, directory, pebble):
        self.directory = Path(directory)
        self.directory.mkdir(parents=True)
        self.pebble = pebble
        self.log = self.directory / "log"

    def prepare(self):
        """Registers the account."""
        self.issue(["first.example.com"])

    def issue(self, names):
        """Certificates for @names. Returns a Run."""
        raise NotImplementedError


class Daemon(Client):
    """Gets the certificates of its configuration when it starts."""

    def command(self, names):
        raise NotImplementedError

    def environment(self):
        return {}

    def files(self, names):
        """The files that exist when all is done."""
        raise NotImplementedError

    def ask(self, names):
        """Passes @names to the running daemon, if they are not in the command."""

    def look(self, result):
        """Reads figures from it before it is stopped."""

    def issue(self, names):
        result = Run()
        command = self.command(names)
        started = time.monotonic()
        process = Process(command, self.log, cwd=self.directory, env={**os.environ, **self.environment()})
        try:
            self.ask(names)
            wait_files(process, self.files(names), ONE_SECONDS + 2 * len(names))
            result.wall = time.monotonic() - started
            self.look(result)
            process.stop(result.used)
        finally:
            process.kill()
        return result


class Certd(Daemon):
    name = "certd"
    properties = {}  # more of each auto-certificate

    def __init__(self, directory, pebble, config=""):
        super().__init__(directory, pebble)
        self.socket = self.directory / "run/control.sock"
        (self.directory / "state").mkdir(mode=0o711)
        (self.directory / "run").mkdir()
        (self.directory / "certd.conf").touch(mode=0o600)
        (self.directory / "certd.conf").write_text(f"http-listen = 127.0.0.1:{free_port()}\n{config}")

    def command(self, names=()):
        return [program("certd"), "--state", self.directory / "state", "--runtime", self.directory / "run",
                "--config", self.directory / "certd.conf"]

    def files(self, names):
        return [self.directory / "state/live" / name / "manifest.json" for name in names]

    def connect(self):
        while True:
            try:
                return RpcClient(self.socket)
            except OSError:
                time.sleep(0.0005)

    def provider(self):
        return {"name": "ca", "email": "ops@example.com", "server": self.pebble.url,
                "caFile": str(self.pebble.ca_file), "termsOfServiceAgreed": True}

    def prepare(self):
        process = Process(self.command(), self.log)
        try:
            with self.connect() as rpc:
                rpc.call("provider.create", properties=self.provider())
                while rpc.call("provider.get", ref="ca")["metadata"]["state"] != "AVAILABLE":
                    process.check()
                    time.sleep(0.01)
            process.stop(Used())
        finally:
            process.kill()

    def ask(self, names):
        with self.connect() as rpc:
            for start in range(0, len(names), 50):
                batch = names[start:start + 50]
                rpc.send([{"jsonrpc": "2.0", "id": i, "method": "autoCertificate.create",
                           "params": {"properties": self.declaration(name)}} for i, name in enumerate(batch)])
                for answer in rpc.read():
                    assert "error" not in answer, answer

    def declaration(self, name):
        return {"provider": "ca", "commonName": name, **self.properties}

    def look(self, result):
        with self.connect() as rpc:
            result.commits = rpc.call("server.status")["store"]["commits"]

    def issue_names(self, names):
        """One certificate for all of @names."""
        self.properties = {"subjectAlternativeNames": list(names[1:])}
        return self.issue(names[:1])

    def add_one(self, name):
        """`certctl add-auto` while the daemon is running. Returns a Run of the daemon alone from its start to stop."""
        result = Run()
        process = Process(self.command(), self.log)
        try:
            with self.connect() as rpc:
                before = rpc.call("server.status")["store"]["commits"]
            started = time.monotonic()
            command = Process([program("certctl"), "--socket", self.socket, "add-auto", "--provider", "ca", "--cn", name],
                              self.log)
            wait_files(process, self.files([name]), ONE_SECONDS)
            result.wall = time.monotonic() - started
            command.wait(Used(), ONE_SECONDS)
            with self.connect() as rpc:
                result.commits = rpc.call("server.status")["store"]["commits"] - before
            process.stop(result.used)
        finally:
            process.kill()
        return result


class Caddy(Daemon):
    name = "caddy"
    most = 100

    def __init__(self, directory, pebble):
        super().__init__(directory, pebble)
        self.port = free_port()

    def command(self, names):
        config = self.directory / "caddy.json"
        config.write_text(json.dumps({
            "admin": {"disabled": True},
            "storage": {"module": "file_system", "root": str(self.directory / "data")},
            "apps": {"tls": {
                "certificates": {"automate": list(names)},
                "automation": {"policies": [{"key_type": "p256", "issuers": [{
                    "module": "acme", "ca": self.pebble.url, "email": "ops@example.com",
                    "trusted_roots_pem_files": [str(self.pebble.ca_file)],
                    "challenges": {"http": {"alternate_port": self.port}, "tls-alpn": {"disabled": True}},
                }]}]}}}}))
        return ["caddy", "run", "--config", config]

    def environment(self):
        return {"HOME": str(self.directory), "XDG_DATA_HOME": str(self.directory / "xdg"),
                "XDG_CONFIG_HOME": str(self.directory / "xdgc")}

    def files(self, names):
        data = self.directory / "data/certificates" / f"127.0.0.1-{self.pebble.port}-dir"
        return [data / name / f"{name}.json" for name in names]


class ModMd(Daemon):
    name = "mod_md"
    most = 100

    def __init__(self, directory, pebble):
        super().__init__(directory, pebble)
        self.port = free_port()

    def command(self, names):
        modules = "/usr/lib/apache2/modules"
        load = "\n".join(f"LoadModule {name}_module {modules}/mod_{name}.so"
                         for name in ("mpm_event", "authz_core", "socache_shmcb", "ssl", "md"))
        domains = "\n".join(f"MDomain {name} manual" for name in names)
        config = self.directory / "httpd.conf"
        config.write_text(f"""\
ServerRoot {self.directory}
ServerName localhost
PidFile {self.directory}/pid
Mutex file:{self.directory}
ErrorLog {self.directory}/log
Listen 127.0.0.1:{self.port}
{load}
MDStoreDir {self.directory}/md
MDCertificateAuthority {self.pebble.url}
MDCACertificateFile {self.pebble.ca_file}
MDCertificateAgreement accepted
MDContactEmail ops@example.com
MDPortMap http:{self.port}
MDCAChallenges http-01
MDPrivateKeys secp256r1
MDRenewMode always
{domains}
""")
        return ["apache2", "-d", self.directory, "-f", config, "-DFOREGROUND"]

    def files(self, names):
        """It takes effect at the next start; not waited for."""
        return [self.directory / "md/staging" / name / "pubcert.secp256r1.pem" for name in names]

    def prepare(self):
        """The account is registered with the first certificate."""
        super().prepare()
        run(self.command(["first.example.com"])[:-1] + ["-k", "start"])
        wait_for((self.directory / "md/domains/first.example.com/pubcert.secp256r1.pem").exists, ONE_SECONDS)
        run(self.command(["first.example.com"])[:-1] + ["-k", "stop"])
        wait_for(lambda: not (self.directory / "pid").exists(), ONE_SECONDS)


class Command(Client):
    """One process for each certificate, one after the other."""

    def command(self, name):
        raise NotImplementedError

    def environment(self):
        return {}

    def issue(self, names):
        result = Run()
        started = time.monotonic()
        for name in names:
            process = Process(self.command(name), self.log, env={**os.environ, **self.environment()})
            process.wait(result.used, ONE_SECONDS)
        result.wall = time.monotonic() - started
        return result


class Lego(Command):
    name = "lego"
    most = 100

    def command(self, name):
        return ["lego", "--path", self.directory / "lego", "--server", self.pebble.url, "--email", "ops@example.com",
                "--accept-tos", "--key-type", "ec256", "--domains", name, "--http", "--http.port",
                f"127.0.0.1:{free_port()}", "run"]

    def environment(self):
        return {"LEGO_CA_CERTIFICATES": str(self.pebble.ca_file)}


class Uacme(Command):
    """Trusts only the system's CAs, so it gets a file system in which the test's CA is one of them."""
    name = "uacme"
    most = 100

    def shell(self, *arguments):
        return ["unshare", "-m", "sh", "-c", shlex.join(["mount", "--bind", str(self.pebble.ca_file),
                "/etc/ssl/certs/ca-certificates.crt"]) + " && exec " +
                shlex.join(["uacme", "-c", str(self.directory / "uacme"), "-a", self.pebble.url, "-y", "-t", "EC",
                            *arguments])]

    def prepare(self):
        hook = self.directory / "hook"
        hook.write_text("#!/bin/sh\n[ \"$2\" = http-01 ] || exit 1\n")
        hook.chmod(0o755)
        run(self.shell("new", "ops@example.com"))

    def command(self, name):
        return self.shell("-h", str(self.directory / "hook"), "issue", name)


class Certbot(Command):
    name = "certbot"
    most = 1

    def command(self, name):
        return ["certbot", "certonly", "--config-dir", self.directory / "etc", "--work-dir", self.directory / "work",
                "--logs-dir", self.directory / "logs", "--server", self.pebble.url, "--standalone",
                "--http-01-port", free_port(), "--http-01-address", "127.0.0.1", "--domain", name,
                "--non-interactive", "--agree-tos", "--email", "ops@example.com", "--key-type", "ecdsa"]

    def environment(self):
        return {"REQUESTS_CA_BUNDLE": str(self.pebble.ca_file)}


class Dehydrated(Command):
    name = "dehydrated"
    most = 1

    def shell(self, *arguments):
        return ["dehydrated", "--config", self.directory / "config", "--accept-terms", *arguments]

    def prepare(self):
        (self.directory / "www").mkdir()
        (self.directory / "config").write_text(
            f"BASEDIR={self.directory}\nCA={self.pebble.url}\nWELLKNOWN={self.directory}/www\nKEY_ALGO=prime256v1\n"
            f"CURL_OPTS='--cacert {self.pebble.ca_file}'\nCONTACT_EMAIL=ops@example.com\n")
        run(self.shell("--register"))

    def command(self, name):
        return self.shell("--cron", "--domain", name)


class Floor(Client):
    """The minimum cost: see floor.c."""
    name = "floor"
    most = 100

    def shell(self, verb, *names):
        return [program("bench-floor"), verb, self.pebble.url, self.pebble.ca_file, self.directory, *names]

    def prepare(self):
        run(self.shell("account"))

    def issue(self, names):
        result = Run()
        started = time.monotonic()
        process = Process(self.shell("issue", *names), self.log)
        process.wait(result.used, ONE_SECONDS + len(names))
        result.wall = time.monotonic() - started
        return result


PEERS = {cls.name: cls for cls in (Floor, Caddy, ModMd, Lego, Uacme, Certbot, Dehydrated)}
