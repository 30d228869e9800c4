"""POP3 by the real server: HOSTILE's rows P01 to P10, and the clients that people use."""

import email.policy
import os
import poplib
import random
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time

from gateway import Gateway, Talk, read_mail, send_mail
from hostile import Hostile
from test_clients import run


def unverified():
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


class Client:
    """A session at the plain port, behind STLS, or at the port with TLS."""

    WAYS = ("clear", "stls", "pop3s")

    def __init__(self, g, way="clear", talk=Talk):
        self.t = talk(g.pop3s_port if way == "pop3s" else g.pop3_port)
        if way == "pop3s":
            self.wrap()
        self.greeting = self.t.line()
        if way == "stls":
            assert self.say("STLS").startswith("+OK")
            self.wrap()

    def wrap(self):
        self.t.socket = unverified().wrap_socket(self.t.socket, server_hostname="mailserver.local")

    def say(self, command):
        return self.t.pop3(command)

    def login(self, user="vagrant"):
        assert self.say(f"USER {user}") == "+OK"
        return self.say("PASS password")

    def lines(self, command):
        return self.t.pop3_lines(command)

    def close(self):
        self.t.close()


def enter(g, way="clear", user="vagrant", talk=Talk):
    c = Client(g, way, talk)
    answer = c.login(user)
    assert answer == "+OK Logged in.", answer
    return c


def fill(g, count, user="vagrant", size=10):
    send = Talk(g.smtp_port)
    send.smtp()
    send.smtp("EHLO x")
    mail = f"MAIL FROM:<a@example.com>\r\nRCPT TO:<{user}@mailserver.local>\r\nDATA\r\n"
    for n in range(count):
        send.send(mail)
        assert [send.smtp()[0][:3] for _ in range(3)] == ["250", "250", "354"]
        send.send(f"Subject: {n}\r\n\r\n" + "x" * size + "\r\n.\r\n")
        assert send.smtp()[0].startswith("250")
    send.close()


# ---- HOSTILE 7 ----

def test_p01_long_line():
    with Gateway() as g:
        for way in Client.WAYS:
            with Hostile(g, check_store=False) as h:
                for line in (b"USER ", b"", b"AUTH PLAIN "):
                    c = Client(g, way, talk=h.talk)
                    try:
                        c.t.send(line + b"a" * 10**6)
                    except OSError:
                        pass
                    assert c.t.line() == "-ERR Input line too long, aborting."
                    assert_ended(c)


def assert_ended(c):
    try:
        assert c.t.rest() == b""
    except OSError:
        pass


def test_p02_numbers():
    with Gateway() as g:
        send_mail(g, "Subject: one\r\n\r\na\r\nb\r\n")
        for way in Client.WAYS:
            c = enter(g, way)
            whole = c.lines("TOP 1 4294967295")
            assert whole[1].endswith(b"\r\n\r\na\r\nb\r\n"), whole
            assert c.lines("TOP 1 0")[1].endswith(b"Subject: one\r\n\r\n")
            assert c.lines("TOP 1 1")[1].endswith(b"\r\n\r\na\r\n")
            for bad in ("TOP 1 -1", "TOP 1", "TOP 0 1", "TOP 2 1", "RETR 2147483648", "RETR 0",
                        "RETR 18446744073709551617", "DELE -1", "LIST 00", "UIDL 2"):
                assert c.say(bad).startswith("-ERR"), bad
            assert c.say("QUIT") == "+OK Logging out."
            c.close()


def test_p03_answers_that_nobody_reads():
    with Gateway() as g:
        fill(g, 2000)
        with Hostile(g, cpu_ms=2000, check_store=False) as h:
            c = enter(g, talk=h.talk)
            c.t.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            for command in (b"UIDL\r\n", b"LIST\r\n", b"RETR 1\r\n"):
                c.t.send(command * 100)
            time.sleep(2)


def test_p04_marks_without_end():
    with Gateway() as g:
        send_mail(g, "Subject: one\r\n\r\n")
        # Full receives touch each page of io_uring's blocks once: 5 MiB, and then it stays flat.
        with Hostile(g, cpu_ns=2000, rss_slack_kib=8192, check_store=False) as h:
            c = enter(g, talk=h.talk)
            block, blocks = b"DELE 1\r\nRSET\r\n" * 5000, 100
            sender = threading.Thread(target=lambda: [c.t.send(block) for _ in range(blocks)])
            sender.start()
            for _ in range(5000 * blocks):
                assert c.t.line() == "+OK Marked to be deleted."
                assert c.t.line() == "+OK"
            sender.join()
            assert c.say("QUIT") == "+OK Logging out."
        if g.process is not None:
            assert len(read_mail(g)) == 1


