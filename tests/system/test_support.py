"""The servers that other tests depend on behave as those tests expect: checked here without certd."""
import os
import shutil
import signal
import socket
import subprocess
import threading
import urllib.request
from pathlib import Path

import procs
import pytest
from caddy import Caddy
from dnsservers import Bind, Knot
from network import PrivateNetwork
from pebble import Challtestsrv, Pebble
from procs import Server, free_port, listens, patient, run, wait_for
from rpc import RpcClient, RpcError
from tls import ThrowAwayCa, parse_certificate, split_pem, tls_leaf
from webservers import Haproxy, Nginx


def get(port, path="/"):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=patient(5)) as answer:
        return answer.read().decode()


def is_gone(pid):
    """Ended; whether PID 1 has reaped it does not matter."""
    try:
        return " Z " in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return True


def test_pebble_offers_its_directory_and_its_roots(start):
    dns = start(Challtestsrv)
    pebble = start(Pebble, dns=dns.dns, alternate_roots=1, eab=True)
    assert b'"externalAccountRequired": true' in pebble.get(pebble.url)
    root = parse_certificate(pebble.root_file())
    assert root.subject == root.issuer and root.subject != parse_certificate(pebble.root(1)).subject
    assert pebble.certificate_status("0123") is None
    assert ("GET", "/dir") in pebble.requests


def test_a_frozen_ca_accepts_and_never_answers(start):
    pebble = start(Pebble)
    pebble.freeze()
    with socket.create_connection(("127.0.0.1", pebble.port), timeout=1) as sock:
        sock.sendall(b"GET / HTTP/1.0\r\n\r\n")
        with pytest.raises(TimeoutError):
            sock.recv(1)
    pebble.thaw()
    assert pebble.get(pebble.url)


def test_challtestsrv_answers_what_was_added(start):
    dns = start(Challtestsrv)
    dns.add_txt("_acme-challenge.a.example", "one")
    dns.add_txt("_acme-challenge.a.example", "two")
    dns.add_address("b.example", "127.0.0.5")
    query = ["kdig", "@127.0.0.1", "-p", dns.port, "+short", f"+timeout={patient(5)}", "+retry=0"]
    assert sorted(run(query + ["_acme-challenge.a.example", "TXT"]).stdout.split()) == ['"one"', '"two"']
    assert run(query + ["any.example"]).stdout.strip() == "127.0.0.1"
    assert run(query + ["b.example"]).stdout.strip() == "127.0.0.5"
    assert len(dns.dns_requests("b.example")) == 1
    dns.clear_txt("_acme-challenge.a.example")
    assert run(query + ["_acme-challenge.a.example", "TXT"]).stdout == ""


@pytest.mark.parametrize("server", [Knot, Bind])
def test_dns_servers_take_signed_updates_of_txt_records_only(start, server):
    dns = start(server, zones=["example.com", "sub.example.com"])
    assert dns.query("www.example.com") == "127.0.0.1"
    assert dns.query("example.com", "SOA").startswith("ns1.example.com.")
    for owner, zone in [("_acme-challenge.example.com", "example.com"),
                        ("_acme-challenge.www.example.com", "example.com"),
                        ("_acme-challenge.a.b.example.com", "example.com"),
                        ("_acme-challenge.sub.example.com", "sub.example.com")]:
        added = dns.update(zone, f"add {owner}. 60 TXT one", f"add {owner}. 60 TXT two")
        assert added.returncode == 0, added.stdout + added.stderr
        assert dns.txt(owner) == ["one", "two"]
        dns.update(zone, f"del {owner}. TXT one")
        assert dns.txt(owner) == ["two"]
    assert dns.update("example.com", "add _acme-challenge.example.com. 60 TXT x", secret="QUFBQQ==").returncode != 0
    assert dns.update("example.com", "add www.example.com. 60 A 127.0.0.9").returncode != 0
    assert dns.txt("_acme-challenge.example.com") == ["two"]


def test_dns_updates_survive_a_restart(start):
    dns = start(Knot)
    dns.update("example.com", "add _acme-challenge.example.com. 60 TXT kept")
    dns.restart()
    assert dns.txt("_acme-challenge.example.com") == ["kept"]


