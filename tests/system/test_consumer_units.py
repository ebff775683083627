"""Consumers of kind unit: certd asks systemd over D-Bus, here a stand-in that answers as systemd does."""
import time

import pytest
from certd import Certd
from fake_systemd import Bus, FakeSystemd
from procs import run, wait_for
from tls import ThrowAwayCa

UNIT = "certd-reload-app.service"


@pytest.fixture
def bus(start):
    return start(Bus)


@pytest.fixture
def systemd(start, bus):
    return start(FakeSystemd, bus)


@pytest.fixture
def certd(start, bus):
    return start(Certd, environment={"DBUS_SYSTEM_BUS_ADDRESS": bus.address})


@pytest.fixture
def shop(certd, scratch):
    """shop(unit): an imported certificate whose consumer "app" is of kind unit."""
    def shop(unit=UNIT):
        cert, key = ThrowAwayCa(scratch / "ca").issue("shop.example.com")
        certd.ctl("add-consumer", "--name", "app", "--activate", "unit", "--unit", unit)
        certd.ctl("import", "--name", "shop", "--cert", cert, "--chain", scratch / "ca/ca.pem", "--key", key,
                  "--consumer", "app", "--no-wait")
    return shop


def activated(certd):
    return [bool(r.get("activated")) for r in certd.call("consumer.get", ref="app")["metadata"]["rollouts"]]


def wait_activated(certd, seconds=40):
    wait_for(lambda: activated(certd) == [True], seconds, "the consumer is activated", interval=0.1)


def failure(certd, seconds=40):
    return wait_for(lambda: certd.call("consumer.get", ref="app")["metadata"].get("message"), seconds, "the failure",
                    interval=0.1)


def test_a_unit_is_started_and_its_end_is_waited_for(certd, systemd, shop):
    systemd.hold()
    shop()
    wait_for(systemd.requests, 30)
    time.sleep(0.5)
    assert activated(certd) == [False]
    systemd.let_go()
    wait_activated(certd)
    assert systemd.requests() == [f"StartUnit {UNIT} replace"]


@pytest.mark.parametrize("unit, step, words", [
    ("certd-reload-test.service", "written", "the test failed: nginx: [emerg] no such file"),
    ("certd-reload-load.service", "tested", "the reload failed: Job for nginx failed"),
    ("certd-reload-bad.service", "written", 'nginx: [emerg] unknown directive "sever" in /etc/nginx/nginx.conf:3'),
])
def test_a_unit_says_whether_its_test_or_its_reload_failed(certd, systemd, shop, unit, step, words):
    """In its status text. If it does not, nothing is known to have been tested."""
    shop(unit)
    said = failure(certd)
    assert said == f"{unit}: {words}"
    rollout = certd.call("consumer.get", ref="app")["metadata"]["rollouts"][0]
    assert rollout["step"] == step and rollout["attempts"] == 1
    event = [e for e in certd.call("event.list", limit=100)["items"] if e["kind"] == "deploy.failed"][-1]
    assert (event["data"]["step"], event["data"]["consumer"]) == (step, "app")
    explained = " ".join(certd.ctl("explain", "shop").stdout.split())
    assert "shop: AVAILABLE (next attempt in" in explained and f"consumer 'app' ({step}): {unit}: " in explained
    assert "(1 attempt); next attempt 20" in explained and "certd cannot renew it; to replace it" in explained
    explained = " ".join(certd.ctl("explain", "app").stdout.split())
    assert f"cert 'shop' ({step}): " in explained and "1 attempt, next attempt in" in explained


