"""Metrics: what promtool and a real Prometheus make of them, and whether they say what is the case."""
import contextlib
import json
import re
import socket
import ssl
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

import pytest
from certd import Certd
from pebble import Challtestsrv, Pebble
from procs import free_port, patient, wait_for
from prometheus import Prometheus, check, get, has, samples, scrape, value
from test_manuals import text_of
from tls import ThrowAwayCa, parse_certificate

NAME = "www.example.com"
OPENMETRICS = "application/openmetrics-text; version=1.0.0"


@pytest.fixture
def pebble(start):
    return start(Pebble, dns=start(Challtestsrv).dns, validity=86400)


def serve(listener, context):
    """Shakes hands with everybody, until the listener is closed."""
    while True:
        try:
            connection, _ = listener.accept()
            with contextlib.suppress(OSError):
                context.wrap_socket(connection, server_side=True).close()
        except OSError:
            return


def start_certd(start, pebble, config=""):
    certd = start(Certd, config=f"http-listen = 127.0.0.1:{pebble.http_port}\n{config}")
    certd.ctl("add-provider", "--name", "le", "--server", pebble.url, "--ca-file", pebble.ca_file,
              "--email", "ops@example.com", "--agree-tos")
    return certd


def test_the_metrics_say_what_the_certificate_and_its_consumer_are(start, pebble, scratch):
    certd = start_certd(start, pebble)
    port = free_port()
    certd.ctl("add-consumer", "--name", "web", "--probe", f"127.0.0.1:{port}")
    certd.ctl("add-auto", "--provider", "le", "--cn", NAME, "--name", "shop \"1\\", "--consumer", "web",
              "--renew-before", "2h", "--no-wait")
    wait_for(lambda: certd.call("autoCertificate.list")["items"][0]["metadata"].get("notAfter"), 20)
    wait_for(lambda: not [row for row in certd.call("schedule.list")["items"] if row["kind"] == "deploy"],
             what="the end of the rollout, which is the next thing to do until then")
    auto = certd.call("autoCertificate.list")["items"][0]
    here = {"name": 'shop \\"1\\\\', "kind": "auto"}
    found = samples(scrape(certd))
    expiry = value(found, "certd_certificate_expiry_timestamp_seconds", **here)
    assert time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(expiry)) == auto["metadata"]["notAfter"]
    assert value(found, "certd_certificate_renewal_timestamp_seconds", **here) == expiry - 2 * 3600
    assert value(found, "certd_certificate_renewal_margin_expected_seconds", **here) == 2 * 3600
    # The jitter of a tenth is before the margin.
    assert 2 * 3600 <= value(found, "certd_certificate_renewal_margin_seconds", **here) <= 2.2 * 3600
    following = value(found, "certd_certificate_next_attempt_timestamp_seconds", **here)
    assert time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(following)) == auto["metadata"]["nextDate"]
    assert value(found, "certd_certificate_consecutive_failures", **here) == 0
    assert value(found, "certd_auto_certificates", state="available") == 1
    assert [value(found, "certd_auto_certificates_expiring", within=w) for w in ("0d", "1d", "7d")] == [0, 1, 1]
    ca = f"localhost:{pebble.port}" if "localhost" in pebble.url else f"127.0.0.1:{pebble.port}"
    assert value(found, "certd_ca_requests_total", ca=ca) >= 8
    assert value(found, "certd_ca_request_duration_seconds_count", ca=ca) == \
        value(found, "certd_ca_request_duration_seconds_bucket", ca=ca, le="+Inf") == \
        value(found, "certd_ca_requests_total", ca=ca)
    assert value(found, "certd_provider_ready", provider="le") == 1

    def state():
        found = samples(scrape(certd))
        return [dict(pairs)["state"] for (name, pairs), _ in found.items() if name == "certd_consumer_state"]

    wait_for(lambda: state() == ["unreachable"], 20)
    endpoint = {"consumer": "web", "endpoint": f"127.0.0.1:{port}", **here}
    assert value(samples(scrape(certd)), "certd_endpoint_state", state="unreachable", **endpoint) == 1
    assert not has(samples(scrape(certd)), "certd_endpoint_expiry_timestamp_seconds")
    # A server with another certificate: the endpoint says until when that is valid.
    other, key = ThrowAwayCa(scratch).issue(NAME, days=7)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(other, key)
    with socket.create_server(("127.0.0.1", port)) as listener:
        threading.Thread(target=serve, args=(listener, context), daemon=True).start()
        certd.ctl("probe", "web", check=False)
        wait_for(lambda: state() == ["stale"], 20)
        assert value(samples(scrape(certd)), "certd_endpoint_expiry_timestamp_seconds", **endpoint) == \
            parse_certificate(other).not_after.timestamp()
        rollout = certd.call("consumer.get", ref="web")["metadata"]["rollouts"][0]
        assert [(e["endpoint"], e["served"]) for e in rollout["endpoints"]] == [(f"127.0.0.1:{port}", "stale")]
    certd.ctl("pause", 'shop "1\\')
    found = samples(scrape(certd))
    assert value(found, "certd_certificate_paused", **here) == 1
    assert value(found, "certd_certificate_renewal_margin_seconds", **here) == 0
    assert not has(found, "certd_certificate_next_attempt_timestamp_seconds", **here)


