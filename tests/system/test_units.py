"""The shipped units under a real systemd, in their whole sandbox; a forbidden system call kills certd."""
import json
import os
import shutil
import signal
import socket
import ssl
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from dnsservers import Knot
from ionos_client import IonosClient
from pebble import Challtestsrv, Pebble
from procs import patient, wait_for
from rpc import RpcError
from stall import StalledThread
from tls import parse_certificate, tls_leaf

ETC = Path(__file__).parents[2] / "etc"
NAME = "www.example.com"
LIVE = f"/var/lib/certd/live/{NAME}"

pytestmark = [pytest.mark.plain_build, pytest.mark.limit(150),
              pytest.mark.skipif(os.geteuid() != 0, reason="namespaces need root")]


def start_certd(host, *more):
    host.systemctl("start", *more, "certd.service")
    assert host.show("certd.service", "ActiveState") == "active"


def start_pebble(start):
    """A CA that validates http-01 on port 80."""
    return start(Pebble, dns=start(Challtestsrv).dns, http_port=80, validity=3600)


def add_provider(host, pebble):
    """Registers with it as "le"."""
    host.write("etc/certd/ca.pem", pebble.ca_file.read_text())
    host.ctl("add-provider", "--name", "le", "--server", pebble.url, "--email", "ops@example.com", "--agree-tos",
             "--ca-file", "/etc/certd/ca.pem")


def served_serial():
    """None while no server serves the name."""
    try:
        return tls_leaf("127.0.0.1", 443, NAME).serial
    except OSError:
        return None


def dropped_serial(host):
    return parse_certificate(host.run("cat", f"{LIVE}/cert.pem").stdout).serial


def wait_served(host):
    """For a moment, old and new workers of a server both answer."""
    wait_for(lambda: served_serial() == dropped_serial(host), 20, "what was dropped is served")


def renew(host):
    """Returns when the renewed certificate is in the drop."""
    before = dropped_serial(host)
    host.ctl("renew", NAME)
    wait_for(lambda: dropped_serial(host) != before, 30, "the renewed certificate in the drop")


def thread_state(tid):
    """One letter, as in ps; "t": held by a tracer."""
    return Path(f"/proc/{tid}/stat").read_text().rpartition(")")[2].split()[0]


def test_certd_becomes_active_with_its_sockets_and_its_sealed_key(host):
    host.configure_unit("certd.service", "canary", "[Service]\nExecStartPre=/bin/sh -c 'chroot / true; echo canary $?'\n")
    host.systemctl("enable", "--now", "certd.socket", "certd-rest.socket", "certd-http.socket", "certd.service")
    assert host.show("certd.service", "ActiveState") == "active"
    assert f"canary {128 + signal.SIGSYS}" in host.journal("certd.service"), "the filter kills nobody"
    assert host.show("certd.service", "StatusText") == "0 auto-certificates, 0 failing"
    assert host.call("server.status")["state"] == "running"
    assert IonosClient(host.root / "run/certd/rest.sock").request("GET", "/status")["role"] == "admin"
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen("http://127.0.0.1/.well-known/acme-challenge/x", timeout=patient(5))
    assert int(host.process_status("CapBnd"), 16) == 0 and host.process_status("NoNewPrivs") == "1"
    assert host.process_status("Seccomp") == "2" and host.process_status("Uid").split()[0] != "0"
    # The master key is a credential: none was created next to the store.
    assert not (host.root / "var/lib/certd/master-key").exists()
    assert (host.root / "etc/credstore.encrypted/certd.master-key").stat().st_mode & 0o777 == 0o400
    assert host.run("stat", "-c", "%a %U", "/var/lib/certd", "/var/lib/certd/store").stdout == "711 certd\n700 certd\n"
    units = sorted((host.root / "usr/local/lib/systemd/system").glob("certd*"))
    verified = host.run("systemd-analyze", "verify", "--man=no",
                        *[f"/usr/local/lib/systemd/system/{unit.name}" for unit in units], check=False)
    assert verified.returncode == 0 and "certd" not in verified.stderr, verified.stderr


