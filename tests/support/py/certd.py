"""The programs under test, found by CERTD_BUILDDIR."""
import json
import os
import re
import shutil
import signal
import socket
from pathlib import Path

from procs import Server, run, wait_for
from rpc import RpcClient


def program(name):
    """Path of a built program, e.g. program("certd")."""
    path = Path(os.environ["CERTD_BUILDDIR"]) / name
    if not path.exists():
        raise AssertionError(f"{path} is not built")
    return path


def is_sanitized():
    """Whether the programs were built with --enable-sanitizers."""
    return b"__asan_init" in program("certd").read_bytes()


class Certd(Server):
    """A daemon with all its state under one directory: `state`, `runtime`, and `socket` in it.

    @config: text of its certd.conf; None starts it without any.
    @wrapper: a command put before it, e.g. ("strace", "-f", "-o", file); `daemon_pid` is then certd's own.
    The state outlives stop(), kill9() and restart().
    """
    name = "certd"

    def __init__(self, directory, *, config=None, arguments=(), environment=None, wrapper=()):
        super().__init__(directory)
        self.state = self.directory / "state"
        self.runtime = self.directory / "run"
        self.socket = self.runtime / "control.sock"
        self.config = config
        self.arguments = list(arguments)
        self.variables = environment or {}
        self.wrapper = list(wrapper)
        for path in (self.state, self.runtime):
            path.mkdir(exist_ok=True)
        self.state.chmod(0o711)

    def command(self):
        argv = [*self.wrapper, program("certd"), "--foreground", "--state", self.state, "--runtime", self.runtime]
        if self.config is not None:
            path = self.directory / "certd.conf"
            path.write_text(self.config)
            path.chmod(0o600)
            argv += ["--config", path]
        return argv + self.arguments

    def environment(self):
        if not any("strace" in str(word) for word in self.wrapper):
            return self.variables
        # LeakSanitizer does not work under a tracer, and would end certd with a report of that.
        options = os.environ.get("ASAN_OPTIONS")
        return {"ASAN_OPTIONS": f"{options}:detect_leaks=0" if options else "detect_leaks=0", **self.variables}

    def is_ready(self):
        try:
            with socket.socket(socket.AF_UNIX) as sock:
                sock.connect(str(self.socket))
            return True
        except OSError:
            return False

    @property
    def daemon_pid(self):
        if not self.wrapper:
            return self.pid
        return int(Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()[0])

    def send_signal(self, number):
        os.kill(self.daemon_pid, number)

    def stop(self, number=signal.SIGTERM):
        """An end by a signal or with a failure, before or after stop(), fails the test; see also wait()."""
        status = super().stop(number)
        if status:
            raise AssertionError(f"certd ended with {status}")
        if re.search(r"event \S+: data (has|lacks)", self.log):
            raise AssertionError("an event is not as its kind declares: " + self.log[-2000:])
        return status

    def kill9(self):
        """Under a wrapper the daemon is not our child: it has ended when its socket refuses connections."""
        super().kill9()
        if self.wrapper:
            wait_for(lambda: not self.is_ready(), what="the daemon is gone")

    def reload(self):
        self.send_signal(signal.SIGHUP)

    def rpc(self, timeout=20):
        """A new connection to the control socket; to be closed by the caller (`with certd.rpc() as rpc:`)."""
        return RpcClient(self.socket, timeout)

    def call(self, method, **params):
        """One call on its own connection."""
        with self.rpc() as rpc:
            return rpc.call(method, **params)

    def ctl(self, *arguments, check=True, timeout=60, variables=None, user=None, **options):
        """Runs certctl against this daemon, with more environment variables. Returns its CompletedProcess.

        @user: a uid, whose process has the gid of the same number and no other group.
        """
        environment = {**os.environ, "CERTD_SOCKET": str(self.socket), "LC_ALL": "C.UTF-8", **(variables or {})}
        certctl = program("certctl")
        if user is not None:
            # The build may be in a directory that only its owner may enter, such as /root.
            certctl = shutil.copy(certctl, self.directory)
            options.update(user=user, group=user, extra_groups=[])
        return run([certctl, *arguments], check=check, timeout=timeout, env=environment, **options)

    def ctl_json(self, *arguments, **options):
        """certctl's answer with --output json."""
        return json.loads(self.ctl("--output", "json", *arguments, **options).stdout)

    def drop(self, name):
        """The directory where the files of that auto-certificate are."""
        return self.state / "live" / name.replace("*", "_")

    def _memory_kib(self, field):
        status = Path(f"/proc/{self.daemon_pid}/status").read_text()
        return int(next(line for line in status.splitlines() if line.startswith(f"{field}:")).split()[1])

    def resident_kib(self):
        return self._memory_kib("VmRSS")

    def peak_kib(self):
        """The most that it ever had resident."""
        return self._memory_kib("VmHWM")

    def descriptors(self):
        """The targets of its open descriptors."""
        found = []
        for fd in os.listdir(f"/proc/{self.daemon_pid}/fd"):
            try:
                found.append(os.readlink(f"/proc/{self.daemon_pid}/fd/{fd}"))
            except FileNotFoundError:
                pass
        return sorted(found)

    def descriptors_at_rest(self):
        """The same once the set is stable."""
        last = []

        def is_at_rest():
            last.append(self.descriptors())
            return len(last) > 1 and last[-1] == last[-2]

        assert self.call("server.status")
        wait_for(is_at_rest, 10, "descriptors at rest", interval=0.2)
        return last[-1]
