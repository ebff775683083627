"""Attacks on the REST listeners: refused or disconnected, without effect on others."""
import concurrent.futures
import contextlib
import json
import os
import socket
import ssl
import threading
import time

import pytest
from certd import Certd, is_sanitized
from ionos_client import IonosClient
from pebble import Challtestsrv, Pebble
from procs import free_port, listens, patient, wait_for

PEAK_KIB_MAX = 64 * 1024
STATUS = b"GET /status HTTP/1.1\r\nHost: localhost\r\n\r\n"


class Raw:
    """A connection that sends malformed data."""

    def __init__(self, address):
        self.sock = socket.socket(socket.AF_INET if isinstance(address, tuple) else socket.AF_UNIX)
        self.sock.settimeout(patient(20))
        self.sock.connect(address if isinstance(address, tuple) else str(address))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def ask(self, data):
        self.sock.sendall(data)
        return self.answer()

    def answer(self):
        """(status, body) of the next answer; None when the connection has ended."""
        head = b""
        while b"\r\n\r\n" not in head:
            data = self.sock.recv(1)
            if not data:
                return None
            head += data
        fields = dict(line.split(b": ", 1) for line in head.split(b"\r\n")[1:-2])
        body = b""
        while len(body) < int(fields.get(b"Content-Length", 0)):
            body += self.sock.recv(65536)
        return int(head.split()[1]), json.loads(body) if body else None, fields

    def ends(self, within=patient(5)):
        self.sock.settimeout(within)
        try:
            while self.sock.recv(65536):
                pass
            return True
        except ConnectionError:
            return True
        except TimeoutError:
            return False


@pytest.fixture
def certd(start):
    port = free_port()
    daemon = start(Certd, config=f"rest-plain = yes\nrest-listen = 127.0.0.1:{port}\n")
    daemon.rest = daemon.runtime / "rest.sock"
    daemon.tcp = ("127.0.0.1", port)
    descriptors = daemon.descriptors_at_rest()
    yield daemon
    assert daemon.call("server.status")
    wait_for(lambda: daemon.descriptors() == descriptors, 10, "the descriptors of before")
    assert is_sanitized() or daemon.peak_kib() < PEAK_KIB_MAX


MESSAGES = [
    ("nothing HTTP", b"hello\r\n\r\n", 400),
    ("JSON-RPC", b'{"jsonrpc": "2.0", "id": 1, "method": "server.status"}\n\n', 400),
    ("TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n\n", 400),
    ("HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    ("two lengths", b"POST /providers HTTP/1.1\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}", 400),
    ("chunked", b"POST /providers HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", 411),
    ("huge body", b"POST /providers HTTP/1.1\r\nContent-Length: 9999999999999999999999\r\n\r\n{}", 413),
    ("no host", b"GET /status HTTP/1.1\r\n\r\n", 400),
    ("two hosts", b"GET /status HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
    ("the same host twice", b"GET /status HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n", 400),
    ("many fields", b"GET /status HTTP/1.1\r\n" + b"a: b\r\n" * 200 + b"\r\n", 431),
    ("long field", b"GET /status HTTP/1.1\r\nX: " + b"x" * 20_000 + b"\r\n\r\n", 431),
    ("long path", b"GET /" + b"x" * 20_000 + b" HTTP/1.1\r\n\r\n", 431),
    ("format", b"GET /%25s%25n HTTP/1.1\r\nHost: h\r\n\r\n", 404),
    ("way out", b"GET /../../etc/passwd HTTP/1.1\r\nHost: h\r\n\r\n", 404),
]


def test_each_bad_request_is_answered_with_its_status(certd):
    for address in (certd.rest, certd.tcp):
        for name, message, status in MESSAGES:
            with Raw(address) as raw:
                got, body, _ = raw.ask(message)
                expected = 401 if status == 404 and address == certd.tcp else status
                assert (name, got, body["httpStatus"]) == (name, expected, expected)
                if status != 404:
                    assert raw.ends(), name


def test_who_goes_on_sending_is_heard_out_for_a_while_and_costs_nothing(certd):
    with Raw(certd.tcp) as raw, contextlib.suppress(ConnectionError):
        raw.sock.sendall(b"POST /providers HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000000\r\n\r\n")
        for _ in range(1000):  # 62 MiB
            raw.sock.sendall(b" " * 65536)
        pytest.fail("certd went on reading")
    with Raw(certd.tcp) as raw:
        raw.sock.sendall(b"POST /providers HTTP/1.1\r\nHost: h\r\nContent-Length: 400000\r\n\r\n" + b" " * 400_000)
        assert raw.answer()[0] == 413


def test_who_asks_ahead_and_never_reads_waits_in_the_kernel(certd):
    with contextlib.ExitStack() as stack:
        for _ in range(10):
            raw = stack.enter_context(Raw(certd.rest))
            raw.sock.setblocking(False)
            sent = 0
            with contextlib.suppress(OSError):
                while sent < 200_000:
                    raw.sock.sendall(b"GET /openapi.json HTTP/1.1\r\nHost: h\r\n\r\n")
                    sent += 1
            assert sent < 200_000
        with Raw(certd.rest) as raw:
            assert raw.ask(STATUS)[0] == 200
        assert is_sanitized() or certd.peak_kib() < PEAK_KIB_MAX


def test_one_address_has_32_connections_and_is_told_of_the_33rd(certd):
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(Raw(certd.tcp)) for _ in range(32)]
        assert clients[-1].ask(STATUS)[0] == 401
        with Raw(certd.tcp) as over:
            status, body, fields = over.ask(STATUS)
            assert status == 429 and int(fields[b"Retry-After"]) >= 1
            assert "max-connections-per-user" in body["messages"][0]["message"]
            assert over.ends()
        with Raw(certd.rest) as local:
            assert local.ask(STATUS)[0] == 200, "the Unix socket has places of its own"
        clients[0].sock.close()

        def has_room():
            with Raw(certd.tcp) as one:
                return one.ask(STATUS)[0] == 401

        wait_for(has_room, 10, "room for one more")


