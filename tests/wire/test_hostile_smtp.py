"""Rows of the list of hostile inputs (tests/hostile/rows.txt) that a client of SMTP plays.

The short ones are the transcripts of tests/session, played to one server whose settings are read
again where a transcript wants others; the last test of them asks the oracle about all. The floods
come after, each with a server and an oracle of its own.
"""

import re
import socket
import time

from gateway import USERS, Gateway, Talk, read_mail
from hostile import Hostile
from replay import Transcript, hangs_up, play_smtp, rows_replayed

MORE_USERS = USERS + "bob@mailserver.local:{PLAIN}password:::::\npostmaster@mailserver.local:{PLAIN}password:::::\n"
# What the world of the transcripts has.
PLAIN = {
    "mail_name": "Postfix",
    "mynetworks": "192.0.2.0/24",
    "smtpd_forbid_unauth_pipelining": "no",
    "smtpd_error_sleep_time": "0s",
    "smtpd_authorized_xclient_hosts": "",
}
NAMES = {
    "xclient": ("smtpd_authorized_xclient_hosts", {"yes": "127.0.0.0/8"}),
    "discard": ("smtpd_discard_ehlo_keywords", {}),
}


# ---- transcripts ----

class Stage:
    """The server of all replays; it starts with the first."""

    def __init__(self):
        self.gateway = self.oracle = None
        self.given = dict(PLAIN)

    def open(self):
        if self.gateway is None:
            self.gateway = Gateway(users=MORE_USERS, **PLAIN).__enter__()
            self.oracle = Hostile(self.gateway, canary=False, log_rate=None, cpu_ms=None,
                                  rss_slack_kib=BLOCKS_KIB).__enter__()

    def set(self, settings):
        given = dict(PLAIN)
        for name, value in settings.items():
            name, values = NAMES.get(name, (name, {}))
            given[name] = values.get(value, value)
        if "smtpd_hard_error_limit" in given:
            given["smtpd_soft_error_limit"] = "1"
        if given == self.given:
            return
        for name in set(self.given) - set(given):
            self.gateway.settings.pop(name)
        self.given = given
        self.gateway.write_settings(**given)
        before = self.reloads()
        self.gateway.reload()
        until = time.monotonic() + 5
        while self.reloads() == before:
            assert time.monotonic() < until, self.gateway.log()[-2000:]
            time.sleep(0.01)

    def reloads(self):
        return self.gateway.log().count("the configuration was read again")

    def close(self):
        if self.gateway is not None:
            self.oracle.__exit__(None)
            self.gateway.__exit__(None)
            self.gateway = None


stage = Stage()


def replay(paths):
    stage.open()
    for path in paths:
        transcript = Transcript(path)
        stage.set(transcript.settings)
        small = sum(len(said) for said, _ in transcript.turns) < 3000
        for bytewise in (False, True) if small and not transcript.turns_only else (False,):
            before = read_boxes()
            play_smtp(stage.gateway.smtp_port, transcript, bytewise, stage.oracle.talk)
            stored_is_right(transcript, before)


def read_boxes():
    return {user: read_mail(stage.gateway, user) for user in ("vagrant", "ann", "bob")}


def stored_is_right(transcript, before):
    """As many mails as answers were OK, and what they hold is what the transcript says."""
    accepted = sum("queued as" in line for _, heard in transcript.turns for line in heard)
    after = read_boxes()
    new = {user: after[user][len(before[user]):] for user in after}
    stage.oracle.stored(sum(map(len, new.values())))
    assert bool(accepted) == any(new.values()), (transcript.path, new)
    bodies = b"".join(body for _, _, body in max(new.values(), key=len))
    if accepted == 1 and transcript.bodies:
        assert bodies.endswith(transcript.bodies.replace(b"\r\n", b"\n")) or bodies.endswith(
            transcript.bodies), (transcript.path, bodies, transcript.bodies)
    for box in new.values():
        assert len(box) <= accepted, (transcript.path, box)