def test_failures_are_counted_by_problem_type_and_class(start, pebble):
    certd = start_certd(start, pebble)
    pebble_ca = f":{pebble.port}"
    certd.ctl("add-auto", "--provider", "le", "--cn", "a.example.com", "--name", "a", "--no-wait")
    certd.ctl("add-provider", "--name", "dead", "--server", f"https://127.0.0.1:{free_port()}/dir", "--email",
              "ops@example.com", "--agree-tos", "--no-wait")
    wait_for(lambda: has(samples(scrape(certd)), "certd_ca_errors_total", type="network"), 20)
    found = samples(scrape(certd))
    assert value(found, "certd_provider_ready", provider="dead") == 0
    wait_for(lambda: value(samples(scrape(certd)), "certd_work_failing", action="account") == 1, 20)
    assert any(pairs for name, pairs in found if name == "certd_ca_requests_total" and pebble_ca in str(pairs))
    check(scrape(certd))


def test_changes_of_dns_records_are_counted_for_each_provider(start, pebble, scratch):
    certd = start_certd(start, pebble)
    hook = scratch / "hook"
    hook.write_text("#!/bin/sh\nexit 3\n")
    hook.chmod(0o755)
    certd.ctl("add-dns", "--name", "hook", "--kind", "exec", "--command", hook, "--zone", "example.com")
    certd.ctl("add-auto", "--provider", "le", "--cn", "a.example.com", "--challenge", "dns-01", check=False)
    found = samples(scrape(certd))
    assert value(found, "certd_dns_changes_total", dns_provider="hook") >= 1
    assert value(found, "certd_dns_errors_total", dns_provider="hook", type="hook") >= 1
    assert value(found, "certd_dns_change_duration_seconds_count", dns_provider="hook") >= 1


def import_certificate(certd, ca, name):
    cert, key = ca.issue("old.example.com", days=10)
    return certd.ctl_json("import", "--cert", cert, "--key", key, "--chain", ca.cert_file, "--name", name)


def test_an_imported_certificate_has_series_as_long_as_it_is_in_use(start, pebble, scratch):
    certd = start_certd(start, pebble)
    ca = ThrowAwayCa(scratch)
    imported = import_certificate(certd, ca, "old")
    found = samples(scrape(certd))
    assert value(found, "certd_certificate_expiry_timestamp_seconds", name="old", kind="imported") == \
        parse_certificate(certd.drop("old") / "cert.pem").not_after.timestamp()
    assert not has(found, "certd_certificate_paused", kind="imported")
    certd.ctl("remove", "certificate", imported["id"])
    assert not has(samples(scrape(certd)), "certd_certificate_expiry_timestamp_seconds")


