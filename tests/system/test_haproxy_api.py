"""HAProxy's runtime API as a way to activate: certificates are replaced in memory, in every process, without a reload."""
import time

import pytest
from certd import Certd
from procs import run, wait_for
from tls import ThrowAwayCa, parse_certificate, tls_leaf
from webservers import Haproxy

NAMES = ("www.example.com", "shop.example.com")


@pytest.fixture
def ca(scratch):
    return ThrowAwayCa(scratch / "ca")


@pytest.fixture
def certd(start):
    certd = start(Certd)
    (certd.state / "pem").mkdir(exist_ok=True)
    return certd


@pytest.fixture
def haproxy(certd, start):
    """It starts without any certificate."""
    return start(Haproxy, certd.state / "pem")


def add_consumer(certd, *servers):
    sockets = [word for server in servers for word in ("--stats-socket", server.stats_socket)]
    probes = [word for server in servers for word in ("--probe", f"127.0.0.1:{server.tls_port}")]
    certd.ctl("add-consumer", "--name", "lb", "--activate", "haproxy", *sockets, *probes)


def bring(certd, ca, name, *options, chain=None, check=True):
    """Imports a new pair for @name. Returns certctl's complaints."""
    cert, key = ca.issue(name)
    return certd.ctl("import", "--cert", cert, "--chain", chain or ca.cert_file, "--key", key, *options,
                     check=check).stderr


def is_served(certd, server, name):
    try:
        return tls_leaf("127.0.0.1", server.tls_port, name).fingerprint == \
            parse_certificate(certd.drop(name.split(".")[0]) / "cert.pem").fingerprint
    except OSError:
        return False


def consumer(certd):
    return certd.call("consumer.get", ref="lb")["metadata"]


def test_two_certificates_are_added_and_replaced_without_a_reload(certd, ca, haproxy):
    add_consumer(certd, haproxy)
    worker = haproxy._worker()
    for options in (("--consumer", "lb"), ()):
        for name in NAMES:
            short = name.split(".")[0]
            bring(certd, ca, name, *(("--name", short, *options) if options else ("--replace", short)))
        for name in NAMES:
            wait_for(lambda: is_served(certd, haproxy, name), 30, name)
    assert haproxy._worker() == worker
    wait_for(lambda: [r["served"] for r in consumer(certd)["rollouts"] if "served" in r] == ["served"] * 2, 30)
    # What it reads when it is started again is the same.
    haproxy.restart()
    assert all(is_served(certd, haproxy, name) for name in NAMES)


def test_a_transaction_of_somebody_else_is_left_alone(certd, ca, haproxy):
    add_consumer(certd, haproxy)
    for name in NAMES:
        bring(certd, ca, name, "--name", name.split(".")[0], "--consumer", "lb")
        wait_for(lambda: is_served(certd, haproxy, name), 30)
    path = certd.state / "pem/shop.pem"
    theirs = "".join(line for line in path.read_text().splitlines(True) if line.strip())
    assert "Transaction created" in haproxy.admin(f"set ssl cert {path} <<\n{theirs}")
    bring(certd, ca, NAMES[0], "--replace", "www", check=False)
    assert consumer(certd)["state"] == "FAILED"
    said = consumer(certd)["message"]
    assert f"haproxy at {haproxy.stats_socket}: somebody else's transaction for '{path}' is open" in said, said
    assert f"*{path}" in haproxy.admin("show ssl cert")
    assert not is_served(certd, haproxy, NAMES[0])
    haproxy.admin(f"abort ssl cert {path}")
    certd.ctl("deploy", "lb")
    wait_for(lambda: is_served(certd, haproxy, NAMES[0]), 30)
    wait_for(lambda: consumer(certd)["state"] == "AVAILABLE", 20)


def test_a_chain_that_is_too_large_for_a_command_is_said(certd, scratch, haproxy):
    ca = ThrowAwayCa(scratch / "large")
    run(["openssl", "req", "-x509", "-key", ca.key_file, "-days", "30", "-subj", "/CN=Large CA", "-addext",
         "basicConstraints=critical,CA:TRUE", "-addext", f"nsComment={'x' * 16000}", "-out", ca.cert_file])
    add_consumer(certd, haproxy)
    bring(certd, ca, NAMES[0], "--name", "www", "--consumer", "lb", check=False)
    assert consumer(certd)["state"] == "FAILED"
    assert "are more than it takes in one command: raise tune.bufsize" in consumer(certd)["message"]
    assert "*" not in haproxy.admin("show ssl cert").split("# filename")[0]


def test_each_of_several_processes_gets_it(certd, ca, haproxy, start):
    other = start(Haproxy, certd.state / "pem")
    add_consumer(certd, haproxy, other)
    for options in (("--name", "www", "--consumer", "lb"), ("--replace", "www")):
        bring(certd, ca, NAMES[0], *options)
        for server in (haproxy, other):
            wait_for(lambda: is_served(certd, server, NAMES[0]), 30)


def test_a_kill_in_the_middle_is_repeated(certd, ca, haproxy):
    """HAProxy does not answer while certd waits for it, and has the command when it continues."""
    add_consumer(certd, haproxy)
    bring(certd, ca, NAMES[0], "--name", "www", "--consumer", "lb")
    wait_for(lambda: is_served(certd, haproxy, NAMES[0]), 30)
    haproxy.freeze()
    try:
        bring(certd, ca, NAMES[0], "--replace", "www", "--no-wait")
        wait_for(lambda: consumer(certd)["rollouts"][0].get("generation", 0) > 1, 10)
        time.sleep(0.5)  # certd has sent its first command
        certd.kill9()
    finally:
        haproxy.thaw()
    certd.start()
    wait_for(lambda: is_served(certd, haproxy, NAMES[0]), 30)
    wait_for(lambda: "*" not in haproxy.admin("show ssl cert").split("# filename")[0], what="no open transaction")


def test_a_kill_between_the_steps_is_repeated(certd, ca, haproxy):
    """What a certd left behind that was killed: an empty store, then an open transaction for the same file."""
    path = certd.state / "pem/www.pem"
    assert "New empty" in haproxy.admin(f"new ssl cert {path}")
    add_consumer(certd, haproxy)
    bring(certd, ca, NAMES[0], "--name", "www", "--consumer", "lb")
    wait_for(lambda: is_served(certd, haproxy, NAMES[0]), 30, consumer(certd)["message"])
    old = "".join(line for line in path.read_text().splitlines(True) if line.strip())
    assert "Transaction created" in haproxy.admin(f"set ssl cert {path} <<\n{old}")
    bring(certd, ca, NAMES[0], "--replace", "www")
    wait_for(lambda: is_served(certd, haproxy, NAMES[0]), 30)
