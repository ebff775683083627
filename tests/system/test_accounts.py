"""Accounts with a CA: external account binding in every form of base64, imported keys, limits."""
import contextlib
import json
import re
import socket
import subprocess
import threading

import pytest
from certd import Certd
from pebble import EAB_KEYS, Pebble
from procs import free_port, wait_for
from rpc import RpcError

SECRET = "properties.externalAccountBinding.keySecret"


def provider(pebble, name, **more):
    return {"name": name, "email": "ops@example.com", "server": pebble.url, "caFile": str(pebble.ca_file),
            "termsOfServiceAgreed": True, **more}


def binding(key_id, secret):
    return {"externalAccountBinding": {"keyId": key_id, "keySecret": secret}}


def settled(certd, name):
    """The metadata of a provider once its registration has ended in any way."""
    def ended():
        metadata = certd.call("provider.get", ref=name)["metadata"]
        return metadata if metadata["state"] != "PROVISIONING" else None
    return wait_for(ended, 20, f"an end of the registration of {name}")


def test_an_external_account_is_bound_at_once_whatever_the_base64(start):
    pebble = start(Pebble, eab=True)
    certd = start(Certd)
    url = EAB_KEYS["kid-2"]
    standard = url.replace("-", "+").replace("_", "/")
    for name, secret in (("url", url), ("url-padded", url + "="), ("standard", standard + "="),
                         ("standard-bare", standard)):
        certd.call("provider.create", properties=provider(pebble, name, **binding("kid-2", secret)))
        metadata = settled(certd, name)
        assert metadata["state"] == "AVAILABLE", metadata
        assert "kid-2" in metadata["message"] and "EAB is no longer needed" in metadata["message"]
    for secret, why in ((url + "==", "padding"), (url[:-2], "length"), (url[:-1] + "!", "invalid character"),
                        ("A" * 1000, "750 octets")):
        with pytest.raises(RpcError) as refused:
            certd.call("provider.create", properties=provider(pebble, "bad", **binding("kid-2", secret)))
        assert refused.value.data["field"] == SECRET and why in refused.value.message
    # The CA's error about a wrong key is shown, and the key is corrected with `set`.
    certd.call("provider.create", properties=provider(pebble, "wrong", **binding("kid-1", url)))
    metadata = settled(certd, "wrong")
    assert metadata["state"] == "FAILED" and metadata["message"]
    assert metadata["lastError"]["field"] == "externalAccountBinding"
    certd.call("provider.update", ref="wrong", properties=binding("kid-1", EAB_KEYS["kid-1"]))
    wait_for(lambda: certd.call("provider.get", ref="wrong")["metadata"]["state"] == "AVAILABLE", 20, "the account")
    assert not any(url in str(item) or EAB_KEYS["kid-1"] in str(item) for item in certd.call("provider.list")["items"])


def test_a_binding_is_judged_by_the_ca(start):
    """As published by IONOS: both members are optional, and the example's secret is six letters."""
    certd = start(Certd)
    strict, open_to_all = start(Pebble, eab=True), start(Pebble)
    half = {"only the id": {"keyId": "some-key-id"}, "only the secret": {"keySecret": "secret"},
            "the example": {"keyId": "some-key-id", "keySecret": "secret"}}
    for name, value in half.items():
        for pebble in (strict, open_to_all):
            certd.call("provider.create", properties=provider(
                pebble, f"{name} {pebble.port}", externalAccountBinding=value))
    for name in half:
        metadata = settled(certd, f"{name} {strict.port}")
        assert metadata["state"] == "FAILED" and metadata["lastError"]["field"] == "externalAccountBinding", metadata
        assert {"only the id": "no keySecret", "only the secret": "no keyId", "the example": "key"}[name] in \
            metadata["message"], metadata
        assert metadata["lastError"]["problem"] in ("externalAccountRequired", "unauthorized"), "the CA's own words"
        if name != "the example":  # pebble refuses an unknown key even if it requires none
            assert settled(certd, f"{name} {open_to_all.port}")["state"] == "AVAILABLE"
    certd.call("provider.update", ref=f"only the id {strict.port}", properties=binding("kid-1", EAB_KEYS["kid-1"]))
    wait_for(lambda: certd.call("provider.get", ref=f"only the id {strict.port}")["metadata"]["state"] == "AVAILABLE", 20,
             "the account")