def test_port_443_goes_to_certd_and_serves_only_cas(host, start):
    host.systemctl("start", "certd.service")
    host.systemctl("start", "certd-tls-alpn.service")
    pebble = start(Pebble, dns=start(Challtestsrv).dns, tls_port=443)
    add_provider(host, pebble)
    host.ctl("add-auto", "--provider", "le", "--cn", NAME, "--challenge", "tls-alpn-01")
    assert dropped_serial(host)
    with pytest.raises(ssl.SSLError):
        tls_leaf("127.0.0.1", 443, NAME)
    host.systemctl("stop", "certd-tls-alpn.service")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", 443), patient(5))
    # A server that has the port keeps it.
    with socket.create_server(("127.0.0.1", 443)):
        assert host.systemctl("start", "certd-tls-alpn.service", check=False).returncode
    assert "which must forward TLS connections for acme-tls/1 to certd" in host.journal("certd-tls-alpn.service")
    assert host.call("server.status")["state"] == "running"


def test_a_stalled_loop_is_killed_and_clients_are_answered_by_the_next(host):
    host.configure_unit("certd.service", "watchdog", "[Service]\nWatchdogSec=10\nRestartSec=100ms\n")
    start_certd(host)
    first = host.certd_pid
    # Generating the account's key starts a worker: another thread that could feed the watchdog.
    host.call("provider.create", properties={"name": "le", "server": "https://127.0.0.1:1/dir", "email": "a@example.com",
                                             "termsOfServiceAgreed": True})
    fed_at = host.show("certd.service", "WatchdogTimestampMonotonic")
    wait_for(lambda: host.show("certd.service", "WatchdogTimestampMonotonic") != fed_at, 30, "the loop feeds it")
    assert host.certd_pid == first, "killed although its loop runs"
    outside = host.outside_pid(first)
    threads = {int(task.name) for task in Path(f"/proc/{outside}/task").iterdir()}
    assert len(threads) > 1
    with StalledThread(outside) as loop_thread, host.rpc() as waiting:
        assert [tid for tid in threads if thread_state(tid) == "t"] == [outside]
        wait_for(lambda: loop_thread.has_pending(signal.SIGABRT), 60, "the watchdog's signal")
        loop_thread.let_go()
        assert waiting.call("server.status")["state"] == "running"
    assert host.certd_pid != first
    assert host.show("certd.service", "NRestarts") == "1"
    assert "Watchdog timeout" in host.journal("certd.service")


def test_a_crash_is_followed_by_a_restart_and_a_wrong_configuration_is_not(host):
    host.configure_unit("certd.service", "restart", "[Service]\nRestartSec=100ms\n")
    start_certd(host)
    first = host.certd_pid
    host.run("kill", "-KILL", str(first))
    wait_for(lambda: host.certd_pid not in (0, first), 20, "a new process")
    host.wait_state("certd.service", "active")
    host.configure("nonsense = 1\n")
    host.systemctl("restart", "certd.service", check=False)
    assert host.show("certd.service", "ActiveState") == "failed"
    assert "certd.conf:1: nonsense: unknown option" in host.journal("certd.service")
    host.configure("")
    start_certd(host)


def test_a_second_daemon_on_the_same_state_is_refused(host):
    start_certd(host)
    unit = (host.root / "usr/local/lib/systemd/system/certd.service").read_text()
    host.add_unit("second.service", unit.replace("Requires=certd.socket\n", "").replace("Restart=on-failure\n", "")
                  .replace("/certd --foreground", "/certd --foreground --runtime /var/lib/certd/second"))
    host.systemctl("start", "second.service", check=False)
    assert host.show("second.service", "ActiveState") == "failed"
    assert "/var/lib/certd/store" in host.journal("second.service")
    assert host.call("server.status")["state"] == "running"