def test_nginx_serves_a_new_bundle_after_a_reload_and_not_before(start, scratch):
    ca = ThrowAwayCa(scratch / "ca")
    bundle = ca.issue_bundle("www.example.com")
    webroot = scratch / "webroot"
    (webroot / ".well-known/acme-challenge").mkdir(parents=True)
    (webroot / ".well-known/acme-challenge/token").write_text("answer")
    scratch.chmod(0o755)
    nginx = start(Nginx, bundles={"www.example.com": bundle}, challenges=webroot)
    first = tls_leaf("127.0.0.1", nginx.tls_port, "www.example.com")
    assert first == parse_certificate(bundle) and first.names == ["www.example.com"]
    assert get(nginx.port, "/.well-known/acme-challenge/token") == "answer"
    second = parse_certificate(ca.issue_bundle("www.example.com"))
    assert tls_leaf("127.0.0.1", nginx.tls_port, "www.example.com").serial == first.serial
    assert nginx.test().returncode == 0
    nginx.reload()
    wait_for(lambda: tls_leaf("127.0.0.1", nginx.tls_port, "www.example.com").serial == second.serial)
    bundle.write_text("no certificate")
    assert "nginx.conf test failed" in nginx.test().stderr
    assert nginx.stop(signal.SIGQUIT) == 0


def test_nginx_passes_challenges_on(start, scratch):
    behind = start(Nginx, http='location = /.well-known/acme-challenge/t { return 200 "from behind"; }')
    nginx = start(Nginx, challenges=f"http://127.0.0.1:{behind.port}")
    assert get(nginx.port, "/.well-known/acme-challenge/t") == "from behind"
    assert get(nginx.port) == "nginx\n"
    wait_for(lambda: "/.well-known/acme-challenge/t" in behind.access_log, 5, "the log, which follows the answer")


def test_haproxy_serves_a_directory_of_bundles(start, scratch):
    ca = ThrowAwayCa(scratch / "ca")
    crt = scratch / "pem"
    crt.mkdir()
    behind = start(Nginx, http='location = /.well-known/acme-challenge/t { return 200 "from behind"; }')
    haproxy = start(Haproxy, crt, challenges=f"127.0.0.1:{behind.port}")
    assert get(haproxy.port) == "haproxy"
    assert get(haproxy.port, "/.well-known/acme-challenge/t") == "from behind"
    with pytest.raises(OSError):
        tls_leaf("127.0.0.1", haproxy.tls_port, "a.example")
    for name in ("a.example", "*.b.example"):
        shutil.copy(ca.issue_bundle(name), crt / f"{name.replace('*', '_')}.pem")
    haproxy.reload()
    assert tls_leaf("127.0.0.1", haproxy.tls_port, "a.example").names == ["a.example"]
    assert tls_leaf("127.0.0.1", haproxy.tls_port, "x.b.example").names == ["*.b.example"]
    assert f"{crt}/a.example.pem" in haproxy.admin("show ssl cert")


def test_caddy_is_an_acme_server_in_a_network_of_its_own(start, private_network, scratch):
    dns = start(Knot, port=53)
    caddy = start(Caddy)
    nginx = start(Nginx, port=80)
    assert b"newOrder" in caddy.get(caddy.url)
    assert socket.gethostbyname("www.example.com") == "127.0.0.1"
    with urllib.request.urlopen("http://www.example.com/", timeout=patient(5)) as answer:
        assert answer.read() == b"nginx\n"
    assert dns.is_running and nginx.is_running


def test_a_private_network_is_left_again(scratch):
    outside = os.readlink("/proc/self/ns/net"), os.readlink("/proc/self/ns/mnt"), os.getcwd()
    resolver = Path("/etc/resolv.conf").read_text()
    with PrivateNetwork(scratch, resolver="127.0.0.9"):
        assert os.readlink("/proc/self/ns/net") != outside[0]
        assert "127.0.0.9" in Path("/etc/resolv.conf").read_text()
        assert run(["ip", "-o", "link"]).stdout.count("\n") == 1
    assert (os.readlink("/proc/self/ns/net"), os.readlink("/proc/self/ns/mnt"), os.getcwd()) == outside
    assert Path("/etc/resolv.conf").read_text() == resolver


