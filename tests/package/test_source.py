"""README's part about building from source, word by word, on a fresh Debian that has only what README installs."""
import pytest
from test_package import IS_FRESH, SOURCE, deployed, lasting, readme, renewal_is_served, served, trust_the_ca
from test_package import host, wait_forwarded, wait_served, no_unit_failed  # noqa: F401
from procs import run, wait_for

BUILD_SECONDS = 1500  # two minutes on an idle machine

pytestmark = [pytest.mark.limit(3000), pytest.mark.skipif(not IS_FRESH, reason="installs on a fresh Debian only")]


def have_the_source(host):
    """What README's "git clone ..." gets: this tree, with changes that are not committed."""
    files = run(["git", "-C", SOURCE, "ls-files", "-z", "--cached", "--others", "--exclude-standard"]).stdout
    origin = host.root / "srv/certd"
    origin.mkdir(parents=True)
    run(["tar", "-C", SOURCE, "--null", "--ignore-failed-read", "-T", "-", "-cf", origin / "source.tar"], input=files)
    host.shell("cd /srv/certd && tar -xf source.tar && rm source.tar && git init -q . && git add -A && "
               "git -c user.name=x -c user.email=x@example.com commit -qm source", timeout=300)


@lasting(120)
def test_source_is_built_and_serves(host):
    host.has_server("nginx")
    install, clone = readme("apt install git").splitlines()
    host.shell(f"cd /root && {install} <<<y", timeout=600)
    have_the_source(host)
    host.shell(f"cd /root && {clone.replace('...', '/srv/certd')}", timeout=300)
    # Only the order of work differs from what README says: two compilers at once.
    host.shell(f"cd /root/certd && set -e && export MAKEFLAGS=-j2\n{readme('tests/support/install-packages build')}",
               timeout=BUILD_SECONDS)
    assert host.show("certd.service", "ActiveState") == "active" and host.is_enabled("certd.service")
    host.shell("cd /root/certd && set -e\n" + readme("cp etc/nginx-acme-challenge.conf"))
    host.edit("etc/nginx/sites-available/default", "\tlisten 80 default_server;\n",
              "\tlisten 80 default_server;\n\t" + readme("include snippets/") + "\n")
    host.follow(readme("systemctl reload nginx"))
    wait_forwarded()
    trust_the_ca(host)
    host.follow(readme("certctl add-provider"))
    include = readme("include /var/lib/certd-nginx/")
    wait_for((host.root / include.split()[1].strip("/;")).exists, 20, "the file to include")
    host.write("etc/nginx/conf.d/www.conf", (host.root / "root/certd/etc/nginx-tls.conf").read_text())
    host.follow(readme("systemctl reload nginx"))
    wait_served(host)
    host.reboot()
    wait_served(host)
    renewal_is_served(host)
    no_unit_failed(host)
    # The manuals are where README says, and nothing is left by an uninstallation.
    assert "certctl" in host.shell("find /usr/local/share/man -name 'certctl.1*'").stdout
    host.shell("systemctl disable --now certd.service certd.socket certd-http-proxy.socket certd-nginx.path; "
               "cd /root/certd && make -s uninstall", timeout=300)
    assert host.shell("find /usr/local /etc/systemd -name '*certd*' -o -name '*certctl*'").stdout == ""
    assert served() == deployed(host), "nginx serves what it has"
