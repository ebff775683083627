"""A long run of certd under valgrind: 100 renewals, requests of every kind, changes, reloads, an orderly end, without a
leak of memory or descriptors.

valgrind does not support pidfd_open(), so no programs are run here (consumers "none" and "notify"): sanitizers cover
those. `make check-valgrind` does all 100 renewals, `make check-growth` measures 300; otherwise a short form of each
runs.
"""
import json
import os
import re
import shutil
import socket
import threading

import pytest
from certd import Certd, program
from pebble import Challtestsrv, Pebble
from procs import free_port, run, wait_for

AUTOS = 5
VALGRIND = ("valgrind", "--leak-check=full", "--errors-for-leak-kinds=definite,indirect,possible",
            "--show-leak-kinds=definite,indirect,possible", "--track-fds=yes", "--error-exitcode=9",
            "--child-silent-after-fork=yes")
# Acceptable lines of each summary. The fourth descriptor after stdin, stdout and stderr is valgrind's log.
EXPECTED = (r"FILE DESCRIPTORS: (\d+) open \((\d+) std\) at exit", r"ERROR SUMMARY: (\d+) errors")

pytestmark = [pytest.mark.plain_build]


class CertdInValgrind(Certd):
    """valgrind becomes the program that it runs: there is one slow process."""
    ready_seconds = 60
    stop_seconds = 60

    @property
    def daemon_pid(self):
        return self.pid


def renewals(name, short):
    return int(os.environ.get(name, short))


def declare(certd, pebble):
    """A provider, a consumer that is notified by datagram, and AUTOS auto-certificates with their first certificate."""
    certd.call("provider.create", properties={
        "name": "le", "email": "ops@example.com", "server": pebble.url, "caFile": str(pebble.ca_file),
        "termsOfServiceAgreed": True})
    certd.call("consumer.create", properties={
        "name": "app", "activate": "notify", "socket": "@certd-test-" + certd.directory.parent.name,
        "probes": [{"host": "127.0.0.1", "port": 1}]})
    for i in range(AUTOS):
        certd.call("autoCertificate.create", properties={
            "provider": "le", "commonName": f"www{i}.example.com", "subjectAlternativeNames": [f"{i}.example.com"],
            "consumers": ["app"]})
    for i in range(AUTOS):
        wait_generation(certd, i, 1)


def generation(certd, i):
    manifest = certd.drop(f"www{i}.example.com") / "manifest.json"
    return json.loads(manifest.read_text())["generation"] if manifest.exists() else 0


def wait_generation(certd, i, number):
    wait_for(lambda: generation(certd, i) >= number, 120, f"generation {number} of www{i}.example.com")


def renew(certd, rounds):
    """@rounds renewals of each auto-certificate, all of a round at the same time."""
    for _ in range(rounds):
        before = [generation(certd, i) for i in range(AUTOS)]
        for i in range(AUTOS):
            certd.call("autoCertificate.renew", ref=f"www{i}.example.com")
        for i in range(AUTOS):
            wait_generation(certd, i, before[i] + 1)


def talk(certd):
    """Requests of every kind, valid and invalid, and subscribers that disconnect early."""
    for noun in ("provider", "autoCertificate", "certificate", "dnsProvider", "consumer"):
        certd.call(f"{noun}.list")
    certd.call("server.status")
    certd.call("schedule.list")
    certd.call("event.list", limit=100)
    certd.call("rpc.discover")
    certd.call("autoCertificate.get", ref="www0.example.com")
    certd.call("autoCertificate.explain", ref="www1.example.com")
    certd.call("consumer.probe", ref="app")
    with certd.rpc() as rpc:
        rpc.call("event.subscribe", after=0)
    for text in (b"[]\n", b"nonsense\n", b'{"jsonrpc":"2.0","id":1,"method":"provider.lits"}\n', b'{"half a frame'):
        with socket.socket(socket.AF_UNIX) as sock:
            sock.connect(str(certd.socket))
            sock.sendall(text)


