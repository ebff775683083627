"""Which consumers are notified of a new certificate, and whether it is really served."""
import datetime
import os
import socket
import subprocess
import time
from pathlib import Path

import pytest
from certd import Certd
from pebble import Challtestsrv, Pebble
from procs import free_port, patient, run, wait_for
from tls import parse_certificate
from webservers import Nginx

NAME = "www.example.com"


@pytest.fixture
def certd(start):
    port = free_port()
    dns = start(Challtestsrv)
    pebble = start(Pebble, dns=dns.dns, http_port=port, validity=3600)
    certd = start(Certd, config=f"http-listen = 127.0.0.1:{port}\n")
    certd.ctl("add-provider", "--name", "le", "--server", pebble.url, "--ca-file", pebble.ca_file,
              "--email", "ops@example.com", "--agree-tos")
    return certd


def add_auto(certd, *consumers):
    options = [word for consumer in consumers for word in ("--consumer", consumer)]
    certd.ctl("add-auto", "--provider", "le", "--cn", NAME, *options)


def rollout(certd, consumer):
    rollouts = certd.call("consumer.get", ref=consumer)["metadata"]["rollouts"]
    return rollouts[0] if rollouts else {}


def test_a_notify_consumer_gets_one_datagram_for_each_change(certd, scratch):
    path = scratch / "notify.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(path))
        sock.settimeout(patient(20))
        certd.ctl("add-consumer", "--name", "app", "--activate", "notify", "--notify-socket", path)
        add_auto(certd, "app")
        fields = dict(line.split("=", 1) for line in sock.recv(65536).decode().splitlines())
        assert fields["X_CERTD_NAME"] == NAME
        assert fields["X_CERTD_DIRECTORY"] == str(certd.drop(NAME))
        assert fields["X_CERTD_DOMAINS"] == NAME
        assert fields["X_CERTD_GENERATION"] == "1"
        certd.ctl("renew", NAME)
        assert b"X_CERTD_GENERATION=2" in sock.recv(65536)


def test_an_exec_consumer_runs_without_a_shell_and_is_tried_again_until_it_succeeds(certd, scratch):
    out, switch = scratch / "out", scratch / "ok"
    hook = scratch / "hook"
    hook.write_text(f"#!/bin/sh\nset -e\ntest -e {switch} || {{ echo 'not yet'; exit 7; }}\n"
                    f"echo \"$1|$CERTD_NAME|$RENEWED_LINEAGE|$RENEWED_DOMAINS|$(ls /proc/self/fd | wc -l)\" >>{out}\n")
    hook.chmod(0o755)
    certd.ctl("add-consumer", "--name", "app", "--activate", "exec", "--command", hook, "--command", "a b; $(id)")
    result = certd.ctl("add-auto", "--provider", "le", "--cn", NAME, "--consumer", "app", check=False)
    assert result.returncode == 3 and "not yet" in result.stderr, result
    assert rollout(certd, "app")["lastError"]["code"] == "hook"
    # The certificate itself is current; only this consumer is not.
    assert parse_certificate(certd.drop(NAME) / "cert.pem").names == [NAME]
    explained, decided = certd.ctl("explain", NAME).stdout.split("what certd decided")
    assert "deploy-retry: consumer 'app': " in decided
    assert explained.count("consumer 'app'") == 1 and explained.count("not yet") == 1, explained
    state = certd.call("consumer.get", ref="app")["metadata"]
    assert state["state"] == "FAILED" and f"{hook}" in state["message"] and "not yet" in state["message"]
    listed = certd.ctl("list", "consumers").stdout
    assert "FAILED" in listed and "not yet" in listed
    assert "consumer 'app'" in certd.ctl("status", check=False).stdout
    switch.touch()
    certd.ctl("deploy", "app")
    wait_for(out.exists, 10, "the hook to run")
    word, name, lineage, domains, _ = out.read_text().split("\n")[0].split("|")
    assert (word, name, lineage, domains) == ("a b; $(id)", NAME, str(certd.drop(NAME)), NAME)
    wait_for(lambda: rollout(certd, "app").get("activated"), 10)
    state = certd.call("consumer.get", ref="app")["metadata"]
    assert (state["state"], state["message"]) == ("AVAILABLE", "")


