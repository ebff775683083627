"""A headless Chromium, driven over WebDriver with the standard library only."""
import base64
import json
import urllib.error
import urllib.request
from pathlib import Path

from procs import Server, free_port, patient

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
KEYS = {"Down": "\ue015", "Up": "\ue013", "End": "\ue010", "Home": "\ue011", "Enter": "\ue007", "Escape": "\ue00c",
        "PageDown": "\ue00f", "Tab": "\ue004"}


class Browser(Server):
    """Its profile is in the test's directory. After open(), console() and requests() say what has happened."""
    name = "chromedriver"

    def __init__(self, directory, *, size=(1440, 960)):
        super().__init__(directory)
        self.port = free_port()
        self.size = size
        self.session = None

    def command(self):
        return ["chromedriver", f"--port={self.port}", "--log-level=SEVERE"]

    def environment(self):
        return {name: str(self.directory) for name in ("HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME")}

    def _send(self, method, path, body=None):
        data = json.dumps(body if body is not None else {}).encode() if method == "POST" else None
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}", data, {"Content-Type": "application/json"}, method=method)
        try:
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=patient(60)) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{method} {path}: {error.read().decode()[:2000]}") from None

    def is_ready(self):
        try:
            return self._send("GET", "/status")["ready"]
        except OSError:
            return False

    def stop(self, *arguments):
        if self.session and self.is_running:
            try:
                self._send("DELETE", f"/session/{self.session}")
            except (OSError, AssertionError):
                pass
        self.session = None
        return super().stop(*arguments)

    def _post(self, path, body=None):
        return self._send("POST", f"/session/{self.session}{path}", body)

    def open(self, url):
        if not self.session:
            arguments = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
                         "--hide-scrollbars", "--force-color-profile=srgb", "--lang=en-GB", "--no-proxy-server",
                         f"--user-data-dir={self.directory}/profile", f"--window-size={self.size[0]},{self.size[1]}"]
            self.session = self._send("POST", "/session", {"capabilities": {"alwaysMatch": {
                "browserName": "chrome", "goog:chromeOptions": {"args": arguments, "binary": "/usr/bin/chromium"},
                "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"}}}})["sessionId"]
            self._post("/timeouts", {"script": 1000 * patient(30), "pageLoad": 1000 * patient(30)})
        self._post("/url", {"url": url})

    def cdp(self, command, **parameters):
        return self._post("/goog/cdp/execute", {"cmd": command, "params": parameters})

    def prefer(self, scheme):
        """Without transitions, so that a screenshot is of the end."""
        self.cdp("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme},
                                                         {"name": "prefers-reduced-motion", "value": "reduce"}])

    def run(self, script, *arguments):
        """The value that the JavaScript returns."""
        return self._post("/execute/sync", {"script": script, "args": list(arguments)})

    def text(self, selector):
        return self.run("const e = document.querySelector(arguments[0]); return e ? e.innerText : null", selector)

    def press(self, *keys):
        """Keys by name, or text, to the element with the focus."""
        codes = [key for word in keys for key in ([KEYS[word]] if word in KEYS else list(word))]
        actions = [{"type": kind, "value": key} for key in codes for kind in ("keyDown", "keyUp")]
        self._post("/actions", {"actions": [{"type": "key", "id": "keyboard", "actions": actions}]})

    def click(self, selector):
        element = self._post("/element", {"using": "css selector", "value": selector})
        self._post(f"/element/{element[ELEMENT]}/click")

    def screenshot(self, path):
        Path(path).write_bytes(base64.b64decode(self._send("GET", f"/session/{self.session}/screenshot")))

    def console(self):
        """Messages since the last call."""
        return [entry["message"] for entry in self._post("/se/log", {"type": "browser"})]

    def requests(self):
        """URLs requested since the last call."""
        found = []
        for entry in self._post("/se/log", {"type": "performance"}):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                found.append(message["params"]["request"]["url"])
        return found
