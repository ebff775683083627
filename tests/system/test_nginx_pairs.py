"""nginx opens a file twice that it is to read key and certificate from. While certificates are replaced in a tight loop it
must never get the key of one and the certificate of another. NGINX_LOADS is how often it loads (make check-nginx-pairs).
"""
import os
import re
import threading

import pytest
from certd import Certd
from procs import wait_for
from tls import ThrowAwayCa, parse_certificate, tls_leaf
from webservers import Nginx

NAME = "www.example.com"
LOADS = int(os.environ.get("NGINX_LOADS", "300"))
CONTROL_MOST = 5000
MISMATCH = "key values mismatch"

pytestmark = [pytest.mark.plain_build, pytest.mark.limit(120 + LOADS // 10)]


class Renewals(threading.Thread):
    """Replaces the imported certificate "www" again and again. `count`: how often its files were written."""

    def __init__(self, certd, ca):
        super().__init__()
        self.certd, self.ca_text, self.count = certd, ca.cert_file.read_text(), 0
        self.pairs = [[file.read_text() for file in ca.issue(NAME, days=30 + i)] for i in range(8)]
        self.manifest = certd.drop("www") / "manifest.json"
        self.stopping = threading.Event()
        self.ended_well = False
        with certd.rpc() as rpc:
            self.newest = self._import(rpc)
        wait_for(self.manifest.exists, 20, "the first files")

    def _import(self, rpc, **more):
        certificate, key = self.pairs[self.count % len(self.pairs)]
        self.count += 1
        return rpc.call("certificate.create", properties={
            "name": "www", "certificate": certificate, "certificateChain": self.ca_text, "privateKey": key}, **more)["id"]

    def run(self):
        with self.certd.rpc() as rpc:
            while not self.stopping.is_set():
                before = self.manifest.stat().st_ino
                self.newest = self._import(rpc, replace=self.newest)
                wait_for(lambda before=before: self.manifest.stat().st_ino != before, 20, "the files", 0.0005)
        self.ended_well = True

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        self.join()
        assert self.ended_well


@pytest.fixture
def certd(start):
    return start(Certd)


@pytest.fixture
def renewals(certd, scratch):
    return Renewals(certd, ThrowAwayCa(scratch / "ca"))


def versions(certd):
    return [path for path in certd.drop("www").iterdir() if re.fullmatch(r"bundle-[0-9a-f]{16}\.pem", path.name)]


def test_what_nginx_conf_names_is_always_a_pair(certd, renewals, start):
    nginx = start(Nginx, bundles={NAME: certd.drop("www") / "nginx.conf"})
    began = renewals.count
    with renewals:
        for i in range(LOADS):
            tested = nginx.test()
            assert tested.returncode == 0, (i, renewals.count, tested.stderr)
            if i % 10 == 0:
                nginx.reload()
    assert renewals.count > began + LOADS // 10, "too few to mean anything"
    assert MISMATCH not in nginx.log and "[emerg]" not in nginx.log
    nginx.reload()
    assert tls_leaf("127.0.0.1", nginx.tls_port, NAME).serial == parse_certificate(certd.drop("www") / "cert.pem").serial


def test_one_file_named_twice_is_not(certd, renewals, start):
    """The control: bundle.pem, which is replaced at once, for both directives."""
    nginx = start(Nginx, bundles={NAME: certd.drop("www") / "bundle.pem"})
    with renewals:
        assert any(MISMATCH in nginx.test().stderr for _ in range(CONTROL_MOST))


def test_two_files_are_not(certd, renewals, start):
    """The control: privkey.pem and fullchain.pem."""
    drop = certd.drop("www")
    nginx = start(Nginx, bundles={NAME: drop / "bundle.pem"})
    config = nginx.config.read_text().replace(f"ssl_certificate_key {drop}/bundle.pem",
                                              f"ssl_certificate_key {drop}/privkey.pem")
    nginx.config.write_text(config.replace("bundle.pem", "fullchain.pem"))
    with renewals:
        assert any(MISMATCH in nginx.test().stderr for _ in range(CONTROL_MOST))


def test_bundles_of_former_certificates_stay_a_while_and_go_with_it(certd, renewals):
    first, = versions(certd)
    with renewals:
        wait_for(lambda: len(versions(certd)) == len(renewals.pairs), 20, "all pairs in turn")
    assert all("PRIVATE KEY" in path.read_text() and path.stat().st_mode & 0o777 == 0o600 for path in versions(certd))
    assert first in versions(certd)
    certd.ctl("rm", "cert", "www")
    wait_for(lambda: not certd.drop("www").exists(), 20, "the directory is gone")


def test_a_drop_of_an_earlier_certd_gets_what_is_missing(certd, renewals):
    (certd.drop("www") / "nginx.conf").unlink()
    versions(certd)[0].unlink()
    certd.stop()
    certd.start()
    wait_for(lambda: (certd.drop("www") / "nginx.conf").exists() and versions(certd), 20, "nginx.conf")
