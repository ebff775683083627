"""Traps for somebody who sets up certd on a host for the first time, each on a booted systemd."""
import os
import re
import textwrap
import urllib.error
import urllib.request

import pytest
from pebble import Challtestsrv, Pebble
from procs import patient, run, wait_for
from test_examples import DOCUMENTS, examples

pytestmark = [pytest.mark.plain_build, pytest.mark.limit(150),
              pytest.mark.skipif(os.geteuid() != 0, reason="namespaces need root")]

BOOT = """\
[Unit]
Description=What a boot starts here
Wants=sockets.target
After=sockets.target
DefaultDependencies=yes
"""


def prepare_boot(host):
    """multi-user.target without what the machine itself enabled."""
    for directory in ("etc", "lib"):
        for target in ("multi-user", "sockets"):
            host.run("rm", "-rf", f"/{directory}/systemd/system/{target}.target.wants")
    host.add_unit("multi-user.target", BOOT)
    host.add_unit("multi-user.target.d/00-test.conf", "[Unit]\nDefaultDependencies=yes\n")
    # systemd itself has long booted, so take-port does not wait for other servers.
    host.configure_unit("certd-http.service", "wait", "[Service]\nExecStartPre=/bin/sleep 2\n")


def reboot(host):
    """Stops what a test started, and starts what is enabled."""
    host.systemctl("stop", "certd-http.service", "certd.service", "certd.socket", "multi-user.target")
    host.systemctl("reset-failed")
    host.systemctl("start", "multi-user.target")


def port_80():
    """What answers there: the Server header, "certd" for an answer without one, None."""
    try:
        with urllib.request.urlopen("http://127.0.0.1/.well-known/acme-challenge/x", timeout=patient(5)) as answer:
            return answer.headers["Server"] or "certd"
    except urllib.error.HTTPError as error:
        return error.headers["Server"] or "certd"
    except OSError:
        return None


PYTHON_SERVER = """\
[Service]
ExecStart=/usr/bin/python3 -m http.server 80
[Install]
WantedBy=multi-user.target
"""


@pytest.mark.parametrize("unit, server, process", [
    ("certd-http.service", "nginx.service", "nginx"),
    ("certd-http.socket", "my-site.service", "python3")])
def test_port_80_is_left_to_web_servers_at_the_next_boot(host, unit, server, process):
    prepare_boot(host)
    host.add_unit("my-site.service", PYTHON_SERVER)
    host.systemctl("enable", "certd.service", unit, server)
    reboot(host)
    wait_for(lambda: host.show("certd-http.service", "ActiveState") == "failed", 20, "certd has left the port")
    assert f'port 80 is left to "{process}"' in host.journal("certd-http.service")
    assert host.show(server, "ActiveState") == "active"
    assert host.show("certd.service", "ActiveState") == "active"
    assert port_80().startswith(("nginx", "SimpleHTTP"))
    # While the server is down for a moment, a restart of certd does not take the port.
    host.systemctl("stop", server)
    host.systemctl("restart", "certd.service")
    host.systemctl("start", server)
    assert host.show(server, "ActiveState") == "active"


def test_port_80_goes_to_certd_if_nobody_else_has_it(host):
    prepare_boot(host)
    host.systemctl("start", "certd.service")
    assert port_80() is None
    host.systemctl("enable", "--now", "certd-http.service")
    wait_for(lambda: port_80() == "certd", 10, "a running certd gets the port")
    host.systemctl("enable", "certd.service")
    reboot(host)
    wait_for(lambda: port_80() == "certd", 20, "it gets the port after a boot")
    # It is free again at once for a web server.
    host.systemctl("disable", "--now", "certd-http.service")
    wait_for(lambda: port_80() is None, 10, "the port is free")
    assert host.show("certd.service", "ActiveState") == "active"
    host.systemctl("start", "nginx.service")
    assert port_80().startswith("nginx")
    assert not host.run("sh", "-c", "ls /etc/systemd/system/*.wants/ | grep certd-http", check=False).stdout


def test_a_refusal_names_who_has_port_80_as_far_as_certd_may_know(host):
    """Not root, and without other processes in its /proc: only the user."""
    host.systemctl("start", "certd.service", "nginx.service")
    host.call("provider.create", properties={"name": "le", "server": "https://127.0.0.1:1/dir", "email": "a@example.com",
                                             "termsOfServiceAgreed": True})
    refused = host.ctl("add-auto", "--provider", "le", "--cn", "www.example.com", check=False).stderr
    assert "a program of root (to find it: ss -ltnp 'sport = :80') has port 80" in refused, refused
    assert "/nginx-acme-challenge.conf" in refused or "examples for nginx, HAProxy" in refused
    host.systemctl("stop", "nginx.service")
    wait_for(lambda: "systemctl enable --now certd-http.service" in
             host.ctl("add-auto", "--provider", "le", "--cn", "www.example.com", check=False).stderr, 5, "the other way")


