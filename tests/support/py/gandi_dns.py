"""GandiDns: a stand-in for Gandi's LiveDNS, whose record sets are replaced as a whole, with a real name server behind it.

As documented: values are in quotes, a set that does not exist is 404. It watches for lost updates.
"""
import time

from ionos_dns import IonosDns
from procs import wait_for


class GandiDns(IonosDns):
    """`sets`: of each relative owner name, the values, without quotes.

    `lost`: replacements that do not add or remove exactly one value, and those of values that @foreign() has added.
    Each set that is read is answered @pause seconds later, so that two changes that overlap would lose one.
    """
    name = "gandi-dns"

    def __init__(self, directory, backend, *, pause=0.005, **options):
        super().__init__(directory, backend, **options)
        self.pause = pause
        self.sets = {}
        self.writes = 0
        self.lost = []

    def foreign(self, name, value):
        """A value of another program."""
        self.sets[name] = {value}
        self.replace(name, {value}, set())

    def answer(self, method, path, query, body):
        match method, path:
            case "GET", ["domains"]:
                return 200, [{"fqdn": zone} for zone in self.zones.values()]
            case _, ["domains", zone, "records", name, "TXT"] if zone in self.zones.values():
                with self.lock:
                    answer = self.answer_set(method, name, body)
                if method == "GET":
                    time.sleep(self.pause)
                return answer
        return 404, self.errors(404, "", "The resource could not be found.")

    def answer_set(self, method, name, body):
        values = self.sets.get(name, set())
        if method == "GET":
            return (200, {"rrset_name": name, "rrset_type": "TXT", "rrset_ttl": 300,
                          "rrset_values": [f'"{value}"' for value in sorted(values)]}) if values else \
                (404, self.errors(404, "", "Can't find the DNS record"))
        new = {value.strip('"') for value in body["rrset_values"]} if method == "PUT" else set()
        self.writes += 1
        if len(values ^ new) != 1:
            self.lost.append((name, values, new))
        self.sets[name] = new
        self.replace(name, new - values, values - new)
        return (201, {"message": "DNS Record Created"}) if method == "PUT" else (204, None)

    def replace(self, name, added, removed):
        zone = next(iter(self.zones.values()))
        changes = [f"add {name}.{zone}. 60 TXT {value}" for value in added] + \
            [f"del {name}.{zone}. TXT {value}" for value in removed]
        done = self.backend.update(zone, *changes)
        assert done.returncode == 0, done.stderr

    def errors(self, status, code, message):
        return {"code": status, "message": message, "object": "HTTPError", "cause": "Error"}

    def wait_until_idle(self):
        """Until all that its clients had sent is carried out and their connections are closed: they have ended."""
        port = f":{self.http.server_port:04X}"

        def has_connections():
            with open("/proc/net/tcp", encoding="ascii") as lines:
                return [line for line in lines if line.split()[1].endswith(port) and line.split()[3] in ("01", "08")]

        wait_for(lambda: not has_connections(), 10, "the requests of a killed client to be answered")
