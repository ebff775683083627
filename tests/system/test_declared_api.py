"""certd's answers are as declared by rpc.discover and /openapi.json: every method, over the socket and over REST."""
import os
import tempfile
import urllib.parse

import pytest
from certd import Certd
from crtsh import CrtSh
from dnsservers import Knot
from ionos_client import ApiError, IonosClient
from openapi import OpenApi, OpenRpc
from pebble import Challtestsrv, Pebble
from procs import free_port, wait_for
from rpc import RpcError
from tls import ThrowAwayCa, parse_certificate


class Socket:
    """Calls by JSON-RPC."""
    prefix = "socket"

    def __init__(self, certd):
        self.rpc = certd.rpc()
        self.document = OpenRpc(self.rpc.call("rpc.discover"))
        self.used = set()
        self.offered = set(self.document.methods)

    def call(self, method, **params):
        fds = []
        if method in ("certificate.export", "provider.export", "server.backup"):
            fds.append(os.open(tempfile.gettempdir(), os.O_TMPFILE | os.O_RDWR, 0o600))
        answer = self.rpc.call(method, fds, **params)
        for fd in fds:
            os.close(fd)
        self.document.check(method, answer)
        self.used.add(method)
        return answer

    def refused(self, method, **params):
        with pytest.raises(RpcError):
            self.rpc.call(method, **params)


class Rest:
    """The same calls by REST, according to /openapi.json."""
    prefix = "rest"

    def __init__(self, certd):
        self.client = IonosClient(certd.runtime / "rest.sock")
        self.client.checker = OpenApi(self.client.raw("GET", "/openapi.json")[2])
        self.operations = {operation["operationId"]: (verb.upper(), path, operation)
                           for path, item in self.client.checker.document["paths"].items()
                           for verb, operation in item.items()}
        self.offered = set(self.operations)

    @property
    def used(self):
        return self.client.checker.used

    def request(self, send, method, params):
        verb, path, operation = self.operations[method]
        query, body = {}, {}
        for parameter in operation["parameters"]:
            name = parameter["name"].removeprefix("filter.")
            if parameter["in"] == "query" and name in params:
                value = params.pop(name)
                query[parameter["name"]] = str(value).lower() if isinstance(value, bool) else value
        if "ref" in params:
            path = path.replace("{ref}", urllib.parse.quote(params.pop("ref"), safe=""))
        if "requestBody" in operation:
            body, params = params, {}
        assert not params, f"{method}: no place for {params}"
        return send(verb, path, body if "requestBody" in operation else None, **query)

    def call(self, method, **params):
        if method not in self.operations:
            return None
        return self.request(self.client.request, method, params)

    def refused(self, method, **params):
        if method in self.operations:
            self.request(self.client.fails, method, params)


def declare(face, ca, own_ca, web):
    name = face.prefix
    for dry in (True, False):
        face.call("provider.create", dryRun=dry, properties={
            "name": f"{name} ca", "email": "ops@example.com", "server": ca.url, "caFile": str(ca.ca_file),
            "termsOfServiceAgreed": True, "maxOrders": 2})
        face.call("dnsProvider.create", dryRun=dry, properties={
            "name": f"{name} dns", "kind": "exec", "command": "/bin/true", "zones": [f"{name}.example"]})
        face.call("consumer.create", dryRun=dry, properties={
            "name": f"{name} web", "activate": "exec", "command": ["/bin/true"],
            "probes": [{"host": "127.0.0.1", "port": web}]})
        face.call("alert.create", dryRun=dry, properties={
            "name": f"{name} page", "kind": "command", "command": ["/bin/echo", "paged"], "conditions": ["expired"]})
    face.call("consumer.create", properties={"name": f"{name} idle"})
    face.call("autoCertificate.create", properties={
        "provider": f"{name} ca", "commonName": f"{name}.example.com", "subjectAlternativeNames": [f"b.{name}.example.com"],
        "consumers": [f"{name} web"], "labels": ["team=web"], "renewBefore": 3600})
    certificate, key = own_ca.issue(f"own.{name}.example")
    given = {"certificate": certificate.read_text(), "certificateChain": own_ca.cert_file.read_text(),
             "privateKey": key.read_text()}
    for member in ({"name": f"{name} import", "consumers": [f"{name} idle"]}, {}):
        face.call("certificate.create", properties={**given, **member})
    face.call("token.create", properties={"name": f"{name}-ci", "role": "viewer", "expires": 3600,
                                          "domains": ["*.example.com"], "providers": [f"{name} ca"]})
    face.call("authorization.create", properties={"name": f"manual.{name}.example.com", "provider": f"{name} ca"})