def test_p05_no_quit_no_deletion():
    with Gateway() as g:
        fill(g, 3)
        for way in Client.WAYS:
            c = enter(g, way)
            assert c.say("DELE 1") == "+OK Marked to be deleted."
            c.close()
            g.log_line("Disconnected: Connection closed top=0/0")
            c = enter_again(g)
            assert c.say("STAT").startswith("+OK 3 ")
            assert c.say("DELE 2") == "+OK Marked to be deleted."
            g.kill()
            g.start()
            assert len(read_mail(g)) == 3
        c = enter(g)
        c.say("DELE 2")
        assert c.say("QUIT") == "+OK Logging out, messages deleted."
        g.kill()  # what was said is on the disk
        g.start()
        assert [uid for uid, _, _ in read_mail(g)] == [1, 3]


def enter_again(g, seconds=5):
    """Logs in as soon as the session before is known to be gone."""
    until = time.monotonic() + seconds
    while True:
        c = Client(g)
        answer = c.login()
        if answer == "+OK Logged in.":
            return c
        assert answer.startswith("-ERR [IN-USE]"), answer
        assert time.monotonic() < until
        c.close()
        time.sleep(0.02)


HOLD = """
import poplib, sys, time
c = poplib.POP3("127.0.0.1", int(sys.argv[1]), timeout=20)
c.user("vagrant"); c.pass_("password")
print("in", flush=True)
time.sleep(60)
"""


def test_p06_lock():
    with Gateway() as g:
        holder = subprocess.Popen([sys.executable, "-c", HOLD, str(g.pop3_port)],
                                  stdout=subprocess.PIPE, text=True)
        assert holder.stdout.readline() == "in\n"
        for way in Client.WAYS:  # one maildrop, whatever the port
            c = Client(g, way)
            assert c.login().startswith("-ERR [IN-USE] ")
            assert c.say("STAT") == "-ERR Please log in first."
            c.close()
        assert len(read_mail(g)) == 0  # IMAP goes on
        ann = enter(g, user="ann")
        assert ann.say("QUIT") == "+OK Logging out."
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        c = enter_again(g)
        g.kill()
        g.start()
        for _ in range(20):  # the lock is free before the client has read the last word
            c = enter(g)
            assert c.say("QUIT") == "+OK Logging out."


def test_p07_stls_injection():
    with Gateway() as g:
        t = Talk(g.pop3_port)
        t.line()
        t.send("STLS\r\nUSER vagrant\r\nPASS password\r\nSTAT\r\n")
        assert t.line().startswith("+OK Begin TLS")
        t.socket = unverified().wrap_socket(t.socket, server_hostname="mailserver.local")
        assert t.pop3("NOOP") == "-ERR Please log in first."
        assert t.pop3("PASS password") == "-ERR No username given."
        first, capa = t.pop3_lines("CAPA")
        assert b"STLS" not in capa and b"USER\r\n" in capa
        assert t.pop3("STLS") == "-ERR TLS is already active."
        t.close()
        t = Talk(g.pop3_port)  # a name that was given in the clear is forgotten
        t.line()
        assert t.pop3("USER vagrant") == "+OK"
        assert t.pop3("STLS").startswith("+OK")
        t.socket = unverified().wrap_socket(t.socket, server_hostname="mailserver.local")
        assert t.pop3("PASS password") == "-ERR No username given."
        t.close()


def test_p08_passwords():
    users = "blank@mailserver.local:{PLAIN} a  b :::::\nvagrant@mailserver.local:{PLAIN}password:::::\n"
    with Gateway(users=users) as g:
        c = Client(g)
        assert c.say("USER blank") == "+OK"
        assert c.say("PASS  a  b ") == "+OK Logged in."
        c.close()
        for way in Client.WAYS:
            for password in (b"password\0", b"\0", b"pass\rword"):
                c = Client(g, way)
                c.say("USER vagrant")
                c.t.send(b"PASS " + password + b"\r\n")
                assert c.t.line().startswith("-ERR")
                c.close()
            c = Client(g, way)
            c.say("USER vagrant")
            try:
                c.t.send(b"PASS " + b"x" * 65536 + b"\r\n")
            except OSError:
                pass
            assert c.t.line().startswith("-ERR")
            c.close()


