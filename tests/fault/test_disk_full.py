"""The disk of the state is full: callers get the error, no change is half done, reading and serving continue, and certd
recovers by itself when there is room again."""
import json
import os
import re
import socket
import ssl

import pytest
from certd import Certd
from disk import PrivateMounts, SmallDisk
from pebble import Challtestsrv, Pebble
from procs import free_port, patient, wait_for
from rpc import RpcError

NAME = "www.example.com"
KIB = 1024

pytestmark = [pytest.mark.plain_build, pytest.mark.limit(200)]


@pytest.fixture
def mounts():
    if os.geteuid() != 0:
        pytest.skip("mounting needs root")
    with PrivateMounts():
        yield


class World:
    """One certificate is issued and deployed, all on a disk of a few MB."""

    def __init__(self, start, scratch):
        self.disk = SmallDisk(scratch / "state", 8)
        print(f"the disk is {self.disk.kind}")
        self.ready = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.ready.bind(str(scratch / "ready.sock"))
        self.ready.settimeout(patient(20))
        port = free_port()
        self.pebble = start(Pebble, dns=start(Challtestsrv).dns, http_port=port, validity=86400)
        self.certd = start(Certd, config=f"http-listen = 127.0.0.1:{port}\n",
                           environment={"NOTIFY_SOCKET": str(scratch / "ready.sock")}, ready=False)
        self.certd.state.rmdir()
        self.certd.state = self.disk.path
        self.certd.start()
        self.wait_ready()
        self.call = self.certd.call
        self.call("provider.create", properties={
            "name": "le", "email": "ops@example.com", "server": self.pebble.url, "caFile": str(self.pebble.ca_file),
            "termsOfServiceAgreed": True})
        wait_for(lambda: self.call("provider.get", ref="le")["metadata"]["state"] == "AVAILABLE", 15, "an account")
        self.call("autoCertificate.create", properties={"provider": "le", "commonName": NAME})
        self.wait_dropped(None)

    def wait_ready(self):
        while b"READY=1" not in self.ready.recv(65536):
            pass

    def last(self):
        return self.call("autoCertificate.get", ref=NAME)["metadata"].get("lastIssuedCertificate")

    def files(self):
        """The content of the drop; the bundle must be complete at every moment."""
        drop = self.certd.drop(NAME)
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(drop / "bundle.pem")
        return {path.name: path.read_bytes() for path in drop.iterdir()}

    def dropped(self):
        """Waits until all files belong to one certificate, without any temporary file."""
        def whole():
            try:
                files = self.files()
            except FileNotFoundError:  # is being replaced
                return None
            return (files["bundle.pem"] == files["privkey.pem"] + files["fullchain.pem"] and
                    files["fullchain.pem"] == files["cert.pem"] + files["chain.pem"] and
                    not [name for name in files if name.startswith(".")] and files)
        return wait_for(whole, 10, "a drop of one certificate")

    def wait_dropped(self, after):
        def is_there():
            manifest = self.certd.drop(NAME) / "manifest.json"
            last = self.last()
            return last and last != after and manifest.exists() and last in manifest.read_text()
        wait_for(is_there, 80, "the certificate's files")  # the next attempt is a minute away at most
        return self.last()

    def refused(self, method, **params):
        """The error of a call that must be refused for lack of space."""
        with pytest.raises(RpcError) as info:
            self.call(method, **params)
        assert info.value.data["code"] == "no-space", info.value.data
        return str(info.value)

    def create_until_full(self, prefix="c"):
        """Creates consumers until the disk is full (certd keeps a reserve). Returns their names."""
        names = []
        while True:
            try:
                self.call("consumer.create", properties={"name": f"{prefix}{len(names)}"})
            except RpcError as error:
                assert error.data["code"] == "no-space", error.data
                return names
            names.append(f"{prefix}{len(names)}")
            self.disk.fill()
            assert len(names) < 1000


