"""50 certificates at one zone at once, through an API that replaces whole record sets, while certd is killed again and
again: no value is lost, neither another certificate's nor another program's, and none is left behind.
"""
import pytest
from certd import Certd
from dnsservers import Knot
from gandi_dns import GandiDns
from pebble import Pebble
from procs import wait_for

OWNERS, AT_ONCE = 25, 50
KILLS = (2, 15, 15, 15)  # each after so many more writes


class Rig:
    def __init__(self, start, scratch):
        self.knot = start(Knot, zones=("example.com",))
        self.api = start(GandiDns, self.knot)
        token = scratch / "token"
        token.touch(mode=0o600)
        token.write_text(self.api.token)
        pebble = start(Pebble, dns=self.knot.dns, validity=7776000)
        self.certd = start(Certd, config=f"dns-servers = {self.knot.dns}\n")
        self.certd.ctl("add-provider", "--name", "le", "--server", pebble.url, "--ca-file", pebble.ca_file,
                       "--email", "ops@example.com", "--agree-tos")
        self.certd.ctl("add-dns", "--name", "api", "--kind", "gandi", "--token-file", token,
                       "--endpoint", self.api.endpoint, "--nameserver", self.knot.dns)
        self.names = []
        for number in range(OWNERS):
            self.api.foreign(f"_acme-challenge.n{number}", f"of-another-program-{number}")
            self.names += [f"n{number}.example.com", f"*.n{number}.example.com"]

    def declare_all(self):
        with self.certd.rpc() as rpc:
            for name in self.names:
                rpc.call("autoCertificate.create", properties={"provider": "le", "commonName": name})

    def kill(self):
        """The requests that are under way are carried out before the restart, as certd would also find them."""
        self.certd.kill9()
        self.api.wait_until_idle()
        self.certd.start()

    def missing(self):
        """Those without a certificate. Killed in the middle of a validation, an order fails, and the operator retries."""
        left = []
        with self.certd.rpc() as rpc:
            for name in self.names:
                metadata = rpc.call("autoCertificate.get", ref=name)["metadata"]
                if metadata.get("lastIssuedCertificate"):
                    continue
                left.append(name)
                if metadata.get("lastError"):
                    rpc.call("autoCertificate.renew", ref=name, force=True)
        return left

    def is_clean(self):
        return not [row for row in self.certd.call("schedule.list")["items"] if row["kind"] == "cleanup"]


@pytest.mark.limit(60)
def test_no_value_is_lost_or_left_behind_when_certd_is_killed_among_50_certificates(start, scratch):
    rig = Rig(start, scratch)
    assert len(rig.names) == AT_ONCE
    rig.declare_all()
    for writes in KILLS:
        wanted = rig.api.writes + writes
        wait_for(lambda: rig.api.writes >= wanted, 20, f"{wanted} writes")
        rig.kill()
    wait_for(lambda: not rig.missing(), 60, "all certificates", interval=0.5)
    wait_for(rig.is_clean, 20, "the removals")
    assert rig.api.lost == []
    assert rig.api.sets == {f"_acme-challenge.n{number}": {f"of-another-program-{number}"} for number in range(OWNERS)}
