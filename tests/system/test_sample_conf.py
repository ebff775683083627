"""The installed certd.conf shows certd's defaults."""
import re
from pathlib import Path

from certd import Certd, program
from procs import run

SAMPLE = Path(__file__).parents[2] / "etc/certd.conf"


def settings():
    """The commented-out lines as (name, value); prose has a blank after the #."""
    return re.findall(r"^#([a-z-]+) =(.*)$", SAMPLE.read_text(), re.M)


def test_every_line_is_an_option_at_its_default():
    defaults = {}
    for name, text in re.findall(r"^(\S+) = .*\n    (.*)$", run([program("certd"), "--help-config"]).stdout, re.M):
        default = re.search(r"\(default: (.*)\)$", text)
        defaults[name] = default[1] if default else ""
    assert len(settings()) > 5
    for name, value in settings():
        assert defaults[name] == value.strip(), name


def test_certd_starts_with_all_of_them_in_force(start):
    text = SAMPLE.read_text()
    certd = start(Certd, config=re.sub(r"^#(?=[a-z-]+ =)", "", text, flags=re.M))
    assert certd.call("server.status")["state"] == "running"
    assert all(line.startswith("#") for line in text.splitlines() if line)
