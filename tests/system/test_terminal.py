"""A terminal session: what certctl shows on 60, 80 and 150 columns, in UTF-8 and in the C locale."""
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
import unicodedata

import pytest
from certd import Certd, program
from pebble import Challtestsrv, Pebble
from procs import free_port, patient, run, wait_for

COLOUR = re.compile(r"\033\[[0-9;]*m")
CONTROL = re.compile(r"\033\[[?0-9;]*[A-Za-z]")
WIDTHS = (60, 80, 150)
LOCALES = ("en_US.UTF-8", "de_DE.UTF-8", "C")


@pytest.fixture(scope="module")
def locales(tmp_path_factory):
    """Locales as on a host that has them: the machine of the tests need not."""
    directory = tmp_path_factory.mktemp("locales")
    for name in ("en_US", "de_DE"):
        run(["localedef", "-i", name, "-f", "UTF-8", directory / f"{name}.UTF-8"], check=False)
        assert (directory / f"{name}.UTF-8" / "LC_CTYPE").exists(), "install the package locales"
    return directory


@pytest.fixture
def site(start):
    """One certificate that is fine, one that waits for a validation that takes long, one that failed."""
    port = free_port()
    pebble = start(Pebble, dns=start(Challtestsrv).dns, http_port=port)
    certd = start(Certd, config=f"http-listen = 127.0.0.1:{port}\n")
    certd.ctl("add-provider", "--name", "le", "--server", pebble.url, "--email", "a@b.c", "--agree-tos", "--ca-file",
              pebble.ca_file)
    certd.ctl("add-consumer", "--name", "nginx", "--probe", f"127.0.0.1:{free_port()}")
    certd.ctl("add-auto", "--provider", "le", "--cn", "a-shop-with-a-long-name.example.com", "--consumer", "nginx")
    certd.ctl("add-dns", "--name", "broken", "--kind", "exec", "--command", "/bin/false", "--zone", "example.org")
    certd.ctl("add-auto", "--provider", "le", "--cn", "failed.example.org", "--challenge", "dns-01", "--no-wait")
    wait_for(lambda: certd.ctl_json("show", "auto", "failed.example.org")["metadata"]["state"] == "FAILED", 20)
    certd.locales = None
    return certd


class Session:
    """certctl in a terminal with this many columns."""

    def __init__(self, certd, columns, locale, *words, **more):
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        environment = {**os.environ, "CERTD_SOCKET": str(certd.socket), "LC_ALL": locale, "TERM": "xterm",
                       "LOCPATH": str(certd.locales), **more}
        environment.pop("NO_COLOR", None) if "NO_COLOR" not in more else None
        self.process = subprocess.Popen([str(program("certctl")), *words], stdin=slave, stdout=slave, stderr=slave,
                                        start_new_session=True, env=environment)
        os.close(slave)
        self.output = b""

    def read(self, until=None, seconds=20):
        """Until @until is shown, or the end."""
        deadline = time.monotonic() + patient(seconds)
        while time.monotonic() < deadline and not (until and re.search(until, self.output.decode(errors="replace"))):
            if not select.select([self.master], [], [], 0.1)[0]:
                continue
            try:
                self.output += os.read(self.master, 65536)
            except OSError:  # the other end is closed
                break
        return self.output.decode()

    def type(self, keys):
        os.write(self.master, keys)

    def end(self):
        text = self.read()
        status = self.process.wait(patient(10))
        os.close(self.master)
        return status, text.replace("\r\n", "\n")


def width(line):
    line = CONTROL.sub("", line)
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line)


def look(certd, columns, locale, *words, **more):
    session = Session(certd, columns, locale, *words, **more)
    return session.end()


