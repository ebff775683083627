"""dns-01 through certd: programs with lego's convention, and removal of records after a crash."""
import base64
import hashlib
import re

from certd import Certd
from dnsservers import Knot
from doh import Doh
from hostile_ca import HostileCa, Identity
from pebble import Challtestsrv, Pebble
from procs import free_port, wait_for


def issue(start, certd, dns, name, *, provider=None, **more):
    """@name from a CA that queries @dns for TXT records; @more: settings of the DNS provider."""
    pebble = start(Pebble, dns=dns.dns, **(provider or {}))
    certd.call("provider.create", properties={
        "name": "le", "email": "ops@example.com", "server": pebble.url, "caFile": str(pebble.ca_file),
        "termsOfServiceAgreed": True})
    wait_for(lambda: certd.call("provider.get", ref="le")["metadata"]["state"] == "AVAILABLE", 15, "an account")
    certd.call("dnsProvider.create", properties={"name": "ns1", **more})
    certd.call("autoCertificate.create", properties={
        "provider": "le", "commonName": name, "challenge": "dns-01", "dnsProvider": "ns1"})


def by_tsig(dns):
    return {"kind": "rfc2136", "server": dns.dns, "tsigName": dns.key_name, "tsigKey": dns.key_secret}


def wait_issued(certd, name):
    wait_for(lambda: (certd.drop(name) / "manifest.json").exists(), 40, f"the certificate of {name}")


def wait_clean(certd, dns, owner):
    wait_for(lambda: not dns.txt(owner), 20, f"the TXT record at {owner} to go")
    wait_for(lambda: not [r for r in certd.call("schedule.list")["items"] if r["kind"] == "cleanup"], 10, "its row to go")


def test_name_servers_that_do_not_answer_soa_are_no_obstacle_to_a_program(start, scratch):
    dns = start(Challtestsrv)  # NOTIMP
    certd = start(Certd, config=f"dns-servers = {dns.dns}\n")
    program = scratch / "hook"
    program.write_text(f"""#!/bin/sh
[ "$1" = present ] && path=set-txt || path=clear-txt
exec curl -sf -d '{{"host": "'"$2"'", "value": "'"$3"'"}}' http://127.0.0.1:{dns.management_port}/$path
""")
    program.chmod(0o755)
    issue(start, certd, dns, "www.example.com", kind="exec", command=str(program))
    wait_issued(certd, "www.example.com")


def test_a_program_of_legos_convention_changes_the_records(start, scratch):
    knot = start(Knot, zones=("example.com",))
    certd = start(Certd, config=f"dns-servers = {knot.dns}\n")
    program = scratch / "hook"
    program.write_text(f"""#!/bin/sh
case $1 in
present) change="add $2 60 TXT $3" ;;
cleanup) change="del $2 TXT $3" ;;
*) exit 1 ;;
esac
echo "$@" >> {scratch}/calls
knsupdate -t 20 -r 2 <<END
server 127.0.0.1 {knot.port}
zone example.com.
key {knot.key_algorithm}:{knot.key_name} {knot.key_secret}
update $change
send
END
""")
    program.chmod(0o755)
    issue(start, certd, knot, "*.example.com", kind="exec", command=str(program), zones=["example.com"],
          nameservers=[knot.dns])
    wait_issued(certd, "*.example.com")
    wait_clean(certd, knot, "_acme-challenge.example.com")
    calls = [line.split() for line in (scratch / "calls").read_text().splitlines()]
    assert [call[:2] for call in calls] == [["present", "_acme-challenge.example.com."],
                                            ["cleanup", "_acme-challenge.example.com."]]
    assert calls[0][2] == calls[1][2] and len(calls[0][2]) == 43


def test_a_record_left_by_a_crash_is_removed_by_the_next_start(start):
    knot = start(Knot, zones=("example.com",))
    certd = start(Certd)
    # The CA validates slowly: certd is killed while the record is published, and the order is gone afterwards.
    issue(start, certd, knot, "*.example.com", provider={"is_slow": True}, zones=["example.com"], **by_tsig(knot))
    wait_for(lambda: knot.txt("_acme-challenge.example.com"), 20, "the record")
    certd.kill9()
    assert knot.txt("_acme-challenge.example.com")
    certd.start()
    certd.call("autoCertificate.delete", ref="*.example.com")
    wait_clean(certd, knot, "_acme-challenge.example.com")


