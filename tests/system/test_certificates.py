"""Certificates that certd did not issue: imported, deployed, monitored, replaced, exported, and passed to programs."""
import json
import os
import pty
import re
import socket
from pathlib import Path

import pytest
from certd import Certd, program
from ionos_client import UnixConnection
from pebble import Challtestsrv, Pebble
from procs import free_port, patient, run, wait_for
from rpc import RpcError
from tls import ThrowAwayCa, parse_certificate, split_pem, tls_leaf
from webservers import Nginx

NAME = "shop.example.com"


@pytest.fixture
def certd(start):
    return start(Certd)


@pytest.fixture
def ca(scratch):
    return ThrowAwayCa(scratch / "ca")


def password_file(scratch, word):
    path = scratch / f"password-{word}"
    path.write_text(word + "\n")
    path.chmod(0o600)
    return path


def import_pem(certd, ca, *options, names=(NAME,), days=300, **keywords):
    cert, key = ca.issue(*names, days=days)
    return certd.ctl("import", "--cert", cert, "--chain", ca.cert_file, "--key", key, *options, **keywords)


def test_an_imported_certificate_is_deployed_served_replaced_and_deleted(certd, ca, start):
    import_pem(certd, ca, "--name", "shop", "--label", "team=web")
    bundle = certd.drop("shop") / "bundle.pem"
    first = parse_certificate(certd.drop("shop") / "cert.pem")
    assert first.names == [NAME]
    assert len(split_pem(bundle.read_text())) == 2 and "PRIVATE KEY" in bundle.read_text()
    assert (certd.state / "pem/shop.pem").read_text() == bundle.read_text()
    nginx = start(Nginx, bundles={NAME: bundle})
    certd.ctl("add-consumer", "--name", "web", "--probe", f"127.0.0.1:{nginx.tls_port}")
    certd.ctl("set", "cert", "shop", "--consumer", "web")
    wait_for(lambda: certd.call("certificate.get", ref="shop")["metadata"].get("served") == "served", 20)
    refused = certd.ctl("rm", "cert", "shop", check=False)
    assert refused.returncode and "'web'" in refused.stderr and "--replace" in refused.stderr
    assert "in use" in certd.ctl("rm", "consumer", "web", check=False).stderr

    assert "serves the newest" in certd.ctl("probe", "web").stdout
    assert "files written" in certd.ctl("deploy", "web").stdout
    import_pem(certd, ca, "--replace", "shop", days=200)
    nginx.reload()
    second = tls_leaf("127.0.0.1", nginx.tls_port, NAME)
    assert second.serial != first.serial
    assert second.fingerprint == parse_certificate(certd.drop("shop") / "cert.pem").fingerprint
    assert json.loads((certd.drop("shop") / "manifest.json").read_text())["generation"] == 4
    wait_for(lambda: certd.call("certificate.get", ref="shop")["metadata"].get("served") == "served", 20)
    assert certd.call("certificate.get", ref="shop")["properties"]["labels"] == ["team=web"]
    items = certd.call("certificate.list")["items"]
    old = next(item for item in items if item["properties"]["name"] != "shop")
    assert re.fullmatch(r"shop 20\d\d-.*Z", old["properties"]["name"]) and "served" not in old["metadata"]
    again = certd.ctl("import", "--replace", old["id"], "--cert", certd.drop("shop") / "bundle.pem", check=False)
    assert "replaced already" in again.stderr

    # One row each to purge both, and to warn of the one that is in use.
    kinds = sorted(row["kind"] for row in certd.call("schedule.list")["items"]
                   if row["kind"] not in ("check", "probe"))
    assert kinds == ["expiry", "purge", "purge"]
    certd.stop()
    bundle.unlink()
    certd.start()
    wait_for(bundle.exists, 10)
    certd.ctl("rm", "cert", old["id"])
    certd.ctl("set", "cert", "shop", "--consumer", "", "--force")
    certd.ctl("rm", "cert", "shop")
    wait_for(lambda: not bundle.exists() and not (certd.state / "pem/shop.pem").exists(), 10)
    # A start with certificates plans a look for the revocation lists that they name.
    wait_for(lambda: {row["kind"] for row in certd.call("schedule.list")["items"]} <= {"revocation"}, 10)


def openssl(*arguments, data=None):
    return run(["openssl", *arguments], input=data).stdout