@pytest.mark.parametrize("unit, code, words", [
    ("certd-reload-bad.service", "hook", 'nginx: [emerg] unknown directive "sever" in /etc/nginx/nginx.conf:3'),
    ("certd-reload-mute.service", "hook", "its program ended with status 7; to see why: journalctl -u certd-reload-mute"),
    ("certd-reload-killed.service", "hook", "its program was ended by signal 9"),
    ("certd-reload-late.service", "timeout", "it did not end within its time limit"),
    ("certd-reload-masked.service", "state", "the unit is masked"),
    ("certd-reload-broken.service", "state", "Unit has a bad unit file setting."),
    ("certd-reload-gone.service", "not-found", "systemd has no such unit"),
    ("postfix.service", "denied", "certd's polkit rule allows only units named certd-reload-NAME.service"),
    ("sshd.service", "denied", "polkitd must be installed"),
    ("certd-reload-daemon.service", "hook", "its job ended with the result exit-code"),
])
def test_what_a_unit_fails_with_is_the_consumers_state(certd, systemd, shop, unit, code, words):
    shop(unit)
    said = failure(certd)
    assert said.startswith(f"{unit}: ") and words in said and "Processing requests" not in said
    event = [e for e in certd.call("event.list", limit=100)["items"] if e["kind"] == "deploy.failed"][-1]
    assert words in event["message"]
    assert certd.call("consumer.get", ref="app")["metadata"]["rollouts"][0]["lastError"]["code"] == code
    assert words in certd.ctl("explain", "app").stdout


def test_text_of_a_unit_is_made_printable(certd, systemd, shop):
    shop("certd-reload-escape.service")
    assert "red [31malert line two" in failure(certd)


def test_a_daemon_is_reloaded_and_what_waits_for_its_next_attempt_is_restarted(certd, systemd, shop):
    shop("certd-reload-again.service")
    wait_activated(certd)
    certd.ctl("set", "consumer", "app", "--unit", "certd-reload-daemon.service")
    wait_for(lambda: len(systemd.requests()) == 2, 40)
    assert systemd.requests() == ["RestartUnit certd-reload-again.service replace",
                                  "ReloadOrTryRestartUnit certd-reload-daemon.service replace"]


def test_a_run_that_had_begun_is_waited_for_and_followed_by_another(certd, systemd, shop):
    systemd.hold()
    shop("certd-reload-busy.service")
    time.sleep(4)
    assert systemd.requests() == [] and activated(certd) == [False]
    systemd.let_go()
    wait_activated(certd)
    assert systemd.requests() == ["StartUnit certd-reload-busy.service replace"]
    assert len(systemd.lines("ends")) == 2


def test_systemd_may_be_executed_anew_while_a_job_runs(certd, systemd, shop):
    systemd.hold()
    shop()
    wait_for(systemd.requests, 30)
    systemd.reexec()
    time.sleep(2)
    systemd.let_go()
    wait_activated(certd)


def test_the_bus_may_go_in_the_middle(certd, bus, systemd, shop):
    systemd.hold()
    shop()
    wait_for(systemd.requests, 30)
    systemd.kill9(), bus.kill9()
    systemd.let_go()
    bus.start(), systemd.start()
    wait_activated(certd)


def test_without_a_bus_or_systemd_certd_says_so_and_goes_on(certd, bus, shop):
    shop()
    assert "systemd does not answer on D-Bus" in failure(certd)
    bus.kill9()
    (bus.directory / "socket").unlink()
    certd.ctl("deploy", "app", check=False)
    wait_for(lambda: "cannot connect to the system's D-Bus" in failure(certd), 40)
    assert certd.call("server.status")


def test_a_kill_while_a_job_runs_is_followed_by_another_run(certd, systemd, shop):
    systemd.hold()
    shop()
    wait_for(systemd.requests, 30)
    certd.kill9()
    certd.start()
    time.sleep(4)
    assert activated(certd) == [False]
    systemd.let_go()
    wait_activated(certd)
    # The one that was running is not trusted to have seen all files.
    assert systemd.requests() == 2 * [f"StartUnit {UNIT} replace"]


