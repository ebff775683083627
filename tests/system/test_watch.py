"""certctl watch: on a terminal, into a pipe, over a restart of certd."""
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time

import pytest
from certd import Certd, program
from pebble import Challtestsrv, Pebble
from procs import free_port, patient, wait_for


@pytest.fixture
def site(start):
    port = free_port()
    pebble = start(Pebble, dns=start(Challtestsrv).dns, http_port=port)
    certd = start(Certd, config=f"http-listen = 127.0.0.1:{port}\n")
    certd.ca = pebble  # frozen while a test looks at an order in progress
    certd.ctl("add-provider", "--name", "le", "--server", pebble.url, "--email", "a@b.c", "--agree-tos", "--ca-file",
              pebble.ca_file)
    return certd


class Screen:
    """A terminal of 20 lines and 90 columns with certctl in it."""

    def __init__(self, certd, *words):
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 20, 90, 0, 0))
        self.process = subprocess.Popen([str(program("certctl")), *words], stdin=slave, stdout=slave, stderr=slave,
                                        start_new_session=True,
                                        env={**os.environ, "CERTD_SOCKET": str(certd.socket), "LC_ALL": "C.UTF-8",
                                             "NO_COLOR": "1"})
        os.close(slave)
        self.output = b""

    def read(self, seconds=0.1):
        while select.select([self.master], [], [], seconds)[0]:
            try:
                self.output += os.read(self.master, 65536)
            except OSError:  # the other end is closed
                return

    @property
    def lines(self):
        """The last complete drawing."""
        self.read(0)
        drawings = self.output.decode(errors="replace").split("\033[H")
        shown = [drawing for drawing in drawings[1:] if "\033[J" in drawing]
        return shown[-1].split("\033[J")[0].replace("\033[K", "").splitlines() if shown else []

    def wait(self, pattern, seconds=20):
        wait_for(lambda: any(re.search(pattern, line) for line in self.lines), seconds, f"'{pattern}' on the screen")

    def end(self):
        self.process.send_signal(signal.SIGINT)
        status = None
        deadline = time.monotonic() + patient(10)
        while status is None and time.monotonic() < deadline:
            self.read()
            status = self.process.poll()
        self.read()
        os.close(self.master)
        return status


def test_the_table_on_a_terminal_follows_what_happens_and_outlives_a_restart(site):
    screen = Screen(site, "watch")
    screen.wait("^auto: 0, in progress: 0$")
    site.ca.freeze()
    site.ctl("add-auto", "--provider", "le", "--cn", "www.example.com", "--no-wait")
    screen.wait(r"^auto: 1, in progress: 1$")
    screen.wait(r"^www\.example\.com .* PROVISIONING +\w+")
    site.ca.thaw()
    screen.wait(r"^www\.example\.com .* AVAILABLE +- +in ")
    screen.wait(r"^auto: 1, in progress: 0$")
    assert max(len(line) for line in screen.lines) <= 90 and screen.lines[1].startswith("NAME ")

    site.stop()
    screen.wait("^certd does not answer; waiting for it to return$")
    site.start()
    screen.wait(r"^auto: 1, in progress: 0$")
    site.ctl("add-auto", "--provider", "le", "--cn", "late.example.com", "--no-wait")
    screen.wait(r"^late\.example\.com .* AVAILABLE +- +in ")
    site.ctl("rm", "auto", "www.example.com")
    screen.wait(r"^auto: 1, in progress: 0$")
    assert not any(line.startswith("www.example.com") for line in screen.lines)

    assert screen.end() == 0
    text = screen.output.decode()
    assert text.startswith("\033[?1049h\033[?25l")
    after = text.split("\033[?1049l\033[?25h")
    assert len(after) == 2 and "late.example.com" in after[1] and "\033" not in after[1]


def test_filters_and_columns_hold_for_what_comes_later(site):
    screen = Screen(site, "watch", "auto", "--state", "AVAILABLE", "--columns", "name,commonName", "--sort", "name:desc")
    screen.wait("^auto: 0")
    for name in ("a", "b"):
        site.ctl("add-auto", "--provider", "le", "--cn", f"{name}.example.com", "--name", name, "--no-wait")
    screen.wait("^auto: 2")
    assert [line.split()[:2] for line in screen.lines[1:]] == \
        [["NAME", "COMMON"], ["b", "b.example.com"], ["a", "a.example.com"]]
    assert screen.end() == 0


def change_until_seen(site, out):
    """Changes an auto-certificate until the watch shows it: then it is subscribed."""
    before = out.read_text().count(" object.updated ")

    def seen():
        site.ctl("pause", "www.example.com")
        site.ctl("resume", "www.example.com")
        return out.read_text().count(" object.updated ") > before
    wait_for(seen, 20, "a change in the output")


def test_into_a_pipe_each_event_is_a_line_and_a_restart_is_told(site, scratch):
    out, reasons = scratch / "out", scratch / "err"
    with out.open("wb") as stdout, reasons.open("wb") as stderr:
        process = subprocess.Popen([str(program("certctl")), "watch", "auto"], stdout=stdout, stderr=stderr,
                                   env={**os.environ, "CERTD_SOCKET": str(site.socket), "LC_ALL": "C.UTF-8"})
    site.ca.freeze()
    site.ctl("add-auto", "--provider", "le", "--cn", "www.example.com", "--no-wait")
    change_until_seen(site, out)
    site.ca.thaw()
    wait_for(lambda: " deploy.done " in out.read_text(), 20, "the end of the rollout")
    assert " issue.progress " in out.read_text() and " issue.done " in out.read_text()
    assert all(re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \w+ +[\w.]+ +auto www\.example\.com: ", line)
               for line in out.read_text().splitlines())
    site.restart()
    wait_for(lambda: "certd is back" in reasons.read_text(), 20, "the new connection")
    change_until_seen(site, out)
    process.send_signal(signal.SIGINT)
    assert process.wait(patient(10)) == 0
    assert reasons.read_text() == "certctl: certd does not answer; waiting for it to return\ncertctl: certd is back\n"


def test_what_is_refused_later_ends_it(site):
    site.ctl("add-provider", "--name", "spare", "--server", "https://127.0.0.1:1/d", "--email", "a@b.c", "--no-wait")
    screen = Screen(site, "watch", "auto", "--provider", "spare")
    screen.wait("^auto: 0")
    site.ctl("rm", "provider", "spare")
    site.ctl("add-auto", "--provider", "le", "--cn", "www.example.com", "--no-wait")
    wait_for(lambda: screen.read() or screen.process.poll() is not None, 20, "the end")
    assert screen.process.returncode == 65
    assert "certctl: --provider: there is no provider 'spare'" in screen.output.decode().split("\033[?1049l")[1]


def test_what_is_wrong_is_said_at_once(start, site):
    assert site.ctl("watch", "--sort", "nam", check=False).returncode == 64
    assert site.ctl("watch", "autoo", check=False).returncode == 64
    absent = start(Certd, ready=False)
    result = absent.ctl("watch", check=False)
    assert result.returncode == 69 and "certd is not running" in result.stderr and result.stdout == ""
