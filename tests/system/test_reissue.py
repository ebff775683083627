"""A reissue of many certificates, at a real CA: what is shown before, and that kill -9 does not end it."""
from certd import Certd
from pebble import Pebble
from procs import free_port, wait_for

NAMES = [f"www{i}.example.com" for i in range(4)]


def newest(certd):
    return {name: certd.call("autoCertificate.get", ref=name)["metadata"].get("lastIssuedCertificate") for name in NAMES}


def test_a_reissue_is_shown_first_and_continues_after_kill_9(start):
    pebble = start(Pebble, always_valid=True, validity=86400)
    certd = start(Certd, config=f"http-listen = 127.0.0.1:{free_port()}\n")
    certd.call("provider.create", properties={
        "name": "le", "email": "ops@example.com", "server": pebble.url, "caFile": str(pebble.ca_file),
        "termsOfServiceAgreed": True})
    for name in NAMES:
        certd.call("autoCertificate.create", properties={"name": name, "provider": "le", "commonName": name})
    before = wait_for(lambda: (lambda ids: ids if all(ids.values()) else None)(newest(certd)), 90, "all certificates")

    shown = certd.ctl("reissue", "--provider", "le", "--rate", "2", "--dry-run").stdout
    assert "4 certificates are selected; at most 2 orders begin a minute" in shown
    assert "the last order begins in" in shown and all(name in shown for name in NAMES)
    assert newest(certd) == before
    assert "there was no reissue yet" in certd.ctl("reissue", "--status", check=False).stderr

    certd.ctl("pause", NAMES[3])
    begun = certd.ctl("reissue", "--all", "--new-keys", "--rate", "1").stdout
    assert "3 certificates are selected" in begun and "1 auto-certificates are paused and not touched" in begun
    assert "0 of 3 certificates ordered" in begun and "certctl reissue --status" in begun
    wait_for(lambda: newest(certd)[NAMES[0]] != before[NAMES[0]] or "1 of 3" in certd.ctl("status").stdout, 90, "one")
    certd.kill9()
    certd.start()
    assert "running, by " in certd.ctl("status").stdout
    certd.ctl("reissue", "--pause")
    assert "reissue paused" in certd.ctl("reissue", "--status").stdout
    certd.ctl("reissue", "--cancel")
    assert "the reissue is cancelled" in certd.ctl("events").stdout

    issuer = certd.call("certificate.get", ref=before[NAMES[2]])["metadata"]["caName"]
    certd.ctl("reissue", "--issuer", issuer, "--rate", "600")
    certd.kill9()
    certd.start()
    wait_for(lambda: all(newest(certd)[name] != before[name] for name in NAMES[:3]), 90, "the replacements")
    assert newest(certd)[NAMES[3]] == before[NAMES[3]]
    entries = [e for e in certd.call("audit.list")["items"] if e["method"] == "server.reissue"]
    assert {"field": "newKeys", "new": True} in entries[0]["changes"]
    assert any(change["field"] == "cancel" for e in entries for change in e["changes"])
    assert "a reissue of many certificates includes it" in certd.ctl("explain", NAMES[0]).stdout
