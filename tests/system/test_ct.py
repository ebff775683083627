"""Certificate Transparency: what certd makes of the answers of a stand-in of crt.sh."""
import datetime
import re
import shlex

import pytest
from certd import Certd
from crtsh import CrtSh
from procs import wait_for
from test_alerts import Receiver, secret_file
from tls import ThrowAwayCa


@pytest.fixture
def source():
    source = CrtSh()
    yield source
    source.close()


@pytest.fixture
def receiver():
    receiver = Receiver()
    yield receiver
    receiver.close()


def days(count):
    return (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=count)).isoformat()


def test_a_certificate_of_others_is_reported_once_and_acknowledged_by_the_printed_command(start, scratch, source, receiver):
    ca = ThrowAwayCa(scratch / "ca")
    certificate, key = ca.issue("www.example.com")
    certd = start(Certd, config=f"ct-source = {source.source}\ncheck-ct-every = 1\nct-known-issuers = Amazon\n")
    certd.ctl("add-alert", "--name", "hook", "--kind", "webhook", "--condition", "foreign", "--url-file",
              secret_file(scratch, "url", receiver.url))
    own = certd.call("certificate.create", properties={
        "certificate": certificate.read_text(), "certificateChain": ca.cert_file.read_text(),
        "privateKey": key.read_text()})["metadata"]
    source.add("CN=test", ["www.example.com"], own["serialNumber"].replace(":", "").lower(), own["notBefore"],
               own["notAfter"], 1)
    source.add("C=US, O=Amazon, CN=Amazon RSA 2048 M02", ["www.example.com"], "0a11", days(-3), days(30), 2)
    source.add("C=XX, O=Stranger\x1b[2J, CN=S1", ["*.example.com", "example.com"], "00bad1", days(-3), days(30), 3)
    alert, = receiver.wait(1)
    assert (alert["condition"], alert["severity"], alert["status"]) == ("foreign", "warning", "firing")
    assert "certd did not order a certificate for *.example.com, example.com: issuer C=XX, O=Stranger [2J, CN=S1, " \
           "serial number bad1, valid from " in alert["message"], alert
    assert set(source.asked) == {"/?q=example.com&output=json"}
    listed = certd.ctl("ct").stdout
    command = re.search(r"certctl ct --acknowledge \w+", alert["message"])[0]
    assert "serial:  bad1" in listed and "Amazon" not in listed and command in listed and "\x1b" not in listed, listed
    assert "certificate that certd did not order" in certd.ctl("status").stdout
    certd.kill9()
    certd.start()
    before = len(source.asked)
    wait_for(lambda: len(source.asked) > before + 1, 30, "a look after the restart")
    certd.ctl(*shlex.split(command)[1:])
    assert [body["status"] for body in receiver.wait(2)] == ["firing", "resolved"]
    assert "acknowledged " in certd.ctl("ct").stdout
    assert "attention" not in certd.ctl("status").stdout
    refused = certd.ctl("ct", "--acknowledge", "0" * 32, check=False)
    assert refused.returncode and "certctl ct lists" in refused.stderr
    kinds = [event["kind"] for event in certd.call("event.list", limit=1000)["items"]]
    assert kinds.count("certificate.foreign") == 1 and "transparency.unknown" not in kinds
    source.is_slow = True
    before = len(source.asked)
    wait_for(lambda: len(source.asked) > before, 30, "a look that takes long")
    assert certd.call("server.status")["state"] == "running"
    assert len(receiver.taken) == 2


def test_a_source_that_cannot_work_is_refused_at_the_start(start):
    certd = start(Certd, config="ct-source = http://crt.example/?q={domain}\n", ready=False)
    with pytest.raises(AssertionError):
        certd.start()
    assert "ct-source: the URL must begin with https://" in certd.log
