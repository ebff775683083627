"""Scenarios of users of IONOS's own tools, by the rules of those tools: Terraform, ionosctl, the Ansible collection."""
import json
import urllib.request

import pytest
from certd import Certd
from ionos_client import IonosClient
from openapi import OpenApi
from pebble import Challtestsrv, Pebble
from procs import free_port, patient, run, wait_for
from rpc import RpcError
from tls import ThrowAwayCa


def client_of(certd):
    client = IonosClient(certd.runtime / "rest.sock")
    client.checker = OpenApi(client.raw("GET", "/openapi.json")[2])
    return client


class Terraform:
    """One resource in the manner of terraform-provider-ionoscloud: differences from the configuration are replaced."""

    def __init__(self, client, collection):
        self.client = client
        self.collection = collection
        self.id = None

    def plan(self, configuration):
        """Names of the attributes that differ, as its DiffSuppressFunc (final newlines) lets them."""
        read = self.client.get(f"{self.collection}/{self.id}")["properties"]

        def differs(name, value):
            if isinstance(value, str):
                return read.get(name, "").rstrip("\r\n") != value.rstrip("\r\n")
            return read.get(name) != value

        return [name for name, value in configuration.items() if name != "privateKey" and differs(name, value)]

    def apply(self, configuration):
        if self.id is None or self.plan(configuration):
            self.id = self.client.create(self.collection, **configuration)["id"]


@pytest.fixture
def certd(start, scratch):
    return start(Certd, config=f"webroot = {scratch}\n")


def provider_of(client):
    return client.create("/providers", name="mute", email="a@example.com", server="https://127.0.0.1:1/dir")["id"]


WRITTEN_NAMES = {
    "canonical": ("www.example.com", ["b.example.com"]),
    "upper case": ("WWW.Example.COM", ["B.example.com"]),
    "final dot": ("www.example.com.", ["b.example.com."]),
    "U-labels": ("bücher.example.com", ["mañana.example.com"]),
    "decomposed": ("bu\u0308cher.example.com", ["b.example.com"]),
    "twice": ("www.example.com", ["b.example.com", "b.example.com"]),
    "twice in two forms": ("www.example.com", ["b.example.com", "B.EXAMPLE.com."]),
    "the common name among them": ("www.example.com", ["www.example.com", "b.example.com"]),
    "only the common name": ("www.example.com", ["www.example.com"]),
    "wildcard": ("*.Example.com", ["example.com", "*.EXAMPLE.com"]),
    "another order": ("www.example.com", ["z.example.com", "a.example.com"]),
    "none": ("www.example.com", []),
}


@pytest.mark.parametrize("form", WRITTEN_NAMES)
def test_a_plan_after_apply_has_no_difference_in_names(certd, form):
    client = client_of(certd)
    common_name, names = WRITTEN_NAMES[form]
    configuration = {"name": "tf", "provider": provider_of(client), "commonName": common_name,
                     "subjectAlternativeNames": names, "keyAlgorithm": "rsa4096"}
    resource = Terraform(client, "/auto-certificates")
    if "*" in common_name:
        certd.call("dnsProvider.create", properties={"name": "d", "kind": "exec", "command": "/bin/true",
                                                     "zones": ["Example.com."]})
        assert certd.call("dnsProvider.get", ref="d")["properties"]["zones"] == ["Example.com."]
    resource.apply(configuration)
    assert resource.plan(configuration) == []
    certd.restart()
    client.close()
    assert resource.plan(configuration) == []
    metadata = client.get(f"/auto-certificates/{resource.id}")["metadata"]
    canonical = [metadata["commonName"], *metadata["subjectAlternativeNames"]]
    assert canonical == [name.encode("ascii").decode().lower().rstrip(".") for name in canonical]
    assert len(set(canonical)) == len(canonical)
    listed = client.list("/auto-certificates", **{"filter.commonName": common_name})
    assert [item["id"] for item in listed] == [resource.id], "it is found by what was written"
    assert certd.ctl("dump").stdout == certd.ctl("dump").stdout
    dump = certd.directory / "dump.yaml"
    dump.write_text(certd.ctl("dump").stdout)
    assert certd.ctl("apply", "-f", dump).stdout.splitlines()[-1].startswith("0 created, 0 changed, 0 removed")


