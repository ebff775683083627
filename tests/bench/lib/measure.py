"""Shared by benchmarks: processes and the resources that they used, rounds in pairs, and the table at the end."""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent.parent / "support/py"))

from network import PrivateNetwork  # noqa: E402
from procs import patient  # noqa: E402


@dataclass
class Used:
    """What processes used from their start to their end, with the children that they waited for."""
    cpu: float = 0        # seconds, user and system
    memory_kib: int = 0   # the largest resident size of one of the processes

    def add(self, usage):
        self.cpu += usage.ru_utime + usage.ru_stime

    def look(self, pid):
        """The kernel's own ru_maxrss starts at that of the parent, which is larger than a small daemon."""
        try:
            status = Path(f"/proc/{pid}/status").read_text()
        except FileNotFoundError:
            return
        for line in status.splitlines():
            if line.startswith("VmHWM:"):
                self.memory_kib = max(self.memory_kib, int(line.split()[1]))


class Process:
    """A program that is measured: like subprocess.Popen, with the resources of it and of its children at the end."""

    def __init__(self, argv, log, **options):
        self.log = Path(log)
        with open(self.log, "ab") as out:
            self.popen = subprocess.Popen([str(arg) for arg in argv], stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                          start_new_session=True, **options)

    def fail(self, what):
        self.kill()
        raise RuntimeError(f"{self.popen.args[0]}: {what}\n{self.log.read_text(errors='replace')[-3000:]}")

    def check(self):
        """Fails if it has ended."""
        pid, status, _ = os.wait4(self.popen.pid, os.WNOHANG)
        if pid:
            self.popen.returncode = os.waitstatus_to_exitcode(status)
            self.fail(f"ended with {self.popen.returncode}")

    def wait(self, used, seconds):
        """Waits for its end, which must be successful. Adds to @used."""
        started = time.monotonic()
        used.look(self.popen.pid)
        while True:
            pid, status, usage = os.wait4(self.popen.pid, os.WNOHANG)
            if pid:
                break
            if time.monotonic() > started + patient(seconds):
                self.fail(f"not done after {patient(seconds)} s")
            time.sleep(0.005)
            used.look(self.popen.pid)
        self.popen.returncode = os.waitstatus_to_exitcode(status)
        if self.popen.returncode:
            self.fail(f"ended with {self.popen.returncode}")
        used.add(usage)

    def stop(self, used, seconds=20):
        self.popen.terminate()
        self.wait(used, seconds)

    def kill(self):
        if self.popen.returncode is None:
            os.killpg(self.popen.pid, 9)
            self.popen.wait()


def wait_files(process, paths, seconds):
    """Waits until all exist. Checks one at a time, so that checking costs nothing."""
    deadline = time.monotonic() + patient(seconds)
    pause = 0.001 if len(paths) == 1 else 0.005
    for path in paths:
        while not os.path.exists(path):
            process.check()
            if time.monotonic() > deadline:
                process.fail(f"{path} is not there after {patient(seconds)} s")
            time.sleep(pause)


def connections_accepted():
    """TCP connections that servers of this network accepted so far."""
    lines = [line.split() for line in Path("/proc/thread-self/net/snmp").read_text().splitlines()
             if line.startswith("Tcp:")]
    return int(dict(zip(*lines))["PassiveOpens"])


def cpu_of(pid):
    """Seconds of user and system time of a process that is running."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def private_kib(pid):
    """Memory of its own: anonymous memory, and pages of files that no other process has mapped."""
    return sum(int(line.split()[1]) for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
               if line.startswith("Private_"))


def switches_of(pid):
    """How often its threads were woken."""
    total = 0
    for status in Path(f"/proc/{pid}/task").glob("*/status"):
        total += sum(int(line.split()[1]) for line in status.read_text().splitlines()
                     if line.startswith("voluntary_ctxt_switches"))
    return total


class Series:
    """Figures by (what, who), one per round."""

    def __init__(self):
        self.rounds = {}

    def add(self, what, who, value):
        self.rounds.setdefault(what, {}).setdefault(who, []).append(value)

    def median(self, what, who):
        return statistics.median(self.rounds[what][who])

    def has(self, what, who):
        return who in self.rounds.get(what, {})

    def ratio(self, what, who, other):
        """The median of the ratios of each round: a disturbance slows down both sides of a round."""
        pairs = zip(self.rounds[what][who], self.rounds[what][other])
        return statistics.median(a / b for a, b in pairs)


@dataclass
class Target:
    what: str
    value: float
    limit: float
    at_least: bool = False

    @property
    def is_met(self):
        return self.value >= self.limit if self.at_least else self.value <= self.limit


def figure(value):
    return f"{value:.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"


class Report:
    """Reports progress on stderr, and all results at the end on stdout: as tables, or as JSON."""

    def __init__(self, arguments):
        self.arguments = arguments
        self.series = Series()
        self.targets = []

    def say(self, text):
        print(text, file=sys.stderr, flush=True)

    def target(self, what, value, limit, at_least=False):
        self.targets.append(Target(what, value, limit, at_least))

    def ratio(self, what, who, other, limit, at_least=False):
        """A target for the paired ratio, if both were measured."""
        if self.series.has(what, who) and self.series.has(what, other):
            self.target(f"{what}: {who} / {other}", self.series.ratio(what, who, other), limit, at_least)

    def finish(self):
        if self.arguments.json:
            print(json.dumps({
                "rounds": self.arguments.rounds, "directory": str(self.arguments.directory),
                "figures": self.series.rounds,
                "targets": [{**asdict(target), "met": target.is_met} for target in self.targets]}, indent=1))
            return
        who = list(dict.fromkeys(name for by_name in self.series.rounds.values() for name in by_name))
        what_width = max(map(len, self.series.rounds))
        print(f"\nmedians of {self.arguments.rounds} rounds, in {self.arguments.directory}")
        print(" " * what_width, *(f"{name:>10}" for name in who))
        for what in self.series.rounds:
            print(f"{what:{what_width}}", *(
                f"{figure(self.series.median(what, name)) if self.series.has(what, name) else '-':>10}" for name in who))
        width = max((len(target.what) for target in self.targets), default=0)
        print("\ntargets (ratios: median of the ratios of each round)")
        for target in self.targets:
            print(f"{target.what:{width}}  {figure(target.value):>8}  {'>=' if target.at_least else '<='} "
                  f"{figure(target.limit):<8} {'met' if target.is_met else 'NOT MET'}")


def parser(description, rounds=5):
    options = argparse.ArgumentParser(description=description)
    options.add_argument("--rounds", type=int, default=rounds, help=f"rounds of which medians are taken ({rounds})")
    options.add_argument("--directory", type=Path, default=Path(tempfile.gettempdir()),
                         help="where all of them keep their files; /dev/shm leaves the disk out")
    options.add_argument("--json", action="store_true", help="the figures of each round and the targets as JSON")
    options.add_argument("--keep", action="store_true", help="leave the files there")
    return options


@contextmanager
def place(arguments):
    """A directory for the benchmark, in a network namespace of its own."""
    if os.geteuid() != 0:
        sys.exit("benchmarks have a network of their own, which needs root")
    scratch = Path(tempfile.mkdtemp(prefix="certd-bench-", dir=arguments.directory))
    scratch.chmod(0o711)
    try:
        with PrivateNetwork(scratch / "etc"):
            yield scratch
    finally:
        if not arguments.keep:
            subprocess.run(["rm", "-rf", "--one-file-system", scratch], check=False)
