"""AcmeDns: a stand-in for an acme-dns server (github.com/joohoi/acme-dns) that puts its values into a real name server."""
import threading

from ionos_dns import IonosDns

DOMAIN = "auth.example.net"


class AcmeDns(IonosDns):
    """`accounts`: password and label of each user, in the order of their registration; labels are a0, a1 ...

    `held`: while it is not set, the answer to a registration is not sent.
    """
    name = "acme-dns"

    def __init__(self, directory, backend):
        super().__init__(directory, backend, zones=(DOMAIN,))
        self.accounts = {}
        self.values = {}
        self.held = threading.Event()
        self.held.set()

    def is_allowed(self, path, headers):
        password = self.accounts.get(headers.get("X-Api-User"), (None,))[0]
        return path == ["register"] or (password and headers.get("X-Api-Key") == password)

    def answer(self, method, path, query, body):
        match method, path:
            case "POST", ["register"]:
                label = f"a{len(self.accounts)}"
                self.accounts[f"user-{label}"] = f"password-of-{label}", label
                self.held.wait(60)
                return 201, {"allowfrom": [], "fulldomain": f"{label}.{DOMAIN}", "subdomain": label,
                             "username": f"user-{label}", "password": f"password-of-{label}"}
            case "POST", ["update"]:
                owner = f"{body['subdomain']}.{DOMAIN}."
                self.values[owner] = [*self.values.get(owner, []), body["txt"]][-2:]
                done = self.backend.update(DOMAIN, f"del {owner} TXT", *(
                    f"add {owner} 60 TXT {value}" for value in self.values[owner]))
                assert done.returncode == 0, done.stderr
                return 200, {"txt": body["txt"]}
        return 404, {"error": "not found"}

    def errors(self, status, code, message):
        return {"error": "forbidden" if status == 401 else code}
