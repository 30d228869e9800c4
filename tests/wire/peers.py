"""Other people's servers as next hops: Postfix's smtp-sink, Postfix itself, aiosmtpd. Each is started on
loopback in a directory of its own; missing() says why one cannot be."""

import contextlib
import glob
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from gateway import free_port

POSTFIX = "/usr/lib/postfix/sbin/master"

# Takes mail by SMTP or LMTP, over TCP or a socket, with TLS when it has a certificate.
AIOSMTPD = """
import asyncio, ssl, sys, uuid
from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import SMTP

kind, where, directory, certificate = sys.argv[1:5]

class Handler:
    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("nobody"):
            return "550 5.1.1 no such user"
        envelope.rcpt_tos.append(address)
        return "250 Ok"

    async def handle_DATA(self, server, session, envelope):
        with open(f"{directory}/{uuid.uuid4()}.eml", "wb") as f:
            tls = "tls" if session.ssl else "clear"
            f.write((" ".join([tls, envelope.mail_from or "<>", *envelope.rcpt_tos]) + "\\n").encode())
            f.write(envelope.content)
        answers = len(envelope.rcpt_tos) if kind == "lmtp" else 1
        return "\\r\\n".join(["250 2.0.0 Ok: aiosmtpd has it"] * answers)

def factory():
    context = None
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
    return (LMTP if kind == "lmtp" else SMTP)(Handler(), enable_SMTPUTF8=True, tls_context=context)

async def main():
    loop = asyncio.get_running_loop()
    if where.startswith("/"):
        server = await loop.create_unix_server(factory, path=where)
    else:
        server = await loop.create_server(factory, host="127.0.0.1", port=int(where))
    await server.serve_forever()

asyncio.run(main())
"""


def python_with(module):
    """A Python that has the module: ours, or the system's; None."""
    for python in ("python3", "/usr/bin/python3"):
        if subprocess.run([python, "-c", f"import {module}"], capture_output=True, check=False).returncode == 0:
            return python
    return None


def missing(what):
    """Why this peer is not there; None when it is."""
    if what == "aiosmtpd":
        return None if python_with("aiosmtpd") else "there is no python3-aiosmtpd"
    if what == "postfix" and os.geteuid() != 0:
        return "only root can start Postfix"
    there = os.path.exists(POSTFIX) if what == "postfix" else shutil.which(what, path=os.environ["PATH"] + ":/usr/sbin")
    return None if there else f"there is no {what}"


def wait_listening(where, process, seconds=10):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        assert process is None or process.poll() is None, f"{process.args[0]} ended with {process.returncode}"
        family = socket.AF_UNIX if isinstance(where, str) else socket.AF_INET
        with socket.socket(family) as s:
            try:
                s.connect(where if isinstance(where, str) else ("127.0.0.1", where))
                return
            except OSError:
                time.sleep(0.02)
    raise AssertionError(f"nobody listens on {where}")


@contextlib.contextmanager
def program(command, where):
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
    try:
        wait_listening(where, process)
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(3)
            except subprocess.TimeoutExpired:
                process.kill()
        process.wait()


@contextlib.contextmanager
def directory():
    path = tempfile.mkdtemp(prefix="ringpost-peer-")
    os.chmod(path, 0o755)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


class Mails:
    """What a peer wrote into its directory, a file for each mail."""

    def __init__(self, path):
        self.path = path

    def all(self):
        found = []
        for name in glob.glob(self.path + "/*"):
            with open(name, "rb") as f:
                found.append(f.read())
        return found

    def wait(self, count, seconds=20):
        until = time.monotonic() + seconds
        while len(self.all()) < count:
            assert time.monotonic() < until, f"{len(self.all())} of {count} mails"
            time.sleep(0.05)
        return self.all()


@contextlib.contextmanager
def smtp_sink(*flags):
    """(port, its Mails), started with these flags besides."""
    port = free_port()
    with directory() as path:
        os.chmod(path, 0o777)
        sink = shutil.which("smtp-sink", path=os.environ["PATH"] + ":/usr/sbin")
        user = ["-u", "nobody"] if os.geteuid() == 0 else []
        with program([sink, "-4", *user, "-d", path + "/m.", *flags, f"127.0.0.1:{port}", "100"], port):
            yield port, Mails(path)


@contextlib.contextmanager
def aiosmtpd(kind="smtp", unix=False, certificate=""):
    """(port or path of its socket, its Mails)"""
    with directory() as path:
        os.mkdir(path + "/mails")
        where = path + "/socket" if unix else free_port()
        with program([python_with("aiosmtpd"), "-c", AIOSMTPD, kind, str(where), path + "/mails",
                      certificate], where):
            if unix:
                os.chmod(where, 0o777)
            yield where, Mails(path + "/mails")


MAIN_CF = """
compatibility_level = 3.6
queue_directory = {path}/queue
data_directory = {path}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
shlib_directory = /usr/lib/postfix
meta_directory = /etc/postfix
mail_owner = postfix
setgid_group = postdrop
maillog_file = {path}/maillog
maillog_file_prefixes = {path}
myhostname = postfix.example
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
alias_maps =
alias_database =
smtpd_peername_lookup = no
smtp_dns_support_level = disabled
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_recipient_restrictions = check_recipient_access inline:{{ {{ nobody@a.example = 550 5.1.1 nobody }} }}, permit_mynetworks, reject
default_transport = {transport}
{more}
"""

MASTER_CF = """
127.0.0.1:{port} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
lmtp unix - - n - - lmtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
tlsmgr unix - - n 1000? 1 tlsmgr
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""


@contextlib.contextmanager
def postfix(transport="discard:", more=""):
    """(port, function that returns its log). What it takes goes by `transport`."""
    port = free_port()
    with directory() as path:
        for name in ("etc", "queue", "data"):
            os.mkdir(f"{path}/{name}")
        shutil.chown(path + "/data", "postfix")
        for name, text in (("main.cf", MAIN_CF), ("master.cf", MASTER_CF)):
            with open(f"{path}/etc/{name}", "w") as f:
                f.write(text.format(path=path, port=port, transport=transport, more=more))

        def log():
            try:
                with open(path + "/maillog", errors="replace") as f:
                    return f.read()
            except FileNotFoundError:
                return ""

        run = lambda word: subprocess.run(["postfix", "-c", path + "/etc", word], stdin=subprocess.DEVNULL,
                                          capture_output=True, timeout=60, check=False)
        run("start")
        try:
            wait_listening(port, None)
            yield port, log
        finally:
            run("stop")
