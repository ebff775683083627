"""A host with certd installed by `make install` and run by the shipped units, under a real systemd. Needs root."""
import ctypes
import os

from procs import run
from rpc import RpcClient
from systemd_ns import SystemdNamespace

_libc = ctypes.CDLL(None, use_errno=True)
_CLONE_NEWNET = 0x40000000

# A forbidden system call kills certd here; on a host it is an error that could be overlooked.
_STRICT = "[Service]\nSystemCallErrorNumber=kill\n"


class UnitHost(SystemdNamespace):
    """After start() certd is installed and known to systemd, but not running."""
    name = "host"
    ready_seconds = 60

    def start(self):
        super().start()
        # An installed one would be visible through the overlay.
        self.run("rm", "-rf", "/var/lib/certd", "/etc/certd", "/etc/credstore.encrypted", "/usr/local/lib/systemd")
        run(["make", "-s", "-C", os.environ["CERTD_BUILDDIR"], "install", f"DESTDIR={self.root}"], timeout=200)
        self.run("systemd-sysusers")
        self.run("systemd-tmpfiles", "--create", "certd.conf")
        self.configure_unit("certd.service", "strict", _STRICT)
        return self

    def configure_unit(self, unit, name, text):
        """A drop-in, like `systemctl edit` creates it."""
        self.add_unit(f"{unit}.d/{name}.conf", text)

    def configure(self, text):
        self.write("etc/certd/certd.conf", text)

    def enter_network(self):
        """Moves this process and its children into the host's network, until the returned function is called."""
        outside = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        inside = os.open(f"/proc/{self.init_pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        _set_network(inside)
        os.close(inside)

        def leave():
            _set_network(outside)
            os.close(outside)
        return leave

    @property
    def certd_pid(self):
        """As seen inside; 0 when it does not run."""
        return int(self.show("certd.service", "MainPID"))

    def rpc(self):
        return RpcClient(self.root / "run/certd/control.sock")

    def call(self, method, **params):
        """One call, as root."""
        with self.rpc() as rpc:
            return rpc.call(method, **params)

    def ctl(self, *arguments, user=None, check=True):
        return self.run("/usr/local/bin/certctl", *arguments, user=user, check=check)

    def process_status(self, key):
        """A line of certd's /proc/PID/status."""
        lines = self.run("cat", f"/proc/{self.certd_pid}/status").stdout.splitlines()
        return next(line for line in lines if line.startswith(f"{key}:")).split(":", 1)[1].strip()


def _set_network(fd):
    if _libc.setns(fd, _CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")
