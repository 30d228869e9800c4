"""Is what clients make the server hold charged to memory_max? Each kind of load by many clients: of
what the allocator holds more, at least 95 % must be charged. The figures are the server's own
(SIGUSR2)."""

import base64
import re
import signal
import ssl
import time

from gateway import USERS, Gateway, Talk, send_mail

LEAST = 0.95
STEP = 64  # KiB in which a thread tells what it was charged (core/work/budget.h)
SETTINGS = {"memory_max": "1g", "client_memory_max": "1g", "user_memory_max": "1g",
            "smtpd_client_connection_count_limit": 10000, "confinement": "yes"}


def figures(g):
    """(KiB charged, KiB allocated), as soon as they rest."""
    before = None
    for _ in range(40):
        seen = g.log().count("memory: ")
        g.process.send_signal(signal.SIGUSR2)
        until = time.monotonic() + 5
        while g.log().count("memory: ") == seen and time.monotonic() < until:
            time.sleep(0.01)
        match = re.findall(r"memory: (\d+) KiB of \d+ KiB held for \d+ connections, (\d+) KiB allocated", g.log())[-1]
        now = tuple(int(n) for n in match)
        if now == before:
            return now
        before = now
        time.sleep(0.2)
    return before


def judge(name, load, warm_up=2, count=200, **settings):
    """load(g, n) makes one client's load and returns what keeps it up."""
    with Gateway(**{**SETTINGS, **settings}) as g:
        for t in [load(g, n) for n in range(warm_up)]:  # what is made once is no client's
            t.close()
        time.sleep(0.3)
        charged, allocated = figures(g)
        held = [load(g, n) for n in range(count)]
        charged_then, allocated_then = figures(g)
        for t in held:
            t.close()
        grew, known = allocated_then - allocated, charged_then - charged
        print(f"     {name}: {count} clients, {grew} KiB more allocated, {known} KiB charged, "
              f"{100 * known / max(grew, 1):.0f} %", flush=True)
        assert known + STEP >= LEAST * grew, (name, known, grew)
        assert known <= 3 * grew + 4096, (name, known, grew)  # what is charged is there
        until = time.monotonic() + 10
        while figures(g)[0] > charged + 256 and time.monotonic() < until:
            time.sleep(0.2)
        assert figures(g)[0] <= charged + 256, "what clients held is charged after they went"


def imap(g, n, login=True):
    t = Talk(g.imap_port)
    t.line()
    if login:
        assert t.imap("a", "LOGIN vagrant password")[-1].startswith("a OK")
    return t


def smtp(g, n):
    t = Talk(g.smtp_port)
    t.smtp()
    t.smtp("EHLO a.example.com")
    return t


def test_idle_strangers():
    judge("strangers in IMAP", lambda g, n: imap(g, n, login=False), count=3000)


def test_idle_users():
    def load(g, n):
        t = imap(g, n)
        t.imap("b", "SELECT INBOX")
        t.send("c IDLE\r\n")
        t.line()
        return t
    judge("users in IDLE", load, count=300)


def test_idle_pop3():
    def load(g, n):
        t = Talk(g.pop3_port)
        t.pop3()
        t.pop3(f"USER user{n}")
        t.pop3("PASS password")
        t.pop3("STAT")
        return t
    users = "".join(f"user{n}@mailserver.local:{{PLAIN}}password:::::\n" for n in range(300))
    judge("maildrops in POP3", load, count=300, warm_up=300, users=USERS + users)


def test_half_commands():
    def load(g, n):
        t = imap(g, n)
        t.send("b LOGIN x {60000}\r\n")
        t.line()
        t.send(b"x" * 50000)
        return t
    judge("half IMAP commands", load)


def test_half_lines():
    def load(g, n):
        t = smtp(g, n)
        t.send("MAIL FROM:<" + "x" * 1900)
        return t
    judge("half SMTP lines", load, count=1000)


def test_half_logins():
    def load(g, n):
        t = smtp(g, n)
        first = base64.b64encode(b"n,,n=vagrant,r=" + b"n" * 100).decode()
        assert t.smtp("AUTH SCRAM-SHA-256 " + first)[0].startswith("334")
        return t
    judge("half logins", load, count=500, smtpd_sasl_auth_enable="yes")


def test_many_recipients():
    def load(g, n):
        t = smtp(g, n)
        t.smtp("MAIL FROM:<a@example.com>")
        t.send("RCPT TO:<vagrant@mailserver.local>\r\n" * 1000)
        for _ in range(1000):
            t.smtp()
        return t
    judge("1,000 recipients", load, count=60)


def test_half_messages():
    def load(g, n):
        t = smtp(g, n)
        t.smtp("MAIL FROM:<a@example.com>")
        t.smtp("RCPT TO:<vagrant@mailserver.local>")
        t.smtp("DATA")
        t.send(b"Subject: half\r\n\r\n" + b"x" * 70 + b"\r\n" * 700)
        return t
    judge("half messages", load)


def test_answers_not_read():
    def load(g, n):
        t = imap(g, n)
        t.imap("b", "SELECT INBOX")
        t.send("c FETCH 1:* (ENVELOPE BODYSTRUCTURE)\r\n" * 40)
        return t

    def filled(g, n):
        if n == 0 and not hasattr(g, "filled"):
            g.filled = True
            for _ in range(20):
                send_mail(g, "Subject: " + "s" * 900 + "\r\nTo: " + ", ".join(["ann@example.com"] * 300) + "\r\n\r\nhi\r\n")
        return load(g, n)
    judge("answers that nobody reads", filled, count=60)


def test_idle_tls():
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE

    def load(g, n):
        t = Talk(g.imaps_port)
        t.socket = context.wrap_socket(t.socket)
        t.line()
        t.imap("a", "LOGIN vagrant password")
        return t
    judge("users with TLS", load, count=200)


for only_once in [test for name, test in vars().items() if name.startswith("test_")]:
    only_once.once = True
