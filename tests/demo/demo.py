"""A demonstration of certd from the operator's view: a CA, a DNS server, nginx and HAProxy on loopback, and the
commands.

Run by ./bootstrap demo. It fails if anything differs from what it announces.
"""
import os
import shlex
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "support/py"))

from certd import Certd, program  # noqa: E402
from dnsservers import Knot  # noqa: E402
from pebble import Pebble  # noqa: E402
from procs import free_port, patient, run, wait_for  # noqa: E402
from webservers import Haproxy, Nginx  # noqa: E402

LIFETIME = 60  # lifetime of a certificate in seconds; certd renews it at half of it


def say(text):
    print(f"\n== {text}", flush=True)


def certctl(certd, *arguments):
    """Runs one certctl command and shows the command and its output."""
    print("$ certctl", shlex.join(map(str, arguments)), flush=True)
    subprocess.run([program("certctl"), *map(str, arguments)], check=True, timeout=patient(60),
                   env={**os.environ, "CERTD_SOCKET": str(certd.socket)})


def served_serial(port, name):
    """The serial number of the certificate that the server presents to openssl s_client."""
    shown = run(["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-servername", name], input="").stdout
    return run(["openssl", "x509", "-noout", "-serial"], input=shown).stdout.strip()


class Watcher(threading.Thread):
    """Reloads servers when STATE/generation is replaced, as a systemd path unit does on a real host. Not part of certd.
    """

    def __init__(self, certd, servers):
        super().__init__(daemon=True)
        self.servers = servers
        self.inotify = subprocess.Popen(
            ["inotifywait", "-q", "-m", "-e", "moved_to", "--format", "%f", certd.state],
            stdout=subprocess.PIPE, text=True)

    def run(self):
        for name in self.inotify.stdout:
            if name.strip() == "generation":
                for server in self.servers:
                    server.reload()

    def stop(self):
        self.inotify.terminate()
        self.inotify.wait()


def show_served(servers):
    serials = {}
    for server, name in servers:
        serials[name] = served_serial(server.tls_port, name)
        print(f"   {server.name} presents for {name}: {serials[name]}")
    return serials


def demonstrate(scratch):
    def make(name):
        (scratch / name).mkdir()
        return scratch / name

    challenges = free_port()
    knot = Knot(make("knot"), zones=("example.com",)).start()
    nginx = Nginx(make("nginx"), challenges=f"http://127.0.0.1:{challenges}").start()
    pebble = Pebble(make("pebble"), dns=knot.dns, http_port=nginx.port, validity=LIFETIME, nonce_reject=30).start()
    certd = Certd(make("certd"), config=f"http-listen = 127.0.0.1:{challenges}\n").start()
    haproxy = Haproxy(make("haproxy"), certd.state / "pem").start()
    key_file = scratch / "tsig.key"
    key_file.touch(0o600)
    key_file.write_text(knot.key_secret + "\n")
    say("running on loopback: Pebble (a CA that validates names and rejects 30 % of the nonces), Knot DNS, nginx "
        "(owns port 80 here), HAProxy, and certd")

    say("declare the CA that issues, and the DNS server for TXT records")
    certctl(certd, "add-provider", "--name", "le", "--server", pebble.url, "--email", "ops@example.com",
            "--agree-tos", "--ca-file", pebble.ca_file)
    certctl(certd, "add-dns", "--name", "ns1", "--kind", "rfc2136", "--server", knot.dns, "--tsig-name", knot.key_name,
            "--tsig-key-file", key_file, "--zone", "example.com")
    say("declare the servers that use the certificates: certd probes what they present")
    certctl(certd, "add-consumer", "--name", "haproxy", "--probe", f"127.0.0.1:{haproxy.tls_port},shop.example.com")
    certctl(certd, "add-consumer", "--name", "nginx", "--probe", f"127.0.0.1:{nginx.tls_port},www.example.com")

    say("a wildcard, validated by a TXT record (dns-01)")
    certctl(certd, "add-auto", "--provider", "le", "--cn", "*.example.com", "--san", "example.com",
            "--consumer", "haproxy")
    say("a name, validated through nginx on port 80 (http-01)")
    certctl(certd, "add-auto", "--provider", "le", "--cn", "www.example.com", "--challenge", "http-01",
            "--consumer", "nginx")

    say("the files that certd has written")
    subprocess.run(["ls", "-l", certd.drop("*.example.com"), certd.state / "pem"], check=True)

    nginx.bundles = {"www.example.com": certd.drop("www.example.com") / "nginx.conf"}
    nginx.write_config()
    assert nginx.test().returncode == 0
    nginx.reload()
    haproxy.reload()
    watcher = Watcher(certd, [nginx, haproxy])
    watcher.start()
    both = [(haproxy, "shop.example.com"), (nginx, "www.example.com")]
    say("nginx includes nginx.conf of that directory, HAProxy reads the directory pem/; openssl s_client sees")
    before = show_served(both)
    say("certd probes both servers as well")
    certctl(certd, "probe", "haproxy")
    certctl(certd, "probe", "nginx")

    say(f"automatic renewal: the certificates are valid for {LIFETIME} s, and certd renews them at half of that; a "
        "watcher of the file `generation` (a systemd path unit on a real host) reloads the servers")
    certctl(certd, "schedule")
    started = time.monotonic()
    wait_for(lambda: all(served_serial(server.tls_port, name) != before[name] for server, name in both),
             0.7 * LIFETIME, "both servers to present renewed certificates", interval=1)
    print(f"   both changed after {time.monotonic() - started:.0f} s:")
    show_served(both)
    wait_for(lambda: all(item["metadata"].get("served") == "served"
                         for item in certd.call("autoCertificate.list")["items"]), 20, "certd to see it served")
    certctl(certd, "list", "auto")
    certctl(certd, "events")
    watcher.stop()
    for server in (haproxy, nginx, certd, pebble, knot):
        server.stop()


def main():
    scratch = Path(tempfile.mkdtemp(prefix="certd-demo-"))
    scratch.chmod(0o711)
    try:
        demonstrate(scratch)
    finally:
        subprocess.run(["rm", "-rf", scratch], check=False)
    say("done: issued by dns-01 and http-01, dropped, served, renewed and seen to be served, by itself")


main()
