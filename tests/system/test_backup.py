"""Backup, restore on another host, and a new master key, as certd(8) describes them; real programs, Pebble as the CA."""
import base64
import os
import subprocess

import pytest
from certd import Certd, program
from pebble import Pebble
from procs import free_port, wait_for

NAME = "www.example.com"


def write(path, text):
    path.write_text(text)
    path.chmod(0o600)
    return path


def filled(start, config=""):
    """A certd with an account and a certificate."""
    pebble = start(Pebble, always_valid=True)
    certd = start(Certd, config=f"http-listen = 127.0.0.1:{free_port()}\n{config}")
    certd.call("provider.create", properties={
        "name": "le", "email": "ops@example.com", "server": pebble.url, "caFile": str(pebble.ca_file),
        "termsOfServiceAgreed": True})
    certd.ctl("add-auto", "--provider", "le", "--cn", NAME)
    return certd


def restore(state, file, phrase, *options):
    return subprocess.run([program("certd"), "--state", state, "--restore", file, "--passphrase-file", phrase, *options],
                          capture_output=True, text=True, check=False)


def key_of(certd):
    return certd.ctl("export", NAME, "--key").stdout


def changes(certd):
    return sum(e["kind"] == "server.rekeyed" for e in certd.call("event.list", limit=1000)["items"])


def test_a_backup_is_restored_on_another_host(start, scratch):
    certd = filled(start)
    phrase, other = write(scratch / "phrase", "correct horse battery"), write(scratch / "other", "another passphrase")
    file = scratch / "certd.backup"
    answer = certd.ctl("backup", file, "--passphrase-file", phrase)
    assert answer.stdout == ("backup written and verified: 1 providers, 1 auto-certificates, 1 certificates, "
                             "with the master key\n")
    assert file.stat().st_mode & 0o777 == 0o600 and [p.name for p in scratch.glob("certd.backup*")] == [file.name]
    assert any(r["method"] == "server.backup" for r in certd.call("audit.list", limit=100)["items"])
    assert "sealed, with the master key, by" in certd.ctl("events").stdout
    refused = restore(certd.state, file, phrase, "--force")
    assert refused.returncode and "in use by another certd" in refused.stderr
    key = key_of(certd)
    certd.stop()
    refused = restore(certd.state, file, phrase)
    assert refused.returncode and "--force" in refused.stderr
    # Another host, with a master key of its own.
    host = start(Certd, ready=False, config=certd.config)
    (host.state / "master-key").write_bytes(os.urandom(32))
    (host.state / "master-key").chmod(0o400)
    wrong = restore(host.state, file, other)
    assert wrong.returncode and "the passphrase is wrong" in wrong.stderr
    done = restore(host.state, file, phrase)
    assert done.returncode == 0, done.stderr
    assert "1 providers, 1 auto-certificates, 1 certificates" in done.stdout
    host.start()
    assert key_of(host) == key
    assert host.call("audit.verify")["intact"]
    wait_for(lambda: (host.drop(NAME) / "bundle.pem").exists(), 60, "the restored files")
    host.ctl("renew", NAME, "--force")
    assert key_of(host) != key
    # Back to the first certificate, in place.
    host.stop()
    done = restore(host.state, file, phrase, "--force")
    assert done.returncode == 0 and "data.mdb.replaced.1" in done.stdout, done.stderr
    host.start()
    assert key_of(host) == key


def test_a_new_master_key_is_made_and_installed(start):
    certd = filled(start)
    key, file = key_of(certd), certd.state / "master-key"
    before = file.read_bytes()
    certd.ctl("rekey")
    certd.kill9()
    certd.start()
    # Refused until that one has ended, whose event the kill may have lost.
    wait_for(lambda: certd.ctl("rekey", check=False).returncode == 0, 60, "the end of the first change")
    wait_for(lambda: certd.ctl("rekey", check=False).returncode == 0, 60, "the end of the second one")
    wait_for(lambda: changes(certd) >= 2, 60, "the end of the last one")
    after = file.read_bytes()
    assert after != before and file.stat().st_mode & 0o777 == 0o400
    certd.restart()
    assert key_of(certd) == key and certd.call("audit.verify")["intact"]
    # The former key is of no use any more.
    certd.stop()
    file.chmod(0o600)
    file.write_bytes(before)
    with pytest.raises(AssertionError, match="another master key"):
        certd.start()
    file.write_bytes(after)
    certd.start()
    certd.ctl("renew", NAME, "--force")


def test_a_new_master_key_is_installed_by_the_operator(start, scratch):
    former = write(scratch / "former", base64.b64encode(os.urandom(32)).decode() + "\n")
    new = scratch / "new-key"
    subprocess.run("head -c 32 /dev/urandom | base64 | install -m 600 /dev/stdin new-key", shell=True, cwd=scratch,
                   check=True)
    certd = filled(start, f"master-key-file = {former}\n")
    key = key_of(certd)
    refused = certd.ctl("rekey", check=False)
    assert refused.returncode and "--master-key-file FILE" in refused.stderr
    certd.ctl("rekey", "--master-key-file", new)
    wait_for(lambda: "install the new one" in certd.ctl("status").stdout, 60, "what is left to do")
    assert not changes(certd)
    certd.restart()
    assert key_of(certd) == key, "until then the former one opens it"
    certd.stop()
    certd.config = certd.config.replace(str(former), str(new))
    certd.start()
    wait_for(lambda: changes(certd), 60, "the end of the change")
    assert key_of(certd) == key and "install the new one" not in certd.ctl("status").stdout
