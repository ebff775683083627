"""The files that a consumer declares: formats read by the programs they are for, layouts, modes, what is removed."""
import grp
import os
import re
import shutil
import socket
import time
from pathlib import Path

import pytest
from certd import Certd, program
from pebble import Pebble
from procs import Server, comes_within, free_port, listens, patient, run, wait_for
from tls import ThrowAwayCa, parse_certificate, split_pem, tls_leaf
from webservers import Nginx

NAME = "www.example.com"
PASSWORD = "change-it"
OWN_GROUP = grp.getgrgid(os.getgid()).gr_name


class Site:
    """certd, a CA for imports, and a directory that root prepared."""

    def __init__(self, start, scratch, config=None):
        scratch.chmod(0o755)
        self.scratch = scratch
        self.certd = start(Certd, config=config)
        self.ca = ThrowAwayCa(scratch / "ca")
        self.directory = scratch / "out"
        self.directory.mkdir(mode=0o755)
        self.password = scratch / "password"
        self.password.write_text(f"{PASSWORD}\n")
        self.password.chmod(0o600)

    def add_consumer(self, *options, name="out", check=True):
        return self.certd.ctl("add-consumer", "--name", name, "--directory", self.directory, *options, check=check)

    def add(self, *names, consumer="out", replace=False, check=True):
        """Imports a new certificate for these names; the first is its name."""
        certificate, key = self.ca.issue(*names)
        self.leaf = parse_certificate(certificate)
        how = ["--replace", names[0]] if replace else ["--name", names[0], "--consumer", consumer]
        return self.certd.ctl("import", *how, "--cert", certificate, "--chain", self.ca.cert_file, "--key", key,
                              check=check)

    def wait_for(self, path):
        wait_for((self.directory / path).exists, 20, path)
        return self.directory / path

    def is_deployed(self):
        return not [row for row in self.certd.call("schedule.list")["items"] if row["kind"] == "deploy"]

    def listing(self):
        return sorted(str(p.relative_to(self.directory)) for p in self.directory.rglob("*") if not p.is_dir())

    def is_new(self, path):
        """Does this PEM file begin with the newest certificate?"""
        return wait_for(lambda: parse_certificate(self.directory / path).fingerprint == self.leaf.fingerprint, 20, path)


def issue_rsa(ca, name):
    stem = ca.directory / "rsa"
    request = run(["openssl", "req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}", "-keyout",
                   f"{stem}.key"]).stdout
    (ca.directory / "rsa.ext").write_text(f"subjectAltName=DNS:{name}\nextendedKeyUsage=serverAuth\n")
    run(["openssl", "x509", "-req", "-CA", ca.cert_file, "-CAkey", ca.key_file, "-days", "30", "-extfile",
         f"{stem}.ext", "-out", f"{stem}.pem"], input=request)
    return f"{stem}.pem", f"{stem}.key"


@pytest.fixture
def site(start, scratch):
    return Site(start, scratch)


def mode(path):
    return path.stat().st_mode & 0o7777


