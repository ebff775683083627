"""http-01 when another program has port 80: the shipped snippets for web servers, webroots, and a taken port."""
import os
import socket
from pathlib import Path

import pytest
from certd import Certd
from pebble import Challtestsrv, Pebble
from procs import Server, free_port, listens, patient, wait_for
from webservers import Nginx

ETC = Path(__file__).parents[2] / "etc"


class HaproxySnippet(Server):
    """HAProxy with the shipped snippet, its addresses replaced by those of the test."""
    name = "haproxy-snippet"

    def __init__(self, directory, text, port):
        super().__init__(directory)
        self.text, self.port = text, port

    def command(self):
        config = self.directory / "haproxy.cfg"
        config.write_text(self.text.replace("bind :80\n", f"bind 127.0.0.1:{self.port}\n").replace("\tbind :::80 v6only\n", ""))
        return ["haproxy", "-db", "-f", config]

    def is_ready(self):
        return listens(self.port)


class ApacheSnippet(Server):
    """Apache with the shipped snippet, and a virtual host that redirects everything else."""
    name = "apache-snippet"

    def __init__(self, directory, text, port):
        super().__init__(directory)
        self.text, self.port = text, port

    def command(self):
        modules = "".join(f"LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so\n"
                          for name in ("mpm_event", "authz_core", "alias", "proxy", "proxy_http", "rewrite"))
        config = self.directory / "apache.conf"
        config.write_text(
            f"{modules}ServerName localhost\nListen 127.0.0.1:{self.port}\nPidFile {self.directory}/pid\n"
            f"ErrorLog {self.directory}/error.log\nDefaultRuntimeDir {self.directory}\n"
            f"<Location />\nRequire all denied\n</Location>\n{self.text}"
            f"<VirtualHost *:{self.port}>\nRedirectMatch 301 ^/(?!\\.well-known/acme-challenge/) https://www.example.com/\n"
            "</VirtualHost>\n")
        return ["apache2", "-d", self.directory, "-f", config, "-DFOREGROUND"]

    def is_ready(self):
        return listens(self.port)


class CaddySnippet(Server):
    """Caddy with the shipped snippet."""
    name = "caddy-snippet"

    def __init__(self, directory, text, port):
        super().__init__(directory)
        self.text, self.port = text, port

    def command(self):
        (self.directory / "snippet").write_text(self.text)
        config = self.directory / "Caddyfile"
        config.write_text(f"{{\n\tadmin off\n\tauto_https off\n}}\nhttp://:{self.port} {{\n"
                          f"\timport {self.directory}/snippet\n\thandle {{\n\t\tredir https://{{host}}{{uri}}\n\t}}\n}}\n")
        return ["env", f"HOME={self.directory}", "caddy", "run", "--adapter", "caddyfile", "--config", config]

    def is_ready(self):
        return listens(self.port)


def snippet(name, listen):
    """The example for an `http-listen` of @listen, with its address lines replaced or the alternative enabled."""
    text = (ETC / name).read_text()
    if not listen.startswith("unix:"):
        return text.replace("127.0.0.1:5080", listen)
    lines = [line for line in text.splitlines() if "127.0.0.1:5080" not in line or line.startswith("#")]
    text = "\n".join(lines).replace("#proxy_pass", "proxy_pass").replace("#server", "server") + "\n"
    return text.replace("/run/certd/http.sock", listen.removeprefix("unix:"))


def add_provider(start, certd, http_port):
    """A CA that validates on @http_port."""
    dns = start(Challtestsrv)
    pebble = start(Pebble, dns=dns.dns, http_port=http_port)
    certd.call("provider.create", properties={
        "name": "le", "email": "ops@example.com", "server": pebble.url, "caFile": str(pebble.ca_file),
        "termsOfServiceAgreed": True})
    wait_for(lambda: certd.call("provider.get", ref="le")["metadata"]["state"] == "AVAILABLE", 15, "an account")


def issue(start, certd, http_port):
    """www.example.com from a CA that validates on @http_port."""
    add_provider(start, certd, http_port)
    certd.call("autoCertificate.create", properties={"provider": "le", "commonName": "www.example.com"})


def wait_issued(certd):
    wait_for(lambda: (certd.drop("www.example.com") / "manifest.json").exists(), 30, "the certificate")


def status_of(port, path, *headers):
    with socket.create_connection(("127.0.0.1", port), patient(10)) as sock:
        sock.sendall("\r\n".join([f"GET {path} HTTP/1.1", "Host: www.example.com", "Connection: close", *headers, "", ""]).encode())
        return int(sock.makefile("rb").readline().split()[1])


@pytest.fixture(params=["tcp", "unix"])
def listen(request, scratch):
    return f"127.0.0.1:{free_port()}" if request.param == "tcp" else f"unix:{scratch}/http.sock"


