"""HostileCa: a hostile CA. It is an honest ACME server over TLS until a test replaces parts of its answers.

It implements RFC 8555 as far as a client can see: it checks nonces and the structure of requests, but no signatures,
and accepts every challenge. Its certificates are real. Uses only the standard library and the openssl program.
"""
import base64
import itertools
import json
import secrets
import socket
import ssl
import threading
import time
import warnings

from procs import free_port, run
from tls import ThrowAwayCa

ENDPOINTS = ("directory", "nonce", "account", "order", "authz", "challenge", "finalize", "poll", "certificate")


def b64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def un_b64url(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Reply:
    """An answer before it is written. A test's function changes it or returns another one.

    @json: becomes the body when there is no other. @body: bytes, or an iterator of them: sent in chunks, may be
    endless. @raw: everything that is sent, without any addition. @cut: the connection ends after so many octets
    (negative: so many before the end). @pause: seconds between any two octets. @silent: nothing is sent, the connection
    stays open.
    """

    def __init__(self, status=200, *, json=None, body=None, headers=(), raw=None):
        self.status = status
        self.reason = "As Asked"
        self.headers = list(headers)
        self.json = json
        self.body = body
        self.raw = raw
        self.cut = None
        self.pause = 0
        self.silent = False

    def set_header(self, name, value):
        self.headers = [(n, v) for n, v in self.headers if n.lower() != name.lower()]
        if value is not None:
            self.headers.append((name, value))

    def chunks(self, nonce, with_body):
        """The octets to send, piece by piece."""
        if self.raw is not None:
            yield from ([self.raw] if isinstance(self.raw, bytes) else self.raw)
            return
        body = self.body
        if body is None:
            body = b"" if self.json is None else json.dumps(self.json).encode()
        names = {name.lower() for name, _ in self.headers}
        headers = list(self.headers)
        if nonce and "replay-nonce" not in names:
            headers.append(("Replay-Nonce", nonce))
        if self.json is not None and "content-type" not in names:
            headers.append(("Content-Type", "application/json"))
        if isinstance(body, bytes) and "content-length" not in names:
            headers.append(("Content-Length", str(len(body))))
        elif not isinstance(body, bytes):
            headers.append(("Transfer-Encoding", "chunked"))
        head = f"HTTP/1.1 {self.status} {self.reason}\r\n" + "".join(f"{n}: {v}\r\n" for n, v in headers) + "\r\n"
        yield head.encode("utf-8", "surrogateescape")
        if not with_body:
            return
        if isinstance(body, bytes):
            yield body
            return
        for piece in body:
            yield b"%x\r\n%s\r\n" % (len(piece), piece)
        yield b"0\r\n\r\n"


class Identity:
    """Keys and certificates that several HostileCa share: making them takes longer than a test."""

    def __init__(self, directory):
        self.tls = ThrowAwayCa(directory / "tls", "root of the hostile CA's own TLS")
        self.ca_file = self.tls.cert_file
        self.server = self.tls.issue("localhost", "127.0.0.1")
        self.expired = self.tls.issue("127.0.0.1", days=-1)
        self.elsewhere = self.tls.issue("ca.example")
        self.unknown = ThrowAwayCa(directory / "unknown", "nobody's root").issue("127.0.0.1")
        self.issuer = ThrowAwayCa(directory / "issuer", "Hostile Issuer")
        self.directory = directory
        self.lock = threading.Lock()
        self.serials = itertools.count(secrets.randbits(60))

    def chain(self):
        return self.issuer.cert_file.read_text()

    def sign(self, csr, names, *, days=90, ca=False, usage="serverAuth", key=None, start=None, end=None):
        """The PEM of a leaf for the DER request @csr. @key: sign with that one instead of the issuer's.

        @start, @end: in the format of openssl-ca(1), e.g. "20400101000000Z".
        """
        with self.lock:
            stem = self.directory / f"leaf{next(self.serials)}"
            kinds = ",".join(("IP:" if name.replace(".", "").isdigit() or ":" in name else "DNS:") + name
                             for name in names)
            extensions = stem.with_suffix(".ext")
            extensions.write_text(("[ext]\n" if start or end else "")
                                  + (f"subjectAltName={kinds}\n" if names else "")
                                  + (f"extendedKeyUsage={usage}\n" if usage else "")
                                  + f"basicConstraints=critical,CA:{str(ca).upper()}\n")
            request, leaf = stem.with_suffix(".csr"), stem.with_suffix(".pem")
            request.write_bytes(csr)
            signer = ["-CA", self.issuer.cert_file, "-CAkey", key or self.issuer.key_file]
            if start or end:
                self._sign_dates(request, leaf, extensions, start, end)
            else:
                run(["openssl", "x509", "-req", "-inform", "DER", "-in", request, *signer, "-days", days,
                     "-set_serial", next(self.serials), "-extfile", extensions, "-out", leaf])
            return leaf.read_text()

    def _sign_dates(self, request, leaf, extensions, start, end):
        database = self.directory / "database"
        database.mkdir(exist_ok=True)
        (database / "index").write_text("")
        config = database / "config"
        config.write_text("[ca]\ndefault_ca=x\n[x]\n"
                          f"database={database}/index\nnew_certs_dir={database}\nrand_serial=yes\n"
                          "default_md=sha256\npolicy=p\nunique_subject=no\n[p]\ncommonName=optional\n")
        pem = run(["openssl", "req", "-inform", "DER", "-in", request]).stdout
        run(["openssl", "ca", "-batch", "-config", config, "-cert", self.issuer.cert_file, "-keyfile",
             self.issuer.key_file, "-startdate", start or "20200101000000Z", "-enddate", end or "20500101000000Z",
             "-extfile", extensions, "-extensions", "ext", "-notext", "-subj", "/CN=dates", "-in", "/dev/stdin",
             "-out", leaf], input=pem)

    def foreign_request(self):
        """A request for an unrelated key."""
        pem = run(["openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                   "-keyout", "/dev/null", "-subj", "/"]).stdout
        return base64.b64decode("".join(line for line in pem.splitlines() if not line.startswith("-")))


class Request:
    """A client's request to @ca. `payload` is parsed, None for POST-as-GET; `order`: the order that it concerns."""

    def __init__(self, ca, method, path, body):
        self.ca, self.method, self.path, self.body = ca, method, path, body
        self.order = None
        self.protected = self.payload = None
        if method == "POST":
            jws = json.loads(body)
            self.protected = json.loads(un_b64url(jws["protected"]))
            self.payload = json.loads(un_b64url(jws["payload"])) if jws["payload"] else None


class HostileCa:
    """A CA on its own port. `requests` lists (endpoint, path) of all requests.

    change(endpoint, function) replaces answers of that endpoint: function(reply, request) changes the Reply or returns
    another; with an attribute `of_transport` it also gets refused requests. honest() removes all functions. The
    endpoint of an order is "order" for newOrder and "poll" when it is fetched; "tls" is not an endpoint: function(ca)
    is called to change how new connections are handled.
    """

    def __init__(self, identity):
        self.identity = identity
        self.ca_file = identity.ca_file
        self.port = free_port()
        self.base = f"https://127.0.0.1:{self.port}"
        self.url = f"{self.base}/dir"
        self.lock = threading.RLock()
        self.requests = []
        self.nonces = set()
        self.orders = {}
        self.numbers = itertools.count(1)
        self.sockets = set()
        self.stopping = False
        self.honest()

    # --- for tests ---

    def honest(self):
        self.changes = {}
        self.use_tls()
        self.hang_up()

    def change(self, endpoint, function):
        if endpoint == "tls":
            function(self)
        else:
            assert endpoint in ENDPOINTS, endpoint
            self.changes[endpoint] = function

    def use_tls(self, pair=None, *, version=None, instead=None):
        """New connections get that (certificate, key), only that version of TLS, or these octets instead (an iterator
        may be endless)."""
        self.instead = instead
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(*(pair or self.identity.server))
        if version:
            self.context.set_ciphers("ALL:@SECLEVEL=0")
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)
                self.context.minimum_version = self.context.maximum_version = version

    def hang_up(self):
        with self.lock:
            for sock in list(self.sockets):
                try:
                    sock.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def count(self, endpoint=None):
        with self.lock:
            return sum(endpoint in (None, kind) for kind, _ in self.requests)

    # --- the server ---

    def start(self):
        self.listener = socket.create_server(("127.0.0.1", self.port), backlog=64)
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def stop(self):
        self.stopping = True
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()
        self.hang_up()

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def _accept(self):
        while not self.stopping:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock):
        plain = sock
        with self.lock:
            self.sockets.add(plain)
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.instead is not None:
                sock.recv(65536)
                for piece in [self.instead] if isinstance(self.instead, bytes) else self.instead:
                    sock.sendall(piece)
                if not self.instead:
                    sock.recv(65536)  # as long as the client wants
                return
            sock = self.context.wrap_socket(sock, server_side=True)
            with self.lock:
                self.sockets.discard(plain)
                plain = sock
                self.sockets.add(sock)
            stream = sock.makefile("rb")
            while self._answer_one(sock, stream):
                pass
        except (OSError, ValueError):
            pass
        finally:
            with self.lock:
                self.sockets.discard(plain)
            sock.close()

    def _answer_one(self, sock, stream):
        line = stream.readline(8192).decode("latin-1").split()
        if len(line) != 3:
            return False
        length = 0
        for header in iter(lambda: stream.readline(8192), b"\r\n"):
            if not header:
                return False
            name, _, value = header.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        request = Request(self, line[0], line[1], stream.read(length))
        reply = self._reply(request)
        nonce = self._new_nonce()
        return self._send(sock, reply, reply.chunks(nonce, request.method != "HEAD"))

    def _send(self, sock, reply, chunks):
        if reply.silent:
            sock.recv(1)
            return False
        if reply.cut is not None and reply.cut < 0:
            chunks = [b"".join(chunks)[:reply.cut]]
            reply.cut = len(chunks[0])
        sent = 0
        for data in chunks:
            if reply.cut is not None and sent + len(data) >= reply.cut:
                sock.sendall(data[:reply.cut - sent])
                return False
            if reply.pause:
                for i in range(len(data)):
                    sock.sendall(data[i:i + 1])
                    time.sleep(reply.pause)
            else:
                sock.sendall(data)
            sent += len(data)
        return reply.raw is None

    # --- the CA ---

    def _new_nonce(self):
        nonce = b64url(secrets.token_bytes(16))
        with self.lock:
            self.nonces.add(nonce)
        return nonce

    def _reply(self, request):
        endpoint, number = self._route(request)
        with self.lock:
            self.requests.append((endpoint, request.path))
            request.order = self.orders.get(number.partition("/")[0])
            fresh = request.method != "POST" or self._take_nonce(request)
        change = self.changes.get(endpoint)
        if fresh:
            reply = getattr(self, f"_{endpoint}")(request, number)
        else:
            reply = self.problem(400, "badNonce", "I did not give that nonce to you")
            if not getattr(change, "of_transport", False):
                return reply
        return (change(reply, request) or reply) if change else reply

    def _take_nonce(self, request):
        known = request.protected["nonce"] in self.nonces and request.protected["url"] == self.base + request.path
        self.nonces.discard(request.protected["nonce"])
        return known

    @staticmethod
    def problem(status, kind, detail, **more):
        return Reply(status, json={"type": f"urn:ietf:params:acme:error:{kind}", "detail": detail, **more},
                     headers=[("Content-Type", "application/problem+json")])

    @staticmethod
    def _route(request):
        kind, _, number = request.path.lstrip("/").partition("/")
        endpoint = {"dir": "directory", "nonce": "nonce", "account": "account", "new-order": "order",
                    "order": "poll", "authz": "authz", "challenge": "challenge", "finalize": "finalize",
                    "certificate": "certificate"}.get(kind, "unknown")
        return endpoint, number

    def _unknown(self, request, number):
        return self.problem(404, "malformed", "there is nothing here")

    def _directory(self, request, number):
        return Reply(json={"newNonce": f"{self.base}/nonce", "newAccount": f"{self.base}/account",
                           "newOrder": f"{self.base}/new-order", "revokeCert": f"{self.base}/revoke",
                           "keyChange": f"{self.base}/key-change",
                           "meta": {"termsOfService": f"{self.base}/terms", "caaIdentities": ["ca.example"],
                                    "externalAccountRequired": False}})

    def _nonce(self, request, number):
        return Reply()

    def _account(self, request, number):
        return Reply(201, json={"status": "valid", "contact": []}, headers=[("Location", f"{self.base}/account/1")])

    def _order(self, request, number):
        names = [identifier["value"] for identifier in request.payload["identifiers"]]
        number = str(next(self.numbers))
        with self.lock:
            self.orders[number] = {"names": names, "status": "pending", "csr": None,
                                   "token": b64url(secrets.token_bytes(32)), "valid": set()}
        return Reply(201, json=self._order_json(number), headers=[("Location", f"{self.base}/order/{number}")])

    def _order_json(self, number):
        order = self.orders[number]
        shown = {"status": order["status"], "expires": "2050-01-01T00:00:00Z",
                 "identifiers": [{"type": "dns", "value": name} for name in order["names"]],
                 "authorizations": [f"{self.base}/authz/{number}/{i}" for i in range(len(order["names"]))],
                 "finalize": f"{self.base}/finalize/{number}"}
        if order["status"] == "valid":
            shown["certificate"] = f"{self.base}/certificate/{number}"
        return shown

    def _poll(self, request, number):
        return Reply(json=self._order_json(number))

    def _challenge_json(self, number):
        order, index = self.orders[number.partition("/")[0]], int(number.partition("/")[2])
        return {"type": "http-01", "url": f"{self.base}/challenge/{number}", "token": order["token"],
                "status": "valid" if index in order["valid"] else "pending"}

    def _authz(self, request, number):
        order, index = self.orders[number.partition("/")[0]], int(number.partition("/")[2])
        name = order["names"][index]
        challenge = self._challenge_json(number)
        shown = {"identifier": {"type": "dns", "value": name.removeprefix("*.")}, "status": challenge["status"],
                 "expires": "2050-01-01T00:00:00Z", "challenges": [challenge]}
        if name.startswith("*."):
            shown["wildcard"] = True
        return Reply(json=shown)

    def _challenge(self, request, number):
        order, index = self.orders[number.partition("/")[0]], int(number.partition("/")[2])
        order["valid"].add(index)
        if len(order["valid"]) == len(order["names"]):
            order["status"] = "ready"
        return Reply(json=self._challenge_json(number))

    def _finalize(self, request, number):
        order = self.orders[number]
        order["csr"] = un_b64url(request.payload["csr"])
        order["status"] = "valid"
        return Reply(json=self._order_json(number))

    def _certificate(self, request, number):
        order = self.orders[number.partition("/")[0]]
        return Reply(body=(self.identity.sign(order["csr"], order["names"]) + self.identity.chain()).encode(),
                     headers=[("Content-Type", "application/pem-certificate-chain")])
