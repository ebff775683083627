"""The filters of lists, through the socket and through certctl."""
from certd import Certd
from pebble import Challtestsrv, Pebble
from procs import free_port, wait_for


def names(items):
    return sorted(item["properties"]["name"] for item in items)


def test_lists_have_what_all_filters_let_through(start):
    dns = start(Challtestsrv)
    pebble = start(Pebble, dns=dns.dns, validity=86400)
    certd = start(Certd, config=f"http-listen = 127.0.0.1:{pebble.http_port}\n")
    common = ["--email", "ops@example.com", "--agree-tos"]
    certd.ctl("add-provider", "--name", "le", "--server", pebble.url, "--ca-file", pebble.ca_file, *common)
    certd.ctl("add-provider", "--name", "dead", "--server", f"https://127.0.0.1:{free_port()}/dir", *common,
              "--no-wait")
    for name in ("a", "b"):
        certd.ctl("add-auto", "--provider", "le", "--cn", f"{name}.example.com", "--name", name)
    certd.ctl("renew", "a")
    certd.ctl("add-auto", "--provider", "dead", "--cn", "b.example.com", "--name", "c", "--no-wait")
    with certd.rpc() as rpc:
        def autos(**params):
            return names(rpc.call("autoCertificate.list", **params)["items"])

        def certificates(**params):
            found = rpc.call("certificate.list", **params)
            assert found["total"] == len(found["items"])
            return sorted(item["metadata"]["commonName"] for item in found["items"])

        assert autos() == ["a", "b", "c"]
        assert autos(provider="le") == ["a", "b"]
        assert autos(commonName="b.example.com") == ["b", "c"]
        assert autos(commonName="b.example.com", provider="dead") == ["c"]
        assert autos(name="b", state="AVAILABLE") == ["b"] and autos(name="b", state="FAILED") == []
        assert autos(state="AVAILABLE") == ["a", "b"]
        assert autos(expiresBefore="2999-01-01T00:00:00Z") == ["a", "b"]
        assert autos(expiresBefore="2020-01-01T00:00:00Z") == []
        assert certificates() == ["a.example.com", "a.example.com", "b.example.com"]
        assert certificates(autoCertificate="a") == ["a.example.com"] * 2
        assert certificates(provider="le", commonName="b.example.com", state="AVAILABLE") == ["b.example.com"]
        assert certificates(provider="dead") == []
        dates = [item["metadata"]["notAfter"]
                 for item in rpc.call("certificate.list", expiresBefore="2999-01-01T00:00:00Z")["items"]]
        assert len(dates) == 3 and dates == sorted(dates)
        newest = rpc.call("certificate.list", autoCertificate="a", limit=1, offset=1)
        assert newest["total"] == 2 and len(newest["items"]) == 1
        ids = {item["properties"]["name"]: item["id"] for item in rpc.call("autoCertificate.list")["items"]}
        events = rpc.call("event.list", object=ids["a"])["items"]
        assert {event["object"]["id"] for event in events} == {ids["a"]}
        assert [event["seq"] for event in rpc.call("event.list", object=ids["a"], limit=2)["items"]] == \
            [event["seq"] for event in events[-2:]]
        assert rpc.call("event.list", object=ids["a"], after=events[0]["seq"], limit=1)["items"] == [events[1]]
    assert names(certd.ctl_json("list", "auto", "--expires-before", "30d")) == ["a", "b"]
    assert certd.ctl_json("list", "auto", "--expires-before", "1h", "--provider", "le") == []
    certd.restart()
    wait_for(lambda: certd.ctl_json("list", "auto", "--name", "b", "--expires-before", "30d"), what="the list again")
