"""The table of states in certd(8) names what exists: every step, and real events, metrics and conditions of alerts."""
import re
from pathlib import Path

from certd import Certd

SOURCE = Path(__file__).resolve().parents[2]
MANUAL = SOURCE / "daemon" / "certd.8.in"


def section():
    text = MANUAL.read_text(encoding="utf-8").replace("\\-", "-").replace("\\fR", "")
    return re.search(r"\.SH STATES OF A DEPLOYMENT\n(.*?)\n\.SH ", text, re.DOTALL).group(1)


def conditions():
    """The rows of the table of conditions."""
    source = (SOURCE / "common/api/alert_kinds.h").read_text(encoding="utf-8")
    return re.findall(r"^\tCONDITION\((\w+), ", source, re.MULTILINE)


def parts(text, heading):
    """{word: text of its entry} of the list below @heading"""
    below = text.split(heading, 1)[1].split("\n.S", 1)[0]
    entries = re.split(r"^\.TP\n\.B (.*)$", below, flags=re.MULTILINE)
    return dict(zip(entries[1::2], entries[2::2]))


def bold(text):
    return re.findall(r"^\.BR? \"?([^\s\",;]+)", text, re.MULTILINE)


def test_each_state_is_in_the_manual_with_signs_that_exist(start):
    certd = start(Certd)
    text = section()
    states = re.findall(r"^\.TP\n\.B (.*)$", text.split("\n.SS ", 1)[0], re.MULTILINE)
    steps = {"staged", "written", "tested", "activated", "probed", "served", "rolled back"}
    assert set(states) == steps
    described = str(certd.call("rpc.discover"))
    assert all(step in described for step in steps)
    words = set(bold(text))
    source = SOURCE
    events = (source / "common/api/event.c").read_text(encoding="utf-8")
    for event in [word for word in words if re.fullmatch(r"[a-z]+\.[a-zA-Z]+", word) and word != "certd.conf"]:
        assert f'"{event}"' in events, event
    metrics = (source / "daemon/service/metrics_table.c").read_text(encoding="utf-8")
    for metric in [word for word in words if word.startswith("certd_")]:
        assert f'"{metric}"' in metrics, metric
    conditions = (source / "common/api/alert_kinds.h").read_text(encoding="utf-8")
    for alert in re.findall(r"alert\n\.B?R? ?(\w+)", text):
        assert f"CONDITION({alert}," in conditions, alert


def test_each_condition_is_in_the_manual_with_where_it_is_shown(start):
    certd = start(Certd)
    words = conditions()
    manual = MANUAL.read_text(encoding="utf-8").replace("\\-", "-").replace("\\fR", "")
    assert list(parts(manual, ".SS Where each condition is shown\n")) == words
    assert list(parts(manual, "The conditions, the worst first:\n")) == words
    kinds = set(re.findall(r'"([a-z]+\.[a-zA-Z]+)"', (SOURCE / "common/api/event.c").read_text(encoding="utf-8")))
    metrics = set(re.findall(r'{ "(certd_\w+)"', (SOURCE / "daemon/service/metrics_table.c").read_text(encoding="utf-8")))
    for word, text in parts(manual, ".SS Where each condition is shown\n").items():
        signs = bold(text)
        assert {sign for sign in signs if sign.startswith("certd_")} <= metrics, word
        events = {sign for sign in signs if re.fullmatch(r"[a-z]+\.[a-zA-Z]+", sign)}
        assert events <= kinds and (events or word in ("audit", "dane", "persist")), (word, events - kinds)
    counted = certd.call("server.metrics")["text"]
    for word in words:
        for severity in ("warning", "critical"):
            assert f'certd_conditions{{condition="{word}",severity="{severity}"}} 0\n' in counted
    assert all(word in str(certd.call("rpc.discover")) for word in words)