def test_an_empty_number_is_refused_and_an_empty_text_is_no_condition(certd):
    def status(target):
        with Raw(certd.rest) as raw:
            return raw.ask(f"GET {target} HTTP/1.1\r\nHost: h\r\n\r\n".encode())[0]
    assert [status(f"/providers?{q}") for q in ("limit=", "offset=", "limit", "limit=0", "limit=x")] == [400] * 5
    assert [status(f"/certificates?{q}") for q in ("filter.commonName=", "depth=", "limit=1", "")] == [200] * 4


class From(Raw):
    """A client at another address of loopback, as if on another host."""

    def __init__(self, address, source):
        self.sock = socket.create_connection(address, patient(20), (source, 0))


def test_four_addresses_cannot_hold_all_places(certd):
    begun = time.monotonic()
    with contextlib.ExitStack() as stack:
        held = [stack.enter_context(From(certd.tcp, f"127.0.1.{1 + i % 4}")) for i in range(128)]
        assert held[0].ask(STATUS)[0] == 401, "without a token it stays a stranger"
        with From(certd.tcp, "127.0.2.1") as honest:
            assert honest.ask(STATUS)[0] == 401
            # It took the place of one, and did not wait until all were let go for their silence.
            assert sum(one.ends(0.01) for one in held) < 64 or time.monotonic() - begun > 9
            assert honest.ask(STATUS)[0] == 401, "and stays"