def read(face, certd):
    name = face.prefix
    for noun, objects in (("provider", [f"{name} ca"]), ("dnsProvider", [f"{name} dns"]),
                          ("consumer", [f"{name} web", f"{name} idle"]), ("autoCertificate", [f"{name}.example.com"]),
                          ("token", [f"{name}-ci"]), ("alert", [f"{name} page"]),
                          ("authorization", [f"manual.{name}.example.com"]),
                          ("certificate", [o["id"] for o in certd.call("certificate.list")["items"]])):
        face.call(f"{noun}.list")
        face.call(f"{noun}.list", limit=1, offset=1)
        for ref in objects:
            assert face.call(f"{noun}.get", ref=ref)
        face.refused(f"{noun}.get", ref="nothing")
        face.refused(f"{noun}.list", limit=0)
    face.call("certificate.get", ref=f"{name} import", view="cloud66")
    face.call("autoCertificate.list", commonName=f"{name}.example.com", state="AVAILABLE", label="team=web")
    for key in (False, True):
        face.call("certificate.export", ref=f"{name} import", key=key)
    face.call("provider.export", ref=f"{name} ca", passphrase="correct horse")
    face.call("autoCertificate.explain", ref=f"{name}.example.com")
    face.call("autoCertificate.check", ref=f"{name}.example.com")
    face.call("certificate.explain", ref=f"{name} import")
    face.call("dnsProvider.check", ref="knot", name="www.a.example")
    for method in ("audit.list", "event.list"):
        assert face.call(method, limit=1000)["items"]
    face.call("audit.verify")
    face.call("event.subscribe", after=0)
    face.call("schedule.list")
    wait_for(lambda: len(certd.call("ct.list")["items"]) == 2, 30, "what was found in Certificate Transparency")
    for item in certd.call("ct.list")["items"]:
        face.call("ct.acknowledge", finding=item["finding"])
    assert "acknowledgedDate" in face.call("ct.list")["items"][0]
    face.refused("ct.acknowledge", finding="none")
    face.call("server.forecast", days=400)
    face.refused("server.forecast", days=401)
    face.call("server.reissue", all=True, dryRun=True)
    face.call("server.reissue", label="team=web", rate=1)
    face.call("server.reissueStatus")
    face.call("server.status")
    face.call("server.reissue", cancel=True)
    face.call("server.metrics", format="text")
    face.refused("server.metrics", format="xml")
    face.call("rpc.discover")


def read_lists(face):
    """During orders and deployments."""
    for noun in ("provider", "dnsProvider", "consumer", "autoCertificate", "certificate", "token", "authorization",
                 "alert"):
        face.call(f"{noun}.list")
    face.call("server.status")


def is_cancelled(face, auto):
    """An order may be over before it can be cancelled."""
    face.call("autoCertificate.renew", ref=auto, force=True)
    try:
        face.call("autoCertificate.cancel", ref=auto)
    except (ApiError, RpcError, AssertionError):
        return False
    return True


def newest(face, auto):
    return face.call("autoCertificate.get", ref=auto)["metadata"]["lastIssuedCertificate"]


def is_rolled_back(face, auto):
    """Only when the renewal is over there is an earlier certificate."""
    try:
        face.call("autoCertificate.rollback", ref=auto)
    except (ApiError, RpcError, AssertionError):
        return False
    return True


def is_approved(face, auto):
    """Only when the renewal is over a certificate waits."""
    try:
        face.call("autoCertificate.approve", ref=auto)
    except (ApiError, RpcError, AssertionError):
        return False
    return True


