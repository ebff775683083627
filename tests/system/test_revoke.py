"""Revocation at a real CA."""
from certd import Certd
from pebble import Pebble
from procs import free_port, wait_for

NAME = "www.example.com"


def newest(certd):
    """The newest certificate of the auto-certificate, once there is one."""
    auto = wait_for(lambda: (lambda a: a if a["metadata"]["state"] == "AVAILABLE" else None)(
        certd.call("autoCertificate.get", ref=NAME)), 30, "a certificate")
    return certd.call("certificate.get", ref=auto["metadata"]["lastIssuedCertificate"])


def status_at_ca(pebble, certificate):
    return pebble.certificate_status(certificate["metadata"]["serialNumber"].replace(":", ""))


def test_a_certificate_is_revoked_when_it_is_replaced_even_if_certd_is_killed(start):
    pebble = start(Pebble, always_valid=True, validity=3600)
    certd = start(Certd, config=f"http-listen = 127.0.0.1:{free_port()}\n")
    certd.call("provider.create", properties={
        "name": "le", "email": "ops@example.com", "server": pebble.url, "caFile": str(pebble.ca_file),
        "termsOfServiceAgreed": True})
    wait_for(lambda: certd.call("provider.get", ref="le")["metadata"]["state"] == "AVAILABLE", 15, "an account")
    certd.call("autoCertificate.create", properties={"name": NAME, "provider": "le", "commonName": NAME})
    first = newest(certd)
    assert status_at_ca(pebble, first)["Status"] == "Valid"
    certd.ctl("revoke", first["id"], "--reason", "superseded", "--now")
    certd.kill9()
    certd.start()
    wait_for(lambda: certd.call("certificate.get", ref=first["id"])["metadata"]["status"] == "revoked", 30, "its end")
    answer = status_at_ca(pebble, first)
    assert (answer["Status"], answer["Reason"]) == ("Revoked", 4)
    shown = certd.ctl("show", "cert", first["id"]).stdout
    assert "superseded" in shown and "revoked" in shown
    # The certificate's own key signs; the replacement comes all the same.
    second = wait_for(lambda: (lambda c: c if c["id"] != first["id"] else None)(newest(certd)), 30, "a replacement")
    certd.ctl("revoke", second["id"], "--reason", "keyCompromise", "--by-key", "--now")
    wait_for(lambda: certd.call("certificate.get", ref=second["id"])["metadata"]["status"] == "revoked", 30, "its end")
    assert status_at_ca(pebble, second)["Reason"] == 1
    again = certd.ctl("revoke", second["id"], "--reason", "superseded", check=False)
    assert again.returncode != 0 and "was revoked already (keyCompromise)" in again.stderr
    wait_for(lambda: newest(certd)["id"] not in (first["id"], second["id"]), 30, "a replacement")