class Chain:
    """Root, two intermediates and a leaf, as PEM texts."""

    def __init__(self, directory):
        directory.mkdir(parents=True)
        self.directory = directory
        self.root = self.make("root", "/CN=Root", None, "CA:TRUE")
        self.second = self.make("second", "/CN=Second", "root", "CA:TRUE")
        self.first = self.make("first", "/CN=First", "second", "CA:TRUE")
        self.leaf = self.make("leaf", "/CN=www.example.com", "first", "CA:FALSE", "subjectAltName=DNS:www.example.com")
        self.key = (directory / "leaf.key").read_text()

    def make(self, name, subject, issuer, constraints, *extensions):
        arguments = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
                     "-subj", subject, "-addext", f"basicConstraints=critical,{constraints}", "-keyout",
                     self.directory / f"{name}.key", "-out", self.directory / f"{name}.pem"]
        for extension in extensions:
            arguments += ["-addext", extension]
        if issuer:
            arguments += ["-CA", self.directory / f"{issuer}.pem", "-CAkey", self.directory / f"{issuer}.key"]
        run(arguments)
        return (self.directory / f"{name}.pem").read_text()


WRITTEN_PEM = {
    "plain": lambda c: (c.leaf, c.first + c.second),
    "no newline": lambda c: (c.leaf.rstrip(), (c.first + c.second).rstrip()),
    "CRLF": lambda c: (c.leaf.replace("\n", "\r\n"), (c.first + c.second).replace("\n", "\r\n")),
    "blank lines": lambda c: (c.leaf + "\n\n", c.first + "\n" + c.second),
    "with root": lambda c: (c.leaf, c.first + c.second + c.root),
    "another order": lambda c: (c.leaf, c.second + c.first),
    "text around": lambda c: ("subject=CN = www\n" + c.leaf, "0 s:First\n" + c.first + "1 s:Second\n" + c.second),
    "leaf in the chain": lambda c: (c.leaf, c.leaf + c.first + c.second),
    "chain in both": lambda c: (c.leaf + c.first + c.second, c.first + c.second),
    "twice": lambda c: (c.leaf, c.first + c.second + c.first),
    "long lines": lambda c: (one_line(c.leaf), one_line(c.first) + one_line(c.second)),
}


def one_line(pem):
    head, *body, tail = pem.strip().splitlines()
    return "\n".join([head, "".join(body), tail]) + "\n"




@pytest.mark.parametrize("form", WRITTEN_PEM)
def test_a_plan_after_apply_has_no_difference_in_pem(certd, scratch, form):
    client = client_of(certd)
    chain = Chain(scratch / "chain")
    certificate, issuers = WRITTEN_PEM[form](chain)
    configuration = {"name": "tf", "certificate": certificate, "certificateChain": issuers, "privateKey": chain.key}
    resource = Terraform(client, "/certificates")
    resource.apply(configuration)
    read = client.get(f"/certificates/{resource.id}")
    assert (read["properties"]["certificate"], read["properties"]["certificateChain"]) == (certificate, issuers)
    certd.restart()
    client.close()
    assert resource.plan(configuration) == []
    wait_for(lambda: (certd.drop("tf") / "manifest.json").exists(), 10, "the files")
    assert (certd.drop("tf") / "cert.pem").read_text() == chain.leaf, "what is deployed is canonical"
    assert (certd.drop("tf") / "chain.pem").read_text().startswith(chain.first + chain.second)
    metadata = read["metadata"]
    assert metadata.get("deployedCertificate", certificate) == chain.leaf
    assert metadata.get("deployedCertificateChain", issuers).startswith(chain.first + chain.second)
    exported = certd.ctl("export", "tf").stdout
    assert exported.replace("\r", "").startswith(certificate.replace("\r", "").rstrip("\n"))
    assert "PRIVATE KEY" not in str(read) + exported
    bundle = certd.ctl("export", "tf", "--format", "bundle").stdout
    assert (chain.leaf + chain.first + chain.second) in bundle, "a bundle is for servers"


