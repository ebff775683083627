"""Pebble, Let's Encrypt's test CA, and its companion that answers DNS for any name."""
import json
import re
import ssl
import urllib.error
import urllib.request

from procs import Server, free_port, listens, patient
from tls import ThrowAwayCa

EAB_KEY_ID = "kid-1"
EAB_KEY = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W"
EAB_KEYS = {EAB_KEY_ID: EAB_KEY, "kid-2": "-_--__--" * 5 + "-_-"}  # one that differs in each form of base64


class Pebble(Server):
    """Options are Pebble's own; by default it validates, and is repeatable, without random delays.

    @is_slow: it validates only after hours: an order stays in progress for as long as a test needs.
    @authz_reuse: in so many orders of a hundred, and one more, it uses a valid authorization again. So no test relies on
    a second validation of a name for the same account.
    Pebble keeps no state over a restart. It can deadlock when many orders run at once (2.4.0, fixed later).
    """
    name = "pebble"

    def __init__(self, directory, *, dns=None, http_port=None, tls_port=None, validity=300, nonce_reject=0,
                 authz_reuse=0, always_valid=False, is_slow=False, eab=False, blocked=(), alternate_roots=0,
                 chain_length=1, strict=False):
        super().__init__(directory)
        self.dns = dns                           # "127.0.0.1:PORT" of its resolver; None: the system's
        self.port = free_port()
        self.management_port = free_port()
        self.http_port = http_port or free_port()  # where http-01 is validated
        self.tls_port = tls_port or free_port()    # where tls-alpn-01 is validated
        self.validity = validity                 # of issued certificates, in seconds
        self.eab = eab                           # accounts need one of EAB_KEYS
        self.blocked = list(blocked)
        self.strict = strict
        self.variables = {"PEBBLE_WFE_NONCEREJECT": nonce_reject, "PEBBLE_AUTHZREUSE": authz_reuse,
                          "PEBBLE_ALTERNATE_ROOTS": alternate_roots, "PEBBLE_CHAIN_LENGTH": chain_length}
        if is_slow:
            self.variables["PEBBLE_VA_SLEEPTIME"] = 1000000  # any number of seconds below it
        else:
            self.variables["PEBBLE_VA_NOSLEEP"] = 1
        if always_valid:
            self.variables["PEBBLE_VA_ALWAYS_VALID"] = 1
        self.ca = ThrowAwayCa(self.directory / "ca", "CA of Pebble's own server certificate")
        self.ca_file = self.ca.cert_file
        self.url = f"https://127.0.0.1:{self.port}/dir"

    def command(self):
        certificate, key = self.ca.issue("localhost", "127.0.0.1")
        settings = {
            "listenAddress": f"127.0.0.1:{self.port}",
            "managementListenAddress": f"127.0.0.1:{self.management_port}",
            "certificate": str(certificate), "privateKey": str(key), "ocspResponderURL": "",
            "httpPort": self.http_port, "tlsPort": self.tls_port,
            "externalAccountBindingRequired": self.eab, "externalAccountMACKeys": EAB_KEYS,
            "domainBlocklist": self.blocked, "certificateValidityPeriod": self.validity,
        }
        config = self.directory / "pebble.json"
        config.write_text(json.dumps({"pebble": settings}, indent=1))
        return (["pebble", "-config", config] + (["-dnsserver", self.dns] if self.dns else []) +
                (["-strict"] if self.strict else []))

    def environment(self):
        return {key: str(value) for key, value in self.variables.items()}

    def get(self, url):
        """GET by HTTPS, trusting `ca_file`. Returns the body."""
        context = ssl.create_default_context(cafile=self.ca_file)
        with urllib.request.urlopen(url, timeout=patient(10), context=context) as answer:
            return answer.read()

    def is_ready(self):
        return listens(self.management_port) and listens(self.port)

    def _managed(self, path):
        return self.get(f"https://127.0.0.1:{self.management_port}{path}").decode()

    def root(self, number=0):
        """PEM of the root of its certificates; new at each start."""
        return self._managed(f"/roots/{number}")

    def intermediate(self, number=0):
        return self._managed(f"/intermediates/{number}")

    def root_file(self, number=0):
        path = self.directory / f"root{number}.pem"
        path.write_text(self.root(number))
        return path

    def certificate_status(self, serial):
        """@serial: hexadecimal. Returns {"Status": "Valid" or "Revoked", "Certificate": PEM, ...}, None if unknown."""
        try:
            return json.loads(self._managed(f"/cert-status-by-serial/{serial.lower()}"))
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return None
            raise

    @property
    def requests(self):
        """All ACME requests so far as (method, path), from its log."""
        return re.findall(r"(GET|HEAD|POST) (/\S*) -> calling handler", self.log)


class Challtestsrv(Server):
    """Answers DNS queries: every name has 127.0.0.1, and any record that a test adds. `dns` is for Pebble's option of
    that name."""
    name = "challtestsrv"

    def __init__(self, directory):
        super().__init__(directory)
        self.port = free_port()
        self.management_port = free_port()
        self.dns = f"127.0.0.1:{self.port}"

    def command(self):
        return ["pebble-challtestsrv", "-dns01", self.dns, "-management", f"127.0.0.1:{self.management_port}",
                "-http01", "", "-https01", "", "-tlsalpn01", "", "-defaultIPv4", "127.0.0.1", "-defaultIPv6", ""]

    def is_ready(self):
        return listens(self.port) and listens(self.management_port)

    def post(self, path, **body):
        """One call of the management interface, e.g. post("set-servfail", host="a.example")."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.management_port}/{path}",
                                         data=json.dumps(body).encode(), method="POST")
        with urllib.request.urlopen(request, timeout=patient(10)) as answer:
            return answer.read()

    def add_address(self, host, *addresses):
        self.post("add-a", host=host, addresses=list(addresses))

    def add_txt(self, host, value):
        """Adds a value to the existing ones. @host without the final dot."""
        self.post("set-txt", host=f"{host}.", value=value)

    def clear_txt(self, host):
        self.post("clear-txt", host=f"{host}.")

    def dns_requests(self, host):
        return json.loads(self.post("dns-request-history", host=host))
