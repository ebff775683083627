"""REST as somebody meets it first: with curl, and with errors that speak of members and paths."""
import json
import re

import pytest
from certd import Certd
from pebble import Challtestsrv, Pebble
from procs import free_port, run, wait_for


@pytest.fixture
def site(start):
    """certd with a provider, and a function that calls curl. It returns the status and the object of the answer."""
    pebble = start(Pebble, dns=start(Challtestsrv).dns, always_valid=True)
    certd = start(Certd, config=f"http-listen = 127.0.0.1:{free_port()}\n")
    certd.ctl("add-provider", "--name", "le", "--server", pebble.url, "--email", "ops@example.com", "--agree-tos",
              "--ca-file", pebble.ca_file)

    def curl(path, *options):
        out = run(["curl", "-s", "--unix-socket", certd.runtime / "rest.sock", "-w", "\n%{http_code}", *options,
                   f"http://localhost{path}"]).stdout
        body, _, status = out.rpartition("\n")
        return int(status), json.loads(body) if body else None
    return certd, pebble, curl


def told(answer):
    return answer["messages"][0]["message"]


def declaration(**properties):
    return json.dumps({"properties": {"provider": "le", **properties}})


def test_curl_d_is_answered_with_the_line_to_use(site):
    _, _, curl = site
    status, answer = curl("/auto-certificates", "-d", declaration(commonName="a.example.com"))
    assert status == 415 and "--json in place of -d" in told(answer), answer
    header = re.search(r"-H '([^']+)'", told(answer))[1]
    status, created = curl("/auto-certificates", "-H", header, "-d", declaration(commonName="a.example.com"))
    assert status == 201 and created["properties"]["commonName"] == "a.example.com"
    assert curl("/auto-certificates", "--json", declaration(commonName="b.example.com"))[0] == 201


def test_errors_speak_of_members_and_not_of_options(site):
    certd, pebble, curl = site
    assert curl("/auto-certificates", "--json", declaration(commonName="a.example.com"))[0] == 201
    certd.ctl("pause", "a.example.com")
    other = json.dumps({"properties": {"name": "x", "email": "ops@example.com", "server": pebble.url}})
    assert curl("/providers", "--json", other)[0] == 201
    messages = [
        told(curl("/auto-certificates", "--json", declaration(commonName="*.example.com"))[1]),
        told(curl("/auto-certificates", "--json", declaration(commonName="c.example.com", challenge="dns-01"))[1]),
        told(curl("/auto-certificates", "--json", declaration(commonName="c.example.com", dnsProvider="none"))[1]),
        told(curl("/auto-certificates/a.example.com/renew", "-X", "POST")[1]),
        told(curl("/auto-certificates/a.example.com", "-X", "PATCH", "--json", '{"properties": {"challenge": "auto"}}')[1]),
        wait_for(lambda: curl("/providers/x")[1]["metadata"].get("message"), 20, "a CA that is not trusted"),
        next(p for p in curl("/providers")[1]["items"] if p["properties"]["name"] == "x")["metadata"]["message"],
    ]
    assert "POST /dns-providers" in messages[0] and "renew with force" in messages[3]
    assert "caFile" in messages[5], messages
    for message in messages:
        assert not re.search(r"(^|[ (])--[a-z]|certctl", message), message
    # certctl itself still has its own words.
    assert "certctl add-dns --" in certd.ctl("add-auto", "--provider", "le", "--cn", "*.example.com",
                                                 check=False).stderr
