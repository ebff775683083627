"""False answers of a hostile CA, and how certd must react to each: tables for tests/system/test_hostile_ca.py."""
import dataclasses
import itertools
import ssl

from hostile_ca import ENDPOINTS, HostileCa, Reply

NAME = "www.example.com"
MINUTE, DAY = 60, 86400
SOON = (MINUTE, MINUTE * 2 + 2)    # the first step of the backoff, with its jitter
URN = "urn:ietf:params:acme:error:"
OPERATOR = (DAY, DAY + 2)          # only the operator can fix it


@dataclasses.dataclass
class Case:
    """One false answer, as an argument of HostileCa.change(), and the expected reaction."""
    name: str
    at: str
    change: object
    code: str
    says: str = ""           # pattern in the message
    problem: str = None
    field: str = None
    wait: tuple = SOON       # seconds until the next attempt
    requests: int = 20       # maximum for the whole attempt

    def __str__(self):
        return self.name


# --- false answers ---

def member(path, value):
    """Sets a member of the JSON answer: "challenges.0.token"."""
    def change(reply, request):
        place = reply.json
        *way, last = path.split(".")
        for step in way:
            place = place[int(step) if step.isdigit() else step]
        place[last] = value
    return change


def without(name):
    def change(reply, request):
        del reply.json[name]
    return change


def without_in(path, name):
    """Omits a member of the object at @path."""
    def change(reply, request):
        place = reply.json
        for step in path.split("."):
            place = place[int(step) if step.isdigit() else step]
        del place[name]
    return change


def header(name, value):
    return lambda reply, request: reply.set_header(name, value)


def answer(*arguments, **options):
    return lambda reply, request: Reply(*arguments, **options)


def text(body, status=200, kind="application/json"):
    """Another body of arbitrary octets."""
    body = body if isinstance(body, bytes) else body.encode()
    return answer(status, body=body, headers=[("Content-Type", kind)])


def edited(old, new):
    """The honest JSON with @old replaced by @new, both octets: JSON that no library would write."""
    def change(reply, request):
        honest = b"".join(reply.chunks(None, True)).partition(b"\r\n\r\n")[2]
        assert old in honest
        reply.body = honest.replace(old, new)
    return change


def problem(kind, detail="because", status=400, headers=(), **more):
    def change(reply, request):
        bad = HostileCa.problem(status, kind, detail, **more)
        bad.headers += headers
        return bad
    return change


def raw(*pieces):
    """Octets instead of HTTP. A piece that is an iterator may be endless."""
    def change(reply, request):
        return Reply(raw=itertools.chain.from_iterable([p] if isinstance(p, bytes) else p() for p in pieces))
    return change


def endless(piece):
    return lambda: itertools.repeat(piece)


def redirect(status):
    return answer(status, headers=[("Location", "https://127.0.0.1:1/elsewhere")])


HTML = "<!DOCTYPE html><html><body><h1>It works!</h1></body></html>"
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


# --- the directory, nonces and the account ---

EVIL_TEXTS = [
    ("empty", b"", "JSON"),
    ("html", HTML.encode(), "directory"),
    ("half", b'{"newNonce": "https', "JSON"),
    ("two-values", b"{} {}", "JSON"),
    ("array", b"[]", "not a JSON object"),
    ("null", b"null", "null"),
    ("deep", b"[" * 20000, "deep"),
    ("deep-members", b'{"a":' * 20000, "deep"),
    ("not-utf8", b'{"newNonce": "https://\xff\xfe"}', "UTF-8"),
    ("overlong-utf8", b'{"newNonce": "https:\xc0\xaf\xc0\xaf"}', "UTF-8"),
    ("surrogate", b'{"newNonce": "https:\xed\xa0\x80"}', "UTF-8"),
    ("nul", b'{"newNonce": "https://\0"}', "NUL"),
    ("escaped-nul", b'{"newNonce": "https://a\\u0000.example/"}', "NUL"),
    ("huge-number", b'{"newNonce": 1e99999}', "newNonce|number"),
    ("many-members", b"{" + b",".join(b'"%d":0' % i for i in range(2000)) + b"}", "members"),
    ("long-array", b'{"x": [' + b"0," * 2000 + b"0]}", "items"),
    ("long-string", b'{"x": "' + b"a" * 100000 + b'"}', "string"),
]

