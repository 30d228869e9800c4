"""Limits, budgets, overload: what a crowd gets, on the real server (HOSTILE.md 1, 2 and 10)."""

import os
import re
import socket
import subprocess
import time

from gateway import BINARY, HERE, ROOT, Gateway, Talk, read_mail, send_mail
from hostile import Hostile, cpu_s, scaled

ALL_STRANGERS = {"mynetworks": "192.0.2.0/24", "smtpd_authorized_xclient_hosts": "127.0.0.0/8"}


def greeting(port, source=None, seconds=10):
    """The first bytes that a new connection gets, and the connection."""
    s = socket.create_connection(("127.0.0.1", port), timeout=seconds,
                                 source_address=(source, 0) if source else None)
    try:
        return s.recv(512), s
    except OSError:
        return b"", s


# ---- one client ----

def test_connections_of_one_client():
    """L1 at one less, at it, and one more; another client and another protocol."""
    with Gateway(smtpd_client_connection_count_limit=5, **ALL_STRANGERS) as g:
        held = [greeting(g.smtp_port)[1] for _ in range(3)] + [greeting(g.imap_port)[1]]
        said, fifth = greeting(g.smtp_port)
        assert said.startswith(b"220 "), said
        said, _ = greeting(g.smtp_port)
        assert said == b"421 4.7.0 mailserver.local Error: too many connections from 127.0.0.1\r\n", said
        g.log_line("Connection concurrency limit exceeded: 6 from unknown[127.0.0.1] for service smtp")
        said, _ = greeting(g.imap_port)
        assert said.startswith(b"* BYE [UNAVAILABLE] Too many"), said
        said, other = greeting(g.smtp_port, "127.0.0.2")
        assert said.startswith(b"220 "), said
        fifth.close()
        until = time.monotonic() + 5
        while not said.startswith(b"* OK") and time.monotonic() < until:
            said, last = greeting(g.imap_port)
        assert said.startswith(b"* OK"), said
        for s in (*held, other, last):
            s.close()


def test_rates_of_one_client():
    """Postfix's anvil by its names, each at its limit and one more."""
    with Gateway(smtpd_client_connection_rate_limit=3, smtpd_client_message_rate_limit=2,
                 smtpd_client_recipient_rate_limit=3, anvil_rate_time_unit="1h", **ALL_STRANGERS) as g:
        g.stop()
        g.start(wait=False)
        g.log_line("serves", 20)
        time.sleep(0.3)
        with Talk(g.smtp_port, source="127.0.0.3") as t:
            t.smtp()
            t.smtp("EHLO a.example.com")
            for _ in range(2):
                assert t.smtp("MAIL FROM:<a@example.com>")[0].startswith("250")
                assert t.smtp("RCPT TO:<ann@mailserver.local>")[0].startswith("250")
                assert t.smtp("RSET")[0].startswith("250")
            assert t.smtp("MAIL FROM:<a@example.com>") == ["450 4.7.1 Error: too much mail from 127.0.0.3"]
            g.log_line("Message delivery request rate limit exceeded: 3 from localhost[127.0.0.3] for service smtp")
        with Talk(g.smtp_port, source="127.0.0.4") as t:
            t.smtp()
            t.smtp("EHLO a.example.com")
            t.smtp("MAIL FROM:<a@example.com>")
            for _ in range(3):
                assert t.smtp("RCPT TO:<ann@mailserver.local>")[0].startswith("250")
            assert t.smtp("RCPT TO:<ann@mailserver.local>") == ["450 4.7.1 Error: too many recipients from 127.0.0.4"]
        for n in range(4):
            said, s = greeting(g.smtp_port, "127.0.0.5")
            s.close()
            assert said.startswith(b"220 " if n < 3 else b"421 4.7.0 "), (n, said)
        g.log_line("Connection rate limit exceeded: 4 from unknown[127.0.0.5] for service smtp")


def test_flood_of_connections_S49():
    """As many connects as come in two seconds, or 10,000 of them: L1 of them are served, the others get their
    421 soon."""
    with Gateway(**{**ALL_STRANGERS, "smtpd_client_connection_count_limit": 50}) as g:
        with Hostile(g, cpu_connection_us=1000, rss_slack_kib=30000) as h:
            served, slowest, refused = [], 0, 0
            until = time.monotonic() + 2
            while scaled(time.monotonic() < until, len(served) + refused < 10000):
                began = time.monotonic()
                said, s = greeting(g.smtp_port)
                h.count(connections=1)
                slowest = max(slowest, time.monotonic() - began)
                if said.startswith(b"220 "):
                    served.append(s)
                else:
                    assert said.startswith(b"421 4.7.0 "), said
                    refused += 1
                    s.close()
            assert len(served) == 50 and refused > 50, (len(served), refused)
            assert slowest < 1 + 0.02 * 50, slowest
            for s in served:
                s.close()
        assert "more lines suppressed" in g.log()


