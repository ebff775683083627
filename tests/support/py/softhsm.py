"""A PKCS#11 token in software (SoftHSM), whose keys are made inside and cannot be read."""
from pathlib import Path

from procs import run

MODULE = "/usr/lib/softhsm/libsofthsm2.so"
PIN = "7351-not-to-be-seen"


class Token:
    """`variables`: with these, certd finds it, with `server_variables` servers do. `pin_file` has its PIN."""

    def __init__(self, directory, label="certd"):
        self.label = label
        self.directory = Path(directory)
        self.objects = self.directory / "tokens"
        self.objects.mkdir(parents=True)
        config = self.directory / "softhsm2.conf"
        config.write_text(f"directories.tokendir = {self.objects}\nobjectstore.backend = file\nlog.level = ERROR\n")
        self.variables = {"SOFTHSM2_CONF": str(config), "PKCS11_MODULE_PATH": MODULE}
        # What servers need in addition: they leave it to OpenSSL's configuration to start the engine.
        engine = self.directory / "openssl.cnf"
        engine.write_text("openssl_conf = init\n[init]\nengines = engines\n[engines]\npkcs11 = pkcs11\n"
                          f"[pkcs11]\nengine_id = pkcs11\nMODULE_PATH = {MODULE}\ninit = 1\n")
        self.server_variables = {**self.variables, "OPENSSL_CONF": str(engine)}
        self.pin_file = self.directory / "pin"
        self.pin_file.write_text(PIN)  # servers would take a line end as a part of it
        self.pin_file.chmod(0o600)
        self._run("softhsm2-util", "--init-token", "--free", "--label", label, "--pin", PIN, "--so-pin", PIN)

    def _run(self, *argv):
        return run(argv, env={**self.variables, "PATH": "/usr/bin:/bin"}).stdout

    def _tool(self, *argv):
        return self._run("pkcs11-tool", "--module", MODULE, "--token-label", self.label, "--login", "--pin", PIN, *argv)

    def make_key(self, name, kind="EC:prime256v1"):
        """Returns its URI."""
        self._tool("--keypairgen", "--key-type", kind, "--label", name, "--id", name.encode().hex())
        return f"pkcs11:token={self.label};object={name}?pin-source=file:{self.pin_file}"

    def public_key(self, name):
        """As openssl prints it: PEM."""
        file = self.directory / "public.der"
        self._tool("--read-object", "--type", "pubkey", "--label", name, "--output-file", str(file))
        return run(["openssl", "pkey", "-pubin", "-inform", "DER", "-in", file]).stdout

    def cannot_be_read(self, name):
        listed = self._tool("--list-objects", "--type", "privkey", "--label", name)
        return "never extractable" in listed and "always sensitive" in listed