EVIL_URLS = [
    ("plain-http", "http://127.0.0.1/x", "https"),
    ("other-host", "https://ca.example/x", "another host"),
    ("other-port", "https://127.0.0.1:1/x", "another host"),
    ("metadata-service", "https://169.254.169.254/latest/meta-data", "another host"),
    ("file", "file:///etc/passwd", "https"),
    ("user", "https://127.0.0.1@evil.example/x", "a user"),
    ("line-break", "https://127.0.0.1/x\r\nX-Evil: 1", "characters"),
    ("long", "https://127.0.0.1/" + "x" * 3000, "octets"),
    ("empty", "", "not a URL"),
]

WRONG_TYPES = [("number", 7), ("array", ["x"]), ("object", {}), ("true", True), ("null", None)]

# A client that reads these as long as they arrive does nothing else any more. 4,096 in each record.
HELLO_REQUESTS = itertools.repeat(b"\x16\x03\x03\x40\0" + bytes(16384))

ACCOUNT_CASES = [
    Case("tls-1.0", "tls", lambda ca: ca.use_tls(version=ssl.TLSVersion.TLSv1), "tls", "handshake"),
    Case("tls-1.1", "tls", lambda ca: ca.use_tls(version=ssl.TLSVersion.TLSv1_1), "tls", "handshake"),
    Case("tls-expired", "tls", lambda ca: ca.use_tls(ca.identity.expired), "tls", "expired"),
    Case("tls-for-another-host", "tls", lambda ca: ca.use_tls(ca.identity.elsewhere), "tls", "'127.0.0.1'"),
    Case("tls-unknown-root", "tls", lambda ca: ca.use_tls(ca.identity.unknown), "tls", "not trusted.*--ca-file"),
    Case("tls-none", "tls", lambda ca: ca.use_tls(instead=b"HTTP/1.1 200 OK\r\n\r\n"), "tls", "handshake"),
    Case("tls-garbage", "tls", lambda ca: ca.use_tls(instead=b"\x16\x03\x03\xff\xff" + b"\0" * 70_000), "tls",
         "handshake"),
    Case("tls-without-end", "tls", lambda ca: ca.use_tls(instead=HELLO_REQUESTS), "protocol", "no part of an answer"),
    Case("tls-alert", "tls", lambda ca: ca.use_tls(instead=b"\x15\x03\x03\0\x02\x02\x28"), "tls", "handshake"),
    *(Case(f"directory-redirect-{status}", "directory", redirect(status), "protocol", "redirect")
      for status in (300, 301, 302, 303, 304, 307, 308)),
    *(Case(f"directory-{name}", "directory", text(body), "protocol", says) for name, body, says in EVIL_TEXTS),
    *(Case(f"directory-url-{name}", "directory", member("newOrder", url), "protocol", f"newOrder.*{says}")
      for name, url, says in EVIL_URLS),
    *(Case(f"directory-{name}-{kind}", "directory", member(name, value), "protocol", f"directory: .*{name}")
      for name in ("newNonce", "newAccount", "newOrder") for kind, value in WRONG_TYPES),
    *(Case(f"directory-{name}-{kind}", "directory", member(name, value), "protocol", f"directory: .*{name}")
      for name in ("revokeCert", "meta") for kind, value in WRONG_TYPES[:2]),
    Case("directory-no-newOrder", "directory", without("newOrder"), "protocol", "newOrder is missing"),
    Case("directory-404", "directory", text(HTML, 404, "text/html"), "ca", "404"),
    Case("directory-the-last-of-two-members", "directory",
         edited(b'"meta":', b'"newOrder": "http://127.0.0.1/evil", "meta":'), "protocol", "newOrder.*https"),
    Case("directory-huge", "directory", text(b" " * 300_000), "limit", "sent more than"),
    Case("directory-huge-length", "directory", header("Content-Length", "99999999999"), "limit", "sent more than"),
    Case("directory-endless", "directory", lambda reply, request: Reply(body=itertools.repeat(b"x" * 65536)),
         "limit", "sent more than"),
    Case("directory-gzip-bomb", "directory",
         answer(body=b"\x1f\x8b" + b"\0" * 1000, headers=[("Content-Encoding", "gzip")]), "protocol", "directory"),
    Case("header-flood", "directory", answer(json={}, headers=[("X-Flood", "x" * 1000)] * 100), "limit", "header"),
    Case("header-long", "directory", answer(json={}, headers=[("X-Flood", "x" * 1_000_000)]), "limit", "header"),
    Case("header-endless", "directory", raw(HEAD, endless(b"X-Flood: y\r\n")), "limit", "header"),
    Case("interim-answers-endless", "directory", raw(endless(b"HTTP/1.1 100 Continue\r\n\r\n")), "limit", "header"),
    *(Case(f"nonce-{name}", "nonce", header("Replay-Nonce", value), "protocol", "nonce")
      for name, value in (("empty", ""), ("long", "x" * 500), ("bad-alphabet", "a/b+c="), ("blanks", "a b"))),
    Case("nonce-redirect", "nonce", redirect(302), "protocol", "redirect"),
    Case("bad-nonce-for-ever", "account", problem("badNonce"), "ca", "badNonce: because", problem="badNonce"),
    *(Case(f"account-{name}", "account", text(body), "protocol", "account") for name, body, _ in EVIL_TEXTS[:5]),
    Case("account-no-location", "account", header("Location", None), "protocol", "Location"),
    *(Case(f"account-location-{name}", "account", header("Location", url), "protocol", says)
      for name, url, says in EVIL_URLS if name != "line-break"),
    *(Case(f"account-status-{kind}", "account", member("status", value), "protocol", "account: .*status")
      for kind, value in (*WRONG_TYPES, ("unknown", "splendid"), ("of-orders", "ready"))),
    Case("account-deactivated", "account", member("status", "deactivated"), "ca", "deactivated",
         problem="unauthorized"),
    Case("account-redirect", "account", redirect(307), "protocol", "redirect"),
    Case("account-malformed", "account", problem("malformed", "no"), "ca", "malformed: no", problem="malformed"),
    Case("terms-changed", "account", problem("userActionRequired", "agree", instance="https://ca.example/terms"),
         "ca", "agree.*https://ca.example/terms", problem="userActionRequired",
         field="termsOfServiceAgreed", wait=OPERATOR),
    Case("problem-html", "account", text(HTML, 403, "text/html"), "ca", "403"),
    Case("problem-escapes", "account",
         problem("malformed", "\x1b]0;owned\x07\x1b[2J\u202egnp.exe\x9b31m\r\nnext line %s%n%n%n"),
         "ca", "next line %s%n%n%n", problem="malformed"),
    Case("problem-type-escapes", "account", problem("\x1b[31mred\n" * 100, "no"), "ca", "no",
         problem=(" [31mred" * 100)[:64]),
    Case("problem-60-KB", "account", problem("malformed", "no " * 20_000), "ca", "no no no", problem="malformed"),
    Case("problem-100-KB", "account", problem("malformed", "no " * 34_000), "ca", "400"),
    Case("problem-300-KB", "account", problem("malformed", "no " * 100_000), "limit", "sent more than"),
    *(Case(f"problem-member-{kind}", "account", 
           answer(400, json={"type": value, "detail": value, "subproblems": value}), "ca", "400")
      for kind, value in WRONG_TYPES),
    Case("problem-many-subproblems", "account",
         problem("compound", subproblems=[{"type": "x" * 60, "detail": "y" * 60}] * 1000), "ca", "compound",
         problem="compound"),
    *(Case(f"retry-after-{name}", "account", problem("rateLimited", "slow down", 429, [("Retry-After", value)]),
           "rate-limited", "slow down", problem="rateLimited", wait=wait)
      for name, value, wait in (
          ("two-minutes", "120", (120, 122)), ("zero", "0", SOON), ("negative", "-1000", SOON),
          ("2^62", str(2**62), (DAY, DAY + 2)), ("10^30", "1" + "0" * 30, (DAY, DAY + 2)),
          ("year-9999", "Fri, 31 Dec 9999 23:59:59 GMT", (DAY, DAY + 2)),
          ("year-1970", "Thu, 01 Jan 1970 00:00:00 GMT", SOON),
          ("garbage", "when hell freezes over", SOON), ("hexadecimal", "0x7fffffff", SOON))),
    Case("rate-limit-in-words", "account",
         problem("rateLimited", "too many, retry after 9999-12-31 23:59:59 UTC: see https://ca.example", 429),
         "rate-limited", "too many", problem="rateLimited", wait=(DAY, DAY + 2)),
]


