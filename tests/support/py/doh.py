"""Doh: a stand-in for a resolver over HTTPS (RFC 8484, by POST) that asks a real name server. Plain http on loopback."""
import socket
import time
from http.server import BaseHTTPRequestHandler

from procs import HttpServer

MESSAGE = "application/dns-message"


class Doh(HttpServer):
    """Runs in a thread of the test. @backend: a dnsservers.DnsServer. `url` answers as it should.

    /html, /long, /id, /question, /status, /redirect and /slow answer with what their name says is wrong.
    """
    name = "doh"

    def __init__(self, directory, backend):
        super().__init__(directory)
        self.backend = backend

    @property
    def log(self):
        return ""

    @property
    def url(self):
        return f"{self.endpoint}/dns-query"

    def handler(self):
        return Handler

    def resolve(self, question):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(20)
            sock.sendto(question, ("127.0.0.1", self.backend.port))
            return sock.recv(65535)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_POST(self):
        question = self.rfile.read(int(self.headers["Content-Length"]))
        assert self.headers["Content-Type"] == self.headers["Accept"] == MESSAGE and question[:2] == b"\0\0"
        status, kind, answer = 200, MESSAGE, self.api.resolve(question)
        match self.path:
            case "/html":
                kind, answer = "text/html", b"<html>"
            case "/long":
                answer += bytes(1 << 20)
            case "/id":
                answer = b"\0\1" + answer[2:]
            case "/question":
                answer = answer[:13] + b"x" + answer[14:]
            case "/status":
                status = 500
            case "/redirect":
                status = 307
            case "/slow":
                time.sleep(5)
        try:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(answer)))
            if status == 307:
                self.send_header("Location", self.api.url)
            self.end_headers()
            self.wfile.write(answer)
        except OSError:
            self.close_connection = True
