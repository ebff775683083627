"""The journal's catalogue: what journalctl makes of it, and whether the messages in the journal have its ids."""
import os
import re

import pytest
from certd import Certd, program
from procs import run


def catalogue():
    return run([program("certd"), "--help-events"]).stdout


def entries():
    """{id: text of the entry}"""
    parts = re.split(r"^-- ([0-9a-f]{32})$", catalogue(), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2]))


@pytest.fixture
def root(scratch):
    """A root directory whose catalogue is certd's alone."""
    path = scratch / "usr/lib/systemd/catalog/certd.catalog"
    path.parent.mkdir(parents=True)
    (scratch / "var/lib/systemd/catalog").mkdir(parents=True)
    path.write_text(catalogue())
    return scratch


def test_journalctl_reads_the_catalogue(root):
    built = run(["journalctl", f"--root={root}", "--update-catalog"], check=False)
    assert built.returncode == 0 and not built.stderr, built
    listed = run(["journalctl", f"--root={root}", "--list-catalog"]).stdout
    known = entries()
    assert len(known) > 30
    for identity, text in known.items():
        subject = re.search(r"^Subject: (.*)$", text, re.MULTILINE)[1]
        assert f"{identity} certd: {subject}" in listed
    dumped = run(["journalctl", f"--root={root}", "--dump-catalog"]).stdout
    failed = next(text for text in known.values() if "issue.failed" in text)
    assert "certctl explain NAME" in failed and failed.strip().splitlines()[-1] in dumped


def test_each_kind_of_event_of_the_manual_has_an_entry(start):
    certd = start(Certd)
    assert {event["kind"] for event in certd.call("event.list")["items"]} >= {"server.started"}
    text = catalogue()
    assert "Kind of event: server.started. Its level is info." in text
    assert len(set(re.findall(r"^Kind of event: (\S+)\. ", text, re.MULTILINE))) == len(entries())


def test_the_built_catalogue_is_what_certd_prints():
    built = program("certd.catalog")
    assert built.read_text() == catalogue()
    assert os.path.getmtime(built) >= os.path.getmtime(program("certd"))