def test_a_replacement_for_other_consumers_leaves_no_key_with_the_former_ones(certd, ca, scratch):
    for name in ("front", "back"):
        (scratch / name).mkdir()
        certd.ctl("add-consumer", "--name", name, "--directory", scratch / name)
    import_pem(certd, ca, "--name", "shop", "--consumer", "front", "--consumer", "back")
    import_pem(certd, ca, "--replace", "shop", "--consumer", "back", "--force")
    wait_for(lambda: not (scratch / "front/privkey.pem").exists(), 20)
    assert (scratch / "back/privkey.pem").exists()


def test_every_format_is_what_openssl_makes_of_it_and_keys_are_on_record(certd, ca, scratch):
    import_pem(certd, ca, "--name", "shop")
    drop, password = certd.drop("shop"), password_file(scratch, "secret")
    leaf, key = (drop / "cert.pem").read_text(), (drop / "privkey.pem").read_text()
    assert certd.ctl("export", "shop").stdout == (drop / "fullchain.pem").read_text()
    assert certd.ctl("export", "shop", "--key").stdout == key
    assert certd.ctl("export", "shop", "--format", "bundle").stdout == (drop / "bundle.pem").read_text()
    out = scratch / "out"
    for options, command in ((["der"], ["x509", "-inform", "DER"]), (["der", "--key"], ["pkey", "-inform", "DER"])):
        certd.ctl("export", "shop", "--out", out, "--format", *options)
        assert out.stat().st_mode & 0o777 == 0o600
        assert openssl(*command, "-in", str(out)) == (key if "--key" in options else leaf)
    certd.ctl("export", "shop", "--format", "pkcs12", "--key", "--password-file", password, "--out", out)
    opened = openssl("pkcs12", "-in", str(out), "-passin", f"file:{password}", "-nodes")
    assert split_pem(opened) == split_pem((drop / "fullchain.pem").read_text()) and key in opened
    refused = certd.ctl("export", "shop", "--key", "--password-file", password, check=False)
    assert refused.returncode and "--password-file: is only valid for pkcs12" in refused.stderr
    events = [e["data"] for e in certd.call("event.list")["items"] if e["kind"] == "certificate.exported"]
    assert [e["format"] for e in events] == ["pem", "bundle", "der", "pkcs12"]
    assert {e["by"] for e in events} == {f"uid:{os.getuid()}"}
    audit = [r for r in certd.ctl_json("audit") if r["method"] == "certificate.export"]
    assert len(audit) == 4 and audit[0]["object"]["name"] == "shop"
    assert not list(scratch.glob("out.*"))


def test_the_descriptor_is_looked_at_before_anything_is_written(certd, ca, scratch):
    import_pem(certd, ca, "--name", "shop")
    read_only = os.open(scratch / "file", os.O_RDONLY | os.O_CREAT)
    zero = os.open("/dev/zero", os.O_WRONLY)
    own_memory = os.open("/proc/self/mem", os.O_RDWR)
    reader, pipe = os.pipe()
    with certd.rpc() as rpc:
        for fds, why in (((), "SCM_RIGHTS"), ((read_only,), "not open for writing"), ((zero,), "must be a memfd"), ((pipe,), "must be a memfd"),
                         ((own_memory,), "must be a memfd")):
            with pytest.raises(RpcError, match=why):
                rpc.call("certificate.export", fds=fds, ref="shop")
        # The descriptor belongs only to the frame with which it was sent.
        memory = os.memfd_create("export")
        rpc.send({"jsonrpc": "2.0", "id": 98, "method": "server.status"}, [zero])
        rpc.send({"jsonrpc": "2.0", "id": 99, "method": "certificate.export", "params": {"ref": "shop"}}, [memory])
        rpc.send({"jsonrpc": "2.0", "id": 100, "method": "certificate.export", "params": {"ref": "shop"}})
        answers = {answer["id"]: answer for answer in (rpc.read() for _ in range(3))}
        with os.fdopen(memory) as file:
            file.seek(0)
            assert file.read() == (certd.drop("shop") / "fullchain.pem").read_text()
        assert answers[99]["result"]["octets"] > 500 and "SCM_RIGHTS" in answers[100]["error"]["message"]
    before = len(certd.descriptors())
    with certd.rpc() as rpc:
        for _ in range(20):
            rpc.send({"jsonrpc": "2.0", "id": 1, "method": "server.status"}, [zero, read_only])
            rpc.read()
    wait_for(lambda: len(certd.descriptors()) <= before, 10, "descriptors that nobody asked for to be closed")
    for fd in (read_only, zero, own_memory, reader, pipe):
        os.close(fd)


