"""What certd finds out about a server by connecting to it: in each protocol, at each address, and whatever is wrong."""
import ssl
import subprocess
import threading
from socket import create_server

import pytest
from certd import Certd
from procs import free_port, listens, wait_for
from starttls_servers import Dovecot, Postfix, Postgres, Prosody, Slapd, Vsftpd
from tls import ThrowAwayCa
from webservers import Nginx

NAME = "mail.example.com"
SERVERS = [(Postfix,), (Dovecot, "imap"), (Dovecot, "pop3"), (Dovecot, "sieve"), (Slapd,), (Postgres,), (Prosody,),
           (Vsftpd,)]


@pytest.fixture
def ca(scratch):
    return ThrowAwayCa(scratch / "ca")


@pytest.fixture
def certd(start):
    return start(Certd)


def import_pair(certd, ca, *options, names=(NAME,), chain=None, **made):
    """Returns a file with key and chain, as an earlier deployment would have left it."""
    bundle = ca.issue_bundle(*names, **made)
    cert, key = (ca.directory / f"{names[0]}{end}" for end in (".pem", ".key"))
    certd.ctl("import", "--cert", cert, "--chain", chain or ca.cert_file, "--key", key, *options)
    return bundle


def rollout(certd, consumer="server"):
    items = certd.call("consumer.get", ref=consumer)["metadata"]["rollouts"]
    return next((item for item in items if "served" in item), {})


def served(certd, word, seconds=30):
    """Waits until the endpoints were found in that state. Returns what certd says about it."""
    wait_for(lambda: rollout(certd).get("served") == word, seconds, f"{word}, not {rollout(certd)}")
    return rollout(certd).get("lastError", {}).get("message", "")


def probe_it(certd, *endpoints):
    options = [word for endpoint in endpoints for word in ("--probe", endpoint)]
    certd.ctl("add-consumer", "--name", "server", *options)
    certd.ctl("set", "cert", "it", "--consumer", "server")


@pytest.mark.parametrize("server", SERVERS, ids=lambda server: getattr(server[-1], "protocol", None) or server[-1])
def test_each_protocol_is_asked_for_tls(server, certd, ca, start):
    """A real server, first with the certificate, then with the one before: nobody has reloaded it."""
    import_pair(certd, ca, "--name", "it")
    server = start(server[0], certd.drop("it") / "bundle.pem", *server[1:])
    probe_it(certd, server.endpoint)
    assert served(certd, "served") == ""
    old = certd.call("certificate.get", ref="it")["metadata"]["serialNumber"]
    import_pair(certd, ca, "--replace", "it")
    said = served(certd, "stale")
    assert said.startswith(f"{server.endpoint}: serves another certificate than the newest: serial {old}, "), said
    assert f"issued by throw-away CA for {NAME}, valid until 20" in said


def test_a_server_without_tls_says_so(certd, ca, start):
    """PostgreSQL's answer is an octet."""
    bundle = import_pair(certd, ca, "--name", "it")
    server = start(Postgres, bundle)
    server.stop()
    port = server.port
    with create_server(("127.0.0.1", port)) as listener:
        def answer():
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(64)
                    connection.sendall(b"N")
        threading.Thread(target=answer, daemon=True).start()
        probe_it(certd, server.endpoint)
        assert "does not offer TLS" in served(certd, "unreachable")


def test_a_closed_port_is_unreachable(certd, ca):
    import_pair(certd, ca, "--name", "it")
    port = free_port()
    probe_it(certd, f"smtp://127.0.0.1:{port}")
    assert served(certd, "unreachable") == f"smtp://127.0.0.1:{port}: connect: Connection refused"


def test_a_default_for_the_requested_name_is_a_mismatch(certd, ca, start):
    """nginx has no server block for the name and falls back to its first one."""
    import_pair(certd, ca, "--name", "it")
    other = ca.issue_bundle("default.example.com")
    nginx = start(Nginx, bundles={"default.example.com": other})
    probe_it(certd, f"127.0.0.1:{nginx.tls_port}")
    said = served(certd, "mismatch")
    assert f"serves a certificate that is not for '{NAME}': serial" in said and "for default.example.com" in said
    event, = {e["kind"]: e for e in wait_for(
        lambda: [e for e in certd.call("event.list")["items"] if e["kind"] == "probe.mismatch"], 40)}.values()
    assert event["data"]["names"] == ["default.example.com"] and event["data"]["sni"] == NAME
    assert event["data"]["issuer"] == "throw-away CA" and event["data"]["notAfter"].startswith("20")