def is_deactivated(face, provider):
    """Not while its key is being replaced."""
    try:
        face.call("provider.deactivate", ref=provider)
    except (ApiError, RpcError, AssertionError):
        return False
    return True


def change(face, certd, own_ca, other_root):
    name = face.prefix
    certificate, key = own_ca.issue(f"own.{name}.example")
    new = face.call("certificate.create", replace=f"{name} import", properties={
        "certificate": certificate.read_text(), "certificateChain": own_ca.cert_file.read_text(),
        "privateKey": key.read_text()})["id"]
    face.call("certificate.rollback", ref=new)
    face.call("certificate.rollback", ref=new, certificate=new)
    for noun, ref in (("provider", f"{name} ca"), ("autoCertificate", f"{name}.example.com"),
                      ("certificate", f"{name} import"), ("dnsProvider", f"{name} dns"), ("consumer", f"{name} web"),
                      ("alert", f"{name} page")):
        for dry in (True, False):
            face.call(f"{noun}.update", ref=ref, properties={"name": f"{ref} 2"}, dryRun=dry)
        face.refused(f"{noun}.update", ref=f"{ref} 2", properties={"serialNumber": "5"})
    auto = f"{name}.example.com 2"
    for method in ("pause", "explain"):
        face.call(f"autoCertificate.{method}", ref=auto)
    face.refused("autoCertificate.cancel", ref=auto)  # nothing is under way
    face.call("autoCertificate.resume", ref=auto)
    wait_for(lambda: is_cancelled(face, auto), 20, "an order that can be cancelled")
    face.call("autoCertificate.renew", ref=auto)
    wait_for(lambda: is_rolled_back(face, auto), 20, "a rollback")
    certd.call("autoCertificate.update", ref=auto, properties={"guard": "hold"})  # PATCH changes names only
    certd.call("provider.update", ref=f"{name} ca 2", properties={"preferredChain": other_root})
    face.call("autoCertificate.renew", ref=auto, force=True)
    wait_for(lambda: is_approved(face, auto), 20, "a certificate that waits for approval")
    face.call("certificate.revoke", ref=newest(face, auto), reason="superseded", now=True)
    certd.call("provider.create", properties={"name": f"{name} staging", "server": "https://127.0.0.1:1/dir",
                                              "email": "ops@example.com", "termsOfServiceAgreed": True})
    face.call("autoCertificate.rehearse", ref=auto, provider=f"{name} staging")
    certd.call("provider.delete", ref=f"{name} staging")
    for method in ("deploy", "probe"):
        face.call(f"consumer.{method}", ref=f"{name} web 2", autoCertificate=auto)
        face.call(f"consumer.{method}", ref=f"{name} web 2")
    face.call("alert.test", ref=f"{name} page 2")
    face.call("authorization.validate", ref=f"manual.{name}.example.com", force=True)
    face.refused("provider.newAccount", ref=f"{name} ca 2")  # its account is in use
    face.call("provider.rollover", ref=f"{name} ca 2")
    face.call("server.reload")
    if name == "socket":
        face.call("server.backup", passphrase="correct horse", withoutMasterKey=True)
        face.call("server.rekey")
    face.call("server.check")


def remove(face):
    name = face.prefix
    face.refused("provider.delete", ref=f"{name} ca 2")
    for dry in (True, False):
        face.call("autoCertificate.delete", ref=f"{name}.example.com 2", withCertificates=True, force=True,
                  dryRun=dry)
    face.call("authorization.delete", ref=f"manual.{name}.example.com")
    wait_for(lambda: is_deactivated(face, f"{name} ca 2"), 20, "a key that is replaced")
    wait_for(lambda: face.call("provider.get", ref=f"{name} ca 2")["metadata"]["state"] == "FAILED", 20, "the end")
    face.call("provider.newAccount", ref=f"{name} ca 2")
    for noun, ref in (("dnsProvider", f"{name} dns 2"), ("consumer", f"{name} web 2"), ("token", f"{name}-ci"),
                      ("alert", f"{name} page 2"), ("provider", f"{name} ca 2")):
        face.call(f"{noun}.delete", ref=ref)
    face.refused("certificate.delete", ref=f"{name} import 2")


