"""The script behind certd-nginx.service and certd-haproxy.service, with stand-ins for systemctl and the server."""
from pathlib import Path

import pytest
from procs import run

SCRIPT = Path(__file__).parents[2] / "systemd/reload-server"


@pytest.fixture
def reload(scratch):
    """reload(test) runs it with that test command; each reload appends the generation to `reloads`."""
    programs = scratch / "bin"
    programs.mkdir()
    for name, text in {"systemctl": f'echo "$(cat {scratch}/generation) $*" >>{scratch}/reloads',
                       "sleep": f"[ ! -e {scratch}/next ] || mv {scratch}/next {scratch}/generation"}.items():
        (programs / name).write_text(f"#!/bin/sh\n{text}\n")
        (programs / name).chmod(0o755)

    def reload(*test):
        return run([SCRIPT, "web.service", scratch / "generation", *(test or ["true"])], check=False,
                   env={"PATH": f"{programs}:/usr/bin:/bin", "RUNTIME_DIRECTORY": str(scratch)})
    return reload


def reloads(scratch):
    path = scratch / "reloads"
    return path.read_text().splitlines() if path.exists() else []


def test_nothing_was_dropped_yet(reload, scratch):
    assert reload().returncode == 0 and reloads(scratch) == []


def test_a_generation_is_loaded_once(reload, scratch):
    (scratch / "generation").write_text("7\n")
    for _ in range(2):
        assert reload().returncode == 0
    assert reloads(scratch) == ["7 try-reload-or-restart web.service"]


def test_what_changed_during_the_reload_is_loaded_too(reload, scratch):
    (scratch / "generation").write_text("7\n")
    (scratch / "next").write_text("8\n")
    assert reload().returncode == 0
    assert [line.split()[0] for line in reloads(scratch)] == ["7", "8"]


def test_a_configuration_that_does_not_load_is_not_loaded_and_tried_again(reload, scratch):
    (scratch / "generation").write_text("7\n")
    failed = reload("sh", "-c", "echo the reason >&2; exit 3")
    assert failed.returncode == 3 and failed.stderr == "the reason\n" and reloads(scratch) == []
    assert reload().returncode == 0 and len(reloads(scratch)) == 1
