"""What operators stumbled over: each is a word they typed or a message they could not act on."""
import os
import re
import shlex
import subprocess

import pytest
from certd import Certd, program
from pebble import Challtestsrv, Pebble
from procs import free_port, patient, run, wait_for
from tls import ThrowAwayCa


@pytest.fixture
def site(start):
    """certd with a provider and http-01."""
    port = free_port()
    pebble = start(Pebble, dns=start(Challtestsrv).dns, http_port=port)
    certd = start(Certd, config=f"http-listen = 127.0.0.1:{port}\n")
    certd.pebble = pebble
    certd.ctl("add-provider", "--name", "le", "--server", pebble.url, "--email", "a@b.c", "--agree-tos", "--ca-file",
              pebble.ca_file)
    return certd


def auto(certd, name, *options):
    certd.ctl("add-auto", "--provider", "le", "--cn", name, *options)


def test_a_u_label_names_the_object_that_was_declared_by_it(site):
    auto(site, "bücher.example.com", "--no-wait")
    assert site.ctl_json("show", "auto", "bücher.example.com")["properties"]["name"] == "xn--bcher-kva.example.com"
    assert site.ctl("explain", "BÜCHER.example.com.").returncode == 0
    site.ctl("rm", "auto", "bücher.example.com")


def test_words_of_other_programs_and_several_names(site):
    for name in ("a.example.com", "b.example.com"):
        site.ctl("add", "auto", "--prov", "le", "--cn", name, "--san", f"x.{name},y.{name}")
    before = {name: site.ctl_json("show", "auto", name)["metadata"]["lastIssuedCertificate"]
              for name in ("a.example.com", "b.example.com")}
    out = site.ctl("renew", "a.example.com", "missing.example.com", "b.example.com", check=False)
    assert out.returncode == 66 and "there is no auto-certificate 'missing.example.com'" in out.stderr
    for name, certificate in before.items():
        assert site.ctl_json("show", "auto", name)["metadata"]["lastIssuedCertificate"] != certificate
    site.ctl("delete", "auto", "a.example.com", "b.example.com")
    assert site.ctl_json("ls") == []


def test_rm_of_what_is_served_needs_force_and_an_admin(site, tmp_path):
    site.ctl("add-consumer", "--name", "nginx")
    auto(site, "www.example.com", "--consumer", "nginx")
    refused = site.ctl("rm", "auto", "www.example.com", check=False)
    assert refused.returncode == 73
    assert "consumer 'nginx' still has the files of 'www.example.com'" in refused.stderr
    assert "this needs --force" in site.ctl("rm", "auto", "www.example.com", "--dry-run").stdout
    empty = tmp_path / "empty.yaml"
    empty.write_text("autoCertificates: {}\n")
    pruned = site.ctl("apply", "-f", empty, "--prune", check=False)
    assert pruned.returncode and "still has" in pruned.stderr
    assert [a["properties"]["name"] for a in site.ctl_json("list")] == ["www.example.com"]
    command = refused.stderr.splitlines()[0].split("all the same: certctl ")[1]
    site.ctl(*shlex.split(command))
    assert site.ctl_json("list") == []


def test_reload_says_what_needs_a_restart(site):
    assert site.ctl("reload").stdout == "certd has read its configuration again\n"
    site.config += "workers = 3\nmax-auto-certificates = 7\n"
    site.command()  # writes it
    said = site.ctl("reload").stdout
    assert said == "certd has read its configuration again; restart it to apply the changes of workers\n"
    assert site.ctl_json("reload") == {"needsRestart": ["workers"]}
    site.config += "worker = 3\n"
    site.command()
    refused = site.ctl("reload", check=False)
    assert refused.returncode and "worker: unknown option" in refused.stderr


def test_cancel_ends_an_order(start):
    port = free_port()
    pebble = start(Pebble, dns=start(Challtestsrv).dns, http_port=port, is_slow=True)
    certd = start(Certd, config=f"http-listen = 127.0.0.1:{port}\n")
    certd.ctl("add-provider", "--name", "le", "--server", pebble.url, "--email", "a@b.c", "--agree-tos", "--ca-file",
              pebble.ca_file)
    waiting = subprocess.Popen([program("certctl"), "add-auto", "--provider", "le", "--cn", "www.example.com"],
                               env={**os.environ, "CERTD_SOCKET": str(certd.socket)}, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True)
    wait_for(lambda: certd.ctl_json("list") and "progress" in certd.ctl_json("show", "auto", "www.example.com")["metadata"],
             15)
    certd.ctl("cancel", "www.example.com")
    _, said = waiting.communicate(timeout=patient(20))
    assert waiting.returncode == 4 and "the order was cancelled by " in said
    shown = certd.ctl_json("show", "auto", "www.example.com")["metadata"]
    assert "progress" not in shown and shown["nextAction"] == "retry" and shown["lastError"]["code"] == "cancelled"
    again = certd.ctl("cancel", "www.example.com", check=False)
    assert again.returncode == 71 and "certctl pause www.example.com" in again.stderr