# ---- slow peers ----

def test_slow_command_S47():
    """A byte now and then does not win time: the deadline is the command's."""
    with Gateway(smtpd_timeout="2s", imap_login_timeout="2s", **ALL_STRANGERS) as g:
        for port, words, end in ((g.smtp_port, b"EHLO slow", b"421 4.4.2"), (g.imap_port, b"a LOGIN slow", b"* BYE")):
            with Talk(port) as t:
                t.line()
                began = time.monotonic()
                t.socket.settimeout(0.3)
                said = b""
                for byte in words * 3:
                    try:
                        t.socket.send(bytes([byte]))
                        said += t.socket.recv(512)
                    except TimeoutError:
                        continue
                    except OSError:
                        break
                    if said:
                        break
                assert said.startswith(end), said
                took = time.monotonic() - began
                assert 1.5 < took < 7, took


# ---- settings at one less, at it, and one more ----

def structure_of(g, message, item="BODYSTRUCTURE"):
    """What the server says of a message that it has just got."""
    send_mail(g, message)
    with Talk(g.imap_port) as t:
        t.line()
        t.imap("a", "LOGIN vagrant password")
        t.imap("b", "SELECT INBOX")
        t.send(f"c FETCH * {item}\r\n")
        said = b""
        while b"c OK" not in said:
            said += t.socket.recv(65536)
        return said.decode()


def test_what_is_understood_of_a_message():
    """L8 to L10 by their options, on messages that go all the way."""
    with Gateway(header_size_limit=1500, header_block_size_limit=3000, header_count_limit=20,
                 header_address_token_limit=10, mime_nesting_limit=4, mime_part_limit=6,
                 mime_parameter_limit=3, mime_boundary_length_limit=71) as g:
        for more in (-1, 0, 1):
            seen = more <= 0
            subject = structure_of(g, "Subject: " + "x" * (1500 - 9 - 3 + more) + "end\r\n\r\nhi\r\n", "ENVELOPE")
            assert ("xend" in subject) == seen, subject
            trace = structure_of(g, "X: y\r\n" * 30 + "Subject: late\r\n\r\nhi\r\n", "ENVELOPE")
            assert "late" not in trace
            many = structure_of(g, "X: y\r\n" * (10 + more) + "To: " + ", ".join(["a@b"] * (10 + more)) + "\r\n\r\nhi\r\n",
                                "ENVELOPE")
            assert many.count('(NIL NIL "a" "b")') == min(10, 10 + more), many
            siblings = structure_of(g, "Content-Type: multipart/mixed; boundary=x\r\n\r\n" +
                                    "--x\r\n\r\nhi\r\n" * (5 + more) + "--x--\r\n")
            assert siblings.count('"text" "plain"') == min(5, 5 + more), siblings
            inside = structure_of(g, "Content-Type: message/rfc822\r\n\r\n" * (4 + more) + "Subject: in\r\n\r\nhi\r\n")
            assert ('"text" "plain"' in inside) == seen, inside
            params = structure_of(g, "Content-Type: text/plain" + "".join(f"; p{i}=value" for i in range(3 + more)) + "\r\n\r\nhi\r\n")
            assert params.count('"value"') == min(3, 3 + more), params
            boundary = "x" * (71 + more)
            parts = structure_of(g, f"Content-Type: multipart/mixed; boundary={boundary}\r\n\r\n--{boundary}\r\n\r\nhi\r\n--{boundary}--\r\n")
            assert ('"mixed"' in parts) == seen, parts


def test_handshake_time_L2():
    """smtpd_starttls_timeout is of the whole handshake, on any port, whatever trickles in."""
    with Gateway(smtpd_starttls_timeout="2s", imap_login_timeout="30s") as g:
        for port in (g.submissions_port, g.imaps_port):
            began = time.monotonic()
            with Talk(port) as t:
                t.send(b"\x16\x03\x01\x02\x00\x01")
                t.socket.settimeout(0.4)
                while True:
                    assert time.monotonic() - began < 8
                    try:
                        t.send(b"\x00")
                        if t.socket.recv(512) == b"":
                            break
                    except TimeoutError:
                        continue
                    except OSError:
                        break
                assert 1.5 < time.monotonic() - began < 6


def test_sasl_response_L3():
    with Gateway(smtpd_sasl_auth_enable="yes", smtpd_sasl_response_limit=1024, auth_failure_delay="0",
                 pop3_command_size=512) as g:
        for size, code in ((1020, "535"), (1024, "535"), (1028, "500")):
            with Talk(g.smtp_port) as t:
                t.smtp()
                t.smtp("EHLO a.example.com")
                assert t.smtp("AUTH PLAIN")[0].startswith("334")
                assert t.smtp("A" * size)[0].startswith(code), size
        for size, words in ((1024, "[AUTHENTICATIONFAILED]"), (1028, "BAD")):
            with Talk(g.imap_port) as t:
                t.line()
                t.send("a AUTHENTICATE PLAIN\r\n")
                assert t.line().startswith("+")
                t.send("A" * size + "\r\n")
                line = t.line()
                assert words in line, (size, line)