def test_a_wrong_tsig_secret_is_explained(start):
    knot = start(Knot, zones=("example.com",))
    certd = start(Certd)
    issue(start, certd, knot, "*.example.com", zones=["example.com"], **{**by_tsig(knot), "tsigKey": "d3Jvbmc="})
    told = wait_for(lambda: certd.call("autoCertificate.get", ref="*.example.com")["metadata"].get("message"), 20,
                    "the reason")
    assert "BADSIG" in told and "ns1" in told


def add_tsig(certd, knot, *options):
    certd.ctl("add-dns", "--name", "ns1", "--kind", "rfc2136", "--server", knot.dns, "--zone", "example.com",
              "--tsig-key-file", knot.key_file, *options)


def test_resolvers_must_see_the_record_too(start):
    knot, late = start(Knot, zones=("example.com",)), start(Knot, zones=("example.com",))
    doh, late_doh = start(Doh, knot), start(Doh, late)
    certd = start(Certd, config=f"dns-servers = {knot.dns}\n")
    add_tsig(certd, knot, "--resolver", knot.dns, "--resolver", doh.url)
    shown = certd.ctl("check-dns", "ns1", "www.example.com").stdout
    assert f"resolver {knot.dns} has the TXT record\n" in shown
    assert f"resolver {doh.url} has the TXT record\n" in shown
    certd.call("dnsProvider.delete", ref="ns1")
    issue(start, certd, knot, "www.example.com", zones=["example.com"], resolvers=[late_doh.url, late.dns],
          propagationTimeout=600, **by_tsig(knot))
    owner = "_acme-challenge.www.example.com"
    wait_for(lambda: f"resolver {late.dns} does not have the TXT record of {owner} yet" in
             certd.ctl("explain", "www.example.com").stdout, 30, "the wait for the late resolver")
    assert not (certd.drop("www.example.com") / "manifest.json").exists()
    assert late.update("example.com", *(f"add {owner}. 60 TXT {value}" for value in knot.txt(owner))).returncode == 0
    wait_issued(certd, "www.example.com")


def test_resolvers_that_answer_with_something_else_are_skipped_and_named(start):
    knot = start(Knot, zones=("example.com",))
    doh = start(Doh, knot)
    certd = start(Certd, config=f"dns-servers = {knot.dns}\n")
    reasons = {"html": "is not of type application/dns-message", "long": "", "id": "is not for this question",
               "question": "is not for this question", "status": "HTTP status 500", "redirect": "HTTP status 307",
               "slow": ""}
    add_tsig(certd, knot, *(f"--resolver={doh.endpoint}/{path}" for path in reasons))
    shown = certd.ctl("check-dns", "ns1", "www.example.com").stdout.splitlines()
    for path, reason in reasons.items():
        assert any(line.startswith(f"resolver {doh.endpoint}/{path} does not answer: ") and reason in line
                   for line in shown), shown


def persist_only(reply, request):
    """The CA validates by dns-persist-01 only; its challenge has no token."""
    for challenge in reply.json["challenges"]:
        challenge.update({"type": "dns-persist-01", "issuer-domain-names": ["ca.example"]})
        del challenge["token"]


def test_a_standing_record_is_printed_and_serves_every_order(start, scratch):
    knot = start(Knot, zones=("example.com",))
    certd = start(Certd, config=f"dns-servers = {knot.dns}\n")
    owner = "_validation-persist.example.com"
    with HostileCa(Identity(scratch / "identity")) as ca:
        ca.change("authz", persist_only)
        certd.call("provider.create", properties={
            "name": "ca", "email": "ops@example.com", "server": ca.url, "caFile": str(ca.ca_file),
            "termsOfServiceAgreed": True})
        certd.call("dnsProvider.create", properties={"name": "ns1", "zones": ["example.com"], **by_tsig(knot)})
        content = f"ca.example; accounturi={ca.base}/account/1; policy=wildcard"
        line = f'{owner}. 300 IN TXT "{content}"'
        assert line in certd.ctl("authorize", "*.example.com", "--challenge", "dns-persist-01").stdout
        assert ca.count("challenge") == 0
        certd.call("autoCertificate.create", properties={
            "provider": "ca", "commonName": "*.example.com", "challenge": "dns-persist-01"})
        told = wait_for(lambda: certd.call("autoCertificate.get", ref="*.example.com")["metadata"].get("message"), 60,
                        "the record to publish")
        assert f"publish the TXT record {owner} with content {content}; there is no such record" in told
        knot.update("example.com", f'add {owner}. 60 TXT "{content}; persistUntil=4000000000"')
        certd.ctl("renew", "*.example.com", "--force")
        wait_for(lambda: (certd.drop("*.example.com") / "manifest.json").exists(), 60, "the certificate")
        metadata = certd.call("autoCertificate.get", ref="*.example.com")["metadata"]
        assert metadata["standingRecords"] == [f"{owner} {content}; persistUntil=4000000000"]
        orders = ca.count("order")
        certd.ctl("renew", "*.example.com", "--force")
        wait_for(lambda: certd.call("autoCertificate.get", ref="*.example.com")["metadata"]["lastIssuedCertificate"]
                 != metadata["lastIssuedCertificate"], 60, "the next certificate by the same record")
        assert ca.count("order") == orders + 1
        assert knot.query(owner, "TXT") == f"{content}; persistUntil=4000000000", "the record stays"