@pytest.mark.limit(180)
def test_every_answer_is_as_it_is_declared(start, scratch):
    dns = start(Challtestsrv)
    ca = start(Pebble, dns=dns.dns, validity=7200, alternate_roots=1)
    other_root = parse_certificate(ca.root(1)).subject.removeprefix("CN=")
    own_ca = ThrowAwayCa(scratch / "own-ca")
    others = CrtSh()
    for face in ("socket", "rest"):
        others.add("O=Stranger", [f"own.{face}.example"], face.encode().hex(), "2026-01-01T00:00:00", "2096-01-01T00:00:00", 1)
    certd = start(Certd, config=f"http-listen = 127.0.0.1:{ca.http_port}\nct-source = {others.source}\ncheck-ct-every = 1\n")
    knot = start(Knot, zones=["a.example"])
    certd.call("dnsProvider.create", properties={
        "name": "knot", "kind": "rfc2136", "server": knot.dns, "tsigName": knot.key_name, "tsigKey": knot.key_secret,
        "zones": ["a.example"], "nameservers": [knot.dns]})
    faces = [Socket(certd), Rest(certd)]
    for face in faces:
        declare(face, ca, own_ca, free_port())
    for face in faces:
        auto = f"{face.prefix}.example.com"
        wait_for(lambda: certd.call("autoCertificate.get", ref=auto)["metadata"]["state"] == "AVAILABLE", 40, auto)
        read(face, certd)
    for step in (lambda face: change(face, certd, own_ca, other_root), read_lists, remove):
        for face in faces:
            step(face)
    # Each has one imported certificate left, one of which is deleted by its id.
    for face in faces:
        left = next(o for o in certd.call("certificate.list")["items"] if not o["properties"]["consumers"])
        face.call("certificate.delete", ref=left["id"])
        assert face.used == face.offered, face.offered - face.used
    others.close()


def test_the_status_has_all_that_is_declared_and_nothing_else(start):
    certd = start(Certd)
    declared = next(m for m in certd.call("rpc.discover")["methods"] if m["name"] == "server.status")
    declared = declared["result"]["schema"]["properties"]
    certd.call("provider.create", properties={"name": "le", "email": "a@example.com", "server": "https://127.0.0.1:1/d"})

    def whole():
        status = certd.call("server.status")
        return status if "failing" in status and "nextAction" in status else None

    status = wait_for(whole, 20, "the failed registration")
    # A message is there with a degraded state only, conditions when something is wrong for longer, reissues while one
    # is open.
    assert set(status) == set(declared) - {"message", "conditions", "conditionCount", "reissues"}
    for name in ("autoCertificates", "store"):
        assert set(status[name]) == set(declared[name]["properties"]), name


def test_the_document_says_what_clients_are_generated_from(start):
    client = IonosClient(start(Certd).runtime / "rest.sock")
    document = client.raw("GET", "/openapi.json")[2]
    operations = {o["operationId"]: o for item in document["paths"].values() for o in item.values()}
    schemas = document["components"]["schemas"]
    limit = next(p for p in operations["certificate.list"]["parameters"] if p["name"] == "limit")["schema"]
    assert (limit["default"], limit["minimum"], limit["maximum"]) == (100, 1, 1000)
    required = {noun: set(schemas[noun]["properties"]["properties"]["required"])
                for noun in ("provider", "autoCertificate", "certificate")}
    assert required["provider"] >= {"name", "email", "server"}
    assert required["autoCertificate"] >= {"name", "provider", "commonName", "keyAlgorithm"}
    assert required["certificate"] == {"name", "certificate", "certificateChain"}
    assert "'default'" not in str(schemas["consumerPatch"]), "a default would be set by what is generated from it"
    for name, operation in operations.items():
        assert set(operation["responses"]) >= {"400", "401", "403", "429", "500", "503", "default"}, name
    assert "404" in operations["provider.get"]["responses"] and "409" in operations["provider.delete"]["responses"]
    plain = operations["certificate.get"]["responses"]["200"]["content"]["application/json"]["schema"]
    assert plain == {"$ref": "#/components/schemas/certificate"}
