"""nginx and HAProxy in a usual setup with certd: they own "port 80" and serve certificates from drops."""
import os
import signal
import socket
from pathlib import Path

from procs import Server, free_port, listens, patient, run, wait_for


class Nginx(Server):
    """Port `port` represents port 80, `tls_port` 443.

    @bundles: maps a server name to the file with its key and chain (certd's bundle.pem), or to certd's nginx.conf.
    @challenges: where requests for /.well-known/acme-challenge/ go: a URL for proxy_pass, or a webroot directory.
    @http, @https: more configuration for the plain and for each TLS server block. @servers: more server blocks.
    @variables: of its environment, which its workers get as well. @main: more configuration, outside of all blocks.
    """
    name = "nginx"

    def __init__(self, directory, *, bundles=None, challenges=None, port=None, tls_port=None, address="127.0.0.1",
                 http="", https="", servers="", variables=None, main=""):
        super().__init__(directory)
        self.address = address
        self.bundles = bundles or {}
        self.challenges = challenges
        self.port = port or free_port()
        self.tls_port = tls_port or free_port()
        self.http, self.https, self.servers = http, https, servers
        self.variables, self.main = variables or {}, main
        self.config = self.directory / "nginx.conf"

    def _challenge_location(self):
        if self.challenges is None:
            return ""
        kind = "proxy_pass" if "//" in str(self.challenges) else "root"
        return f"location /.well-known/acme-challenge/ {{ {kind} {self.challenges}; }}"

    @staticmethod
    def _certificate(bundle):
        if Path(bundle).name == "nginx.conf":
            return f"include {bundle};"
        return f"ssl_certificate {bundle}; ssl_certificate_key {bundle};"

    def write_config(self):
        tls_servers = "\n".join(f"""\
	server {{
		listen {self.address}:{self.tls_port} ssl;
		server_name {name};
		{self._certificate(bundle)}
		{self.https}
		location / {{ return 200 "nginx {name}\\n"; }}
	}}""" for name, bundle in self.bundles.items())
        temporary = "\n".join(f"\t{kind}_temp_path {self.directory}/{kind};"
                              for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        kept = "".join(f"env {name};\n" for name in self.variables)
        self.config.write_text(f"""\
{kept}{self.main}
daemon off;
worker_processes 1;
pid {self.directory}/nginx.pid;
error_log stderr info;
events {{ worker_connections 256; }}
http {{
	access_log {self.directory}/access.log;
{temporary}
	server_names_hash_bucket_size 128;
	server {{
		listen 127.0.0.1:{self.port} default_server;
		{self._challenge_location()}
		{self.http}
		location / {{ return 200 "nginx\\n"; }}
	}}
{tls_servers}
{self.servers}
}}
""")

    def command(self):
        self.write_config()
        return ["nginx", "-e", "stderr", "-p", self.directory, "-c", self.config]

    def environment(self):
        return self.variables

    def is_ready(self):
        return listens(self.port) and (not self.bundles or listens(self.tls_port, self.address.strip("[]")))

    def test(self):
        """nginx -t on the last output of write_config(). Returns its CompletedProcess."""
        return run(["nginx", "-t", "-q", "-e", "stderr", "-p", self.directory, "-c", self.config], check=False,
                   env={**os.environ, **self.variables})

    def workers(self):
        return Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()

    def reload(self):
        """Returns when new workers have started and the old ones, which may accept connections until then, have ended.

        With an invalid configuration this is a TimeoutError.
        """
        before = set(self.workers())
        self.send_signal(signal.SIGHUP)
        wait_for(lambda: (now := set(self.workers())) and not now & before, what="nginx has new workers")

    @property
    def access_log(self):
        path = self.directory / "access.log"
        return path.read_text() if path.exists() else ""


class Haproxy(Server):
    """TLS on `tls_port` with all certificates in the directory @crt (one PEM file each), plain HTTP on `port`.

    @challenges: host:port that gets the requests for /.well-known/acme-challenge/. With @strict it starts without any
    certificate, and refuses names without one.
    """
    name = "haproxy"

    def __init__(self, directory, crt, *, challenges=None, port=None, tls_port=None, strict=True):
        super().__init__(directory)
        self.crt = Path(crt)
        self.challenges = challenges
        self.port = port or free_port()
        self.tls_port = tls_port or free_port()
        self.strict = strict
        self.stats_socket = self.directory / "admin.sock"

    def command(self):
        use = "\tuse_backend challenges if { path_beg /.well-known/acme-challenge/ }\n" if self.challenges else ""
        backend = f"backend challenges\n\tserver certd {self.challenges}\n" if self.challenges else ""
        config = self.directory / "haproxy.cfg"
        config.write_text(f"""\
global
	stats socket {self.stats_socket} mode 600 level admin
	log stderr format raw local0
	nbthread 1
	maxconn 256
	ssl-default-bind-options ssl-min-ver TLSv1.2
defaults
	mode http
	log global
	timeout connect 5s
	timeout client 10s
	timeout server 10s
frontend plain
	bind 127.0.0.1:{self.port}
{use}	http-request return status 200 content-type text/plain string haproxy unless {{ path_beg /.well-known/acme-challenge/ }}
frontend tls
	bind 127.0.0.1:{self.tls_port} ssl crt {self.crt}/ {"strict-sni" if self.strict else ""}
	http-request return status 200 content-type text/plain string haproxy
{backend}""")
        return ["haproxy", "-W", "-db", "-f", config]

    def is_ready(self):
        return listens(self.port) and listens(self.tls_port)

    def admin(self, command):
        """One command on the stats socket. Returns the whole answer."""
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(patient(10))
            sock.connect(str(self.stats_socket))
            sock.sendall(command.encode() + b"\n")
            return b"".join(iter(lambda: sock.recv(65536), b"")).decode()

    def _worker(self):
        """The pid of the current worker."""
        try:
            return next(line.split()[1] for line in self.admin("show info").splitlines() if line.startswith("Pid:"))
        except OSError:
            return None

    def reload(self):
        """Returns when the new worker answers and the old one has ended; otherwise like Nginx.reload()."""
        before = self._worker()
        self.send_signal(signal.SIGUSR2)
        wait_for(lambda: self._worker() not in (None, before) and not Path(f"/proc/{before}").exists(),
                 what="haproxy has a new worker")