@pytest.mark.parametrize("text, reason", [(None, "No such file"), ("#!/bin/sh\nkill -SEGV $$\n", "signal"),
                                          ("#!/nonexistent\n", "No such file")])
def test_whatever_a_program_dies_of_is_the_consumers_state(text, reason, certd, scratch):
    path = scratch / "hook"
    path.write_text(text or "#!/bin/sh\n")
    path.chmod(0o755)
    add_exec(certd, "app", path)
    if not text:
        path.unlink()
    certd.ctl("add-auto", "--provider", "le", "--cn", NAME, "--consumer", "app", check=False)
    state = certd.call("consumer.get", ref="app")["metadata"]
    assert state["state"] == "FAILED" and reason in state["message"], state
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    certd.ctl("deploy", "app")
    wait_for(lambda: certd.call("consumer.get", ref="app")["metadata"]["state"] == "AVAILABLE", 20)


def test_what_a_program_leaves_behind_is_killed(certd, scratch):
    """A watcher in its own session, reparented: in a process group, but not in that of the program."""
    number, hook = scratch / "number", scratch / "hook"
    hook.write_text(f"#!/bin/sh\n(setsid env -i /bin/sh -c 'echo $$ >{number}.new; exec /bin/sleep 300' &)\n"
                    f"while ! test -s {number}.new; do sleep 0.01; done\nmv {number}.new {number}\n")
    hook.chmod(0o755)
    certd.ctl("add-consumer", "--name", "app", "--activate", "exec", "--command", hook)
    add_auto(certd, "app")
    wait_for(lambda: rollout(certd, "app").get("activated"), 10)
    status = Path("/proc", number.read_text().strip(), "status")
    wait_for(lambda: not status.exists() or "\nState:\tZ" in status.read_text(), 10, "its end")


def test_nothing_in_a_failure_is_said_twice(certd, scratch):
    """In the line that certctl ends with, in explain, status, the events and the log."""
    hook = scratch / "hook"
    hook.write_text("#!/bin/sh\necho first\necho 'no such zone' >&2\nexit 7\n")
    hook.chmod(0o755)
    certd.ctl("add-dns", "--name", "d", "--kind", "exec", "--command", hook, "--zone", "example.net")
    ended = certd.ctl("add-auto", "--provider", "le", "--cn", "*.example.net", check=False).stderr
    wait_for(lambda: "cleanup.failed" in certd.ctl("events").stdout, 10, "the removal")
    texts = [ended, certd.ctl("explain", "*.example.net").stdout, certd.ctl("status", check=False).stdout,
             certd.ctl("events").stdout, certd.log]
    for text in texts:
        lines = [line for line in text.splitlines() if "no such zone" in line]
        assert lines and len(set(lines)) == len(lines), text
        for line in lines:
            assert "first" not in line
            assert "d: DNS provider 'd'" not in line  # whom an event is about is said in front of it
            for once in ("no such zone", "DNS provider 'd'", "_acme-challenge.example.net", " *.example.net: "):
                assert line.count(once) <= 1, line


def served_by_nginx(certd, start):
    """nginx, as consumer "web", in which certd has seen the certificate."""
    add_auto(certd)
    nginx = start(Nginx, bundles={NAME: certd.drop(NAME) / "bundle.pem"})
    certd.ctl("add-consumer", "--name", "web", "--probe", f"127.0.0.1:{nginx.tls_port}")
    certd.ctl("set", "auto", NAME, "--consumer", "web")
    wait_for(lambda: rollout(certd, "web").get("served") == "served", 20)
    return nginx


def test_a_server_that_was_not_reloaded_is_found_stale_and_then_served(certd, start):
    nginx = served_by_nginx(certd, start)
    certd.ctl("renew", NAME)
    wait_for(lambda: rollout(certd, "web").get("served") == "stale", 30)
    wait_for(lambda: [e for e in certd.call("event.list")["items"] if e["kind"] == "probe.stale"], 30)
    nginx.reload()
    assert "serves the newest" in certd.ctl("probe", "web").stdout
    assert rollout(certd, "web")["served"] == "served"
    assert next_probe_in(certd) < 2 * 3600, "after trouble it looks again within the hour"
    assert "serves the newest" in certd.ctl("probe", "web").stdout, "who asks is told though it is no news"
    assert 20 * 3600 < next_probe_in(certd) < 28 * 3600, "and then once a day"


