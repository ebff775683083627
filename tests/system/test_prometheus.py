"""The alert rules, the dashboard and the file for node_exporter, as installed: each alert fires and resolves."""
import json
import os
import re
import stat
import time
from pathlib import Path

import pytest
from certd import Certd, is_sanitized
from pebble import Challtestsrv, Pebble
from procs import free_port, run, wait_for
from prometheus import Prometheus, check, get, has, samples, scrape, value

ETC = Path(__file__).parents[2] / "etc/prometheus"
RULES = ETC / "certd-rules.yml"
HERE = 'job="certd",instance="i"'
# Minutes at which a series is good, bad and good again.
GOOD_UNTIL, BAD_UNTIL, END = 30, 210, 390


def phases(good, bad, again=None):
    return f"{good}x{GOOD_UNTIL - 1} {bad}x{BAD_UNTIL - GOOD_UNTIL - 1} {good if again is None else again}x{END - BAD_UNTIL - 1}"


def always(number):
    return f"{number}x{END}"


NAME = f'name="shop",id="1",kind="auto",{HERE}'
TARGET = f'consumer="web",{NAME}'
EXPIRY = f"certd_certificate_expiry_timestamp_seconds{{{NAME}}}"
MARGIN = {f"certd_certificate_renewal_margin_expected_seconds{{{NAME}}}": always(864000)}
TOTALS = {f'certd_certificates_detailed{{{HERE},kind="auto"}}': always(0)}


def counted(requests, errors):
    """Ten requests a minute, which all fail while it is bad; a failed one is counted as one of each."""
    return {requests: f"0+10x{END}", errors: f"0x{GOOD_UNTIL - 1} 0+10x{BAD_UNTIL - GOOD_UNTIL - 1} 1790x{END}"}


def turns(bound, slow):
    """A turn each second; while it is bad each takes longer than 262 ms."""
    name = f'certd_loop_turn_seconds_bucket{{le="{bound}",{HERE}}}'
    if not slow:
        return {name: f"0+60x{END}"}
    return {name: f"0+60x{GOOD_UNTIL - 1} 1740x{BAD_UNTIL - GOOD_UNTIL - 1} 1800+60x{END}"}


# The series with which each alert fires, and only then.
CASES = {
    "CertdCertificateExpired": {EXPIRY: phases(1000000, 60)},
    "CertdRenewalLate": {EXPIRY: phases(10000000, 100000), **MARGIN, f"certd_certificate_paused{{{NAME}}}": always(0)},
    "CertdPausedCertificateExpires": {EXPIRY: phases(10000000, 100000), **MARGIN,
                                      f"certd_certificate_paused{{{NAME}}}": always(1)},
    "CertdImportedCertificateExpires": {EXPIRY.replace("auto", "imported"): phases(10000000, 100000)},
    "CertdIssueFails": {f"certd_certificate_consecutive_failures{{{NAME}}}": phases(2, 3)},
    "CertdConsumerStale": {f"certd_consumer_unserved{{{TARGET}}}": phases(0, 1)},
    "CertdConsumerFails": {f"certd_consumer_consecutive_failures{{{TARGET}}}": phases(2, 3)},
    "CertdRolledBack": {f'certd_consumer_step{{step="rolled back",{TARGET}}}':
                        f"_x{GOOD_UNTIL - 1} 1x{BAD_UNTIL - GOOD_UNTIL - 1} stale"},
    "CertdCertificatesExpired": {f'certd_auto_certificates_expiring{{within="0d",{HERE}}}': phases(0, 1), **TOTALS},
    "CertdWorkFails": {f'certd_work_failing{{action="issue",{HERE}}}': phases(0, 1), **TOTALS},
    "CertdAccountUnusable": {f'certd_provider_ready{{provider="le",{HERE}}}': phases(1, 0)},
    "CertdCaFails": counted(f'certd_ca_requests_total{{ca="ca",{HERE}}}', f'certd_ca_errors_total{{ca="ca",type="tls",{HERE}}}'),
    "CertdDnsProviderFails": counted(f'certd_dns_changes_total{{dns_provider="d",{HERE}}}',
                                     f'certd_dns_errors_total{{dns_provider="d",type="dns",{HERE}}}'),
    "CertdDown": {f"up{{{HERE}}}": phases(1, 0)},
    "CertdMetricsFileOld": {f'node_textfile_mtime_seconds{{file="/x/certd.prom",{HERE}}}':
                            f"0+60x{GOOD_UNTIL - 1} 1740x{BAD_UNTIL - GOOD_UNTIL - 1} 12600+60x{END - BAD_UNTIL}"},
    "CertdStoreFails": {f"certd_store_failing{{{HERE}}}": phases(0, 1)},
    "CertdStoreDamaged": {f"certd_store_damaged_records{{{HERE}}}": phases(0, 2)},
    "CertdClockWrong": {f"certd_clock_suspect{{{HERE}}}": phases(0, 1)},
    "CertdLate": {f"certd_work_lateness_seconds{{{HERE}}}": phases(3600, 3601), f"certd_clock_suspect{{{HERE}}}": always(0)},
    "CertdLoopSlow": {**turns("0.016384", True), **turns("1.048576", False), **turns("+Inf", False)},
}