# --- an order for an existing certificate ---

def not_issued(says):
    """The message when a certificate was refused."""
    return f"the CA issued a certificate that was not requested: .*{says}"


def certificate(make):
    """@make: the chain as text, from the order and the Identity."""
    def change(reply, request):
        reply.body = make(request.order, request.ca.identity).encode("latin-1")
    return change


def back_to(status, change):
    """This request did not advance the order."""
    def undo(reply, request):
        request.order["status"] = status
        if status == "pending":
            request.order["valid"].clear()
        return change(reply, request)
    undo.of_transport = getattr(change, "of_transport", False)
    return undo


def forged(pem):
    """Valid except for one bit of the signature."""
    der = bytearray(ssl.PEM_cert_to_DER_cert(pem))
    der[-1] ^= 1
    return ssl.DER_cert_to_PEM_cert(bytes(der))


def leaf(identity, order, **options):
    return identity.sign(order["csr"], options.pop("names", order["names"]), **options)


# Not for our key and names, or not readable.
CERTIFICATES = [
    ("wrong-key", "another key", lambda o, i: i.sign(i.foreign_request(), o["names"]) + i.chain()),
    ("wrong-name", "does not contain the name", lambda o, i: leaf(i, o, names=["other.example.com"]) + i.chain()),
    ("wildcard-instead", "does not contain the name", lambda o, i: leaf(i, o, names=["*.example.com"]) + i.chain()),
    ("no-names", "name", lambda o, i: leaf(i, o, names=[]) + i.chain()),
    ("bomb", "certificates", lambda o, i: leaf(i, o) + i.chain() * 20),
    ("only-a-key", "", lambda o, i: i.issuer.key_file.read_text()),
    ("half", "", lambda o, i: leaf(i, o)[:400]),
    ("der", "", lambda o, i: "\x30\x82\x01\x00" * 100),
    ("html", "", lambda o, i: HTML),
    ("bad-base64", "", lambda o, i: leaf(i, o).replace("MII", "M!I") + i.chain()),
]

