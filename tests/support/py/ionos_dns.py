"""IonosDns: a stand-in for IONOS Cloud DNS that puts the TXT records it receives into a real name server.

It behaves as documented: changes answer 202 and take effect later, filters match any name that contains the text, lists
have pages, TXT contents are returned in quotes. Plain http on loopback; standard library only.
"""
import json
import socket
import threading
import time
import urllib.parse
import uuid
from http.server import BaseHTTPRequestHandler

from procs import HttpServer

TOKEN = "eyJ0eXAiOiJKV1QiLCJraWQiOiJ0ZXN0In0.e30.c2ln-_"
MAX_PAGE = 100


class IonosDns(HttpServer):
    """Runs in a thread of the test. @backend: a dnsservers.DnsServer with the zone.

    A record is being provisioned for as many @questions about it.

    `failures`: answers to the next requests, in order, as (method, status, headers); status None resets the connection
    without an answer, status "executed" does so after the request was carried out. Those for other methods wait.
    `requests`: (time, method, path with query, status).
    """
    name = "ionos-dns"

    def __init__(self, directory, backend, *, zones=("example.com",), token=TOKEN, questions=2):
        super().__init__(directory)
        self.backend = backend
        self.token = token
        self.questions = questions
        self.zones = {str(uuid.uuid4()): zone for zone in zones}
        self.records = {}   # id -> {"zone", "questions", "properties"}
        self.failures = []
        self.requests = []
        self.created = []   # properties of all that were ever created
        self.lock = threading.RLock()

    def handler(self):
        return Handler

    @property
    def log(self):
        return "".join(f"{method} {path}: {status}\n" for _, method, path, status in self.requests)

    def count(self, method, part=""):
        return sum(m == method and part in path for _, m, path, _ in self.requests)

    def fail(self, method, status, **headers):
        self.failures.append((method, status, headers))

    def add_record(self, zone, name, content, kind="TXT"):
        """A record of another user; the backend does not get it. Returns its id."""
        zone_id = next(i for i, z in self.zones.items() if z == zone)
        record_id = str(uuid.uuid4())
        self.records[record_id] = {"zone": zone_id, "questions": 0, "properties": {
            "name": name, "type": kind, "content": content, "ttl": 3600, "enabled": True}}
        return record_id

    def contents(self, name):
        with self.lock:
            return sorted(r["properties"]["content"] for r in self.records.values() if r["properties"]["name"] == name)

    def is_allowed(self, _path, headers):
        return headers.get("Authorization") == f"Bearer {self.token}"

    # The operations; each returns (status, JSON).

    def answer(self, method, path, query, body):
        with self.lock:
            match method, path:
                case "GET", ["zones"]:
                    return 200, self.page(query, [self.zone(i) for i, zone in self.zones.items()
                                                  if query.get("filter.zoneName", "") in zone])
                case "GET", ["records"]:
                    return 200, self.page(query, [
                        self.record(i) for i, r in self.records.items()
                        if query.get("filter.zoneId", r["zone"]) == r["zone"]
                        and query.get("filter.name", "") in r["properties"]["name"]
                        and query.get("filter.type", r["properties"]["type"]) == r["properties"]["type"]])
                case "POST", ["zones", zone_id, "records"] if zone_id in self.zones:
                    return 202, self.create(zone_id, body["properties"])
                case "GET", ["zones", zone_id, "records", i] if self.has(zone_id, i):
                    self.records[i]["questions"] -= 1
                    return 200, self.record(i)
                case "DELETE", ["zones", zone_id, "records", i] if self.has(zone_id, i):
                    self.change("del", self.records.pop(i))
                    return 202, {}
            return 404, self.errors(404, "paas-3", "Resource not found")

    def has(self, zone_id, record_id):
        return record_id in self.records and self.records[record_id]["zone"] == zone_id

    def page(self, query, items):
        offset, limit = int(query.get("offset", 0)), min(int(query.get("limit", MAX_PAGE)), MAX_PAGE)
        return {"id": str(uuid.uuid4()), "type": "collection", "offset": offset, "limit": limit, "_links": {},
                "items": items[offset:offset + limit]}

    def zone(self, zone_id):
        return {"id": zone_id, "type": "zone", "properties": {"zoneName": self.zones[zone_id], "enabled": True},
                "metadata": {"state": "AVAILABLE", "nameservers": ["ns-ic.ui-dns.com"]}}

    def record(self, record_id):
        record = self.records[record_id]
        properties = dict(record["properties"])
        if properties["type"] == "TXT":
            properties["content"] = f'"{properties["content"]}"'
        state = "PROVISIONING" if record["questions"] > 0 else "AVAILABLE"
        return {"id": record_id, "type": "record", "properties": properties,
                "metadata": {"state": state, "zoneId": record["zone"]}}

    def create(self, zone_id, properties):
        record_id = str(uuid.uuid4())
        self.records[record_id] = {"zone": zone_id, "properties": properties,
                                   "questions": self.questions}
        self.created.append(properties)
        self.change("add", self.records[record_id])
        return {**self.record(record_id), "properties": properties}

    def change(self, verb, record):
        p = record["properties"]
        zone = self.zones[record["zone"]]
        ttl = p["ttl"] if verb == "add" else ""
        done = self.backend.update(zone, f"{verb} {p['name']}.{zone}. {ttl} {p['type']} {p['content']}")
        assert done.returncode == 0, done.stderr

    def errors(self, status, code, message):
        return {"httpStatus": status, "messages": [{"errorCode": code, "message": message}]}


class Handler(BaseHTTPRequestHandler):
    api = None
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def reset(self):
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.connection.close()

    def send(self, status, body, headers):
        data = json.dumps(body).encode()
        self.send_response(status)
        for name, value in {**headers, "Content-Type": "application/json", "Content-Length": len(data)}.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()
        self.wfile.write(data)

    def planned_failure(self):
        with self.api.lock:
            for number, failure in enumerate(self.api.failures):
                if failure[0] == self.command:
                    return self.api.failures.pop(number)[1:]
        return 0, {}

    def serve(self):
        api = self.api
        url = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(url.query))
        data = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        planned, headers = self.planned_failure()
        if not api.is_allowed(url.path.strip("/").split("/"), self.headers):
            status, body = 401, api.errors(
                401, "paas-auth-1", "Unauthorized, wrong or no api key provided to process this request")
        elif isinstance(planned, int) and planned:
            status, body = planned, api.errors(planned, "paas-x", f"planned {planned}")
        elif planned is None:
            status, body = "reset", None
        else:
            status, body = api.answer(self.command, url.path.strip("/").split("/"), query,
                                      json.loads(data) if data else None)
        with api.lock:
            api.requests.append((time.monotonic(), self.command, self.path, status))
        if planned is None or planned == "executed":
            self.reset()
        else:
            self.send(status, body, headers)

    do_GET = do_POST = do_PUT = do_DELETE = serve
