"""Certificates for a request that somebody else made: certd never sees the key."""
import pytest
from certd import Certd
from pebble import Pebble
from procs import free_port, run, wait_for
from rpc import RpcError

NAME, OTHER = "www.example.com", "example.com"


class Maker:
    """Whoever has the key. `csr` is the file with the request, `text` its contents."""

    def __init__(self, directory, *names, kind=("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1")):
        directory.mkdir()
        self.csr, self.key = directory / "csr.pem", directory / "key.pem"
        run(["openssl", "req", "-new", "-nodes", "-keyout", self.key, "-out", self.csr, "-subj", "/", *kind,
             "-addext", "subjectAltName=" + ",".join(f"DNS:{name}" for name in names)])
        self.text = self.csr.read_text()

    def has_key_of(self, certificate):
        return run(["openssl", "x509", "-in", certificate, "-noout", "-pubkey"]).stdout == \
            run(["openssl", "pkey", "-in", self.key, "-pubout"]).stdout


@pytest.fixture
def certd(start):
    pebble = start(Pebble, always_valid=True)
    certd = start(Certd, config=f"http-listen = 127.0.0.1:{free_port()}\n")
    certd.call("provider.create", properties={"name": "le", "email": "ops@example.com", "server": pebble.url,
                                              "caFile": str(pebble.ca_file), "termsOfServiceAgreed": True})
    return certd


def test_a_certificate_for_a_request_is_issued_and_renewed_without_its_key(certd, scratch):
    maker = Maker(scratch / "maker", NAME, OTHER)
    certd.ctl("add-auto", "--provider", "le", "--cn", NAME, "--san", OTHER, "--csr-file", maker.csr)
    drop = certd.drop(NAME)
    wait_for((drop / "manifest.json").exists, 60, "the files")
    assert maker.has_key_of(drop / "cert.pem")
    assert sorted(path.name for path in drop.iterdir() if not path.name.startswith("bundle-")) == [
        "cert.pem", "chain.pem", "fullchain.pem", "manifest.json", "nginx.conf"]
    assert "ssl_certificate_key \"" not in (drop / "nginx.conf").read_text()
    assert not list((certd.state / "pem").iterdir())
    first = certd.call("autoCertificate.get", ref=NAME)
    assert first["properties"]["csr"] == maker.text
    certificate = first["metadata"]["lastIssuedCertificate"]
    refused = certd.ctl("export", certificate, "--format", "bundle", "--out", scratch / "out", check=False)
    assert refused.returncode and "certd does not have the private key" in refused.stderr, refused
    refused = certd.ctl("revoke", certificate, "--reason", "superseded", "--by-key", check=False)
    assert refused.returncode and "certd does not have the key" in refused.stderr, refused

    # A renewal uses the same request, another request replaces it.
    manifest = (drop / "manifest.json").read_text()
    certd.ctl("renew", NAME)
    wait_for(lambda: (drop / "manifest.json").read_text() != manifest, 60, "the files of the renewal")
    assert maker.has_key_of(drop / "cert.pem")
    another = Maker(scratch / "another", OTHER, NAME, kind=("-newkey", "rsa:2048"))
    certd.ctl("set", "auto", NAME, "--csr-file", another.csr)
    wait_for(lambda: another.has_key_of(drop / "cert.pem"), 60, "a certificate for the new request")
    listed = certd.call("certificate.list")["items"]
    assert sorted(item["metadata"]["keyAlgorithm"] for item in listed) == ["rsa2048", "secp256r1", "secp256r1"]


def test_what_does_not_fit_the_request_is_refused(certd, scratch):
    maker = Maker(scratch / "maker", NAME, OTHER)
    properties = {"provider": "le", "commonName": NAME, "subjectAlternativeNames": [OTHER], "csr": maker.text}
    small = Maker(scratch / "small", NAME, OTHER, kind=("-newkey", "rsa:1024")).text
    certd.call("consumer.create", properties={"name": "proxy", "activate": "haproxy", "sockets": ["/run/haproxy.sock"]})
    for change, field, why in (
            ({"subjectAlternativeNames": []}, "csr", f"is for the names {NAME}, {OTHER}: declare exactly these"),
            ({"subjectAlternativeNames": [OTHER, "x.example.com"]}, "csr", "declare exactly these"),
            ({"csr": small}, "csr", "RSA keys of 1024 bits"), ({"csr": "no request"}, "csr", "BEGIN CERTIFICATE REQUEST"),
            ({"csr": maker.text + "x" * 40000}, "csr", "32768"), ({"keyAlgorithm": "rsa2048"}, "keyAlgorithm", "omit it"),
            ({"mustStaple": True}, "mustStaple", "decided by the request"),
            ({"tlsaNames": [f"_25._tcp.{NAME}"]}, "tlsaNames", "need keys that certd makes"),
            ({"keyUri": "pkcs11:token=a;object=b"}, "csr", "exclude each other"),
            ({"consumers": ["proxy"]}, "consumers[0]", "'proxy' needs the private key")):
        with pytest.raises(RpcError) as refused:
            certd.call("autoCertificate.create", properties={**properties, **change})
        assert refused.value.data["field"] == f"properties.{field}" and why in refused.value.message, change
    certd.call("autoCertificate.create", properties=properties)
