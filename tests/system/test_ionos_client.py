"""A client made from the public description of IONOS Certificate Manager 2.0 performs all its operations with certd."""
import json
import socket
import ssl

import pytest
from certd import Certd
from hostile_ca import HostileCa, Identity
from hostile_cases import problem
from ionos_client import IonosClient
from openapi import OpenApi
from pebble import Challtestsrv, Pebble
from procs import free_port, patient, wait_for
from tls import ThrowAwayCa, tls_leaf

NOBODY = "00000000-0000-4000-8000-000000000000"
UNAUTHORIZED = "Unauthorized, wrong or no api key provided to process this request"


def rest(certd, checker=None):
    return IonosClient(certd.runtime / "rest.sock", checker=checker)


def described(certd):
    """A client on the Unix socket, all of whose exchanges are checked against certd's own document."""
    client = rest(certd)
    client.checker = OpenApi(client.raw("GET", "/openapi.json")[2])
    return client


def token(certd, role, name=None):
    return certd.ctl("add-token", "--name", name or f"ci-{role}", "--role", role).stdout.strip()


@pytest.fixture
def ca(start):
    dns = start(Challtestsrv)
    return start(Pebble, dns=dns.dns, validity=7200)


def provider_of(ca):
    """Without caFile the CA of the test would not be trusted: that one member is certd's own."""
    return {"name": "Let's Encrypt", "email": "admin@example.com", "server": ca.url, "caFile": str(ca.ca_file)}


def imported_properties(own_ca, name):
    certificate, key = own_ca.issue(name)
    return {"name": "brought along", "certificate": certificate.read_text(), "privateKey": key.read_text(),
            "certificateChain": own_ca.cert_file.read_text()}


def every_operation(client, ca, own_ca, cn):
    provider = client.create("/providers", **provider_of(ca))
    assert provider["properties"]["termsOfServiceAgreed"]
    provider = client.wait_available(provider)
    auto = client.create("/auto-certificates", provider=provider["id"], commonName=cn,
                         keyAlgorithm="rsa2048", name="My Auto renewed certificate",
                         subjectAlternativeNames=["app.example.com"])
    assert auto["metadata"]["state"] == "PROVISIONING" and "lastIssuedCertificate" not in auto["metadata"]
    auto = client.wait_available(auto)
    assert auto["properties"]["keyAlgorithm"] == "rsa2048" and auto["properties"]["provider"] == provider["id"]

    certificate = client.get(f"/certificates/{auto['metadata']['lastIssuedCertificate']}")
    metadata = certificate["metadata"]
    assert metadata["autoCertificate"] == auto["id"] and metadata["lastIssuedCertificate"] == certificate["id"]
    assert metadata["commonName"] == cn and metadata["expired"] is False
    assert set(metadata["subjectAlternativeNames"]) == {cn, "app.example.com"}
    assert certificate["properties"]["certificate"].startswith("-----BEGIN CERTIFICATE-----")
    for filters in ({"filter.commonName": cn}, {"filter.autoCertificate": auto["id"]},
                    {"filter.commonName": cn, "filter.autoCertificate": auto["id"]}):
        assert [c["id"] for c in client.list("/certificates", **filters)] == [certificate["id"]]
    assert client.list("/certificates", **{"filter.commonName": "other.example.com"}) == []
    shown = client.request("GET", certificate["href"], view="cloud66")
    assert "metadata" not in shown and shown["server_names"]
    assert [a["id"] for a in client.list("/auto-certificates", **{"filter.commonName": cn})] == [auto["id"]]
    assert client.list("/auto-certificates", **{"filter.commonName": "app.example.com"}) == []
    assert [a["id"] for a in client.list("/auto-certificates", **{"filter.provider": provider["id"]})] == [auto["id"]]
    assert client.list("/auto-certificates", **{"filter.state": "FAILED"}) == []

    dry = client.request("POST", "/providers", {"properties": {**provider_of(ca), "name": "not made"}}, dryRun="true")
    assert dry["dryRun"] and client.fails("GET", "/providers/not%20made").status == 404
    dry = client.request("PATCH", provider["href"], {"properties": {"name": "not so"}}, dryRun="true")
    assert dry["dryRun"] and client.get(provider)["properties"]["name"] == "Let's Encrypt"
    assert client.request("DELETE", auto["href"], dryRun="true")["dryRun"] and client.get(auto)
    assert client.rename(provider, "renamed")["properties"]["name"] == "renamed"
    renamed = client.rename(auto, "also renamed")
    assert renamed["properties"]["name"] == "also renamed"
    assert renamed["metadata"]["lastIssuedCertificate"] == certificate["id"], "a new name orders nothing"

    assert client.rename(certificate, f"kept {cn}")["properties"]["name"] == f"kept {cn}"

    in_use = client.fails("DELETE", provider["href"])
    assert in_use.status == 409 and "also renamed" in in_use.messages[0]
    imported = client.create("/certificates", **imported_properties(own_ca, f"own.{cn}"))
    assert imported["metadata"]["state"] == "AVAILABLE" and "autoCertificate" not in imported["metadata"]
    assert imported["metadata"]["commonName"] == f"own.{cn}" and imported["properties"]["name"] == "brought along"
    imported = client.rename(imported, "renamed too")
    assert {c["id"] for c in client.list("/certificates")} == {certificate["id"], imported["id"]}

    client.delete(auto)
    for filters in ({}, {"filter.autoCertificate": auto["id"]}):
        assert certificate["id"] in {c["id"] for c in client.list("/certificates", **filters)}, "it outlives its order"
    assert client.list("/certificates", **{"filter.autoCertificate": NOBODY}) == []
    for item in (imported, certificate, provider):
        client.delete(item)
    for item in (auto, imported, certificate, provider):
        assert client.fails("GET", item["href"]).status == 404
        assert client.fails("DELETE", item["href"]).status == 404
        assert client.fails("PATCH", item["href"], {"properties": {"name": "x"}}).status == 404
    for collection in ("/providers", "/auto-certificates", "/certificates"):
        assert client.list(collection) == []


