"""Caddy's acme_server: a second CA, independent of Pebble's code."""
import urllib.request
import ssl

from procs import Server, free_port, listens, patient


class Caddy(Server):
    """Leaves are valid for 12 hours. It validates http-01 on port 80 and queries the system's resolver: see network.py.
    """
    name = "caddy"

    def __init__(self, directory):
        super().__init__(directory)
        self.port = free_port()
        self.http_port = free_port()
        self.url = f"https://localhost:{self.port}/acme/local/directory"
        self.ca_file = self.directory / "data/pki/authorities/local/root.crt"

    def command(self):
        config = self.directory / "Caddyfile"
        config.write_text(f"""\
{{
	admin off
	auto_https disable_redirects
	storage file_system {self.directory}/data
	skip_install_trust
	default_bind 127.0.0.1
	http_port {self.http_port}
	https_port {self.port}
	pki {{
		ca local {{
			name "Loopback Test CA"
		}}
	}}
}}
https://localhost:{self.port} {{
	tls internal
	acme_server {{
		ca local
	}}
}}
""")
        return ["caddy", "run", "--config", config, "--adapter", "caddyfile"]

    def environment(self):
        return {"HOME": str(self.directory), "XDG_DATA_HOME": str(self.directory / "xdg"),
                "XDG_CONFIG_HOME": str(self.directory / "xdgc")}

    def get(self, url):
        context = ssl.create_default_context(cafile=self.ca_file)
        with urllib.request.urlopen(url, timeout=patient(10), context=context) as answer:
            return answer.read()

    def is_ready(self):
        if not listens(self.port) or not self.ca_file.exists():
            return False
        try:
            return bool(self.get(self.url))
        except OSError:
            return False