def replay_test(paths):
    return lambda: replay(paths)


for row, row_paths in rows_replayed("smtp"):
    globals()[f"test_{row}_replayed"] = replay_test(row_paths)


def test_smtp_replays_and_the_oracle():
    stage.close()


# ---- floods ----

BLOCKS_KIB = 20480  # the blocks that reactors receive into: long segments touch all of each

def mail_begin(t, ready=True):
    if ready:
        t.smtp()
    for command in ("HELO x", "MAIL FROM:<a@example.com>", "RCPT TO:<vagrant@mailserver.local>"):
        assert t.smtp(command)[-1].startswith("250")


def send_all(t, data):
    """Sends until the server has had enough. True when it took all."""
    try:
        t.send(data)
        return True
    except (BrokenPipeError, ConnectionResetError, socket.timeout):
        return False


def shut_down(t):
    try:
        t.socket.shutdown(socket.SHUT_WR)
    except OSError:
        pass  # the server was first


def words_of(t):
    """All that is said to the end; a reset may swallow the last of it."""
    try:
        return t.rest().decode(errors="replace")
    except OSError:
        return ""


def attacked(**settings):
    """A server whose attacker is a stranger."""
    oracle = {name: settings.pop(name) for name in list(settings) if name in ("cpu_ms", "cpu_ns", "rss_slack_kib")}
    gateway = Gateway(users=MORE_USERS, **{**PLAIN, **settings})
    return gateway, oracle


def test_s08_end_of_data_cut():
    gateway, _ = attacked()
    with gateway as g, Hostile(g) as h:
        end = b"A: b\r\n\r\nx\r\n..\r\n.\r\n"
        for cut in range(len(end) - 8, len(end)):
            t = h.talk(g.smtp_port)
            mail_begin(t)
            assert t.smtp("DATA")[0].startswith("354")
            t.send(end[:cut])
            time.sleep(0.02)
            t.send(end[cut:])
            assert t.smtp()[0].startswith("250 2.0.0 Ok: queued")
            t.close()
        h.stored(8)
        mails = read_mail(g)
        assert len(mails) == 8 and all(body.endswith(b"\r\n\r\nx\r\n.\r\n") for _, _, body in mails)


def test_s11_early_talker():
    gateway, _ = attacked(smtpd_forbid_unauth_pipelining="yes")
    with gateway as g, Hostile(g) as h:
        t = h.talk(g.smtp_port)
        t.send("EHLO x\r\nMAIL FROM:<a@example.com>\r\nRCPT TO:<ann@mailserver.local>\r\nDATA\r\nx\r\n.\r\n")
        said = words_of(t)
        assert said.startswith("220 ") and "354" not in said, said
        assert "554 5.5.0" in said or "421" in said, said
        g.log_line("improper command pipelining after EHLO")
        assert read_mail(g, "ann") == []


def test_s15_endless_line():
    gateway, _ = attacked()
    with gateway as g, Hostile(g) as h:
        t = h.talk(g.smtp_port)
        t.smtp()
        t.send(b"EHLO ")
        sent = 0
        while sent < 64 << 20 and send_all(t, b"a" * 65536):
            sent += 65536
        said = words_of(t)
        assert sent < 16 << 20, "nobody hung up"
        assert said == "" or (said.startswith("500 5.5.2") and "\r\n421 " in said), said


def test_s16_junk_flood():
    gateway, _ = attacked()
    with gateway as g, Hostile(g) as h:
        for junk in (b"NOOP\r\n", b"RSET\r\n", b"VRFY a\r\n"):
            t = h.talk(g.smtp_port)
            t.smtp()
            send_all(t, junk * 100000)
            said = words_of(t)
            assert said.count("\r\n") <= 125 and (said == "" or "421 4.7.0" in said), said[-300:]


