"""certctl against a real certd, CA and DNS server, as an operator types it."""
import json
import os
import pty
import re
import select
import signal
import subprocess
import time

import pytest
from certd import Certd, program
from dnsservers import Knot
from pebble import Challtestsrv, Pebble
from procs import free_port, patient, run, wait_for


@pytest.fixture
def site(start):
    """certd with a provider and a DNS provider, all declared by certctl."""
    knot = start(Knot)
    pebble = start(Pebble, dns=knot.dns, nonce_reject=30, validity=3600)
    certd = start(Certd)
    out = certd.ctl("add-provider", "--name", "le", "--server", pebble.url, "--email", "ops@example.com", "--agree-tos",
                    "--ca-file", pebble.ca_file).stdout
    assert re.fullmatch(r"provider 'le' is registered: https://\S+\n", out)
    certd.ctl("add-dns", "--name", "ns1", "--kind", "rfc2136", "--server", knot.dns, "--tsig-key-file", knot.key_file,
              "--zone", "example.com")
    return certd


def shell(certd, line, directory, name="bash", **options):
    """One line as a shell takes it, in @directory."""
    environment = {**os.environ, "CERTD_SOCKET": str(certd.socket),
                   "PATH": f"{program('certctl').parent}:{os.environ['PATH']}"}
    return run([name, "-c", line], check=False, cwd=directory, env=environment, **options)


def test_the_one_line_of_the_manual_works(site, tmp_path):
    result = shell(site, "certctl add-auto --provider le --cn *.example.com", tmp_path)
    assert result.returncode == 0, result.stderr
    assert re.match(r"auto '\*\.example\.com' has a certificate until \S+ \(in [^)]+\); files in \S+\n", result.stdout)
    steps = result.stderr.splitlines()
    assert steps and all(a != b for a, b in zip(steps, steps[1:]))
    assert (site.drop("*.example.com") / "bundle.pem").exists()


def test_what_the_shell_expanded_is_refused(site, tmp_path):
    for names in (["_.example.com"], ["a.example.com", "b.example.com"]):
        for name in names:
            (tmp_path / name).touch()
        result = shell(site, "certctl add-auto --provider le --cn *.example.com", tmp_path)
        assert result.returncode == 64
        assert "did the shell expand *? Write '*.example.com' in quotes" in result.stderr
        for name in names:
            (tmp_path / name).unlink()
    assert site.ctl_json("list", "auto") == []


def test_an_operators_day(site):
    site.ctl("add-consumer", "--name", "web", "--probe", f"127.0.0.1:{free_port()},www.example.com")
    site.ctl("add-auto", "--provider", "le", "--cn", "www.example.com", "--san", "example.com", "--consumer", "web")
    first = site.ctl_json("show", "auto", "www.example.com")["metadata"]["lastIssuedCertificate"]
    site.ctl("renew", "www.example.com")
    assert site.ctl_json("show", "auto", "www.example.com")["metadata"]["lastIssuedCertificate"] != first
    assert len(site.ctl_json("list", "certs", "--auto", "www.example.com")) == 2
    table = site.ctl("list").stdout.splitlines()
    assert re.match(r"NAME +COMMON NAME +PROVIDER +STATE +EXPIRES", table[0])
    assert re.match(r"www\.example\.com +www\.example\.com +le +AVAILABLE +in ", table[1])
    assert "1: 1 available" in site.ctl("status").stdout
    assert "issue" in site.ctl("schedule").stdout
    assert site.ctl("explain", "www.example.com").stdout.startswith("www.example.com: renew at ")
    assert "issue.done" in site.ctl("events", "auto", "www.example.com").stdout
    assert site.ctl("deploy", "web").stdout.startswith("www.example.com: files written to")
    probe = site.ctl("probe", "web", check=False)
    assert probe.returncode == 68 and "www.example.com: 127.0.0.1:" in probe.stdout
    site.ctl("pause", "www.example.com")
    assert "paused" in site.ctl("explain", "www.example.com").stdout
    site.ctl("resume", "www.example.com")
    explained = site.ctl("explain", "www.example.com").stdout.split("what certd decided, newest first\n")
    assert "paused" not in explained[0] and re.search(r"Z paused: nothing is renewed", explained[1])
    assert re.search(r"Z (share-of-life|renew-before): a certificate was issued; renewal at 2", explained[1])
    assert re.search(r"Z first: an order starts now", explained[1])
    site.ctl("set", "auto", "www.example.com", "--renew-before", "10m")
    keyvalue = site.ctl("-o", "keyvalue", "show", "auto", "www.example.com").stdout
    assert "properties.renewBefore=600\n" in keyvalue
    refused = site.ctl("rm", "provider", "le", check=False)
    assert refused.returncode == 73 and "www.example.com" in refused.stderr
    site.ctl("rm", "auto", "www.example.com", "--force")
    assert not site.drop("www.example.com").joinpath("bundle.pem").exists() or wait_for(
        lambda: not site.drop("www.example.com").joinpath("bundle.pem").exists(), 5)