def test_a_health_check_needs_no_token_and_tells_nothing(certd):
    for address in (certd.rest, certd.tcp):
        with Raw(address) as raw:
            raw.sock.sendall(b"GET /healthz HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
            head, _, body = b"".join(iter(lambda: raw.sock.recv(4096), b"")).partition(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200 ") and body == b"ok\n"
    with Raw(certd.tcp) as raw:
        assert raw.ask(b"POST /healthz HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n")[0] == 401


@pytest.mark.skipif(os.geteuid() != 0, reason="it takes root to have more than 32 connections")
def test_over_the_total_clients_queue_until_somebody_leaves(start):
    certd = start(Certd, config="max-connections = 8\n")
    path = certd.runtime / "rest.sock"
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(Raw(path)) for _ in range(8 + 16)]  # including those reserved for administrators
        for client in clients:
            assert client.ask(STATUS)[0] == 200
        late = stack.enter_context(Raw(path))
        late.sock.sendall(STATUS)
        late.sock.settimeout(0.5)
        with pytest.raises(TimeoutError):
            late.answer()
        clients[0].sock.close()
        late.sock.settimeout(patient(10))
        assert late.answer()[0] == 200


def burst(port, count):
    """The statuses for that many clients of one host that connect at the same time and keep their connection."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    all_connected = threading.Barrier(count)

    def ask(_):
        raw = socket.create_connection(("127.0.0.1", port), patient(20))
        all_connected.wait(patient(20))
        with context.wrap_socket(raw) as sock:
            sock.sendall(STATUS)
            status = int(sock.recv(65536).split()[1])
            all_connected.wait(patient(20))
            return status

    with concurrent.futures.ThreadPoolExecutor(count) as pool:
        return list(pool.map(ask, range(count)))


def test_who_is_slow_is_let_go_and_nobody_waits_for_him(start):
    """In a request, or in the handshake. (Idle ones and slow readers: unit tests, in virtual time.)"""
    dns = start(Challtestsrv)
    ca = start(Pebble, dns=dns.dns)
    port = free_port()
    certd = start(Certd, config=f"http-listen = 127.0.0.1:{ca.http_port}\nrest-certificate = rest\n"
                                f"rest-listen = 127.0.0.1:{port}\n")
    client = IonosClient(certd.runtime / "rest.sock")
    provider = client.create("/providers", name="le", email="a@example.com", server=ca.url, caFile=str(ca.ca_file))
    auto = client.create("/auto-certificates", name="rest", provider=provider["id"], commonName="rest.example.com",
                         keyAlgorithm="secp256r1")
    client.wait_available(auto)
    wait_for(lambda: not [w for w in certd.call("server.status").get("warnings", []) if "REST" in w], 10, "the listener")
    assert set(burst(port, 60)) <= {401, 429}, "nobody is cut in the handshake"
    begun = time.monotonic()
    with Raw(("127.0.0.1", port)) as plain, Raw(("127.0.0.1", port)) as silent, \
            Raw(certd.runtime / "rest.sock") as dripping, Raw(certd.runtime / "rest.sock") as halfway:
        plain.sock.sendall(STATUS)
        assert plain.ends(), "plain HTTP is no handshake"
        halfway.sock.sendall(b"POST /providers HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\n{")
        slow = {"silent": silent, "dripping": dripping, "halfway": halfway}
        ended = {}
        while len(ended) < len(slow) and time.monotonic() - begun < patient(40):
            with contextlib.suppress(OSError):
                dripping.sock.sendall(b"G")
            for name, raw in slow.items():
                if name not in ended and raw.ends(0.01):
                    ended[name] = time.monotonic() - begun
            with Raw(certd.runtime / "rest.sock") as other:
                assert other.ask(STATUS)[0] == 200
            time.sleep(0.3)
    assert len(ended) == 3 and all(seconds >= 9 for seconds in ended.values()), ended


@pytest.mark.parametrize("config, words", [
    ("rest-listen = 127.0.0.1:8443\n", "requires rest-certificate"),
    ("rest-listen = 0.0.0.0:8443\nrest-plain = yes\n", "is not a loopback address"),
    ("rest-listen = localhost:8443\nrest-plain = yes\n", "is not ADDRESS:PORT"),
])
def test_a_listener_that_would_be_open_to_all_is_refused(start, config, words):
    certd = start(Certd, config=config, ready=False)
    with pytest.raises(AssertionError, match="certd ended with 78"):
        certd.start()
    assert words in certd.log


def test_an_address_that_is_taken_is_told_and_bound_later(start):
    port = free_port()
    with socket.create_server(("127.0.0.1", port)):
        certd = start(Certd, config=f"rest-plain = yes\nrest-listen = 127.0.0.1:{port}\n")
        warnings = certd.call("server.status")["warnings"]
        assert any(f"listen on 127.0.0.1:{port}: Address already in use" in w for w in warnings), warnings
    wait_for(lambda: listens(port), 40, "the address bound by itself")
    with Raw(("127.0.0.1", port)) as raw:
        assert raw.ask(STATUS)[0] == 401
