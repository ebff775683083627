"""A CA that is hostile or broken: certd names the fault, does not retry too early, keeps its present certificate, stays
small, writes only to its own directories, and continues when the CA is honest again. The false answers are in
tests/support/py/hostile_cases.py.
"""
import contextlib
import re
import shutil
import tempfile
import time
from datetime import datetime
from pathlib import Path

import pytest
from certd import Certd, is_sanitized
from hostile_ca import HostileCa, Identity
from hostile_cases import (ACCOUNT_CASES, BROKEN_CASES, NAME, ODD_ANSWERS, ODD_CERTIFICATES, ORDER_CASES, PATIENT_CASES,
                           SOON, answered_by, certificate, leaf, links, member, problem)
from procs import wait_for
from rpc import RpcError
from tls import parse_certificate, split_pem

OWN_FILES = {"store", "live", "pem", "generation", "master-key"}
PEAK_KIB_MAX = 64 * 1024


class Arena:
    """One certd that receives one false answer after the other, and the invariants after each."""

    def __init__(self, identity):
        self.directory = Path(tempfile.mkdtemp(prefix="certd-test-"))
        self.directory.chmod(0o711)
        self.identity = identity
        self.webroot = self.directory / "webroot"
        self.webroot.mkdir()
        self.certd = Certd(self.directory / "certd", config=f"webroot = {self.webroot}\n").start()
        self.call = self.certd.call
        self.files = self.files_outside()
        self.ca = None

    def close(self):
        """certd has survived all of them, and ends on request (Certd.stop() checks its status)."""
        try:
            self.certd.stop()
        finally:
            if self.ca:
                self.ca.stop()
            shutil.rmtree(self.directory)

    def add_provider(self, ca, name):
        self.call("provider.create", properties={
            "name": name, "email": "ops@example.com", "server": ca.url, "caFile": str(ca.ca_file),
            "termsOfServiceAgreed": True})

    def issued_by_honest_ca(self):
        """The auto-certificate of the order cases has a certificate. Returns the CA."""
        if not self.ca:
            self.ca = HostileCa(self.identity).start()
            self.add_provider(self.ca, "ca")
            self.call("autoCertificate.create", properties={"provider": "ca", "commonName": NAME})
            self.wait_issued(None)
        return self.ca

    def auto(self):
        return self.call("autoCertificate.get", ref=NAME)["metadata"]

    def wait_issued(self, previous):
        manifest = self.certd.drop(NAME) / "manifest.json"

        def issued():
            last = self.auto().get("lastIssuedCertificate")
            names = [path.name for path in manifest.parent.iterdir()] if manifest.exists() else []
            is_complete = names and not any(name.startswith(".certd-") for name in names)
            return is_complete and last and last != previous and last in manifest.read_text()
        wait_for(issued, 30, "a certificate")

    def drop(self):
        return {path.name: path.read_bytes() for path in self.certd.drop(NAME).iterdir()}

    def files_outside(self):
        """Files around certd's directories and in the webroot."""
        certd = self.certd
        return sorted(str(path) for path in self.directory.rglob("*")
                      if path.is_file() and certd.state not in path.parents and certd.runtime not in path.parents)

    def check_error(self, case, error, next_date, asked_at):
        message = error["message"]
        assert error["code"] == case.code, error
        assert re.search(case.says, message), error
        assert message.isprintable() and 8 < len(message) < 1600, error
        assert error.get("problem") == case.problem, error
        assert error.get("field") == case.field or case.field is None, error
        at = datetime.fromisoformat(next_date.replace("Z", "+00:00")).timestamp()
        least, most = case.wait
        if case.wait != SOON:
            most += max(least / 10, min(least, 600))  # clients with the same advice return spread out
        assert least - 2 <= at - asked_at and at - time.time() <= most, f"in {at - asked_at:.0f} s: {error}"

    def check_well(self):
        """certd is small, has written nothing elsewhere, and works."""
        # In the webroot there may be an answer of the next attempt, until that has ended.
        wait_for(lambda: self.files_outside() == self.files, what="no files elsewhere")
        assert {path.name for path in self.certd.state.iterdir()} <= OWN_FILES
        assert self.call("server.status")
        if not is_sanitized():
            assert self.certd.peak_kib() < PEAK_KIB_MAX


def wait_failed(metadata, seconds=45):
    """Calls metadata() until it has an error; returns it."""
    def failed():
        found = metadata()
        return found if "lastError" in found else None
    return wait_for(failed, seconds, "a failure")


@pytest.fixture(scope="module")
def identity(tmp_path_factory):
    return Identity(tmp_path_factory.mktemp("identity"))


