"""Mail, directory, database, chat and file servers that speak TLS after STARTTLS, as private instances on loopback.

Each serves a file with its key and chain, and reads it when it is started. `endpoint` is what certd probes.
"""
import pwd
import shutil
from pathlib import Path

from procs import Server, free_port, listens, run


class StarttlsServer(Server):
    """@bundle: key and chain in one file."""
    protocol = None

    def __init__(self, directory, bundle):
        super().__init__(directory)
        self.bundle = Path(bundle)
        self.port = free_port()

    @property
    def endpoint(self):
        return f"{self.protocol}://127.0.0.1:{self.port}"

    def is_ready(self):
        return listens(self.port)

    def write(self, name, text):
        path = self.directory / name
        path.write_text(text)
        return path

    def own_bundle(self, user):
        """A copy that @user may read; returns its path."""
        path = self.directory / "bundle.pem"
        shutil.copy(self.bundle, path)
        path.chmod(0o600)
        shutil.chown(path, user)
        return path


class Postfix(StarttlsServer):
    name, protocol = "postfix", "smtp"
    services = ("tlsmgr unix - - n 1000? 1 tlsmgr", "anvil unix - - n - 1 anvil",
                "rewrite unix - - n - - trivial-rewrite",
                "proxymap unix - - n - - proxymap", "postlog unix-dgram n - n - 1 postlogd")

    def command(self):
        queue, data = self.directory / "queue", self.directory / "data"
        for path in (queue, data):
            path.mkdir(exist_ok=True)
        shutil.chown(data, "postfix")
        self.write("main.cf", f"""\
compatibility_level = 3.6
queue_directory = {queue}
data_directory = {data}
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
myhostname = mail.example.com
inet_interfaces = 127.0.0.1
smtpd_tls_security_level = may
smtpd_tls_chain_files = {self.bundle}
maillog_file = /dev/stdout
maillog_file_prefixes = /dev
""")
        self.write("master.cf", "\n".join((f"127.0.0.1:{self.port} inet n - n - - smtpd", *self.services)) + "\n")
        run(["postfix", "-c", self.directory, "set-permissions"], check=False)
        run(["postfix", "-c", self.directory, "check"], check=False)
        return ["/usr/lib/postfix/sbin/master", "-d", "-c", self.directory]


class Dovecot(StarttlsServer):
    """@protocol: imap, pop3 or sieve."""
    name = "dovecot"

    def __init__(self, directory, bundle, protocol):
        super().__init__(directory, bundle)
        self.protocol = protocol

    def command(self):
        listener = {"imap": "imap", "pop3": "pop3", "sieve": "managesieve"}[self.protocol]
        inet = {"imap": "imap", "pop3": "pop3", "sieve": "sieve"}[self.protocol]
        config = self.write("dovecot.conf", f"""\
base_dir = {self.directory}/base
state_dir = {self.directory}/state
log_path = /dev/stderr
listen = 127.0.0.1
protocols = {self.protocol}
ssl = yes
ssl_cert = <{self.bundle}
ssl_key = <{self.bundle}
mail_location = maildir:{self.directory}/mail
passdb {{
  driver = static
  args = nopassword=y
}}
service {listener}-login {{
  inet_listener {inet} {{
    port = {self.port}
  }}
  inet_listener {inet}s {{
    port = 0
  }}
}}
""")
        return ["dovecot", "-F", "-c", config]


class Slapd(StarttlsServer):
    name, protocol = "slapd", "ldap"

    def command(self):
        config = self.write("slapd.conf", f"""\
pidfile {self.directory}/slapd.pid
TLSCertificateFile {self.bundle}
TLSCertificateKeyFile {self.bundle}
TLSCACertificateFile {self.bundle}
""")
        return ["slapd", "-h", f"ldap://127.0.0.1:{self.port}/", "-f", config, "-d", "0"]


class Postgres(StarttlsServer):
    """It refuses to run as root, and its data must be its own."""
    name, protocol = "postgres", "postgres"

    def __init__(self, directory, bundle):
        super().__init__(directory, bundle)
        self.data = None

    def command(self):
        programs = max(Path("/usr/lib/postgresql").glob("*/bin"))
        user = pwd.getpwnam("postgres")
        prefix = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
        if self.data is None:
            self.data = self.directory / "data"
            self.data.mkdir(mode=0o700)
            shutil.chown(self.data, "postgres", "postgres")
            run([*prefix, programs / "initdb", "-D", self.data, "-A", "trust", "--no-sync"], cwd="/", timeout=60)
        bundle = self.own_bundle("postgres")
        return [*prefix, programs / "postgres", "-D", self.data, "-p", self.port, "-c", "listen_addresses=127.0.0.1",
                "-c", "unix_socket_directories=", "-c", "ssl=on", "-c", f"ssl_cert_file={bundle}",
                "-c", f"ssl_key_file={bundle}", "-c", "fsync=off"]


class Prosody(StarttlsServer):
    name, protocol = "prosody", "xmpp"

    def command(self):
        bundle = self.own_bundle("prosody")
        (self.directory / "data").mkdir(exist_ok=True)
        config = self.write("prosody.cfg.lua", f"""\
run_as_root = true
daemonize = false
pidfile = "{self.directory}/prosody.pid"
data_path = "{self.directory}/data"
interfaces = {{ "127.0.0.1" }}
c2s_ports = {{ {self.port} }}
s2s_ports = {{ }}
modules_enabled = {{ "tls", "saslauth" }}
modules_disabled = {{ "s2s" }}
log = {{ info = "*console" }}
ssl = {{ key = "{bundle}", certificate = "{bundle}" }}
VirtualHost "mail.example.com"
""")
        return ["prosody", "--config", config, "-F"]


class Vsftpd(StarttlsServer):
    name, protocol = "vsftpd", "ftp"

    def command(self):
        (self.directory / "empty").mkdir(exist_ok=True)
        config = self.write("vsftpd.conf", f"""\
listen=YES
listen_address=127.0.0.1
listen_port={self.port}
background=NO
anonymous_enable=YES
anon_root={self.directory}/empty
run_as_launching_user=YES
secure_chroot_dir={self.directory}/empty
ssl_enable=YES
ssl_tlsv1=YES
ssl_ciphers=HIGH
rsa_cert_file={self.bundle}
rsa_private_key_file={self.bundle}
""")
        return ["vsftpd", config]