@pytest.mark.limit(120)
def test_every_operation_on_the_unix_socket_and_by_tcp(start, scratch, ca):
    own_ca = ThrowAwayCa(scratch / "own-ca")
    port = free_port()
    certd = start(Certd, config=f"http-listen = 127.0.0.1:{ca.http_port}\nrest-plain = yes\n"
                                f"rest-listen = 127.0.0.1:{port}\n")
    local = described(certd)
    every_operation(local, ca, own_ca, "www.example.com")
    remote = IonosClient(url=f"http://127.0.0.1:{port}", token=token(certd, "admin"), checker=local.checker)
    every_operation(remote, ca, own_ca, "shop.example.com")
    made_by = remote.create("/providers", **provider_of(ca))["metadata"]
    assert made_by["createdBy"] == made_by["lastModifiedBy"] == "token:ci-admin"
    assert made_by["createdByUserId"] == made_by["lastModifiedByUserId"] == certd.ctl_json(
        "show", "token", "ci-admin")["id"]


def test_roles_and_tokens_decide(start):
    port = free_port()
    certd = start(Certd, config=f"rest-plain = yes\nrest-listen = 127.0.0.1:{port}\n")
    checker = described(certd).checker
    body = {"properties": {"name": "le", "email": "a@example.com", "server": "https://127.0.0.1:1/dir"}}

    def client(secret):
        return IonosClient(url=f"http://127.0.0.1:{port}", token=secret, checker=checker)

    good = token(certd, "viewer")
    for wrong in (None, "wrong", good[:-1] + ("A" if good[-1] != "A" else "B"), good + "x", "certd_", "a b"):
        error = client(wrong).fails("GET", "/providers")
        assert error.status == 401 and error.headers["WWW-Authenticate"] == "Bearer"
        assert error.body == {"httpStatus": 401, "messages": [
            {"errorCode": "paas-auth-1", "message": UNAUTHORIZED, "code": "denied"}]}
    told = wait_for(lambda: [e for e in certd.call("event.list")["items"] if e["kind"] == "access.denied"],
                    what="the refusals to be recorded")
    assert len(told) == 1 and "a request from 127.0.0.1 has no valid token" in told[0]["message"], "counted, not flooded"
    assert client(good).list("/providers") == []
    refused = client(good).fails("POST", "/providers", body)
    assert refused.status == 403 and "provider.create needs the role admin" in refused.messages[0]
    operator = client(token(certd, "operator"))
    assert operator.fails("POST", "/providers", body).status == 403
    assert operator.fails("GET", "/tokens").status == 403
    admin = client(token(certd, "admin"))
    admin.request("POST", "/providers", body)
    certd.ctl("rm", "token", "ci-admin")
    assert admin.fails("GET", "/providers").status == 401