@pytest.fixture(scope="module")
def arena(identity):
    """with arena() as a: that of the previous test, or a new one when that failed."""
    present = []

    @contextlib.contextmanager
    def enter():
        if not present:
            present.append(Arena(identity))
        try:
            yield present[0]
        except BaseException:
            broken = present.pop()
            print(broken.certd.log[-6000:])
            broken.certd.kill9()
            broken.close()
            raise

    yield enter
    for left in present:
        left.close()


@pytest.mark.parametrize("case", ACCOUNT_CASES, ids=str)
def test_no_account_comes_of(arena, identity, case):
    with arena() as a, HostileCa(identity) as ca:
        ca.change(case.at, case.change)
        asked_at = time.time()
        a.add_provider(ca, case.name)
        metadata = wait_failed(lambda: a.call("provider.get", ref=case.name)["metadata"])
        assert metadata["state"] == "FAILED"
        a.check_error(case, metadata["lastError"], metadata["nextDate"], asked_at)
        assert ca.count() <= case.requests, ca.requests
        a.check_well()
        ca.honest()
        a.call("provider.update", ref=case.name, properties={"maxOrders": 4})  # any change: retried at once
        wait_for(lambda: a.call("provider.get", ref=case.name)["metadata"]["state"] == "AVAILABLE", 20, "an account")
        a.call("provider.delete", ref=case.name)


@pytest.mark.parametrize("case", ORDER_CASES, ids=str)
def test_the_old_certificate_outlives(arena, case):
    with arena() as a:
        ca = a.issued_by_honest_ca()
        before, previous, asked = a.drop(), a.auto()["lastIssuedCertificate"], ca.count()
        ca.change(case.at, case.change)
        asked_at = time.time()
        a.call("autoCertificate.renew", ref=NAME)
        metadata = wait_failed(a.auto)
        assert (metadata["attempts"], metadata["state"]) == (1, "AVAILABLE")
        a.check_error(case, metadata["lastError"], metadata["nextDate"], asked_at)
        assert ca.count() - asked <= case.requests, ca.requests[asked:]
        a.check_well()
        assert a.drop() == before
        assert metadata["lastError"]["message"] in a.certd.ctl("explain", NAME).stdout
        ca.honest()
        a.call("autoCertificate.renew", ref=NAME, force=True)
        a.wait_issued(previous)


@pytest.mark.parametrize("name,says,make", ODD_CERTIFICATES, ids=[odd[0] for odd in ODD_CERTIFICATES])
def test_a_certificate_for_our_key_and_names_is_kept(arena, name, says, make):
    with arena() as a:
        ca = a.issued_by_honest_ca()
        previous = a.auto()["lastIssuedCertificate"]
        ca.change("certificate", certificate(make))
        a.call("autoCertificate.renew", ref=NAME, force=True)
        a.wait_issued(previous)
        issued = a.auto()["lastIssuedCertificate"]
        message = a.call("certificate.get", ref=issued)["metadata"]["message"]
        assert re.search(says, message) if says else message == "", message
        next_at = datetime.fromisoformat(a.auto()["nextDate"].replace("Z", "+00:00")).timestamp()
        assert next_at > time.time() + 3600, "no order after order"
        a.check_well()
        ca.honest()
        a.call("autoCertificate.renew", ref=NAME, force=True)
        a.wait_issued(issued)


def test_a_certificate_that_was_refused_can_be_looked_at(arena):
    with arena() as a:
        ca = a.issued_by_honest_ca()
        previous = a.auto()["lastIssuedCertificate"]
        ca.change("certificate", certificate(lambda o, i: leaf(i, o, names=["other.example.com"]) + i.chain()))
        a.call("autoCertificate.renew", ref=NAME)
        wait_failed(a.auto)
        refused = a.call("autoCertificate.explain", ref=NAME)["refusedCertificate"]
        assert "other.example.com" in parse_certificate(split_pem(refused)[0]).names
        ca.honest()
        a.call("autoCertificate.renew", ref=NAME, force=True)
        a.wait_issued(previous)
        assert "refusedCertificate" not in a.call("autoCertificate.explain", ref=NAME)


@pytest.mark.parametrize("name,at,change", ODD_ANSWERS, ids=[odd[0] for odd in ODD_ANSWERS])
def test_what_a_real_ca_does_otherwise_is_forgiven(arena, name, at, change):
    with arena() as a:
        ca = a.issued_by_honest_ca()
        previous = a.auto()["lastIssuedCertificate"]
        ca.change(at, change)
        a.call("autoCertificate.renew", ref=NAME, force=True)
        a.wait_issued(previous)
        a.check_well()
        ca.honest()