def test_every_format_is_read_by_the_programs_it_is_for(site):
    formats = {"key": "k.pem", "cert": "c.pem", "chain": "i.pem", "fullchain": "f.pem", "bundle": "b.pem",
               "bundle-cert-first": "bc.pem", "key-der": "k.der", "cert-der": "c.der", "pkcs12": "x.p12",
               "jks": "x.jks"}
    site.add_consumer(*(word for form, path in formats.items() for word in ("--file", f"{form}:{path}")),
                      "--output-password-file", site.password)
    site.add(NAME)
    wait_for(lambda: len(site.listing()) == len(formats), 20)
    at = {form: site.directory / path for form, path in formats.items()}
    for form in ("cert", "fullchain", "bundle", "bundle-cert-first"):
        assert parse_certificate(at[form]).fingerprint == site.leaf.fingerprint
    assert at["cert-der"].read_bytes() == site.leaf.der
    assert at["chain"].read_text() == site.ca.cert_file.read_text()
    assert at["fullchain"].read_text() == at["cert"].read_text() + at["chain"].read_text()
    assert at["bundle"].read_text() == at["key"].read_text() + at["fullchain"].read_text()
    assert at["bundle-cert-first"].read_text() == at["fullchain"].read_text() + at["key"].read_text()
    public = run(["openssl", "x509", "-in", at["cert"], "-noout", "-pubkey"]).stdout
    assert run(["openssl", "pkey", "-in", at["key"], "-pubout"]).stdout == public
    assert run(["openssl", "pkey", "-inform", "DER", "-in", at["key-der"], "-pubout"]).stdout == public
    p12 = run(["openssl", "pkcs12", "-in", at["pkcs12"], "-passin", f"pass:{PASSWORD}", "-nodes"]).stdout
    assert run(["openssl", "pkey", "-pubout"], input=p12).stdout == public and p12.count("BEGIN CERTIFICATE") == 2
    assert {form: oct(mode(path)) for form, path in at.items()} == {
        form: "0o644" if form in ("cert", "chain", "fullchain", "cert-der") else "0o600" for form in formats}


@pytest.mark.skipif(not shutil.which("keytool"), reason="without Java")
@pytest.mark.parametrize("kind", ["jks", "pkcs12"])
def test_keytool_reads_the_keystore(kind, site):
    """The key too: keytool decrypts it to write it in another format."""
    site.add_consumer("--file", f"{kind}:{{name}}.store", "--output-password-file", site.password)
    certificate, private = issue_rsa(site.ca, NAME)  # with a subject: Java refuses those of add()
    site.certd.ctl("import", "--name", NAME, "--cert", certificate, "--chain", site.ca.cert_file, "--key", private,
                   "--consumer", "out")
    store = site.wait_for(f"{NAME}.store")
    copy = site.scratch / "copy.p12"
    run(["keytool", "-importkeystore", "-srckeystore", store, "-srcstorepass", PASSWORD, "-srcalias", NAME,
         "-destkeystore", copy, "-deststoretype", "PKCS12", "-deststorepass", PASSWORD], timeout=60)
    pem = run(["openssl", "pkcs12", "-in", copy, "-passin", f"pass:{PASSWORD}", "-nodes"]).stdout
    assert run(["openssl", "pkey", "-pubout"], input=pem).stdout == run(
        ["openssl", "x509", "-pubkey", "-noout", "-in", certificate]).stdout
    listed = run(["keytool", "-list", "-v", "-keystore", store, "-storepass", PASSWORD], timeout=60).stdout
    assert "Certificate chain length: 2" in listed


def test_modes_groups_and_subdirectories_are_as_declared(site):
    site.add_consumer("--file", f"key:private/{{name}}.key:0640:{OWN_GROUP}", "--file", "cert:public/{name}.crt:0444",
                      "--file", "bundle:{domain}.{type}.pem")
    site.add("*.example.com")
    wait_for(lambda: len(site.listing()) == 3, 20)
    assert site.listing() == ["_.example.com.ecdsa.pem", "private/_.example.com.key", "public/_.example.com.crt"]
    assert [oct(mode(site.directory / p)) for p in site.listing()] == ["0o600", "0o640", "0o444"]
    assert mode(site.directory / "private") == 0o755


@pytest.mark.skipif(os.geteuid() != 0, reason="chown needs root")
def test_a_directory_for_a_group_passes_it_on(site):
    os.chown(site.directory, -1, 12345)
    site.directory.chmod(0o2750)
    site.add_consumer("--layout", "certbot")
    site.add(NAME)
    key = site.wait_for(f"live/{NAME}/privkey.pem")
    assert mode(key) == 0o640 and key.stat().st_gid == 12345
    for path in ("live", f"live/{NAME}", "archive", f"archive/{NAME}"):
        made = (site.directory / path).stat()
        assert made.st_mode & 0o7777 == 0o2750 and made.st_gid == 12345


