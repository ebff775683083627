"""Directories for other users' readers: what certd advises root to do is done, and certd's user gains nothing by it."""
import grp
import os
import re
from pathlib import Path

import pytest
from certd import Certd
from procs import run, wait_for
from tls import ThrowAwayCa

CERTD = 12345
NAME = "www.example.com"

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="what root does needs root")


@pytest.fixture
def host(scratch):
    """A root directory for --root=: STATE and all in it are certd's, /victim is root's."""
    scratch.chmod(0o755)
    for path in ("state", "state/live", "victim", "etc"):
        (scratch / path).mkdir(mode=0o755)
    for path in ("state", "state/live"):
        os.chown(scratch / path, CERTD, CERTD)
    (scratch / "victim").chmod(0o700)
    return scratch


def by_tmpfiles(host, path):
    config = host / "etc/certd-drops.conf"
    config.write_text(f"d {path} 2750 {CERTD} {CERTD} -\n")
    return run(["systemd-tmpfiles", "--create", config], check=False)


def by_install(_host, path):
    return run(["install", "-d", "-o", str(CERTD), "-g", str(CERTD), "-m", "2750", path], check=False)


def put_link(host):
    (host / f"state/live/{NAME}").symlink_to(host / "victim")


def put_link_above(host):
    (host / "state/live").rmdir()
    (host / "victim" / NAME).mkdir(mode=0o700)
    (host / "state/live").symlink_to(host / "victim")


def put_relative_link(host):
    (host / f"state/live/{NAME}").symlink_to("../../victim")


def put_chain_of_links(host):
    (host / "state/other").symlink_to(host / "victim")
    (host / f"state/live/{NAME}").symlink_to(host / "state/other")


ATTACKS = {"link": put_link, "link above": put_link_above, "relative link": put_relative_link,
           "links": put_chain_of_links}


def owners(host):
    return {path: (path.lstat().st_uid, path.lstat().st_mode) for path in [host / "victim", *(host / "victim").iterdir()]}


@pytest.mark.parametrize("attack", ATTACKS)
def test_the_advised_way_gives_nothing_of_roots_away(attack, host):
    ATTACKS[attack](host)
    before = owners(host)
    by_tmpfiles(host, host / f"state/live/{NAME}")
    assert owners(host) == before


@pytest.mark.parametrize("attack", ATTACKS)
def test_install_would_give_it_away(attack, host):
    """The control: the line that certd once advised."""
    ATTACKS[attack](host)
    before = owners(host)
    by_install(host, host / f"state/live/{NAME}")
    assert owners(host) != before


def test_the_advised_way_prepares_the_directory(host):
    path = host / f"state/live/{NAME}"
    for _ in ("new", "made by certd before"):
        assert by_tmpfiles(host, path).returncode == 0
        assert (path.stat().st_mode & 0o7777, path.stat().st_uid, path.stat().st_gid) == (0o2750, CERTD, CERTD)
        path.chmod(0o700)


@pytest.mark.parametrize("directory", ["tls", "two words", "100%"])
def test_what_certd_says_can_be_done_as_it_says(directory, start, scratch):
    certd = start(Certd)
    path = scratch / directory
    ca = ThrowAwayCa(scratch / "ca")
    certificate, key = ca.issue(NAME)
    certd.ctl("add-consumer", "--name", "mail", "--directory", path)
    failed = certd.ctl("import", "--name", "shop", "--cert", certificate, "--chain", ca.cert_file, "--key", key,
                       "--consumer", "mail", check=False)
    said = re.search(r"add the line '(.*)' to (\S+) and run '(systemd-tmpfiles --create) certd-drops.conf'", failed.stderr)
    config = scratch / Path(said[2]).name
    config.write_text(said[1].replace("GROUP", grp.getgrgid(os.getgid()).gr_name) + "\n")
    run([*said[3].split(), config])
    certd.ctl("deploy", "mail")
    wait_for((path / "manifest.json").exists, 20, "the files")
    assert (path / "bundle.pem").stat().st_mode & 0o7777 == 0o640
