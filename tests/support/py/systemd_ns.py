"""A real systemd as PID 1 of its own namespaces: the shipped units run in it as on a host. Needs root.

The machine's own files are its root, through an overlay: changes inside are discarded with it. It has no network but
loopback, and runs only the journal and the units that a test starts. Units get no default dependencies (drop-ins for
all units of a type disable them), as those would boot the machine's whole system. machine.py has one that does.
"""
import os
from pathlib import Path

from procs import Server, run, wait_for

# Runs as the first process of the new namespaces, becomes systemd. The overlay's upper layer is a tmpfs, because it may
# not be on another overlay. With its own control group, systemd does not see the groups in use outside.
_INIT = r"""
set -eu
group=$1
root=$2
below=$3
prepare=$4
target=$5
mount --make-rprivate /
mountpoint -q "$root" || mount -t tmpfs -o size=1g,mode=755 tmpfs "$root"
mkdir -p "$root/up" "$root/work" "$root/new" "$root/group"
mount -t cgroup2 cgroup2 "$root/group"
mkdir "$root/group/$group"
echo $$ >"$root/group/$group/cgroup.procs"
umount "$root/group"
mount -t overlay overlay -o lowerdir="$below",upperdir="$root/up",workdir="$root/work" "$root/new"
exec unshare --cgroup sh -eu -c '
cd "$0/new"
mount -t proc proc proc
mount -t sysfs sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs -o mode=755,size=64k tmpfs dev
for node in null zero full random urandom tty; do
	touch "dev/$node"
	mount --bind "/dev/$node" "dev/$node"
done
mkdir dev/shm dev/pts
mount -t tmpfs -o mode=1777 tmpfs dev/shm
mount -t devpts -o newinstance,ptmxmode=666,mode=620 devpts dev/pts
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
mount -t tmpfs -o mode=755 tmpfs run
mount -t tmpfs -o mode=1777 tmpfs tmp
ip link set lo up
eval "$1"
mkdir -p .old
pivot_root . .old
umount -l /.old
rmdir /.old
# As on a host: what the manager mounts for a service, credentials above all, has to arrive there.
mount --make-rshared /
exec env -i container=certd-test PATH=/usr/sbin:/usr/bin:/sbin:/bin \
	setpriv --bounding-set -sys_time,-sys_boot,-sys_module,-syslog \
	/lib/systemd/systemd --system --unit="$2" --show-status=no --log-level=info --log-target=journal
' "$root" "$prepare" "$target"
"""

# Run in the new root before systemd is.
_PREPARE = r"""
mkdir -p etc/systemd/system
for type in service socket path timer target; do
	mkdir -p "etc/systemd/system/$type.d"
	printf "[Unit]\nDefaultDependencies=no\n" >"etc/systemd/system/$type.d/00-test.conf"
done
printf "[Unit]\nWants=systemd-journald.service systemd-journald.socket systemd-journald-dev-log.socket\n" \
	>etc/systemd/system/certd-test.target
rm -f etc/machine-id
tr -d - <proc/sys/kernel/random/uuid >etc/machine-id
rm -rf var/log/journal
"""


class SystemdNamespace(Server):
    """Boots with start(). Commands go inside with run(); `root` is its file system as seen from outside."""
    name = "systemd"
    ready_seconds = 30
    prepare = _PREPARE
    target = "certd-test.target"
    namespaces = ("--pid", "--mount", "--ipc", "--uts", "--net")

    def __init__(self, directory, below="/"):
        """@below: the directory tree that is its root."""
        super().__init__(directory)
        self.below = below
        self.group = f"certd-test-{os.getpid()}-{id(self):x}"
        self.mount_point = self.directory / "root"

    def command(self):
        self.mount_point.mkdir(exist_ok=True)
        return ["unshare", *self.namespaces, "--fork", "--kill-child", "sh", "-c", _INIT, "init", self.group,
                self.mount_point, self.below, self.prepare, self.target]

    @property
    def init_pid(self):
        """systemd's pid outside."""
        return int(Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()[0])

    @property
    def root(self):
        return Path(f"/proc/{self.init_pid}/root")

    def is_ready(self):
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text()
        if not children or Path(f"/proc/{self.init_pid}/comm").read_text() != "systemd\n":
            return False
        return self.systemctl("is-active", self.target, check=False).stdout == "active\n"

    def run(self, *argv, user=None, check=True, **options):
        """Runs a command inside, as @user (a user inside). Returns its CompletedProcess."""
        enter = ["nsenter", "-t", self.init_pid, "--all", "--root", "--wdns=/"]
        if user:
            enter += ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups", "--reset-env"]
        return run([*enter, *argv], check=check, **options)

    def systemctl(self, *arguments, check=True):
        return self.run("systemctl", "--no-pager", *arguments, check=check)

    def write(self, path, text, mode=0o644):
        """A file inside, e.g. write("etc/certd/certd.conf", ...)."""
        file = self.root / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        file.chmod(mode)
        return file

    def add_unit(self, name, text):
        """A unit, or with a name like "certd.service.d/test.conf" a drop-in of one."""
        self.write(f"etc/systemd/system/{name}", text)
        self.systemctl("daemon-reload")

    def show(self, unit, key):
        """One property, e.g. show("certd.service", "ActiveState")."""
        return self.systemctl("show", "--value", "-p", key, unit).stdout.strip()

    def wait_state(self, unit, state, seconds=20):
        """Waits for an ActiveState; a TimeoutError shows the unit's status and journal."""
        try:
            wait_for(lambda: self.show(unit, "ActiveState") == state, seconds, f"{unit} {state}", interval=0.1)
        except TimeoutError as error:
            status = self.systemctl("status", "-l", unit, check=False).stdout
            raise TimeoutError(f"{error}\n{status}\n{self.journal(unit)}") from None

    def outside_pid(self, pid):
        """The pid of a process as seen inside."""
        namespace = os.readlink(f"/proc/{self.init_pid}/ns/pid")
        for status in Path("/proc").glob("[0-9]*/status"):
            try:
                pids = next(line for line in status.read_text().splitlines() if line.startswith("NSpid:")).split()
                if int(pids[-1]) == pid and os.readlink(status.parent / "ns/pid") == namespace:
                    return int(status.parent.name)
            except (FileNotFoundError, ProcessLookupError, StopIteration):
                pass  # ended meanwhile
        raise LookupError(f"no process {pid} inside")

    def journal(self, unit=None, *arguments):
        """The journal as text, of all or of one unit; further arguments are journalctl's."""
        self.run("journalctl", "--sync", check=False)
        select = ["-u", unit] if unit else []
        return self.run("journalctl", "--no-pager", "-q", *select, *arguments, check=False).stdout

    def stop(self, number=None):
        """PID 1 has nothing to save: it is killed, with all processes inside."""
        self.kill9()

    def kill9(self):
        if self.process is None:
            return
        super().kill9()
        # The control groups of systemd outlive it, and can be removed once all processes have ended.
        wait_for(self._remove_group, what=f"control group {self.group} removed", interval=0.1)

    def _remove_group(self):
        script = ('mount -t cgroup2 cgroup2 "$1" && [ ! -d "$1/$2" ] || '
                  'find "$1/$2" -depth -type d -exec rmdir {} +')
        return run(["unshare", "--mount", "sh", "-c", script, "sh", self.mount_point, self.group],
                   check=False).returncode == 0
