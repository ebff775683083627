"""What a scope shows: no answer to a caller with a scope differs by what is outside it, whatever is called."""
import itertools
import json
import os
import re
import time

import pytest
from certd import Certd
from procs import wait_for
from rpc import RpcClient, RpcError
from test_role_matrix import INSIDE, NARROW, OPEN, OUTSIDE, declarations, user
from tls import ThrowAwayCa

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="other users' connections need root")

CONFIG = "".join(f"{role}-groups = {OPEN[role]}, {NARROW[role]}\n" for role in OPEN) + "".join(
    f"scopes = {group}:domain=*.in.example\nscopes = {group}:domain=*.nozone.example\n" for group in NARROW.values())
CONFIG += "dns-servers = 127.0.0.1:1\n"
TAKEN, SHARED = "taken", "also-www.in.example"  # names of objects outside; the second one is nearly one inside
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
TITLES = {"dnsProvider": "DNS provider", "autoCertificate": "auto-certificate"}  # nouns of messages, if they differ
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


class World:
    """A daemon with objects inside the scope and, or not, outside it."""

    def __init__(self, certd, made, has_outside):
        self.certd = certd
        self.made = made
        self.has_outside = has_outside
        self.ids = {}
        certd.socket.chmod(0o666)
        # It fails with what is outside only.
        web = {**made["consumer"](INSIDE), "activate": "exec",
               "command": ["/bin/sh", "-c", f"[ $CERTD_DOMAINS = {INSIDE} ] || {{ echo $CERTD_DOMAINS; exit 1; }}"]}
        for noun in ("provider", "dnsProvider", "consumer", "autoCertificate"):
            self.create(noun, web if noun == "consumer" else made[noun](INSIDE))
        self.create("certificate", {**made["certificate"](INSIDE), "consumers": ["web"]})
        if has_outside:
            self.add_outside()
        wait_for(lambda: certd.call("consumer.get", ref="web")["metadata"]["state"] == ("FAILED" if has_outside else "AVAILABLE")
                 and (certd.drop(f"{INSIDE}-2") / "manifest.json").exists(), 20, "the rollouts")

    def create(self, noun, properties):
        item = self.certd.call(f"{noun}.create", properties=properties)
        self.ids[item["id"]] = f"<{noun} {properties['name']}>"
        return item["id"]

    def add_outside(self):
        made = self.made
        self.create("provider", {**made["provider"](OUTSIDE), "name": "other"})
        self.create("dnsProvider", {**made["dnsProvider"](OUTSIDE), "name": "other", "zones": ["out.example", "z.example"]})
        self.create("consumer", {"name": "other"})
        self.create("consumer", {"name": "unused"})
        # One that shares all that those inside use, and others that are called like what the caller may ask for.
        self.create("autoCertificate", made["autoCertificate"](OUTSIDE))
        for name, more in ((TAKEN, {}), (SHARED, {"provider": "other", "dnsProvider": "other", "consumers": ["other"]})):
            self.create("autoCertificate", {**made["autoCertificate"](OUTSIDE), "name": name, **more})
        for name in (OUTSIDE, TAKEN):
            self.create("certificate", {**made["certificate"](OUTSIDE), "name": name, "consumers": ["other", "web"]})
        self.create("authorization", {"name": OUTSIDE, "provider": "other"})
        self.create("token", {"name": "other", "role": "viewer"})

    def plain(self, answer):
        """Without what differs from one daemon to the next."""
        text = json.dumps(answer, sort_keys=True, indent=1)
        for known, name in self.ids.items():
            text = text.replace(known, name)
        text = UUID.sub("<id>", text).replace(str(self.certd.directory), "<directory>")
        text = re.sub(r"-[0-9a-f]{8}\b", "-<part of id>", TIME.sub("<time>", text))
        text = re.sub(r'"(seq|after|attempts|pid|generation|server_group_id)": \d+', r'"\1": 0', text)
        # Lists are in order of ids.
        value = json.loads(text)
        for items in (value.get("items"), value.get("metadata", {}).get("rollouts")):
            if items and "seq" not in items[0]:
                items.sort(key=json.dumps)
            elif items:  # events are in order of time, and one more when something was tried once more
                items[:] = [json.loads(text) for text in sorted({json.dumps(item) for item in items})]
        if "decisions" in value:  # one more, or more often the same, when something was tried once more
            value["decisions"] = sorted({f"{d['rule']}: " + re.sub(r"\d+", "0", d["text"]) for d in value["decisions"]})
        return value

    def outcome(self, rpc, method, params):
        try:
            answer = self.plain(rpc.call(method, **params))
            if (method == "schedule.list" and params) or (method == "event.list" and "limit" in params):
                # In order of times, of which those of retries are random: any row of the whole list may be the first.
                rows = self.plain(rpc.call(method, **({"limit": 1000} if method == "event.list" else {})))["items"]
                answer["items"] = ["<row of the whole list>" if item in rows else item for item in answer["items"]]
            return answer
        except RpcError as error:
            return self.plain({"refused": error.message, "data": error.data})