@pytest.fixture
def world(mounts, start, scratch):
    world = World(start, scratch)
    yield world
    world.certd.stop()
    world.ready.close()


def test_a_full_disk_is_told_nothing_is_half_done_and_it_heals_by_itself(world):
    disk, call = world.disk, world.call
    before, first = world.dropped(), world.last()
    # The disk fills up during an order, whose end cannot be stored.
    world.pebble.freeze()
    call("autoCertificate.renew", ref=NAME, force=True)
    disk.fill()
    names = world.create_until_full()
    told = world.refused("autoCertificate.update", ref=NAME, properties={"subjectAlternativeNames": ["b.example.com"]})
    assert "No space left on device" in told and str(disk.path) in told, told
    world.refused("autoCertificate.delete", ref=NAME)
    world.refused("autoCertificate.renew", ref=NAME, force=True)
    # Refused changes have no effect, and existing objects can be read.
    assert sorted(c["properties"]["name"] for c in call("consumer.list", limit=1000)["items"]) == sorted(names)
    assert "subjectAlternativeNames" not in call("autoCertificate.get", ref=NAME)["properties"] or \
        call("autoCertificate.get", ref=NAME)["properties"]["subjectAlternativeNames"] == []
    status = call("server.status")
    assert status["state"] == "degraded" and str(disk.path) in status["message"], status
    for question in (("status",), ("explain", NAME)):
        assert f"the disk of {disk.path} is full" in world.certd.ctl(*question).stdout
    world.pebble.thaw()
    wait_for(lambda: f"{NAME}: " in world.certd.log and "No space left" in world.certd.log, 20, "the order to end")
    assert world.dropped() == before  # even if the store still had room for the certificate
    disk.free()
    world.wait_dropped(first)
    wait_for(lambda: call("server.status")["state"] == "running", 20)
    call("consumer.create", properties={"name": "afterwards"})
    world.dropped()


def test_a_start_on_a_full_disk_is_ready_and_serves_what_is_there(world):
    world.disk.fill()
    world.create_until_full()
    before, first = world.dropped(), world.last()
    world.certd.stop()
    world.certd.start()
    world.wait_ready()
    assert world.call("server.status")["version"]
    assert world.dropped() == before and world.last() == first
    world.disk.fill()
    world.create_until_full("second")
    world.disk.free()
    world.call("consumer.create", properties={"name": "later"})
    world.call("autoCertificate.renew", ref=NAME, force=True)
    world.wait_dropped(first)


def renew_with(world, kib):
    """Renews with that much room left on the disk. Returns the result; the files belong to one certificate afterwards.
    """
    world.disk.fill()
    os.truncate(world.disk.ballast, world.disk.ballast.stat().st_size - kib * KIB)
    before = len(world.certd.log)
    try:
        world.call("autoCertificate.renew", ref=NAME, force=True)
    except RpcError as error:
        assert error.data["code"] == "no-space", error.data
        end = "refused"
    else:
        end = wait_for(lambda: re.search(rf"{NAME}: (files written|.*No space left)", world.certd.log[before:]), 20,
                       f"an end of the renewal with {kib} KiB left")[1]
    files = world.dropped()
    assert json.loads(files["manifest.json"])["certificate"], files
    return end


def test_however_much_is_left_the_files_are_of_one_certificate(world):
    """Room for some of the writes of a renewal: a write to the store or to the drop fails, and nothing is half done."""
    world.ready.close()  # ten unread messages would fill it
    ends = []
    for has_store_room in (True, False):
        for kib in (0, 4, 6, 8, 12, 20, 28, 60):
            if not has_store_room:
                world.disk.fill()
                world.create_until_full(f"consumer-{kib}-")
            ends.append(renew_with(world, kib))
            last = world.last()
            world.disk.free()
            world.call("autoCertificate.renew", ref=NAME, force=True)
            world.wait_dropped(last)
    for part in (f"{world.disk.path}/store", f"{world.disk.path}/live", "files written"):
        assert any(part in end for end in ends), (part, ends)
