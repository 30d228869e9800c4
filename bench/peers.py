"""Sets up Debian's Postfix and Dovecot privately, in a directory of the caller's, for the same load.

Both are tuned: as many processes as there are sessions, no DNS, no limits per client. Their own
services are not touched. Loopback only.
"""

import os
import pwd
import shutil
import subprocess
import time


def has_postfix():
    return shutil.which("postfix") is not None


def has_dovecot():
    return shutil.which("dovecot") is not None


def has_sink():
    return shutil.which("smtp-sink") is not None


def wait_port(port, seconds=10):
    import socket
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError(f"nothing listens on port {port}")


class Sink:
    """smtp-sink: takes everything, keeps nothing. The ceiling of what a generator can reach."""

    def __init__(self, port):
        self.port = port

    def __enter__(self):
        self.process = subprocess.Popen(["smtp-sink", "-u", "nobody", f"127.0.0.1:{self.port}", "4000"],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_port(self.port)
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


POSTFIX_MAIN = """\
compatibility_level = 3.6
queue_directory = {d}/queue
data_directory = {d}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
meta_directory = /etc/postfix
shlib_directory = /usr/lib/postfix
maillog_file = {d}/maillog
maillog_file_prefixes = {d}
myhostname = mailserver.local
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
alias_maps =
alias_database =
local_recipient_maps =
default_transport = discard:
relay_transport = discard:
virtual_transport = discard:
default_process_limit = 600
in_flow_delay = 0
qmgr_message_active_limit = 100000
qmgr_message_recipient_limit = 100000
default_destination_concurrency_limit = 50
initial_destination_concurrency = 50
disable_dns_lookups = yes
smtpd_peername_lookup = no
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_recipient_restrictions = permit_mynetworks, reject
smtpd_client_connection_count_limit = 0
smtpd_client_connection_rate_limit = 0
max_use = 1000
message_size_limit = 104857600
"""

POSTFIX_MASTER = """\
127.0.0.1:{port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
tlsmgr unix - - n 1000? 1 tlsmgr
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""


class Family:
    """What all processes of a peer use: those that live, and those that its master buried."""

    def pids(self):
        with open(self.pid_file) as f:
            found = [int(f.read())]
        children = {}
        for name in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{name}/stat") as f:
                    children.setdefault(int(f.read().rsplit(")", 1)[1].split()[1]), []).append(int(name))
            except OSError:
                continue
        for pid in found:  # it grows as we go
            found += children.get(pid, [])
        return found

    def cpu_s(self):
        ticks = 0
        for at, pid in enumerate(self.pids()):
            try:
                with open(f"/proc/{pid}/stat") as f:
                    fields = f.read().rsplit(")", 1)[1].split()
            except OSError:
                continue
            ticks += sum(map(int, fields[11:15] if at == 0 else fields[11:13]))
        return ticks / os.sysconf("SC_CLK_TCK")

    def memory_kib(self):
        """(own memory, each shared page counted in parts)"""
        total = 0
        for pid in self.pids():
            try:
                with open(f"/proc/{pid}/smaps_rollup") as f:
                    total += sum(int(line.split()[1]) for line in f if line.startswith("Pss_Anon:"))
            except OSError:
                continue
        return total,


class Postfix(Family):
    """Accepts into its queue, durably, and throws the mail away behind it. `tls`: a port with TLS from
    the first byte on, and a file with key and certificate; then the other port has STARTTLS."""

    def __init__(self, directory, port, tls=None):
        self.directory, self.port, self.tls = directory, port, tls
        self.pid_file = f"{directory}/queue/pid/master.pid"

    def __enter__(self):
        d = self.directory
        for name in ("etc", "queue", "data"):
            os.makedirs(f"{d}/{name}", exist_ok=True)
        shutil.chown(f"{d}/data", "postfix")
        os.chmod(d, 0o755)
        with open(f"{d}/etc/main.cf", "w") as f:
            f.write(POSTFIX_MAIN.format(d=d))
            if self.tls:
                f.write(f"smtpd_tls_security_level = may\nsmtpd_tls_chain_files = {self.tls[1]}\n")
        with open(f"{d}/etc/master.cf", "w") as f:
            f.write(POSTFIX_MASTER.format(port=self.port))
            if self.tls:
                f.write(f"127.0.0.1:{self.tls[0]} inet n - n - - smtpd -o smtpd_tls_wrappermode=yes "
                        "-o smtpd_tls_security_level=encrypt\n")
        subprocess.run(["postfix", "-c", f"{d}/etc", "start"], check=True, stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_port(self.port)
        return self

    def drain(self, seconds=120):
        """Waits until nothing is left to deliver, so that one run does not slow the next."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if not any(files for part in ("incoming", "active", "maildrop")
                       for _, _, files in os.walk(f"{self.directory}/queue/{part}")):
                return
            time.sleep(0.05)

    def __exit__(self, *_):
        subprocess.run(["postfix", "-c", f"{self.directory}/etc", "stop"], capture_output=True)
        time.sleep(1)
        shutil.rmtree(self.directory, ignore_errors=True)


DOVECOT = """\
base_dir = {d}/run
state_dir = {d}/state
instance_name = bench-{format}
log_path = {d}/log
listen = 127.0.0.1
protocols = imap
ssl = {ssl}
disable_plaintext_auth = no
auth_username_format = %Lu
first_valid_uid = 1
mail_location = {location}
mail_max_userip_connections = 20000
passdb {{
  driver = static
  args = password=password
}}
userdb {{
  driver = static
  args = uid={user} gid={group} home={d}/home/%Ln allow_all_users=yes
}}
namespace inbox {{
  inbox = yes
  separator = /
}}
default_client_limit = 5000
default_process_limit = 2000
service imap-login {{
  service_count = 0
  client_limit = 5000
  process_min_avail = 2
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = {tls_port}
    ssl = yes
  }}
}}
"""


class Dovecot(Family):
    """IMAP over maildir or mdbox; any user, password "password". `tls` as with Postfix."""

    def __init__(self, directory, port, storage, tls=None):
        self.directory, self.port, self.storage, self.tls = directory, port, storage, tls
        self.pid_file = f"{directory}/run/master.pid"

    def __enter__(self):
        d = self.directory
        for name in ("run", "state", "home"):
            os.makedirs(f"{d}/{name}", exist_ok=True)
        user = pwd.getpwnam("nobody")
        os.chown(f"{d}/home", user.pw_uid, user.pw_gid)
        os.chmod(d, 0o755)
        location = {"maildir": "maildir:~/Maildir", "mdbox": "mdbox:~/mdbox"}[self.storage]
        with open(f"{d}/dovecot.conf", "w") as f:
            tls = f"yes\nssl_cert = <{self.tls[1]}\nssl_key = <{self.tls[1]}" if self.tls else "no"
            f.write(DOVECOT.format(d=d, port=self.port, format=self.storage, location=location,
                                   ssl=tls, tls_port=self.tls[0] if self.tls else 0,
                                   user=user.pw_uid, group=user.pw_gid))
        # Its daemon keeps what it inherits: a pipe would never end.
        subprocess.run(["dovecot", "-c", f"{d}/dovecot.conf"], check=True, stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_port(self.port)
        return self

    def __exit__(self, *_):
        subprocess.run(["doveadm", "-c", f"{self.directory}/dovecot.conf", "stop"], capture_output=True)
        time.sleep(1)
        shutil.rmtree(self.directory, ignore_errors=True)