# For our key and names: never discarded. The second is the doubt in its metadata; None: none.
ODD_CERTIFICATES = [
    ("one-name-more", "was not requested", lambda o, i: leaf(i, o, names=[NAME, "more.example"]) + i.chain()),
    ("not-yet-valid", "not valid yet", lambda o, i: leaf(i, o, start="20400101000000Z") + i.chain()),
    ("for-a-CA", "is a CA certificate", lambda o, i: leaf(i, o, ca=True) + i.chain()),
    ("for-clients", "not valid for TLS servers", lambda o, i: leaf(i, o, usage="clientAuth") + i.chain()),
    ("not-signed", "not signed", lambda o, i: forged(leaf(i, o)) + i.chain()),
    ("chain-of-another", "not signed", lambda o, i: leaf(i, o) + i.tls.cert_file.read_text()),
    ("leaf-twice", "not a CA certificate", lambda o, i: leaf(i, o) * 2),
    ("expired", "expired", lambda o, i: leaf(i, o, end="20210101000000Z") + i.chain()),
    ("chain-first", None, lambda o, i: i.chain() + leaf(i, o)),
    ("with-a-key", None, lambda o, i: leaf(i, o) + i.issuer.key_file.read_text() + i.chain()),
    ("garbage-between", None, lambda o, i: leaf(i, o) + "\x1b[2Jgarbage\n" + i.chain()),
    ("subject-lines", None, lambda o, i: "subject=/CN=x\nissuer=/CN=y\n" + leaf(i, o) + "\n\n" + i.chain()),
    ("crlf", None, lambda o, i: (leaf(i, o) + i.chain()).replace("\n", "\r\n")),
    ("shell-before", None, lambda o, i: "`touch /pwned`\n" + leaf(i, o) + i.chain()),
    ("nul", None, lambda o, i: leaf(i, o) + "\0" + i.chain()),
]