def add_provider(host, start):
    """A CA that validates on port 80, as "le"."""
    pebble = start(Pebble, dns=start(Challtestsrv).dns, http_port=80, validity=3600)
    host.write("etc/certd/ca.pem", pebble.ca_file.read_text())
    host.ctl("add-provider", "--name", "le", "--server", pebble.url, "--email", "ops@example.com", "--agree-tos",
             "--ca-file", "/etc/certd/ca.pem")


RELOADABLE = """\
[Service]
ExecStart=/bin/sleep 1000
ExecReload=/bin/sh -c 'echo reloaded >>/var/lib/reloads'
"""


def count(host, path):
    return len(host.run("cat", path, check=False).stdout.splitlines())


def test_a_path_unit_reloads_any_service(host, start):
    host.add_unit("app.service", RELOADABLE)
    host.add_unit("idle.service", RELOADABLE)
    host.systemctl("start", "certd-http.socket", "certd.service", "app.service")
    add_provider(host, start)
    host.systemctl("enable", "--now", "certd-reload@app.path", "certd-reload@idle.path")
    host.ctl("add-auto", "--provider", "le", "--cn", "www.example.com")
    wait_for(lambda: count(host, "/var/lib/reloads") == 1, 20, "the service that runs is reloaded")
    wait_for(lambda: "loaded the certificates deployed until" in host.journal("certd-reload@idle.service"), 20)
    assert host.show("idle.service", "ActiveState") == "inactive"
    host.ctl("renew", "www.example.com")
    wait_for(lambda: count(host, "/var/lib/reloads") == 2, 20, "the next certificate")
    # certd's user gains nothing from what root looks at.
    for attack in ("ln -s /etc/shadow", "mkfifo"):
        host.run("sh", "-c", f"cd /var/lib/certd && rm generation && {attack} generation", user="certd")
        host.systemctl("start", "certd-reload@app.service", check=False)
        host.systemctl("stop", "certd-reload@app.service")
    assert "generation is not a generation counter of certd" in host.journal("certd-reload@app.service")
    assert count(host, "/var/lib/reloads") == 2


def test_a_program_that_reloads_a_service_fails_with_the_unit_that_can(host, start):
    host.systemctl("start", "certd-http.socket", "certd.service", "nginx.service", check=False)
    add_provider(host, start)
    host.ctl("add-consumer", "--name", "web", "--activate", "exec", "--command", "/usr/bin/systemctl", "--command",
             "reload", "--command", "nginx.service")
    host.ctl("add-auto", "--provider", "le", "--cn", "www.example.com", "--consumer", "web", check=False)
    told = wait_for(lambda: host.call("consumer.get", ref="web")["metadata"].get("message"), 20, "the failure")
    assert "--activate unit" in told, told


PROGRAM = """\
#!/bin/sh
env >/var/lib/certd/ran-${0##*/}
"""


def test_examples_with_programs_and_services_are_run_as_they_stand(host, start):
    host.add_unit("postfix.service", RELOADABLE)
    for name in ("balancer", "deploy-app", "dns-hook", "page"):
        host.write(f"usr/local/bin/{name}", PROGRAM, 0o755)
    host.systemctl("start", "certd-http.socket", "certd.service", "postfix.service")
    add_provider(host, start)
    for name, domain in (("www.example.com", "www.example.com"), ("SSL_CERT_API", "api.example.com")):
        host.ctl("add-auto", "--provider", "le", "--name", name, "--cn", domain)
    lines = {" ".join(line.split()) for document in DOCUMENTS for line in examples(document)
             if re.search(r"/usr/local/bin/|certd-reload@", line) and re.match("certctl |systemctl ", line)
             and "deploy-www" not in line}  # a hook of root, which package/test_package.py writes first
    assert {word for line in lines for word in re.findall(r"/usr/local/bin/\S+|certd-reload@\S+", line)} == {
        "/usr/local/bin/balancer", "/usr/local/bin/deploy-app", "/usr/local/bin/dns-hook", "/usr/local/bin/page",
        "certd-reload@postfix.path"}
    for line in sorted(lines):
        host.run("bash", "-c", f"PATH=$PATH:/usr/local/bin; cd /root && {line}")
    assert "LE_CERTIFICATE_" in host.run("cat", "/var/lib/certd/ran-balancer").stdout
    host.ctl("alert", "test", "page")
    assert "CERTD_" in host.run("cat", "/var/lib/certd/ran-page").stdout
    host.ctl("set", "auto", "www.example.com", "--consumer", "app")
    host.ctl("renew", "www.example.com")
    wait_for(lambda: "CERTD_NAME=www.example.com" in
             host.run("cat", "/var/lib/certd/ran-deploy-app", check=False).stdout, 20, "the consumer's program")
    wait_for(lambda: count(host, "/var/lib/reloads") >= 1, 20, "the service's reload")