BAD_PROVIDER = [
    ("name", None), ("name", ""), ("name", 5), ("email", None), ("email", "nobody"), ("email", ["a@example.com"]),
    ("server", None), ("server", "http://ca.example"), ("server", 7), ("externalAccountBinding", "x"),
    ("externalAccountBinding.keySecret", {"keyId": "k", "keySecret": "%"}),
    ("externalAccountBinding.keyId", {"keyId": 5, "keySecret": "c2VjcmV0"}), ("emial", "a@example.com"),
]
BAD_AUTO = [
    ("provider", None), ("provider", NOBODY), ("provider", 5), ("commonName", None), ("commonName", "-.example.com"),
    ("commonName", "a.*.example.com"), ("commonName", ["a.example.com"]), ("keyAlgorithm", "rsa1024"),
    ("keyAlgorithm", 2048), ("name", 5), ("subjectAlternativeNames", "b.example.com"),
    ("subjectAlternativeNames[1]", ["b.example.com", 5]), ("subjectAlternativeNames[0]", ["b..example.com"]),
    ("lastIssuedCertificate", NOBODY),
]


def test_each_field_is_refused_by_its_name(start, scratch):
    certd = start(Certd, config=f"max-alternative-names = 10\nmax-auto-certificates = 1\nwebroot = {scratch}\n")
    client = described(certd)
    good = {"name": "le", "email": "a@example.com", "server": "https://127.0.0.1:1/dir"}

    def refusals(collection, properties, cases):
        for field, value in cases:
            member = field.partition(".")[0].partition("[")[0]
            changed = {**properties, member: value}
            error = client.fails("POST", collection, {"properties": {k: v for k, v in changed.items() if v is not None}})
            assert (error.status, error.fields) == (400, [f"properties.{field}"]), (field, value, error)

    refusals("/providers", good, BAD_PROVIDER)
    certificate = imported_properties(ThrowAwayCa(scratch / "own-ca"), "own.example.com")
    other_key = ThrowAwayCa(scratch / "other-ca").issue("own.example.com")[1].read_text()
    refusals("/certificates", certificate, [
        ("name", 5), ("certificate", None), ("certificate", "x"), ("certificate", ["x"]), ("privateKey", None),
        ("privateKey", "x"), ("privateKey", other_key), ("certificateChain", 5), ("certificateChain", "x"),
        ("serialNumber", "x")])
    assert client.list("/certificates") == []
    provider = client.create("/providers", **good)
    auto = {"name": "a", "provider": provider["id"], "commonName": "a.example.com", "keyAlgorithm": "rsa4096"}
    refusals("/auto-certificates", auto, BAD_AUTO)
    too_many = client.fails("POST", "/auto-certificates", {"properties": {
        **auto, "subjectAlternativeNames": [f"s{i}.example.com" for i in range(11)]}})
    assert too_many.status == 400 and "subjectAlternativeNames" in too_many.fields[0]
    too_many = client.fails("POST", "/auto-certificates", {"properties": {
        **auto, "subjectAlternativeNames": [auto["commonName"]] + [f"s{i}.example.com" for i in range(10)]}})
    assert too_many.fields == ["properties.subjectAlternativeNames[10]"], "the list counts as it is sent"
    del auto["keyAlgorithm"]  # omitted by certctl
    assert client.create("/auto-certificates", **auto)["properties"]["keyAlgorithm"] == "secp256r1"
    limit = client.fails("POST", "/auto-certificates", {"properties": {**auto, "name": "b"}})
    assert limit.status == 403 and limit.body["messages"][0]["code"] == "limit"
    assert client.create("/providers", **good)["id"] != provider["id"], "names are for people"

    for bad, field in (({"properties": {"email": "b@example.com"}}, "properties.email"),
                       ({"properties": {"name": "x", "server": "x"}}, "properties.server"),
                       ({"properties": {}}, "properties.name"), ({"properties": {"name": None}}, "properties.name"),
                       ({"properties": {"name": 5}}, "properties.name"), ({"metadata": {}}, "properties"),
                       ({"properties": "x"}, "properties")):
        error = client.fails("PATCH", provider["href"], bad)
        assert (error.status, error.fields) == (400, [field]), bad
    assert client.get(provider)["properties"]["name"] == "le"
    for query, field in (({"limit": 0}, "limit"), ({"limit": 1001}, "limit"), ({"offset": -1}, "offset"),
                         ({"limit": "x"}, "limit"), ({"offset": 2**31}, "offset"), ({"filter.state": "GONE"}, "state")):
        error = client.fails("GET", "/providers", **query)
        assert (error.status, error.fields) == (400, [field]), query
    assert client.page("/providers", depth=1, pretty="true", **{"filter.unknown": "x"})["limit"] == 100


