"""Keys in a PKCS#11 token: of the account and of certificates. They never leave it."""
import os
import threading

import pytest
from certd import Certd
from pebble import Pebble
from procs import free_port, run, wait_for
from rpc import RpcError
from softhsm import MODULE, PIN, Token
from tls import tls_leaf
from webservers import Nginx

NAME = "www.example.com"


@pytest.fixture
def token(scratch):
    return Token(scratch / "token")


@pytest.fixture
def pebble(start):
    return start(Pebble, always_valid=True)


@pytest.fixture
def certd(start, token):
    return start(Certd, config=f"pkcs11-module = {MODULE}\nhttp-listen = 127.0.0.1:{free_port()}\n", environment=token.variables)


def provider(pebble, name="le", **more):
    return {"name": name, "email": "ops@example.com", "server": pebble.url, "caFile": str(pebble.ca_file),
            "termsOfServiceAgreed": True, **more}


def auto(certd):
    return certd.call("autoCertificate.get", ref=NAME)["metadata"]


def add(certd, pebble, uri, **more):
    """An account and a certificate with a key in the token."""
    certd.call("provider.create", properties=provider(pebble))
    certd.call("autoCertificate.create", properties={"provider": "le", "commonName": NAME, "keyUri": uri, **more})
    wait_for((certd.drop(NAME) / "manifest.json").exists, 60, "the first files")


def public_key(file):
    return run(["openssl", "x509", "-in", file, "-noout", "-pubkey"]).stdout


def test_keys_of_account_and_certificate_never_leave_their_token(certd, pebble, token, start):
    account, web = token.make_key("account"), token.make_key("web", "rsa:2048")
    certd.ctl("add-provider", "--name", "le", "--server", pebble.url, "--email", "ops@example.com", "--agree-tos",
              "--ca-file", pebble.ca_file, "--account-key-uri", account)
    shown = certd.call("provider.get", ref="le")
    assert shown["metadata"]["state"] == "AVAILABLE" and shown["properties"]["accountKeyUri"] == account
    assert shown["properties"]["accountKeyAlgorithm"] == "secp256r1"
    certd.ctl("add-auto", "--provider", "le", "--cn", NAME, "--key-uri", web)
    drop = certd.drop(NAME)
    wait_for((drop / "manifest.json").exists, 60, "the files")
    assert public_key(drop / "cert.pem") == token.public_key("web")
    assert token.cannot_be_read("account") and token.cannot_be_read("web")

    # No file has the key, or looks as if it had.
    assert not (drop / "privkey.pem").exists() and not (drop / "bundle.pem").exists()
    assert not list((certd.state / "pem").iterdir())
    files = [path for path in certd.state.rglob("*") if path.is_file()]
    assert not any(b"PRIVATE KEY" in path.read_bytes() or PIN.encode() in path.read_bytes() for path in files)
    for arguments in (("export", "--format", "bundle"), ("export", "--key"), ("export", "--key", "--format", "der")):
        refused = certd.ctl(*arguments, auto(certd)["lastIssuedCertificate"], "--out", drop.parent / "out", check=False)
        assert refused.returncode and "never leaves its token" in refused.stderr, refused
    refused = certd.ctl("rollover", "le", check=False)
    assert refused.returncode and "in a PKCS#11 token" in refused.stderr

    # nginx serves with it, and a renewal takes the same key.
    owner = "user root;" if os.geteuid() == 0 else ""  # its workers use the token
    nginx = start(Nginx, bundles={NAME: drop / "nginx.conf"}, variables=token.server_variables, main=owner)
    first = tls_leaf("127.0.0.1", nginx.tls_port, NAME).serial
    manifest = (drop / "manifest.json").read_text()
    certd.ctl("renew", NAME)
    wait_for(lambda: (drop / "manifest.json").read_text() != manifest, 60, "the files of the renewal")
    assert nginx.test().returncode == 0, nginx.test()
    nginx.reload()
    assert tls_leaf("127.0.0.1", nginx.tls_port, NAME).serial != first
    assert public_key(drop / "cert.pem") == token.public_key("web")
    certd.stop()
    assert PIN not in certd.log


def test_a_token_that_is_gone_is_reported_and_tried_again(certd, pebble, token):
    add(certd, pebble, token.make_key("web"))
    first = auto(certd)["lastIssuedCertificate"]
    token.objects.rename(token.directory / "away")
    token.objects.mkdir()
    certd.call("autoCertificate.renew", ref=NAME)
    failed = wait_for(lambda: auto(certd).get("lastError"), 60, "a failure")
    assert f"cannot sign with pkcs11:token={token.label};object=web" in failed["message"], failed
    assert "object not found" in failed["message"] and auto(certd)["nextAction"] == "retry"
    assert "object not found" in certd.ctl("explain", NAME).stdout
    token.objects.rmdir()
    (token.directory / "away").rename(token.objects)
    certd.call("autoCertificate.renew", ref=NAME, force=True)
    wait_for(lambda: auto(certd)["lastIssuedCertificate"] != first, 60, "another certificate")
    assert "lastError" not in auto(certd)