def test_a_key_is_for_admins(start, ca, scratch):
    certd = start(Certd, config="operator-groups = 65534\n")
    import_pem(certd, ca, "--name", "shop")
    for path in (certd.directory, certd.runtime):
        path.chmod(0o711)
    os.chown(certd.socket, -1, 65534)
    exported = certd.ctl("export", "shop", user=65534)
    assert exported.stdout == (certd.drop("shop") / "fullchain.pem").read_text(), exported
    for words in (("export", "shop", "--key"), ("export", "shop", "--format", "bundle"), ("env", "shop")):
        refused = certd.ctl(*words, user=65534, check=False)
        assert refused.returncode and "needs the role admin" in refused.stderr and not refused.stdout, refused
    denied = [r for r in certd.ctl_json("audit") if r["outcome"] == "refused"]
    assert denied and denied[0]["method"] == "certificate.export"


def test_programs_get_the_variables_that_kontena_gave_them(certd, ca):
    import_pem(certd, ca, "--name", "shop")
    drop = certd.drop("shop")
    values = {"PRIVATE_KEY": (drop / "privkey.pem").read_text(), "CERTIFICATE": (drop / "fullchain.pem").read_text()}
    values["BUNDLE"] = values["CERTIFICATE"] + values["PRIVATE_KEY"]
    program = "import json, os; print(json.dumps({k: v for k, v in os.environ.items() if 'LE_CERT' in k}))"
    given = json.loads(certd.ctl("exec", "shop", "--", "python3", "-c", program).stdout)
    assert given == {f"LE_CERTIFICATE_{name}_{what}": value for what, value in values.items()
                     for name in ("shop_example_com", "shop_example.com")}
    assert "shop" in certd.ctl("complete", "env", "").stdout
    script = certd.ctl("env", "shop").stdout
    for what, value in values.items():
        shown = run(["sh", "-c", f'eval "$0"; printf "%s" "$LE_CERTIFICATE_shop_example_com_{what}"', script])
        assert shown.stdout.strip() == value.strip()
    failed = certd.ctl("exec", "shop", "--", "/nonexistent/program", check=False)
    assert failed.returncode and "/nonexistent/program" in failed.stderr


def test_pkcs12_and_encrypted_keys_open_with_their_password_only(certd, ca, scratch):
    cert, key = ca.issue(NAME, days=300)
    right, wrong = password_file(scratch, "right"), password_file(scratch, "wrong")
    p12, sealed = scratch / "shop.p12", scratch / "sealed.key"
    openssl("pkcs12", "-export", "-in", str(cert), "-inkey", str(key), "-certfile", str(ca.cert_file), "-out", str(p12),
            "-passout", f"file:{right}")
    openssl("pkcs8", "-topk8", "-in", str(key), "-out", str(sealed), "-passout", f"file:{right}")
    p12.chmod(0o600)
    sealed.chmod(0o600)
    pieces = ["--cert", cert, "--chain", ca.cert_file, "--key", sealed]
    for options in (["--pkcs12", p12], pieces):
        refused = certd.ctl("import", *options, "--password-file", wrong, check=False)
        assert refused.returncode and "password" in refused.stderr, refused
    assert certd.call("certificate.list")["total"] == 0
    certd.ctl("import", "--name", "a", "--pkcs12", p12, "--password-file", right)
    certd.ctl("import", "--name", "b", "--password-file", right, *pieces)
    drops = [certd.drop(name) / "bundle.pem" for name in "ab"]
    assert drops[0].read_text() == drops[1].read_text()
    for secret in (b"right", key.read_bytes()[:200].split(b"\n")[1]):
        for path in certd.directory.rglob("*"):
            if path.is_file() and "live" not in path.parts and "pem" not in path.parts:
                assert secret not in path.read_bytes(), f"{path} has a secret in it"


def test_imports_that_come_at_once_have_names_of_their_own_and_survive_a_kill(certd, ca, scratch):
    cert, key = ca.issue(NAME, days=300)
    properties = {"certificate": cert.read_text(), "certificateChain": ca.cert_file.read_text(),
                  "privateKey": key.read_text()}
    with certd.rpc() as rpc:
        names = [rpc.call("certificate.create", properties=properties)["properties"]["name"] for _ in range(3)]
        assert len(set(names)) == 3 and all(name.startswith(NAME) for name in names)
        for _ in range(3):
            rpc.call("certificate.create", properties=properties, replace=names[0])
        with pytest.raises(RpcError, match="'replace'"):
            rpc.call("certificate.create", properties={**properties, "name": names[0]})
    certd.kill9()
    certd.start()
    listed = {item["properties"]["name"]: item for item in certd.call("certificate.list")["items"]}
    assert len(listed) == 6 and "dropDirectory" in listed[names[0]]["metadata"]
    deployed = [item for item in listed.values() if "dropDirectory" in item["metadata"]]
    assert len(deployed) == 3
    for item in deployed:
        manifest = Path(item["metadata"]["dropDirectory"]) / "manifest.json"
        wait_for(lambda: manifest.exists() and item["id"] in manifest.read_text(), 10)