def test_a_stale_server_is_notified_again_and_heals(certd, start, scratch):
    nginx = served_by_nginx(certd, start)
    runs, hook, go = scratch / "runs", scratch / "hook", scratch / "go"
    # The third run lasts until the test has seen that the server is stale. The counter is replaced a while after the files. It is another one at each run.
    hook.write_text(f"#!/bin/sh\nif [ $(cat {runs} | wc -l) = 2 ]; then until [ -e {go} ]; do sleep 0.1; done; fi\n"
                    f"for i in $(seq 200); do grep -qsx \"run $(cat {certd.state}/generation)\" {runs} "
                    f"|| break; sleep 0.1; done\necho run $(cat {certd.state}/generation) >>{runs}\n"
                    f"[ $(wc -l <{runs}) -lt 3 ] || kill -HUP $(cat {nginx.directory}/nginx.pid)\n")
    hook.chmod(0o755)
    certd.ctl("set", "consumer", "web", "--activate", "exec", "--command", hook)
    wait_for(lambda: runs.exists() and rollout(certd, "web").get("served") == "served", 30)
    assert runs.read_text().count("run") == 1, "nginx has the certificate already"
    certd.ctl("renew", NAME, check=False)
    wait_for(lambda: rollout(certd, "web").get("served") == "stale", 30)
    go.touch()
    wait_for(lambda: rollout(certd, "web").get("served") == "served", 60)
    assert runs.read_text().count("run") == 3, "the second notification had no effect, the third had"
    generations = [int(line.split()[1]) for line in runs.read_text().splitlines()]
    assert generations[1] < generations[2], "a unit that reloads once for each generation would do nothing"
    assert not [e for e in certd.call("event.list")["items"] if e["kind"] == "consumer.stale"]


def test_a_rollback_by_hand_is_shown_until_the_newest_is_deployed(certd, start):
    nginx = served_by_nginx(certd, start)
    old = certd.ctl("rollback", NAME, check=False)
    assert old.returncode != 0 and "no earlier certificate" in old.stderr, old
    certd.ctl("renew", NAME, check=False)
    nginx.reload()
    wait_for(lambda: "serves the newest" in certd.ctl("probe", "web", check=False).stdout, 20)
    certd.ctl("rollback", NAME)
    wait_for(lambda: rollout(certd, "web")["step"] in ("activated", "probed"), 20)
    assert certd.call("autoCertificate.get", ref=NAME)["metadata"]["rolledBackTo"]
    for command in ("status",), ("explain", NAME), ("show", "auto", NAME):
        assert "rolled" in certd.ctl(*command, check=False).stdout.lower().replace(" ", ""), command
    nginx.reload()
    certd.ctl("probe", "web")
    assert rollout(certd, "web")["step"] == "rolled back"
    assert "was rolled back at" in " ".join(certd.ctl("status", check=False).stdout.split())
    assert certd.ctl("status", "--check", check=False).returncode == 1
    certd.ctl("deploy", "web")
    nginx.reload()
    certd.ctl("probe", "web")
    assert rollout(certd, "web")["step"] == "served"
    assert "rolled back" not in certd.ctl("status").stdout


def next_probe_in(certd):
    row = next(row for row in certd.call("schedule.list")["items"] if row["kind"] == "probe")
    return datetime.datetime.fromisoformat(row["date"].replace("Z", "+00:00")).timestamp() - time.time()


def test_a_server_that_falls_back_is_found_by_the_next_look(certd, start):
    """Nothing is rolled out: the look is the daily one, which a call brings forward."""
    nginx = served_by_nginx(certd, start)
    other = start(Nginx, bundles={NAME: self_signed(nginx.directory)}, tls_port=nginx.tls_port, ready=False)
    nginx.stop()
    other.start()
    refused = certd.ctl("probe", "web", check=False)
    assert refused.returncode != 0 and "another certificate" in refused.stderr, refused
    assert rollout(certd, "web")["served"] == "stale"
    status = certd.ctl("status", check=False).stdout
    assert "consumer 'web': stale" in status, status
    other.stop()
    nginx.start()
    certd.ctl("probe", "web")
    assert "stale" not in certd.ctl("status").stdout