def test_what_cannot_work_is_refused_when_it_is_declared(certd, pebble, token, scratch):
    uri = token.make_key("web")
    base, query = uri.split("?")
    wrong_pin = scratch / "wrong-pin"
    wrong_pin.write_text("0000\n")
    wrong_pin.chmod(0o600)
    readable = scratch / "readable-pin"
    readable.write_text(PIN)
    readable.chmod(0o644)
    for bad, why in ((base.replace("web", "nothing") + "?" + query, "object not found"),
                     (base.replace("=certd", "=other") + "?" + query, "object not found"),
                     (f"{base}?pin-source=file:{wrong_pin}", "PIN incorrect"),
                     (f"{base}?pin-source=file:{readable}", "accessible to all users"), (f"{base}?pin-source=file:/nonexistent", "No such file"),
                     (f"{base}?pin-value={PIN}", "must not be in the URI"), ("/etc/ssl/key.pem", "must begin with 'pkcs11:'"),
                     (f"{base}?module-path=/tmp/evil.so", "pkcs11-module in certd.conf")):
        with pytest.raises(RpcError) as refused:
            certd.call("provider.create", properties=provider(pebble, accountKeyUri=bad))
        assert refused.value.data["field"] == "properties.accountKeyUri" and why in refused.value.message, bad
        assert PIN not in refused.value.message
    certd.call("provider.create", properties=provider(pebble))
    properties = {"provider": "le", "commonName": NAME, "keyUri": uri}
    with pytest.raises(RpcError) as refused:
        certd.call("autoCertificate.create", properties={**properties, "keyAlgorithm": "rsa2048"})
    assert refused.value.data["field"] == "properties.keyAlgorithm"

    # Consumers that need the key.
    directory = scratch / "files"
    directory.mkdir()
    socket = {"activate": "haproxy", "sockets": ["/run/haproxy.sock"]}
    for name, consumer in (("proxy", socket), ("lego", {"directory": str(directory), "layout": "lego"}),
                           ("java", {"directory": str(directory), "outputs": ["jks:{name}.jks"],
                                     "outputPassword": "changeit"})):
        certd.call("consumer.create", properties={"name": name, **consumer})
        with pytest.raises(RpcError) as refused:
            certd.call("autoCertificate.create", properties={**properties, "consumers": [name]})
        assert refused.value.data["field"] == "properties.consumers[0]", name
        assert f"'{name}' needs the private key" in refused.value.message and "keyUri" in refused.value.message
    certd.call("consumer.create", properties={"name": "mail", "directory": str(directory), "outputs": ["fullchain:{name}.crt"]})
    certd.call("autoCertificate.create", properties={**properties, "consumers": ["mail"]})
    with pytest.raises(RpcError) as refused:
        certd.call("consumer.update", ref="mail", properties={"outputs": ["bundle:{name}.pem"]})
    assert refused.value.data["field"] == "properties.outputs" and NAME in refused.value.message
    wait_for(lambda: list(directory.glob("*.crt")), 60, "the consumer's file")


def test_files_with_a_former_key_go_when_the_key_moves_into_a_token(certd, pebble, token):
    certd.call("provider.create", properties=provider(pebble))
    certd.call("autoCertificate.create", properties={"provider": "le", "commonName": NAME})
    drop, flat = certd.drop(NAME), certd.state / "pem" / f"{NAME}.pem"
    wait_for((drop / "manifest.json").exists, 60, "the first files")
    assert (drop / "privkey.pem").exists() and flat.exists()
    certd.call("autoCertificate.update", ref=NAME, properties={"keyUri": token.make_key("web")})
    wait_for(lambda: not (drop / "privkey.pem").exists(), 60, "the key is gone")
    wait_for(lambda: public_key(drop / "cert.pem") == token.public_key("web"), 60, "the new certificate")
    assert not (drop / "bundle.pem").exists() and not flat.exists()
    certd.restart()
    certd.call("autoCertificate.update", ref=NAME, properties={"keyUri": None})
    wait_for((drop / "privkey.pem").exists, 60, "a key of certd's own")
    wait_for(flat.exists, 60, "the bundle")
    assert public_key(drop / "cert.pem") != token.public_key("web")


def test_a_module_that_hangs_holds_up_nobody(start, pebble, token, scratch):
    """Whoever opens the module, a pipe without a writer, waits for ever."""
    module = scratch / "module.so"
    os.mkfifo(module)
    certd = start(Certd, config=f"pkcs11-module = {module}\n", environment=token.variables)
    uri = token.make_key("web")
    answers = []

    def declare():
        try:
            certd.call("provider.create", properties=provider(pebble, accountKeyUri=uri))
        except RpcError as refused:
            answers.append(refused)
    waiting = threading.Thread(target=declare)
    waiting.start()
    while waiting.is_alive():
        certd.call("server.status")
    refused, = answers
    assert refused.data["field"] == "properties.accountKeyUri" and "has not answered within 10 s" in refused.message
    certd.call("provider.create", properties=provider(pebble))