def test_mailboxes_of_an_account_L15():
    with Gateway(imap_mailbox_limit=10, mail_default_mailboxes="") as g:
        with Talk(g.imap_port) as t:
            t.line()
            t.imap("a", "LOGIN vagrant password")
            have = len(t.imap("b", 'LIST "" "*"')) - 1
            for n in range(10 - have):
                assert t.imap("c", f"CREATE box{n}")[-1].startswith("c OK"), n
                if n == 0:  # one that is there is no room
                    assert t.imap("c", "CREATE box0")[-1].startswith("c NO [ALREADYEXISTS]")
            assert t.imap("d", "CREATE one-more")[-1].startswith("d NO [LIMIT]")
            assert t.imap("e", "RENAME box0 other")[-1].startswith("e OK")
            assert t.imap("f", "RENAME other a/b")[-1].startswith("f NO [LIMIT]")
            assert t.imap("g", "DELETE other")[-1].startswith("g OK")
            assert t.imap("h", "CREATE a/b")[-1].startswith("h NO [LIMIT]")
            assert t.imap("i", "CREATE a")[-1].startswith("i OK")
            assert len(t.imap("j", 'LIST "" "*"')) - 1 == 10


def test_commands_ahead_L13():
    """What is sent behind a command that waits for its answer stays with the sender past a bound."""
    with Gateway(command_ahead_size="4k", auth_failure_delay="8s") as g:
        with Talk(g.imap_port) as t:
            t.line()
            t.send("a LOGIN vagrant wrong\r\n")
            t.socket.setblocking(False)
            time.sleep(0.3)
            before, sent = g.rss_kib(), 0
            until = time.monotonic() + 2
            while time.monotonic() < until:
                try:
                    sent += t.socket.send(b"n NOOP\r\n" * 1000)
                except BlockingIOError:
                    time.sleep(0.05)
            assert sent < 16 * 2**20, sent  # the sockets' own buffers
            assert g.rss_kib() - before < 1024


def test_memory_of_one_user():
    """HOSTILE 10: what a user's sessions hold is bounded whatever addresses they come from."""
    with Gateway(user_memory_max="1m", client_memory_max="64m") as g:
        with Talk(g.imap_port) as other:
            other.line()
            other.imap("a", "LOGIN ann password")
            crowd, words = [], []
            for n in range(30):
                t = Talk(g.imap_port, source=f"127.0.1.{n + 1}")
                t.line()
                t.imap("a", "LOGIN vagrant password")
                t.send(b"b LOGIN x {60000}\r\n")
                words.append(t.line())
                if words[-1].startswith("+"):
                    t.send(b"x" * 59000)
                crowd.append(t)
            kept = sum(word == "+ OK" for word in words)
            assert 8 <= kept <= 17, words
            assert words[-1].startswith("* BYE [UNAVAILABLE]"), words
            assert other.imap("b", "NOOP")[-1].startswith("b OK")
            for t in crowd:
                t.close()


def test_unknown_client_is_not_ours():
    """XCLIENT ADDR=[UNAVAILABLE] from a proxy in mynetworks: the client may not relay."""
    with Gateway() as g:
        with Talk(g.smtp_port) as t:
            t.smtp()
            t.smtp("EHLO a.example.com")
            assert t.smtp("XCLIENT NAME=[UNAVAILABLE] ADDR=[UNAVAILABLE]")[0].startswith("220")
            t.smtp("EHLO a.example.com")
            t.smtp("MAIL FROM:<a@example.com>")
            assert t.smtp("RCPT TO:<x@elsewhere.example.com>")[0].startswith("554 5.7.1")
            assert t.smtp("RCPT TO:<vagrant@mailserver.local>")[0].startswith("250")
            t.smtp("DATA")
            assert t.smtp("Subject: hi\r\n\r\nhi\r\n.")[0].startswith("250")
        g.log_line("client=unknown[unknown]")
        assert b"(unknown [unknown])" in read_mail(g)[0][2]


# ---- descriptors ----

