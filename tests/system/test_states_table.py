"""The table of states in certd(8) names what exists: every step, and real events, metrics and conditions of alerts."""
import re
from pathlib import Path

from certd import Certd

MANUAL = Path(__file__).resolve().parents[2] / "daemon" / "certd.8.in"


def section():
    text = MANUAL.read_text(encoding="utf-8").replace("\\-", "-").replace("\\fR", "")
    return re.search(r"\.SH STATES OF A DEPLOYMENT\n(.*?)\n\.SH ", text, re.DOTALL).group(1)


def bold(text):
    return re.findall(r"^\.BR? \"?([^\s\",;]+)", text, re.MULTILINE)


def test_each_state_is_in_the_manual_with_signs_that_exist(start):
    certd = start(Certd)
    text = section()
    states = re.findall(r"^\.TP\n\.B (.*)$", text, re.MULTILINE)
    steps = {"staged", "written", "tested", "activated", "probed", "served", "rolled back"}
    assert set(states) == steps
    described = str(certd.call("rpc.discover"))
    assert all(step in described for step in steps)
    words = set(bold(text))
    source = Path(__file__).resolve().parents[2]
    events = (source / "common/api/event.c").read_text(encoding="utf-8")
    for event in [word for word in words if re.fullmatch(r"[a-z]+\.[a-zA-Z]+", word) and word != "certd.conf"]:
        assert f'"{event}"' in events, event
    metrics = (source / "daemon/service/metrics_table.c").read_text(encoding="utf-8")
    for metric in [word for word in words if word.startswith("certd_")]:
        assert f'"{metric}"' in metrics, metric
    conditions = (source / "common/api/alert_kinds.h").read_text(encoding="utf-8")
    for alert in re.findall(r"alert\n\.B?R? ?(\w+)", text):
        assert f"CONDITION({alert}," in conditions, alert
