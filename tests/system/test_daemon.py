"""certd as a process: starts without any configuration, answers, ends on request, and restarts with its state."""
import os
import signal
import socket

import pytest
from certd import Certd, program
from procs import run


def test_it_starts_without_configuration_and_ends_in_order(start):
    certd = start(Certd)
    assert certd.call("server.status")["state"] == "running"
    assert certd.stop() == 0
    assert not certd.socket.exists() or not certd.is_ready()


def test_who_finds_the_control_socket_finds_every_other_open(start):
    """A moment before each listener stands for a busy machine; start() returns as soon as the control socket accepts."""
    without_leaks = os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"  # which cannot be found under strace
    certd = start(Certd, environment={"ASAN_OPTIONS": without_leaks},
                  wrapper=["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=bind",
                           "-e", "inject=bind:delay_enter=300000"])
    with socket.socket(socket.AF_UNIX) as rest:
        rest.connect(str(certd.runtime / "rest.sock"))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_its_signals_end_it(start, number):
    assert start(Certd).stop(number) == 0


def test_its_state_outlives_a_kill(start):
    certd = start(Certd)
    certd.call("provider.create", properties={"name": "kept", "server": "https://127.0.0.1:1/dir",
                                              "email": "a@example.com", "termsOfServiceAgreed": True})
    certd.kill9()
    certd.start()
    assert [item["properties"]["name"] for item in certd.call("provider.list")["items"]] == ["kept"]


def test_a_second_daemon_on_the_same_state_is_refused(start, scratch):
    certd = start(Certd)
    second = run([program("certd"), "--foreground", "--state", certd.state, "--runtime", scratch], check=False)
    assert second.returncode != 0 and len(second.stderr.splitlines()) >= 1
    assert str(certd.state) in second.stderr
    assert certd.call("server.status")["state"] == "running"


def test_a_reload_changes_no_directory_that_is_in_use(start, scratch):
    """The change takes effect at the next start; until then certd reports the current paths."""
    certd = start(Certd, config="max-auto-certificates = 1\n")
    certd.config = f"max-auto-certificates = 2\ndrop-root = {scratch}/elsewhere\nstate = {scratch}/other\n"
    certd.command()  # writes the file
    before = certd.call("server.status")
    certd.call("server.reload")
    after = certd.call("server.status")
    for member in ("stateDirectory", "dropDirectory"):
        assert after[member] == before[member]