# Led to code execution or a file elsewhere in other clients (CVE-2023-38198, CVE-2026-40611 and similar).
TOKENS = [
    ("traversal", "../../../../../../../../pwned-by-the-ca"),
    ("traversal-encoded", "..%2f..%2f..%2f..%2fpwned-by-the-ca"),
    ("absolute", "/tmp/certd-was-pwned-by-the-ca"),
    ("shell", "`touch${IFS}/tmp/certd-was-pwned`$(reboot)"),
    ("line-break", "AAAAAAAAAAAAAAAAAAAAAA\r\nX-Evil: yes"),
    ("blank", "AAAAAAAAAAAAAAAAAAAAAA AAAA"),
    ("not-ascii", "\u00c4" * 30),
    ("dots", "." * 30),
    ("short", "A" * 21),
    ("long", "A" * 129),
    ("empty", ""),
]

ORDER_CASES = [
    *(Case(f"token-{name}", "authz", member("challenges.0.token", token), "protocol", "challenges.0.: token")
      for name, token in TOKENS),
    *(Case(f"token-{kind}", "authz", member("challenges.0.token", value), "protocol", "token")
      for kind, value in WRONG_TYPES[:4]),
    *(Case(f"order-{name}", "order", text(body, 201), "protocol", "order") for name, body, _ in EVIL_TEXTS),
    *(Case(f"order-url-{name}", "poll", member("finalize", url), "protocol", says) for name, url, says in EVIL_URLS),
    *(Case(f"order-{name}-{kind}", "order", member(name, value), "protocol", name)
      for name in ("status", "identifiers", "authorizations", "finalize") for kind, value in WRONG_TYPES
      if (kind != "array" or name in ("status", "finalize")) and (kind != "null" or name == "authorizations")),
    *(Case(f"authz-{name}-{kind}", "authz", member(name, value), "protocol", name)
      for name in ("status", "identifier") for kind, value in WRONG_TYPES[:4]),
    *(Case(f"order-location-{name}", "order", header("Location", url), "protocol", says)
      for name, url, says in EVIL_URLS if name != "line-break"),
    Case("order-no-location", "order", header("Location", None), "protocol", "the URL of the new order"),
    Case("order-status-nonsense", "order", member("status", "splendid"), "protocol", "status"),
    Case("order-for-another-name", "order", member("identifiers.0.value", "evil.example"), "protocol", "other names"),
    Case("order-identifier-path", "order", member("identifiers.0.value", "../../etc/passwd"), "protocol", "identifier"),
    Case("order-identifier-type", "order", member("identifiers.0.type", "onion"), "protocol", "identifier"),
    Case("order-without-authorizations", "order", member("authorizations", []), "protocol", "authorizations"),
    Case("order-many-authorizations", "order", lambda reply, request: member(
        "authorizations", reply.json["authorizations"] * 1000)(reply, request), "protocol", "authorizations"),
    Case("order-too-many-authorizations", "order", member("authorizations", ["https://x/"] * 1025), "protocol",
         "items"),
    *(Case(f"order-authorization-url-{name}", "order", member("authorizations", [url]), "protocol", says)
      for name, url, says in EVIL_URLS),
    Case("order-redirect", "order", redirect(308), "protocol", "redirect"),
    Case("order-invalid-at-once", "order", member("status", "invalid"), "validation", "without giving a reason"),
    Case("order-rejected", "order", problem("rejectedIdentifier", "no \x1b[31m", 403), "ca", "no",
         problem="rejectedIdentifier", field="commonName"),
    Case("order-rate-limited", "order", problem("rateLimited", "no", 429, [("Retry-After", "3600")]), "rate-limited",
         "no", problem="rateLimited", wait=(3600, 3602)),
    Case("order-paused", "order", problem(
        "rateLimited", "Your account is temporarily prevented from requesting certificates for a.example.com and "
        "possibly others. Please visit: https://portal.example/sfe/v1/unpause?jwt=e.y-J_", 429),
        "rate-limited", r"/unpause\?jwt=e\.y-J_$", problem="rateLimited", wait=(DAY, DAY + 2)),
    Case("order-429-of-another-type", "order", problem("malformed", "no", 429, [("Retry-After", "3600")]),
         "rate-limited", "no", problem="malformed", wait=(3600, 3602)),
    Case("order-503-with-a-type", "order", problem("unauthorized", "no", 503, [("Retry-After", "3600")]),
         "rate-limited", "no", problem="unauthorized", wait=(3600, 3602)),
    Case("order-unknown-problem", "order", problem("../../x", "no", 400), "ca", "no", problem="../../x"),
    Case("account-unknown", "order", problem("accountDoesNotExist", "who?"), "ca", "who",
         problem="accountDoesNotExist"),
    Case("authz-for-another-name", "authz", member("identifier.value", "evil.example"), "protocol", "not ordered"),
    Case("authz-no-challenges", "authz", member("challenges", []), "ca", "the CA offers no challenge"),
    Case("authz-unknown-challenge", "authz", member("challenges.0.type", "telepathy-01"), "ca",
         "offers only telepathy-01"),
    Case("authz-challenge-type-path", "authz", member("challenges.0.type", "../http-01"), "ca",
         "the CA offers no challenge"),
    Case("authz-many-challenges", "authz", lambda reply, request: member(
        "challenges", reply.json["challenges"] * 65)(reply, request), "protocol", "challenges"),
    Case("authz-no-token", "authz", lambda reply, request: reply.json["challenges"][0].pop("token") and None,
         "ca", "has no token"),
    *(Case(f"authz-challenge-url-{name}", "authz", member("challenges.0.url", url), "protocol", says)
      for name, url, says in EVIL_URLS),
    *(Case(f"authz-{status}", "authz", member("status", status), "validation", f"{NAME}: the CA gave no reason")
      for status in ("invalid", "revoked", "deactivated", "expired")),
    Case("authz-error-escapes", "authz", lambda reply, request: reply.json.update(status="invalid") or member(
        "challenges.0.error", {"type": URN + "dns", "detail": "\x1b[2Jno such name"})(reply, request),
        "validation", f"{NAME}: http-01: dns: .*no such name", problem="dns"),
    *(Case(f"challenge-{name}", "challenge", text(body), "protocol", "challenge") for name, body, _ in EVIL_TEXTS[:6]),
    Case("poll-another-order", "poll", member("identifiers.0.value", "evil.example"), "protocol", "other names"),
    Case("finalize-bad-csr", "finalize", problem("badCSR", "I do not like it"), "ca", "I do not like it",
         problem="badCSR", field="keyAlgorithm"),
    Case("finalize-invalid", "finalize", member("status", "invalid"), "validation", "without giving a reason"),
    *(Case(f"certificate-url-{name}", "finalize", member("certificate", url), "protocol", says)
      for name, url, says in EVIL_URLS),
    Case("certificate-empty", "certificate", text(b""), "protocol", "empty"),
    Case("certificate-huge", "certificate", text(b"-----BEGIN CERTIFICATE-----\n" + b"A" * 200_000), "limit",
         "more than"),
    Case("certificate-404", "certificate", text(HTML, 404), "ca", "404"),
    Case("certificate-redirect", "certificate", redirect(302), "protocol", "redirect"),
    *(Case(f"certificate-{name}", "certificate", certificate(make), "protocol", not_issued(says))
      for name, says, make in CERTIFICATES),
]