def test_with_too_many_certificates_there_are_only_totals(start, pebble, scratch):
    certd = start_certd(start, pebble, "metrics-certificates = 2\n")
    ca = ThrowAwayCa(scratch)
    for number in range(2):
        import_certificate(certd, ca, f"old {number}")
    for name in "ab":
        certd.ctl("add-auto", "--provider", "le", "--cn", f"{name}.example.com", "--name", name)
    found = samples(scrape(certd))
    assert value(found, "certd_certificates_detailed", kind="auto") == 1 and has(found, "certd_certificate_paused", name="b")
    certd.ctl("add-auto", "--provider", "le", "--cn", "c.example.com", "--name", "c")
    text = scrape(certd)
    check(text)
    found = samples(text)
    assert value(found, "certd_certificates_detailed", kind="auto") == 0
    assert not [name for name, pairs in found if dict(pairs).get("kind") == "auto" and "name" in dict(pairs)]
    # Imported ones have their own limit.
    assert value(found, "certd_certificates_detailed", kind="imported") == 1
    names = {dict(pairs).get("name") for name, pairs in found if name == "certd_certificate_expiry_timestamp_seconds"}
    assert names == {"old 0", "old 1"}
    import_certificate(certd, ca, "old 2")
    found = samples(scrape(certd))
    assert value(found, "certd_certificates_detailed", kind="imported") == 0
    assert not [name for name, pairs in found if "name" in dict(pairs)]
    assert value(found, "certd_auto_certificates", state="available") == 3
    assert value(found, "certd_auto_certificates_expiring", within="1d") == 3


def test_both_formats_are_valid_and_prometheus_reads_them(start, pebble, scratch):
    port = free_port()
    certd = start_certd(start, pebble, f"rest-listen = 127.0.0.1:{port}\nrest-plain = yes\n")
    certd.ctl("add-auto", "--provider", "le", "--cn", NAME, "--name", "shop")
    answer, text = get(certd)
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    check(text)
    answer, opened = get(certd, Accept=OPENMETRICS + ";q=0.8, text/plain;q=0.5")
    assert answer.headers["Content-Type"].startswith(OPENMETRICS)
    assert opened.endswith("# EOF\n") and "# UNIT certd_store_size_bytes bytes" in opened
    assert {key for key in samples(text)} == {key for key in samples(opened)}
    secret = scratch / "token"
    secret.write_text(certd.call("token.create", properties={"name": "prometheus", "role": "viewer"})["metadata"]["token"])
    job = {"job_name": "certd", "metrics_path": "/metrics", "static_configs": [{"targets": [f"127.0.0.1:{port}"]}]}
    prometheus = start(Prometheus, scrape_configs=[
        {**job, "authorization": {"credentials_file": str(secret)}}, {**job, "job_name": "stranger"}])
    wait_for(lambda: prometheus.query('up{job="certd"} == 1'), 20, "a successful scrape")
    wait_for(lambda: prometheus.query('up{job="stranger"} == 0'), 20, "a refused scrape")
    (labels, expiry), = prometheus.query("certd_certificate_expiry_timestamp_seconds")
    assert labels["name"] == "shop" and labels["kind"] == "auto"
    assert expiry == value(samples(text), "certd_certificate_expiry_timestamp_seconds")
    types = json.loads(prometheus.get("/api/v1/targets/metadata?" + urllib.parse.urlencode(
        {"match_target": '{job="certd"}', "metric": "certd_ca_request_duration_seconds"})))["data"]
    assert [entry["type"] for entry in types] == ["histogram"]
    assert prometheus.query("histogram_quantile(0.99, certd_loop_turn_seconds_bucket) > 0")


def test_a_caller_without_a_role_or_token_gets_nothing(start, pebble):
    port = free_port()
    certd = start_certd(start, pebble, f"rest-listen = 127.0.0.1:{port}\nrest-plain = yes\n")
    request = urllib.request.Request(f"http://127.0.0.1:{port}/metrics")
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=patient(10))
    assert refused.value.code == 401 and "certd_" not in refused.value.read().decode()
    answer, _ = get(certd, "/metrics?format=xml")
    assert answer.status == 400


def test_the_manual_has_the_table_of_metrics(start):
    """Name, type, labels and help of each, in the order of the answer."""
    certd = start(Certd)
    text = scrape(certd)
    types = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE))
    helps = dict(re.findall(r"^# HELP (\S+) (.*)$", text, re.MULTILINE))
    assert len(types) > 30 and types.keys() == helps.keys()
    manual = re.sub(r"\s+", " ", text_of("certd.8"))
    for name, kind in types.items():
        assert re.search(rf"{name} {kind}( by [a-z_, ]+)?\. {re.escape(helps[name])}", manual), name
    listed = set(re.findall(r"(certd_\w+) (?:gauge|counter|histogram)", manual))
    assert listed == set(types), listed ^ set(types)
