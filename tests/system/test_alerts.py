"""Alerts that leave the host: to a web server, to a real Postfix, and to a program."""
import json
import os
import socket
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from certd import Certd, program
from mailserver import Dovecot, Postfix, is_installed
from procs import patient, wait_for
from tls import ThrowAwayCa

PASSWORD = "correct horse"


class Receiver:
    """A web server on 127.0.0.1 that notes what it is sent. `status`, `words`: its answer."""

    def __init__(self):
        self.taken, self.headers = [], []
        self.status, self.words = 200, "ok"
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if receiver.status < 300:
                    receiver.headers.append(dict(self.headers))
                    receiver.taken.append((self.path, json.loads(body)))  # last: tests wait for it
                self.send_response(receiver.status)
                self.end_headers()
                self.wfile.write(receiver.words.encode())

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def wait(self, count):
        wait_for(lambda: len(self.taken) >= count, 15, f"{count} messages, not {self.taken}")
        return [body for _, body in self.taken]


@pytest.fixture
def receiver():
    receiver = Receiver()
    yield receiver
    receiver.close()


@pytest.fixture
def ca(scratch):
    return ThrowAwayCa(scratch / "ca")


def secret_file(scratch, name, text):
    path = scratch / name
    path.write_text(text + "\n")
    path.chmod(0o600)
    return path


def add_webhook(certd, scratch, url, *options):
    certd.ctl("add-alert", "--name", "hook", "--kind", "webhook", "--url-file", secret_file(scratch, "url", url),
              "--condition", "expired", *options)


def import_certificate(certd, ca, days, *options):
    """With 0 days it has expired."""
    cert, key = ca.issue("shop.example.test", days=days)
    certd.ctl("import", "--cert", cert, "--chain", ca.cert_file, "--key", key, "--no-wait", *options,
              *(() if days else ("--allow-expired",)))


def test_a_certificate_that_has_expired_is_reported_and_its_replacement_ends_that(start, scratch, receiver, ca):
    certd = start(Certd)
    add_webhook(certd, scratch, f"{receiver.url}/hook", "--headers-file", secret_file(scratch, "headers", "X-Team: ops"))
    import_certificate(certd, ca, 0, "--name", "shop")
    begun, = receiver.wait(1)
    assert (begun["condition"], begun["status"], begun["object"]["name"]) == ("expired", "firing", "shop"), begun
    assert receiver.headers[0]["X-Team"] == "ops"
    assert receiver.headers[0]["Idempotency-Key"] == begun["id"]
    assert receiver.taken[0][0] == "/hook"
    status = certd.ctl("status").stdout
    assert "attention" in status and "critical: cert shop, certificate has expired" in status, status
    import_certificate(certd, ca, 29, "--replace", "shop")
    _, ended = receiver.wait(2)
    assert (ended["status"], ended["incident"]) == ("resolved", begun["incident"])
    assert "attention" not in certd.ctl("status").stdout

    def kinds():
        return [event["kind"] for event in certd.call("event.list")["items"]]

    wait_for(lambda: kinds().count("alert.sent") == 2, what="the answers to be recorded")
    assert "alert.failed" not in kinds()


def test_what_waits_outlives_certd_and_is_sent_once(start, scratch, receiver, ca):
    certd = start(Certd)
    add_webhook(certd, scratch, receiver.url)
    receiver.status, receiver.words = 503, "closed for lunch"
    import_certificate(certd, ca, 0, "--name", "shop")
    wait_for(lambda: certd.call("alert.get", ref="hook")["metadata"]["state"] == "FAILED", 15)
    metadata = certd.call("alert.get", ref="hook")["metadata"]
    assert metadata["queued"] == 1 and "HTTP 503: closed for lunch" in metadata["message"], metadata
    assert "nextDate" in metadata
    status = certd.ctl("status").stdout
    assert "alert hook, send: " in status and "closed for lunch" in status, status
    assert "certctl explain hook" not in status
    assert "closed for lunch" in certd.ctl("list", "alerts").stdout
    certd.kill9()
    certd.start()
    receiver.status = 200
    certd.ctl("set", "alert", "hook", "--url-file", secret_file(scratch, "url", f"{receiver.url}/other"))
    receiver.wait(1)
    wait_for(lambda: certd.call("alert.get", ref="hook")["metadata"]["queued"] == 0, 15)
    certd.restart()
    certd.ctl("alert", "test", "hook")
    assert [body["status"] for body in receiver.wait(2)] == ["firing", "test"]
    assert receiver.taken[0][0] == "/other"


def test_a_test_message_is_answered_in_the_words_of_the_server(start, scratch, receiver):
    certd = start(Certd)
    add_webhook(certd, scratch, receiver.url, "--template", "slack")
    assert "HTTP 200: ok" in certd.ctl("alert", "test", "hook").stdout
    assert receiver.taken[0][1]["text"] == "[warning] test of the alert 'hook'"
    receiver.status, receiver.words = 403, "invalid_token\x1b[2J"
    result = certd.ctl("alert", "test", "hook", check=False)
    assert result.returncode and "HTTP 403: invalid_token" in result.stderr and "\x1b" not in result.stderr
    receiver.close()
    result = certd.ctl("alert", "test", "hook", check=False)
    assert result.returncode and "Connection refused" in result.stderr
    result = certd.ctl("alert", "hook", check=False)
    assert "certctl alert test NAME" in result.stderr
    assert certd.call("alert.get", ref="hook")["metadata"]["secrets"] == ["url"]
    assert receiver.url + "/" not in certd.log