def test_roles_go_by_the_groups_of_whoever_asks(host):
    host.configure("operator-groups = tls-operators\nviewer-groups = tls-viewers\n")
    for group in ("tls-operators", "tls-viewers", "tls-admins"):
        host.run("groupadd", group)
    for user, groups in {"alice": "certd,tls-operators", "bob": "certd,tls-viewers", "carol": "tls-operators",
                         "dave": "certd", "erin": "certd,tls-admins"}.items():
        host.run("useradd", "-G", groups, user)
    start_certd(host, "certd-http.socket")

    def role(user):
        return json.loads(host.ctl("--output", "json", "status", user=user).stdout)["role"]

    assert (role("root"), role("alice"), role("bob")) == ("admin", "operator", "viewer")
    host.call("provider.create", properties={"name": "le", "server": "https://127.0.0.1:1/dir", "email": "a@example.com",
                                             "termsOfServiceAgreed": True})
    host.call("autoCertificate.create", properties={"provider": "le", "commonName": NAME})

    def ask(user, *arguments):
        result = host.ctl(*arguments, user=user, check=False)
        return "yes" if result.returncode == 0 else result.stderr

    assert ask("alice", "list") == ask("bob", "list") == ask("alice", "pause", NAME) == "yes"
    assert "operator" in ask("bob", "resume", NAME)
    assert "admin" in ask("alice", "rm", "provider", "le")
    assert "viewer" in ask("dave", "list") and "viewer" in ask("erin", "list")
    assert "control.sock" in ask("carol", "list")
    # A reload assigns a role to a group.
    host.configure("operator-groups = tls-operators\nviewer-groups = tls-viewers\nadmin-groups = tls-admins\n")
    host.systemctl("reload", "certd.service")
    assert ask("erin", "list") == "yes" and role("erin") == "admin"
    refused = [e for e in host.call("event.list")["items"] if e["kind"] == "access.denied"]
    assert refused and host.run("id", "-u", "bob").stdout.strip() in json.dumps(refused)


def test_a_reload_with_a_mistake_changes_nothing(host):
    host.configure("max-auto-certificates = 50\n")
    start_certd(host)
    host.configure("max-auto-certificates = many\n")
    with pytest.raises(RpcError, match="certd.conf:1: max-auto-certificates: 'many' is not a number"):
        host.call("server.reload")
    assert host.systemctl("reload", "certd.service", check=False).returncode != 0
    assert "certd.conf:1: max-auto-certificates: 'many'" in host.journal("certd.service")
    host.run("kill", "-HUP", str(host.certd_pid))
    wait_for(lambda: "reload refused" in host.journal("certd.service"), 10)
    host.configure("max-auto-certificates = 40\n")
    host.systemctl("reload", "certd.service")
    host.run("kill", "-HUP", str(host.certd_pid))
    wait_for(lambda: host.journal("certd.service").count("configuration read again") == 2, 10)
    assert host.show("certd.service", "ActiveState") == "active"
    assert host.show("certd.service", "NRestarts") == "0"


def test_it_stops_at_once_whatever_it_does(host, start):
    start_certd(host, "certd-http.socket")

    def stop():
        """Else systemd kills it: TimeoutStopSec is shorter than all that certd could wait for here."""
        host.systemctl("stop", "certd.service")
        assert host.show("certd.service", "Result") == "success"

    # Idle, with a client that stays connected.
    with host.rpc() as idle:
        idle.call("server.status")
        stop()
    host.systemctl("start", "certd.service")
    pebble = start_pebble(start)
    add_provider(host, pebble)
    # During an order, at a CA that does not answer any more.
    pebble.freeze()
    host.call("autoCertificate.create", properties={"provider": "le", "commonName": NAME})
    wait_for(lambda: host.call("server.status")["inFlight"], 20, "an order under way")
    stop()
    pebble.thaw()
    # During a hook that does not end.
    host.write("usr/local/bin/stubborn", "#!/bin/sh\ntrap '' TERM\ntouch /var/lib/certd/stubborn\nsleep 1000\n", 0o755)
    host.systemctl("start", "certd.service")
    host.call("consumer.create", properties={"name": "slow", "activate": "exec",
                                             "command": ["/usr/local/bin/stubborn"]})
    host.call("autoCertificate.update", ref=NAME, properties={"consumers": ["slow"]})
    host.call("autoCertificate.renew", ref=NAME)
    wait_for(lambda: (host.root / "var/lib/certd/stubborn").exists(), 30, "the hook")
    stop()
    assert host.run("pgrep", "stubborn", check=False).stdout == ""