@pytest.mark.parametrize("words, status, says", [
    (["show", "auto", "ww.example.com"], 66, "certctl: there is no "),
    (["add-auto", "--provider", "lee", "--cn", "x.example.com"], 65, "certctl: --provider: there is no provider 'lee'"),
    (["add-auto", "--provider", "le", "--cn", "-x.example.com"], 65, "certctl: --cn: "),
    (["add-auto", "--provider", "le", "--cn", "x.example.com", "--san", "a..b"], 65, "certctl: --san: "),
    (["add-auto", "--provider", "le", "--cn", "x.example.org", "--challenge", "dns-01"], 65, "certctl: --"),
    (["add-provider", "--name", "x", "--server", "letsencrpt", "--email", "a@b.c"], 65, "did you mean 'letsencrypt'?"),
    (["list", "autoo"], 64, "did you mean 'auto'?"),
])
def test_errors_name_the_option_and_have_a_status(site, words, status, says):
    result = site.ctl(*words, check=False)
    assert result.returncode == status
    assert says in result.stderr
    assert result.stdout == ""


def test_a_provider_that_fails_stays_declared_and_says_what_to_do(start):
    pebble = start(Pebble, dns=start(Challtestsrv).dns)
    certd = start(Certd)
    result = certd.ctl("add-provider", "--name", "le", "--server", pebble.url, "--email", "a@b.c", "--agree-tos",
                       check=False)
    assert result.returncode == 68
    assert "set the CA's root with --ca-file" in result.stderr
    assert result.stderr.endswith("certd keeps retrying; see: certctl explain provider le\n")
    certd.ctl("set", "provider", "le", "--ca-file", pebble.ca_file)
    wait_for(lambda: certd.ctl_json("show", "provider", "le")["metadata"]["state"] == "AVAILABLE", 15)


def test_what_a_provider_is_registered_with_can_be_mended(start):
    pebble = start(Pebble, dns=start(Challtestsrv).dns)
    certd = start(Certd)
    result = certd.ctl("add-provider", "--name", "le", "--server", pebble.url, "--email", "a@b.c", "--ca-file",
                       pebble.ca_file, check=False)
    assert result.returncode == 65 and result.stderr.startswith("certctl: --agree-tos: ")
    certd.ctl("set", "provider", "le", "--agree-tos")
    wait_for(lambda: certd.ctl_json("show", "provider", "le")["metadata"]["state"] == "AVAILABLE", 15)
    certd.ctl("set", "provider", "le", "--email", "x@y.z")
    wait_for(lambda: certd.ctl_json("show", "provider", "le")["metadata"]["state"] == "AVAILABLE", 15)
    assert certd.ctl_json("show", "provider", "le")["properties"]["email"] == "x@y.z"