def test_an_account_key_that_was_brought_along_finds_its_account(start, scratch):
    pebble = start(Pebble)
    certd = start(Certd)
    key = scratch / "account.pem"
    subprocess.run(["openssl", "genrsa", "-out", key, "2048"], check=True, capture_output=True)
    key.chmod(0o600)
    common = ("--server", pebble.url, "--email", "ops@example.com", "--ca-file", pebble.ca_file, "--account-key", key)
    # The key is unknown to the CA: the terms must be accepted, and the account is created.
    told = certd.ctl("add-provider", "--name", "first", *common, check=False)
    assert told.returncode and "terms of service" in told.stderr
    certd.ctl("set", "provider", "first", "--agree-tos")
    first = wait_for(lambda: certd.call("provider.get", ref="first")["metadata"].get("accountUrl"), 20, "the account")
    assert certd.call("provider.get", ref="first")["properties"]["accountKeyAlgorithm"] == "rsa2048"
    # Now the account is found, and neither terms nor external account matter.
    eab = scratch / "eab"
    eab.write_text(EAB_KEYS["kid-1"])
    eab.chmod(0o600)
    told = certd.ctl("add-provider", "--name", "second", *common, "--eab-key-id", "kid-1", "--eab-key-file", eab).stdout
    assert first in told and "this key already had an account; the EAB is no longer needed" in told
    # A CA that requires no external account is reported as such.
    certd.call("provider.create", properties=provider(pebble, "third", **binding("kid-1", EAB_KEYS["kid-1"])))
    assert "does not require an external account" in settled(certd, "third")["message"]
    assert "PRIVATE KEY" not in str(certd.call("provider.list"))


def test_a_key_that_is_none_is_refused_with_its_name(start, scratch):
    certd = start(Certd)
    properties = {"name": "x", "email": "ops@example.com", "server": "https://ca.example/dir"}
    small = subprocess.run(["openssl", "genrsa", "1024"], check=True, capture_output=True, text=True).stdout
    locked = subprocess.run(["openssl", "genrsa", "-aes128", "-passout", "pass:x", "2048"], check=True,
                            capture_output=True, text=True).stdout
    right = subprocess.run(["openssl", "genrsa", "2048"], check=True, capture_output=True, text=True).stdout
    for text, more, field in (("no key", {}, "accountKey"), (small, {}, "accountKey"), (locked, {}, "accountKey"),
                              (right, {"accountKeyAlgorithm": "secp256r1"}, "accountKeyAlgorithm")):
        with pytest.raises(RpcError) as refused:
            certd.call("provider.create", properties={**properties, **more, "accountKey": text})
        assert refused.value.data["field"] == f"properties.{field}"


def test_limits_hold_for_calls_that_come_together(start):
    certd = start(Certd, config="max-auto-certificates = 2\nmax-alternative-names = 1\nhttp-listen = 127.0.0.1:0\n")
    certd.call("provider.create", properties={"name": "x", "email": "ops@example.com", "server": "https://127.0.0.1:1/"})
    with certd.rpc() as rpc:
        rpc.send([{"jsonrpc": "2.0", "id": n, "method": "autoCertificate.create",
                   "params": {"properties": {"provider": "x", "commonName": f"n{n}.example.com"}}} for n in range(4)])
        answers = rpc.read()
    assert sorted("error" in answer for answer in answers) == [False, False, True, True]
    refused = next(answer["error"] for answer in answers if "error" in answer)
    assert refused["data"]["code"] == "limit" and "max-auto-certificates" in refused["message"]
    with pytest.raises(RpcError) as many:
        certd.call("autoCertificate.update", ref="n0.example.com",
                   properties={"subjectAlternativeNames": ["a.example.com", "b.example.com"]})
    assert many.value.data["field"] == "properties.subjectAlternativeNames[1]", many.value.data


def test_a_change_of_a_provider_whose_account_was_lost_registers_at_once(start):
    """The CA has forgotten its accounts and wants to know whose the next ones are; it is asked again in a day."""
    pebble = start(Pebble, always_valid=True)
    certd = start(Certd, config=f"http-listen = 127.0.0.1:{free_port()}\n")
    certd.call("provider.create", properties=provider(pebble, "ca"))
    first = settled(certd, "ca")["accountUrl"]
    # As long as the account is good, a binding is only kept for the next registration.
    certd.call("provider.update", ref="ca", properties=binding("kid-2", EAB_KEYS["kid-1"]))
    assert settled(certd, "ca")["accountUrl"] == first
    pebble.stop()
    pebble.eab = True
    pebble.start()
    certd.call("autoCertificate.create", properties={"provider": "ca", "commonName": "www.example.com"})
    metadata = wait_for(lambda: (lambda m: m if m["state"] == "FAILED" else None)(
        certd.call("provider.get", ref="ca")["metadata"]), 20, "the loss to be noticed")
    assert metadata["lastError"]["field"] == "externalAccountBinding", metadata
    certd.call("provider.update", ref="ca", properties=binding("kid-1", EAB_KEYS["kid-1"]))
    metadata = settled(certd, "ca")
    assert metadata["state"] == "AVAILABLE" and "kid-1" in metadata["message"], metadata
    assert metadata["accountUrl"] != first
    assert "the same key was registered again" in certd.ctl("events").stdout


