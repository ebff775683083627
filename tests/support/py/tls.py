"""Certificates from the client's view: throw-away CAs, and the certificate that a server presents for a name."""
import hashlib
import re
import socket
import ssl
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from procs import patient, run

_PEM = re.compile(r"-----BEGIN CERTIFICATE-----\n.*?-----END CERTIFICATE-----\n?", re.S)


@dataclass
class Certificate:
    der: bytes
    serial: str          # hexadecimal, upper case
    subject: str
    issuer: str
    names: list          # DNS and IP names, as written in the certificate, sorted
    not_before: datetime
    not_after: datetime

    @property
    def fingerprint(self):
        """SHA-256 in lower-case hexadecimal."""
        return hashlib.sha256(self.der).hexdigest()

    @property
    def pem(self):
        return ssl.DER_cert_to_PEM_cert(self.der)


def split_pem(text):
    """The certificates of a PEM text, each as PEM; keys and other blocks are omitted."""
    return _PEM.findall(text)


def _date(text):
    return datetime.strptime(text, "%b %d %H:%M:%S %Y %Z").replace(tzinfo=timezone.utc)


def parse_certificate(pem):
    """@pem: text, or a file whose first certificate is taken."""
    if isinstance(pem, Path):
        pem = split_pem(pem.read_text())[0]
    out = run(["openssl", "x509", "-noout", "-serial", "-subject", "-issuer", "-dates", "-nameopt", "RFC2253",
               "-ext", "subjectAltName"], input=pem).stdout
    field = dict(line.split("=", 1) for line in out.splitlines() if re.match(r"[A-Za-z]+=", line))
    names = re.findall(r"(?:DNS|IP Address):([^,\s]+)", out)
    return Certificate(der=ssl.PEM_cert_to_DER_cert(pem), serial=field["serial"], subject=field["subject"],
                       issuer=field["issuer"], names=sorted(names), not_before=_date(field["notBefore"]),
                       not_after=_date(field["notAfter"]))


def tls_leaf(host, port, sni, timeout=5):
    """The certificate that host:port presents for @sni; nothing is verified."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with socket.create_connection((host, port), timeout=patient(timeout)) as sock:
        with context.wrap_socket(sock, server_hostname=sni) as tls:
            return parse_certificate(ssl.DER_cert_to_PEM_cert(tls.getpeercert(binary_form=True)))


class ThrowAwayCa:
    """A CA for one test. `cert_file` is the root that its clients must trust."""

    def __init__(self, directory, name="throw-away CA"):
        self.directory = Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.cert_file = self.directory / "ca.pem"
        self.key_file = self.directory / "ca.key"
        run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
             "-days", "400", "-subj", f"/CN={name}", "-addext", "basicConstraints=critical,CA:TRUE",
             "-addext", "keyUsage=critical,keyCertSign,cRLSign",
             "-keyout", self.key_file, "-out", self.cert_file])

    def issue(self, *names, days=30, key=("ec", "-pkeyopt", "ec_paramgen_curve:P-256")):
        """A server certificate for DNS names and IP addresses. Returns (certificate file, key file)."""
        stem = re.sub(r"[^a-z0-9.]", "_", names[0])
        cert_file, key_file = self.directory / f"{stem}.pem", self.directory / f"{stem}.key"
        alternatives = ",".join(("IP:" if re.fullmatch(r"[0-9.]+|.*:.*", name) else "DNS:") + name for name in names)
        extensions = self.directory / f"{stem}.ext"
        extensions.write_text(f"subjectAltName={alternatives}\nextendedKeyUsage=serverAuth\n"
                              "basicConstraints=CA:FALSE\n")
        request = run(["openssl", "req", "-newkey", *key, "-nodes", "-subj", "/", "-keyout", key_file]).stdout
        run(["openssl", "x509", "-req", "-CA", self.cert_file, "-CAkey", self.key_file, "-days", days,
             "-extfile", extensions, "-out", cert_file], input=request)
        return cert_file, key_file

    def issue_bundle(self, *names, **options):
        """One file with key and chain, as certd drops it."""
        cert_file, key_file = self.issue(*names, **options)
        bundle = cert_file.with_suffix(".bundle")
        bundle.write_text(key_file.read_text() + cert_file.read_text() + self.cert_file.read_text())
        return bundle
