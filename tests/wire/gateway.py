"""Starts the real ringpost binary on loopback, with everything it keeps in a directory of its own.

The tests of this folder speak to it as any client does. RINGPOST names the binary (scripts/test sets
it), RINGPOST_IO the reactor: uring or epoll.
"""

import itertools
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
BINARY = os.path.abspath(os.environ.get("RINGPOST", os.path.join(ROOT, "build", "ringpost")))
IO = os.environ.get("RINGPOST_IO", "auto")

# crypt(3) of "password", cheap on purpose: these tests are not about guessing it.
USERS = (
    "vagrant@mailserver.local:{PLAIN}password:::::\n"
    "ann@mailserver.local:{PLAIN}password:::::\n"
    "ben@mailserver.local:{PLAIN}password:::::\n"
    "canary@mailserver.local:{PLAIN}password:::::\n"
)


# A server that root starts becomes somebody else, so its files must be theirs.
OWNER = "nobody" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name


def give_away(*paths):
    """Makes OWNER the owner of these files."""
    if os.geteuid() == 0:
        for path in paths:
            shutil.chown(path, OWNER, pwd.getpwnam(OWNER).pw_gid)


# Ports below those that the system gives to clients, so that none takes one before the server does, in
# a part that is this run's, so that another's server is not there while ours is down; in turn, so that
# none comes twice in one server.
PORTS = 500
ports = itertools.cycle(10240 + os.getpid() % 43 * PORTS + i for i in range(PORTS))


def free_port():
    while True:
        with socket.socket() as s:
            port = next(ports)
            try:
                s.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