@pytest.mark.parametrize("second", ["stale", "unreachable"])
def test_every_address_of_an_endpoint_counts(start, second):
    port = free_port()
    dns = start(Challtestsrv)
    pebble = start(Pebble, dns=dns.dns, http_port=port, validity=3600)
    certd = start(Certd, config=f"http-listen = 127.0.0.1:{port}\ndns-servers = {dns.dns}\n")
    certd.ctl("add-provider", "--name", "le", "--server", pebble.url, "--ca-file", pebble.ca_file,
              "--email", "ops@example.com", "--agree-tos")
    dns.add_address("web.example.com", "127.0.0.1", "127.0.0.2")
    add_auto(certd)
    nginx = start(Nginx, bundles={NAME: certd.drop(NAME) / "bundle.pem"})
    if second == "stale":
        start(Nginx, bundles={NAME: self_signed(nginx.directory)}, tls_port=nginx.tls_port, address="127.0.0.2")
    certd.ctl("add-consumer", "--name", "web", "--probe", f"web.example.com:{nginx.tls_port}")
    certd.ctl("set", "auto", NAME, "--consumer", "web")
    wait_for(lambda: [e for e in certd.call("event.list")["items"] if e["kind"] == f"probe.{second}"], 40)
    wait_for(lambda: rollout(certd, "web").get("served") == second, what=second)
    assert "127.0.0.2" in certd.ctl("events").stdout


def self_signed(directory):
    """Key and certificate in one file."""
    path = directory / "self-signed.pem"
    run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
         "-subj", f"/CN={NAME}", "-keyout", path, "-out", directory / "leaf.pem"])
    path.write_text(path.read_text() + (directory / "leaf.pem").read_text())
    return path


def test_a_prepared_directory_gives_its_group_the_files(certd, scratch):
    """As systemd-tmpfiles makes it."""
    directory = scratch / "prepared"
    directory.mkdir()
    os.chown(directory, os.geteuid(), 12345)
    directory.chmod(0o2750)
    certd.ctl("add-consumer", "--name", "mail", "--directory", directory)
    add_auto(certd, "mail")
    for name in ("bundle.pem", "privkey.pem", "manifest.json"):
        status = (directory / name).stat()
        assert (status.st_mode & 0o7777, status.st_gid) == (0o640, 12345), name
    assert (certd.drop(NAME) / "privkey.pem").stat().st_mode & 0o7777 == 0o600
    assert (directory / "bundle.pem").read_text() == (certd.drop(NAME) / "bundle.pem").read_text()


def test_a_directory_holds_the_files_of_one_certificate(certd, scratch):
    directory = scratch / "mine"
    directory.mkdir(mode=0o700)
    certd.ctl("add-consumer", "--name", "mail", "--directory", directory)
    certd.ctl("add-consumer", "--name", "web")
    add_auto(certd, "mail")
    second = ("add-auto", "--no-wait", "--provider", "le", "--cn", "second.example.com", "--consumer")
    refused = certd.ctl(*second, "mail", check=False)
    assert refused.returncode != 0 and str(directory) in refused.stderr
    certd.ctl("set", "auto", NAME, "--consumer", "mail", "--consumer", "web")
    certd.ctl(*second, "web")
    assert certd.ctl("set", "consumer", "web", "--directory", directory, check=False).returncode != 0


def test_a_missing_directory_is_named_and_heals(certd, scratch):
    directory = scratch / "later"
    certd.ctl("add-consumer", "--name", "mail", "--directory", directory)
    result = certd.ctl("add-auto", "--provider", "le", "--cn", NAME, "--consumer", "mail", check=False)
    assert result.returncode != 0 and str(directory) in result.stderr
    state = certd.call("consumer.get", ref="mail")["metadata"]
    assert state["state"] == "FAILED" and f"'{directory}' does not exist" in state["message"]
    directory.mkdir(mode=0o700)
    certd.ctl("deploy", "mail")
    wait_for((directory / "manifest.json").exists, 10, "the drop")
    wait_for(lambda: certd.call("consumer.get", ref="mail")["metadata"]["state"] == "AVAILABLE", 10)