def test_what_is_no_request_of_the_api(start):
    certd = start(Certd)
    client = described(certd)
    for path in ("/", "/nothing", "/providers/", "/providers//x", f"/providers/{NOBODY}", "/providers/a/b", "/providers/%00",
                 "/providers/%ff", "/auto-certificates/x/explode", "/status/x"):
        assert client.fails("GET", path).status == 404, path
    for method, path, allowed in (("PUT", "/providers", "GET, POST"), ("DELETE", "/certificates", "GET"),
                                  ("POST", f"/providers/{NOBODY}", "DELETE, GET, PATCH"), ("GET", "/reload", "POST"),
                                  ("BREW", "/status", "GET")):
        error = client.fails(method, path)
        assert error.status == 405 and set(allowed.split(", ")) <= set(error.headers["Allow"].split(", "))
    for data in ("", "{", "[]", "null", "5", '"x"', '{"properties": {}} x', "\0", "[" * 50):
        status, _, body = client.raw("POST", "/providers", data)
        assert (status, body["httpStatus"]) == (400, 400), data
    status, _, body = client.raw("POST", "/providers", "{}", Content_Type="text/xml")
    assert status == 415 and "application/json" in body["messages"][0]["message"]
    status, _, body = client.raw("POST", "/providers", '{"properties": ' + " " * 256 * 1024 + "}")
    assert status == 413 and body["messages"][0]["errorCode"] == "paas-general-413"
    client.close()
    status, _, body = client.raw("GET", "/providers", x="y" * 20_000)
    assert status == 431
    client.close()
    status, headers, body = client.raw("HEAD", "/providers")
    assert status == 200 and body is None and int(headers["Content-Length"]) > 100
    certd.call("server.status")


@pytest.mark.limit(120)
def test_a_thousand_objects_in_pages(start, scratch):
    certd = start(Certd, config=f"webroot = {scratch}\n")
    client = described(certd)
    provider = client.create("/providers", name="mute", email="a@example.com", server="https://127.0.0.1:1/dir")
    made = set()
    checker, client.checker = client.checker, None  # a thousand times the same
    for number in range(1000):
        made.add(client.request("POST", "/auto-certificates", {"properties": {
            "name": f"n{number:04}", "provider": provider["id"], "commonName": f"c{number % 10}.example.com",
            "keyAlgorithm": "rsa4096"}})["id"])
    client.checker = checker
    assert len(made) == 1000
    for limit in (1000, 333):
        listed = [item["id"] for item in client.list("/auto-certificates", limit=limit)]
        assert len(listed) == 1000 and set(listed) == made
    first = client.page("/auto-certificates")
    assert len(first["items"]) == 100 and "prev" not in first["_links"] and "next" in first["_links"]
    last = client.page("/auto-certificates", limit=100, offset=900)
    assert len(last["items"]) == 100 and "next" not in last["_links"] and "offset=800" in last["_links"]["prev"]
    assert client.page("/auto-certificates", offset=1000)["items"] == []
    some = client.list("/auto-certificates", limit=30, **{"filter.commonName": "c7.example.com"})
    assert len(some) == 100 and {item["properties"]["commonName"] for item in some} == {"c7.example.com"}
    assert len(client.list("/auto-certificates", **{"filter.name": "n0042"})) == 1


