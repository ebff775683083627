"""tls-alpn-01 with Pebble: certd's own listener is where the CA connects, or nginx or HAProxy in front of it."""
import ipaddress
import json
import socket
import ssl
from pathlib import Path

import pytest
from certd import Certd
from pebble import Challtestsrv, Pebble
from procs import free_port, listens, patient, wait_for
from test_challenge_proxies import ETC, HaproxySnippet
from tls import ThrowAwayCa, parse_certificate, tls_leaf
from webservers import Nginx

STREAM_MODULE = Path("/usr/lib/nginx/modules/ngx_stream_module.so")


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


def snippet(name, listen, port, site):
    """The example with the port that the CA connects to, and the address of the servers for HTTPS. @listen: as in certd.conf."""
    text = (ETC / name).read_text()
    for line in ("\tbind :::443 v6only\n", "\t\tlisten [::]:443;\n"):
        text = text.replace(line, "")
    text = text.replace("bind :443", f"bind 127.0.0.1:{port}").replace("listen 443;", f"listen 127.0.0.1:{port};")
    text = text.replace("127.0.0.1:8443", f"127.0.0.1:{site}")
    if not listen.startswith("unix:"):
        return text.replace("127.0.0.1:5443", listen)
    lines = [line for line in text.splitlines() if "127.0.0.1:5443" not in line or line.startswith("#")]
    text = "\n".join(lines).replace("#acme-tls/1", "acme-tls/1").replace("#server certd", "server certd") + "\n"
    return text.replace("/run/certd/tls-alpn.sock", listen.removeprefix("unix:"))


def start_haproxy(start, scratch, listen, port, bundle):
    """Its frontend for HTTPS is as the example advises."""
    site = free_port()
    text = snippet("haproxy-tls-alpn.cfg", listen, port, site)
    advised = next(line for line in text.splitlines() if line.startswith("#\tbind "))[1:]
    (scratch / "pem").mkdir()
    (scratch / "pem" / "site.pem").write_text(bundle)
    advised = advised.replace("/var/lib/certd/pem", str(scratch / "pem"))
    text += f"frontend https\n\tmode http\n\ttimeout client 10s\n{advised}\n\thttp-request return status 200\n"
    start(HaproxySnippet, text, port)


def start_nginx(start, scratch, listen, port, bundle):
    if not STREAM_MODULE.exists():
        pytest.skip("not run: nginx has no stream module (libnginx-mod-stream)")
    (scratch / "bundle.pem").write_text(bundle)
    site = free_port()
    text = snippet("nginx-tls-alpn.conf", listen, port, site)
    (scratch / "stream.conf").write_text(text)
    start(Nginx, bundles={"_": scratch / "bundle.pem"}, tls_port=site,
          main=f"load_module {STREAM_MODULE};\ninclude {scratch}/stream.conf;")
    wait_for(lambda: listens(port), what="the port of the stream server")


def offer(port, name, *protocols):
    """The protocol that the server selects."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(protocols)
    with socket.create_connection(("127.0.0.1", port), patient(5)) as sock:
        with context.wrap_socket(sock, server_hostname=name) as tls:
            return tls.selected_alpn_protocol()


@pytest.mark.parametrize("kind", ["tcp", "unix"])
@pytest.mark.parametrize("proxy", [start_haproxy, start_nginx])
def test_behind_a_proxy_only_connections_of_cas_come_to_certd(start, scratch, proxy, kind):
    listen = f"127.0.0.1:{free_port()}" if kind == "tcp" else f"unix:{scratch}/tls-alpn.sock"
    port = free_port()
    certificate, key = ThrowAwayCa(scratch / "ca").issue("site.example.com")
    proxy(start, scratch, listen, port, certificate.read_text() + key.read_text())
    pebble = start(Pebble, dns=start(Challtestsrv).dns, tls_port=port)
    certd = start(Certd, config=f"tls-alpn-listen = {listen}\n")
    certd.ctl("add-provider", "--name", "le", "--server", pebble.url, "--ca-file", pebble.ca_file,
              "--email", "ops@example.com", "--agree-tos")
    certd.ctl("add-auto", "--provider", "le", "--cn", "www.example.com", "--challenge", "tls-alpn-01")
    assert parse_certificate(certd.drop("www.example.com") / "cert.pem").names == ["www.example.com"]
    assert tls_leaf("127.0.0.1", port, "site.example.com").names == ["site.example.com"]
    assert offer(port, "site.example.com", "http/1.1") == "http/1.1"
    with pytest.raises(OSError):  # nothing is pending
        offer(port, "www.example.com", "acme-tls/1")
    # A client that offers more is not a CA. HAProxy compares each protocol, so it is certd that refuses.
    more = ("site.example.com", "http/1.1", "acme-tls/1")
    if proxy is start_nginx:
        assert offer(port, *more) == "http/1.1"
    else:
        with pytest.raises(ssl.SSLError):
            offer(port, *more)