@pytest.mark.parametrize("columns", WIDTHS)
@pytest.mark.parametrize("locale", LOCALES)
def test_a_session(site, locales, columns, locale):
    site.locales = locales
    for words in (["list"], ["list", "cert"], ["list", "provider"], ["list", "consumer"], ["list", "dns"], ["status"],
                  ["schedule"], ["explain", "failed.example.org"], ["explain", "nginx"], ["explain", "le"]):
        status, text = look(site, columns, locale, *words)
        assert status == 0, text
        for line in text.splitlines():
            assert width(line) <= columns or "certctl " in line, (words, line)
        if locale == "C":
            assert text.isascii(), text

    status, text = look(site, columns, locale, "list")
    plain = COLOUR.sub("", text).splitlines()
    assert plain[0].startswith("NAME ") and " STATE " in plain[0] and " EXPIRES" in plain[0]
    names = [line.split()[0] for line in plain[1:]]
    assert names[0].startswith("a-shop-with-") and names[1] == "failed.example.org"
    if columns == 150:
        assert "a-shop-with-a-long-name.example.com" in plain[1] and " WHEN" in plain[0]
    if columns == 60 and not names[0].endswith(".com"):
        assert names[0].endswith("..." if locale == "C" else "…")

    assert "\033[31mFAILED\033[0m" in text and "\033[32mAVAILABLE\033[0m" in text
    _, status_text = look(site, columns, locale, "status")
    assert "\033[31mfailing\033[0m" in status_text and "\033[32mrunning\033[0m" in status_text
    _, detail = look(site, columns, locale, "show", "auto", "failed.example.org")
    assert "\033[31mFAILED\033[0m" in detail
    for more in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        assert "\033[3" not in look(site, columns, locale, "list", **more)[1]


def test_without_a_terminal_nothing_is_cut_or_coloured(site):
    text = site.ctl("list").stdout
    assert "\033" not in text and "a-shop-with-a-long-name.example.com  le" in text


@pytest.mark.parametrize("columns", WIDTHS)
def test_watch_keeps_what_is_needed_and_shows_orders_that_were_running(start, locales, columns):
    port = free_port()
    pebble = start(Pebble, dns=start(Challtestsrv).dns, http_port=port, is_slow=True)
    certd = start(Certd, config=f"http-listen = 127.0.0.1:{port}\n")
    certd.locales = locales
    certd.ctl("add-provider", "--name", "le", "--server", pebble.url, "--email", "a@b.c", "--agree-tos", "--ca-file",
              pebble.ca_file)
    certd.ctl("add-auto", "--provider", "le", "--cn", "www.example.com", "--no-wait")
    wait_for(lambda: "validate" in certd.ctl_json("show", "auto", "www.example.com")["metadata"].get("progress", ""), 15)
    session = Session(certd, columns, "de_DE.UTF-8", "watch")
    shown = session.read("validate")
    line = next(line for line in COLOUR.sub("", shown).splitlines() if "www.example.com" in line)
    assert "PROVISIONING" in line and "validate" in line
    assert all(width(line) <= columns for line in shown.splitlines())
    session.process.send_signal(signal.SIGINT)
    assert session.end()[0] == 0


def test_the_live_line_is_cut_with_an_ellipsis_and_shows_the_time_left(start, locales):
    """The DNS server that is asked never gets the record."""
    from dnsservers import Knot

    knot, other = start(Knot), start(Knot)
    pebble = start(Pebble, dns=knot.dns)
    certd = start(Certd)
    certd.locales = locales
    certd.ctl("add-provider", "--name", "le", "--server", pebble.url, "--email", "a@b.c", "--agree-tos", "--ca-file",
              pebble.ca_file)
    certd.ctl("add-dns", "--name", "ns1", "--kind", "rfc2136", "--server", knot.dns, "--tsig-key-file", knot.key_file,
              "--zone", "example.com", "--nameserver", other.dns, "--propagation-timeout", "8s")
    session = Session(certd, 60, "en_US.UTF-8", "add-auto", "--provider", "le", "--cn", "www.example.com")
    shown = session.read(r"\[\d+s, [1-8]s left\] solve: [^\r]*…")
    assert re.search(r"\[\d+s, [1-8]s left\] solve: [^\r]*…", shown), shown
    assert all(width(line) < 60 for line in shown.split("\r"))
    status, text = session.end()
    # which server, what it answered; the CA was not asked
    assert status == 68 and "no name server has the TXT record after 8s" in text and other.dns in text, text
    assert "Pulled a task" not in pebble.log
    assert "certctl explain auto www.example.com" in text


def test_rm_of_what_is_served_asks(site, locales):
    site.locales = locales
    site.ctl("add-consumer", "--name", "mail")
    site.ctl("set", "auto", "a-shop-with-a-long-name.example.com", "--consumer", "mail", "--force")
    wait_for(lambda: any(rollout.get("activated") for rollout in
                         site.ctl_json("show", "consumer", "mail")["metadata"]["rollouts"]), 20)
    for answer, status in ((b"\n", 73), (b"y\n", 0)):
        session = Session(site, 80, "C", "rm", "auto", "a-shop-with-a-long-name.example.com")
        shown = session.read(r"Do it all the same\? \[y/N\] ")
        assert "consumer 'mail' still has the files of" in shown, shown
        session.type(answer)
        assert session.end()[0] == status
    assert len(site.ctl_json("list")) == 1