def test_users_are_shown_by_name_and_objects_with_their_kind(site):
    me = run(["id", "-un"]).stdout.strip()
    auto(site, "www.example.com")
    assert re.search(rf"^  created by +{me}$", site.ctl("show", "auto", "www.example.com").stdout, re.M)
    events = site.ctl("events").stdout
    assert f"auto www.example.com: created by {me}" in events and "provider le: created by" in events
    assert "uid:" not in events and "uid:" in site.ctl("events", "-o", "json").stdout


def test_show_cert_shows_the_newest_of_that_name_with_its_pem_indented(site):
    auto(site, "www.example.com", "--name", "web")
    site.ctl("renew", "web")
    newest = site.ctl_json("show", "auto", "web")["metadata"]["lastIssuedCertificate"]
    for name in ("web", "www.example.com"):
        assert site.ctl_json("show", "cert", name)["id"] == newest
    lines = site.ctl("show", "cert", "web").stdout.splitlines()
    assert "    -----BEGIN CERTIFICATE-----" in lines
    assert not any(line.startswith("-----") for line in lines)


def test_a_limit_says_so(site):
    auto(site, "www.example.com")
    out = site.ctl("set", "auto", "www.example.com", "--renew-before", "300d").stdout
    assert re.search(r"300d is too much of this certificate's lifetime: it is renewed \S+( \S+)? before it expires", out)
    assert "renewBefore is limited by the certificate's lifetime" in site.ctl("explain", "www.example.com").stdout


def test_declared_programs_exist_and_are_executable(site, scratch):
    plain = scratch / "hook"
    plain.write_text("#!/bin/sh\n")
    plain.chmod(0o644)
    for path, why in (("/nonexistent/hook", "No such file or directory"), (str(plain), "is not a program"),
                      ("/tmp", "is not a program")):
        for words in (["add-consumer", "--name", "x", "--activate", "exec"],
                      ["add-dns", "--name", "x", "--kind", "exec", "--zone", "example.com"]):
            refused = site.ctl(*words, "--command", path, check=False)
            assert refused.returncode == 65 and refused.stderr.startswith(f"certctl: --command: {path} ")
            assert why in refused.stderr
    plain.chmod(0o755)
    site.ctl("add-consumer", "--name", "x", "--activate", "exec", "--command", plain)


def test_explain_knows_every_kind(site):
    site.ctl("add-consumer", "--name", "nginx")
    site.ctl("add-dns", "--name", "hook", "--kind", "exec", "--command", "/bin/true", "--zone", "example.com")
    for name, words in (("le", "its account is https://"), ("nginx", "no certificate was deployed"),
                        ("hook", "certctl show dns hook")):
        out = site.ctl("explain", name).stdout
        assert out.startswith(f"{name}: AVAILABLE\n") and words in out
    assert site.ctl("explain", "provider", "le").returncode == 0
    missing = site.ctl("explain", "provider", "nginx", check=False)
    assert missing.returncode == 66 and "there is no provider 'nginx'" in missing.stderr


ADVICE = re.compile(r"certctl (?:'[^']*'|\\.|[^;()'\n\\])+")


def test_every_advised_command_can_be_run_as_printed(site, scratch):
    """Names with blanks and quotes, in the states that give advice."""
    name = "it's a shop"
    auto(site, "www.example.com", "--name", name)
    site.ctl("add-dns", "--name", "broken dns", "--kind", "exec", "--command", "/bin/false", "--zone", "example.org")
    site.ctl("add-auto", "--provider", "le", "--cn", "a.example.org", "--name", "failed one", "--challenge", "dns-01",
             check=False)
    site.ctl("pause", name)
    newest = site.ctl_json("show", "auto", name)["metadata"]["lastIssuedCertificate"]
    texts = [site.ctl(*words, check=False) for words in (
        ["explain", name], ["explain", "failed one"], ["explain", "le"], ["explain", "broken dns"], ["status"],
        ["export", "failed one"], ["rm", "cert", newest], ["renew", "failed one", "--timeout", "9s"],
        ["add-auto", "--provider", "le", "--cn", "x.example.net", "--challenge", "dns-01"],
        ["cancel", name], ["rm", "auto", "x y"], ["frobnicate"])]
    for text in texts:  # nothing is said twice
        assert not re.search(r"(\b[\w.:' -]+): \1: |(\S+:\d+) \2", text.stdout + text.stderr), text
    commands = {match for text in texts for match in ADVICE.findall(text.stdout + text.stderr)}
    assert len(commands) >= 8, commands
    for command in sorted(commands, key=lambda text: "rm " in text):
        words = shlex.split(command.rstrip("?. "))[1:]
        result = site.ctl(*words, check=False)
        assert result.returncode != 64, (command, result.stderr)
        assert "there is no " not in result.stderr, (command, result.stderr)


