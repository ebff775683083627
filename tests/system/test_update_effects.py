"""A change has the effect that its answer announces, with real servers; a dry run announces the same and has no effect.
"""
import json
import ssl
import tempfile
import threading

import pytest
from certd import Certd
from pebble import Challtestsrv, Pebble
from procs import free_port, wait_for
from tls import parse_certificate

NAME = "www.example.com"


class PairWatch(threading.Thread):
    """Reads bundle.pem continuously: every reader finds a matching key and certificate."""

    def __init__(self, path):
        super().__init__(daemon=True)
        self.path, self.loads, self.failure, self.ends = path, 0, None, False

    def run(self):
        while not self.ends and not self.failure:
            try:
                with tempfile.NamedTemporaryFile() as copy:  # read once: OpenSSL would open it twice
                    copy.write(self.path.read_bytes())
                    copy.flush()
                    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(copy.name)
                self.loads += 1
            except OSError as error:
                self.failure = error

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.ends = True
        self.join()
        assert self.failure is None and self.loads > 0, f"{self.path}: {self.failure}"


class Rig:
    def __init__(self, start, scratch):
        port = free_port()
        self.dns = start(Challtestsrv)
        self.first = start(Pebble, dns=self.dns.dns, http_port=port, validity=86400)
        self.second = start(Pebble, dns=self.dns.dns, http_port=port, validity=86400)
        self.certd = start(Certd, config=f"http-listen = 127.0.0.1:{port}\n")
        self.told = scratch / "told"
        self.certd.ctl("add-provider", "--name", "le", "--server", self.first.url, "--ca-file", self.roots(scratch),
                       "--email", "ops@example.com", "--agree-tos")
        for name in ("web", "mail"):
            self.certd.ctl("add-consumer", "--name", name, "--activate", "exec", "--command", "/bin/sh", "--command",
                           "-c", "--command", f"echo {name} >> {self.told}")
        self.certd.ctl("add-auto", "--provider", "le", "--cn", NAME, "--san", "example.com", "--consumer", "web")

    def roots(self, scratch):
        """The CAs' own servers are both trusted."""
        path = scratch / "roots.pem"
        path.write_text(self.first.ca_file.read_text() + self.second.ca_file.read_text())
        return path

    @property
    def drop(self):
        return self.certd.drop(NAME)

    def manifest(self):
        return json.loads((self.drop / "manifest.json").read_text())

    def leaf(self):
        return parse_certificate(self.drop / "cert.pem")

    def auto(self):
        return self.certd.call("autoCertificate.get", ref=NAME)

    def last_event(self):
        return self.certd.call("event.list", limit=1)["items"][-1]["seq"]

    def schedule(self):
        """Without the probes, which end some time after a rollout."""
        return [(row["kind"], row["date"], row["object"]["name"]) for row in self.certd.call("schedule.list")["items"]
                if row["kind"] != "probe"]

    def update(self, noun="autoCertificate", ref=NAME, **properties):
        """A dry run, which leaves no trace, and then the change, which has the announced effect. Returns the effect."""
        self.wait_at_rest()
        before = (self.certd.call(f"{noun}.get", ref=ref), self.last_event(), self.schedule(), self.manifest())
        dry = self.certd.call(f"{noun}.update", ref=ref, properties=properties, dryRun=True)
        after = (self.certd.call(f"{noun}.get", ref=ref), self.last_event(), self.schedule(), self.manifest())
        assert before == after and dry["dryRun"] is True
        done = self.certd.call(f"{noun}.update", ref=ref, properties=properties)
        assert done["effect"] == dry["effect"] and "dryRun" not in done
        assert done["properties"] == dry["properties"]
        assert [reason.split(":")[0] for reason in done["effect"]["reasons"]] == done["effect"]["changed"]
        return done["effect"]["action"], done["effect"]["changed"]

    def wait_at_rest(self):
        """Earlier changes have had their effects."""
        wait_for(lambda: not any(kind in ("account", "deploy") for kind, _, _ in self.schedule()), 10, "no more to do")

    def wait_reissue(self, before):
        wait_for(lambda: self.manifest()["certificate"] != before["certificate"], 30, "another certificate")
        self.wait_at_rest()