def test_a_program_gets_the_message_on_its_input_and_in_its_environment(start, scratch):
    certd = start(Certd)
    program = scratch / "page"
    program.write_text(f"#!/bin/sh\ncat >{scratch}/input\nenv >{scratch}/environment\n"
                       "test -e /nonexistent || { echo 'the pager is off' >&2; exit 3; }\n")
    program.chmod(0o755)
    certd.ctl("add-alert", "--name", "page", "--kind", "command", "--command", program, "--minimum-severity", "critical")
    result = certd.ctl("alert", "test", "page", check=False)
    assert result.returncode and "the pager is off" in result.stderr, result
    message = json.loads((scratch / "input").read_text())
    environment = dict(line.split("=", 1) for line in (scratch / "environment").read_text().splitlines())
    assert message["status"] == environment["CERTD_ALERT_STATUS"] == "test"
    assert message["severity"] == environment["CERTD_ALERT_SEVERITY"] == "critical"
    assert message["id"] == environment["CERTD_ALERT_ID"]


class SilentSmtp:
    """A mail server that takes a mail and does not answer to QUIT, or (@is_silent) does not say anything at all."""

    def __init__(self):
        self.is_silent = False
        self.mails, self.connected = [], threading.Event()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.sessions = []
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                session = self.listener.accept()[0]
            except OSError:
                return
            self.sessions.append(session)
            self.connected.set()
            if not self.is_silent:
                threading.Thread(target=self.talk, args=(session,), daemon=True).start()

    def talk(self, session):
        file = session.makefile("rwb", buffering=0)
        file.write(b"220 silent.test ESMTP\r\n")
        for line in file:
            word = line[:4].upper()
            if word == b"QUIT":
                continue
            file.write(b"354 go on\r\n" if word == b"DATA" else b"250 ok\r\n")
            if word == b"DATA":
                self.mails.append(b"".join(iter(file.readline, b".\r\n")).decode())
                file.write(b"250 noted as number 1\r\n")

    def close(self):
        for sock in (self.listener, *self.sessions):
            sock.close()


def test_a_mail_server_that_does_not_answer_holds_up_nothing(start, scratch):
    certd = start(Certd)
    server = SilentSmtp()
    certd.ctl("add-alert", "--name", "ops", "--kind", "mail", "--to", "ops@example.test", "--server",
              f"127.0.0.1:{server.port}", "--security", "none")
    assert "answer: 250 noted as number 1" in certd.ctl("alert", "test", "ops").stdout, "it was accepted before QUIT"
    assert len(server.mails) == 1 and "Subject: [warning] test" in server.mails[0]
    server.is_silent = True
    server.connected.clear()
    with subprocess.Popen([program("certctl"), "alert", "test", "ops"], stderr=subprocess.PIPE, text=True,
                          env={**os.environ, "CERTD_SOCKET": str(certd.socket)}) as waiting:
        assert server.connected.wait(patient(20))
        assert "certd" in certd.ctl("status").stdout
        assert waiting.poll() is None, "it waits for the server"
        certd.stop()
        assert "stopping" in waiting.communicate(timeout=patient(20))[1]
    server.close()


@pytest.mark.skipif(not is_installed(), reason="needs root, postfix and dovecot")
def test_mail_is_delivered_by_a_real_server_with_starttls_and_a_password(start, scratch, ca):
    auth = start(Dovecot, password="correct-horse")
    cert, key = ca.issue("localhost", "127.0.0.1")
    postfix = start(Postfix, cert=cert, key=key, auth=auth.socket)
    certd = start(Certd)
    certd.ctl("add-alert", "--name", "ops", "--kind", "mail", "--to", "ops@example.test", "--from", "certd@example.test",
              "--server", f"localhost:{postfix.port}", "--ca-file", ca.cert_file, "--user", "certd",
              "--password-file", secret_file(scratch, "password", "correct-horse"), "--condition", "expired")
    result = certd.ctl("alert", "test", "ops")
    assert "queued as" in result.stdout, "Postfix in its own words: " + result.stdout
    wait_for(lambda: len(postfix.mails) == 1, 15, "the mail")
    mail = postfix.mails[0]
    assert "Subject: [warning] test of the alert 'ops'" in mail and "Auto-Submitted: auto-generated" in mail, mail
    assert "ESMTPSA" in mail, "with TLS, and authenticated"
    import_certificate(certd, ca, 0, "--name", "caf\u00e9")
    wait_for(lambda: len(postfix.mails) == 2, 15, "the alert")
    assert "Subject: =?UTF-8?B?" in postfix.mails[1]
    import_certificate(certd, ca, 29, "--replace", "caf\u00e9")
    wait_for(lambda: len(postfix.mails) == 3, 15, "its end")
    begun = next(line for line in postfix.mails[1].splitlines() if line.startswith("Message-ID:")).split()[1]
    assert f"In-Reply-To: {begun}" in postfix.mails[2]

    certd.ctl("set", "alert", "ops", "--password-file", secret_file(scratch, "password", "wrong"))
    result = certd.ctl("alert", "test", "ops", check=False)
    assert result.returncode and "refuses the user 'certd'" in result.stderr and "535" in result.stderr, result.stderr
    certd.ctl("set", "alert", "ops", "--ca-file", "")
    result = certd.ctl("alert", "test", "ops", check=False)
    assert result.returncode and "is not accepted" in result.stderr, result.stderr
    certd.ctl("set", "alert", "ops", "--security", "none", "--user", "", "--unset", "password")
    result = certd.ctl("alert", "test", "ops", check=False)
    assert result.returncode and "STARTTLS" in result.stderr, result.stderr
    assert len(postfix.mails) == 3
