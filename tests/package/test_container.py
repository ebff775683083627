"""The steps of the Containerfile, run in a minimal Debian 12 without systemd: issue, restart, health check."""
import json
import os
import re
from pathlib import Path

import pytest
from disk import PrivateMounts
from network import PrivateNetwork
from pebble import Challtestsrv, Pebble
from procs import Server, run, wait_for

SOURCE = Path(__file__).parents[2]
DEBS = Path(os.environ.get("CERTD_DEBS", SOURCE / "build-deb"))
MINIMAL = os.environ.get("CERTD_MINIMAL_ROOT")

pytestmark = [pytest.mark.limit(400), pytest.mark.skipif(
    os.geteuid() != 0 or not MINIMAL, reason="./bootstrap check-deb makes the minimal Debian, as root")]


def instructions():
    """(name, arguments) of each line of the Containerfile."""
    text = (SOURCE / "etc/container/Containerfile").read_text()
    lines = [line for line in text.replace("\\\n", " ").splitlines() if line and not line.startswith("#")]
    return [line.split(" ", 1) for line in lines]


class Container(Server):
    """Builds the image at once: @directory/root, on a copy in memory of the minimal Debian."""
    name = "container"

    def __init__(self, directory):
        super().__init__(directory)
        self.tree = self.directory / "root"
        self.user = "root"
        memory = self.directory / "memory"
        for path in (self.tree, memory):
            path.mkdir()
        run(["mount", "-t", "tmpfs", "-o", "size=1g,mode=755", "tmpfs", memory])
        (memory / "up").mkdir()
        (memory / "work").mkdir()
        run(["mount", "-t", "overlay", "-o", f"lowerdir={MINIMAL},upperdir={memory}/up,workdir={memory}/work", "overlay",
             self.tree])
        run(["mount", "-t", "proc", "proc", self.tree / "proc"])
        for name, arguments in instructions():
            getattr(self, f"build_{name.lower()}")(arguments)

    def inside(self, command, check=True):
        return run(["chroot", f"--userspec={self.user}:{self.user}", self.tree, "sh", "-c", command], check=check,
                   timeout=300, env={"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"})

    def build_from(self, image):
        assert image == "debian:bookworm-slim"

    def build_copy(self, arguments):
        pattern, destination = arguments.split()
        for file in DEBS.glob(pattern):
            (self.tree / destination.strip("/") / file.name).write_bytes(file.read_bytes())

    def build_run(self, command):
        self.inside(command)

    def build_user(self, user):
        self.user = user

    def build_volume(self, path):
        assert (self.tree / path.strip("/")).is_dir()

    def build_expose(self, port):
        self.port = int(port)

    def build_healthcheck(self, arguments):
        self.health = re.sub(r"^(--\S+ )*CMD ", "", arguments)

    def build_entrypoint(self, arguments):
        self.entrypoint = json.loads(arguments)

    def command(self):
        return ["chroot", f"--userspec={self.user}:{self.user}", self.tree, *self.entrypoint]

    def environment(self):
        return {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}

    def is_healthy(self):
        return self.inside(self.health, check=False).returncode == 0

    is_ready = is_healthy


def test_the_container_issues_and_keeps_its_state(scratch):
    with PrivateMounts():
        container = Container(scratch / "container")
        assert container.user == "certd" and not (container.tree / "lib/systemd/systemd").exists()
        with PrivateNetwork(scratch / "etc"):
            dns = Challtestsrv(scratch / "dns").start()
            pebble = Pebble(scratch / "pebble", dns=dns.dns, http_port=container.port).start()
            assert not container.is_healthy(), "certd does not run"
            container.start()
            (container.tree / "ca.pem").write_text(pebble.ca_file.read_text())
            container.inside(f"certctl add-provider --name le --server {pebble.url} --ca-file /ca.pem "
                             "--email you@example.com --agree-tos && certctl add-auto --provider le --cn www.example.com")
            bundle = container.tree / "var/lib/certd/live/www.example.com/bundle.pem"
            first = bundle.read_text()
            container.stop()
            assert not container.is_healthy()
            container.start()
            assert bundle.read_text() == first
            container.inside("certctl renew www.example.com")
            wait_for(lambda: bundle.read_text() != first, 20, "a renewal after a restart")
            # A name that cannot be validated makes it unhealthy.
            pebble.stop()
            container.inside("certctl add-auto --no-wait --provider le --cn other.example.com")
            for _ in range(2):  # the first failure may pass
                container.inside("certctl renew --force other.example.com", check=False)
            wait_for(lambda: not container.is_healthy(), 40, "unhealthy")
            line = container.inside("certctl status --check", check=False).stdout
            assert line.startswith("CRITICAL: auto other.example.com, CA does not issue the certificate: "), line
            for server in (container, dns):
                server.stop()