@pytest.fixture
def rig(start, scratch):
    return Rig(start, scratch)


def test_each_change_of_an_auto_certificate_causes_what_it_says(rig):
    first = rig.manifest()
    directory = rig.auto()["metadata"]["dropDirectory"]
    rig.wait_at_rest()

    # nothing: repeating it is not a change
    due = rig.auto()["metadata"]["nextDate"]
    assert rig.update(renewBefore="6h") == ("nothing", ["renewBefore"])
    assert rig.auto()["metadata"]["nextDate"] != due
    seq, modified = rig.last_event(), rig.auto()["metadata"]["lastModifiedDate"]
    assert rig.update(renewBefore=21600, keyAlgorithm=None) == ("nothing", [])
    assert (rig.last_event(), rig.auto()["metadata"]["lastModifiedDate"]) == (seq, modified)
    assert rig.update(commonName=NAME.upper()) == ("nothing", ["commonName"]), "only its form"
    assert rig.update(keyAlgorithm="secp256r1", reuseKey=True) == ("nothing", ["keyAlgorithm", "reuseKey"])
    assert rig.manifest() == first

    # redeploy: the same certificate; the new consumer is notified
    told = rig.told.read_text()
    assert rig.update(consumers=["mail", "web"]) == ("redeploy", ["consumers"])
    wait_for(lambda: rig.manifest()["generation"] > first["generation"], 10, "another generation")
    wait_for(lambda: "mail" in rig.told.read_text()[len(told):], 10, "the new consumer")
    assert rig.manifest()["certificate"] == first["certificate"]
    rig.wait_at_rest()

    # reissue: the paths stay the same, and the files are always complete
    with PairWatch(rig.drop / "bundle.pem"):
        before = rig.manifest()
        assert rig.update(reuseKey=False, keyAlgorithm="secp384r1") == ("reissue", ["keyAlgorithm", "reuseKey"])
        rig.wait_reissue(before)
        assert rig.certd.ctl_json("show", "cert", rig.manifest()["certificate"])["metadata"]["keyAlgorithm"] == \
            "secp384r1"
        before = rig.manifest()
        out = rig.certd.ctl("set", "auto", NAME, "--cn", "mail.example.com", "--san", "www.example.com").stdout
        assert out.startswith(f"auto '{NAME}' is changed") and "; causes: reissue\n  commonName: " in out
        rig.wait_reissue(before)
    assert sorted(rig.leaf().names) == ["mail.example.com", "www.example.com"]
    assert rig.auto()["metadata"]["dropDirectory"] == directory and rig.auto()["properties"]["name"] == NAME
    assert rig.certd.ctl("set", "auto", NAME, "--cn", "mail.example.com").stdout == \
        f"auto '{NAME}' is unchanged; causes: nothing\n"

    before = rig.manifest()
    out = rig.certd.ctl("set", "auto", NAME, "--unset", "key-algorithm", "--unset", "renewBefore", "--dry-run").stdout
    assert out.startswith(f"auto '{NAME}' would be changed") and "; causes: reissue" in out
    assert rig.auto()["properties"]["keyAlgorithm"] == "secp384r1"
    rig.certd.ctl("set", "auto", NAME, "--unset", "key-algorithm", "--unset", "renewBefore")
    assert not {"keyAlgorithm", "renewBefore"} & set(rig.auto()["properties"])
    rig.wait_reissue(before)
    unknown = rig.certd.ctl("set", "auto", NAME, "--unset", "key-algoritm", check=False)
    assert unknown.returncode == 64 and "did you mean 'key-algorithm'?" in unknown.stderr


