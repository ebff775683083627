"""One auto-certificate with an ECDSA and an RSA key: servers present either, and each is renewed and probed alone."""
import re
import shutil
import subprocess

import pytest
from certd import Certd
from pebble import Pebble
from procs import free_port, patient, wait_for
from tls import parse_certificate
from webservers import Haproxy, Nginx

NAME = "www.example.com"
KINDS = {"www": "ECDSA+SHA256", "www-rsa": "rsa_pss_rsae_sha256:RSA+SHA256"}


def presented(port, sigalg):
    """The serial number of the certificate that a client gets which knows only @sigalg."""
    said = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-servername", NAME, "-sigalgs", sigalg],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=patient(20), check=False).stdout
    found = re.search("-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", said, re.DOTALL)
    return parse_certificate(found.group(0) + "\n").serial if found else said


def deployed(certd, name):
    return parse_certificate(certd.drop(name) / "cert.pem").serial


@pytest.fixture
def certd(start):
    port = free_port()
    pebble = start(Pebble, always_valid=True, http_port=port)
    certd = start(Certd, config=f"http-listen = 127.0.0.1:{port}\n")
    certd.call("provider.create", properties={"name": "le", "email": "ops@example.com", "server": pebble.url,
                                              "caFile": str(pebble.ca_file), "termsOfServiceAgreed": True})
    return certd


def add(certd, *options):
    certd.ctl("add-auto", "--provider", "le", "--cn", NAME, "--name", "www", *options)
    wait_for((certd.drop("www") / "manifest.json").exists, patient(60), "the files")


def wait_for_second(certd):
    wait_for((certd.drop("www-rsa") / "manifest.json").exists, patient(60), "the files of the second key")


def test_nginx_presents_either_key_from_one_include_and_each_is_probed_alone(certd, scratch, start):
    add(certd)
    conf = certd.drop("www") / "nginx.conf"
    assert "nginx.con[f]" not in conf.read_text()
    nginx = start(Nginx, bundles={NAME: conf})
    files = scratch / "files"
    files.mkdir()
    certd.ctl("add-consumer", "--name", "web", "--activate", "none", "--probe", f"127.0.0.1:{nginx.tls_port}",
              "--directory", files, "--file", "bundle:{domain}.pem.{type}")
    certd.ctl("set", "auto", "www", "--key-algorithms", "secp256r1,rsa2048", "--consumer", "web")
    wait_for_second(certd)
    wait_for(lambda: "nginx.con[f]" in conf.read_text(), patient(60), "the include of the second key")
    nginx.reload()

    def served(name):
        return certd.call("autoCertificate.get", ref=name)["metadata"].get("served")

    for name, sigalg in KINDS.items():
        wait_for(lambda name=name: served(name) == "served", patient(60), name)
        assert presented(nginx.tls_port, sigalg) == deployed(certd, name)
        suffix = "rsa" if "RSA" in sigalg else "ecdsa"
        assert parse_certificate(files / f"{NAME}.pem.{suffix}").serial == deployed(certd, name)
    before = {name: deployed(certd, name) for name in KINDS}
    certd.call("autoCertificate.renew", ref="www-rsa")  # nobody reloads nginx
    wait_for(lambda: served("www-rsa") == "stale", patient(60), "the old RSA certificate to be seen")
    assert served("www") == "served" and deployed(certd, "www") == before["www"]
    nginx.reload()
    for name, sigalg in KINDS.items():
        assert presented(nginx.tls_port, sigalg) == deployed(certd, name)
    assert deployed(certd, "www-rsa") != before["www-rsa"]

    certd.stop()
    shutil.rmtree(certd.drop("www-rsa"))  # a second key whose files do not exist yet, or any more
    nginx.reload()
    assert presented(nginx.tls_port, KINDS["www"]) == deployed(certd, "www")


def test_haproxy_presents_either_key_and_takes_a_renewal_of_both_without_a_reload(certd, start):
    (certd.state / "pem").mkdir(exist_ok=True)
    haproxy = start(Haproxy, certd.state / "pem")
    certd.ctl("add-consumer", "--name", "lb", "--activate", "haproxy", "--stats-socket", haproxy.stats_socket,
              "--probe", f"127.0.0.1:{haproxy.tls_port}")
    add(certd, "--consumer", "lb", "--key-algorithms", "secp256r1,rsa2048")
    wait_for_second(certd)
    for name, sigalg in KINDS.items():
        wait_for(lambda n=name, s=sigalg: presented(haproxy.tls_port, s) == deployed(certd, n), patient(30), name)
    before = {name: deployed(certd, name) for name in KINDS}
    certd.ctl("renew", "www")
    for name, sigalg in KINDS.items():
        wait_for(lambda name=name: deployed(certd, name) != before[name], patient(60), f"the files of {name}")
        wait_for(lambda n=name, s=sigalg: presented(haproxy.tls_port, s) == deployed(certd, n), patient(30), name)


def test_the_second_key_follows_its_declaration(certd, scratch):
    add(certd, "--key-algorithms", "secp256r1,rsa2048", "--label", "red")
    assert (certd.drop("www-rsa") / "manifest.json").exists(), "certctl has waited for both"
    second = certd.call("autoCertificate.get", ref="www-rsa")
    first = certd.call("autoCertificate.get", ref="www")  # shows what was declared
    assert first["metadata"]["variant"] == second["id"] and second["metadata"]["variantOf"] == first["id"]
    assert first["properties"]["keyAlgorithms"] == ["secp256r1", "rsa2048"] and "keyAlgorithm" not in first["properties"]

    for words in (("set", "auto", "www-rsa", "--label", "blue"), ("pause", "www-rsa"), ("rm", "auto", "www-rsa")):
        refused = certd.ctl(*words, check=False)
        assert refused.returncode != 0 and "'www-rsa' has the second key of 'www' and follows it" in refused.stderr
    certd.ctl("set", "auto", "www", "--label", "blue", "--name", "shop")
    certd.ctl("pause", "shop")
    second = certd.call("autoCertificate.get", ref="shop-rsa")
    assert second["properties"]["labels"] == ["blue"] and second["metadata"]["paused"]
    certd.ctl("resume", "shop")
    assert not certd.call("autoCertificate.get", ref="shop-rsa")["metadata"]["paused"]

    dump = scratch / "all.yaml"
    dump.write_text(certd.ctl("dump").stdout)
    assert "shop-rsa" not in dump.read_text()
    assert certd.ctl("apply", "-f", dump, "--prune").stdout.splitlines()[-1].startswith("0 created, 0 changed, 0 removed")

    one = ("set", "auto", "shop", "--key-algorithms", "secp256r1")
    assert "'shop-rsa', with the second key, is deleted with its files" in certd.ctl(*one, "--dry-run").stdout
    certd.ctl(*one)
    wait_for(lambda: not certd.drop("www-rsa").exists(), patient(30), "the files of the second key to be removed")
    assert [a["properties"]["name"] for a in certd.call("autoCertificate.list")["items"]] == ["shop"]
    conf = certd.drop("www") / "nginx.conf"
    wait_for(lambda: "nginx.con[f]" not in conf.read_text(), patient(30), "the include to be removed")
