"""What operators stumbled over: each is a word they typed or a message they could not act on."""
import re
import shlex

import pytest
from certd import Certd
from pebble import Challtestsrv, Pebble
from procs import free_port, run


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
    assert out.returncode == 66 and "there is no autocertificate 'missing.example.com'" in out.stderr
    for name, certificate in before.items():
        assert site.ctl_json("show", "auto", name)["metadata"]["lastIssuedCertificate"] != certificate
    site.ctl("delete", "auto", "a.example.com", "b.example.com")
    assert site.ctl_json("ls") == []