@pytest.mark.limit(120)
def test_another_form_of_the_same_names_orders_nothing(start):
    dns = start(Challtestsrv)
    ca = start(Pebble, dns=dns.dns, validity=7200)
    certd = start(Certd, config=f"http-listen = 127.0.0.1:{ca.http_port}\n")
    certd.call("provider.create", properties={"name": "le", "email": "a@example.com", "server": ca.url,
                                              "caFile": str(ca.ca_file), "termsOfServiceAgreed": True})
    certd.call("autoCertificate.create", properties={"provider": "le", "commonName": "WWW.example.com.",
                                                     "subjectAlternativeNames": ["www.example.com", "B.example.com"]})
    get = lambda: certd.call("autoCertificate.get", ref="www.example.com")  # noqa: E731
    wait_for(lambda: get()["metadata"]["state"] == "AVAILABLE", 30, "the certificate")
    issued = get()["metadata"]["lastIssuedCertificate"]
    assert certd.call("certificate.get", ref=issued)["metadata"]["subjectAlternativeNames"] == [
        "www.example.com", "b.example.com"]
    answer = certd.call("autoCertificate.update", ref="www.example.com", properties={"commonName": "www.example.com"})
    assert answer["effect"] == {"action": "nothing", "changed": ["commonName"],
                                "reasons": ["commonName: the same in another spelling"]}
    assert get()["properties"]["commonName"] == "www.example.com" and "nextAction" in get()["metadata"]
    assert get()["metadata"]["nextAction"] == "renew" and get()["metadata"]["lastIssuedCertificate"] == issued
    # The alternative name that was the common name is an entry of its own once the common name changed.
    answer = certd.call("autoCertificate.update", ref="www.example.com", properties={"commonName": "c.example.com"})
    assert answer["effect"]["action"] == "reissue"
    assert answer["metadata"]["subjectAlternativeNames"] == ["www.example.com", "b.example.com"]
    assert answer["properties"]["subjectAlternativeNames"] == ["www.example.com", "B.example.com"]


def test_a_well_known_ca_comes_back_by_its_name(certd):
    client = client_of(certd)
    made = client.create("/providers", name="le", email="a@example.com", server="letsencrypt-staging")
    assert made["properties"]["server"] == "letsencrypt-staging"
    renamed = client.rename(made, "another name")
    for answer in (made, renamed):
        assert answer["properties"]["server"] == "letsencrypt-staging"
        assert answer["metadata"]["directoryUrl"].startswith("https://acme-staging-v02.api.letsencrypt.org/")


def refused(certd, *arguments):
    result = certd.ctl(*arguments, check=False)
    assert result.returncode != 0, result.stdout
    return result.stderr


@pytest.mark.parametrize("noun, collection", [("provider", "/providers"), ("auto", "/auto-certificates"),
                                              ("cert", "/certificates")])
def test_the_new_one_is_created_under_the_name_of_the_old_one(certd, scratch, noun, collection):
    """The Ansible collection's allow_replace, and Terraform's create_before_destroy."""
    client = client_of(certd)
    certificate, key = ThrowAwayCa(scratch / "own-ca").issue("www.example.com")
    properties = {
        "/providers": {"email": "a@example.com", "server": "https://127.0.0.1:1/dir"},
        "/auto-certificates": {"provider": provider_of(client), "commonName": "www.example.com", "keyAlgorithm": "rsa4096"},
        "/certificates": {"certificate": certificate.read_text(), "privateKey": key.read_text(),
                          "certificateChain": (scratch / "own-ca/ca.pem").read_text()},
    }[collection]
    old = client.create(collection, name="same", **properties)
    new = client.create(collection, name="same", **properties)
    assert {item["id"] for item in client.list(collection, **{"filter.name": "same"})} == {old["id"], new["id"]}
    for method, body in (("GET", None), ("DELETE", None), ("PATCH", {"properties": {"name": "x"}})):
        error = client.fails(method, f"{collection}/same", body)
        assert error.status == 400 and old["id"] in error.messages[0] and new["id"] in error.messages[0], error
    assert new["id"] in refused(certd, "show", noun, "same")
    certd.restart()
    client.close()
    client.delete(old)
    assert client.request("GET", f"{collection}/same")["id"] == new["id"], "the name means one again"
    other = client.create(collection, name="other", **properties)
    assert client.rename(other, "same")["properties"]["name"] == "same"
    client.delete(new)
    assert client.request("GET", f"{collection}/same")["id"] == other["id"]
    client.delete(other)
    assert client.fails("GET", f"{collection}/same").status == 404


