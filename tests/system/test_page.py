"""The page of GET / in a real browser, and the events it follows."""
import http.client
import json
import os
import re
import socket
import time
from pathlib import Path

import pytest
from browser import Browser
from certd import Certd, program
from ionos_client import UnixConnection
from pebble import Challtestsrv, Pebble
from procs import free_port, patient, run, wait_for
from tls import ThrowAwayCa

BIG = 10000
FILES = ("/", "/page.js", "/page.css", "/page.svg")
SHOTS = Path(os.environ.get("CERTD_BUILDDIR", ".")) / "screenshots"


def start_certd(start, *, config="", fill=0):
    """Returns (certd, URL, token of a viewer). @fill: the number of certificates, of all ages and in all states."""
    port = free_port()

    class Filled(Certd):
        def start(self):
            if fill and not (self.state / "store").exists():
                run([program("bench-fill"), self.state, fill], timeout=200, env={**os.environ, "FILL_MIXED": "1"})
            return super().start()

    certd = start(Filled, config=f"rest-page = yes\nrest-listen = 127.0.0.1:{port}\nrest-plain = yes\n{config}")
    return certd, f"http://127.0.0.1:{port}", token_of(certd)


def token_of(certd):
    token = certd.call("token.create", properties={"name": f"t{time.monotonic_ns()}", "role": "viewer"})
    return token["metadata"]["token"]


def sign_in(browser, url, token):
    browser.open(url)
    wait_for(lambda: browser.run("return !document.getElementById('login').hidden"), 20, "the question for a token")
    browser.click("#token")
    browser.press(token, "Enter")
    wait_for(lambda: browser.run("return document.body.dataset.ready === 'yes'"), 60, "the certificates")


def rows(browser):
    """The names in sight, from top to bottom."""
    return browser.run("""return [...document.querySelectorAll('.row')]
        .sort((a, b) => parseFloat(a.style.top) - parseFloat(b.style.top))
        .map(row => row.querySelector('.c-name').textContent)""")


def states(browser):
    return browser.run("""return [...document.querySelectorAll('.row')]
        .sort((a, b) => parseFloat(a.style.top) - parseFloat(b.style.top))
        .map(row => row.querySelector('.state').textContent.slice(2))""")


def selected(browser):
    return browser.run("const row = document.querySelector('.row[aria-selected=true]');"
                       "return row && row.querySelector('.c-name').textContent")


def is_clean(browser, url):
    assert browser.console() == []
    # Those of the browser's own first tab do not count.
    asked = [address for address in browser.requests() if not address.startswith(("chrome://", "data:image/gif"))]
    assert asked and all(address.startswith(url + "/") for address in asked), asked


@pytest.mark.plain_build
@pytest.mark.limit(300)
def test_ten_thousand_certificates_with_keyboard_in_light_and_dark(start):
    certd, url, token = start_certd(start, fill=BIG)
    browser = start(Browser)
    sign_in(browser, url, token)
    wait_for(lambda: browser.text("#live") == "live", 20, "the stream of events")
    assert browser.text("#count") == f"{BIG} certificates"
    found = states(browser)
    order = ["expired", "renewal late", "not issued", "not served", "failing", "paused", "good"]
    assert found[0] == "expired" and found == sorted(found, key=order.index)
    assert len(rows(browser)) < 60, "only the rows in sight are made"

    wait_for(lambda: browser.run("return document.querySelectorAll('#forecast rect.f-bar').length") > 1, 60, "the plot")
    assert browser.run("return document.querySelector('#forecast svg').getBoundingClientRect().height") > 100
    assert "renewals from " in browser.run("return document.querySelector('#forecast svg desc').textContent")
    assert browser.run("return document.querySelectorAll('#forecast tbody tr').length") == \
        browser.run("return document.querySelectorAll('#forecast rect.f-bar').length")

    # By keyboard: to the end and back, open, close, search.
    browser.run("document.getElementById('list').focus()")
    browser.press("End")
    wait_for(lambda: selected(browser) == rows(browser)[-1] and states(browser)[-1] == "good", what="the last one")
    browser.press("Home", "Down", "Up")
    worst = wait_for(lambda: selected(browser) == rows(browser)[0] and states(browser)[0] == "expired" and
                     selected(browser), what="the first one")
    browser.press("Enter")
    wait_for(lambda: "What happens next" in (browser.text("#detail") or ""), 20, "the decision trace")
    detail = browser.text("#detail")
    assert certd.call("autoCertificate.explain", ref=worst)["summary"] in detail and "192.0.2.10:443" in detail
    # What a proxy answered stays text.
    assert "<img src=x onerror=\"document.title='broken'\"><b>Forbidden</b>" in detail
    assert browser.run("return document.querySelectorAll('#detail img, #detail b').length") == 0
    assert browser.run("return document.title").startswith("certd")
    SHOTS.mkdir(exist_ok=True)
    browser.screenshot(SHOTS / "page-light.png")
    light = browser.run("return getComputedStyle(document.body).backgroundColor")
    browser.prefer("dark")
    dark = browser.run("return getComputedStyle(document.body).backgroundColor")
    browser.screenshot(SHOTS / "page-dark.png")
    brightness = [sum(int(part) for part in colour[4:-1].split(",")) for colour in (light, dark)]
    assert brightness[0] > 600 and brightness[1] < 120, (light, dark)
    browser.press("Escape")
    wait_for(lambda: browser.run("return document.getElementById('detail').hidden"), what="the end of the details")
    browser.press("/", "n0000007")
    wait_for(lambda: rows(browser) == ["n0000007.example.com"], what="the one that was searched")
    assert browser.text("#count") == f"1 of {BIG} certificates"
    is_clean(browser, url)