def test_an_account_that_the_ca_forgot_is_registered_again(arena):
    with arena() as a:
        ca = a.issued_by_honest_ca()
        previous, asked = a.auto()["lastIssuedCertificate"], len(ca.requests)

        def forgotten(reply, request):
            if not any(kind == "account" for kind, _ in ca.requests[asked:]):
                return problem("accountDoesNotExist", "never heard of it")(reply, request)
        ca.change("order", forgotten)
        a.call("autoCertificate.renew", ref=NAME, force=True)
        a.wait_issued(previous)
        assert a.auto().get("attempts", 0) == 0, "the same attempt went on"
        ca.honest()


def test_a_profile_is_one_of_those_that_the_ca_offers_now(arena):
    with arena() as a:
        ca = a.issued_by_honest_ca()
        previous = a.auto()["lastIssuedCertificate"]
        ca.change("directory", member("meta.profiles", {"classic": "90 days", "short": "6 days"}))
        with pytest.raises(RpcError, match="'shorter'; it offers classic, short") as refused:
            a.call("autoCertificate.update", ref=NAME, properties={"profile": "shorter"})
        assert refused.value.data["field"] == "properties.profile"
        # The CA is asked again for what it did not offer a minute ago.
        ca.change("directory", member("meta.profiles", {"shorter": "1 day"}))
        ca.change("order", member("profile", "classic"))
        a.call("autoCertificate.update", ref=NAME, properties={"profile": "shorter"})
        error = wait_failed(a.auto)["lastError"]
        assert "the profile 'classic', not 'shorter'" in error["message"] and error["field"] == "profile", error
        ca.change("order", member("profile", "shorter"))
        a.call("autoCertificate.renew", ref=NAME, force=True)
        a.wait_issued(previous)
        previous = a.auto()["lastIssuedCertificate"]
        ca.honest()
        a.call("autoCertificate.update", ref=NAME, properties={"profile": None})
        a.wait_issued(previous)


def test_another_server_has_to_offer_the_profiles_in_use(arena, identity):
    """That of the provider, and those of its auto-certificates; none was asked when the server changed."""
    with arena() as a, HostileCa(identity) as first, HostileCa(identity) as other:
        first.change("directory", member("meta.profiles", {"classic": "90 days", "short": "6 days"}))
        other.change("directory", member("meta.profiles", {"classic": "90 days"}))
        agreed = {"email": "ops@example.com", "caFile": str(first.ca_file), "termsOfServiceAgreed": True}
        with pytest.raises(RpcError, match="'long'; it offers classic, short") as refused:
            a.call("provider.create", properties={"name": "moving", "server": first.url, "profile": "long", **agreed})
        assert refused.value.data["field"] == "properties.profile"
        a.call("provider.create", properties={"name": "moving", "server": first.url, "profile": "short", **agreed})
        wait_for(lambda: a.call("provider.get", ref="moving")["metadata"]["state"] == "AVAILABLE", 20, "an account")
        a.call("autoCertificate.create", properties={"provider": "moving", "commonName": "moving.example.com",
                                                     "profile": "short"})
        there = {"server": other.url, "caFile": str(other.ca_file)}
        with pytest.raises(RpcError, match="'short'; it offers classic") as refused:
            a.call("provider.update", ref="moving", properties=there)
        assert refused.value.data["field"] == "properties.profile"
        with pytest.raises(RpcError, match="auto-certificate 'moving.example.com': .*'short'; it offers classic") as refused:
            a.call("provider.update", ref="moving", properties={**there, "profile": "classic"})
        assert refused.value.data["field"] == "properties.server"
        a.call("autoCertificate.update", ref="moving.example.com", properties={"profile": None})
        moved = a.call("provider.update", ref="moving", properties={**there, "profile": "classic"})
        assert moved["effect"]["action"] == "reissue"
        a.call("autoCertificate.delete", ref="moving.example.com")
        a.call("provider.delete", ref="moving")


def test_links_to_other_chains_lead_nowhere(arena):
    with arena() as a:
        ca = a.issued_by_honest_ca()
        previous, asked = a.auto()["lastIssuedCertificate"], ca.count()
        a.call("provider.update", ref="ca", properties={"preferredChain": "Somebody's Root"})
        ca.change("certificate", links)
        a.call("autoCertificate.renew", ref=NAME)
        a.wait_issued(previous)
        assert 1 < sum(kind == "certificate" for kind, _ in ca.requests[asked:]) <= 6
        a.check_well()
        a.call("provider.update", ref="ca", properties={"preferredChain": None})
        ca.honest()