def test_certctl_says_when_a_name_means_two(certd, scratch):
    client = client_of(certd)
    provider = {"email": "a@example.com", "server": "https://127.0.0.1:1/dir"}
    ids = {client.create("/providers", name="ca", **provider)["id"] for _ in range(2)}
    said = refused(certd, "add-auto", "--provider", "ca", "--cn", "www.example.com")
    assert all(i in said for i in ids) and "--provider" in said
    auto = ("add-auto", "--name", "www", "--provider", min(ids), "--cn", "www.example.com", "--no-wait")
    certd.ctl(*auto)
    assert "already exists" in refused(certd, *auto), "certctl goes on refusing"
    certd.call("autoCertificate.create", allowSameName=True, properties={
        "name": "www", "provider": min(ids), "commonName": "www.example.com"})
    assert "more than one auto-certificate has the name 'www'" in refused(certd, "pause", "www")
    assert "more than one provider has the name 'ca'" in refused(certd, "dump")
    path = scratch / "site.yaml"
    path.write_text("providers: {ca: {email: a@example.com, server: 'https://127.0.0.1:1/dir'}}\n"
                    "consumers: {web: {}}\n")
    result = certd.ctl("apply", "-f", path, check=False)
    assert "more than one provider has the name 'ca'" in result.stderr and all(i in result.stderr for i in ids)
    assert "1 of 2 changes was refused" in result.stderr or "1 of 2 changes were refused" in result.stderr
    assert [c["properties"]["name"] for c in certd.ctl_json("list", "consumers")] == ["web"], "all else is made"
    path.write_text("consumers: {web: {}}\n")
    assert certd.ctl("apply", "-f", path).stdout.splitlines()[-1].startswith("0 created, 0 changed, 0 removed")


def self_signed(directory, name, *extensions, days="30"):
    """(certificate, key) as `openssl req -x509` makes them."""
    directory.mkdir(exist_ok=True)
    arguments = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", days,
                 "-subj", f"/CN={name}", "-keyout", directory / f"{name}.key", "-out", directory / f"{name}.pem"]
    for extension in extensions:
        arguments += ["-addext", extension]
    run(arguments)
    return (directory / f"{name}.pem").read_text(), (directory / f"{name}.key").read_text()


def unfit(directory):
    """{what is said of it: (certificate, chain, key)}, as IONOS's own acceptance tests and users post them."""
    chain = Chain(directory / "chain")
    terraform, terraform_key = self_signed(directory, "terraform")  # CA:TRUE, no SAN; it is its own chain
    named, named_key = self_signed(directory, "named", "subjectAltName=DNS:www.example.com")
    made = {
        "subject alternative name": (terraform, terraform, terraform_key),
        "self-signed": (named, named, named_key),
        "the chain is incomplete": (chain.leaf, "", chain.key),
        "not part of the chain": (chain.leaf, chain.root, chain.key),
        "CA certificate": (chain.first, chain.second, (chain.directory / "first.key").read_text()),
    }
    return {why: {"certificate": c, "certificateChain": i or terraform, "privateKey": k} for why, (c, i, k) in made.items()}


def test_what_ionos_does_not_check_is_stored_and_kept_from_servers(certd, scratch):
    client = client_of(certd)
    for number, (why, properties) in enumerate(unfit(scratch / "unfit").items()):
        name = f"unfit {number}"
        if why == "the chain is incomplete":
            del properties["certificateChain"]
        resource = Terraform(client, "/certificates")
        resource.apply({"name": name, **properties})
        assert resource.plan({"name": name, **properties}) == []
        item = client.get(f"/certificates/{resource.id}")
        assert item["metadata"]["state"] == "AVAILABLE" and why in item["metadata"]["message"], item["metadata"]
        assert item["metadata"]["heldBack"] is True and "dropDirectory" not in item["metadata"]
        told = [c for c in certd.call("server.status")["conditions"] if c.get("object", {}).get("name") == name]
        assert [c["condition"] for c in told] == ["undeployed"] and why in told[0]["message"], told
        # certctl goes on refusing what it refused; a self-signed one it takes, as before
        files = [scratch / f"{part}.pem" for part in ("cert", "key")]
        files[0].write_text(properties["certificate"] + properties.get("certificateChain", ""))
        files[1].write_text(properties["privateKey"])
        files[1].chmod(0o600)
        given = ("import", "--cert", files[0], "--key", files[1], "--name", f"by certctl {number}")
        if why != "self-signed":
            assert certd.ctl(*given, check=False).returncode == 65
        told = certd.ctl(*given, "--allow-unfit", timeout=10).stdout
        assert f"cert 'by certctl {number}' is imported" in told and "it is not deployed" in told and why in told
        assert "--deploy-anyway" in told
    assert not [path for path in (certd.state / "live").glob("*")]
    certd.restart()
    client.close()
    assert certd.ctl("status").stdout.count("certificate cannot be deployed") == 10
    certd.call("certificate.create", allowUnfit=True, properties={**properties, "name": "one more"})
    assert certd.call("server.status")["conditionCount"] == 11


