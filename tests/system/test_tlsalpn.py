"""tls-alpn-01 with Pebble: certd's own listener is where the CA connects."""
import ipaddress
import json
from pathlib import Path

import pytest
from certd import Certd
from pebble import Challtestsrv, Pebble
from procs import free_port, wait_for
from tls import parse_certificate
from webservers import Nginx


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


@pytest.mark.parametrize("address, bracketed", [("127.0.0.1", "127.0.0.1"), ("::1", "[::1]")])
def test_addresses_are_validated_served_and_checked(start, address, bracketed):
    """RFC 8738: http-01 with the address as the host, tls-alpn-01 with its reverse name as the server name."""
    http_port, tls_port = free_port(), free_port()
    pebble = start(Pebble, dns=start(Challtestsrv).dns, http_port=http_port, tls_port=tls_port)
    certd = start(Certd, config=f"http-listen = {bracketed}:{http_port}\ntls-alpn-listen = {bracketed}:{tls_port}\n")
    certd.ctl("add-provider", "--name", "le", "--server", pebble.url, "--ca-file", pebble.ca_file,
              "--email", "ops@example.com", "--agree-tos")
    for challenge in ("tls-alpn-01", "http-01"):
        certd.ctl("add-auto", "--provider", "le", "--cn", address, "--challenge", challenge, "--name", challenge)
        drop = Path(certd.call("autoCertificate.get", ref=challenge)["metadata"]["dropDirectory"])
        leaf = parse_certificate(drop / "cert.pem")
        assert [ipaddress.ip_address(name) for name in leaf.names] == [ipaddress.ip_address(address)]
        assert json.loads((drop / "manifest.json").read_text())["names"] == [address]
    nginx = start(Nginx, bundles={"_": drop / "bundle.pem"}, address=bracketed)
    certd.ctl("add-consumer", "--name", "web", "--activate", "none", "--probe", f"{bracketed}:{nginx.tls_port}")
    certd.ctl("set", "auto", "http-01", "--consumer", "web")
    wait_for(lambda: certd.call("autoCertificate.get", ref="http-01")["metadata"].get("served") == "served", 60,
             "the address to be served with its certificate")
    refused = certd.ctl("add-auto", "--provider", "le", "--cn", address, "--name", "dns", "--challenge", "dns-01",
                        check=False)
    assert refused.returncode != 0 and f"{address} is an address; dns-01 is only for names" in refused.stderr
