"""A stand-in of crt.sh, whose answers have the form of recorded ones."""
import http.server
import json
import threading


class CrtSh:
    """`entries`: its answer; `is_slow`: it sends one octet now and then instead."""

    def __init__(self):
        outer = self
        self.entries, self.asked, self.is_slow = [], [], False
        self.closing = threading.Event()

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):  # noqa: N802
                outer.asked.append(self.path)
                body = json.dumps(outer.entries).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body) + 1000 * outer.is_slow))
                self.end_headers()
                while outer.is_slow and not outer.closing.wait(0.2):
                    self.wfile.write(b" ")
                    self.wfile.flush()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.source = f"http://127.0.0.1:{self.server.server_port}/?q={{domain}}&output=json"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.closing.set()
        self.server.shutdown()
        self.server.server_close()

    def add(self, issuer, names, serial, begins, ends, number):
        """The log has the precertificate, too."""
        for which in (0, 1):
            self.entries.append({
                "issuer_ca_id": 183267, "issuer_name": issuer, "common_name": names[0], "name_value": "\n".join(names),
                "id": 15000000000 + 2 * number + which, "entry_timestamp": begins[:19] + ".123", "not_before": begins[:19],
                "not_after": ends[:19], "serial_number": serial, "result_count": 2})