def test_s17_tiny_chunks():
    gateway, oracle = attacked(cpu_ns=400)  # each chunk is a command and an answer
    with gateway as g, Hostile(g, **oracle) as h:
        t = h.talk(g.smtp_port)
        mail_begin(t)
        for _ in range(200):
            t.send(b"BDAT 1\r\nx" * 1000)
            for _ in range(1000):
                assert t.line() == "250 2.0.0 Ok: 1 bytes"
        assert t.smtp("BDAT 0 LAST")[0].startswith("250 2.0.0 Ok: 200000 bytes queued")
        h.stored(1)


def test_s19_a_chunk_too_big():
    gateway, _ = attacked()
    with gateway as g, Hostile(g, rss_slack_kib=BLOCKS_KIB) as h:
        for size in (10240001, 99999999999):
            t = h.talk(g.smtp_port)
            mail_begin(t)
            t.send(f"BDAT {size}\r\nDATA\r\nQUIT\r\n")
            if size == 10240001:
                t.send(b"x" * (size - 12) + b"DATA\r\n")
                assert t.smtp()[0].startswith("552 5.3.4")
                assert t.smtp()[0].startswith("503 5.5.1")
            else:
                said = words_of(t)
                assert said == "" or (said.startswith("552 5.3.4") and said.count("\r\n") == 1), said


def test_s20_half_chunk():
    gateway, _ = attacked()
    with gateway as g, Hostile(g) as h:
        t = h.talk(g.smtp_port)
        mail_begin(t)
        t.send(b"BDAT 100 LAST\r\nSubject: half")
        t.close()
        g.log_line("lost connection after BDAT")
        assert read_mail(g) == []


def test_s21_rejected_at_the_dot():
    gateway, _ = attacked(hopcount_limit=3)
    with gateway as g, Hostile(g) as h:
        t = h.talk(g.smtp_port)
        mail_begin(t)
        assert t.smtp("DATA")[0].startswith("354")
        t.send(b"Received: x\r\n" * 3 + b"\r\n.\r\n")
        assert t.smtp()[0].startswith("554 5.4.")
        assert t.smtp("RCPT TO:<ann@mailserver.local>")[0].startswith("503")
        assert t.smtp("DATA")[0].startswith("503")


def test_s23_cut_by_fin():
    gateway, _ = attacked()
    with gateway as g, Hostile(g, rss_slack_kib=BLOCKS_KIB) as h:
        for size in (0, 1, 10240, 300000, 3000000):
            t = h.talk(g.smtp_port)
            mail_begin(t)
            assert t.smtp("DATA")[0].startswith("354")
            t.send(b"Subject: cut\r\n\r\n" + b"x" * size + b"\r\n.")
            t.close()
        until = time.monotonic() + 5
        while g.log().count("lost connection after DATA") < 5:
            assert time.monotonic() < until
            time.sleep(0.02)
        assert read_mail(g) == []


def test_s24_size_lies():
    gateway, _ = attacked(message_size_limit=1000000)
    with gateway as g, Hostile(g, rss_slack_kib=BLOCKS_KIB) as h:
        t = h.talk(g.smtp_port)
        t.smtp()
        for size in ("18446744073709551616", "-1", ""):
            assert t.smtp(f"MAIL FROM:<a@b> SIZE={size}")[0].startswith("501")
        assert t.smtp("MAIL FROM:<a@b> SIZE=1000001")[0].startswith("552")
        t.smtp("MAIL FROM:<a@b> SIZE=1")
        t.smtp("RCPT TO:<vagrant@mailserver.local>")
        assert t.smtp("DATA")[0].startswith("354")
        t.send(b"Subject: x\r\n\r\n" + (b"x" * 998 + b"\r\n") * 5000 + b".\r\n")
        assert t.smtp()[0].startswith("552 5.3.4")
        assert t.smtp("NOOP")[0].startswith("250")
        assert read_mail(g) == []


