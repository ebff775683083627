"""Route53Dns: a stand-in for Amazon Route 53 that puts the TXT sets it receives into a real name server.

It verifies the signature of each request by its own computation (Signature Version 4), from what arrived on the wire.
"""
import hashlib
import hmac
import urllib.parse
import xml.etree.ElementTree as ElementTree
from http.server import BaseHTTPRequestHandler

from procs import HttpServer

NS = "{https://route53.amazonaws.com/doc/2013-04-01/}"
KEY_ID, KEY, SESSION = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "session/token+=="


def digest(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def signature(method, target, headers, body, scope, signed, date):
    """The steps of the AWS manual: canonical request, string to sign, derived key."""
    path, _, query = target.partition("?")
    pairs = sorted(urllib.parse.parse_qsl(query, keep_blank_values=True))
    query = "&".join("=".join(urllib.parse.quote(part, safe="-_.~") for part in pair) for pair in pairs)
    lines = "".join(f"{name}:{' '.join(headers[name].split())}\n" for name in signed.split(";"))
    canonical = "\n".join([method, path, query, lines, signed, hashlib.sha256(body).hexdigest()])
    day, region, service, end = scope.split("/")
    text = "\n".join(["AWS4-HMAC-SHA256", date, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = digest(digest(digest(digest(f"AWS4{KEY}".encode(), day), region), service), end)
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


class Route53Dns(HttpServer):
    """Runs in a thread of the test. @backend: a dnsservers.DnsServer with example.com, whose id here is Z1."""
    name = "route53-dns"

    def __init__(self, directory, backend):
        super().__init__(directory)
        self.backend = backend
        self.sets = {}  # owner -> (TTL, [quoted values])
        self.requests = []
        self.largest = 0

    def handler(self):
        return Handler

    @property
    def log(self):
        return "".join(f"{request}\n" for request in self.requests)

    def answer(self, method, path, query, body):
        match method, path.split("/")[2:]:
            case "GET", ["hostedzone"]:
                return ("<ListHostedZonesResponse><HostedZones><HostedZone><Id>/hostedzone/Z1</Id>"
                        "<Name>example.com.</Name><Config><PrivateZone>false</PrivateZone></Config></HostedZone></HostedZones>"
                        "<IsTruncated>false</IsTruncated></ListHostedZonesResponse>")
            case "GET", ["hostedzone", "Z1", "rrset"]:
                later = sorted(owner for owner in [*self.sets, "zzz.example.com."] if owner >= query["name"])
                return f"<ListResourceRecordSetsResponse><ResourceRecordSets>{self.shown(later[0])}" \
                       "</ResourceRecordSets></ListResourceRecordSetsResponse>"
            case "POST", ["hostedzone", "Z1", "rrset", ""]:
                self.change(ElementTree.fromstring(body))
                return "<ChangeResourceRecordSetsResponse><ChangeInfo><Id>/change/C1</Id><Status>PENDING</Status>" \
                       "</ChangeInfo></ChangeResourceRecordSetsResponse>"
            case "GET", ["change", "C1"]:
                return "<GetChangeResponse><ChangeInfo><Status>INSYNC</Status></ChangeInfo></GetChangeResponse>"
        return None

    def shown(self, owner):
        ttl, values = self.sets.get(owner, (1, ['"x"']))
        records = "".join(f"<ResourceRecord><Value>{value}</Value></ResourceRecord>" for value in values)
        return f"<ResourceRecordSet><Name>{owner}</Name><Type>TXT</Type><TTL>{ttl}</TTL>" \
               f"<ResourceRecords>{records}</ResourceRecords></ResourceRecordSet>"

    def change(self, document):
        change = document.find(f".//{NS}Change")
        owner, ttl = (change.find(f".//{NS}{name}").text for name in ("Name", "TTL"))
        values = [element.text for element in change.iter(f"{NS}Value")]
        lines = [f"del {owner} TXT"]
        if change.find(f"{NS}Action").text == "DELETE":
            assert self.sets.pop(owner) == (ttl, values), "DELETE must name the set exactly"
        else:
            self.sets[owner] = (ttl, values)
            lines += [f"add {owner} {ttl} TXT {value}" for value in values]
        self.largest = max(self.largest, len(values))
        done = self.backend.update("example.com", *lines)
        assert done.returncode == 0, done.stderr


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    api = None

    def log_message(self, *_):
        pass

    def is_signed(self, body):
        headers = {name.lower(): value for name, value in self.headers.items()}
        kind, _, rest = headers.get("authorization", "").partition(" ")
        parts = dict(part.strip().split("=", 1) for part in rest.split(",") if "=" in part)
        key_id, _, scope = parts.get("Credential", "").partition("/")
        return kind == "AWS4-HMAC-SHA256" and key_id == KEY_ID and scope.endswith("/us-east-1/route53/aws4_request") \
            and "x-amz-security-token" in parts["SignedHeaders"] and headers["x-amz-security-token"] == SESSION \
            and hmac.compare_digest(parts["Signature"], signature(
                self.command, self.path, headers, body, scope, parts["SignedHeaders"], headers["x-amz-date"]))

    def handle_one(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        url = urllib.parse.urlsplit(self.path)
        status, text = 200, None
        if not self.is_signed(body):
            status, text = 403, "<ErrorResponse><Error><Code>SignatureDoesNotMatch</Code><Message>The request " \
                                "signature we calculated does not match.</Message></Error></ErrorResponse>"
        text = text or self.api.answer(self.command, url.path, dict(urllib.parse.parse_qsl(url.query)), body)
        if text is None:
            status, text = 404, "<ErrorResponse><Error><Code>NotFound</Code></Error></ErrorResponse>"
        self.api.requests.append(f"{self.command} {self.path}: {status}")
        self.send_response(status)
        self.send_header("Content-Type", "text/xml")
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    do_GET = do_POST = handle_one
