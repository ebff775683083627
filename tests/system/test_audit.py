"""The audit log: who changed what, with old and new values; no record can be removed."""
import json
import os
import pwd

import pytest
from certd import Certd
from ionos_client import IonosClient
from procs import free_port, wait_for


@pytest.fixture
def certd(start):
    return start(Certd)


def records(certd):
    return certd.ctl_json("audit", "--after", "0")


def test_changes_are_on_record_with_old_and_new_and_without_secrets(certd, scratch):
    secret = scratch / "tsig"
    secret.write_text("c2VjcmV0LXRoYXQtbXVzdC1ub3QtbGVhay1hbnl3aGVyZQ==")
    secret.chmod(0o600)
    certd.ctl("add-dns", "--name", "ns1", "--kind", "rfc2136", "--server", "127.0.0.1:53", "--zone", "example.com",
              "--tsig-name", "k", "--tsig-key-file", secret)
    certd.ctl("set", "dns", "ns1", "--zone", "example.org", "--tsig-key-file", secret)
    token = certd.ctl("add-token", "--name", "ci", "--role", "viewer").stdout.strip()
    certd.ctl("list", "dns")
    certd.ctl("rm", "token", "ci")
    certd.ctl("call", "server.reload")
    certd.ctl("rm", "dns", "nosuch", check=False)
    log = records(certd)
    me = str(os.geteuid())
    assert [(r["method"], r.get("object", {}).get("name")) for r in log] == [
        ("dnsProvider.create", "ns1"), ("dnsProvider.update", "ns1"), ("token.create", "ci"), ("token.delete", "ci"),
        ("server.reload", None)]
    assert all(r["who"] == f"uid:{me}" and r["userId"] == me and r["outcome"] == "done" for r in log)
    assert [r["number"] for r in log] == [1, 2, 3, 4, 5]
    assert log[1]["changes"] == [{"field": "zones", "old": ["example.com"], "new": ["example.org"]},
                                 {"field": "tsigKey", "changed": True}]
    everything = json.dumps(log) + certd.log + json.dumps(certd.call("event.list", limit=1000))
    assert "c2VjcmV0" not in everything and token not in everything
    text = certd.ctl("audit").stdout
    name = pwd.getpwuid(os.geteuid()).pw_name
    assert f'{name} dnsProvider.update dns ns1\n      zones: ["example.com"] -> ["example.org"]\n' in text
    assert "      tsigKey: changed\n" in text


def test_a_token_with_a_scope_sees_and_touches_nothing_else_and_is_on_record(start, scratch):
    port = free_port()
    certd = start(Certd, config=f"rest-plain = yes\nrest-listen = 127.0.0.1:{port}\n")
    provider = certd.call("provider.create", properties={
        "name": "le", "server": "https://127.0.0.1:1/dir", "email": "ops@example.com", "termsOfServiceAgreed": True})
    certd.ctl("add-dns", "--name", "hook", "--kind", "exec", "--command", "/bin/true", "--zone", "in.example",
              "--zone", "out.example")
    for name in ("www.in.example", "www.out.example"):
        certd.ctl("add-auto", "--provider", "le", "--cn", name, "--challenge", "dns-01", "--no-wait")
    secret = certd.ctl("add-token", "--name", "ci", "--role", "operator", "--expires", "90d",
                       "--domain", "*.IN.example").stdout.strip()
    client = IonosClient(url=f"http://127.0.0.1:{port}", token=secret)
    assert [a["properties"]["commonName"] for a in client.list("/auto-certificates")] == ["www.in.example"]
    outside = certd.call("autoCertificate.get", ref="www.out.example")
    absent = outside["href"][:-4] + "0000"
    answers = [client.fails(verb, href) for verb in ("GET", "DELETE") for href in (outside["href"], absent)]
    assert [a.status for a in answers] == [404] * 4
    assert str(answers[0].body).replace(outside["href"][-36:], absent[-36:]) == str(answers[1].body)
    body = {"properties": {"provider": provider["id"], "commonName": "new.out.example", "keyAlgorithm": "secp256r1",
                           "name": "new"}}
    assert client.fails("POST", "/auto-certificates", body).status == 403
    body["properties"]["commonName"] = "new.in.example"
    made = client.create("/auto-certificates", **body["properties"])
    assert made["metadata"]["createdBy"] == "token:ci"
    assert client.fails("POST", "/tokens", {"properties": {"name": "x", "role": "viewer"}}).status == 403
    certd.ctl("rm", "token", "ci")
    assert client.fails("GET", "/auto-certificates").status == 401
    log = [(r["who"], r["method"], r["outcome"]) for r in records(certd)]
    for entry in [("token:ci", "autoCertificate.create", "done"), ("token:ci", "autoCertificate.create", "refused"),
                  ("token:ci", "autoCertificate.get", "refused"), ("token:ci", "autoCertificate.delete", "refused"),
                  ("token:ci", "token.create", "refused"), ("unknown", "rest", "refused")]:
        assert entry in log, entry
    assert certd.call("audit.verify")["intact"] and secret not in json.dumps(records(certd)) + certd.log


def test_the_log_verifies_across_restarts_and_against_what_was_logged(certd):
    for i in range(3):
        certd.ctl("add-consumer", "--name", f"c{i}")
    wait_for(lambda: "audit log: record 3 has the hash" in certd.log, what="the head in the log")
    logged = certd.log.split("audit log: record 3 has the hash ")[1].split()[0]
    certd.restart()
    certd.ctl("add-consumer", "--name", "c3")
    verified = certd.ctl("audit", "--verify", "--known", f"3:{logged}").stdout
    assert verified.startswith("records 1 to 4 are unmodified; the last one is 4:")
    wrong = certd.ctl("audit", "--known", f"2:{logged}", check=False)
    assert wrong.returncode != 0 and "the first bad record is 2: its hash differs from the given one" in wrong.stderr
    beyond = certd.ctl("audit", "--known", f"9:{logged}", check=False)
    assert beyond.returncode != 0 and "9: it is missing, although its hash is known" in beyond.stderr
    result = certd.call("audit.verify", known=f"3:{logged}")
    assert result["intact"] and (result["first"], result["last"]) == (1, 4)