@pytest.mark.parametrize("options, said", [
    (["--file", "pem:x"], "--file: 'pem' is not a format: key, cert"),
    (["--file", "key:x", "--file", "cert:x"], "--file: two files have the path 'x'"),
    (["--file", "key"], "must be FORMAT:PATH"),
    (["--file", "key:/etc/x"], "must be relative"),
    (["--file", "key:../x"], "is not the path of a file"),
    (["--file", "key:.certd-x"], "is not the path of a file"),
    (["--file", "key:{other}"], "placeholders are {name}, {domain} and {type}"),
    (["--file", "key:x:0644"], "would let everybody read the private key"),
    (["--file", "cert:x:0755"], "is not the mode"),
    (["--file", "cert:x:0644:"], "is not the name of a group"),
    (["--file", "jks:x"], "--output-password-file: is required"),
    (["--layout", "apache"], "layout"),
])
def test_a_wrong_declaration_names_the_field(options, said, site):
    failed = site.add_consumer(*options, check=False)
    assert failed.returncode and said in failed.stderr, failed.stderr


def test_without_a_directory_nothing_is_declared(site):
    failed = site.certd.ctl("add-consumer", "--name", "out", "--layout", "lego", check=False)
    assert failed.returncode and "needs the property directory" in failed.stderr
    site.password.write_text("short\n")
    failed = site.add_consumer("--file", "jks:x", "--output-password-file", site.password, check=False)
    assert "at least 6 characters" in failed.stderr


def test_fixed_names_hold_one_certificate(site):
    site.add_consumer("--file", "bundle:site.pem")
    site.add(NAME)
    failed = site.add("other.example.com", check=False)
    assert failed.returncode and "use {name} in its outputs" in failed.stderr
    site.certd.ctl("set", "consumer", "out", "--file", "bundle:{name}.pem")
    site.add("other.example.com")
    site.wait_for("other.example.com.pem")
    site.wait_for(f"{NAME}.pem")
    wait_for(lambda: site.listing() == ["other.example.com.pem", f"{NAME}.pem"], 20)
    failed = site.certd.ctl("set", "consumer", "out", "--file", "bundle:site.pem", check=False)
    assert failed.returncode and "can hold the files of only one certificate" in failed.stderr


# --- layouts ---


def test_certbot_files_are_links_into_the_archive(site):
    site.add_consumer("--layout", "certbot")
    site.add(NAME)
    site.wait_for(f"live/{NAME}/fullchain.pem")
    live, archive = site.directory / "live" / NAME, site.directory / "archive" / NAME
    parts = ("cert", "chain", "fullchain", "privkey")
    for number in (1, 2, 3):
        wait_for(lambda: os.readlink(live / "privkey.pem").endswith(f"privkey{number}.pem"), 20)  # noqa: B023
        assert {p: os.readlink(live / f"{p}.pem") for p in parts} == {
            p: f"../../archive/{NAME}/{p}{number}.pem" for p in parts}
        assert site.is_new(f"live/{NAME}/fullchain.pem")
        assert mode(live / "privkey.pem") == 0o600 and mode(live / "cert.pem") == 0o644
        wait_for(lambda: sorted(p.name for p in archive.iterdir()) == sorted(  # the last one is kept
            f"{p}{n}.pem" for p in parts for n in (number - 1, number) if n), 20)  # noqa: B023
        site.certd.ctl("deploy", "out")  # changes nothing
        assert os.readlink(live / "privkey.pem").endswith(f"privkey{number}.pem")
        site.add(NAME, replace=True)