def test_what_was_kept_from_servers_is_deployed_when_told_to(certd, scratch):
    client = client_of(certd)
    certd.call("consumer.create", properties={"name": "web"})
    certificate, key = self_signed(scratch, "unfit")
    properties = {"certificate": certificate, "certificateChain": certificate, "privateKey": key}
    item = client.create("/certificates", name="a", **properties)
    for change in ({"consumers": ["web"]},):
        with pytest.raises(RpcError, match="is not deployed: .*subject alternative name"):
            certd.call("certificate.update", ref="a", properties=change)
    with pytest.raises(RpcError, match="but not be deployed|is not deployed; delete it"):
        certd.call("certificate.create", replace="a", allowUnfit=True, properties=properties)
    certd.ctl("set", "cert", "a", "--deploy-anyway", "--consumer", "web")
    wait_for(lambda: (certd.drop("a") / "manifest.json").exists(), 10, "the files")
    item = client.get(item)
    assert item["metadata"]["heldBack"] is False and "self-signed" in item["metadata"]["message"], "it stays flagged"
    assert "conditions" not in certd.call("server.status")
    with pytest.raises(RpcError, match="is already deployed"):
        certd.call("certificate.update", ref="a", properties={"deployAnyway": False})
    made = client.create("/certificates", name="b", deployAnyway=True, **properties)
    wait_for(lambda: (certd.drop("b") / "manifest.json").exists(), 10, "the files")
    assert made["properties"]["deployAnyway"] is True
    # What is fit is deployed as always, also in the place of that one.
    own_ca = ThrowAwayCa(scratch / "own-ca")
    good, good_key = own_ca.issue("www.example.com")
    certd.ctl("import", "--cert", good, "--chain", own_ca.cert_file, "--key", good_key, "--replace", "b")
    assert "is not deployed" not in str(certd.call("server.status"))
    with pytest.raises(RpcError, match="would replace 'b' but not be deployed"):
        certd.call("certificate.create", replace="b", allowUnfit=True, properties={"name": "c", **properties})
    client.delete(client.create("/certificates", name="d", **properties))
    assert "is not deployed" not in str(certd.call("server.status"))


def test_a_certificate_without_names_is_in_no_scope_of_names(start, scratch):
    port = free_port()
    certd = start(Certd, config=f"rest-plain = yes\nrest-listen = 127.0.0.1:{port}\n")
    secret = certd.ctl("add-token", "--name", "ci", "--role", "operator", "--domain", "*.example.com").stdout.strip()
    client = IonosClient(url=f"http://127.0.0.1:{port}", token=secret)
    certificate, key = self_signed(scratch, "www.example.com")
    error = client.fails("POST", "/certificates", {"properties": {
        "name": "a", "certificate": certificate, "certificateChain": certificate, "privateKey": key}})
    assert error.status == 403 and error.fields == ["properties.certificate"], error


class Ionosctl:
    """`ionosctl ... create --wait` and `delete --wait`: the Location header is polled as it stands."""

    def __init__(self, url, secret):
        self.client = IonosClient(url=url, token=secret)
        self.secret = secret

    def create(self, collection, **properties):
        item = self.client.create(collection, **properties)
        return self.wait(self.client.location), item

    def wait(self, location):
        def settled():
            request = urllib.request.Request(f"{location}?depth=1", headers={"Authorization": f"Bearer {self.secret}"})
            with urllib.request.urlopen(request, timeout=patient(10)) as answer:
                item = json.load(answer)
            return item if item["metadata"]["state"] in ("AVAILABLE", "FAILED") else None
        return wait_for(settled, 40, f"an end of {location}")

    def delete(self, item):
        self.client.delete(item)
        wait_for(lambda: self.client.fails("GET", item["href"]).status == 404, 10, "it to be gone")