def rest_role(host, path="/run/certd/rest.sock"):
    return host.run("curl", "-s", "--max-time", str(patient(3)), "--unix-socket", path, "http://localhost/status",
                    check=False).stdout


def test_the_rest_socket_is_enabled_while_certd_runs(host):
    host.systemctl("start", "certd.service")
    assert '"admin"' in rest_role(host)
    host.systemctl("enable", "--now", "certd-rest.socket")
    assert '"admin"' in rest_role(host)
    assert host.run("stat", "-c", "%a %G", "/run/certd/rest.sock").stdout == "660 certd\n"
    host.systemctl("restart", "certd.service")
    assert '"admin"' in rest_role(host)


def test_a_reload_says_which_changes_need_a_restart(host):
    host.run("rm", "-rf", "/etc/certd")
    host.systemctl("start", "certd.service")
    # A file that was not there at the start is read too.
    host.configure("viewer-groups = nogroup\nhttp-listen = 127.0.0.1:5080\nmax-orders = 3\nrenew-before = 20d\n")
    host.systemctl("reload", "certd.service")
    assert "restart certd to apply the changes of http-listen, max-orders" in host.journal("certd.service")
    assert "changes of http-listen, max-orders in certd.conf take effect when certd is restarted" in host.ctl("status").stdout
    assert host.call("server.reload") == {"needsRestart": ["http-listen", "max-orders"]}
    host.systemctl("restart", "certd.service")
    assert host.call("server.reload") == {"needsRestart": []}
    assert "restarted" not in host.ctl("status").stdout
    host.configure("")
    assert host.call("server.reload") == {"needsRestart": ["http-listen", "max-orders"]}
    host.run("rm", "/etc/certd/certd.conf")
    assert host.call("server.reload") == {"needsRestart": ["http-listen", "max-orders"]}


PACKAGE = {
    "DEBIAN/control": """\
Package: certd-test-server
Version: 1
Architecture: all
Maintainer: nobody <nobody@example.com>
Description: a server that its package enables and starts
""",
    "DEBIAN/postinst": """\
#!/bin/sh
set -e
deb-systemd-helper enable certd-test-server.service
systemctl daemon-reload
[ ! -e /fail ] || kill -KILL $(pgrep -f install-packages)
deb-systemd-invoke start certd-test-server.service
""",
    "lib/systemd/system/certd-test-server.service": """\
[Service]
ExecStart=/bin/sleep 1000
[Install]
WantedBy=multi-user.target
""",
}


def test_packages_for_demo_and_check_enable_and_start_nothing(host, scratch):
    tree = scratch / "package"
    for name, text in PACKAGE.items():
        file = tree / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(textwrap.dedent(text))
        file.chmod(0o755)
    (host.root / "repo").mkdir()
    run(["dpkg-deb", "--build", "--root-owner-group", tree, host.root / "repo/certd-test-server_1_all.deb"])
    host.run("sh", "-c", "cd /repo && dpkg-scanpackages . >Packages 2>/dev/null && "
             "rm -rf /etc/apt/sources.list /etc/apt/sources.list.d/* && "
             "echo 'deb [trusted=yes] file:/repo ./' >/etc/apt/sources.list")
    script = (os.path.dirname(__file__) + "/../support/install-packages")
    host.write("installer/install-packages", open(script).read(), 0o755)
    host.write("installer/packages", "demo certd-test-server\n")
    host.write("usr/sbin/policy-rc.d", "#!/bin/sh\nexit 104\n", 0o755)
    host.add_unit("enabled-before.service", PYTHON_SERVER)
    host.systemctl("enable", "enabled-before.service")

    def state():
        return {
            "installed": host.run("dpkg-query", "-W", "-f", "${db:Status-Status}", "certd-test-server", check=False).stdout,
            "enabled": host.systemctl("is-enabled", "certd-test-server.service", check=False).stdout.strip(),
            "active": host.show("certd-test-server.service", "ActiveState"),
            "policy": (host.root / "usr/sbin/policy-rc.d").read_text(),
            "before": host.systemctl("is-enabled", "enabled-before.service", check=False).stdout.strip(),
            "left": list((host.root / "var/lib").glob("certd-install-packages*")),
        }

    expected = {"installed": "installed", "enabled": "disabled", "active": "inactive", "policy": "#!/bin/sh\nexit 104\n",
                "before": "enabled", "left": []}
    host.run("/installer/install-packages", "demo", timeout=100)
    assert state() == expected
    # A run that was killed is finished by the next one.
    host.run("dpkg", "--purge", "certd-test-server")
    host.write("fail", "")
    assert host.run("/installer/install-packages", "demo", check=False, timeout=100).returncode != 0
    assert state()["left"]
    host.run("rm", "/fail")
    host.run("dpkg", "--configure", "-a", check=False)
    host.run("/installer/install-packages", "demo", timeout=100)
    assert state() == expected