def test_a_provider_that_moves_to_another_ca_brings_its_certificates_along(rig):
    rig.certd.call("autoCertificate.create", properties={"provider": "le", "commonName": "other.example.com"})
    wait_for(lambda: (rig.certd.drop("other.example.com") / "manifest.json").exists(), 20, "the other certificate")
    account = rig.certd.call("provider.get", ref="le")["metadata"]
    before, issuer = rig.manifest(), rig.leaf().issuer
    assert rig.update("provider", "le", maxOrders=5, profile=None) == ("nothing", ["maxOrders"])
    assert rig.update("provider", "le", email="new@example.com") == ("nothing", ["email"])
    rig.wait_at_rest()  # the account has its new address
    with PairWatch(rig.drop / "bundle.pem"):
        assert rig.update("provider", "le", server=rig.second.url) == ("reissue", ["server"])
        rig.wait_reissue(before)
    after = rig.certd.call("provider.get", ref="le")["metadata"]
    assert after["state"] == "AVAILABLE" and str(rig.second.port) in after["accountUrl"]
    assert after["accountThumbprint"] != account["accountThumbprint"]
    assert rig.leaf().issuer != issuer
    wait_for(lambda: parse_certificate(rig.certd.drop("other.example.com") / "cert.pem").issuer == rig.leaf().issuer,
             20, "the other certificate of the new CA")


def test_a_consumer_is_told_again_when_how_it_is_told_changes_and_only_then(rig):
    rig.wait_at_rest()
    first = rig.manifest()
    assert rig.update("consumer", "web", name="web2") == ("nothing", ["name"])
    assert rig.manifest()["generation"] == first["generation"]
    assert rig.update("consumer", "web2", command=["/bin/sh", "-c", f"echo again >> {rig.told}"]) == \
        ("redeploy", ["command"])
    wait_for(lambda: "again" in rig.told.read_text(), 10, "the consumer to be told")
    assert rig.manifest()["certificate"] == first["certificate"]


def test_dry_runs_of_making_and_removing_leave_nothing(rig):
    seq = rig.last_event()
    out = rig.certd.ctl("add-auto", "--provider", "le", "--cn", "new.example.com", "--dry-run").stdout
    assert out == "auto 'new.example.com' is valid; nothing was changed\n"
    refused = rig.certd.ctl("add-auto", "--provider", "none", "--cn", "new.example.com", "--dry-run", check=False)
    assert refused.returncode == 65 and "there is no provider 'none'" in refused.stderr
    taken = rig.certd.ctl("add-consumer", "--name", "web", "--dry-run", check=False)
    assert taken.returncode == 73
    assert rig.certd.ctl("rm", "consumer", "mail", "--dry-run").stdout == "consumer 'mail' can be removed\n"
    used = rig.certd.ctl("rm", "provider", "le", "--dry-run", check=False)
    assert used.returncode == 73 and NAME in used.stderr
    assert rig.certd.ctl("rm", "auto", NAME, "--dry-run").stdout.splitlines() == [
        f"auto '{NAME}' can be removed", f"  consumer 'web' still has the files of '{NAME}': this needs --force",
        f"  the files in {rig.drop} are removed",
        "  consumer 'web' gets no certificate in their place", "  its certificates are kept until they are purged"]
    assert rig.last_event() == seq
    assert (rig.drop / "bundle.pem").exists() and rig.auto()["metadata"]["nextAction"] == "renew"
    assert [auto["properties"]["name"] for auto in rig.certd.ctl_json("list", "auto")] == [NAME]


def test_an_order_that_failed_begins_anew_with_another_way_to_prove_the_name(rig, scratch):
    hook = scratch / "hook"
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    rig.certd.ctl("add-dns", "--name", "broken", "--kind", "exec", "--command", hook, "--zone", "example.org")
    rig.certd.ctl("add-auto", "--provider", "le", "--cn", "a.example.org", "--challenge", "dns-01", "--no-wait")
    wait_for(lambda: rig.certd.call("autoCertificate.get", ref="a.example.org")["metadata"].get("attempts"), 30,
             "a failure")
    changes = {"ref": "a.example.org", "properties": {"challenge": "http-01"}}
    assert rig.certd.call("autoCertificate.update", dryRun=True, **changes)["effect"]["action"] == "reissue"
    assert rig.certd.call("autoCertificate.update", **changes)["effect"]["action"] == "reissue"
    wait_for(lambda: (rig.certd.drop("a.example.org") / "manifest.json").exists(), 20, "the certificate")