def account_only(reply, request):
    for challenge in reply.json["challenges"]:
        challenge["type"] = "dns-account-01"


def test_an_account_has_its_own_owner_name(start, scratch):
    knot = start(Knot, zones=("example.com",))
    certd = start(Certd, config=f"dns-servers = {knot.dns}\n")
    seen = []
    with HostileCa(Identity(scratch / "identity")) as ca:
        ca.change("authz", account_only)
        digest = hashlib.sha256(f"{ca.base}/account/1".encode()).digest()[:10]
        owner = f"_{base64.b32encode(digest).decode().lower()}._acme-challenge.www.example.com"
        ca.change("challenge", lambda reply, request: seen.append(knot.txt(owner)))
        certd.call("provider.create", properties={
            "name": "ca", "email": "ops@example.com", "server": ca.url, "caFile": str(ca.ca_file),
            "termsOfServiceAgreed": True})
        certd.call("dnsProvider.create", properties={"name": "ns1", "zones": ["example.com"], **by_tsig(knot)})
        certd.call("autoCertificate.create", properties={
            "provider": "ca", "commonName": "www.example.com", "challenge": "dns-account-01"})
        wait_for(lambda: (certd.drop("www.example.com") / "manifest.json").exists(), 60, "the certificate")
        assert len(seen[0]) == 1 and len(seen[0][0]) == 43
        wait_clean(certd, knot, owner)


def test_auto_leaves_a_challenge_that_keeps_failing_and_remembers_what_worked(start):
    """certd has a listener, but the CA's requests end elsewhere. One order mixes challenges: the wildcard needs dns-01."""
    knot = start(Knot, zones=("example.com",))
    pebble = start(Pebble, dns=knot.dns)
    certd = start(Certd, config=f"http-listen = 127.0.0.1:{free_port()}\ndns-servers = {knot.dns}\n")
    certd.ctl("add-provider", "--name", "le", "--server", pebble.url, "--ca-file", pebble.ca_file,
              "--email", "ops@example.com", "--agree-tos")
    certd.call("dnsProvider.create", properties={"name": "ns1", "zones": ["example.com"], **by_tsig(knot)})
    certd.call("autoCertificate.create", properties={
        "provider": "le", "commonName": "www.example.com", "subjectAlternativeNames": ["*.example.com"]})

    def attempts():
        return certd.call("autoCertificate.get", ref="www.example.com")["metadata"].get("attempts", 0)

    for failed in (1, 2, 3):
        wait_for(lambda: attempts() == failed, 60, f"failure {failed}")
        reasons = " ".join(certd.call("autoCertificate.explain", ref="www.example.com")["reasons"])
        chosen = "http-01" if failed < 3 else "dns-01"
        assert f"auto chooses {chosen} for www.example.com: http-01 failed {failed} time" in reasons, reasons
        certd.call("autoCertificate.renew", ref="www.example.com", force=True)
    wait_issued(certd, "www.example.com")
    reasons = " ".join(certd.call("autoCertificate.explain", ref="www.example.com")["reasons"])
    assert "auto chooses dns-01 for www.example.com: http-01 failed 3 times" in reasons
    # Unless an earlier order had validated it, and Pebble did not ask again.
    assert re.search("auto chooses dns-01 for [*].example.com: it (worked the last time|is a wildcard)", reasons), reasons