def test_no_descriptors_left_S50():
    g = Gateway(**ALL_STRANGERS)
    with g:
        g.stop()
        g.start(prefix=("prlimit", "--nofile=256:256"))
        pid = g.process.pid
        crowd, words = [], {}
        for _ in range(scaled(600, 1000)):
            s = socket.socket()
            s.setblocking(False)
            s.connect_ex(("127.0.0.1", g.smtp_port))
            crowd.append(s)
        time.sleep(1)
        before = cpu_s(pid)
        time.sleep(1)
        spent = cpu_s(pid) - before
        assert spent < 0.05, f"{spent:.3f} s of processor time in a second of waiting"
        for s in crowd:
            try:
                said = s.recv(512)
            except BlockingIOError:
                said = b"silence"
            except OSError:
                said = b"reset"
            words[said[:9]] = words.get(said[:9], 0) + 1
        assert words.get(b"220 mails", 0) > 20, words
        assert words.get(b"421 4.7.0", 0) + words.get(b"421 4.3.2", 0) > 200, words
        for s in crowd:
            s.close()
        began = time.monotonic()
        said = b""
        while not said.startswith(b"220 "):
            assert time.monotonic() - began < 5, said
            said, s = greeting(g.smtp_port)
            s.close()
        send_mail(g, "Subject: hi\r\n\r\nstill here\r\n")


# ---- memory ----

def test_memory_ladder_I45():
    """Half commands of 60 KiB by a crowd: the colours are told, the eldest strangers are shed, the
    total stays within the budget, who is logged in stays, and new strangers are asked to come back."""
    with Gateway(memory_max="16m", imap_login_command_size="64k", client_memory_max="64m",
                 smtpd_client_connection_count_limit=1000,
                 **{**ALL_STRANGERS, "mynetworks": "127.0.0.9"}) as g:
        with Hostile(g, rss_kib=80, rss_slack_kib=24000, cpu_ms=500, may_refuse=True) as h:
            user = Talk(g.imap_port, source="127.0.0.7")
            user.line()
            assert user.imap("a", "LOGIN vagrant password")[-1].startswith("a OK")
            refused = 0
            for n in range(900):  # the server may be far behind what was sent
                t = h.talk(g.imap_port)
                first = t.line()
                if not first.startswith("* OK"):
                    assert "[UNAVAILABLE]" in first, first
                    refused += 1
                    if refused > 20:
                        break
                    continue
                try:
                    t.send(b"a LOGIN vagrant {60000}\r\n")
                    t.line()
                    t.send(b"x" * 59000)
                except (OSError, EOFError):
                    pass  # it was shed already
            g.log_line("stress: orange, was")
            assert refused > 0, g.log()[-3000:]
            assert user.imap("b", "NOOP")[-1].startswith("b OK")
            time.sleep(1.5)  # who was silent for a second is idle
            shed = 0
            for t in h.peers:
                t.socket.settimeout(0.01)
                try:
                    shed += b"[UNAVAILABLE] The server is overloaded" in t.rest()
                except OSError:
                    pass
            assert shed > 0
            used = [int(p) for p in re.findall(r"stress: .*?memory (\d+)%", g.log())]
            assert max(used) <= 105, used
            user.close()
        assert re.search(r"stress: (yellow|orange|red), was green", g.log())


# ---- the log ----

def test_flood_of_log_lines_X10():
    with Gateway(smtpd_hard_error_limit=100, smtpd_soft_error_limit=100, **ALL_STRANGERS) as g:
        with Hostile(g, cpu_ns=2000, cpu_ms=1000) as h:
            for _ in range(8):
                with h.talk(g.smtp_port) as t:
                    t.smtp()
                    t.smtp("EHLO a.example.com")
                    t.smtp("MAIL FROM:<a@example.com>")
                    t.send("RCPT TO:<nobody@elsewhere.example.org>\r\n" * 50)
                    for _ in range(50):
                        t.smtp()
        assert re.search(r"\[127\.0\.0\.1\]: \d+ more lines suppressed", g.log()), g.log()[-2000:]


# ---- the table ----

def test_table_names_what_is_there():
    """Each limit of the list has an option or a constant, and a test, that exist."""
    options = subprocess.run([BINARY, "config", "--man"], capture_output=True, text=True).stdout
    sources = subprocess.run(["grep", "-rhoE", r"\b[A-Z]+(_[A-Z]+)+ = ", *(os.path.join(ROOT, d) for d in ("core", "proto"))],
                             capture_output=True, text=True).stdout
    seen = set()
    with open(os.path.join(HERE, "limits.txt")) as f:
        rows = [[word.strip() for word in line.split("|")] for line in f if line.startswith("L")]
    for limit, name, test in rows:
        seen.add(limit)
        assert name + " = " in sources or f"fB{name}" in options, name
        path, _, function = test.partition(":")
        full = os.path.join(ROOT, path)
        assert os.path.exists(full), test
        if function:
            with open(full) as f:
                assert re.search(rf"\b{function}\(", f.read()), test
    missing = {f"L{n}" for n in range(1, 19)} - seen
    assert not missing, missing


test_table_names_what_is_there.once = True