def references(noun, outside_ids):
    """What may be asked for by name or id: inside, outside, nothing of it."""
    known = {"provider": ["le", "other"], "dnsProvider": ["hook", "other"], "consumer": ["web", "other", "unused", "othe"],
             "token": ["other"]}
    names = known.get(noun, [INSIDE, OUTSIDE, TAKEN, SHARED])
    return names + ["wwww.in.example", "others"] + [i for i, name in outside_ids.items() if name.startswith(f"<{noun} ")]


def values_of(method, name, outside_ids):
    """Values of a parameter that is not required; None: it is not given."""
    noun = method.partition(".")[0]
    any_id = list(outside_ids)[:3]
    return {
        "ref": references(noun, outside_ids),
        "provider": [None, "le", "other", *[i for i, n in outside_ids.items() if n == "<provider other>"]],
        "autoCertificate": [None, *references("autoCertificate", outside_ids)],
        "replace": [None, OUTSIDE, TAKEN, *any_id],
        "name": [None, OUTSIDE, TAKEN, INSIDE], "commonName": [None, OUTSIDE, INSIDE], "label": [None, "team=other"],
        "object": [None, *outside_ids], "limit": [None, 1], "offset": [None, 1], "after": [None, 0],
        "dryRun": [True], "format": ["pem"], "state": [None, "FAILED", "AVAILABLE"], "view": [None, "cloud66"],
    }.get(name, [None])


def declared(method, made):
    """What may be declared: names that are taken outside, names without a zone, objects that are not there."""
    noun, verb = method.split(".")
    auto = {"provider": "le", "commonName": "new.in.example", "challenge": "dns-01", "dnsProvider": "hook"}
    if verb == "update":
        return [{"name": name} for name in (TAKEN, SHARED, OUTSIDE, "web")] + (
            [{"provider": "nothing"}, {"consumers": ["nothing"]}, {"commonName": OUTSIDE}] if noun == "autoCertificate" else [])
    if noun == "autoCertificate":
        return [{**auto, **more} for more in (
            {"name": TAKEN}, {"name": OUTSIDE}, {"name": SHARED}, {"name": "fresh"}, {}, {"provider": "nothing"},
            {"consumers": ["nothing"]}, {"dnsProvider": "nothing"}, {"commonName": OUTSIDE, "name": "x"},
            {"name": "auto", "dnsProvider": None}, {"commonName": "www.nozone.example", "dnsProvider": None})]
    if noun == "certificate":
        return [{**made[noun](INSIDE), "name": name} for name in (TAKEN, OUTSIDE, "fresh")] + [
            {**made[noun](OUTSIDE), "name": "x"}]
    if noun == "authorization":
        return [{"name": name, "provider": provider} for name in ("new.in.example", OUTSIDE) for provider in ("le", "nothing")]
    return [{**made[noun](INSIDE), "name": name} for name in ("other", "fresh")]


def without_nulls(properties):
    return {name: value for name, value in properties.items() if value is not None}


def calls(document, made, outside_ids):
    """All of them, for all methods: (method, parameters)."""
    for info in document["methods"]:
        method = info["name"]
        if method in ("certificate.export",):  # of what certificate.get finds, with a descriptor
            continue
        names = [p["name"] for p in info["params"] if p["name"] != "properties"]
        takes_properties = any(p["name"] == "properties" for p in info["params"])
        for values in itertools.product(*[values_of(method, name, outside_ids) for name in names]):
            params = {name: value for name, value in zip(names, values) if value is not None}
            for properties in declared(method, made) if takes_properties else [None]:
                yield method, {**params, **({"properties": without_nulls(properties)} if properties else {})}


