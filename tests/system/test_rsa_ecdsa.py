"""Two auto-certificates for one name, one with an RSA key: servers present either, and each is renewed and probed alone."""
import re
import subprocess

import pytest
from certd import Certd
from pebble import Pebble
from procs import free_port, patient, wait_for
from tls import parse_certificate
from webservers import Haproxy, Nginx

NAME = "www.example.com"
KINDS = {"www": "ECDSA+SHA256", "www-rsa": "rsa_pss_rsae_sha256:RSA+SHA256"}


def presented(port, sigalg):
    """The serial number of the certificate that a client gets which knows only @sigalg."""
    said = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-servername", NAME, "-sigalgs", sigalg],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=patient(20), check=False).stdout
    found = re.search("-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", said, re.DOTALL)
    return parse_certificate(found.group(0) + "\n").serial if found else said


def deployed(certd, name):
    return parse_certificate(certd.drop(name) / "cert.pem").serial


@pytest.fixture
def certd(start):
    port = free_port()
    pebble = start(Pebble, always_valid=True, http_port=port)
    certd = start(Certd, config=f"http-listen = 127.0.0.1:{port}\n")
    certd.call("provider.create", properties={"name": "le", "email": "ops@example.com", "server": pebble.url,
                                              "caFile": str(pebble.ca_file), "termsOfServiceAgreed": True})
    return certd


def add_both(certd, *options):
    words = ("add-auto", "--provider", "le", "--cn", NAME, *options)
    certd.ctl(*words, "--name", "www")
    certd.ctl(*words, "--name", "www-rsa", "--key-algorithm", "rsa2048")
    for name in KINDS:
        wait_for((certd.drop(name) / "manifest.json").exists, patient(60), name)


def test_nginx_presents_either_key_and_each_is_probed_alone(certd, scratch, start):
    add_both(certd)
    both = scratch / "both" / "nginx.conf"
    both.parent.mkdir()
    both.write_text("".join(f"include {certd.drop(name)}/nginx.conf;\n" for name in KINDS))
    nginx = start(Nginx, bundles={NAME: both})
    files = scratch / "files"
    files.mkdir()
    certd.ctl("add-consumer", "--name", "web", "--activate", "none", "--probe", f"127.0.0.1:{nginx.tls_port}",
              "--directory", files, "--file", "bundle:{domain}.pem.{type}")
    for name in KINDS:
        certd.ctl("set", "auto", name, "--consumer", "web")

    def served(name):
        return certd.call("autoCertificate.get", ref=name)["metadata"].get("served")

    for name, sigalg in KINDS.items():
        wait_for(lambda name=name: served(name) == "served", patient(60), name)
        assert presented(nginx.tls_port, sigalg) == deployed(certd, name)
        suffix = "rsa" if "RSA" in sigalg else "ecdsa"
        assert parse_certificate(files / f"{NAME}.pem.{suffix}").serial == deployed(certd, name)
    before = {name: deployed(certd, name) for name in KINDS}
    certd.call("autoCertificate.renew", ref="www-rsa")  # nobody reloads nginx
    wait_for(lambda: served("www-rsa") == "stale", patient(60), "the old RSA certificate to be seen")
    assert served("www") == "served" and deployed(certd, "www") == before["www"]
    nginx.reload()
    for name, sigalg in KINDS.items():
        assert presented(nginx.tls_port, sigalg) == deployed(certd, name)
    assert deployed(certd, "www-rsa") != before["www-rsa"]


def test_haproxy_presents_either_key_and_takes_a_renewal_without_a_reload(certd, start):
    (certd.state / "pem").mkdir(exist_ok=True)
    haproxy = start(Haproxy, certd.state / "pem")
    certd.ctl("add-consumer", "--name", "lb", "--activate", "haproxy", "--stats-socket", haproxy.stats_socket,
              "--probe", f"127.0.0.1:{haproxy.tls_port}")
    add_both(certd, "--consumer", "lb")
    for name, sigalg in KINDS.items():
        wait_for(lambda n=name, s=sigalg: presented(haproxy.tls_port, s) == deployed(certd, n), patient(30), name)
    before = {name: deployed(certd, name) for name in KINDS}
    for name in KINDS:
        certd.call("autoCertificate.renew", ref=name)
        wait_for(lambda name=name: deployed(certd, name) != before[name], patient(60), f"the files of {name}")
    for name, sigalg in KINDS.items():
        wait_for(lambda n=name, s=sigalg: presented(haproxy.tls_port, s) == deployed(certd, n), patient(30), name)