def declared_alerts():
    return re.findall(r"^ +- alert: (\w+)$", RULES.read_text(), re.MULTILINE)


def test_each_rule_has_a_case():
    assert sorted(declared_alerts()) == sorted(CASES)
    result = run(["promtool", "check", "rules", RULES])
    assert f"{len(CASES)} rules found" in result.stdout


@pytest.mark.parametrize("alert", CASES)
def test_an_alert_fires_and_resolves(alert, scratch):
    def expect(minute, count):
        return {"eval_time": f"{minute}m", "expr": f'count(ALERTS{{alertname="{alert}",alertstate="firing"}})',
                "exp_samples": [{"labels": "{}", "value": count}] if count else []}

    series = [{"series": name, "values": values} for name, values in CASES[alert].items()]
    path = scratch / "test.yml"
    path.write_text(json.dumps({"rule_files": [str(RULES)], "evaluation_interval": "1m", "tests": [{
        "interval": "1m", "input_series": series,
        "promql_expr_test": [expect(GOOD_UNTIL - 2, 0), expect(BAD_UNTIL - 2, 1), expect(END - 40, 0)]}]}))
    result = run(["promtool", "test", "rules", path], check=False)
    assert result.returncode == 0, result.stdout + result.stderr


def names_in(text):
    """Metrics named by expressions, without the suffixes of a histogram's samples."""
    return {re.sub(r"_(bucket|sum|count)$", "", name) for name in re.findall(r"\bcertd_\w+", text)}


def test_rules_and_dashboard_only_use_metrics_that_exist(start):
    known = set(re.findall(r"^# TYPE (\S+) ", scrape(start(Certd)), re.MULTILINE))
    rules = "\n".join(line for line in RULES.read_text().splitlines() if not line.lstrip().startswith("#"))
    dashboard = json.loads((ETC / "certd-dashboard.json").read_text())
    expressions = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", [])]
    assert len(expressions) > 20
    assert names_in(rules) - known == set()
    assert names_in("\n".join(expressions)) - known == set()


def grid(panel):
    at = panel["gridPos"]
    return {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}