def test_a_changed_address_reaches_the_account_at_the_ca(start):
    pebble = start(Pebble, always_valid=True)
    certd = start(Certd, config=f"http-listen = 127.0.0.1:{free_port()}\n")
    certd.call("provider.create", properties=provider(pebble, "ca"))
    account = settled(certd, "ca")["accountUrl"]
    certd.ctl("set", "provider", "ca", "--email", "new@example.com")
    metadata = settled(certd, "ca")
    assert metadata["state"] == "AVAILABLE" and metadata["accountUrl"] == account, metadata
    assert ("POST", "/my-account/") in pebble.requests
    assert "its e-mail address is now new@example.com" in certd.ctl("events").stdout
    certd.call("provider.update", ref="ca", properties={"email": "ops@example.com"})
    assert settled(certd, "ca")["state"] == "AVAILABLE"
    certd.ctl("add-auto", "--provider", "ca", "--cn", "www.example.com")


def test_the_key_of_an_account_is_replaced_also_over_a_crash(start):
    pebble = start(Pebble, always_valid=True)
    certd = start(Certd, config=f"http-listen = 127.0.0.1:{free_port()}\n")
    certd.call("provider.create", properties=provider(pebble, "ca"))
    before = settled(certd, "ca")
    assert "another key" not in certd.ctl("events").stdout
    certd.ctl("rollover", "ca")
    after = settled(certd, "ca")
    assert after["accountUrl"] == before["accountUrl"] and after["accountThumbprint"] != before["accountThumbprint"]
    assert "another key" in certd.ctl("events").stdout
    certd.ctl("rollover", "ca", "--no-wait")
    certd.kill9()
    certd.start()
    def is_replaced():
        metadata = certd.call("provider.get", ref="ca")["metadata"]
        return metadata["state"] == "AVAILABLE" and metadata["accountThumbprint"] != after["accountThumbprint"]
    wait_for(is_replaced, 20, "the second new key")
    certd.ctl("add-auto", "--provider", "ca", "--cn", "www.example.com")
    assert len(re.findall("POST /rollover-account-key", pebble.log)) >= 2


def test_an_account_is_deactivated_and_another_one_takes_its_place(start):
    pebble = start(Pebble, always_valid=True)
    certd = start(Certd, config=f"http-listen = 127.0.0.1:{free_port()}\n")
    certd.call("provider.create", properties=provider(pebble, "ca"))
    before = settled(certd, "ca")
    certd.ctl("add-auto", "--provider", "ca", "--cn", "www.example.com")
    refused = certd.ctl("deactivate", "ca", check=False)
    assert refused.returncode and "--force" in refused.stderr
    certd.ctl("deactivate", "ca", "--force")
    metadata = settled(certd, "ca")
    assert metadata["state"] == "FAILED" and metadata["accountStatus"] == "deactivated"
    assert "certctl new-account ca" in certd.ctl("explain", "provider", "ca").stdout
    assert "certctl new-account ca" in certd.ctl("status").stdout
    # The CA says the same of an account that was deactivated elsewhere.
    certd.call("autoCertificate.renew", ref="www.example.com", force=True)
    certd.ctl("new-account", "ca")
    after = settled(certd, "ca")
    assert after["state"] == "AVAILABLE" and after["accountThumbprint"] != before["accountThumbprint"]
    certd.ctl("renew", "www.example.com", "--force")


