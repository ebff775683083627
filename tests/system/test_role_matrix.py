"""Every method x every role x scope, as rpc.discover lists them: which calls are allowed, and that a refusal changes
nothing."""
import os
from contextlib import contextmanager

import pytest
from certd import Certd
from rpc import RpcClient, RpcError
from tls import ThrowAwayCa

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="other users' connections need root")

ROLES = ("none", "viewer", "operator", "admin")
UID = 54321
# A group for each role, and one whose scope is in.example.
OPEN = {"viewer": 60001, "operator": 60002, "admin": 60003}
NARROW = {"viewer": 60011, "operator": 60012, "admin": 60013}
CONFIG = "".join(f"{role}-groups = {OPEN[role]}, {NARROW[role]}\n" for role in OPEN) + "".join(
    f"scopes = {group}:domain=*.in.example\n" for group in NARROW.values())

INSIDE, OUTSIDE = "www.in.example", "www.out.example"
ABSENT = "www.aut.example"  # as similar to INSIDE as OUTSIDE is, for suggestions
# Objects that are inside or outside the scope; all others are visible to everyone or to no peer with a scope.
PLACED = {"autoCertificate", "certificate", "authorization"}


@contextmanager
def user(*groups):
    """Connections made meanwhile are those of another user with these groups."""
    mine = os.getgroups()
    os.setgroups(groups)
    os.setegid(UID)
    os.seteuid(UID)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(mine)


def declarations(ca):
    """A declaration of each kind with that name. A new noun that can be created needs a line here."""
    def certificate(name):
        cert, key = ca.issue(name)
        return {"certificate": cert.read_text(), "certificateChain": ca.cert_file.read_text(),
                "privateKey": key.read_text()}

    pems = {name: certificate(name) for name in (INSIDE, OUTSIDE)}
    return {
        "provider": lambda name: {"name": "le", "server": "https://127.0.0.1:1/dir", "email": "ops@example.com",
                                  "termsOfServiceAgreed": True},
        "dnsProvider": lambda name: {"name": "hook", "kind": "exec", "command": "/bin/true",
                                     "zones": ["in.example", "out.example"]},
        "consumer": lambda name: {"name": "web"},
        "autoCertificate": lambda name: {"name": name, "provider": "le", "commonName": name, "challenge": "dns-01",
                                         "dnsProvider": "hook", "consumers": ["web"]},
        "certificate": lambda name: {"name": name, **pems[name]},
        "authorization": lambda name: {"name": name, "provider": "le"},
        "alert": lambda name: {"name": "page", "kind": "command", "command": ["/bin/true"]},
        "token": lambda name: {"name": "ci", "role": "viewer"},
    }


class Matrix:
    def __init__(self, certd, ca):
        self.certd = certd
        self.declarations = declarations(ca)
        document = certd.call("rpc.discover")
        self.methods = {m["name"]: m for m in document["methods"]}
        self.nouns = {name.split(".")[0] for name in self.methods if name.endswith(".create")}
        assert self.nouns == set(self.declarations), "a noun without a declaration"
        # In an order in which references exist.
        self.nouns = [noun for noun in self.declarations if noun in self.nouns]

    def name_of(self, noun, place):
        return place if noun in PLACED else self.declarations[noun](place)["name"]

    def restore(self):
        """Everything that an allowed call deleted exists again."""
        for noun in self.nouns:
            have = {o["properties"]["name"] for o in self.certd.call(f"{noun}.list")["items"]}
            for place in (INSIDE, OUTSIDE):
                if self.name_of(noun, place) not in have:
                    properties = self.declarations[noun](place)
                    self.certd.call(f"{noun}.create", properties=properties)
                    have.add(properties["name"])

    def state(self):
        """The state that calls can change, and the number of recorded changes."""
        objects = {noun: sorted((o["id"], str(o["properties"])) for o in self.certd.call(f"{noun}.list")["items"])
                   for noun in self.nouns}
        done = [r["number"] for r in self.certd.call("audit.list", limit=1000)["items"] if r["outcome"] == "done"]
        return objects, done

    def parameters(self, method, place):
        noun, verb = method.split(".")
        names = {p["name"]: p for p in self.methods[method]["params"]}
        params = {}
        if "ref" in names:
            params["ref"] = self.name_of(noun, place)
        if verb == "create":
            params["properties"] = self.declarations[noun](place)
        elif "properties" in names:
            params["properties"] = {"name": self.name_of(noun, place)}
        if "dryRun" in names:
            params["dryRun"] = True
        if verb == "revoke":
            params["reason"] = "superseded"
        if verb == "check" and "name" in names:
            params["name"] = "www.example.com"
        if "finding" in names:
            params["finding"] = "none"
        if "passphrase" in names:
            params["passphrase"] = "correct horse"
        missing = [n for n, p in names.items() if p["required"] and n not in params]
        assert not missing, f"{method} needs {missing}"
        return params

    def expected(self, method, role, is_narrow, place):
        """"denied", "not-found", "outside" (refused with the field), or None: allowed."""
        info = self.methods[method]
        noun, verb = method.split(".")
        if ROLES.index(role) < ROLES.index(info["x-role"]):
            return "denied"
        if not is_narrow:
            return None
        if not info["x-scoped"]:
            return "denied"
        if place == INSIDE or noun not in PLACED:
            return None
        if verb == "create":
            return "outside"
        return "not-found" if any(p["name"] == "ref" for p in info["params"]) else None


@pytest.fixture
def matrix(start, scratch):
    certd = start(Certd, config=CONFIG)
    certd.socket.chmod(0o666)
    matrix = Matrix(certd, ThrowAwayCa(scratch / "ca"))
    matrix.restore()
    return matrix