def on_terminal(certd, words, until, seconds=20):
    """Runs certctl with a terminal as standard error until that has shown @until. Returns (process, output)."""
    master, slave = pty.openpty()
    process = subprocess.Popen([str(program("certctl")), *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=slave, env={**os.environ, "CERTD_SOCKET": str(certd.socket)})
    os.close(slave)
    shown = b""
    deadline = time.monotonic() + patient(seconds)
    while until not in shown and time.monotonic() < deadline:
        if select.select([master], [], [], 0.2)[0]:
            try:
                shown += os.read(master, 4096)
            except OSError:  # the other end is closed
                break
    return process, master, shown


def test_progress_on_a_terminal_is_one_live_line_and_an_interrupt_gives_up_only_the_wait(start):
    port = free_port()
    pebble = start(Pebble, dns=start(Challtestsrv).dns, http_port=port, is_slow=True)
    certd = start(Certd, config=f"http-listen = 127.0.0.1:{port}\n")
    certd.ctl("add-provider", "--name", "le", "--server", pebble.url, "--email", "a@b.c", "--agree-tos", "--ca-file",
              pebble.ca_file)
    process, master, shown = on_terminal(
        certd, ["add-auto", "--provider", "le", "--cn", "www.example.com"], b"] ")
    process.send_signal(signal.SIGINT)
    process.wait(patient(10))
    try:
        shown += os.read(master, 4096)
    except OSError:
        pass
    os.close(master)
    assert b"\r\x1b[K[" in shown
    assert b"interrupted; certd continues" in shown
    assert process.returncode == 4
    assert certd.ctl_json("show", "auto", "www.example.com")["id"]
    process.stdout.close()


def test_events_are_followed_and_end_with_the_daemon(site):
    process = subprocess.Popen([str(program("certctl")), "-o", "json", "events", "--follow"], stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True, env={**os.environ, "CERTD_SOCKET": str(site.socket)})
    assert json.loads(process.stdout.readline())["kind"] == "server.started"
    site.ctl("add-consumer", "--name", "late")
    while json.loads(process.stdout.readline()).get("object", {}).get("name") != "late":
        pass
    site.stop()
    out, err = process.communicate(timeout=patient(10))
    assert process.returncode == 69 and "certd closed the connection" in err


def test_the_forecast_counts_renewals_by_day_and_week(start, site):
    assert site.ctl("forecast").stderr == "certctl: there are no auto-certificates\n"
    year = start(Pebble, always_valid=True, validity=90 * 86400)
    site.ctl("add-provider", "--name", "year", "--server", year.url, "--email", "ops@example.com", "--agree-tos",
             "--ca-file", year.ca_file)
    for name in ("a", "b", "c"):
        site.ctl("add-auto", "--provider", "year", "--cn", f"{name}.example.com", "--challenge", "dns-01")
    site.ctl("pause", "c.example.com")
    weeks = site.ctl("forecast", "--days", "70").stdout
    assert weeks.startswith("provider year: 3 auto-certificates, 2 renewals, at most "), weeks
    assert "\n1 auto-certificate is paused and not counted\n" in weeks
    assert re.search(r"^WEEK FROM +RENEWALS +MOST A DAY +LOAD$", weeks, re.M) and "####" in weeks
    days = site.ctl("forecast", "--days", "5").stdout
    assert "0 renewals\n" in days and "DAY" not in days
    answer = site.ctl_json("forecast", "--days", "400")
    assert answer["renewals"] == sum(day["renewals"] for day in answer["days"]) >= 10
    assert answer["paused"] == 1 and answer["announced"] == []


def test_without_a_daemon_it_says_how_to_start_one(site):
    site.stop()
    result = site.ctl("status", check=False)
    assert result.returncode == 69
    assert "start it with: " in result.stderr


COMPLETE = """
source {file}
COMP_WORDS=(certctl {words})
COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
_certctl
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


@pytest.mark.parametrize("words, has", [
    ("add-", "add-auto"),
    ("add-auto --provider ''", "le"),
    ("renew ''", r"\*.example.com"),
    ("add-auto --challenge d", "dns-01"),
    ("show provider l", "le"),
    ("explain provider ''", "le"),
    ("call autoCertificate.ren", "autoCertificate.renew"),
    ("help add-a", "add-auto"),
    ("list --columns name,commonN", "name,commonName"),  # nothing of it is quoted: not at the next TAB either
    (r"list --columns 'name\,commonN'", "name,commonName"),
    ("add-token --provider x,l", "x,le"),
    ("add-provider --ca-file /etc/pass", "/etc/passwd"),
])
def test_bash_completes_from_the_tables_and_the_daemon(site, tmp_path, words, has):
    site.ctl("add-auto", "--provider", "le", "--cn", "*.example.com", "--no-wait")
    file = os.path.join(os.path.dirname(__file__), "..", "..", "etc", "certctl.bash-completion")
    # compopt works only while bash itself completes
    result = shell(site, "compopt() { :; }\n" + COMPLETE.format(file=file, words=words), tmp_path)
    assert has in result.stdout.splitlines(), result.stderr


def test_zsh_completes_too():
    """An interactive zsh on a terminal: only that loads completion as for users."""
    etc = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..", "etc"))
    master, slave = pty.openpty()
    process = subprocess.Popen(["zsh", "-f", "-i"], stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
                               env={**os.environ, "TERM": "xterm",
                                    "PATH": f"{program('certctl').parent}:{os.environ['PATH']}"})
    os.close(slave)

    def shows(keys, text, seconds=10):
        os.write(master, keys)
        shown = b""
        deadline = time.monotonic() + patient(seconds)
        while text not in shown and time.monotonic() < deadline:
            if select.select([master], [], [], 0.1)[0]:
                shown += os.read(master, 65536)
        return text in shown

    assert shows(f"fpath=({etc} $fpath); autoload -Uz compinit; compinit -u -D; echo rea''dy\n".encode(), b"ready")
    assert shows(b"certctl add-\t\t", b"add-consumer  -- declare a server that uses certificates")
    # Each candidate has its own description, in one list.
    shown = b""
    os.write(master, b"\x15certctl add-\t\t")
    while (b"-- get a certificate and keep it valid" not in shown or b"-- declare a DNS provider" not in shown) and \
            select.select([master], [], [], patient(10))[0]:
        shown += os.read(master, 65536)
    for word, text in ((b"add-auto", b"get a certificate and keep it valid"), (b"add-dns", b"declare a DNS provider for dns-01"),
                       (b"add-token", b"create a token for a REST client")):
        assert re.search(word + rb" +-- " + text, shown), shown
    assert shows(b"\x15certctl add-auto --challenge dns-0\t", b"dns-01")
    process.kill()
    process.wait(patient(5))
    os.close(master)


def test_certctl_links_neither_libcurl_nor_libssl():
    binary = program("certctl")
    libraries = run(["ldd", binary]).stdout
    assert "libcrypto" in libraries
    assert "libcurl" not in libraries and "libssl" not in libraries and "libevent" not in libraries
