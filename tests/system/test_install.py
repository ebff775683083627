"""make install and make uninstall."""
import os

from procs import run


def make(target, root):
    run(["make", "-s", "-C", os.environ["CERTD_BUILDDIR"], target, f"DESTDIR={root}"], timeout=200)


def test_uninstall_leaves_nothing(scratch):
    root = scratch / "root"
    make("install", root)
    assert (root / "etc/certd/certd.conf").exists() and (root / "usr/local/sbin/certd").exists()
    make("uninstall", root)
    assert [str(path) for path in root.rglob("*")] == []


def test_uninstall_keeps_what_it_did_not_install(scratch):
    root = scratch / "root"
    make("install", root)
    (root / "etc/certd/certd.conf").write_text("max-auto-certificates = 50\n")
    (root / "usr/local/bin/other").touch()
    make("uninstall", root)
    files = sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())
    assert files == ["etc/certd/certd.conf", "usr/local/bin/other"]
