"""A host that boots like any Debian host, with all that is enabled on it, and can be rebooted. Needs root.

Its file system begins as that of @below: this machine, or a directory made by debootstrap. Changes are kept in memory
until the test ends. It shares the network of the test, which therefore runs in a PrivateNetwork.
"""
from procs import run, wait_for
from systemd_ns import SystemdNamespace

# The kernel's settings and devices are not for writing, as in containers: they are shared with this machine.
_PREPARE = r"""
mount -o remount,ro,bind sys
mount --bind proc/sys proc/sys
mount -o remount,ro,bind proc/sys
"""
# Of this machine's files, those that it enabled, mounts or remembers are left out.
_FORGET = r"""
if [ ! -e etc/certd-test-host ]; then
	rm -rf etc/systemd/system/* etc/rc?.d/* var/log/journal var/lib/systemd/deb-systemd-helper-enabled
	# An own installation, and what images for containers do not unpack: documentation.
	rm -rf usr/local/lib/systemd etc/dpkg/dpkg.cfg.d/*
	rm -rf var/lib/certd* etc/certd etc/credstore.encrypted usr/sbin/policy-rc.d
	rm -f etc/resolv.conf etc/machine-id etc/apt/apt.conf.d/20packagekit
	: >etc/fstab
	tr -d - <proc/sys/kernel/random/uuid >etc/machine-id
	echo "127.0.0.1 localhost" >etc/hosts
	touch etc/certd-test-host
fi
"""


class Machine(SystemdNamespace):
    name = "machine"
    ready_seconds = 90
    target = "multi-user.target"
    namespaces = ("--pid", "--mount", "--ipc", "--uts")

    def __init__(self, directory, below="/"):
        super().__init__(directory, below)
        self.prepare = _PREPARE + (_FORGET if below == "/" else "")
        self.mount_point.mkdir()
        # It outlives the mounts of one boot, and ends with the test's own.
        run(["mount", "-t", "tmpfs", "-o", "size=2g,mode=755", "tmpfs", self.mount_point])

    def is_ready(self):
        return super().is_ready() and not self.run("systemctl", "list-jobs", "--no-legend").stdout.strip()

    def reboot(self):
        """As `systemctl reboot` does it; returns when everything enabled runs."""
        self.systemctl("reboot", check=False)
        wait_for(lambda: not self.is_running, 60, "the end of all services")
        self.kill9()
        self.start()

    def shell(self, command, timeout=120, **options):
        """A command line, as root types it."""
        return self.run("bash", "-c", command, timeout=timeout, **options,
                        env={"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root",
                             "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "readline", "TERM": "dumb"})
