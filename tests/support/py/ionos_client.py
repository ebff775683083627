"""A client of IONOS Certificate Manager 2.0 according to its public documents; standard library only.

It sends the requests of the generated SDKs, and has their requirements: the members that their models require, known
states, dates with a zone, Retry-After as a whole number of seconds with 429.
"""
import datetime
import http.client
import json
import re
import socket
import ssl
import urllib.parse

from procs import patient, wait_for

STATES = {"PROVISIONING", "AVAILABLE", "FAILED"}
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[45][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
TYPES = {"/providers": "provider", "/auto-certificates": "autocertificate", "/certificates": "certificate"}
REQUIRED = {"/providers": ("name", "email", "server"), "/certificates": ("name", "certificate", "certificateChain"),
            "/auto-certificates": ("provider", "commonName", "keyAlgorithm", "name")}
CERTIFICATE_METADATA = ("expired", "notBefore", "notAfter", "serialNumber", "commonName", "subjectAlternativeNames")


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout=20):
        super().__init__("localhost", timeout=patient(timeout))
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class ApiError(Exception):
    def __init__(self, status, body, headers):
        super().__init__(f"{status}: {body}")
        self.status = status
        self.body = body
        self.headers = headers
        self.messages = [m["message"] for m in body["messages"]]
        self.fields = [m.get("field") for m in body["messages"]]


def check_date(text):
    assert datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).tzinfo, text


def check_object(item, collection):
    """The cases in which the SDKs' models raise."""
    assert UUID.fullmatch(item["id"]), item["id"]
    assert item["href"] == f"{collection}/{item['id']}"
    assert item["type"] == TYPES.get(collection, item["type"])
    assert all(item["properties"].get(name) is not None for name in REQUIRED.get(collection, ()))
    metadata = item["metadata"]
    assert metadata["state"] in STATES and isinstance(metadata["message"], str)
    check_date(metadata["createdDate"])
    check_date(metadata["lastModifiedDate"])
    assert metadata["resourceURN"].count(":") == 4 and metadata["createdBy"] and metadata["lastModifiedBy"]
    if collection == "/certificates":
        assert all(metadata[name] is not None for name in CERTIFICATE_METADATA)
        check_date(metadata["notBefore"])
        check_date(metadata["notAfter"])
        assert re.fullmatch(r"[0-9A-F]{2}(:[0-9A-F]{2})*", metadata["serialNumber"])
        assert "privateKey" not in item["properties"]
    if collection == "/providers":
        assert "keySecret" not in item["properties"].get("externalAccountBinding", {})
    return item


class IonosClient:
    """@socket: of a Unix socket, or @url with @token. @checker: an openapi.OpenApi for all exchanges; may be set later."""

    def __init__(self, socket=None, *, url=None, token=None, ca_file=None, checker=None):
        self.token = token
        self.location = None  # of the last answer
        self.checker = checker
        if socket:
            self.connection = UnixConnection(socket)
        else:
            parts = urllib.parse.urlsplit(url)
            if parts.scheme == "https":
                self.connection = http.client.HTTPSConnection(
                    parts.hostname, parts.port, timeout=patient(20), context=ssl.create_default_context(cafile=ca_file))
            else:
                self.connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=patient(20))

    def close(self):
        self.connection.close()

    def _exchange(self, *request):
        """Like the SDKs, it connects again if its connection was idle for so long that certd has closed it."""
        is_used = self.connection.sock is not None
        try:
            self.connection.request(*request)
            return self.connection.getresponse()
        except (BrokenPipeError, ConnectionResetError):
            if not is_used:
                raise
            self.connection.close()
        self.connection.request(*request)
        return self.connection.getresponse()

    def raw(self, method, path, data=None, **headers):
        """Returns (status, headers, body as JSON, text or None)."""
        fields = {"Accept": "application/json", "Content-Type": "application/json",
                  **{name.replace("_", "-"): value for name, value in headers.items() if value is not None}}
        if self.token:
            fields.setdefault("Authorization", f"Bearer {self.token}")
        answer = self._exchange(method, path, data, fields)
        text = answer.read()
        self.location = answer.headers["Location"]
        is_text = (answer.headers["Content-Type"] or "").startswith("text/plain")
        body = text.decode() if is_text else json.loads(text) if text else None
        if body is not None and not is_text:
            assert answer.headers["Content-Type"].startswith("application/")
        return answer.status, answer.headers, body

    def request(self, method, path, body=None, **query):
        target = path + ("?" + urllib.parse.urlencode(query) if query else "")
        status, headers, answer = self.raw(method, target, None if body is None else json.dumps(body) + "\n")
        if self.checker:
            self.checker.check(method, path, body, status, answer, headers["Content-Type"])
        if status >= 300:
            assert answer["httpStatus"] == status
            assert all(m["errorCode"] and m["message"] for m in answer["messages"]) and answer["messages"]
            if status in (429, 503):
                assert int(headers["Retry-After"]) >= 1
            raise ApiError(status, answer, headers)
        return answer

    def fails(self, method, path, body=None, **query):
        try:
            answer = self.request(method, path, body, **query)
        except ApiError as error:
            return error
        raise AssertionError(f"{method} {path} was not refused: {answer}")

    # The operations.

    def create(self, collection, **properties):
        """Like ionosctl: the created object is read again at the Location, which must be an absolute URL."""
        item = check_object(self.request("POST", collection, {"metadata": {}, "properties": properties}), collection)
        location = urllib.parse.urlsplit(self.location)
        scheme = "https" if isinstance(self.connection, http.client.HTTPSConnection) else "http"
        host = self.connection.host
        authority = f"{host}:{self.connection.port}" if isinstance(self.connection.port, int) else host
        assert (location.scheme, location.path) == (scheme, item["href"]), self.location
        assert location.netloc in (host, authority), self.location
        return item

    def get(self, item):
        href = item if isinstance(item, str) else item["href"]
        return check_object(self.request("GET", href, depth=1), href.rpartition("/")[0])

    def rename(self, item, name):
        self.get(item)
        changed = self.request("PATCH", item["href"], {"metadata": {}, "properties": {"name": name}}, depth=1)
        return check_object(changed, item["href"].rpartition("/")[0])

    def delete(self, item):
        self.get(item)
        assert self.request("DELETE", item["href"], depth=1) is None

    def page(self, collection, **query):
        page = self.request("GET", collection, **query)
        assert UUID.fullmatch(page["id"]) and page["type"] == "collection" and page["href"] == collection
        for item in page["items"]:
            check_object(item, collection)
        assert len(page["items"]) <= page["limit"]
        assert ("prev" in page["_links"]) == (page["offset"] > 0)
        return page

    def list(self, collection, **filters):
        """All pages, by their links."""
        page = self.page(collection, **filters)
        items = list(page["items"])
        while "next" in page["_links"]:
            url = urllib.parse.urlsplit(page["_links"]["next"])
            assert url.path == collection
            page = self.page(collection, **dict(urllib.parse.parse_qsl(url.query)))
            items += page["items"]
        return items

    def wait_available(self, item, seconds=40):
        """Polls like `create --wait`."""
        def available():
            found = self.get(item)
            assert found["metadata"]["state"] != "FAILED", found["metadata"]["message"]
            return found if found["metadata"]["state"] == "AVAILABLE" else None
        return wait_for(available, seconds, f"{item['href']} available", interval=0.1)
