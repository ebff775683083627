"""tls-alpn-01 with Pebble: certd's own listener is where the CA connects."""
import pytest
from certd import Certd
from pebble import Challtestsrv, Pebble
from procs import free_port, wait_for
from tls import parse_certificate


@pytest.fixture
def rig(start):
    dns = start(Challtestsrv)
    port = free_port()
    pebble = start(Pebble, dns=dns.dns, tls_port=port)
    certd = start(Certd, config=f"tls-alpn-listen = 127.0.0.1:{port}\n")
    certd.ctl("add-provider", "--name", "le", "--server", pebble.url, "--ca-file", pebble.ca_file,
              "--email", "ops@example.com", "--agree-tos")
    return pebble, certd


def test_names_are_validated_and_renewed(rig):
    pebble, certd = rig
    certd.ctl("add-auto", "--provider", "le", "--cn", "www.example.com", "--san", "api.example.com",
              "--challenge", "tls-alpn-01")
    first = parse_certificate(certd.drop("www.example.com") / "cert.pem")
    assert sorted(first.names) == ["api.example.com", "www.example.com"]
    certd.ctl("renew", "www.example.com")
    wait_for(lambda: parse_certificate(certd.drop("www.example.com") / "cert.pem").serial != first.serial, 20,
             "another serial number")


def test_auto_chooses_it_where_there_is_nothing_else(rig):
    _, certd = rig
    certd.ctl("add-auto", "--provider", "le", "--cn", "www.example.com")
    assert parse_certificate(certd.drop("www.example.com") / "cert.pem").names == ["www.example.com"]
    refused = certd.ctl("add-auto", "--provider", "le", "--cn", "*.example.com", "--challenge", "tls-alpn-01",
                        check=False)
    assert refused.returncode != 0 and "wildcard, which CAs validate only by dns-01" in refused.stderr