def change(certd):
    """Updates, a pause, a deletion in the middle of a renewal, and a reload."""
    certd.call("provider.update", ref="le", properties={"maxOrders": 4})
    certd.call("autoCertificate.update", ref="www0.example.com", properties={"renewBefore": 600})
    certd.call("autoCertificate.pause", ref="www1.example.com")
    certd.call("autoCertificate.resume", ref="www1.example.com")
    certd.call("consumer.deploy", ref="app")
    certd.call("autoCertificate.create", properties={"provider": "le", "commonName": "gone.example.com"})
    certd.call("autoCertificate.delete", ref="gone.example.com")
    certd.reload()


def check_reports(reports):
    """The report of a process that ended well contains nothing but empty summaries."""
    assert reports, "valgrind wrote no report"
    for path in reports:
        text = path.read_text(errors="replace")
        open_fds, std = map(int, re.search(EXPECTED[0], text).groups())
        errors, = map(int, re.search(EXPECTED[1], text).groups())
        assert errors == 0, text
        assert open_fds - std <= 1, text


@pytest.mark.skipif(not shutil.which("valgrind"), reason="needs valgrind")
def test_canary_what_is_lost_on_purpose_is_found(scratch):
    """Otherwise the reports of certd would be meaningless."""
    def report_of(what):
        run([*VALGRIND, f"--log-file={scratch}/{what}.%p", program("canary-lost"), what], check=False)
        return list(scratch.glob(f"{what}.*"))

    check_reports(report_of("nothing"))
    for what in ("memory", "descriptor"):
        with pytest.raises(AssertionError, match="1,234 bytes" if what == "memory" else "/dev/null"):
            check_reports(report_of(what))


def listen(sock):
    """Receives the consumer's notifications until an empty one arrives."""
    while sock.recv(65536):
        pass


@pytest.fixture
def reader(scratch):
    """The consumer's socket, read continuously: the kernel queues only ten datagrams."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind("\0certd-test-" + scratch.name)
        thread = threading.Thread(target=listen, args=(sock,))
        thread.start()
        yield
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as last:
            last.sendto(b"", "\0certd-test-" + scratch.name)
        thread.join()


def always_valid(start):
    dns = start(Challtestsrv)
    return start(Pebble, dns=dns.dns, always_valid=True, validity=24 * 3600)


@pytest.mark.limit(1200 if "CERTD_VALGRIND_RENEWALS" in os.environ else 240)
@pytest.mark.skipif(not shutil.which("valgrind"), reason="needs valgrind")
def test_renewals_under_valgrind_lose_no_memory_and_no_descriptor(start, scratch, reader):
    rounds = renewals("CERTD_VALGRIND_RENEWALS", 20) // AUTOS
    pebble = always_valid(start)
    certd = start(CertdInValgrind, config=f"http-listen = 127.0.0.1:{free_port()}\n",
                  wrapper=(*VALGRIND, f"--log-file={scratch}/valgrind.%p"))
    declare(certd, pebble)
    talk(certd)
    renew(certd, rounds)
    change(certd)
    talk(certd)
    certd.stop()
    check_reports(list(scratch.glob("valgrind.*")))


@pytest.mark.limit(1200 if "CERTD_GROWTH_RENEWALS" in os.environ else 120)
def test_renewals_make_the_daemon_no_larger(start, reader):
    rounds = renewals("CERTD_GROWTH_RENEWALS", 60) // AUTOS
    pebble = always_valid(start)
    certd = start(Certd, config=f"http-listen = 127.0.0.1:{free_port()}\nmax-events = 100\n")
    declare(certd, pebble)
    talk(certd)
    renew(certd, max(rounds // 3, 4))  # caches and arenas have reached their size
    before = certd.resident_kib()
    descriptors = len(certd.descriptors())
    renew(certd, rounds)
    talk(certd)
    grown = certd.resident_kib() - before
    print(f"{rounds * AUTOS} renewals: {before} KiB and {grown} KiB more, {descriptors} descriptors")
    assert wait_for(lambda: len(certd.descriptors()) <= descriptors, 40, "no more descriptors than before")
    # Certificates stay in the store, which is mapped: pages that are read again are resident too.
    assert grown <= 1024 + rounds * AUTOS * 16