def test_p09_dots():
    bodies = [b".", b"..", b".\r\n.\r\n..\r\n", b"a\r\n.b\r\n.", b"", b"\r\n\r\n.", b"no end"]
    rng = random.Random(1)
    for size in (20000, 200000, 3000000):
        lines = [b"." * rng.choice((0, 0, 1, 2)) + b"y" * rng.choice((0, 3, 70, 900)) for _ in range(size // 200)]
        bodies.append(b"\r\n".join(lines))
    with Gateway() as g:
        for body in bodies:
            t = Talk(g.smtp_port)
            t.smtp()
            t.smtp("EHLO x")
            t.smtp("MAIL FROM:<a@example.com>")
            t.smtp("RCPT TO:<vagrant@mailserver.local>")
            message = b"Subject: dots\r\n\r\n" + body
            t.send(b"BDAT %d LAST\r\n" % len(message) + message)
            assert t.smtp()[0].startswith("250")
            t.close()
        stored = [data for _, _, data in read_mail(g)]
        for way in Client.WAYS:
            c = enter(g, way)
            for n, data in enumerate(stored, 1):
                first, lines = c.lines(f"RETR {n}")
                assert first == f"+OK {len(data)} octets", first
                assert c.say(f"LIST {n}") == f"+OK {n} {len(data)}"
                plain = b"\r\n".join(l[1:] if l.startswith(b".") else l for l in lines.split(b"\r\n"))
                assert plain == (data if data.endswith(b"\r\n") else data + b"\r\n"), (way, n)
            assert c.say("STAT") == f"+OK {len(stored)} {sum(map(len, stored))}"
            c.say("QUIT")
            c.close()


def test_p10_unique_ids_stay():
    with Gateway() as g:
        fill(g, 5)
        before = unique_ids(g)
        assert len(set(before.values())) == 5
        assert all(1 <= len(u) <= 70 and all(0x21 <= b <= 0x7e for b in u.encode()) for u in before.values())
        c = enter(g)
        c.say("DELE 2")
        c.say("QUIT")
        c.close()
        g.stop()
        shutil.rmtree(g.path("store/idx"))  # the index is made again from the log
        g.start()
        wanted = [before[n] for n in (1, 3, 4, 5)]
        assert list(unique_ids(g).values()) == wanted
        g.stop()
        run("cp", "-a", g.path("store"), g.path("restored"))
        g.write_settings(mail_store_directory=g.path("restored"))
        g.start()
        assert list(unique_ids(g).values()) == wanted


def unique_ids(g):
    c = enter_again(g)
    _, lines = c.lines("UIDL")
    c.close()
    return {int(n): uid for n, uid in (line.split() for line in lines.decode().splitlines())}


# ---- what is answered ----

def test_stls_and_pop3s():
    with Gateway() as g:
        _, capa = Client(g).lines("CAPA")
        assert b"STLS\r\n" in capa
        for way in ("stls", "pop3s"):
            c = enter(g, way)
            _, capa = c.lines("CAPA")
            assert b"STLS" not in capa and b"SASL " in capa and b"USER\r\n" in capa
            assert c.say("QUIT") == "+OK Logging out."
            c.close()
        assert g.log_line("pop3-login: Login: user=<vagrant@mailserver.local>").count("TLS")


def test_log_lines():
    with Gateway() as g:
        send_mail(g, "Subject: one\r\n\r\na\r\n")
        c = enter(g)
        size = int(c.say("STAT").split()[2])
        c.lines("RETR 1")
        c.lines("TOP 1 0")
        c.say("DELE 1")
        c.say("QUIT")
        line = g.log_line("pop3-login: Login")
        assert "user=<vagrant@mailserver.local>, method=PLAIN, rip=127.0.0.1, lip=127.0.0.1, mpid=" in line, line
        line = g.log_line("pop3(vagrant@mailserver.local)<")
        assert f"Disconnected: Logged out top=1/{size - 3}, retr=1/{size + 3}, del=1/1, size={size}" in line or \
            f"Disconnected: Logged out top=1/{size}, retr=1/{size + 3}, del=1/1, size={size}" in line, (line, size)
        c = Client(g)
        c.say("USER vagrant")
        assert c.say("PASS wrong") == "-ERR [AUTH] Authentication failed."
        c.say("QUIT")
        line = g.log_line("auth failed, 1 attempts")
        assert "pop3-login: Disconnected: Logged out (auth failed" in line and "user=<vagrant>" in line, line


def test_settings():
    with Gateway(pop3_client_workarounds="outlook-no-nuls, oe-ns-eoh", pop3_no_flag_updates="yes",
                 pop3_login_delay="2s", pop3_greeting="Hello.") as g:
        send_mail(g, "Subject: one\r\n\r\na\r\n")
        c = enter(g)
        assert c.greeting == "+OK Hello."
        assert b"LOGIN-DELAY 2\r\n" in c.lines("CAPA")[1]
        c.lines("RETR 1")
        c.say("QUIT")
        c = Client(g)
        assert c.login().startswith("-ERR [LOGIN-DELAY] ")
        assert r"\Seen" not in read_mail(g)[0][1]
        time.sleep(2.1)
        assert c.login() == "+OK Logged in."
        c.close()


# ---- clients ----

def test_poplib():
    with Gateway() as g:
        fill(g, 5, size=1000)
        for c in (poplib.POP3("127.0.0.1", g.pop3_port, timeout=20),
                  poplib.POP3_SSL("127.0.0.1", g.pop3s_port, timeout=20, context=unverified())):
            assert "TOP" in c.capa()
            if not isinstance(c, poplib.POP3_SSL):
                c.stls(unverified())
            c.user("vagrant@mailserver.local")
            c.pass_("password")
            count, octets = c.stat()
            assert len(c.list()[1]) == len(c.uidl()[1]) == count
            assert sum(c.retr(n + 1)[2] for n in range(count)) == octets
            assert c.top(1, 0)[1][-1] == b""
            c.dele(1)
            c.rset()
            c.dele(count)
            c.quit()
            assert len(read_mail(g)) == count - 1


def test_utf8():
    """RFC 6856: names, passwords and mail in UTF-8; who did not say UTF8 is served ASCII headers."""
    users = ("jörg@mailserver.local:{PLAIN}grüße:::::\n"
             "vagrant@mailserver.local:{PLAIN}password:::::\n")
    mail = ("From: Jürgen <jürgen@exämple.example>\r\nTo: Jörg <jörg@mailserver.local>\r\nSubject: Grüße\r\n"
            "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8; name=\"ü\"\r\n"
            "Content-Transfer-Encoding: 8bit\r\n\r\nschön\r\n").encode()
    with Gateway(users=users) as g:
        send = Talk(g.smtp_port)
        send.smtp()
        send.smtp("EHLO x")
        for command in ("MAIL FROM:<jürgen@exämple.example> SMTPUTF8 BODY=8BITMIME",
                        "RCPT TO:<jörg@mailserver.local>", "DATA"):
            assert send.smtp(command)[0][0] in "23", command
        send.send(mail + b".\r\n")
        assert send.smtp()[0].startswith("250")
        send.close()
        served = {}
        for utf8 in (False, True):
            c = poplib.POP3("127.0.0.1", g.pop3_port, timeout=20)
            c.encoding = "UTF-8"
            assert c.capa()["UTF8"] == ["USER"]
            if utf8:
                assert c.utf8().startswith(b"+OK")
            c.user("jörg")
            c.pass_("grüße")
            served[utf8] = b"\r\n".join(c.retr(1)[1]) + b"\r\n"
            head = b"\r\n".join(c.top(1, 0)[1]) + b"\r\n"
            assert served[utf8].startswith(head)
            size = int(c.list(1).split()[2])
            c.quit()
        assert served[True].endswith(mail) and len(served[True]) == size
        head, body = served[False].split(b"\r\n\r\n", 1)
        assert head.isascii() and body == "schön\r\n".encode()
        message = email.message_from_bytes(served[False], policy=email.policy.default)
        assert message["Subject"] == "Grüße"
        assert message["Return-Path"] == "<invalid@internationalized-address.invalid>"
        (sender,), (to,) = message["From"].addresses, message["To"].addresses
        assert sender.addr_spec == to.addr_spec == "invalid@internationalized-address.invalid"
        assert sender.display_name == "Jürgen jürgen@exämple.example"
        assert message["Content-Type"] == 'text/plain; charset="utf-8"'
        assert not message.defects


def test_curl_pop3():
    with Gateway() as g:
        fill(g, 2)
        login = ["-s", "-k", "-u", "vagrant:password"]
        for url, more in ((f"pop3://127.0.0.1:{g.pop3_port}", []),
                          (f"pop3://127.0.0.1:{g.pop3_port}", ["--ssl-reqd"]),
                          (f"pop3://127.0.0.1:{g.pop3_port}", ["--login-options", "AUTH=PLAIN", "--sasl-ir"]),
                          (f"pop3s://127.0.0.1:{g.pop3s_port}", [])):
            assert len(run("curl", *login, *more, f"{url}/").split()) == 4
            assert "Subject: 1" in run("curl", *login, *more, f"{url}/2")
        run("curl", *login, "-I", "-X", "DELE", f"pop3://127.0.0.1:{g.pop3_port}/1")
        assert [uid for uid, _, _ in read_mail(g)] == [2]


def with_files(**files):
    directory = tempfile.mkdtemp()
    for name, text in files.items():
        with open(os.path.join(directory, name), "w") as f:
            f.write(text)
        os.chmod(os.path.join(directory, name), 0o600)
    return directory


def test_fetchmail():
    with Gateway() as g:
        fill(g, 4)
        for more in ("no sslcertck sslproto ''", "no sslcertck sslproto 'auto'"):
            d = with_files(rc=f"poll 127.0.0.1 protocol pop3 port {g.pop3_port} user vagrant password password "
                              f"{more} mda \"cat >>{g.path('fetched')}\" fetchall keep\n")
            run("fetchmail", "-f", f"{d}/rc", "--idfile", f"{d}/ids", "--pidfile", f"{d}/pid", "--nosyslog",
                env={"HOME": d, "FETCHMAILHOME": d})
            shutil.rmtree(d)
        with open(g.path("fetched")) as f:
            assert f.read().count("Subject: ") == 8


def getmail(d):
    """Its wait for the program that it delivers to hangs now and then; it is started again then."""
    for seconds in (8, 8, 8, 60):
        try:
            return run("getmail", "--getmaildir", d, "--rcfile", f"{d}/rc", env={"HOME": d}, seconds=seconds)
        except subprocess.TimeoutExpired:
            continue
    raise AssertionError("getmail never came to an end")


def test_getmail():
    with Gateway() as g:
        fill(g, 4)
        d = with_files(rc="")
        for kind, port in (("SimplePOP3Retriever", g.pop3_port), ("SimplePOP3SSLRetriever", g.pop3s_port)):
            with open(f"{d}/rc", "w") as f:
                f.write(f"[retriever]\ntype = {kind}\nserver = 127.0.0.1\nport = {port}\nusername = vagrant\n"
                        f"password = password\n[destination]\ntype = MDA_external\npath = /usr/bin/tee\n"
                        f"arguments = ('-a', '{d}/mail')\nallow_root_commands = true\n"
                        f"[options]\nread_all = true\ndelete = {'true' if 'SSL' in kind else 'false'}\n")
            getmail(d)
        with open(f"{d}/mail") as f:
            assert f.read().count("\nSubject: ") >= 8
        assert read_mail(g) == []
        shutil.rmtree(d)


def test_mpop():
    with Gateway() as g:
        fill(g, 4)
        for n, tls in enumerate(("tls off", "tls on\ntls_starttls on\ntls_certcheck off",
                                 "tls on\ntls_starttls off\ntls_certcheck off")):
            port = g.pop3s_port if n == 2 else g.pop3_port
            d = with_files(rc=f"account default\nhost 127.0.0.1\nport {port}\nuser vagrant\npassword password\n"
                              f"auth {'user' if n == 0 else 'plain'}\n{tls}\nkeep on\n"
                              f"delivery mbox {g.path('fetched')}\nuidls_file {g.path('ids')}{n}\n")
            run("mpop", "-C", f"{d}/rc", env={"HOME": d})
            shutil.rmtree(d)
        with open(g.path("fetched")) as f:
            assert f.read().count("\nSubject: ") == 12