def test_a_consumer_without_its_directory_is_well_when_it_is_not_given_the_certificate(certd, scratch):
    certd.ctl("add-consumer", "--name", "mail", "--directory", scratch / "never")
    certd.ctl("add-auto", "--provider", "le", "--cn", NAME, "--consumer", "mail", check=False)
    assert certd.call("consumer.get", ref="mail")["metadata"]["state"] == "FAILED"
    certd.call("autoCertificate.update", ref=NAME, properties={"consumers": []}, force=True)
    state = certd.call("consumer.get", ref="mail")["metadata"]
    assert (state["state"], state["message"]) == ("AVAILABLE", "")


@pytest.fixture
def program(scratch):
    """program(name, more): a program for --command that logs its certificate in runs.NAME, and whether it ran
    concurrently."""
    def program(name, more=""):
        path = scratch / name
        path.write_text(f"""#!/bin/sh
mkdir {scratch}/{name}.busy || echo "$CERTD_NAME met another" >>{scratch}/met
echo "$CERTD_NAME" >>{scratch}/runs.{name}
sleep 0.1
{more}
rmdir {scratch}/{name}.busy
""")
        path.chmod(0o755)
        return path
    return program


def runs(scratch, name):
    path = scratch / f"runs.{name}"
    return path.read_text().split() if path.exists() else []


def add_many(certd, count, consumers):
    """consumers(i): those of the i-th auto-certificate. Returns the names."""
    names = [f"n{i}.example.com" for i in range(count)]
    for i, name in enumerate(names):
        options = [word for consumer in consumers(i) for word in ("--consumer", consumer)]
        certd.ctl("add-auto", "--no-wait", "--provider", "le", "--cn", name, *options)
    return names


def add_exec(certd, name, path):
    certd.ctl("add-consumer", "--name", name, "--activate", "exec", "--command", path)


def test_runs_of_one_consumer_never_overlap(certd, scratch, program):
    add_exec(certd, "app", program("app"))
    names = add_many(certd, 12, lambda i: ["app"])
    wait_for(lambda: len(runs(scratch, "app")) >= len(names), 60, "a run for each certificate")
    certd.ctl("deploy", "app")
    wait_for(lambda: len(runs(scratch, "app")) >= 2 * len(names), 60, "another run for each")
    assert sorted(runs(scratch, "app")) == sorted(2 * names)
    assert not (scratch / "met").exists()


@pytest.fixture
def batch(certd, scratch, program):
    """batch(more): a consumer "app" with the setting batch, whose program logs the names of each run in a file of its
    own and then runs the shell commands in more. Returns a function that returns the names of each run."""
    def batch(more=""):
        path = program("app", f"""echo "$CERTD_NAMES" >{scratch}/batch.new
[ $(echo "$CERTD_DIRECTORIES" | sort -u | wc -l) = $(echo "$CERTD_NAMES" | wc -l) ] || echo directories >>{scratch}/met
for d in $CERTD_DIRECTORIES; do [ -e $d/privkey.pem ] || echo "no $d" >>{scratch}/met; done
[ -z "$CERTD_NAME$RENEWED_LINEAGE" ] || echo one >>{scratch}/met
mv {scratch}/batch.new {scratch}/batch.$(ls {scratch} | grep -c "^batch[.][0-9]")
{more}""")
        certd.ctl("add-consumer", "--name", "app", "--activate", "exec", "--command", path, "--batch")
        return lambda: [(scratch / f"batch.{i}").read_text().split()
                        for i in range(len(list(scratch.glob("batch.[0-9]*"))))]
    return batch


def waits_for_app(certd):
    """Deployments that are in the queue of the consumer."""
    return sum(not r.get("activated") for r in certd.call("consumer.get", ref="app")["metadata"]["rollouts"])


