"""The script behind certd-nginx.service and certd-haproxy.service, with stand-ins for systemctl and the server."""
import os
import signal
import subprocess
from pathlib import Path

import pytest
from procs import run, wait_for

SCRIPT = Path(__file__).parents[2] / "systemd/reload-server"


@pytest.fixture
def reload(scratch):
    """reload(test) runs it with that test command; each reload appends the generation to `reloads`."""
    programs = scratch / "bin"
    programs.mkdir()
    for name, text in {"systemctl": f"[ $1 != show ] || exec cat {scratch}/main\n"
                                    f'echo "$(cat {scratch}/generation) $*" >>{scratch}/reloads\n'
                                    f"[ ! -e {scratch}/heeds ] || kill -HUP $(cat {scratch}/main)",
                       "sleep": f"[ ! -e {scratch}/next ] || mv {scratch}/next {scratch}/generation\n"
                                # A server that is to heed the signal has its time.
                                f"[ -e {scratch}/heeds ] || exec /bin/sleep 0.05; exec /bin/sleep 1"}.items():
        (programs / name).write_text(f"#!/bin/sh\n{text}\n")
        (programs / name).chmod(0o755)

    def reload(*test, options=()):
        return run([SCRIPT, *options, "web.service", scratch / "generation", *(test or ["true"])], check=False,
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


SECRET = "root:$y$j9T$secret:19000:0:99999:7:::"


def put_link(path):
    secret = path.with_name("shadow")
    secret.write_text(f"{SECRET}\n")
    path.symlink_to(secret)


def put_hard_link(path):
    """To a file of another user, where the system allows it."""
    secret = path.with_name("shadow")
    secret.write_text(f"{SECRET}\n")
    os.chown(secret, 12345, 12345)
    os.link(secret, path)


def put_huge(path):
    with path.open("w") as file:
        file.write(f"{SECRET}\n")
        file.truncate(1 << 40)


ATTACKS = {
    "link": put_link,
    "dangling link": lambda path: path.symlink_to("/nonexistent"),
    "hard link": put_hard_link,
    "fifo": os.mkfifo,
    "directory": Path.mkdir,
    "huge": put_huge,
    "empty": Path.touch,
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_what_certds_user_puts_in_place_of_the_counter_is_not_read(attack, reload, scratch):
    """certd's user owns the directory, and the script is root's."""
    if attack == "hard link" and os.geteuid() != 0:
        pytest.skip("needs root")
    ATTACKS[attack](scratch / "generation")
    refused = reload()
    assert refused.returncode == 1 and "is not a generation counter of certd" in refused.stderr
    assert reloads(scratch) == [] and not (scratch / "loaded").exists()
    assert "secret" not in refused.stdout + refused.stderr


def test_reading_it_would_leak_and_hang(scratch):
    """The control: a script that reads the counter, as an earlier version did."""
    naive = ["sh", "-c", 'generation=$(cat "$1"); echo "loaded $generation"', "naive", scratch / "generation"]
    put_link(scratch / "generation")
    assert SECRET in run(naive).stdout
    (scratch / "generation").unlink()
    os.mkfifo(scratch / "generation")
    with subprocess.Popen(naive, start_new_session=True) as process:
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(timeout=1)
        os.killpg(process.pid, signal.SIGKILL)  # with its cat, which would wait for a writer


def test_nothing_of_its_content_is_repeated(reload, scratch):
    (scratch / "generation").write_text("$(id) secret\n")
    loaded = reload()
    assert loaded.returncode == 0 and len(reloads(scratch)) == 1
    assert "secret" not in loaded.stdout + loaded.stderr + (scratch / "loaded").read_text()


def test_the_same_number_again_is_another_generation(reload, scratch):
    """A restored store counts again from its old value."""
    for count in (1, 2):
        (scratch / "new").write_text("7\n")
        (scratch / "new").rename(scratch / "generation")
        assert reload().returncode == 0 and len(reloads(scratch)) == count


@pytest.fixture
def main_process(scratch):
    """A server: on SIGHUP, which nohup may have left ignored, its main process starts a new worker."""
    with subprocess.Popen(["env", "--default-signal=HUP", "sh", "-c",
                           "trap 'sleep 60 & ' HUP; sleep 60 & while :; do wait; done"],
                          start_new_session=True) as main:
        children = Path(f"/proc/{main.pid}/task/{main.pid}/children")
        wait_for(lambda: children.read_text().split(), 10, "the first worker")
        (scratch / "main").write_text(f"{main.pid}\n")
        yield main
        os.killpg(main.pid, 9)


def test_a_reload_counts_when_there_are_new_workers(reload, scratch, main_process):
    (scratch / "generation").write_text("7\n")
    failed = reload(options=["--new-workers"])
    assert failed.returncode == 1 and "web.service still uses the old certificates" in failed.stderr
    assert not (scratch / "loaded").exists()
    (scratch / "heeds").touch()
    assert reload(options=["--new-workers"]).returncode == 0 and (scratch / "loaded").exists()
    assert main_process.poll() is None and len(reloads(scratch)) == 2


def test_a_server_that_does_not_run_needs_no_new_workers(reload, scratch):
    (scratch / "generation").write_text("7\n")
    (scratch / "main").write_text("0\n")
    assert reload(options=["--new-workers"]).returncode == 0 and len(reloads(scratch)) == 1