# Behaviour of real CAs that RFC 8555 does not describe: (name, where, function).
ODD_ANSWERS = [
    ("wildcard-flag-for-a-plain-name", "authz", member("wildcard", True)),
    ("star-in-the-identifier", "authz", member("identifier.value", f"*.{NAME}")),
    ("authorization-without-identifier", "authz", without("identifier")),
    ("authorization-without-status", "authz", without("status")),
    ("challenge-without-status", "authz", without_in("challenges.0", "status")),
    ("challenge-answer-empty", "challenge", text("{}")),
    ("order-expires-nonsense", "order", member("expires", "tomorrow")),
    ("order-expires-null", "order", member("expires", None)),
    ("order-without-identifiers", "order", without("identifiers")),
    ("order-with-no-identifier", "order", member("identifiers", [])),
    ("finalized-without-certificate", "finalize", without("certificate")),
    ("poll-without-finalize", "poll", without("finalize")),
    ("poll-without-authorizations", "poll", without("authorizations")),
]

GOOD_LINK = "<{base}/certificate/{number}>;rel=alternate"
LINKS = [GOOD_LINK, "", "<", ">", "<>;rel=alternate", "<https://ca.example/x>;rel=alternate",
         "<http://127.0.0.1/>;rel=\"alternate\"", "</relative>;rel=alternate", "<../../../etc/passwd>;rel=alternate",
         "<file:///etc/passwd>;rel=alternate",
         ";" * 1000, "<" * 1000, "<https://x/>;" + "rel=" * 200, *[GOOD_LINK] * 50]