def test_the_wait_grows_to_a_day_and_never_wraps(arena):
    """In CVE-2025-55753 it became zero after some thirty failures."""
    with arena() as a:
        ca = a.issued_by_honest_ca()
        ca.change("order", problem("malformed", "again"))
        waits = []
        for attempt in range(1, 41):
            began = time.time()
            a.call("autoCertificate.renew", ref=NAME, force=True)
            metadata = wait_for(lambda: (lambda m: m if m.get("attempts") == attempt else None)(a.auto()), 10)
            next_at = datetime.fromisoformat(metadata["nextDate"].replace("Z", "+00:00")).timestamp()
            waits.append((next_at - began, next_at - time.time()))
        limits = [(60, 120), (450, 750), (5400, 6600)] + [(0.9 * 86400, 1.1 * 86400)] * 37
        for (since_began, since_seen), (least, most) in zip(waits, limits):
            assert least - 2 <= since_began and since_seen <= most + 2, waits
        ca.honest()
        previous = a.auto()["lastIssuedCertificate"]
        a.call("autoCertificate.renew", ref=NAME, force=True)
        a.wait_issued(previous)
        assert "attempts" not in a.auto()


class Broken:
    """A slow case, with its own provider and auto-certificate."""

    def __init__(self, arena, ca, case):
        self.arena, self.ca, self.case = arena, ca, case
        self.method = answered_by(case.at)
        self.failure = None
        self.attempts = 0
        self.max_orders = 3

    def metadata(self, method=None):
        return self.arena.call(f"{method or self.method}.get", ref=self.case.name)["metadata"]

    def start(self):
        """The false answers begin after the account was created, unless they concern the account."""
        if self.method == "provider":
            self.ca.change(self.case.at, self.case.change)
        self.arena.add_provider(self.ca, self.case.name)
        if self.method != "provider":
            wait_for(lambda: self.metadata("provider")["state"] == "AVAILABLE", 20)
            self.ca.change(self.case.at, self.case.change)
        self.arena.call("autoCertificate.create", properties={
            "name": self.case.name, "provider": self.case.name, "commonName": f"{self.case.name}.example.com"})
        self.started_at = time.time()

    def has_failed(self):
        """Only the first failure: it may be retried while others take longer."""
        if not self.failure:
            metadata = self.metadata()
            if "lastError" in metadata:
                self.failure = metadata
                self.verdict = self.judge()
        return bool(self.failure)

    def judge(self):
        """How the failure differs from the expectation, or None."""
        try:
            self.arena.check_error(self.case, self.failure["lastError"], self.failure["nextDate"], self.started_at)
            assert self.ca.count() <= 40, self.ca.requests
        except AssertionError as wrong:
            return f"{self.case}: {wrong}"
        return None

    def heal(self):
        self.ca.honest()
        if self.method == "provider" or self.failure:
            self.try_again()

    def try_again(self):
        self.attempts = self.metadata().get("attempts", 0)
        if self.method == "provider":
            self.max_orders += 1
            self.arena.call("provider.update", ref=self.case.name, properties={"maxOrders": self.max_orders})
        else:
            self.arena.call("autoCertificate.renew", ref=self.case.name, force=True)

    def is_issued(self):
        """An attempt that was in progress when the CA healed, and hung up, failed once more: the next one is made now."""
        if self.metadata().get("attempts", 0) > self.attempts:
            self.try_again()
        return "lastIssuedCertificate" in self.metadata("autoCertificate")

    def remove_when_issued(self):
        wait_for(self.is_issued, 60, f"{self.case}: a certificate")
        self.arena.call("autoCertificate.delete", ref=self.case.name)
        self.arena.call("provider.delete", ref=self.case.name)


@pytest.mark.limit(300)
def test_all_kinds_of_broken_cas_at_once(arena, identity):
    with arena() as a, contextlib.ExitStack() as stack:
        broken = [Broken(a, stack.enter_context(HostileCa(identity)), case) for case in BROKEN_CASES]
        patient = [Broken(a, stack.enter_context(HostileCa(identity)), case) for case in PATIENT_CASES]
        for each in broken + patient:
            each.start()
        with contextlib.suppress(TimeoutError):
            wait_for(lambda: all([each.has_failed() for each in broken]), 120, interval=1)
        wrong = [each.verdict if each.failure else f"{each.case}: {each.metadata()}" for each in broken]
        assert not any(wrong), "\n".join(filter(None, wrong))
        for each in patient:
            metadata = each.metadata()
            assert "lastError" not in metadata and re.search(each.case.says, metadata["progress"]), metadata
            assert each.ca.count() <= 30 + (time.time() - each.started_at) / 2, each.ca.requests
        a.check_well()
        for each in broken + patient:
            each.heal()
        for each in broken + patient:
            each.remove_when_issued()