def test_the_nginx_snippet_brings_challenges_to_certd(start, scratch, listen):
    certd = start(Certd, config=f"http-listen = {listen}\n")
    text = scratch / "snippet.conf"
    text.write_text(snippet("nginx-acme-challenge.conf", listen))
    nginx = start(Nginx, http=f"include {text};")
    issue(start, certd, nginx.port)
    wait_issued(certd)
    wait_for(lambda: "/.well-known/acme-challenge/" in nginx.access_log, what="the log, which follows the answer")
    assert status_of(nginx.port, "/.well-known/acme-challenge/unknown") == 404
    assert status_of(nginx.port, "/.well-known/acme-challenge/unknown", "Cookie: " + 7000 * "x") == 404
    assert status_of(nginx.port, "/other") == 200


def test_the_haproxy_snippet_brings_challenges_to_certd(start, listen):
    certd = start(Certd, config=f"http-listen = {listen}\n")
    haproxy = start(HaproxySnippet, snippet("haproxy-acme-challenge.cfg", listen), free_port())
    issue(start, certd, haproxy.port)
    wait_issued(certd)
    assert status_of(haproxy.port, "/.well-known/acme-challenge/unknown") == 404
    assert status_of(haproxy.port, "/other") == 301


@pytest.mark.parametrize("server, name", [(ApacheSnippet, "apache-acme-challenge.conf"),
                                          (CaddySnippet, "caddy-acme-challenge.conf")])
def test_the_snippets_for_apache_and_caddy_bring_challenges_to_certd(start, server, name):
    listen = f"127.0.0.1:{free_port()}"
    certd = start(Certd, config=f"http-listen = {listen}\n")
    web = start(server, snippet(name, listen), free_port())
    issue(start, certd, web.port)
    wait_issued(certd)
    assert status_of(web.port, "/.well-known/acme-challenge/unknown") == 404
    assert status_of(web.port, "/other") in (301, 302)


STATELESS = {"nginx": "nginx-acme-stateless.conf", "haproxy": "haproxy-acme-stateless.cfg",
             "apache": "apache-acme-stateless.conf", "caddy": "caddy-acme-stateless.conf"}


def start_stateless(start, certd, kind, port):
    """A server on @port with the shipped snippet and the thumbprint that certctl prints."""
    thumbprint = certd.ctl("show", "provider", "le", "--thumbprint").stdout
    assert thumbprint == certd.call("provider.get", ref="le")["metadata"]["accountThumbprint"] + "\n"
    text = (ETC / STATELESS[kind]).read_text().replace("THUMBPRINT", thumbprint.strip())
    if kind == "nginx":
        return start(Nginx, http=text, port=port)
    return start({"haproxy": HaproxySnippet, "apache": ApacheSnippet, "caddy": CaddySnippet}[kind], text, port)


@pytest.mark.parametrize("kind, other", [("nginx", 200), ("haproxy", 301), ("apache", 301), ("caddy", 302)])
def test_the_stateless_snippets_answer_without_certd(start, kind, other):
    port = free_port()
    certd = start(Certd, config="http-stateless = yes\n")
    add_provider(start, certd, port)
    start_stateless(start, certd, kind, port)
    certd.call("autoCertificate.create", properties={"provider": "le", "commonName": "www.example.com"})
    wait_issued(certd)
    assert status_of(port, "/.well-known/acme-challenge/a?b") == 200
    assert status_of(port, "/.well-known/acme-challenge/a%22b") in (403, 404, other)
    assert status_of(port, "/other") == other


def test_another_account_key_needs_another_thumbprint_in_the_server(start):
    port = free_port()
    certd = start(Certd, config="http-stateless = yes\n")
    add_provider(start, certd, port)
    nginx = start_stateless(start, certd, "nginx", port)
    certd.ctl("rollover", "le")
    thumbprint = certd.ctl("show", "provider", "le", "--thumbprint").stdout.strip()
    assert f"another key, with the thumbprint {thumbprint}" in certd.ctl("events").stdout
    certd.call("autoCertificate.create", properties={"provider": "le", "commonName": "www.example.com"})
    wait_for(lambda: "key authorization" in certd.call(
        "autoCertificate.get", ref="www.example.com")["metadata"].get("message", ""), 20, "the CA refuses the old thumbprint")
    nginx.stop()
    start_stateless(start, certd, "nginx", port)
    certd.call("autoCertificate.renew", ref="www.example.com")
    wait_issued(certd)