def links(reply, request):
    """Claims that there are other chains."""
    number = request.path.rpartition("/")[2]
    reply.headers += [("Link", link.replace("{base}", request.ca.base).replace("{number}", number)) for link in LINKS]


# --- broken rather than hostile: retried for a while before it is a failure ---

def cut(octets):
    def change(reply, request):
        reply.cut = octets
    change.of_transport = True
    return change


def attribute(name, value):
    return lambda reply, request: setattr(reply, name, value)


def answered_by(endpoint):
    """How certd gets to that request."""
    return "provider" if endpoint in ("directory", "nonce", "account", "tls") else "autoCertificate"


def no_progress(endpoint, change):
    """Otherwise certd would find out that its request had arrived although the answer was lost, and continue."""
    status = {"challenge": "pending", "finalize": "ready"}.get(endpoint)
    return back_to(status, change) if status else change


BROKEN_CASES = [
    *(Case(f"cut-{endpoint}-{octets}".replace("--", "-last-"), endpoint, no_progress(endpoint, cut(octets)),
           "network", "broke")
      for endpoint in ENDPOINTS for octets in (0, 1, 17, 70, -1)),
    *(Case(f"503-{endpoint}", endpoint, no_progress(endpoint, text(HTML, 503, "text/html")), "ca", "503")
      for endpoint in ENDPOINTS),
    *(Case(f"internal-{endpoint}", endpoint, no_progress(endpoint, problem("serverInternal", "ouch", 500)), "ca",
           "ouch", problem="serverInternal") for endpoint in ENDPOINTS if endpoint != "nonce"),
    Case("status-line-garbage", "directory", raw(b"SSH-2.0-OpenSSH\r\n\r\n"), "protocol", "HTTP"),
    Case("status-999", "directory", raw(b"HTTP/1.1 999 What\r\nContent-Length: 0\r\n\r\n"), "ca", "999"),
    Case("status-text", "directory", raw(b"HTTP/1.1 abc OK\r\n\r\n"), "protocol", "HTTP"),
    Case("length-negative", "directory", raw(HEAD + b"Content-Length: -5\r\n\r\n{}"), "protocol", ""),
    Case("chunk-huge", "directory", raw(HEAD + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffffffff\r\n{}"),
         "network", ""),
    Case("tls-closed-at-once", "tls", lambda ca: ca.use_tls(instead=b"\n"), "tls", "handshake"),
    Case("tls-silent", "tls", lambda ca: ca.use_tls(instead=b""), "timeout", "SSL connection timeout"),
    *(Case(f"silent-{endpoint}", endpoint, attribute("silent", True), "timeout", "no complete answer")
      for endpoint in ("directory", "nonce", "account", "order", "certificate")),
    *(Case(f"drip-{endpoint}", endpoint, attribute("pause", 0.1), "timeout", "no complete answer")
      for endpoint in ("directory", "order", "certificate")),
]

# These never fail: certd asks at intervals, reports what it waits for, and continues by itself.
PATIENT_CASES = [
    Case("never-ready", "poll", member("status", "pending"), "", "waiting for the CA to validate"),
    Case("never-issued", "poll", member("status", "processing"), "", "finalize"),
]