def test_imported_certificates_and_conditions_are_shown_whatever_the_limit_of_the_metrics(start, scratch):
    certd, url, token = start_certd(start, config=f"metrics-certificates = 1\nhttp-listen = 127.0.0.1:{free_port()}\n")
    ca = ThrowAwayCa(scratch)

    def import_certificate(name, days):
        cert, key = ca.issue("old.example.com", days=days)
        certd.ctl("import", "--cert", cert, "--key", key, "--chain", ca.cert_file, "--name", name, "--allow-expired")

    certd.ctl("add-provider", "--name", "dead", "--server", f"https://127.0.0.1:{free_port()}/", "--email", "a@b.test",
              "--agree-tos", "--no-wait")
    for name in ("one", "two"):
        certd.ctl("add-auto", "--provider", "dead", "--cn", f"{name}.example.com", "--name", name, "--no-wait")
    import_certificate("imported <b>", 0)
    browser = start(Browser)
    sign_in(browser, url, token)
    assert sorted(rows(browser)) == ["imported <b>", "one", "two"] and browser.text("#count") == "3 certificates"
    attention = browser.text("#conditions")
    assert "imported <b>: certificate has expired: expired " in attention and "--replace" in attention
    assert browser.run("return document.getElementById('verdict').className") == "bad"
    # Too many of them: the page says so.
    import_certificate("another", 10)
    sign_in(browser, url, token)
    assert sorted(rows(browser)) == ["one", "two"]
    assert "without imported ones: there are more than metrics-certificates" in browser.text("#count")
    is_clean(browser, url)


@pytest.mark.limit(120)
def test_changes_are_shown_as_they_happen(start):
    dns = start(Challtestsrv)
    pebble = start(Pebble, dns=dns.dns, validity=86400 * 90)
    certd, url, token = start_certd(start, config=f"http-listen = 127.0.0.1:{pebble.http_port}\n")
    browser = start(Browser)
    sign_in(browser, url, token)
    assert browser.text("#rows") == "There is no certificate yet."
    wait_for(lambda: browser.text("#live") == "live", 20)
    certd.ctl("add-provider", "--name", "le", "--server", pebble.url, "--ca-file", pebble.ca_file,
              "--email", "ops@example.com", "--agree-tos")
    certd.ctl("add-auto", "--provider", "le", "--cn", "www.example.com", "--name", "shop <i>1</i>")
    wait_for(lambda: rows(browser) == ["shop <i>1</i>"] and states(browser) == ["good"], 20, "the new certificate")
    certd.ctl("pause", "shop <i>1</i>")
    wait_for(lambda: states(browser) == ["paused"], 20, "the pause")
    wait_for(lambda: "certificate issued" in browser.text("#events"), what="the event")
    assert browser.run("return document.querySelectorAll('.c-name i, #events i').length") == 0
    certd.ctl("remove", "auto", "shop <i>1</i>", "--with-certificates")
    wait_for(lambda: rows(browser) == [], 20, "the removal")
    # certd restarts: the page says so, and goes on.
    certd.stop()
    wait_for(lambda: browser.text("#live") == "offline", 20)
    certd.start()
    wait_for(lambda: browser.text("#live") == "live", 30)


def test_a_wrong_token_is_refused_in_words(start):
    _, url, _ = start_certd(start)
    browser = start(Browser)
    browser.open(url)
    wait_for(lambda: browser.run("return !document.getElementById('login').hidden"), 20)
    is_clean(browser, url)
    browser.click("#token")
    browser.press("certd_wrong", "Enter")
    wait_for(lambda: "api key" in (browser.text("#refusal") or ""), 20, "the refusal")
    assert browser.run("return document.getElementById('main').hidden")


def get(certd, path, **headers):
    connection = UnixConnection(certd.runtime / "rest.sock")
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    return answer.status, dict(answer.headers), answer.read()


