"""A message bus of its own, and a stand-in of systemd's manager on it, for certd's kind of consumer `unit`.

The stand-in answers as systemd 252 does (recorded with busctl): a unit's name selects what happens to its job. Run as a
program, it is the stand-in: fake_systemd.py DIRECTORY, with the bus in DBUS_SYSTEM_BUS_ADDRESS. Each request is a line
in DIRECTORY/requests, an end of a run a line in DIRECTORY/ends; while DIRECTORY/hold exists, no run ends.
"""
import sys
from pathlib import Path

if __name__ != "__main__":
    from procs import Server

MANAGER = "org.freedesktop.systemd1.Manager"
ROOT = "/org/freedesktop/systemd1"
# What differs from a oneshot unit that succeeds.
UNITS = {
    "certd-reload-app.service": {},
    "certd-reload-other.service": {},
    "certd-reload-bad.service": {"end": "failed", "ActiveState": "failed", "SubState": "failed", "Result": "exit-code",
                                 "ExecMainCode": 1, "ExecMainStatus": 1,
                                 "StatusText": 'nginx: [emerg] unknown directive "sever" in /etc/nginx/nginx.conf:3'},
    "certd-reload-test.service": {"end": "failed", "Result": "exit-code", "StatusText": "test: nginx: [emerg] no such file"},
    "certd-reload-load.service": {"end": "failed", "Result": "exit-code", "StatusText": "reload: Job for nginx failed"},
    "certd-reload-mute.service": {"end": "failed", "ActiveState": "failed", "SubState": "failed", "Result": "exit-code",
                                  "ExecMainCode": 1, "ExecMainStatus": 7},
    "certd-reload-killed.service": {"end": "failed", "ActiveState": "failed", "SubState": "failed", "Result": "signal",
                                    "ExecMainCode": 2, "ExecMainStatus": 9},
    "certd-reload-late.service": {"end": "timeout", "ActiveState": "failed", "SubState": "failed", "Result": "timeout"},
    "certd-reload-escape.service": {"end": "failed", "Result": "exit-code", "StatusText": "red \x1b[31malert\nline two"},
    "certd-reload-again.service": {"ActiveState": "activating", "SubState": "auto-restart"},
    "certd-reload-masked.service": {"LoadState": "masked"},
    "certd-reload-broken.service": {"LoadState": "bad-setting", "LoadError": "Unit has a bad unit file setting."},
    "certd-reload-gone.service": {"LoadState": "not-found"},
    "certd-reload-busy.service": {"busy": True},
    "postfix.service": {"Type": "forking", "refuse": "org.freedesktop.DBus.Error.InteractiveAuthorizationRequired"},
    "sshd.service": {"refuse": "org.freedesktop.DBus.Error.AccessDenied"},
    "certd-reload-daemon.service": {"Type": "notify", "ActiveState": "active", "SubState": "running",
                                    "StatusText": "Processing requests...", "end": "failed", "ReloadResult": "exit-code"},
}