def test_nginx_serves_from_certbots_layout(site, start):
    site.add_consumer("--layout", "certbot")
    site.add(NAME)
    live = site.wait_for(f"live/{NAME}/fullchain.pem").parent

    class Old(Nginx):
        """As an administrator wrote it for certbot."""
        @staticmethod
        def _certificate(bundle):
            return f"ssl_certificate {bundle}/fullchain.pem; ssl_certificate_key {bundle}/privkey.pem;"

    nginx = start(Old, bundles={NAME: live})
    assert tls_leaf("127.0.0.1", nginx.tls_port, NAME).fingerprint == site.leaf.fingerprint
    site.add(NAME, replace=True)
    site.is_new(f"live/{NAME}/fullchain.pem")
    nginx.reload()
    wait_for(lambda: tls_leaf("127.0.0.1", nginx.tls_port, NAME).fingerprint == site.leaf.fingerprint, 20)


LAYOUTS = {
    "lego": [f"certificates/{NAME}.crt", f"certificates/{NAME}.issuer.crt", f"certificates/{NAME}.key"],
    "acme.sh": [f"{NAME}_ecc/ca.cer", f"{NAME}_ecc/fullchain.cer", f"{NAME}_ecc/{NAME}.cer", f"{NAME}_ecc/{NAME}.key"],
    "haproxy": [f"{NAME}.pem"],
    "haproxy-pairs": [f"{NAME}.pem.ecdsa"],
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts_of_plain_files(layout, site):
    site.add_consumer("--layout", layout)
    site.add(NAME)
    wait_for(lambda: site.listing() == LAYOUTS[layout], 20, str(site.listing()))
    main = {"lego": f"certificates/{NAME}.crt", "acme.sh": f"{NAME}_ecc/fullchain.cer"}.get(layout, LAYOUTS[layout][0])
    assert site.is_new(main)
    site.add(NAME, replace=True)
    site.is_new(main)
    assert site.listing() == LAYOUTS[layout]


def test_dehydrated_files_are_links_to_dated_ones(site):
    site.add_consumer("--layout", "dehydrated")
    site.add(NAME)
    key = site.wait_for(f"certs/{NAME}/privkey.pem")
    assert site.is_new(f"certs/{NAME}/fullchain.pem")
    first = os.readlink(key)
    assert first.startswith("privkey-") and first.endswith(".pem") and (key.parent / first).is_file()


class Haproxy(Server):
    name = "haproxy"

    def __init__(self, directory, *, certificates):
        super().__init__(directory)
        self.port = free_port()
        self.config = self.directory / "haproxy.cfg"
        self.config.write_text(f"global\n\tmaxconn 50\ndefaults\n\tmode http\n\ttimeout client 5s\n\ttimeout server 5s\n"
                               f"\ttimeout connect 5s\nfrontend f\n\tbind 127.0.0.1:{self.port} ssl crt "
                               f"{certificates}/\n\thttp-request return status 200\n")

    def command(self):
        return ["haproxy", "-db", "-f", self.config]

    def is_ready(self):
        return listens(self.port)


def served_with(port, cipher):
    return run(["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-servername", NAME, "-tls1_2", "-cipher",
                cipher], input="", check=False).stdout


def test_haproxy_serves_a_pair_by_the_type_of_its_keys(site, start):
    site.add_consumer("--layout", "haproxy-pairs")
    site.add(NAME)
    certificate, key = issue_rsa(site.ca, NAME)
    site.certd.ctl("import", "--name", "rsa", "--cert", certificate, "--chain", site.ca.cert_file, "--key", key,
                   "--consumer", "out")
    wait_for(lambda: site.listing() == [f"{NAME}.pem.ecdsa", f"{NAME}.pem.rsa"], 20, str(site.listing()))
    haproxy = start(Haproxy, certificates=site.directory)
    assert "Server public key is 256 bit" in served_with(haproxy.port, "ECDHE-ECDSA-AES128-GCM-SHA256")
    assert "Server public key is 2048 bit" in served_with(haproxy.port, "ECDHE-RSA-AES128-GCM-SHA256")


def test_a_name_that_another_certificate_has_is_not_taken_from_it(site):
    site.add_consumer("--layout", "haproxy-pairs")
    site.add(NAME)
    first = site.wait_for(f"{NAME}.pem.ecdsa").read_text()
    certificate, key = site.ca.issue(NAME)
    failed = site.certd.ctl("import", "--name", "second", "--cert", certificate, "--chain", site.ca.cert_file, "--key", key,
                            "--consumer", "out", check=False)
    text = failed.stderr + site.certd.ctl("show", "consumer", "out").stdout
    assert f"belongs to the certificate '{NAME}'" in text
    assert (site.directory / f"{NAME}.pem.ecdsa").read_text() == first


# --- what is removed ---


def test_only_what_certd_wrote_is_removed(site):
    archive = site.directory / "archive" / NAME
    live = site.directory / "live" / NAME
    for path in (archive, live):
        path.mkdir(parents=True)
    old = {archive / f"{p}1.pem": f"old {p}" for p in ("cert", "chain", "fullchain", "privkey")}
    for path, text in old.items():
        path.write_text(text)
        (live / path.name.replace("1", "")).symlink_to(f"../../archive/{NAME}/{path.name}")
    (live / "README").write_text("certbot's")
    site.add_consumer("--layout", "certbot")
    site.add(NAME)
    wait_for(lambda: os.readlink(live / "fullchain.pem").endswith("fullchain2.pem"), 20)
    assert {path: path.read_text() for path in old} == old
    (archive / "chain2.pem").write_text("changed by somebody")
    site.certd.ctl("set", "cert", NAME, "--consumer", "", "--force")
    left = sorted([*(str(p.relative_to(site.directory)) for p in old), f"archive/{NAME}/chain2.pem",
                   f"live/{NAME}/README"])
    wait_for(lambda: site.listing() == left, 20, str(site.listing()))


def test_directories_and_files_leave_with_the_consumer(site):
    site.add_consumer("--layout", "lego", "--file", "bundle:all/{name}.pem")
    site.add(NAME)
    site.wait_for(f"all/{NAME}.pem")
    site.wait_for(f"certificates/{NAME}.crt")
    site.certd.ctl("set", "consumer", "out", "--layout", "dehydrated")
    site.wait_for(f"certs/{NAME}/privkey.pem")
    wait_for(lambda: not (site.directory / "certificates").exists(), 20)
    assert (site.directory / f"all/{NAME}.pem").exists()
    site.certd.ctl("set", "cert", NAME, "--consumer", "", "--force")
    wait_for(lambda: not list(site.directory.iterdir()), 20)


def test_certds_own_names_and_declared_ones_replace_each_other(site):
    site.directory.chmod(0o755)
    site.add_consumer()
    site.add(NAME)
    site.wait_for("manifest.json")
    own = site.listing()
    site.certd.ctl("set", "consumer", "out", "--layout", "haproxy")
    wait_for(lambda: site.listing() == [f"{NAME}.pem"], 20)
    site.certd.ctl("set", "consumer", "out", "--layout", "")
    wait_for(lambda: site.listing() == own, 20)


# --- changed by others ---


def remove(path):
    path.unlink()


def overwrite(path):
    path.write_text("something else")


def replace(path):
    """At once, so that it is never missing."""
    other = path.with_name(f"{path.name}.other")
    other.write_text("something else")
    other.replace(path)


def make_readable(path):
    path.chmod(0o666)


def make_link(path):
    other = path.with_name(f"{path.name}.other")
    other.symlink_to("/etc/passwd")
    other.replace(path)


CHANGES = {remove: "is missing", overwrite: "has other contents", replace: "", make_readable: "has another mode",
           make_link: "is another file"}


@pytest.mark.parametrize("change", CHANGES)
def test_what_something_else_changed_is_reported_and_repaired(change, start, scratch):
    site = Site(start, scratch, config="check-files-every = 1\n")
    site.add_consumer("--layout", "lego", "--file", "bundle:{name}.pem")
    site.add_consumer("--file", "key:keys/{name}.key", name="second")
    site.add(NAME)
    site.wait_for(f"{NAME}.pem")
    for path in (site.directory / f"certificates/{NAME}.key", site.certd.drop(NAME) / "privkey.pem",
                 site.certd.state / f"pem/{NAME}.pem"):
        before, mode_before = path.read_bytes(), mode(path)
        seen = len(site.certd.call("event.list", limit=1000)["items"])
        change(path)
        wait_for(lambda: not path.is_symlink() and path.exists() and path.read_bytes() == before  # noqa: B023
                 and mode(path) == mode_before, 20, str(path))  # noqa: B023
        wait_for(site.is_deployed, 20)
        events = [e for e in site.certd.call("event.list", limit=1000)["items"][seen:] if e["kind"] == "deploy.changed"]
        assert len(events) == 1 and str(path) in events[0]["message"] and CHANGES[change] in events[0]["message"]
        assert events[0]["level"] == "warning"
    assert "changed by others" in site.certd.ctl("status").stdout
    assert Path("/etc/passwd").read_text().startswith("root:")


def test_explain_names_what_was_changed(start, scratch):
    pebble = start(Pebble, always_valid=True)
    certd = start(Certd, config=f"http-listen = 127.0.0.1:{free_port()}\ncheck-files-every = 1\n")
    certd.ctl("add-provider", "--name", "ca", "--email", "you@example.com", "--server", pebble.url, "--ca-file",
              pebble.ca_file, "--agree-tos")
    certd.ctl("add-auto", "--provider", "ca", "--cn", NAME)
    path = certd.drop(NAME) / "fullchain.pem"
    wait_for(path.exists, 30)
    wait_for(lambda: certd.ctl_json("show", "auto", NAME)["metadata"]["state"] == "AVAILABLE", 20)
    path.write_text("x")
    wait_for(lambda: path.read_text() != "x", 20)
    wait_for(lambda: f"{path} has other contents" in certd.ctl("explain", NAME).stdout, what="the change is recorded")
    assert "which program changed the files" in certd.ctl("explain", NAME).stdout


def test_files_that_nobody_changes_are_left_alone(start, scratch):
    site = Site(start, scratch, config="check-files-every = 1\n")
    site.add_consumer("--layout", "certbot", "--file", "pkcs12:{name}.p12", "--output-password-file", site.password)
    site.add(NAME)
    site.wait_for(f"{NAME}.p12")
    wait_for(site.is_deployed, 20)
    before = {p: p.stat().st_ctime_ns for p in site.directory.rglob("*")}
    seen = site.certd.call("event.list", limit=1000)["items"][-1]["seq"]
    site.certd.ctl("set", "cert", NAME, "--label", "x")
    time.sleep(3)  # three comparisons
    assert {p: p.stat().st_ctime_ns for p in site.directory.rglob("*")} == before
    assert [e["kind"] for e in site.certd.call("event.list", after=seen)["items"]] == ["object.updated"]


class ReadyCertd(Certd):
    """With a NOTIFY_SOCKET, as systemd has it."""

    def __init__(self, directory, **options):
        super().__init__(directory, **options)
        self.notify_path = self.directory / "notify"
        self.notify = None

    def environment(self):
        return {**super().environment(), "NOTIFY_SOCKET": str(self.notify_path)}

    def listen(self):
        self.notify_path.unlink(missing_ok=True)
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notify.bind(str(self.notify_path))
        self.notify.settimeout(patient(30))

    def wait_until_ready(self):
        while "READY=1" not in self.notify.recv(65536).decode().splitlines():
            pass


def test_at_ready_all_files_are_there_again(start, scratch):
    """The drops are on a tmpfs, and so is the consumer's directory: both are empty after a boot."""
    drops = scratch / "drops"
    drops.mkdir(mode=0o711)
    site = Site.__new__(Site)
    scratch.chmod(0o755)
    site.scratch, site.ca, site.directory = scratch, ThrowAwayCa(scratch / "ca"), scratch / "out"
    site.directory.mkdir(mode=0o755)
    site.certd = start(ReadyCertd, config=f"drop-root = {drops}\n")
    site.add_consumer("--layout", "certbot")
    for i in range(5):
        site.add(f"{i}.example.com")
    files = [*(site.directory / f"live/{i}.example.com/privkey.pem" for i in range(5)),
             *(drops / f"live/{i}.example.com/bundle.pem" for i in range(5)),
             *(drops / f"pem/{i}.example.com.pem" for i in range(5))]
    wait_for(lambda: all(p.exists() for p in files), 30)
    before = [p.read_bytes() for p in files]
    for emptied in ((drops, site.directory), (site.directory,), (drops,)):
        site.certd.stop()
        for place in emptied:
            for path in place.iterdir():
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        site.certd.listen()
        site.certd.start()
        site.certd.wait_until_ready()
        assert [p.read_bytes() if p.exists() else None for p in files] == before
        assert "deploy.changed" not in [e["kind"] for e in site.certd.call("event.list", limit=1000)["items"]]


# --- security ---


def test_a_link_on_the_way_is_refused(site):
    victim = site.scratch / "victim"
    victim.mkdir()
    (site.directory / "live").symlink_to(victim)
    site.add_consumer("--layout", "certbot")
    failed = site.add(NAME, check=False)
    assert "symbolic link" in failed.stderr + site.certd.ctl("show", "consumer", "out").stdout
    assert not list(victim.iterdir())


def test_a_private_key_is_never_in_a_file_that_others_may_read(site):
    """strace sees every call: no name appears before its file has its final mode, under any umask."""
    trace = site.scratch / "trace"
    site.certd.stop()
    site.certd.wrapper = ["strace", "-f", "-y", "-e", "trace=openat,fchmod,fchmodat,chmod,linkat,renameat2,renameat,umask",
                          "-o", trace]
    before = os.umask(0)
    try:
        site.certd.start()
    finally:
        os.umask(before)
    site.add_consumer("--layout", "certbot", "--file", "bundle:{name}.pem:0640")
    site.add(NAME)
    site.wait_for(f"{NAME}.pem")
    site.certd.stop()
    lines = [line for line in trace.read_text().splitlines() if str(site.directory) in line]
    created = [line for line in lines if "O_CREAT" in line or "O_TMPFILE" in line]
    assert created and all(", 0600)" in line for line in created), created
    assert not [line for line in lines if "chmod(" in line and "/proc" not in line and "fchmod(" not in line]
    for path in site.directory.rglob("privkey*.pem"):
        assert mode(path) == 0o600


# --- crashes ---

CALLS = {"linkat": 8, "renameat2": 12, "symlinkat": 4, "fsync": 20, "unlinkat": 20}
PARTS = ("cert", "chain", "fullchain", "privkey")


def visible(site):
    """What servers read: {name: octets}, through the links."""
    return {path.name: path.read_bytes() for path in (site.directory / "live" / NAME).iterdir()
            if not path.name.startswith(".")}


def first_of(octets):
    return parse_certificate(split_pem(octets.decode())[0]).fingerprint


@pytest.mark.limit(300)
@pytest.mark.parametrize("call", CALLS)
def test_a_kill_while_files_are_written_leaves_old_or_new_ones(call, site):
    """Killed at the first, the last and some calls between of a replacement, then started again."""
    site.add_consumer("--layout", "certbot", "--file", "bundle:{name}.pem")
    site.add(NAME)
    site.wait_for(f"{NAME}.pem")
    site.wait_for(f"live/{NAME}/fullchain.pem")
    site.wait_for(f"live/{NAME}/privkey.pem")
    wait_for(site.is_deployed, 20)
    reached = 0
    for when in sorted({1, 2, CALLS[call] // 3, CALLS[call] // 2, CALLS[call]}):
        old, old_bundle = visible(site), (site.directory / f"{NAME}.pem").read_bytes()
        site.certd.stop()
        # Calls are counted for each thread; those of the start are not of this directory.
        site.certd.wrapper = ["strace", "-f", "-qq", "-o", site.scratch / "trace", "-P", site.directory / "live" / NAME,
                              "-P", site.directory / "archive" / NAME, "-P", site.directory, "-e", f"trace={call}", "-e",
                              f"inject={call}:signal=KILL:when={when}"]
        site.certd.start()
        site.add(NAME, replace=True, check=False)
        new = site.leaf.fingerprint
        reached += comes_within(lambda: not site.certd.is_ready(), 3)  # it may make fewer such calls
        site.certd.kill9()
        seen = visible(site)
        assert sorted(seen) == sorted(f"{part}.pem" for part in PARTS)
        for part in PARTS:  # each is the old one, or the new one complete
            name = f"{part}.pem"
            if seen[name] != old[name] and part == "privkey":
                assert run(["openssl", "pkey", "-noout", "-check"], input=seen[name].decode()).returncode == 0
            elif seen[name] != old[name] and part != "chain":
                assert first_of(seen[name]) == new
        bundle = (site.directory / f"{NAME}.pem").read_bytes()
        assert bundle == old_bundle or first_of(bundle) == new
        site.certd.wrapper = []
        site.certd.start()
        site.add(NAME, replace=True)
        wait_for(lambda: parse_certificate(site.directory / f"{NAME}.pem").fingerprint == site.leaf.fingerprint, 20)
        wait_for(lambda: first_of(visible(site)["fullchain.pem"]) == site.leaf.fingerprint, 20)
        wait_for(site.is_deployed, 20)
        assert not [path for path in site.directory.rglob(".certd-*")]
        numbers = {re.sub("[^0-9]", "", path.stem) for path in (site.directory / "archive" / NAME).iterdir()}
        assert len(numbers) <= 2, numbers  # the present one and the last
    assert reached >= 2


# --- what the manual tells root to do ---


@pytest.mark.skipif(os.geteuid() != 0, reason="what root does needs root")
def test_what_the_manual_tells_root_to_do_lets_certd_write(start, scratch):
    """As a user without privileges, in a directory of root, whose other contents stay root's."""
    user = 12345
    scratch.chmod(0o755)
    manual = (program("certd").parent / "certd.8").read_text().replace("\\-", "-")
    lines = re.search(r"^chown -R certd: .*\n(?:.*\n)*?\.fi", manual, re.M)[0].splitlines()[:-1]
    etc = scratch / "letsencrypt"
    for path in ("live", "archive", "renewal-hooks/deploy"):
        (etc / path).mkdir(parents=True)
    for path in (etc / "live", etc / "archive"):
        path.chmod(0o700)
    commands = [line.replace("/etc/letsencrypt", str(etc)).replace(" certd: ", f" {user}:{user} ") for line in lines]
    assert commands[0].startswith("chown") and commands[-1].startswith("certctl add-consumer")
    run(["sh", "-ec", commands[0]])
    binary = Path(shutil.copy(program("certd"), scratch))

    class Unprivileged(Certd):
        def command(self):
            return ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", binary, *super().command()[1:]]

    home = scratch / "home"
    home.mkdir()
    certd = Unprivileged(home)
    for path in (home, certd.state, certd.runtime):
        os.chown(path, user, user)
    site = Site.__new__(Site)
    site.scratch, site.certd, site.ca, site.directory = scratch, certd, ThrowAwayCa(scratch / "ca"), etc
    certd.start()
    try:
        certd.ctl(*commands[-1].split()[1:])
        site.add(NAME, consumer="web")
        key = site.wait_for(f"live/{NAME}/privkey.pem")
        assert key.stat().st_uid == user and mode(key) == 0o600
        assert etc.stat().st_uid == 0 and (etc / "renewal-hooks").stat().st_uid == 0
        assert sorted(path.name for path in etc.iterdir()) == ["archive", "live", "renewal-hooks"]
    finally:
        certd.stop()