def test_the_page_is_off_by_default_and_allows_nothing_from_elsewhere(start):
    certd = start(Certd)
    assert {get(certd, path)[0] for path in FILES} == {404}
    certd.stop()
    certd.config = "rest-page = yes\n"
    certd.start()
    for path in FILES:
        status, headers, body = get(certd, path)
        policy = headers["Content-Security-Policy"]
        assert status == 200 and policy.startswith("default-src 'none';") and "unsafe" not in policy
        assert b"http://" not in body.replace(b"http://www.w3.org/2000/svg", b"") and b"https://" not in body, path
        assert len(body) == int(headers["Content-Length"])
    assert b"style=" not in get(certd, "/")[2] and b"<script>" not in get(certd, "/")[2]


def test_the_forecast_needs_no_script_and_is_that_of_certctl(start):
    certd = start(Certd, config="rest-page = yes\n")
    certd.ctl("add-provider", "--name", "a <b>", "--server", f"https://127.0.0.1:{free_port()}/", "--email", "a@b.test",
              "--agree-tos", "--rate-limit", "orders=1/8h", "--no-wait")
    for i in range(2):
        certd.ctl("add-auto", "--provider", "a <b>", "--cn", f"www{i}.example.com", "--challenge", "manual",
                  "--no-wait")
    status, headers, body = get(certd, "/forecast", Accept="text/html")
    page = body.decode()
    assert status == 200 and headers["Content-Type"].startswith("text/html")
    assert headers["Content-Security-Policy"].startswith("default-src 'none';")
    assert "<script" not in page and "style=" not in page and "<b>" not in page
    days = certd.call("server.forecast")["days"]
    rows = re.findall(r"<tr><td>(\S+)</td><td>(\d+)</td></tr>", page)
    assert rows and rows == [(day["date"][:10], str(day["renewals"])) for day in days]
    assert "The CA of a &#60;b&#62; allows 3 new orders a day." in page and 'class="f-limit"' in page
    assert "the CA allows 3 new orders a day" in certd.ctl("forecast").stdout
    assert json.loads(get(certd, "/forecast")[2])["days"] == days


# --- the stream ---

class Stream:
    """GET /events as server-sent events, on the Unix socket."""

    def __init__(self, certd, after=None):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(patient(20))
        self.sock.connect(str(certd.runtime / "rest.sock"))
        query = "" if after is None else f"?after={after}"
        self.sock.sendall(f"GET /events{query} HTTP/1.1\r\nHost: h\r\nAccept: text/event-stream\r\n\r\n".encode())
        self.file = self.sock.makefile("rb")
        self.head = self.read_until(b"\r\n\r\n")

    def read_until(self, end):
        text = b""
        while not text.endswith(end):
            octet = self.file.read(1)
            if not octet:
                return text
            text += octet
        return text

    def event(self):
        while True:
            lines = self.read_until(b"\n\n").decode().splitlines()
            assert lines, "the stream has ended"
            data = [line[6:] for line in lines if line.startswith("data: ")]
            if data:
                return json.loads("\n".join(data))

    def close(self):
        self.file.close()
        self.sock.close()


def test_the_stream_begins_after_a_number_and_continues(start):
    certd = start(Certd)
    certd.ctl("add-consumer", "--name", "first")
    stored = certd.call("event.list")["items"]
    stream = Stream(certd, after=0)
    assert b"200 OK" in stream.head and b"text/event-stream" in stream.head and b"Content-Length" not in stream.head
    assert [stream.event() for _ in stored] == stored
    certd.ctl("add-consumer", "--name", "second")
    event = stream.event()
    assert (event["kind"], event["object"]["name"]) == ("object.created", "second")
    stream.close()
    certd.ctl("add-consumer", "--name", "third")  # nobody listens any more
    newest = Stream(certd, after=event["seq"])
    assert newest.event()["object"]["name"] == "third"
    newest.close()
    assert get(certd, "/events?after=x", Accept="text/event-stream")[0] == 400
    assert json.loads(get(certd, "/events")[2])["items"]


def test_a_caller_sees_in_the_stream_what_its_scope_covers(start):
    certd, url, _ = start_certd(start)
    token = certd.call("token.create", properties={"name": "narrow", "role": "viewer", "domains": ["*.in.example"]})
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=patient(20))
    path, fields = "/events?after=0", {"Accept": "text/event-stream"}
    connection.request("GET", path, headers=fields)
    answer = connection.getresponse()
    assert answer.status == 401
    answer.read()
    connection.request("GET", path, headers={**fields, "Authorization": f"Bearer {token['metadata']['token']}"})
    answer = connection.getresponse()
    assert answer.status == 200
    certd.ctl("add-provider", "--name", "le", "--server", "https://127.0.0.1:1/dir", "--email", "ops@example.com",
              "--agree-tos", "--no-wait")
    for name in ("www.out.example", "www.in.example"):
        certd.ctl("add-auto", "--provider", "le", "--cn", name, "--challenge", "manual", "--no-wait")
    text = b""
    while b"www.in.example" not in text:
        text += answer.readline()
    assert b"www.out.example" not in text
    connection.close()
