"""The audit log: who did what, from what to what; nothing can be taken out of it."""
import json
import os

import pytest
from certd import Certd
from procs import wait_for


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
    assert f'uid:{me} dnsProvider.update dns ns1\n      zones: ["example.com"] -> ["example.org"]\n' in text
    assert "      tsigKey: changed\n" in text


def test_the_log_verifies_across_restarts_and_against_what_was_logged(certd):
    for i in range(3):
        certd.ctl("add-consumer", "--name", f"c{i}")
    wait_for(lambda: "audit log: record 3 has the hash" in certd.log, what="the head in the log")
    logged = certd.log.split("audit log: record 3 has the hash ")[1].split()[0]
    certd.restart()
    certd.ctl("add-consumer", "--name", "c3")
    verified = certd.ctl("audit", "--verify", "--known", f"3:{logged}").stdout
    assert verified.startswith("records 1 to 4 are as they were written; the last one is 4:")
    wrong = certd.ctl("audit", "--known", f"2:{logged}", check=False)
    assert wrong.returncode != 0 and "the first record that is wrong is 2: it has another hash" in wrong.stderr
    beyond = certd.ctl("audit", "--known", f"9:{logged}", check=False)
    assert beyond.returncode != 0 and "9: it is missing, although its hash is known" in beyond.stderr
    result = certd.call("audit.verify", known=f"3:{logged}")
    assert result["intact"] and (result["first"], result["last"]) == (1, 4)