def test_certificates_that_change_together_are_one_run_of_a_batch_consumer(certd, scratch, batch):
    ran = batch(f"while [ ! -e {scratch}/go ]; do sleep 0.05; done")
    certd.ctl("add-auto", "--no-wait", "--provider", "le", "--cn", NAME, "--consumer", "app")
    wait_for(ran, 60, "a run for the first")
    names = add_many(certd, 20, lambda i: ["app"])
    wait_for(lambda: all((certd.drop(name) / "manifest.json").exists() for name in names), 60, "the certificates")
    assert ran() == [[NAME]]
    (scratch / "go").touch()
    wait_for(lambda: waits_for_app(certd) == 0, 60, "a run for all others")
    # Their files are there, but on a busy machine not all of them are in the queue yet.
    assert len(ran()) <= 6 and sorted(sum(ran()[1:], [])) == sorted(names)
    certd.ctl("deploy", "app")
    wait_for(lambda: len(sum(ran(), [])) == 2 * 21, 60, "another run for all")
    assert len(ran()) <= 16 and not (scratch / "met").exists()


def test_a_batch_that_is_killed_in_the_middle_is_repeated(certd, scratch, batch):
    ran = batch(f"while [ ! -e {scratch}/go ]; do sleep 0.05; done")
    names = add_many(certd, 6, lambda i: ["app"])
    wait_for(ran, 60, "the first run")
    wait_for(lambda: all((certd.drop(name) / "manifest.json").exists() for name in names), 60, "the certificates")
    certd.kill9()
    before = len(ran())
    (scratch / "app.busy").rmdir()
    (scratch / "go").touch()
    certd.start()
    wait_for(lambda: waits_for_app(certd) == 0, 60, "every certificate")
    assert set(sum(ran()[before:], [])) == set(names) and len(ran()) < before + len(names)
    assert not (scratch / "met").exists()


def test_a_batch_that_fails_comes_back_as_a_batch(certd, scratch, batch):
    ran = batch(f"while [ ! -e {scratch}/go ]; do sleep 0.05; done; rmdir {scratch}/app.busy; exit 3")
    certd.ctl("add-auto", "--no-wait", "--provider", "le", "--cn", NAME, "--consumer", "app")
    wait_for(ran, 60, "a run for the first")
    names = add_many(certd, 4, lambda i: ["app"])
    wait_for(lambda: sum(row["kind"] == "deploy" for row in certd.call("schedule.list")["items"]) == 5, 60,
             "the queue of the program")
    (scratch / "go").touch()
    wait_for(lambda: len([e for e in certd.call("event.list", limit=1000)["items"] if e["kind"] == "deploy.failed"])
             >= 5, 60, "the end of all deployments")
    assert set(sum(ran()[1:], [])) == set(names)
    dates = {row["date"] for row in certd.call("schedule.list")["items"]
             if row["kind"] == "deploy" and row["object"]["name"] in ran()[1]}
    assert len(dates) <= 2, dates


def test_batch_is_a_setting_of_programs(certd):
    refused = certd.ctl("add-consumer", "--name", "app", "--batch", check=False)
    assert refused.returncode == 65 and "--batch" in refused.stderr and "exec" in refused.stderr, refused
    certd.ctl("add-consumer", "--name", "app", "--activate", "exec", "--command", "/bin/true")
    effect = certd.call("consumer.update", ref="app", properties={"batch": True})["effect"]
    assert effect["action"] == "nothing" and effect["changed"] == ["batch"]
    assert "batch: true" in certd.ctl("dump").stdout


def test_a_program_alone_would_meet_itself(scratch, program):
    """The control: the lock detects two concurrent runs."""
    path = program("app")
    with subprocess.Popen([path], env={"CERTD_NAME": "one"}) as one, subprocess.Popen([path]) as two:
        one.wait(), two.wait()
    assert "met another" in (scratch / "met").read_text()


def test_certificates_of_two_consumers_wait_for_each_once(certd, scratch, program):
    """In either order of the consumers, with one that fails: one run per certificate, then its backoff."""
    add_exec(certd, "good", program("good"))
    add_exec(certd, "bad", program("bad", f"rmdir {scratch}/bad.busy; exit 1"))
    started = time.monotonic()
    names = add_many(certd, 6, lambda i: ["good", "bad"] if i % 2 else ["bad", "good"])
    wait_for(lambda: set(runs(scratch, "good")) == set(runs(scratch, "bad")) == set(names), 60, "a run for each")
    wait_for(lambda: {e["object"]["name"] for e in certd.call("event.list", limit=1000)["items"]
                      if e["kind"] == "deploy.failed"} == set(names), 60, "each deployment ended")
    assert sorted(runs(scratch, "good")) == sorted(names)
    retries = (time.monotonic() - started) // 60  # the least delay after a failure
    assert len(runs(scratch, "bad")) <= len(names) * (1 + retries)
    assert not (scratch / "met").exists()