def test_jobs_of_others_and_signals_of_others_end_nothing(certd, bus, systemd, shop):
    """A program that is not systemd claims the end of certd's job, to all and to certd directly."""
    systemd.hold()
    shop()
    wait_for(systemd.requests, 30)
    forge = ("import dbus, dbus.lowlevel as l\nbus = dbus.SystemBus()\n"
             "names = [n for n in bus.list_names() if n.startswith(':')]\n"
             "for name in [None, *names]:\n"
             " for job in range(100, 110):\n"
             "  m = l.SignalMessage('/org/freedesktop/systemd1', 'org.freedesktop.systemd1.Manager', 'JobRemoved')\n"
             "  m.append(dbus.UInt32(job), dbus.ObjectPath(f'/org/freedesktop/systemd1/job/{job}'),"
             f" '{UNIT}', 'done', signature='uoss')\n"
             "  if name: m.set_destination(name)\n"
             "  bus.send_message(m)\n"
             "bus.flush()\n")
    run(["env", f"DBUS_SYSTEM_BUS_ADDRESS={bus.address}", "/usr/bin/python3", "-c", forge])
    time.sleep(1)
    assert activated(certd) == [False]
    systemd.let_go()
    wait_activated(certd)


@pytest.mark.parametrize("unit", ["nginx", "nginx.socket", "certd-reload@.service", "../x.service", "a b.service", ".service"])
def test_what_is_not_a_service_is_refused(certd, unit):
    refused = certd.ctl("add-consumer", "--name", "app", "--activate", "unit", "--unit", unit, check=False)
    assert refused.returncode == 65 and "--unit" in refused.stderr and unit in refused.stderr, refused


def test_the_unit_is_required(certd):
    refused = certd.ctl("add-consumer", "--name", "app", "--activate", "unit", check=False)
    assert refused.returncode == 65 and "--unit" in refused.stderr, refused


PROGRAM = """#!/bin/sh
mkdir {0}/$1.busy || echo met >>{0}/met
printf '%s\\n' "$CERTD_NAMES" | wc -l >>{0}/$1.runs
sleep 0.3
rmdir {0}/$1.busy
"""


@pytest.mark.limit(240)
@pytest.mark.parametrize("kind", ["unit", "exec"])
def test_500_certificates_that_change_at_once_are_one_run_of_each_consumer(certd, systemd, scratch, kind):
    program = scratch / "program"
    program.write_text(PROGRAM.format(scratch))
    program.chmod(0o755)
    for name, unit in (("app", UNIT), ("other", "certd-reload-other.service")):
        how = ["--unit", unit] if kind == "unit" else ["--batch", "--command", program, "--command", name]
        certd.ctl("add-consumer", "--name", name, "--activate", kind, *how)
    ca = ThrowAwayCa(scratch / "ca")
    cert, key = ca.issue("shop.example.com")
    with certd.rpc() as rpc:
        for number in range(500):
            rpc.call("certificate.create", properties={
                "name": f"shop{number}", "certificate": cert.read_text(), "privateKey": key.read_text(),
                "certificateChain": ca.cert_file.read_text(), "consumers": ["app", "other"]})

    def is_calm():
        return not any(row["kind"] == "deploy" for row in certd.call("schedule.list", limit=1000)["items"])

    def runs(name, unit):
        return len(systemd.requests(f"StartUnit {unit}")) if kind == "unit" else \
            len((scratch / f"{name}.runs").read_text().split())

    def all_runs():
        return [runs("app", UNIT), runs("other", "certd-reload-other.service")]

    wait_for(is_calm, 150, "all are deployed", interval=0.5)
    before = all_runs()
    certd.ctl("deploy", "--no-wait", "app")
    wait_for(is_calm, 150, "all are deployed again", interval=0.5)
    # On a busy machine there may be pauses between them, each of which ends a run.
    for n, earlier in zip(all_runs(), before, strict=True):
        assert 1 <= n - earlier <= 25, (before, all_runs())
    assert not (scratch / "met").exists()
    if kind == "exec":
        assert sum(map(int, (scratch / "app.runs").read_text().split())) == 2 * 500