def test_certificates_are_read_in_full(scratch):
    ca = ThrowAwayCa(scratch)
    bundle = ca.issue_bundle("example.com", "*.example.com", "127.0.0.1")
    leaf = parse_certificate(bundle)
    assert leaf.names == ["*.example.com", "127.0.0.1", "example.com"]
    assert leaf.issuer == "CN=throw-away CA" and (leaf.not_after - leaf.not_before).days == 30
    assert len(split_pem(bundle.read_text())) == 2 and split_pem(leaf.pem) == [leaf.pem]
    assert leaf.fingerprint == run(["openssl", "x509", "-in", bundle, "-noout", "-fingerprint", "-sha256"]) \
        .stdout.strip().rpartition("=")[2].replace(":", "").lower()


class Sleeper(Server):
    """Ignores SIGTERM, and has a child that does too."""
    name = "sleeper"
    stop_seconds = 0.3

    def command(self):
        return ["sh", "-c", "trap '' TERM; echo up; sleep 1000 & echo $!; wait; wait"]

    def is_ready(self):
        return self.log.count("\n") == 2


def test_a_server_that_ignores_sigterm_is_killed_with_its_children(start):
    sleeper = start(Sleeper)
    pids = [sleeper.pid, int(sleeper.log.split()[1])]
    with pytest.raises(AssertionError, match="did not end"):
        sleeper.stop()
    for pid in pids:
        wait_for(lambda: is_gone(pid))


class Failing(Server):
    name = "failing"

    def command(self):
        return ["sh", "-c", "echo the reason; exit 3"]

    def is_ready(self):
        return False


def test_a_server_that_does_not_come_up_says_why(start):
    with pytest.raises(AssertionError, match="ended with 3:\nthe reason"):
        start(Failing)


def test_servers_die_with_the_test_run(scratch):
    script = scratch / "run.py"
    script.write_text(f"""
import os, signal, sys
sys.path.insert(0, {str(Path(procs.__file__).parent)!r})
from pebble import Challtestsrv
print(Challtestsrv({str(scratch / 'dns')!r}).start().pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
""")
    pid = subprocess.run(["/usr/bin/python3", script], capture_output=True, text=True, timeout=patient(20)).stdout.strip()
    wait_for(lambda: is_gone(pid))


def test_processes_never_share_a_port():
    """Eight processes take ports at the same time, and keep them without using any."""
    script = f"""
import sys
sys.path.insert(0, {str(Path(procs.__file__).parent)!r})
from procs import free_port
print(*(free_port() for _ in range(200)), flush=True)
sys.stdin.read()
"""
    takers = [subprocess.Popen(["/usr/bin/python3", "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               text=True) for _ in range(8)]
    ports = [port for taker in takers for port in map(int, taker.stdout.readline().split())]
    ports += [free_port() for _ in range(200)]
    for taker in takers:
        taker.communicate()
    assert len(ports) == len(set(ports)) == 1800
    assert not any(listens(port) for port in ports[:5])


def test_the_rpc_client_tells_answers_errors_and_events_apart(scratch):
    answers = [b'{"jsonrpc":"2.0","method":"event","params":{"n":1}}\n{"jsonrpc":"2.0",', b'"id":1,"result":{"a":2}}\n',
               b'{"jsonrpc":"2.0","id":2,"error":{"code":-32000,"message":"no","data":{"field":"x"}}}\n']
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(scratch / "s"))
    listener.listen()
    received = []

    def serve():
        peer, _ = listener.accept()
        with peer:
            for answer in answers:
                data, fds, _, _ = socket.recv_fds(peer, 4096, 4)
                received.append((data, [os.close(fd) for fd in fds]))
                peer.sendall(answer)

    thread = threading.Thread(target=serve)
    thread.start()
    with RpcClient(scratch / "s") as rpc:
        rpc.send({"hello": 1}, fds=[0])
        assert rpc.call("x.y", name="n") == {"a": 2}
        with pytest.raises(RpcError) as caught:
            rpc.call("x.z")
        assert caught.value.code == -32000 and caught.value.data == {"field": "x"}
        assert rpc.next_event("event") == {"n": 1}
        assert rpc.read_line() is None
    thread.join()
    listener.close()
    assert received[0] == (b'{"hello": 1}\n', [None])
