"""PowerDns: the PowerDNS Authoritative Server with its HTTP API, on its own SQLite database."""
import json
import sqlite3
import urllib.request

from dnsservers import DnsServer
from procs import free_port, listens, patient

SCHEMA = "/usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql"


class PowerDns(DnsServer):
    name = "pdns"
    key = "changeme-0123456789"

    def __init__(self, directory, zones=("example.com",), **more):
        super().__init__(directory, zones, **more)
        self.api_port = free_port()
        self.endpoint = f"http://127.0.0.1:{self.api_port}"

    def command(self):
        database = self.directory / "pdns.sqlite3"
        if not database.exists():
            with sqlite3.connect(database) as connection, open(SCHEMA, encoding="ascii") as schema:
                connection.executescript(schema.read())
        (self.directory / "pdns.conf").write_text(f"""\
launch=gsqlite3
gsqlite3-database={database}
local-address=127.0.0.1
local-port={self.port}
socket-dir={self.directory}
api=yes
api-key={self.key}
webserver=yes
webserver-port={self.api_port}
cache-ttl=0
query-cache-ttl=0
negquery-cache-ttl=0
zone-cache-refresh-interval=0
default-soa-content=ns1.@ hostmaster.@ 0 10800 3600 604800 60
""")
        return ["pdns_server", f"--config-dir={self.directory}", "--daemon=no", "--guardian=no"]

    def is_ready(self):
        if not listens(self.api_port):
            return False
        known = {zone["name"] for zone in self.api("GET", "/zones")}
        for zone in self.zones:
            if f"{zone}." not in known:
                self.api("POST", "/zones", name=f"{zone}.", kind="Native", nameservers=[f"ns1.{zone}."])
                self.put(zone, f"ns1.{zone}.", "A", 60, "127.0.0.1")
        return super().is_ready()

    def api(self, method, path, **body):
        request = urllib.request.Request(
            f"{self.endpoint}/api/v1/servers/localhost{path}", method=method, headers={"X-API-Key": self.key},
            data=json.dumps(body).encode() if body else None)
        with urllib.request.urlopen(request, timeout=patient(5)) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def put(self, zone, name, kind, ttl, *contents):
        """Replaces a record set, as an operator would."""
        self.api("PATCH", f"/zones/{zone}.", rrsets=[{
            "name": name, "type": kind, "ttl": ttl, "changetype": "REPLACE",
            "records": [{"content": content, "disabled": False} for content in contents]}])

    def sets(self, zone, name):
        """The record sets at @name as returned by the API."""
        return [s for s in self.api("GET", f"/zones/{zone}.")["rrsets"] if s["name"] == name]