def test_more_secrets_than_there_is_room_for_are_refused(certd, ca, scratch):
    cert, key = ca.issue(NAME, days=300)
    slow = openssl("pkcs8", "-topk8", "-in", key, "-iter", "1000000", "-passout", "pass:word")
    properties = {"certificate": cert.read_text(), "certificateChain": ca.cert_file.read_text(),
                  "privateKey": slow.ljust(60_000)}
    with certd.rpc() as rpc:
        for number in range(40):
            rpc.send({"jsonrpc": "2.0", "id": number, "method": "certificate.create",
                      "params": {"properties": {**properties, "name": f"n{number}"}, "password": "word"}})
        answers = [rpc.read() for _ in range(40)]
    refused = [answer["error"]["message"] for answer in answers if "error" in answer]
    assert 20 <= len(refused) < 40 and set(refused) == {"too many imports and exports are running; try again"}
    import_pem(certd, ca, "--name", "later")


def test_a_password_is_asked_for_without_an_echo(certd, ca, scratch):
    cert, key = ca.issue(NAME, days=300)
    sealed = scratch / "sealed.key"
    openssl("pkcs8", "-topk8", "-in", str(key), "-out", str(sealed), "-passout", "pass:hush-hush")
    sealed.chmod(0o600)
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ["CERTD_SOCKET"] = str(certd.socket)
        os.execv(program("certctl"), ["certctl", "import", "--name", "shop", "--cert", str(cert), "--chain",
                                      str(ca.cert_file), "--key", str(sealed)])
    shown = b""
    while b"Password of" not in shown:
        shown += os.read(terminal, 4096)
    os.write(terminal, b"hush-hush\n")
    try:
        while chunk := os.read(terminal, 4096):
            shown += chunk
    except OSError:  # the other side is gone
        pass
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0, shown
    os.close(terminal)
    assert b"'shop' is imported" in shown and b"hush" not in shown
    assert (certd.drop("shop") / "privkey.pem").exists()


CLOUD66 = ["uuid", "name", "server_group_id", "server_names", "sha256_fingerprint", "ca_name", "type", "wildcard",
           "dns_provider_uuid", "ssl_termination", "has_intermediate_cert", "status", "created_at", "updated_at",
           "expires_at", "certificate", "key", "intermediate_certificate"]


def test_cloud66_gets_its_own_object(certd, ca):
    certd.ctl("add-consumer", "--name", "nginx")
    import_pem(certd, ca, "--name", "shop", "--consumer", "nginx", names=(NAME, "*.example.com"))
    shown = json.loads(certd.ctl("show", "cert", "shop", "-o", "cloud66").stdout)
    assert list(shown) == CLOUD66
    leaf = parse_certificate(certd.drop("shop") / "cert.pem")
    assert shown["sha256_fingerprint"].replace(":", "").lower() == leaf.fingerprint
    assert shown["server_names"] == f"{NAME},*.example.com" and shown["wildcard"] is True
    assert (shown["type"], shown["ca_name"], shown["status"]) == ("manual", None, "active")
    assert shown["ssl_termination"] == "nginx" and shown["server_group_id"] > 0
    assert shown["has_intermediate_cert"] is True
    assert shown["expires_at"] == leaf.not_after.strftime("%Y-%m-%dT%H:%M:%SZ")
    assert shown["certificate"] is shown["key"] is shown["intermediate_certificate"] is None
    rest = UnixConnection(certd.runtime / "rest.sock")
    rest.request("GET", f"/certificates/{shown['uuid']}?view=cloud66")
    assert json.loads(rest.getresponse().read()) == shown
    rest.close()
    refused = certd.ctl("show", "consumer", "nginx", "-o", "cloud66", check=False)
    assert refused.returncode == 64 and "show cert" in refused.stderr


