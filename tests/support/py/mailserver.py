"""A Postfix of its own on a port of 127.0.0.1, with STARTTLS, and users that a Dovecot of its own authenticates.

Postfix and Dovecot start as root and drop their privileges, as they do on any host; nothing outside of @directory is
touched.
"""
import os
import shutil
from pathlib import Path

from procs import Server, free_port, listens, run

_MAIN = """compatibility_level = 3.6
queue_directory = {d}/queue
data_directory = {d}/data
maillog_file_prefixes = {d}
maillog_file = {d}/maillog
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = localhost
mydestination =
alias_maps =
virtual_mailbox_domains = example.test
virtual_mailbox_base = {d}/mail
virtual_mailbox_maps = static:inbox
virtual_uid_maps = static:65534
virtual_gid_maps = static:65534
smtpd_tls_cert_file = {cert}
smtpd_tls_key_file = {key}
smtpd_tls_security_level = encrypt
smtpd_tls_auth_only = yes
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = {d}/auth
smtpd_relay_restrictions = permit_sasl_authenticated, reject
smtpd_recipient_restrictions = permit_sasl_authenticated, reject
"""
_SERVICES = """127.0.0.1:{port} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""
_DOVECOT = """base_dir = {d}/run
state_dir = {d}/run
log_path = {d}/dovecot.log
protocols =
ssl = no
auth_mechanisms = plain login
passdb {{
  driver = static
  args = password={password}
}}
service auth {{
  unix_listener {d}/auth {{
    mode = 0666
  }}
}}
"""


def is_installed():
    return os.geteuid() == 0 and Path("/usr/sbin/postfix").exists() and Path("/usr/sbin/dovecot").exists()


class Dovecot(Server):
    """Only its authentication: any user with @password."""
    name = "dovecot"

    def __init__(self, directory, *, password):
        super().__init__(directory)
        self.password = password
        self.socket = self.directory / "auth"
        self.directory.chmod(0o755)

    def command(self):
        path = self.directory / "dovecot.conf"
        path.write_text(_DOVECOT.format(d=self.directory, password=self.password))
        return ["/usr/sbin/dovecot", "-F", "-c", path]

    def is_ready(self):
        return self.socket.exists()


class Postfix(Server):
    """@cert, @key: files for STARTTLS; @auth: the socket of Dovecot."""
    name = "postfix"

    def __init__(self, directory, *, cert, key, auth):
        super().__init__(directory)
        self.port = free_port()
        self.directory.chmod(0o755)
        self.files = {"cert": cert, "key": key}
        self.auth = auth
        self.inbox = self.directory / "mail/inbox"

    def command(self):
        for name, owner in (("queue", None), ("data", "postfix"), ("mail", "nobody")):
            path = self.directory / name
            path.mkdir(exist_ok=True)
            if owner:
                shutil.chown(path, owner)
        main = _MAIN.format(d=self.directory, **self.files).replace(f"{self.directory}/auth", str(self.auth))
        (self.directory / "main.cf").write_text(main)
        (self.directory / "master.cf").write_text(_SERVICES.format(port=self.port))
        run(["/usr/sbin/postfix", "-c", self.directory, "check"])
        return ["/usr/lib/postfix/sbin/master", "-c", self.directory, "-d"]

    def is_ready(self):
        return listens(self.port)

    @property
    def mails(self):
        """The texts of the mails that have arrived."""
        text = self.inbox.read_text() if self.inbox.exists() else ""
        return text.split("\nFrom ") if text else []
