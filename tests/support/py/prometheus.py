"""Metrics of certd, and a real Prometheus that scrapes them."""
import json
import re
import urllib.parse
import urllib.request

from ionos_client import UnixConnection
from procs import Server, free_port, patient, run


def get(certd, path="/metrics", **headers):
    connection = UnixConnection(certd.runtime / "rest.sock")
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer, text


def scrape(certd, **headers):
    answer, text = get(certd, **headers)
    assert answer.status == 200, text
    return text


def samples(text):
    """{(name, labels as a sorted tuple): value}; each at most once."""
    found = {}
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        name, labels, value = re.fullmatch(r'(\w+)(?:\{(.*)\})? (\S+)', line).groups()
        pairs = re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', labels or "")
        key = (name, tuple(sorted(pairs)))
        assert key not in found, f"{key} is there twice"
        found[key] = float(value)
    return found


def value(found, metric, /, **labels):
    wanted = set(labels.items())
    matching = [v for (n, pairs), v in found.items() if n == metric and wanted <= set(pairs)]
    assert len(matching) == 1, (metric, labels, matching)
    return matching[0]


def has(found, metric, /, **labels):
    wanted = set(labels.items())
    return any(n == metric and wanted <= set(pairs) for n, pairs in found)


def check(text):
    """promtool: syntax, names, help."""
    result = run(["promtool", "check", "metrics"], input=text, check=False)
    assert result.returncode == 0 and not result.stdout + result.stderr, result


class Prometheus(Server):
    """A real one, which scrapes every second; its data is in the test's directory."""
    name = "prometheus"

    def __init__(self, directory, *, scrape_configs, rules=None):
        super().__init__(directory)
        self.port = free_port()
        self.config = {"global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
                       "rule_files": [str(rules)] if rules else [], "scrape_configs": scrape_configs}

    def command(self):
        path = self.directory / "prometheus.yml"
        path.write_text(json.dumps(self.config))
        return ["prometheus", f"--config.file={path}", f"--storage.tsdb.path={self.directory}/data",
                f"--web.listen-address=127.0.0.1:{self.port}", "--log.level=warn"]

    def get(self, path):
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"http://127.0.0.1:{self.port}{path}", timeout=patient(10)) as answer:
            return answer.read().decode()

    def is_ready(self):
        try:
            return "Ready" in self.get("/-/ready")
        except OSError:
            return False

    def query(self, expression):
        answer = json.loads(self.get("/api/v1/query?" + urllib.parse.urlencode({"query": expression})))
        return [(item["metric"], float(item["value"][1])) for item in answer["data"]["result"]]

    def alerts(self):
        """Those that fire, by name."""
        found = json.loads(self.get("/api/v1/alerts"))["data"]["alerts"]
        return {alert["labels"]["alertname"]: alert for alert in found if alert["state"] == "firing"}