@pytest.mark.limit(180)
def test_the_whole_story(start, scratch):
    """From the published example to the last destroy, by TCP with a token."""
    dns = start(Challtestsrv)
    ca, strict = start(Pebble, dns=dns.dns, validity=7200), start(Pebble, eab=True)
    port = free_port()
    certd = start(Certd, config=f"http-listen = 127.0.0.1:{ca.http_port}\nrest-plain = yes\nrest-listen = 127.0.0.1:{port}\n")
    secret = certd.ctl("add-token", "--name", "ci", "--role", "admin").stdout.strip()
    ctl = Ionosctl(f"http://127.0.0.1:{port}", secret)
    client = ctl.client
    client.checker = OpenApi(client.raw("GET", "/openapi.json")[2])

    # ionosctl: the example of the documentation; the CA does not know that key, and says so
    example = {"name": "Let's Encrypt", "email": "admin@example.com", "server": strict.url, "caFile": str(strict.ca_file),
               "externalAccountBinding": {"keyId": "some-key-id", "keySecret": "secret"}}
    failed, made = ctl.create("/providers", **example)
    assert failed["id"] == made["id"] and failed["metadata"]["state"] == "FAILED" and failed["metadata"]["message"]
    assert failed["properties"]["externalAccountBinding"] == {"keyId": "some-key-id"}
    ctl.delete(failed)
    provider, _ = ctl.create("/providers", name="Let's Encrypt", email="admin@example.com", server=ca.url,
                             caFile=str(ca.ca_file))
    assert provider["metadata"]["state"] == "AVAILABLE"

    # Terraform: plan, apply, plan; as in the provider's acceptance test the common name is among the alternative names
    configuration = {"name": "tf", "provider": provider["id"], "commonName": "WWW.example.com", "keyAlgorithm": "rsa2048",
                     "subjectAlternativeNames": ["WWW.example.com", "app.example.com."]}
    resource = Terraform(client, "/auto-certificates")
    resource.apply(configuration)
    auto = ctl.wait(client.location)
    assert auto["metadata"]["state"] == "AVAILABLE" and resource.plan(configuration) == []
    first = auto["metadata"]["lastIssuedCertificate"]
    names = client.get(f"/certificates/{first}")["metadata"]["subjectAlternativeNames"]
    assert sorted(names) == ["app.example.com", "www.example.com"]
    resource.apply(configuration)
    assert client.get(auto)["metadata"]["lastIssuedCertificate"] == first, "nothing was ordered again"

    # create_before_destroy: another key algorithm means another object, under the same name
    configuration["keyAlgorithm"] = "secp256r1"
    assert resource.plan(configuration) == ["keyAlgorithm"]
    resource.apply(configuration)
    successor = ctl.wait(client.location)
    assert successor["metadata"]["state"] == "AVAILABLE" and successor["id"] != auto["id"]
    ctl.delete(auto)
    assert resource.plan(configuration) == []
    assert [item["id"] for item in client.list("/auto-certificates", **{"filter.commonName": "WWW.example.com"})] == [
        successor["id"]]

    # an import as in ionosctl's and Terraform's own tests: self-signed, CA:TRUE, no alternative name, its own chain
    certificate, key = self_signed(scratch, "own.example.com")
    configuration = {"name": "imported", "certificate": certificate, "certificateChain": certificate, "privateKey": key}
    imported = Terraform(client, "/certificates")
    imported.apply(configuration)
    assert imported.plan(configuration) == []
    item = client.get(f"/certificates/{imported.id}")
    assert item["metadata"]["commonName"] == "own.example.com" and item["metadata"]["subjectAlternativeNames"] == []

    # destroy: each waits for the one that uses it
    assert client.fails("DELETE", provider["href"]).status == 409
    for item in (successor, item):
        ctl.delete(item)
    for certificate in client.list("/certificates"):
        ctl.delete(certificate)
    ctl.delete(provider)
    for collection in ("/providers", "/auto-certificates", "/certificates"):
        assert client.list(collection) == []