def test_declared_addresses_are_asked_and_the_stale_one_is_named(certd, ca, start):
    """The host has no address at all: those of the declaration replace it."""
    import_pair(certd, ca, "--name", "it")
    nginx = start(Nginx, bundles={NAME: certd.drop("it") / "bundle.pem"})
    start(Nginx, bundles={NAME: ca.issue_bundle(NAME)}, tls_port=nginx.tls_port, address="127.0.0.2")
    probe_it(certd, f"node.invalid:{nginx.tls_port}@127.0.0.1,127.0.0.2")
    assert served(certd, "stale").startswith(f"node.invalid:{nginx.tls_port} at 127.0.0.2: serves another certificate")


def test_of_a_server_with_two_keys_the_one_of_the_certificate_is_asked_for(certd, ca, scratch, start):
    """nginx has an ECDSA certificate as well, which most clients get."""
    other = ThrowAwayCa(scratch / "other").issue_bundle(NAME)
    import_pair(certd, ca, "--name", "it", key=("rsa:2048",))
    bundle = certd.drop("it") / "bundle.pem"
    pairs = scratch / "nginx.conf"
    pairs.write_text("".join(f"ssl_certificate {file}; ssl_certificate_key {file};\n" for file in (bundle, other)))
    nginx = start(Nginx, bundles={NAME: pairs})
    probe_it(certd, f"127.0.0.1:{nginx.tls_port}")
    served(certd, "served")
    old = certd.call("certificate.get", ref="it")["metadata"]["serialNumber"]
    import_pair(certd, ca, "--replace", "it", key=("rsa:2048",))
    assert f"serial {old}, " in served(certd, "stale"), "that of the other key is not meant"


@pytest.mark.parametrize("spoken, word", [("h2", "served"), ("imap", "unreachable")])
def test_the_declared_protocols_are_offered(spoken, word, certd, ca):
    bundle = import_pair(certd, ca, "--name", "it")
    port = free_port()
    with subprocess.Popen(["openssl", "s_server", "-www", "-alpn", spoken, "-accept", f"127.0.0.1:{port}", "-cert",
                           bundle, "-key", bundle, "-cert_chain", bundle], stdout=subprocess.DEVNULL) as server:
        try:
            wait_for(lambda: listens(port), what="openssl")
            certd.call("consumer.create", properties={
                "name": "server", "probes": [{"host": "127.0.0.1", "port": port, "alpn": ["h2", "http/1.1"]}]})
            certd.ctl("set", "cert", "it", "--consumer", "server")
            said = served(certd, word)
            assert word == "served" or "no application protocol" in said
        finally:
            server.kill()


def test_the_newest_is_not_served_when_it_has_expired(certd, ca, start):
    import_pair(certd, ca, "--name", "it", "--allow-expired", days=0)
    nginx = start(Nginx, bundles={NAME: certd.drop("it") / "bundle.pem"})
    probe_it(certd, f"127.0.0.1:{nginx.tls_port}")
    said = served(certd, "not valid")
    assert f"127.0.0.1:{nginx.tls_port}: serves the newest certificate, which expired at 20" in said
    wait_for(lambda: "probe.invalid" in [e["kind"] for e in certd.call("event.list")["items"]], 40, "the event")


def serve_tls(bundle):
    """A server that presents @bundle. Returns its socket."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(bundle)
    listener = create_server(("127.0.0.1", 0))

    def serve():
        while True:
            try:
                connection, _ = listener.accept()
                context.wrap_socket(connection, server_side=True).close()
            except OSError:
                if listener.fileno() < 0:
                    return
    threading.Thread(target=serve, daemon=True).start()
    return listener


@pytest.mark.parametrize("parts, word", [((0,), "incomplete chain"), ((0, 1), "served"), ((0, 2, 1), "served")],
                         ids=["none", "complete", "any-order"])
def test_an_intermediate_that_is_not_sent_is_named(parts, word, certd, scratch, ca):
    from procs import run
    inner = ThrowAwayCa(scratch / "inner", "Inner CA")
    request = run(["openssl", "req", "-new", "-key", inner.key_file, "-subj", "/CN=Inner CA"]).stdout
    extensions = scratch / "ca.ext"
    extensions.write_text("basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n")
    run(["openssl", "x509", "-req", "-CA", ca.cert_file, "-CAkey", ca.key_file, "-days", "30", "-extfile", extensions,
         "-out", inner.cert_file], input=request)
    chain = scratch / "chain.pem"
    chain.write_text(inner.cert_file.read_text() + ca.cert_file.read_text())
    import_pair(certd, inner, "--name", "it", chain=chain)
    files = (inner.directory / f"{NAME}.pem", inner.cert_file, ca.cert_file)
    bundle = scratch / "bundle.pem"
    bundle.write_text("".join(files[part].read_text() for part in parts)
                      + (inner.directory / f"{NAME}.key").read_text())
    with serve_tls(bundle) as listener:
        probe_it(certd, f"127.0.0.1:{listener.getsockname()[1]}")
        said = served(certd, word)
        assert word == "served" or "without the intermediate certificate 'Inner CA'" in said