def outcome(rpc, method, params):
    """The code of the refusal, or None: the call was allowed, even if it is wrong otherwise."""
    try:
        rpc.call(method, **params)
    except RpcError as error:
        return error.data.get("code"), error
    return None, None


def check(matrix, rpc, method, role, is_narrow, place):
    expected = matrix.expected(method, role, is_narrow, place)
    before = matrix.state() if expected else None
    code, error = outcome(rpc, method, matrix.parameters(method, place))
    what = f"{method} by {role}{' with a scope' if is_narrow else ''} for {place}: {error}"
    if expected is None:
        assert code not in ("denied", "not-found"), what
        return False
    assert code == ("denied" if expected == "outside" else expected), what
    if expected == "outside":
        assert OUTSIDE in error.message and "outside the scope" in error.message, what
    if expected == "not-found":
        absent, other = outcome(rpc, method, {**matrix.parameters(method, place), "ref": ABSENT})
        assert absent == "not-found", what
        assert other.message.replace(ABSENT, OUTSIDE) == error.message, "the words tell them apart"
    assert matrix.state() == before, f"refused, but it changed something: {what}"
    return True


@pytest.mark.limit(120)
@pytest.mark.parametrize("role", ROLES)
def test_every_method_is_for_whom_the_table_says_and_a_refusal_changes_nothing(matrix, role):
    refused = 0
    for is_narrow in (False, True) if role != "none" else (False,):
        with user(*([(NARROW if is_narrow else OPEN)[role]] if role != "none" else [])):
            rpc = RpcClient(matrix.certd.socket)
        with rpc:
            for method in matrix.methods:
                for place in (INSIDE, OUTSIDE):
                    if check(matrix, rpc, method, role, is_narrow, place):
                        refused += 1
                    else:
                        matrix.restore()
    assert refused > 0
    outcomes = {r["outcome"] for r in matrix.certd.call("audit.list", limit=1000)["items"]}
    assert outcomes == {"done", "refused"}
    assert matrix.certd.call("audit.verify")["intact"]


def names(answer):
    return {o["properties"]["name"] for o in answer["items"]}


def test_lists_events_and_schedule_hold_what_is_inside_alone(matrix):
    certd = matrix.certd
    with user(NARROW["viewer"]):
        rpc = RpcClient(certd.socket)
    with rpc:
        for noun in sorted(PLACED):
            seen = rpc.call(f"{noun}.list")
            assert names(seen) == {INSIDE} and seen["total"] == 1, noun
            assert names(certd.call(f"{noun}.list")) == {INSIDE, OUTSIDE}
        ids = {name: certd.call("autoCertificate.get", ref=name)["id"] for name in (INSIDE, OUTSIDE)}
        assert rpc.call("certificate.list", autoCertificate=ids[OUTSIDE])["items"] == []
        assert rpc.call("certificate.list", autoCertificate=ids[OUTSIDE][:-4] + "0000")["items"] == []
        rpc.call("event.subscribe")
        certd.call("autoCertificate.pause", ref=OUTSIDE)
        certd.call("autoCertificate.pause", ref=INSIDE)
        event = rpc.next_event("event")
        assert event["object"]["name"] == INSIDE
        everything = str(rpc.call("event.list", limit=1000)) + str(rpc.call("schedule.list")) + \
            str(rpc.call("server.status")) + str(rpc.call("consumer.list")) + str(rpc.call("event.subscribe", after=0))
        assert INSIDE in everything and OUTSIDE not in everything
        assert rpc.call("server.status")["scoped"] is True and "certificates" not in rpc.call("server.status")
        with pytest.raises(RpcError) as refused:
            rpc.call("autoCertificate.get", ref=ids[OUTSIDE])
        assert refused.value.data["code"] == "not-found", "not by its id either"


def test_labels_narrow_and_their_certificates_follow(matrix):
    certd = matrix.certd
    certd.call("autoCertificate.update", ref=INSIDE, properties={"labels": ["team=web", "prod"]})
    assert names(certd.call("autoCertificate.list", label="team=web")) == {INSIDE}
    assert names(certd.call("autoCertificate.list", label="team")) == set()
    certd.call("autoCertificate.update", ref=INSIDE, properties={"labels": ["prod"]})
    assert names(certd.call("autoCertificate.list", label="team=web")) == set()
    certd.call("certificate.update", ref=OUTSIDE, properties={"labels": ["team=web"]})
    assert names(certd.call("certificate.list", label="team=web")) == {OUTSIDE}
    with pytest.raises(RpcError, match="is not a label"):
        certd.call("autoCertificate.update", ref=INSIDE, properties={"labels": ["a b"]})


def test_who_has_a_scope_cannot_leave_it(matrix):
    with user(NARROW["operator"]):
        rpc = RpcClient(matrix.certd.socket)
    with rpc:
        for properties, field in [({"subjectAlternativeNames": [f"a.{INSIDE}", OUTSIDE]},
                                   "properties.subjectAlternativeNames[1]"),
                                  ({"commonName": OUTSIDE}, "properties.commonName")]:
            with pytest.raises(RpcError) as refused:
                rpc.call("autoCertificate.update", ref=INSIDE, properties=properties)
            assert (refused.value.data["code"], refused.value.data["field"]) == ("denied", field)
        created = rpc.call("autoCertificate.create",
                           properties={"provider": "le", "commonName": "*.sub.in.example", "challenge": "dns-01"})
        assert created["properties"]["commonName"] == "*.sub.in.example"
        assert created["metadata"]["createdBy"] == f"uid:{UID}"
    refusals = [r for r in matrix.certd.call("audit.list", limit=1000)["items"] if r["outcome"] == "refused"]
    assert any(r["who"] == f"uid:{UID}" and "outside the scope" in r["reason"] for r in refusals)
