"""The systemd for unit tests: boots, starts a unit, leaves nothing behind. Checked without certd."""
import os
from pathlib import Path

import procs
import pytest
from procs import wait_for
from systemd_ns import SystemdNamespace

# Ready only when it reports so; ends on SIGTERM; its socket is passed in.
SERVICE = """\
[Service]
Type=notify
NotifyAccess=all
DynamicUser=yes
StateDirectory=trivial
PrivateDevices=yes
ProtectSystem=strict
SystemCallFilter=@system-service
ExecStart=/bin/sh -c 'test "$LISTEN_FDS" = 1; id -un; touch "$STATE_DIRECTORY/made"; systemd-notify --ready --status="at work"; exec sleep 1000'
"""
SOCKET = """\
[Socket]
ListenStream=/run/trivial.sock
FileDescriptorName=control
Service=trivial.service
"""
PATH = """\
[Path]
PathChanged=/run/stamp
Unit=stamped.service
"""

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="namespaces need root")


@pytest.fixture
def systemd(start):
    return start(SystemdNamespace)


def test_a_notify_service_becomes_active_with_its_socket_and_sandbox(systemd):
    systemd.add_unit("trivial.service", SERVICE)
    systemd.add_unit("trivial.socket", SOCKET)
    systemd.systemctl("start", "trivial.socket", "trivial.service")
    assert systemd.show("trivial.service", "ActiveState") == "active"
    assert systemd.show("trivial.service", "StatusText") == "at work"
    assert (systemd.root / "run/trivial.sock").is_socket()
    assert systemd.run("ls", "/var/lib/private/trivial").stdout == "made\n"
    assert "trivial" in systemd.journal("trivial.service", "-o", "cat")
    systemd.systemctl("stop", "trivial.service")
    systemd.wait_state("trivial.service", "inactive")
    assert not Path("/var/lib/private/trivial").exists(), "written outside of the overlay"


def test_a_service_that_is_never_ready_fails_with_its_reason(systemd, monkeypatch):
    systemd.add_unit("bad.service", "[Service]\nType=notify\nTimeoutStartSec=1\n"
                                    "ExecStart=/bin/sh -c 'echo the reason; exit 3'\n")
    systemd.systemctl("start", "bad.service", check=False)
    assert systemd.show("bad.service", "ActiveState") == "failed"
    monkeypatch.setattr(procs, "patient", float)
    with pytest.raises(TimeoutError, match="the reason"):
        systemd.wait_state("bad.service", "active", seconds=0.2)


def test_a_path_unit_sees_a_rename(systemd):
    systemd.add_unit("stamped.service", "[Service]\nType=oneshot\nExecStart=/bin/cp /run/stamp /run/seen\n")
    systemd.add_unit("stamped.path", PATH)
    systemd.systemctl("start", "stamped.path")
    systemd.write("run/.new", "7")
    systemd.run("mv", "/run/.new", "/run/stamp")
    wait_for(lambda: (systemd.root / "run/seen").exists())


def test_users_made_inside_are_told_apart(systemd):
    systemd.run("groupadd", "readers")
    systemd.run("useradd", "-G", "readers", "alice")
    assert "readers" in systemd.run("id", "-Gn", user="alice").stdout
    assert systemd.run("cat", "/etc/shadow", user="alice", check=False).returncode != 0
    assert "alice" not in Path("/etc/passwd").read_text()


def test_nothing_is_left_after_the_end(systemd):
    root, group, init = systemd.mount_point, systemd.group, systemd.init_pid
    systemd.stop()
    assert list(root.iterdir()) == []
    assert group not in Path("/proc/self/mountinfo").read_text()
    assert not Path(f"/proc/{init}/root/etc").exists()
    assert not any(Path("/sys/fs/cgroup").glob(f"*/{group}")) and not Path("/sys/fs/cgroup", group).exists()