def test_the_panels_of_the_dashboard_do_not_overlap():
    panels = json.loads((ETC / "certd-dashboard.json").read_text())["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    seen = set()
    for panel in panels:
        assert panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24
        assert not seen & grid(panel), panel["title"]
        seen |= grid(panel)


@pytest.mark.limit(120)
def test_a_real_prometheus_fires_an_alert_and_resolves_it(start):
    """Textfile and REST give the same; here by REST. The dashboard's expressions are evaluated as well."""
    port = free_port()
    pebble = start(Pebble, dns=start(Challtestsrv).dns, validity=15)
    certd = start(Certd, config=f"http-listen = 127.0.0.1:{pebble.http_port}\nrest-listen = 127.0.0.1:{port}\nrest-plain = yes\n")
    certd.ctl("add-provider", "--name", "le", "--server", pebble.url, "--ca-file", pebble.ca_file,
              "--email", "ops@example.com", "--agree-tos")
    certd.ctl("add-auto", "--provider", "le", "--cn", "www.example.com", "--name", "shop")
    certd.ctl("pause", "shop")
    token = certd.call("token.create", properties={"name": "p", "role": "viewer"})["metadata"]["token"]
    prometheus = start(Prometheus, rules=RULES, scrape_configs=[
        {"job_name": "certd", "static_configs": [{"targets": [f"127.0.0.1:{port}"]}], "authorization": {"credentials": token}}])
    wait_for(lambda: prometheus.query('up{job="certd"} == 1'), 20, "a scrape")
    wait_for(lambda: "CertdCertificateExpired" in prometheus.alerts(), 40, "the alert")
    texts = prometheus.alerts()["CertdCertificateExpired"]["annotations"]
    assert texts["summary"] == "The certificate shop has expired" and "certctl explain shop" in texts["description"]
    dashboard = (ETC / "certd-dashboard.json").read_text()
    for panel in json.loads(dashboard)["panels"]:
        for target in panel.get("targets", []):
            prometheus.query(target["expr"].replace("$instance", ".*"))  # fails if it is refused
    certd.ctl("resume", "shop")
    certd.ctl("renew", "shop", "--force")
    wait_for(lambda: "CertdCertificateExpired" not in prometheus.alerts(), 20, "its end")


# --- the file for node_exporter ---

def start_with_file(start, scratch, interval="1s"):
    path = scratch / "textfile/certd.prom"
    path.parent.mkdir(exist_ok=True)
    return start(Certd, config=f"metrics-file = {path}\nmetrics-interval = {interval}\n"), path


def without_changing(text):
    """What does not change while nothing happens."""
    return {key: v for key, v in samples(text).items() if not re.search(r"_loop_|_commit", key[0])}


def test_the_file_has_what_a_scrape_has_and_follows_changes(start, scratch):
    certd, path = start_with_file(start, scratch)
    wait_for(path.exists, 10, "the file")
    check(path.read_text())
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    certd.ctl("add-consumer", "--name", "web")
    certd.ctl("add-token", "--name", "ci", "--role", "viewer")
    certd.ctl("add-provider", "--name", "le", "--server", "https://127.0.0.1:1/dir", "--email", "ops@example.com",
              "--agree-tos", "--no-wait")
    wait_for(lambda: has(samples(path.read_text()), "certd_provider_ready", provider="le"), 10, "the change in the file")
    wait_for(lambda: without_changing(path.read_text()).keys() == without_changing(scrape(certd)).keys(), 20)
    wait_for(lambda: os.listdir(path.parent) == ["certd.prom"], what="only the file, between two writes")


def test_the_file_is_written_at_most_as_often_as_configured(start, scratch):
    certd, path = start_with_file(start, scratch, "1h")
    wait_for(path.exists, 10, "the first version")
    first = path.stat().st_ino
    certd.ctl("add-provider", "--name", "le", "--server", "https://127.0.0.1:1/dir", "--email", "ops@example.com",
              "--agree-tos", "--no-wait")
    certd.ctl("add-consumer", "--name", "web")
    assert path.stat().st_ino == first and not has(samples(path.read_text()), "certd_provider_ready")


def test_a_file_that_cannot_be_written_is_reported_once_and_written_later(start, scratch):
    path = scratch / "missing/certd.prom"
    certd = start(Certd, config=f"metrics-file = {path}\nmetrics-interval = 1s\n")
    wait_for(lambda: "metrics-file" in str(certd.call("server.status")["warnings"]), 10, "the warning")
    assert f"open '{path.parent}': No such file or directory" in str(certd.call("server.status")["warnings"])
    path.parent.mkdir()
    certd.ctl("add-consumer", "--name", "web")
    wait_for(path.exists, 10, "the file")
    wait_for(lambda: "metrics-file" not in str(certd.call("server.status").get("warnings")), 10, "the end of the warning")
    assert certd.log.count("metrics-file: ") == 1


@pytest.mark.skipif(is_sanitized(), reason="a kill leaves nothing to check")
def test_a_reader_never_sees_a_part_and_a_kill_leaves_no_other_file(start, scratch):
    certd, path = start_with_file(start, scratch)
    wait_for(path.exists, 10)
    until = time.monotonic() + 4
    while time.monotonic() < until:
        text = path.read_text()
        assert text.startswith("# TYPE certd_") and has(samples(text), "certd_build_info")
        if int(time.monotonic() * 10) % 10 == 0:
            certd.ctl("add-consumer", "--name", f"web{time.monotonic_ns()}")
    certd.kill9()
    (path.parent / ".certd-left").write_text("of a crash")
    certd.start()
    wait_for(lambda: os.listdir(path.parent) == ["certd.prom"], 10, "only the file")
    assert value(samples(path.read_text()), "certd_build_info") == 1