class Gateway:
    """One server. Use as a context manager; `start()` again after `kill()` or `stop()`."""

    def __init__(self, directory=None, io=None, users=USERS, **settings):
        self.own_directory = directory is None
        self.directory = directory or tempfile.mkdtemp(prefix="ringpost-test-")
        self.io = io or IO
        self.smtp_port, self.imap_port, self.lmtp_port = free_port(), free_port(), free_port()
        self.pop3_port = free_port()
        self.submission_port, self.submissions_port = free_port(), free_port()
        self.imaps_port, self.pop3s_port = free_port(), free_port()
        self.settings = {
            "myhostname": "mailserver.local",
            "mydestination": "mailserver.local",
            "mynetworks": "127.0.0.0/8",
            "smtpd_authorized_xclient_hosts": "127.0.0.0/8",
            "smtp_listen": f"127.0.0.1:{self.smtp_port}",
            "imap_listen": f"127.0.0.1:{self.imap_port}",
            "lmtp_listen": f"127.0.0.1:{self.lmtp_port}",
            "pop3_listen": f"127.0.0.1:{self.pop3_port}",
            "submission_listen": f"127.0.0.1:{self.submission_port}",
            "submissions_listen": f"127.0.0.1:{self.submissions_port}",
            "imaps_listen": f"127.0.0.1:{self.imaps_port}",
            "pop3s_listen": f"127.0.0.1:{self.pop3s_port}",
            "mail_store_directory": self.path("store"),
            "users_file": self.path("users"),
            "maillog_file": self.path("mail.log"),
            "store_segment_size": "4m",
            "smtpd_client_connection_count_limit": "10000",
            "mail_max_userip_connections": "10000",
            "io": self.io,
            "mail_owner": OWNER,
            "confinement": "kill",
        }
        self.settings.update({k: str(v) for k, v in settings.items()})
        self.settings = {k: v for k, v in self.settings.items() if v != "None"}
        self.process = None
        with open(self.path("users"), "w") as f:
            f.write(users)
        give_away(self.directory, self.path("users"))
        self.write_settings()

    def path(self, name):
        return os.path.join(self.directory, name)

    def write_settings(self, **more):
        self.settings.update({k: str(v) for k, v in more.items()})
        with open(self.path("ringpost.conf"), "w") as f:
            for name, value in self.settings.items():
                f.write(f"{name} = {value}\n")

    def start(self, *arguments, wait=True, prefix=()):
        self.arguments, self.prefix = arguments, prefix
        errors = open(self.path("stderr"), "ab")
        self.process = subprocess.Popen(
            [*prefix, BINARY, "serve", "-c", self.path("ringpost.conf"), *arguments],
            stdin=subprocess.DEVNULL, stdout=errors, stderr=errors)
        errors.close()
        if wait:
            self.wait_ready()
        return self

    def move_from_taken_port(self):
        """Somebody took a port between our asking for it and the server's: then another will do."""
        taken = re.search(r"127\.0\.0\.1:(\d+) is taken;.* in (\w+)_listen\s*$", self.stderr())
        port = taken and f"{taken.group(2)}_port"
        if not port or getattr(self, port, None) != int(taken.group(1)):
            return False
        setattr(self, port, free_port())
        self.write_settings(**{f"{taken.group(2)}_listen": f"127.0.0.1:{getattr(self, port)}"})
        return True

    def wait_ready(self, seconds=20):
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if self.process.poll() is not None:
                if self.move_from_taken_port():
                    return self.start(*self.arguments, prefix=self.prefix)
                raise AssertionError(f"ringpost ended with {self.process.returncode}: {self.stderr()}")
            try:
                with socket.create_connection(("127.0.0.1", self.imap_port), timeout=5) as s:
                    if s.recv(4).startswith(b"* OK"):
                        return
            except OSError:
                time.sleep(0.02)
        raise AssertionError(f"ringpost is not ready after {seconds} s: {self.stderr()}")

    def stop(self, seconds=20):
        """Asks it to stop in order and returns its exit code."""
        if self.process is None:
            return 0
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout=seconds)
        self.process = None
        return code

    def kill(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def reload(self):
        self.process.send_signal(signal.SIGHUP)

    def log(self):
        try:
            with open(self.path("mail.log"), errors="replace") as f:
                return f.read()
        except FileNotFoundError:
            return ""

    def log_line(self, part, seconds=5):
        """Waits for a line of the log that holds `part`, and returns it."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            for line in self.log().splitlines():
                if part in line:
                    return line
            time.sleep(0.02)
        raise AssertionError(f"no log line with {part!r} in:\n{self.log()[-3000:]}")

    def stderr(self):
        with open(self.path("stderr"), errors="replace") as f:
            return f.read()[-4000:]

    def rss_kib(self):
        with open(f"/proc/{self.process.pid}/status") as f:
            for line in f:
                if line.startswith("VmRSS:"):
                    return int(line.split()[1])

    def __enter__(self):
        if self.process is None:
            self.start()
        return self

    def __exit__(self, kind, *_):
        if self.process is not None and self.process.poll() is None and kind is None:
            code = self.stop()
            assert code == 0, f"exit code {code}: {self.stderr()}"
        self.kill()
        if self.own_directory:
            shutil.rmtree(self.directory, ignore_errors=True)


class Talk:
    """A conversation line by line, where a library would hide what was really said."""

    def __init__(self, port, host="127.0.0.1", source=None):
        self.socket = socket.create_connection((host, port), timeout=20,
                                               source_address=(source, 0) if source else None)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.kept = b""

    def send(self, data):
        self.socket.sendall(data if isinstance(data, bytes) else data.encode())

    def line(self):
        while b"\r\n" not in self.kept:
            more = self.socket.recv(65536)
            if not more:
                raise EOFError(self.kept)
            self.kept += more
        line, self.kept = self.kept.split(b"\r\n", 1)
        return line.decode("utf-8", "surrogateescape")

    def bytes(self, count):
        while len(self.kept) < count:
            more = self.socket.recv(65536)
            if not more:
                raise EOFError(self.kept)
            self.kept += more
        data, self.kept = self.kept[:count], self.kept[count:]
        return data

    def smtp(self, command=None):
        """Sends a command and returns the lines of its reply."""
        if command is not None:
            self.send(command + "\r\n")
        lines = [self.line()]
        while lines[-1][3:4] == "-":
            lines.append(self.line())
        return lines

    def imap(self, tag, command):
        """Sends a command and returns all lines up to the tagged one."""
        self.send(f"{tag} {command}\r\n")
        lines = [self.line()]
        while not lines[-1].startswith(tag + " "):
            lines.append(self.line())
        return lines

    def pop3(self, command=None):
        """Sends a command and returns the one line of its answer."""
        if command is not None:
            self.send(command + "\r\n")
        return self.line()

    def pop3_lines(self, command):
        """Sends a command and returns the first line and the bytes of those behind it, stuffed."""
        first = self.pop3(command)
        lines = b""
        while first.startswith("+OK"):
            line = self.line().encode("utf-8", "surrogateescape") + b"\r\n"
            if line == b".\r\n":
                break
            lines += line
        return first, lines

    def rest(self):
        data, self.kept = self.kept, b""
        while True:
            try:
                more = self.socket.recv(65536)
            except ConnectionResetError:
                return data
            if not more:
                return data
            data += more

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def send_mail(gateway, body, sender="a@example.com", to=("vagrant@mailserver.local",)):
    """Sends one mail with Python's own client and returns the server's word on it."""
    import smtplib
    with smtplib.SMTP("127.0.0.1", gateway.smtp_port, timeout=20) as client:
        client.ehlo("client.example.com")
        for command, argument in (("MAIL", f"FROM:<{sender}>"), *(("RCPT", f"TO:<{r}>") for r in to)):
            code, text = client.docmd(command, argument)
            assert code == 250, (command, argument, code, text)
        code, text = client.data(body)
        assert code == 250, (code, text)
        return text.decode()


def read_mail(gateway, user="vagrant", box="INBOX"):
    """All messages of a mailbox as [(uid, flags, bytes)]."""
    import imaplib
    import re
    client = imaplib.IMAP4("127.0.0.1", gateway.imap_port, timeout=60)
    client.login(user, "password")
    kind, data = client.select(box, readonly=True)
    assert kind == "OK", data
    messages = []
    if int(data[0]):
        kind, data = client.fetch("1:*", "(UID FLAGS BODY.PEEK[])")
        assert kind == "OK"
        for item in data:
            if isinstance(item, tuple):
                uid = int(re.search(rb"UID (\d+)", item[0])[1])
                flags = re.search(rb"FLAGS \(([^)]*)\)", item[0])[1].decode()
                messages.append((uid, flags, item[1]))
    client.logout()
    return messages
