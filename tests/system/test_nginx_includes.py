"""The script that gives nginx files of root's to include, instead of what certd's user may write."""
import os
from pathlib import Path

import pytest
from procs import run
from tls import ThrowAwayCa

SCRIPT = Path(__file__).parents[2] / "systemd/nginx-includes"
NAME = "www.example.com"
BUNDLE = "bundle-0123456789abcdef.pem"
SECRET = "root:$y$j9T$secret:19000:0:99999:7:::"


class Host:
    """`live` is certd's, `includes` root's."""

    def __init__(self, scratch):
        self.scratch, self.live, self.includes = scratch, scratch / "live", scratch / "includes"
        self.secret = scratch / "shadow"
        self.secret.write_text(f"{SECRET}\n")
        for path in (self.live, self.includes):
            path.mkdir()

    def put(self, text, name=NAME):
        """As certd would."""
        (self.live / name).mkdir(exist_ok=True)
        (self.live / name / "nginx.conf").write_text(text)

    def run(self, *command):
        return run([SCRIPT, self.live, *(command or ["true"])], check=False,
                   env={"PATH": os.environ["PATH"], "STATE_DIRECTORY": str(self.includes)})

    def written(self):
        return {path.name: path.read_text() for path in self.includes.iterdir()}


@pytest.fixture
def host(scratch):
    return Host(scratch)


def expected(host, bundle=BUNDLE, name=NAME):
    return "".join(f"{word} {host.live}/{name}/{bundle};\n" for word in ("ssl_certificate", "ssl_certificate_key"))


def certds(host, bundle=BUNDLE, name=NAME):
    return "".join(f'{word} "{host.live}/{name}/{bundle}";\n' for word in ("ssl_certificate", "ssl_certificate_key"))


def test_each_certificate_gets_a_file_that_follows_it(host):
    for name in (NAME, "_.example.com", "shop-2"):
        host.put(certds(host, name=name), name)
    assert host.run().returncode == 0
    assert host.written() == {f"{name}.conf": expected(host, name=name) for name in (NAME, "_.example.com", "shop-2")}
    host.put(certds(host, "bundle-fedcba9876543210.pem"))
    inode = (host.includes / "shop-2.conf").stat().st_ino
    assert host.run().returncode == 0
    assert host.written()[f"{NAME}.conf"] == expected(host, "bundle-fedcba9876543210.pem")
    assert (host.includes / "shop-2.conf").stat().st_ino == inode, "what is the same is not written again"


def test_each_of_two_keys_gets_a_file_of_its_own(host):
    host.put(certds(host) + f'include "{host.live}/{NAME}-rsa/nginx.con[f]";\n')
    host.put(certds(host, name=f"{NAME}-rsa"), f"{NAME}-rsa")
    assert host.run().returncode == 0
    assert host.written() == {f"{name}.conf": expected(host, name=name) for name in (NAME, f"{NAME}-rsa")}


def test_no_certificate_is_no_failure_and_the_command_decides(host):
    assert host.run().returncode == 0 and host.written() == {}
    assert host.run("sh", "-c", "exit 3").returncode == 3


def put_link(host):
    (host.live / NAME).mkdir()
    (host.live / NAME / "nginx.conf").symlink_to(host.secret)


def put_fifo(host):
    (host.live / NAME).mkdir()
    os.mkfifo(host.live / NAME / "nginx.conf")


def put_huge(host):
    host.put("x" * 5000 + BUNDLE)


def put_words(host):
    host.put(f"{SECRET} bundle-0123456789ABCDEF.pem bundle-../../../etc/shadow.pem\n")


def put_empty(host):
    host.put("")


def put_directory(host):
    (host.live / NAME / "nginx.conf").mkdir(parents=True)


def put_link_to_directory(host):
    (host.scratch / "etc").mkdir()
    (host.scratch / "etc/nginx.conf").symlink_to(host.secret)
    (host.live / NAME).symlink_to(host.scratch / "etc")


@pytest.mark.parametrize("put", [put_link, put_fifo, put_huge, put_words, put_empty, put_directory,
                                 put_link_to_directory])
def test_what_is_not_certds_is_left_out_and_not_repeated(put, host):
    put(host)
    host.put(certds(host, name="good"), "good")
    result = host.run()
    assert result.returncode == 0 and f"{host.live}/{NAME}: nginx.conf is not certd's" in result.stderr
    assert host.written() == {"good.conf": expected(host, name="good")}
    assert "secret" not in result.stdout + result.stderr


@pytest.mark.parametrize("name", ["a;b", "$(id)", "two words", "line\nline", "-n", ".hidden", 'q"', "a{b}"])
def test_a_name_that_certd_does_not_give_is_left_out(name, host):
    host.put(certds(host, name=name), name)
    assert host.run().returncode == 0 and host.written() == {}


def nginx_test(host, include):
    config = host.scratch / "nginx.conf"
    config.write_text(f"pid {host.scratch}/pid;\nerror_log stderr;\nevents {{}}\nhttp {{ server {{\n"
                      f"listen unix:{host.scratch}/sock ssl;\ninclude {include};\n}} }}\n")
    return run(["nginx", "-t", "-e", "stderr", "-p", host.scratch, "-c", config], check=False)


@pytest.fixture
def hostile(host):
    """certd's user adds a log file to what it wrote, which root's nginx opens for writing."""
    owned = host.scratch / "owned"
    host.put(f"access_log {owned};\n{certds(host)}")
    bundle = ThrowAwayCa(host.scratch / "ca").issue_bundle(NAME)
    bundle.rename(host.live / NAME / BUNDLE)
    return owned


def test_nothing_else_gets_into_the_configuration_of_nginx(host, hostile):
    assert host.run().returncode == 0 and host.written() == {f"{NAME}.conf": expected(host)}
    tested = nginx_test(host, host.includes / f"{NAME}.conf")
    assert tested.returncode == 0, tested.stderr
    assert not hostile.exists()


def test_including_what_certd_wrote_would_let_it_in(host, hostile):
    """The control."""
    tested = nginx_test(host, host.live / NAME / "nginx.conf")
    assert tested.returncode == 0, tested.stderr
    assert hostile.exists()