def answers_by_tls(port, request, count):
    """One for each complete answer to requests that are sent all at once; it is read slowly, through a small window."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.settimeout(patient(20))
        sock.connect(("127.0.0.1", port))
        with context.wrap_socket(sock) as tls:
            tls.sendall((request * (count - 1) + request.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n")).encode())
            text = b""
            while data := tls.recv(1000):
                text += data
    while text:
        head, _, text = text.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 OK\r\n")
        length = int(head.partition(b"Content-Length: ")[2].split()[0])
        json.loads(text[:length])
        text = text[length:]
        yield 1


@pytest.mark.limit(120)
def test_tls_with_a_certificate_of_its_own_that_is_renewed(start, ca):
    port = free_port()
    certd = start(Certd, config=f"http-listen = 127.0.0.1:{ca.http_port}\nrest-certificate = rest\n"
                                f"rest-listen = 127.0.0.1:{port}\n")
    warnings = certd.call("server.status")["warnings"]
    assert any("REST does not listen on TCP yet" in w and "'rest'" in w for w in warnings), warnings
    local = described(certd)
    with pytest.raises((ConnectionRefusedError, BrokenPipeError, ConnectionResetError)):
        IonosClient(url=f"http://127.0.0.1:{port}").raw("GET", "/providers")
    provider = local.create("/providers", **provider_of(ca))
    auto = local.create("/auto-certificates", name="rest", provider=provider["id"], commonName="localhost.example.com",
                        subjectAlternativeNames=["localhost"], keyAlgorithm="secp256r1")
    local.wait_available(auto)

    def leaf():
        try:
            return tls_leaf("127.0.0.1", port, "localhost")
        except OSError:
            return None

    first = wait_for(leaf, 20, "the listener")
    assert not any("REST" in w for w in certd.call("server.status").get("warnings", []))
    remote = IonosClient(url=f"https://localhost:{port}", token=token(certd, "viewer"), ca_file=ca.root_file(),
                         checker=local.checker)
    remote.connection.host = "localhost"
    assert [a["id"] for a in remote.list("/auto-certificates")] == [auto["id"]]
    assert remote.raw("GET", "/openapi.json")[2] == local.raw("GET", "/openapi.json")[2]
    assert sum(answers_by_tls(port, "GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n", 20)) == 20, "in pieces, and asked ahead"
    assert remote.list("/auto-certificates")
    connection = remote.connection.sock
    local.request("POST", f"/auto-certificates/{auto['id']}/renew", {})
    wait_for(lambda: remote.list("/auto-certificates") and leaf() not in (None, first), 40, "the renewed certificate")
    assert len(remote.list("/certificates")) == 2
    assert remote.connection.sock is connection, "a connection that was open goes on"


def refused_for_an_hour(client, ca):
    provider = client.create("/providers", name="le", email="a@example.com", server=ca.url, caFile=str(ca.ca_file))
    auto = client.create("/auto-certificates", name="a", provider=provider["id"], commonName="a.example.com",
                         keyAlgorithm="secp256r1")
    wait_for(lambda: client.get(auto)["metadata"]["state"] == "FAILED", 20, "the CA's refusal")
    assert "too many" in client.get(auto)["metadata"]["message"]
    error = client.fails("POST", f"{auto['href']}/renew", {})
    assert error.status == 429 and 3000 < int(error.headers["Retry-After"]) <= 3600
    assert client.request("POST", f"{auto['href']}/renew", {"force": True})["id"] == auto["id"]


def test_the_link_that_ends_a_pause_of_the_ca_is_shown(start, scratch):
    """Let's Encrypt pauses names; only a person ends that, on the page that is in its refusal."""
    link = "https://portal.example/sfe/v1/unpause?jwt=e.y-J_"
    ca = HostileCa(Identity(scratch))
    ca.change("order", problem("rateLimited", f"temporarily prevented ... Please visit: {link}", 429))
    certd = start(Certd, config=f"webroot = {scratch}\n")
    client = described(certd)
    with ca:
        provider = client.create("/providers", name="le", email="a@example.com", server=ca.url, caFile=str(ca.ca_file))
        auto = client.create("/auto-certificates", name="a", provider=provider["id"], commonName="a.example.com",
                             keyAlgorithm="secp256r1")
        wait_for(lambda: client.get(auto)["metadata"].get("unpauseUrl") == link, 20, "the link")
        for command in ("show", "explain"):
            assert link in certd.ctl(command, "auto", "a").stdout, command
        wait_for(lambda: link in certd.ctl("status").stdout, 20, "the condition")


def test_429_says_for_how_many_seconds(start, scratch):
    """The CA's advice is passed on: IONOS's SDKs fail without the header, or with anything but a number."""
    ca = HostileCa(Identity(scratch))
    ca.change("order", problem("rateLimited", "too many", 429, [("Retry-After", "3600")]))
    certd = start(Certd, config=f"webroot = {scratch}\n")
    client = described(certd)
    with ca:
        refused_for_an_hour(client, ca)