def test_the_operator_is_warned_of_what_certd_cannot_renew(start, ca, scratch):
    manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    manager.bind(str(scratch / "notify"))
    manager.settimeout(patient(20))
    certd = start(Certd, environment={"NOTIFY_SOCKET": str(scratch / "notify")})
    import_pem(certd, ca, "--name", "shop", days=5)
    wait_for(lambda: "certificate.expiring" in [e["kind"] for e in certd.call("event.list")["items"]], 10)
    while b", 1 expiring" not in manager.recv(65536):
        pass
    manager.close()
    row = next(row for row in certd.call("schedule.list")["items"] if row["kind"] == "expiry")
    assert row["object"]["name"] == "shop"
    import_pem(certd, ca, "--replace", "shop", "--allow-expired", days=0)
    condition = certd.call("server.status")["conditions"][0]
    assert condition["condition"] == "expired" and condition["severity"] == "critical"
    assert condition["object"]["name"] == "shop" and "--replace" in condition["message"]
    checked = certd.ctl("status", "--check", check=False)
    assert checked.returncode == 2 and checked.stdout.startswith("CRITICAL: cert shop, certificate has expired: ")
    import_pem(certd, ca, "--replace", "shop", days=300)
    assert "conditions" not in certd.call("server.status")
    assert " | conditions=0;0;;0 total=0;;;0 " in certd.ctl("status", "--check", check=False).stdout


def test_grace_ends_for_what_was_replaced_and_never_for_what_is_deployed(start, ca):
    certd = start(Certd, config="purge-after = 1h\n")
    refused = import_pem(certd, ca, "--name", "shop", days=-1, check=False)
    assert refused.returncode and "expired on" in refused.stderr
    import_pem(certd, ca, "--name", "shop", "--allow-expired", days=-1)

    def kinds():
        return [event["kind"] for event in certd.call("event.list")["items"]]

    wait_for(lambda: "certificate.expired" in kinds(), 10)
    assert certd.call("certificate.get", ref="shop")["metadata"]["status"] == "expired"
    now = certd.call("certificate.get", ref="shop")["metadata"]["createdDate"]
    # Its grace period is over, but it is deployed: checked again on another day.
    wait_for(lambda: all(row["date"] > now for row in certd.call("schedule.list")["items"]), 10)
    assert sorted(row["kind"] for row in certd.call("schedule.list")["items"] if row["kind"] != "check") == [
        "expiry", "purge"]
    assert (certd.drop("shop") / "bundle.pem").exists()
    import_pem(certd, ca, "--replace", "shop")
    wait_for(lambda: "certificate.purged" in kinds(), 10)
    assert [item["properties"]["name"] for item in certd.call("certificate.list")["items"]] == ["shop"]


def test_what_was_issued_is_kept_while_it_is_needed_and_goes_with_its_auto_certificate(start):
    port = free_port()
    dns = start(Challtestsrv)
    pebble = start(Pebble, dns=dns.dns, http_port=port, validity=3600)
    certd = start(Certd, config=f"http-listen = 127.0.0.1:{port}\n")
    certd.ctl("add-provider", "--name", "le", "--server", pebble.url, "--ca-file", pebble.ca_file,
              "--email", "ops@example.com", "--agree-tos")
    certd.ctl("add-auto", "--provider", "le", "--cn", "www.example.com")
    assert "in use by auto-certificate 'www.example.com'" in certd.ctl("rm", "provider", "le", check=False).stderr
    newest = certd.call("certificate.list")["items"][0]
    refused = certd.ctl("rm", "cert", newest["id"], check=False)
    assert refused.returncode and "certctl renew www.example.com;" in refused.stderr
    refused = certd.ctl("set", "cert", newest["id"], "--consumer", "", check=False)
    assert refused.returncode and "its auto-certificate" in refused.stderr
    exported = certd.ctl("export", "www.example.com").stdout
    assert exported == (certd.drop("www.example.com") / "fullchain.pem").read_text()
    cloud66 = certd.call("certificate.get", ref=newest["id"], view="cloud66")
    assert (cloud66["type"], cloud66["server_group_id"]) == ("lets_encrypt", None) and cloud66["ca_name"]
    certd.ctl("renew", "www.example.com")
    certd.ctl("rm", "cert", newest["id"])
    certd.ctl("renew", "www.example.com")
    assert certd.call("certificate.list")["total"] == 2
    certd.ctl("rm", "auto", "www.example.com", "--with-certificates", "--dry-run")
    assert certd.call("certificate.list")["total"] == 2
    certd.ctl("rm", "auto", "www.example.com", "--with-certificates")
    assert certd.call("certificate.list")["total"] == 0
    wait_for(lambda: certd.call("schedule.list")["items"] == [], 10, "its files to be withdrawn")
