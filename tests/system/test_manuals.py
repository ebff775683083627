"""The manuals render without a warning and agree with the programs."""
import os
import re
from pathlib import Path

import pytest
from certd import program
from procs import run

PAGES = ("certd.8", "certd.conf.5", "certctl.1")


def text_of(page):
    return run(["man", "-l", Path(os.environ["CERTD_BUILDDIR"]) / page],
               env={**os.environ, "MANWIDTH": "200", "LC_ALL": "C.UTF-8", "MAN_KEEP_FORMATTING": ""}).stdout


@pytest.mark.parametrize("page", PAGES)
def test_a_page_renders_without_a_warning(page):
    result = run(["man", "--warnings", "-E", "UTF-8", "-l", Path(os.environ["CERTD_BUILDDIR"]) / page])
    assert result.stderr == ""
    assert not re.search(r"@[A-Z]+@", result.stdout), "a place was not filled in"


def test_certd_8_has_every_option_of_the_program():
    options = re.findall(r"--[a-z-]+", run([program("certd"), "--help"]).stdout)
    text = text_of("certd.8")
    assert [option for option in options if option not in text] == []


def test_certd_conf_5_has_every_option_with_its_meaning():
    text = re.sub(r"\s+", " ", text_of("certd.conf.5"))
    listed = re.findall(r"^(\S+) = (\S+)\n +(.+)$", run([program("certd"), "--help-config"]).stdout, re.MULTILINE)
    assert len(listed) > 15
    for name, kind, meaning in listed:
        assert f"{name} = {kind}" in text, name
        assert meaning in text, name


def test_the_sample_configuration_shows_options_at_their_defaults(scratch):
    """With all lines enabled it must load: a removed option or a refused value fails here."""
    sample = Path(__file__).parents[2] / "etc/certd.conf"
    lines = [re.sub(r"^#(?=[a-z-]+ *=)", "", line) for line in sample.read_text().splitlines()]
    names = [line.split("=")[0].strip() for line in lines if re.match(r"[a-z-]+ *=", line)]
    known = re.findall(r"^(\S+) = ", run([program("certd"), "--help-config"]).stdout, re.MULTILINE)
    assert names and set(names) <= set(known)


def test_certctl_1_has_every_dns_service_with_its_settings():
    text = re.sub(r"\s+", " ", text_of("certctl.1"))
    start = text.index("DNS SERVICES These are")
    table = text[start:text.index("DECLARATIONS AS A FILE", start)]
    shown = run([program("certctl"), "add-dns", "--help"]).stdout
    kinds = re.search(r"--kind KIND +(.+?); see", shown).group(1).split(", ")
    assert len(kinds) > 15 and [kind for kind in kinds if f" {kind} " not in table] == []
    assert "--account: number of the account (required)" in table
    assert "--endpoint: URL of the API (default: https://api.vultr.com/v2)" in table