@pytest.fixture
def ways(site, scratch):
    """All ways to take served files from a consumer: {words for certctl: names of the files that they remove}."""
    for name in ("nginx", "other", "spare"):
        site.ctl("add-consumer", "--name", name)
    (scratch / "tls").mkdir()
    site.ctl("add-consumer", "--name", "mail", "--directory", scratch / "tls")
    auto(site, "www.example.com", "--consumer", "nginx,other")
    auto(site, "mail.example.com", "--consumer", "mail")
    ca = ThrowAwayCa(scratch / "ca")
    for name in ("shop", "store"):
        cert, key = ca.issue(f"{name}.example.com")
        site.ctl("import", "--name", name, "--cert", cert, "--chain", ca.cert_file, "--key", key, "--consumer", "nginx")
    cert, key = ca.issue("shop.example.com")
    site.declared = scratch / "site.yaml"
    site.declared.write_text("autoCertificates:\n  www.example.com:\n    provider: le\n    commonName: "
                             "www.example.com\n    consumers: [spare]\n")
    return [
        ("rm", "auto", "www.example.com"), ("set", "auto", "www.example.com", "--consumer", ""),
        ("set", "auto", "www.example.com", "--unset", "consumer"),
        ("set", "auto", "www.example.com", "--consumer", "nginx,spare"), ("apply", "-f", site.declared),
        ("apply", "-f", site.declared, "--prune"), ("set", "cert", "shop", "--consumer", "other"),
        ("import", "--replace", "shop", "--cert", cert, "--chain", ca.cert_file, "--key", key, "--consumer", "other"),
        ("add-auto", "--provider", "le", "--name", "store", "--cn", "store.example.com", "--consumer", "other"),
        ("set", "consumer", "mail", "--directory", scratch / "moved"), ("set", "consumer", "mail", "--directory", ""),
    ]


def files_of(site, scratch):
    return sorted(str(path) for directory in (site.state / "live", scratch / "tls") for path in directory.rglob("*"))


def test_no_way_takes_files_from_a_consumer_without_force(site, ways, scratch):
    before = files_of(site, scratch), site.ctl("dump").stdout
    assert str(scratch / "tls/privkey.pem") in before[0]
    for way in ways:
        refused = site.ctl(*way, check=False)
        assert refused.returncode in (65, 73) and "still has the files of" in refused.stderr, (way, refused)
        assert "--force" in refused.stderr
        assert (files_of(site, scratch), site.ctl("dump").stdout) == before, way
    # What takes nothing away needs nothing: more consumers, another order of them, the same directory.
    site.ctl("set", "auto", "www.example.com", "--consumer", "other,spare,nginx")
    site.ctl("set", "consumer", "mail", "--directory", scratch / "tls", "--probe", "127.0.0.1:1")
    for way in ways:
        if way[0] == "set":
            site.ctl(*way, "--force")
    wait_for(lambda: not (scratch / "tls/privkey.pem").exists(), 20, "the consumer's former directory to be cleared")


OPERATOR = 65534


def open_to_operators(certd):
    for path in (certd.directory, certd.runtime):
        path.chmod(0o711)
    os.chown(certd.socket, -1, OPERATOR)


def test_operators_do_not_remove_what_is_served_unless_they_are_allowed(start, scratch):
    port = free_port()
    pebble = start(Pebble, dns=start(Challtestsrv).dns, http_port=port)
    config = f"http-listen = 127.0.0.1:{port}\noperator-groups = {OPERATOR}\n"
    certd = start(Certd, config=config)
    certd.ctl("add-provider", "--name", "le", "--server", pebble.url, "--email", "a@b.c", "--agree-tos", "--ca-file",
              pebble.ca_file)
    certd.ctl("add-consumer", "--name", "nginx")
    certd.ctl("add-consumer", "--name", "new")
    auto(certd, "www.example.com", "--consumer", "nginx")
    auto(certd, "idle.example.com")
    ca = ThrowAwayCa(scratch / "ca")
    pair = [word for option, file in zip(("--cert", "--key"), ca.issue("shop.example.com")) for word in (option, file)]
    pair += ["--chain", ca.cert_file]
    certd.ctl("import", "--name", "shop", *pair, "--consumer", "nginx")
    open_to_operators(certd)
    certd.ctl("rm", "auto", "idle.example.com", user=OPERATOR)
    for way in (["rm", "auto", "www.example.com"], ["set", "auto", "www.example.com", "--consumer", ""],
                ["set", "auto", "www.example.com", "--consumer", "new"], ["set", "cert", "shop", "--consumer", ""],
                ["add-auto", "--provider", "le", "--name", "shop", "--cn", "shop.example.com", "--consumer", "new"]):
        for force in ([], ["--force"]):
            refused = certd.ctl(*way, *force, user=OPERATOR, check=False)
            assert refused.returncode == 77 and "needs the role admin" in refused.stderr, (way, refused)
            assert "(see admin-groups in certd.conf)" in refused.stderr
    certd.stop()
    certd.config += "operators-may-remove-used = yes\n"
    certd.start()
    open_to_operators(certd)
    assert certd.ctl("rm", "auto", "www.example.com", user=OPERATOR, check=False).returncode == 73
    certd.ctl("rm", "auto", "www.example.com", "--force", user=OPERATOR)