def test_nginx_serves_what_certd_issues_and_renews(host, start):
    host.run("rm", "/etc/nginx/sites-enabled/default")
    start_certd(host, "certd-http.socket")
    add_provider(host, start_pebble(start))
    # certd-http.socket has port 80. The drop is also for a group.
    host.run("groupadd", "readers")
    host.run("useradd", "-G", "readers", "reader")
    host.run("useradd", "other")
    host.write("etc/tmpfiles.d/certd-drops.conf", f"d {LIVE} 2750 certd readers -\n")
    host.run("systemd-tmpfiles", "--create", "certd-drops.conf")
    host.ctl("add-consumer", "--name", "nginx", "--probe", "127.0.0.1:443")
    host.call("autoCertificate.create", properties={"provider": "le", "commonName": NAME, "consumers": ["nginx"]})
    wait_for(lambda: (host.root / LIVE.lstrip("/") / "manifest.json").exists(), 30, "the drop")

    host.systemctl("start", "certd-nginx.path")
    wait_for(lambda: (host.root / "var/lib/certd/generation").exists(), 10, "the first generation")
    host.systemctl("start", "certd-nginx.service")
    shutil.copy(ETC / "nginx-tls.conf", host.root / "etc/nginx/conf.d/www.conf")
    host.systemctl("start", "nginx.service")
    wait_served(host)
    assert host.run("stat", "-c", "%a %U", f"/var/lib/certd-nginx/{NAME}.conf").stdout == "644 root\n"
    for _ in range(2):
        renew(host)
        wait_served(host)
    wait_for(lambda: [e for e in host.call("event.list")["items"] if e["kind"] == "probe.served"], 60,
             "certd's own probe")

    assert host.run("cat", f"{LIVE}/bundle.pem", user="reader").stdout.startswith("-----BEGIN PRIVATE KEY-----")
    for path in (f"{LIVE}/bundle.pem", f"{LIVE}/cert.pem", f"/var/lib/certd/pem/{NAME}.pem", "/var/lib/certd/store/data.mdb"):
        denied = host.run("cat", path, user="other", check=False)
        assert denied.returncode != 0 and "Permission denied" in denied.stderr
    host.systemctl("restart", "certd.service")
    assert host.run("stat", "-c", "%a %U %G", LIVE).stdout == "2750 certd readers\n"

    # The timer finds what the path unit could not see.
    host.systemctl("stop", "certd-nginx.path")
    renew(host)
    host.configure_unit("certd-nginx.timer", "soon", "[Timer]\nOnActiveSec=1\n")
    host.systemctl("start", "certd-nginx.path")
    wait_served(host)

    # An invalid configuration keeps the present certificate in use; once corrected, it is loaded.
    host.configure_unit("certd-nginx.service", "retry", "[Service]\nRestartSec=2\n")
    host.write("etc/nginx/conf.d/mistake.conf", "nonsense;\n")
    before = dropped_serial(host)
    renew(host)
    wait_for(lambda: "nonsense" in host.journal("certd-nginx.service"), 20, "the reason in the journal")
    assert served_serial() == before
    host.run("rm", "/etc/nginx/conf.d/mistake.conf")
    wait_served(host)
    wait_for(lambda: "loaded the certificates deployed until" in host.journal("certd-nginx.service"), 20)

    # certd's user cannot make root read another file in place of the counter.
    for attack in ("ln -s /etc/shadow", "mkfifo"):
        host.run("sh", "-c", f"cd /var/lib/certd && rm generation && {attack} generation", user="certd")
        host.systemctl("start", "certd-nginx.service", check=False)
        host.systemctl("stop", "certd-nginx.service")
    journal = host.journal("certd-nginx.service")
    assert "generation is not a generation counter of certd" in journal
    assert not [line for line in host.run("cat", "/etc/shadow").stdout.splitlines() if line in journal]