class Between:
    """A control socket between certctl and certd: @before() is called when certctl's call of @method has arrived, and
    before certd gets it.
    """

    def __init__(self, certd, path, method, before):
        self.certd, self.path, self.method, self.before = certd, path, method, before
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen()

    def __enter__(self):
        threading.Thread(target=self.serve, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.listener.close()

    def serve(self):
        client, _ = self.listener.accept()
        server = socket.socket(socket.AF_UNIX)
        server.connect(str(self.certd.socket))
        threading.Thread(target=self.copy, args=(server, client), daemon=True).start()
        for line in client.makefile("rb"):
            if json.loads(line)["method"] == self.method:
                self.before()
            server.sendall(line)
        server.shutdown(socket.SHUT_WR)

    @staticmethod
    def copy(server, client):
        with contextlib.suppress(OSError):
            while data := server.recv(65536):
                client.sendall(data)


def test_an_earlier_attempt_that_fails_meanwhile_is_not_the_result_of_the_call(start, scratch):
    """certctl has subscribed to the events of the provider when that attempt fails, and has not made its call."""
    pebble = start(Pebble, always_valid=True)
    certd = start(Certd)
    certd.call("provider.create", properties=provider(pebble, "ca"))
    settled(certd, "ca")
    certd.ctl("deactivate", "ca")

    def failures():
        return sum(event["kind"] == "account.failed" for event in certd.call("event.list")["items"])

    def fail():
        before = failures()
        certd.call("provider.update", ref="ca", properties={"maxOrders": 3, "email": "new@example.com"})
        wait_for(lambda: failures() > before, 20, "another failure")

    with Between(certd, scratch / "between.sock", "provider.newAccount", fail) as between:
        told = certd.ctl("new-account", "ca", variables={"CERTD_SOCKET": str(between.path)})
    assert "provider 'ca' is registered" in told.stdout
    assert settled(certd, "ca")["state"] == "AVAILABLE"


def test_a_provider_that_was_exported_is_restored_with_its_account(start, scratch):
    pebble = start(Pebble, always_valid=True, eab=True)
    config = f"http-listen = 127.0.0.1:{free_port()}\n"
    certd = start(Certd, config=config)
    certd.call("provider.create", properties=provider(pebble, "ca", **binding("kid-1", EAB_KEYS["kid-1"])))
    before = settled(certd, "ca")
    phrase, other = scratch / "phrase", scratch / "other"
    for path, text in ((phrase, "correct horse battery"), (other, "correct horse batteries"), (scratch / "short", "x")):
        path.write_text(text)
        path.chmod(0o600)
    short = certd.ctl("export-provider", "ca", "--passphrase-file", scratch / "short", check=False)
    assert short.returncode and "passphrase" in short.stderr
    file = scratch / "ca.sealed"
    certd.ctl("export-provider", "ca", "--passphrase-file", phrase, "--out", file)
    assert file.stat().st_mode & 0o777 == 0o600
    text = file.read_text()
    assert text.startswith("-----BEGIN CERTD PROVIDER-----") and "PRIVATE" not in text
    assert certd.ctl("export-provider", "ca", "--passphrase-file", phrase).stdout.startswith("-----BEGIN CERTD PROVIDER")
    assert "account key exported, sealed, by" in certd.ctl("events").stdout
    assert any(r["method"] == "provider.export" for r in certd.call("audit.list", limit=100)["items"])
    certd.ctl("rm", "provider", "ca")
    wrong = certd.ctl("import-provider", file, "--passphrase-file", other, check=False)
    assert wrong.returncode and "passphrase" in wrong.stderr
    # Another certd, which has never seen the account.
    restored = start(Certd, config=f"http-listen = 127.0.0.1:{free_port()}\n")
    answer = restored.ctl("import-provider", file, "--passphrase-file", phrase, "--name", "again")
    after = settled(restored, "again")
    assert after["state"] == "AVAILABLE" and "warning" not in answer.stderr
    assert (after["accountUrl"], after["accountThumbprint"]) == (before["accountUrl"], before["accountThumbprint"])
    assert "PRIVATE KEY" not in str(restored.call("provider.get", ref="again"))
    restored.ctl("add-auto", "--provider", "again", "--cn", "www.example.com")
    # The CA has lost its accounts: the key is registered again, with the binding of the file, and that is said.
    pebble.stop()
    pebble.start()
    answer = certd.ctl("import-provider", file, "--passphrase-file", phrase)
    assert "did not know the account" in answer.stderr and settled(certd, "ca")["state"] == "AVAILABLE"


def test_register_uses_its_key_or_says_why_not(start, scratch):
    pebble = start(Pebble)
    certd = start(Certd)
    keys = []
    for name in ("one.pem", "two.pem"):
        subprocess.run(["openssl", "genrsa", "-out", scratch / name, "2048"], check=True, capture_output=True)
        (scratch / name).chmod(0o600)
        keys.append(scratch / name)
    register = ("register", "ops@example.com", "--server", pebble.url, "--ca-file", pebble.ca_file, "--agree-tos",
                "--account-key")
    certd.ctl(*register, keys[0])
    certd.ctl(*register, keys[0])
    assert len(certd.call("provider.list")["items"]) == 1
    other = certd.ctl(*register, keys[1], check=False)
    assert other.returncode and "another account key" in other.stderr and "--name NAME" in other.stderr
    certd.ctl(*register, keys[1], "--name", "second")
    first, second = sorted(certd.call("provider.list")["items"], key=lambda p: p["properties"]["name"] == "second")
    assert first["metadata"]["accountUrl"] != second["metadata"]["accountUrl"]