def serve(directory):
    import dbus
    import dbus.service
    from dbus.mainloop.glib import DBusGMainLoop
    from gi.repository import GLib

    DBusGMainLoop(set_as_default=True)
    bus = dbus.SystemBus()
    units, jobs, numbers = {}, {}, [100]

    def note(file, text):
        with (directory / file).open("a") as log:
            log.write(f"{text}\n")

    def unit_path(name):
        return ROOT + "/unit/" + "".join(c if c.isalnum() else f"_{ord(c):02x}" for c in name)

    class Manager(dbus.service.Object):
        @dbus.service.method(MANAGER)
        def Subscribe(self):
            note("requests", "Subscribe")

        @dbus.service.method(MANAGER, in_signature="s", out_signature="o")
        def LoadUnit(self, name):
            path = unit_path(name)
            if path not in units:
                units[path] = Unit(name, UNITS.get(name, {"LoadState": "not-found"}))
                if units[path].facts.get("busy"):
                    units[path].begin()
            return dbus.ObjectPath(path)

        @dbus.service.method(MANAGER, in_signature="ss", out_signature="o")
        def StartUnit(self, name, mode):
            return self.request("StartUnit", name, mode)

        @dbus.service.method(MANAGER, in_signature="ss", out_signature="o")
        def RestartUnit(self, name, mode):
            return self.request("RestartUnit", name, mode)

        @dbus.service.method(MANAGER, in_signature="ss", out_signature="o")
        def ReloadOrTryRestartUnit(self, name, mode):
            return self.request("ReloadOrTryRestartUnit", name, mode)

        def request(self, verb, name, mode):
            note("requests", f"{verb} {name} {mode}")
            unit = units[unit_path(name)]
            if "refuse" in unit.facts:
                raise dbus.DBusException("Access denied", name=unit.facts["refuse"])
            return unit.begin()

        @dbus.service.signal(MANAGER, signature="uoss")
        def JobRemoved(self, number, job, unit, result):
            pass

    class Unit(dbus.service.Object):
        def __init__(self, name, facts):
            super().__init__(bus, unit_path(name))
            self.name, self.facts, self.job = name, facts, 0

        def begin(self):
            if not self.job:
                numbers[0] += 1
                self.job = numbers[0]
                jobs[self.job] = self
            return dbus.ObjectPath(f"{ROOT}/job/{self.job}")

        def end(self):
            number, self.job = self.job, 0
            note("ends", self.name)
            manager.JobRemoved(dbus.UInt32(number), dbus.ObjectPath(f"{ROOT}/job/{number}"), self.name,
                               self.facts.get("end", "done"))

        @dbus.service.method("org.freedesktop.DBus.Properties", in_signature="s", out_signature="a{sv}")
        def GetAll(self, interface):
            facts = {"LoadState": "loaded", "ActiveState": "inactive", "SubState": "dead", "Type": "oneshot",
                     "Result": "success", "ReloadResult": "success", "StatusText": "", "ExecMainCode": 0,
                     "ExecMainStatus": 0, "CanReload": False, "Names": dbus.Array([self.name], signature="s"), **self.facts}
            for word in ("end", "refuse", "busy"):
                facts.pop(word, None)
            text = facts.pop("LoadError", "")
            facts["LoadError"] = dbus.Struct(("org.freedesktop.systemd1.BadUnitSetting" if text else "", text),
                                             signature="ss")
            job = f"{ROOT}/job/{self.job}" if self.job else "/"
            facts["Job"] = dbus.Struct((dbus.UInt32(self.job), dbus.ObjectPath(job)), signature="uo")
            return {key: dbus.Int32(value) if type(value) is int else value for key, value in facts.items()}

    def tick():
        if not (directory / "hold").exists():
            for number in list(jobs):
                jobs.pop(number).end()
        if (directory / "reexec").exists():
            # As `systemctl daemon-reexec`: it leaves the bus and comes back with its jobs.
            (directory / "reexec").unlink()
            bus.release_name("org.freedesktop.systemd1")
            GLib.timeout_add(200, lambda: bus.request_name("org.freedesktop.systemd1") and False)
        return True

    manager = Manager(bus, ROOT)
    bus.request_name("org.freedesktop.systemd1")
    GLib.timeout_add(100, tick)
    note("requests", "ready")
    GLib.MainLoop().run()


_CONFIG = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>system</type><listen>unix:path={path}</listen><auth>EXTERNAL</auth>
<policy context="default"><allow user="*"/><allow own="*"/><allow send_type="method_call"/>
<allow send_type="signal"/><allow send_requested_reply="true" send_type="method_return"/>
<allow send_requested_reply="true" send_type="error"/><allow receive_type="method_call"/>
<allow receive_type="method_return"/><allow receive_type="error"/><allow receive_type="signal"/></policy></busconfig>
"""

if __name__ != "__main__":
    class Bus(Server):
        """dbus-daemon, as a system bus."""
        name = "bus"

        @property
        def address(self):
            return f"unix:path={self.directory}/socket"

        def command(self):
            (self.directory / "socket").unlink(missing_ok=True)
            (self.directory / "bus.conf").write_text(_CONFIG.format(path=self.directory / "socket"))
            return ["dbus-daemon", "--nofork", f"--config-file={self.directory}/bus.conf"]

        def is_ready(self):
            return (self.directory / "socket").exists()

    class FakeSystemd(Server):
        name = "systemd"

        def __init__(self, directory, bus):
            super().__init__(directory)
            self.bus = bus

        def command(self):
            (self.directory / "requests").unlink(missing_ok=True)
            return ["env", f"DBUS_SYSTEM_BUS_ADDRESS={self.bus.address}", "/usr/bin/python3", __file__, self.directory]

        def is_ready(self):
            return "ready" in self.lines("requests")

        def lines(self, file):
            path = self.directory / file
            return path.read_text().splitlines() if path.exists() else []

        def requests(self, verb=""):
            """Runs that were requested, as "VERB UNIT replace"."""
            return [line for line in self.lines("requests") if " " in line and line.startswith(verb)]

        def hold(self):
            (self.directory / "hold").touch()

        def let_go(self):
            (self.directory / "hold").unlink()

        def reexec(self):
            (self.directory / "reexec").touch()
else:
    serve(Path(sys.argv[1]))