def test_haproxy_passes_challenges_on_and_serves_the_flat_directory(host, start):
    """HAProxy has port 80: stock configuration and both examples."""
    host.configure("http-listen = 127.0.0.1:5080\n")
    stock = (host.root / "etc/haproxy/haproxy.cfg").read_text()
    host.write("etc/haproxy/haproxy.cfg", stock + "".join(
        (ETC / name).read_text() for name in ("haproxy-acme-challenge.cfg", "haproxy-tls.cfg")))
    host.run("systemd-tmpfiles", "--create", "haproxy.conf")
    start_certd(host)
    host.systemctl("start", "haproxy.service", "certd-haproxy.path")
    assert served_serial() is None
    add_provider(host, start_pebble(start))
    host.call("autoCertificate.create", properties={"provider": "le", "commonName": NAME})
    wait_for(served_serial, 40, "haproxy serves the certificate")
    renew(host)
    wait_served(host)
    wait_for(lambda: "loaded the certificates deployed until" in host.journal("certd-haproxy.service"), 20)


def test_hooks_run_inside_the_sandbox(host, start):
    """dns-01 by a program: its processes, pipes and limits pass the filter, and the sandbox applies to it too."""
    knot = start(Knot)
    host.configure(f"dns-servers = {knot.dns}\n")
    host.write("usr/local/bin/dns-hook", f"""\
#!/bin/sh
touch /etc/escaped 2>/dev/null && exit 1
case $1 in
present) change="add $2 60 TXT $3" ;;
cleanup) change="del $2 TXT $3" ;;
esac
knsupdate -t 20 -r 2 <<END
server 127.0.0.1 {knot.port}
zone example.com.
key {knot.key_algorithm}:{knot.key_name} {knot.key_secret}
update $change
send
END
""", 0o755)
    start_certd(host)
    add_provider(host, start(Pebble, dns=knot.dns))
    host.ctl("add-dns", "--name", "hook", "--kind", "exec", "--command", "/usr/local/bin/dns-hook",
             "--zone", "example.com", "--nameserver", knot.dns)
    host.ctl("add-auto", "--provider", "le", "--cn", "*.example.com")
    assert (host.root / "var/lib/certd/live/_.example.com/manifest.json").exists()
    wait_for(lambda: not knot.txt("_acme-challenge.example.com"), 30, "the record removed")


def test_what_the_sandbox_hides_is_said_and_can_be_given(host, start):
    """A CA file in /tmp, a webroot and a drop directory elsewhere: each error names the cause or the remedy."""
    host.configure("webroot = /var/www/html\n")
    start_certd(host)
    host.systemctl("start", "nginx.service")
    pebble = start_pebble(start)
    host.write("tmp/ca.pem", pebble.ca_file.read_text())
    failed = host.ctl("add-provider", "--name", "le", "--server", pebble.url, "--email", "ops@example.com",
                      "--agree-tos", "--ca-file", "/tmp/ca.pem", check=False)
    assert "its own /tmp" in failed.stderr
    host.ctl("rm", "provider", "le")
    add_provider(host, pebble)

    host.run("install", "-d", "-o", "certd", "/srv/drop", "/var/www/html/.well-known/acme-challenge")
    host.ctl("add-consumer", "--name", "far", "--directory", "/srv/drop")
    host.ctl("add-auto", "--no-wait", "--provider", "le", "--cn", NAME, "--consumer", "far")
    wait_for(lambda: "ReadWritePaths=/var/www/html" in host.ctl("explain", NAME).stdout, 20, "advice on the webroot")
    host.configure_unit("certd.service", "webroot", "[Service]\nReadWritePaths=/var/www/html\n")
    host.systemctl("restart", "certd.service")
    host.ctl("renew", "--no-wait", NAME)
    wait_for(lambda: "ReadWritePaths=/srv/drop" in host.ctl("explain", NAME).stdout, 20, "advice on the drop directory")
    host.configure_unit("certd.service", "drop", "[Service]\nReadWritePaths=/srv/drop\n")
    host.systemctl("restart", "certd.service")
    host.ctl("deploy", "far")
    wait_for(lambda: (host.root / "srv/drop/bundle.pem").exists(), 20, "the drop")


def test_certctl_ends_when_certd_cannot_start_though_its_socket_is_there(host):
    host.write("etc/certd/certd.conf", "no-such-option = 1\n")
    host.systemctl("start", "certd.socket")
    result = host.ctl("status", check=False)
    assert result.returncode in (68, 69), result
    assert "certd" in result.stderr and "systemctl" in result.stderr, result.stderr
    assert "no-such-option" in host.journal("certd.service")