def test_show_thumbprint_is_of_a_provider_with_an_account(start):
    certd = start(Certd, config=f"http-listen = 127.0.0.1:{free_port()}\n")
    certd.call("provider.create", properties={"name": "gone", "email": "ops@example.com", "termsOfServiceAgreed": True,
                                              "server": f"https://127.0.0.1:{free_port()}/directory"})
    refused = certd.ctl("show", "provider", "gone", "--thumbprint", check=False)
    assert refused.returncode == 71 and refused.stdout == "" and "certctl explain provider gone" in refused.stderr


def test_a_webroot_of_nginx_serves_challenges_and_is_left_as_it_was(start, scratch):
    webroot = scratch / "www"
    webroot.mkdir(mode=0o755)
    webroot.chmod(0o755)
    certd = start(Certd, config=f"webroot = {webroot}\n")
    nginx = start(Nginx, challenges=webroot)
    issue(start, certd, nginx.port)
    wait_issued(certd)
    wait_for(lambda: not list((webroot / ".well-known/acme-challenge").iterdir()), 10, "the token's file to go")


def test_names_may_have_webroots_of_their_own(start, scratch):
    """Two server blocks, each with its own root and nothing of the other's."""
    roots = {name: scratch / name for name in ("www", "shop")}
    for root in roots.values():
        root.mkdir(mode=0o755)
        root.chmod(0o755)
    certd = start(Certd, config=f"webroot = {roots['www']}, {roots['shop']} shop.example.com *.shop.example.com\n")
    port = free_port()
    start(Nginx, challenges=roots["www"], port=port, servers=f"""
	server {{
		listen 127.0.0.1:{port};
		server_name .shop.example.com;
		location / {{ root {roots["shop"]}; }}
	}}""")
    add_provider(start, certd, port)
    certd.call("autoCertificate.create", properties={
        "provider": "le", "commonName": "www.example.com",
        "subjectAlternativeNames": ["shop.example.com", "a.shop.example.com"]})
    wait_issued(certd)


def test_a_taken_port_is_explained_and_heals(start):
    port = free_port()
    with socket.create_server(("127.0.0.1", port)):
        certd = start(Certd, config=f"http-listen = 127.0.0.1:{port}\n")
        issue(start, certd, port)
        told = wait_for(lambda: certd.call("autoCertificate.get", ref="www.example.com")["metadata"].get("message"), 20,
                        "the reason")
        assert f"127.0.0.1:{port}: python3 (process {os.getpid()}) has that port" in told, told
        assert "examples for nginx" in told
    certd.call("autoCertificate.renew", ref="www.example.com")
    wait_issued(certd)


def test_a_web_server_on_the_port_is_named_with_its_snippet(start):
    nginx = start(Nginx)
    certd = start(Certd, config=f"http-listen = 127.0.0.1:{nginx.port}\n")
    warnings = certd.call("server.status")["warnings"]
    assert any(f"nginx (process {nginx.pid}) has that port" in w and "/nginx-acme-challenge.conf" in w for w in warnings)


def test_without_a_listener_port_80_is_looked_at(start, private_network):
    certd = start(Certd)
    add_provider(start, certd, 80)

    def refused():
        return certd.ctl("add-auto", "--provider", "le", "--cn", "api.example.com", check=False).stderr

    assert "port 80, which is free (systemctl enable --now certd-http.service" in refused()
    nginx = start(Nginx, port=80)
    wait_for(lambda: f"nginx (process {nginx.pid}) has port 80" in refused(), 5, "nginx is named")
    assert "/nginx-acme-challenge.conf" in refused()


def test_status_says_how_many_cannot_be_validated_before_they_fail(start):
    port = free_port()
    certd = start(Certd, config=f"http-listen = 127.0.0.1:{port}\n")
    issue(start, certd, port)
    wait_issued(certd)
    assert not [w for w in certd.call("server.status")["warnings"] if "validated" in w]
    certd.stop()
    certd.config = ""
    certd.start()
    warning = next(w for w in certd.call("server.status")["warnings"] if "validated" in w)
    assert warning.startswith("1 auto-certificate has no way to be validated and will not be renewed: 'www.example.com'")
    assert "no way to be validated" in certd.ctl("status").stdout
    advice = certd.call("autoCertificate.explain", ref="www.example.com")["advice"]
    assert any("the next renewal will fail" in line and "certd has no HTTP listener" in line for line in advice), advice
    # Two, and a paused one that does not count.
    certd.stop()
    certd.config = f"http-listen = 127.0.0.1:{port}\n"
    certd.start()
    for name in ("a.example.com", "b.example.com"):
        certd.call("autoCertificate.create", properties={"provider": "le", "commonName": name})
    certd.call("autoCertificate.pause", ref="a.example.com")
    certd.stop()
    certd.config = ""
    certd.start()
    warning = next(w for w in certd.call("server.status")["warnings"] if "validated" in w)
    assert warning.startswith("2 auto-certificates have no way to be validated")