def test_what_waits_for_a_slow_program_holds_nothing_up(certd, scratch, program):
    """One run does not end; the others wait in the schedule, and other consumers get their certificates."""
    add_exec(certd, "slow", program("slow", f"while [ ! -e {scratch}/go ]; do sleep 0.05; done"))
    add_exec(certd, "quick", program("quick"))
    names = add_many(certd, 4, lambda i: ["slow"])
    wait_for(lambda: runs(scratch, "slow") and all((certd.drop(name) / "manifest.json").exists() for name in names), 30)
    add_auto(certd, "quick")
    assert runs(scratch, "quick") == [NAME] and len(runs(scratch, "slow")) == 1
    # After a restart none is missing; the interrupted run is repeated.
    certd.restart()
    (scratch / "slow.busy").rmdir()
    certd.ctl("set", "consumer", "quick", "--activate", "none")
    (scratch / "go").touch()
    wait_for(lambda: set(runs(scratch, "slow")) == set(names), 30, "a run for each certificate")
    assert runs(scratch, "quick") == [NAME]


def test_a_consumer_that_becomes_another_kind_keeps_nobody_waiting(certd, scratch, program):
    add_exec(certd, "app", program("app", f"while [ ! -e {scratch}/go ]; do sleep 0.05; done"))
    names = add_many(certd, 3, lambda i: ["app"])
    wait_for(lambda: runs(scratch, "app") and all((certd.drop(name) / "manifest.json").exists() for name in names), 30)
    certd.ctl("set", "consumer", "app", "--activate", "none")
    (scratch / "go").touch()
    wait_for(lambda: all(r.get("activated") for r in certd.call("consumer.get", ref="app")["metadata"]["rollouts"]), 30)
    assert len(runs(scratch, "app")) == 1


@pytest.fixture
def counter(scratch):
    """A program of certd's user that counts the signals it gets, with its pid file."""
    script = ("trap 'echo hup >>{0}/got' HUP; trap 'echo usr1 >>{0}/got' USR1; echo $$ >{0}/app.pid\n"
              "while :; do sleep 0.1; done").format(scratch)
    with subprocess.Popen(["/bin/sh", "-c", script]) as process:
        wait_for(lambda: (scratch / "app.pid").exists() and (scratch / "app.pid").read_text(), 10)
        yield process
        process.kill()


def test_a_process_gets_one_signal_for_certificates_that_change_together(certd, scratch, counter):
    certd.ctl("add-consumer", "--name", "app", "--activate", "signal", "--pid-file", scratch / "app.pid")
    names = add_many(certd, 20, lambda i: ["app"])
    wait_for(lambda: all((certd.drop(name) / "manifest.json").exists() for name in names)
             and waits_for_app(certd) == 0, 60, "a signal for all")
    wait_for((scratch / "got").exists, 10)
    # On a busy machine there may be pauses between them, each of which ends a run.
    assert len((scratch / "got").read_text().split()) <= 10
    certd.ctl("set", "consumer", "app", "--signal", "USR1")
    wait_for(lambda: "usr1" in (scratch / "got").read_text(), 30, "the other signal")


def test_a_process_that_does_not_run_is_named_and_its_successor_gets_the_signal(certd, scratch, counter):
    counter.kill(), counter.wait()
    certd.ctl("add-consumer", "--name", "app", "--activate", "signal", "--pid-file", scratch / "app.pid")
    certd.ctl("add-auto", "--no-wait", "--provider", "le", "--cn", NAME, "--consumer", "app")
    failure = wait_for(lambda: certd.call("consumer.get", ref="app")["metadata"].get("message"), 60, "the failure")
    assert f"{scratch}/app.pid names process {counter.pid}, which does not run" in failure
    assert "does not run" in certd.ctl("explain", NAME).stdout


def test_the_pid_file_of_a_signal_is_required(certd):
    refused = certd.ctl("add-consumer", "--name", "app", "--activate", "signal", check=False)
    assert refused.returncode == 65 and "--pid-file" in refused.stderr, refused
