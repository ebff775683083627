"""Authoritative DNS servers that take RFC 2136 updates signed by TSIG: Knot DNS and BIND."""
import base64
import os

from procs import Server, free_port, listens, run

ZONE = """\
$ORIGIN {zone}.
$TTL 60
@ SOA ns1 hostmaster 1 3600 600 86400 5
@ NS ns1
ns1 A 127.0.0.1
@ A 127.0.0.1
* A 127.0.0.1
"""


class DnsServer(Server):
    """Serves @zones on 127.0.0.1, each from the text ZONE unless @zones maps it to another.

    The TSIG key `key_name` may change TXT records, nothing else.
    """

    def __init__(self, directory, zones=("example.com",), *, port=None, key_name="certd-key"):
        super().__init__(directory)
        self.zones = zones if isinstance(zones, dict) else {zone: ZONE.format(zone=zone) for zone in zones}
        self.port = port or free_port()
        self.dns = f"127.0.0.1:{self.port}"
        self.key_name = key_name
        self.key_algorithm = "hmac-sha256"
        self.key_secret = base64.b64encode(os.urandom(32)).decode()
        self.key_file = self.directory / "tsig.key"  # as tsig-keygen(8) writes it
        self.key_file.write_text(f'key "{key_name}" {{\n\talgorithm {self.key_algorithm};\n'
                                 f'\tsecret "{self.key_secret}";\n}};\n')
        self.key_file.chmod(0o600)

    def write_zone(self, zone, text):
        """The first time only: afterwards the file holds what was updated."""
        path = self.directory / f"{zone}.zone"
        if not path.exists():
            path.write_text(text)
        return path

    def is_ready(self):
        return listens(self.port) and all("ns1." in self.query(zone, "SOA", check=False) for zone in self.zones)

    def query(self, name, kind="A", check=True):
        """The values that it answers with, one a line; TXT without quotes."""
        out = run(["kdig", "@127.0.0.1", "-p", self.port, "+short", "+timeout=10", "+retry=5", name, kind],
                  check=check).stdout
        return out.replace('"', "").strip() if not out.startswith(";;") else ""

    def txt(self, name):
        """Sorted TXT values of @name."""
        return sorted(self.query(name, "TXT").split())

    def update(self, zone, *changes, secret=None):
        """Sends changes like "add www.example.com. 60 TXT abc"; @secret: another than the key's. Returns the result."""
        script = [f"server 127.0.0.1 {self.port}", f"zone {zone}.",
                  f"key {self.key_algorithm}:{self.key_name} {secret or self.key_secret}",
                  *(f"update {change}" for change in changes), "send", "quit", ""]
        return run(["knsupdate", "-t", "20", "-r", "2"], input="\n".join(script), check=False)


class Knot(DnsServer):
    name = "knot"

    def command(self):
        zones = "\n".join(
            f"  - domain: {zone}\n    file: {self.write_zone(zone, text)}\n    acl: update"
            for zone, text in self.zones.items())
        config = self.directory / "knot.conf"
        config.write_text(f"""\
server:
  rundir: {self.directory}
  listen: 127.0.0.1@{self.port}
  udp-workers: 1
  tcp-workers: 1
  background-workers: 1
log:
  - target: stderr
    any: info
database:
  storage: {self.directory}/db
  journal-db-max-size: 16M
key:
  - id: {self.key_name}
    algorithm: {self.key_algorithm}
    secret: {self.key_secret}
acl:
  - id: update
    key: {self.key_name}
    action: update
    update-type: [ TXT, TLSA ]
zone:
{zones}
""")
        (self.directory / "db").mkdir(exist_ok=True)
        return ["knotd", "-c", config]


class Bind(DnsServer):
    name = "named"

    def command(self):
        zones = "\n".join(f"""\
zone "{zone}" {{
	type primary;
	file "{self.write_zone(zone, text)}";
	update-policy {{ grant {self.key_name} wildcard *.{zone}. TXT; }};
}};
""" for zone, text in self.zones.items())
        config = self.directory / "named.conf"
        config.write_text(f"""\
options {{
	directory "{self.directory}";
	pid-file "{self.directory}/named.pid";
	session-keyfile "{self.directory}/session.key";
	listen-on port {self.port} {{ 127.0.0.1; }};
	listen-on-v6 {{ none; }};
	recursion no;
	notify no;
	dnssec-validation no;
	allow-transfer {{ none; }};
}};
controls {{ }};
include "{self.key_file}";
{zones}""")
        return ["named", "-g", "-n", "1", "-c", config]
