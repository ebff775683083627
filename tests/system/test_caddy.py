"""A second CA, independent of Pebble: Caddy's acme_server, with the real ports 53 and 80."""
import pytest
from caddy import Caddy
from certd import Certd
from dnsservers import Knot
from procs import wait_for
from tls import parse_certificate


@pytest.fixture
def caddy_and_knot(private_network, start):
    """In its own network: Knot is the system's resolver, certd has port 80."""
    knot = start(Knot, zones=("example.com",), port=53)
    caddy = start(Caddy)
    certd = start(Certd, config="http-listen = 127.0.0.1:80\n")
    certd.ctl("add-provider", "--name", "caddy", "--server", caddy.url, "--ca-file", caddy.ca_file,
              "--email", "ops@example.com", "--agree-tos")
    return caddy, knot, certd


def names_in_drop(certd, name):
    return sorted(parse_certificate(certd.drop(name) / "cert.pem").names)


def renew_and_compare(certd, name):
    before = parse_certificate(certd.drop(name) / "cert.pem").serial
    certd.ctl("renew", name)
    wait_for(lambda: parse_certificate(certd.drop(name) / "cert.pem").serial != before, 20, "another serial number")
    assert certd.call("certificate.list", autoCertificate=name)["total"] == 2


def test_http01_on_port_80_and_a_renewal(caddy_and_knot):
    _, _, certd = caddy_and_knot
    certd.ctl("add-auto", "--provider", "caddy", "--cn", "www.example.com", "--san", "api.example.com",
              "--challenge", "http-01")
    assert names_in_drop(certd, "www.example.com") == ["api.example.com", "www.example.com"]
    renew_and_compare(certd, "www.example.com")


def test_dns01_with_a_wildcard_and_a_renewal(caddy_and_knot):
    _, knot, certd = caddy_and_knot
    certd.ctl("add-dns", "--name", "ns1", "--kind", "rfc2136", "--server", knot.dns, "--zone", "example.com",
              "--tsig-key-file", knot.key_file)
    certd.ctl("add-auto", "--provider", "caddy", "--cn", "*.example.com")
    assert names_in_drop(certd, "*.example.com") == ["*.example.com"]
    renew_and_compare(certd, "*.example.com")
    wait_for(lambda: not knot.txt("_acme-challenge.example.com"), 10, "the TXT records to be removed")
