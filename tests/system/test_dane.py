"""The key of a certificate with TLSA records changes only after a real name server has the record of the next one."""
import hashlib
import subprocess

from certd import Certd
from dnsservers import Knot
from pebble import Pebble
from procs import free_port, patient, wait_for

NAME, OTHER = "_25._tcp.mail.example.com", "_465._tcp.mail.example.com"
HOST = "mail.example.com"


def tlsa_of(certificate):
    key = subprocess.run(["openssl", "x509", "-in", certificate, "-noout", "-pubkey"], capture_output=True, check=True)
    der = subprocess.run(["openssl", "pkey", "-pubin", "-outform", "DER"], input=key.stdout, capture_output=True, check=True)
    return "3 1 1 " + hashlib.sha256(der.stdout).hexdigest()


def test_a_renewal_uses_the_next_key_after_its_record_was_seen(start):
    knot = start(Knot, zones=("example.com",))
    port = free_port()
    pebble = start(Pebble, always_valid=True, http_port=port)
    certd = start(Certd, config=f"http-listen = 127.0.0.1:{port}\ndns-servers = {knot.dns}\n")
    certd.call("provider.create", properties={"name": "le", "email": "ops@example.com", "server": pebble.url,
                                              "caFile": str(pebble.ca_file), "termsOfServiceAgreed": True})
    certd.call("dnsProvider.create", properties={
        "name": "ns1", "kind": "rfc2136", "server": knot.dns, "tsigName": knot.key_name, "tsigKey": knot.key_secret,
        "zones": ["example.com"], "nameservers": [knot.dns]})

    def shown(member):
        return certd.call("autoCertificate.get", ref=HOST)["metadata"].get(member)

    certd.ctl("add-auto", "--provider", "le", "--cn", HOST, "--challenge", "http-01", "--tlsa", NAME)
    cert = certd.drop(HOST) / "cert.pem"
    wait_for(cert.exists, patient(60), "the files")
    first = tlsa_of(cert)
    wait_for(lambda: f"{NAME} IN TLSA {first}" in (shown("tlsaMessage") or ""), patient(30), "the record to publish")
    following = shown("nextTlsa")
    assert shown("tlsa") == first != following
    assert f"publish for the next key, and keep the present records: {NAME} IN TLSA {following}" in shown("tlsaMessage")
    wait_for(lambda: f"IN TLSA {following}" in certd.ctl("status").stdout, patient(30), "the condition")
    certd.ctl("renew", HOST)
    assert tlsa_of(cert) == first, "without the record the key is kept"

    # The change of the names makes certd look at once.
    for name in (NAME, OTHER):
        for tlsa in (first, following):
            knot.update("example.com", f"add {name}. 2 TLSA {tlsa}")
    certd.ctl("set", "auto", HOST, "--tlsa", NAME, "--tlsa", OTHER)
    wait_for(lambda: shown("nextTlsaReadyDate"), patient(30), "the record to be there for a TTL")
    assert shown("tlsaMessage") is None
    certd.ctl("renew", HOST)
    wait_for(lambda: tlsa_of(cert) == following, patient(30), "a certificate with the next key")
    wait_for(lambda: f"remove, its key is not used any more: {NAME} IN TLSA {first}" in (shown("tlsaMessage") or ""),
             patient(30), "the record to remove")
    assert shown("tlsa") == following and shown("formerTlsa") == first
    assert shown("nextTlsa") not in (first, following)
