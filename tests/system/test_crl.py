"""Revocation lists of a real HTTP server: a list of 10 MB, redirects, slow and wrong answers, and what certd reports.

The OCSP responder is the one of OpenSSL.
"""
import datetime
import http.server
import threading

import pytest
from certd import Certd
from procs import Server, free_port, run, wait_for

EVERY = "check-revocation-every = 1\n"


def der(tag, *parts):
    """One DER element."""
    content = b"".join(parts)
    size = len(content)
    length = bytes([size]) if size < 128 else (lambda b: bytes([0x80 | len(b)]) + b)(size.to_bytes(4, "big").lstrip(b"\0"))
    return bytes([tag]) + length + content


def der_time(seconds):
    when = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
    return der(0x18, when.strftime("%Y%m%d%H%M%SZ").encode())


class Pki:
    """Roots, intermediates and leaves, which name lists of their issuers."""

    def __init__(self, directory):
        self.directory = directory
        directory.mkdir()

    def make(self, name, issuer=None, url=None, responder=None, usage="serverAuth"):
        """@url: of the list; @responder: its URL; a CA unless it is a DNS name."""
        is_ca = "." not in name
        lines = [f"basicConstraints=critical,CA:{str(is_ca).upper()}", "subjectKeyIdentifier=hash",
                 f"keyUsage=critical,{'keyCertSign,cRLSign' if is_ca else 'digitalSignature'}",
                 "authorityKeyIdentifier=keyid"]
        if url:
            lines.append(f"crlDistributionPoints=URI:{url}")
        if responder:
            lines.append(f"authorityInfoAccess=OCSP;URI:{responder}")
        if not is_ca:
            lines += [f"subjectAltName=DNS:{name}", f"extendedKeyUsage={usage}"]
        extensions = self.path(name, "ext")
        extensions.write_text("\n".join(lines) + "\n")
        key = self.path(name, "key")
        request = run(["openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key,
                       "-subj", f"/CN=test {name}"]).stdout
        signer = ["-CA", self.path(issuer, "pem"), "-CAkey", self.path(issuer, "key")] if issuer else ["-signkey", key]
        run(["openssl", "x509", "-req", *signer, "-days", "30", "-extfile", extensions, "-out", self.path(name, "pem")],
            input=request)

    def path(self, name, kind):
        return self.directory / f"{name}.{kind}"

    def serial(self, name):
        return int(run(["openssl", "x509", "-noout", "-serial", "-in", self.path(name, "pem")]).stdout.split("=")[1], 16)

    def crl(self, issuer, revoked=(), others=0, lasts=3600, reason=4):
        """The DER of a list."""
        subject = run(["openssl", "x509", "-noout", "-subject", "-nameopt", "RFC2253", "-in",
                       self.path(issuer, "pem")]).stdout.split("CN=")[1].strip().encode()
        algorithm = der(0x30, bytes.fromhex("06082a8648ce3d040302"))
        date = der_time(-600)
        why = der(0x30, der(0x30, bytes.fromhex("0603551d15"), der(0x04, der(0x0a, bytes([reason])))))
        numbers = [0x7f << 120 | i for i in range(others)] + [self.serial(name) for name in revoked]
        entries = [der(0x30, der(0x02, n.to_bytes(n.bit_length() // 8 + 1, "big")), date, why) for n in numbers]
        tbs = der(0x30, b"\x02\x01\x01", algorithm,
                  der(0x30, der(0x31, der(0x30, bytes.fromhex("0603550403"), der(0x0c, subject)))), der_time(-600),
                  der_time(lasts), der(0x30, *entries) if entries else b"")
        to_sign, signed = self.path("crl", "tbs"), self.path("crl", "sig")
        to_sign.write_bytes(tbs)
        run(["openssl", "dgst", "-sha256", "-sign", self.path(issuer, "key"), "-out", signed, to_sign])
        return der(0x30, tbs, algorithm, der(0x03, b"\0", signed.read_bytes()))


class Lists:
    """The server of the lists. `answers`: path -> function of the request's handler."""

    def __init__(self):
        outer = self
        self.answers, self.requests = {}, []
        self.closing = threading.Event()

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):  # noqa: N802
                outer.requests.append((self.path, self.headers.get("If-None-Match")))
                outer.answers.get(self.path, lambda handler: handler.send_error(404))(self)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()
        self.base = f"http://127.0.0.1:{self.server.server_port}"

    def close(self):
        self.closing.set()
        self.server.shutdown()
        self.server.server_close()

    def asked(self, path):
        return [condition for asked, condition in self.requests if asked == path]

    def serve(self, path, body, etag=None):
        def answer(handler):
            known = etag and handler.headers.get("If-None-Match") == etag
            handler.send_response(304 if known else 200)
            if etag:
                handler.send_header("ETag", etag)
            handler.send_header("Content-Length", "0" if known else str(len(body)))
            handler.end_headers()
            if not known:
                handler.wfile.write(body)
        self.answers[path] = answer

    def redirect(self, path, target):
        def answer(handler):
            handler.send_response(302)
            handler.send_header("Location", target)
            handler.send_header("Content-Length", "0")
            handler.end_headers()
        self.answers[path] = answer

    def drip(self, path):
        """The header, and then an octet now and then, without an end."""
        def answer(handler):
            handler.send_response(200)
            handler.send_header("Content-Length", "1000000")
            handler.end_headers()
            while not self.closing.wait(0.2):
                handler.wfile.write(b"0")
                handler.wfile.flush()
        self.answers[path] = answer


class Responder(Server):
    """`openssl ocsp` for the certificates of `ca`; a certificate that the CA has made for it signs the answers."""
    name = "responder"

    def __init__(self, directory, pki, known):
        super().__init__(directory)
        self.pki, self.port = pki, free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.known = known
        pki.make("ocsp.example.com", "ca", usage="OCSPSigning")
        for name in known:
            pki.make(name, "ca", responder=self.url)
        self.revoke([])

    def revoke(self, revoked):
        """For keyCompromise. OpenSSL reads its index again after the next request."""
        lines = []
        for name in self.known:
            status, when = ("R", "261101000000Z,keyCompromise") if name in revoked else ("V", "")
            number = f"{self.pki.serial(name):X}"
            lines.append(f"{status}\t491231235959Z\t{when}\t{'0' * (len(number) % 2)}{number}\tunknown\t/CN=test {name}\n")
        (self.directory / "index.txt").write_text("".join(lines))

    def command(self):
        path = self.pki.path
        return ["openssl", "ocsp", "-port", str(self.port), "-index", self.directory / "index.txt", "-CA", path("ca", "pem"),
                "-rsigner", path("ocsp.example.com", "pem"), "-rkey", path("ocsp.example.com", "key"), "-nmin", "60",
                "-ignore_err"]

    def is_ready(self):
        # A connection without a request would occupy it for good.
        return "waiting for OCSP client connections" in self.log


@pytest.fixture
def lists():
    server = Lists()
    yield server
    server.close()


class Site:
    """certd, a server of lists, and a CA `ca` below `root`."""

    def __init__(self, start, scratch, lists):
        self.lists = lists
        self.pki = Pki(scratch / "pki")
        self.pki.make("root")
        self.pki.make("ca", "root", f"{lists.base}/roots")
        # The root is in the system's trust store, not in the chains.
        self.certd = start(Certd, config=EVERY, environment={"SSL_CERT_FILE": str(self.pki.path("root", "pem"))})
        self.ids = {}

    def make_leaf(self, name, ca="ca"):
        """Its list is at the path /NAME."""
        self.pki.make(name, ca, f"{self.lists.base}/{name}")

    def import_leaf(self, name, ca="ca"):
        def text(stem, kind="pem"):
            return self.pki.path(stem, kind).read_text()
        self.ids[name] = self.certd.call("certificate.create", properties={
            "name": name, "certificate": text(name), "certificateChain": text(ca), "privateKey": text(name, "key")})["id"]

    def status(self, name):
        return self.certd.call("certificate.get", ref=self.ids[name])["metadata"]["status"]

    def wait_explained(self, name, text):
        wait_for(lambda: text in self.certd.ctl("explain", "cert", self.ids[name]).stdout, 90, f"{name}: {text}")

    def wait_revoked(self, name):
        wait_for(lambda: self.status(name) == "revoked", 90, f"{name} is revoked")


@pytest.fixture
def site(start, scratch, lists):
    return Site(start, scratch, lists)


def test_a_list_of_ten_megabytes_behind_a_redirect_is_read_in_little_memory(site, lists):
    lists.serve("/roots", site.pki.crl("root"))
    site.make_leaf("small.example.com")
    site.make_leaf("big.example.com")
    lists.serve("/small.example.com", site.pki.crl("ca"))
    site.import_leaf("small.example.com")
    site.wait_explained("small.example.com", "the revocation list did not have it")
    site.wait_explained("small.example.com", "the revocation list of its issuer did not have it")
    before = site.certd.peak_kib()
    large = site.pki.crl("ca", ["big.example.com"], others=240000, reason=1)
    assert len(large) > 10 << 20
    lists.serve("/large", large)
    lists.redirect("/big.example.com", "/large")
    site.import_leaf("big.example.com")
    site.wait_revoked("big.example.com")
    assert site.certd.peak_kib() - before < 64 * 1024
    assert site.status("small.example.com") == "active"
    shown = site.certd.ctl("show", "cert", "big.example.com").stdout
    assert "keyCompromise" in shown and f"{lists.base}/big.example.com" in shown
    messages = [event["message"] for event in site.certd.call("event.list")["items"]
                if event["kind"] == "certificate.revoked"]
    assert messages == [f"the CA has revoked it: keyCompromise ({lists.base}/big.example.com)"]
    assert "revoked" in site.certd.ctl("status", check=False).stdout


def test_nothing_is_concluded_from_a_list_that_cannot_be_used(site, lists):
    lists.serve("/roots", site.pki.crl("root"))
    cases = {
        "gone.example.com": (lambda name: None, "status 404"),
        "late.example.com": (lambda name: lists.serve(name, site.pki.crl("ca", [name[1:]], lasts=-60)), "the list expired at"),
        "wrong.example.com": (lambda name: lists.serve(name, site.pki.crl("root", [name[1:]])), "not signed by the issuer"),
        "page.example.com": (lambda name: lists.serve(name, b"<html>moved</html>"), "not a revocation list"),
        "loop.example.com": (lambda name: lists.redirect(name, name), "more than 5 redirects"),
        "ftp.example.com": (lambda name: lists.redirect(name, "ftp://127.0.0.1/list"), "ftp"),
    }
    for name, (prepare, text) in cases.items():
        site.make_leaf(name)
        prepare(f"/{name}")
        site.import_leaf(name)
    for name, (prepare, text) in cases.items():
        site.wait_explained(name, "cannot be used")
        said = site.certd.ctl("explain", "cert", site.ids[name]).stdout
        assert text in said and site.status(name) == "active", (name, said)


def test_a_revoked_intermediate_counts_and_a_slow_server_holds_nothing_up(site, lists):
    lists.serve("/roots", site.pki.crl("root"))
    site.make_leaf("www.example.com")
    lists.serve("/www.example.com", site.pki.crl("ca"), etag='"one"')
    site.import_leaf("www.example.com")
    site.wait_explained("www.example.com", "the revocation list did not have it")
    wait_for(lambda: '"one"' in lists.asked("/www.example.com"), 90, "a conditional request")
    assert site.status("www.example.com") == "active"
    lists.serve("/roots", site.pki.crl("root", ["ca"], reason=2))
    site.wait_revoked("www.example.com")
    shown = site.certd.ctl("show", "cert", "www.example.com").stdout
    assert "cACompromise" in shown and f"{lists.base}/roots" in shown
    site.pki.make("sub", "root")
    site.make_leaf("slow.example.com", "sub")
    lists.drip("/slow.example.com")
    site.import_leaf("slow.example.com", "sub")
    wait_for(lambda: lists.asked("/slow.example.com"), 90, "a request")
    assert site.certd.call("server.status")
    assert site.status("slow.example.com") == "active"


def test_a_responder_is_asked_about_a_certificate_and_a_revoked_one_is_found(site, lists, start, scratch):
    responder = start(Responder, site.pki, ["www.example.com"])
    lists.serve("/roots", site.pki.crl("root"))
    site.pki.make("strange.example.com", "ca", responder=responder.url)
    site.import_leaf("www.example.com")
    site.import_leaf("strange.example.com")
    site.wait_explained("www.example.com", "the OCSP responder said at")
    site.wait_explained("strange.example.com", f"cannot be used: {responder.url}: the responder does not know the certificate")
    assert site.status("www.example.com") == "active"
    responder.revoke(["www.example.com"])
    site.wait_revoked("www.example.com")
    shown = site.certd.ctl("show", "cert", "www.example.com").stdout
    assert "keyCompromise" in shown and responder.url in shown
    assert site.status("strange.example.com") == "active"
