"""A client for certd's control socket: JSON-RPC 2.0, one message a line."""
import json
import socket

from procs import patient


class RpcError(Exception):
    def __init__(self, error):
        super().__init__(f"{error['code']}: {error['message']}")
        self.code = error["code"]
        self.message = error["message"]
        self.data = error.get("data") or {}


class RpcClient:
    """One connection. Calls wait for their answer; notifications received meanwhile are kept for next_event()."""

    def __init__(self, path, timeout=20):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(patient(timeout))
        self.sock.connect(str(path))
        self.input = b""
        self.events = []
        self.last_id = 0

    def close(self):
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def send_bytes(self, data):
        """Exactly these octets, including malformed ones."""
        self.sock.sendall(data)

    def send(self, message, fds=()):
        """Sends a JSON value as one line; descriptors are attached to its first octet."""
        socket.send_fds(self.sock, [json.dumps(message).encode() + b"\n"], list(fds))

    def read_line(self):
        """The next line without its end; None when certd closed the connection."""
        while b"\n" not in self.input:
            data = self.sock.recv(65536)
            if not data:
                return None
            self.input += data
        line, _, self.input = self.input.partition(b"\n")
        return line

    def read(self):
        line = self.read_line()
        if line is None:
            raise ConnectionError("certd closed the connection")
        return json.loads(line)

    def call(self, method, fds=(), **params):
        """Returns the result; an error answer is raised as RpcError."""
        self.last_id += 1
        self.send({"jsonrpc": "2.0", "id": self.last_id, "method": method, "params": params}, fds)
        while True:
            answer = self.read()
            if "method" in answer:
                self.events.append(answer)
            elif answer.get("id") == self.last_id:
                break
        if "error" in answer:
            raise RpcError(answer["error"])
        return answer["result"]

    def next_event(self, method=None):
        """Waits for the next notification, of that method if given; others are dropped."""
        while True:
            event = self.events.pop(0) if self.events else self.read()
            if "method" in event and method in (None, event["method"]):
                return event.get("params")