@pytest.mark.limit(300)
@pytest.mark.parametrize("role", NARROW)
def test_no_answer_differs_by_what_is_outside(start, scratch, role):
    made = declarations(ThrowAwayCa(scratch / "ca"))
    worlds = [World(start(Certd, config=CONFIG), made, has_outside) for has_outside in (False, True)]
    outside_ids = {i: name for i, name in worlds[1].ids.items() if name not in worlds[0].ids.values()}
    assert len(outside_ids) >= 10
    worlds[0].ids.update(outside_ids)
    document = worlds[0].certd.call("rpc.discover")
    with user(NARROW[role]):
        rpcs = [RpcClient(world.certd.socket) for world in worlds]
    compared, allowed = 0, set()
    for method, params in calls(document, made, outside_ids):
        for attempt in range(600):  # rows of the schedule come and go
            without, with_them = (world.outcome(rpc, method, params) for world, rpc in zip(worlds, rpcs))
            if without == with_them:
                break
            time.sleep(0.1)
        assert without == with_them, f"{method} {params} by {role}"
        compared += 1
        if "refused" not in with_them:
            allowed.add(method)
    for rpc in rpcs:
        rpc.close()
    scoped = {info["name"] for info in document["methods"] if info["x-scoped"]}
    assert compared > 500 and allowed <= scoped
    assert allowed >= {name for name in scoped if name.endswith((".list", ".get")) and not name.startswith("authorization")}


def test_names_that_are_taken_outside_are_free(start, scratch):
    """Not as a dry run: the objects are there, each with a directory of its own, and found by their names."""
    made = declarations(ThrowAwayCa(scratch / "ca"))
    world = World(start(Certd, config=CONFIG), made, True)
    with user(NARROW["operator"]):
        rpc = RpcClient(world.certd.socket)
    with rpc:
        item = rpc.call("autoCertificate.create", properties={**made["autoCertificate"](INSIDE), "name": TAKEN})
        assert item["metadata"]["dropDirectory"].endswith(f"/live/{TAKEN}-{item['id'][:8]}")
        assert rpc.call("autoCertificate.get", ref=TAKEN)["id"] == item["id"], "the other one is not there for this caller"
        with pytest.raises(RpcError, match="'taken' already exists"):
            rpc.call("autoCertificate.create", properties={**made["autoCertificate"](INSIDE), "name": TAKEN})
        rpc.call("authorization.create", properties={"name": "new.in.example", "provider": "le"})
    with pytest.raises(RpcError, match="more than one auto-certificate has the name 'taken'"):
        world.certd.call("autoCertificate.get", ref=TAKEN)


def test_what_is_not_shown_can_be_used_and_is_shown_from_then_on(start, scratch):
    made = declarations(ThrowAwayCa(scratch / "ca"))
    world = World(start(Certd, config=CONFIG), made, True)
    with user(NARROW["operator"]):
        rpc = RpcClient(world.certd.socket)
    with rpc:
        for noun, name in (("consumer", "unused"), ("consumer", "other"), ("provider", "other"), ("dnsProvider", "other")):
            with pytest.raises(RpcError, match=f"there is no {TITLES.get(noun, noun)} '{name}'"):
                rpc.call(f"{noun}.get", ref=name)
        rpc.call("autoCertificate.create", properties={
            **made["autoCertificate"](INSIDE), "name": "second", "consumers": ["unused"], "provider": "other"})
        assert rpc.call("consumer.get", ref="unused")["metadata"]["rollouts"] == []
        assert {p["properties"]["name"] for p in rpc.call("provider.list")["items"]} == {"le", "other"}
        shown = rpc.call("dnsProvider.get", ref="hook")["properties"]
        assert shown["zones"] == ["in.example"], "zones of others are not told"
        assert world.certd.call("dnsProvider.get", ref="hook")["properties"]["zones"] == ["in.example", "out.example"]
