"""dns-01 through certd: programs with lego's convention, and removal of records after a crash."""
from certd import Certd
from dnsservers import Knot
from pebble import Challtestsrv, Pebble
from procs import wait_for


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