def test_s32_recipient_flood():
    gateway, oracle = attacked()
    with gateway as g, Hostile(g, **oracle) as h:
        t = h.talk(g.smtp_port)
        t.smtp()
        t.smtp("MAIL FROM:<a@b>")
        taken = refused = 0
        for _ in range(30):
            if not send_all(t, b"RCPT TO:<vagrant@mailserver.local>\r\n" * 100):
                break
            for line in (t.line() for _ in range(100)):
                if line.startswith("421"):
                    break
                taken += line.startswith("250")
                refused += line.startswith("452 4.5.3")
            else:
                continue
            break
        assert taken == 1000 and 1000 <= refused <= 1030, (taken, refused)


def big_message(start, piece, count, end=b"\r\n.\r\n", answer="250", settings=None, stored=1, cpu_ns=50):
    """Sends start + piece * count as one mail; what was stored must be that, byte by byte."""
    gateway, _ = attacked(**(settings or {}))
    with gateway as g, Hostile(g, cpu_ns=cpu_ns, rss_slack_kib=BLOCKS_KIB) as h:
        t = h.talk(g.smtp_port)
        mail_begin(t)
        assert t.smtp("DATA")[0].startswith("354")
        t.send(start)
        block = piece * (65536 // len(piece) + 1)
        left = len(piece) * count
        while left > 0:
            t.send(block[:left])
            left -= len(block)
        t.send(end)
        assert t.smtp()[0].startswith(answer)
        h.stored(stored)
        h.over()
        if not stored:
            return
        (_, _, body), = read_mail(g)
        sent = start + piece * count + end[:-3]
        assert body.endswith(sent), (len(body), len(sent))
        with Talk(g.imap_port) as reader:
            reader.line()
            reader.imap("a", "LOGIN vagrant password")
            reader.imap("b", "SELECT INBOX")
            assert reader.imap("c", "FETCH 1 (ENVELOPE BODYSTRUCTURE)")[-1].startswith("c OK")
            assert reader.imap("d", "SEARCH SUBJECT needle TEXT needle")[0] == "* SEARCH"


def test_s33_one_long_line():
    big_message(b"A: b\r\n\r\n", b"x" * 1000, 100000, answer="552", stored=0)
    big_message(b"A: b\r\n\r\n", b"x" * 1000, 10000)


def test_s34_header_lines():
    big_message(b"", b"To: a@b\r\n", 1000000)


def test_s35_one_long_header():
    big_message(b"Subject: x", b"\r\n " + b"x" * 75, 510000, settings={"message_size_limit": 50000000})


def test_s36_folded_lines():
    big_message(b"Subject: x", b"\r\n x", 1 << 20)


def test_s37_mbox_line():
    big_message(b"From ", b"x" * 1000, 60000, answer="552", stored=0)


def test_s38_no_header():
    gateway, _ = attacked()
    with gateway as g, Hostile(g) as h, Talk(g.imap_port) as reader:
        for body in (b"\r\nbody\r\n", b"garbage\r\n", b": x\r\n\r\n"):
            t = h.talk(g.smtp_port)
            mail_begin(t)
            t.smtp("DATA")
            t.send(body + b".\r\n")
            assert t.smtp()[0].startswith("250")
            h.stored(1)
        reader.line()
        reader.imap("a", "LOGIN vagrant password")
        reader.imap("b", "SELECT INBOX")
        for number in (1, 2, 3):
            line = reader.imap("c", f"FETCH {number} ENVELOPE")[0]
            assert line == f"* {number} FETCH (ENVELOPE (NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL))", line


def test_s39_mail_loop():
    gateway, _ = attacked()
    with gateway as g, Hostile(g) as h:
        for count, code in ((49, "250"), (51, "554 5.4.")):
            t = h.talk(g.smtp_port)
            mail_begin(t)
            t.smtp("DATA")
            t.send(b"Received: from a by b\r\n" * count + b"\r\n.\r\n")
            assert t.smtp()[0].startswith(code)
        h.stored(1)


def test_s30_relay_bypass():
    gateway, _ = attacked()
    spellings = [
        '"u@victim.example"@mailserver.local', "u%victim.example@mailserver.local", "victim.example!u@mailserver.local",
        "@mailserver.local:u@victim.example", "ann@mailserver.local@victim.example", "ann@mailserver.local.victim.example",
        "ann@victim.example@mailserver.local", "ann@[127.0.0.1]", "u@victim.example", '"u@victim.example"',
    ]
    with gateway as g, Hostile(g) as h:
        t = h.talk(g.smtp_port)
        t.smtp()
        t.smtp("MAIL FROM:<a@example.com>")
        for spelling in spellings:
            answer = t.smtp(f"RCPT TO:<{spelling}>")[0]
            assert re.match(r"55\d 5\.(7\.1|1\.1)|501 5\.1\.3", answer), (spelling, answer)
        assert t.smtp("DATA")[0].startswith("554 5.5.1")


def test_s41_backscatter():
    gateway, _ = attacked()
    with gateway as g, Hostile(g, log_rate=None) as h:
        refused = 0
        for sender in [""] + [f"victim{n}@example.com" for n in range(50)]:
            t = h.talk(g.smtp_port)
            t.smtp()
            t.smtp(f"MAIL FROM:<{sender}>")
            for n in range(19):
                answer = t.smtp(f"RCPT TO:<nobody{n}@mailserver.local>")[0]
                assert answer.startswith("550 5.1.1"), answer
                refused += 1
            t.close()
        assert refused == 51 * 19
        assert all(read_mail(g, user) == [] for user in ("vagrant", "ann", "bob", "postmaster"))


def test_s44_spoofed_proxies():
    gateway, _ = attacked(smtpd_upstream_proxy_hosts="127.0.0.0/8")
    v2 = b"\r\n\r\n\0\r\nQUIT\n"
    heads = [
        b"PROXY TCP4 1.2.3.4\r\n", b"PROXY TCP4 999.1.1.1 1.1.1.1 1 2\r\n", b"PROXY " + b"x" * 200,
        v2 + b"\x21\x11\x00\x00", v2 + b"\x21\x11\xff\xff" + b"x" * 70000, v2 + b"\x21\xff\x00\x0c" + b"x" * 12,
        v2 + b"\x31\x11\x00\x0c" + b"\0" * 12, v2[:5] + b"xx", b"EHLO x\r\n",
    ]
    with gateway as g, Hostile(g, canary=False) as h:
        for head in heads:
            t = h.talk(g.smtp_port)
            if send_all(t, head):
                shut_down(t)
            said = words_of(t)
            assert "250" not in said, (head, said)
        t = h.talk(g.smtp_port)
        t.send(b"PROXY TCP4 192.0.2.77 127.0.0.1 4000 25\r\n")
        assert t.smtp()[0].startswith("220")
        assert t.smtp("XCLIENT NAME=evil")[0].startswith("550")
        t.close()
        g.log_line("[192.0.2.77]")
        assert not re.search(r"[^\n\x20-\x7e]", g.log())


def test_s48_slow_data():
    """Ten bytes a second are let go on for as long as nobody can know; then it is over."""
    gateway, _ = attacked()
    with gateway as g, Hostile(g, canary=False) as h:
        t = h.talk(g.smtp_port)
        mail_begin(t)
        assert t.smtp("DATA")[0].startswith("354")
        began, said = time.monotonic(), b""
        t.socket.settimeout(1)
        while time.monotonic() - began < 40 and not said:
            send_all(t, b"A: bcdefg\n")
            try:
                said = t.socket.recv(4096)
            except socket.timeout:
                pass
        assert said.startswith(b"421 "), said
        assert time.monotonic() - began >= 9
        assert read_mail(g) == []


test_s48_slow_data.once = True
