"""Rows of the list of hostile inputs (tests/hostile/rows.txt) that a client of IMAP plays.

The transcripts of tests/session first, each to a server with as many messages as it wants to see;
then what needs crowds, floods and large mailboxes, under the oracle.
"""

import os
import re
import socket
import time

from gateway import Gateway, Talk, send_mail
from hostile import Hostile
from replay import Transcript, play_imap, rows_replayed
from strict_imap import StrictReader

BLOCKS_KIB = 20480  # the blocks that reactors receive into: long segments touch all of each


# ---- transcripts ----

def messages_wanted(transcript):
    """"W: ok 3" answers a SELECT of a mailbox with three messages."""
    counts = [int(word[3:]) for word in transcript.answers if re.fullmatch(r"ok \d+", word)]
    return counts[0] if counts else 0


def replay(paths):
    for path in paths:
        transcript = Transcript(path)
        with Gateway() as g, Hostile(g, canary=False, cpu_ms=None, check_store=False, rss_slack_kib=BLOCKS_KIB) as h:
            for _ in range(messages_wanted(transcript)):
                send_mail(g, "Subject: some\r\n\r\ntext\r\n")
            play_imap(g.imap_port, transcript, talk=h.talk)
            if sum(len(said) for said, _ in transcript.turns) < 3000:
                play_imap(g.imap_port, transcript, bytewise=True, talk=h.talk)


def replay_test(paths):
    return lambda: replay(paths)


done = {}
for row, row_paths in rows_replayed("imap"):
    new = [path for path in row_paths if path not in done]
    done.update((path, row) for path in new)
    if new:
        globals()[f"test_{row}_replayed"] = replay_test(new)


# ---- crowds and floods ----

def logged_in(h, g, user="vagrant"):
    t = h.talk(g.imap_port)
    t.line()
    assert t.imap("a", f"LOGIN {user} password")[-1].startswith("a OK")
    return t


def selected(h, g):
    t = logged_in(h, g)
    assert t.imap("b", "SELECT INBOX")[-1].startswith("b OK")
    return t


def send_all(t, data):
    try:
        t.send(data)
    except (BrokenPipeError, ConnectionResetError, socket.timeout):
        pass


def words_of(t):
    try:
        return t.rest()
    except OSError:
        return b""


def test_i01_parenthesis_hoard():
    with Gateway() as g, Hostile(g, rss_kib=64, log_rate=None) as h:
        crowd = [h.talk(g.imap_port) for _ in range(500)]
        for t in crowd:
            t.line()
            t.send(b"a NOOP " + b"(" * 4000)
        for t in crowd:
            assert t.line().startswith("a BAD")
        inside = [logged_in(h, g) for _ in range(100)]
        for t in inside:
            t.send(b"a NOOP " + b"(" * 4000)
        time.sleep(0.3)


def test_i09_megabyte_tag():
    with Gateway() as g, Hostile(g, rss_slack_kib=BLOCKS_KIB) as h:
        t = h.talk(g.imap_port)
        t.line()
        send_all(t, b"a" * 1000000 + b" NOOP\r\nb NOOP\r\n")
        assert t.line().startswith("* BAD")
        assert t.line() == "b OK NOOP completed."


def test_i11_names_are_no_paths():
    names = ["../../etc/passwd", "/etc", "~root", "INBOX/../x", "a//b", ".", "*", "%", "&AAA-", "&AC8-", "\x01",
             "a/" * 1000 + "a", "-oProxyCommand=x", "..", "store", "users", "%{home}", "$(id)", "a\\b", "C:"]
    with Gateway() as g, Hostile(g, check_store=False) as h:
        before = files_of(g.directory)
        t = logged_in(h, g)
        for name in names:
            quoted = name.replace("\\", "\\\\")
            for command in ("SELECT", "EXAMINE", "STATUS"):
                answer = t.imap("x", f'{command} "{quoted}"' + (" (MESSAGES)" if command == "STATUS" else ""))[-1]
                assert re.match(r"x (NO|BAD) ", answer), (command, name, answer)
        assert files_of(g.directory) == before


def files_of(directory):
    found = {name for _, folders, files in os.walk(directory) for name in folders + files}
    return {name for name in found if not re.search(r"\d{8}|\.seg|canary|echo", name)}


def test_i12_wildcards():
    with Gateway() as g, Hostile(g, cpu_ms=1500, rss_slack_kib=BLOCKS_KIB, check_store=False) as h:
        t = logged_in(h, g)
        for n in range(300):
            t.send(f"x CREATE {'a' * 200}{n}\r\n")
        for n in range(300):
            assert t.line().startswith("x OK")
        for pattern in ("*a" * 40 + "b", "%/" * 100 + "%", "*" * 500, "%a*" * 100 + "b"):
            began = time.monotonic()
            heard = t.imap("x", f'LIST "" "{pattern}"')
            assert heard[-1].startswith(("x OK", "x NO", "x BAD")), heard[-1]
            assert time.monotonic() - began < 2  # on a machine with nothing else to do a tenth of it


def test_i14_search_substring():
    with Gateway(message_size_limit=30000000) as g, Hostile(g, cpu_ns=400, rss_slack_kib=BLOCKS_KIB) as h:
        body = b"Subject: a\r\n\r\n" + (b"a" * 900 + b"\r\n") * 22000
        send_mail(g, body)
        h.stored(1)
        h.count(bytes=2 * len(body))
        t = selected(h, g)
        began = time.monotonic()
        t.send(b"x SEARCH BODY {4001+}\r\n" + b"a" * 4000 + b"b\r\n")
        assert t.line() == "* SEARCH"
        assert t.line().startswith("x OK")
        assert time.monotonic() - began < 10  # on a machine with nothing else to do it is a tenth of it


def fill(g, count, user="vagrant"):
    """Many small messages, by one connection."""
    with Talk(g.smtp_port) as t:
        t.smtp()
        t.smtp("EHLO x")
        body = "Subject: a\r\n\r\nneedle\r\n"
        mail = f"MAIL FROM:<a@example.com>\r\nRCPT TO:<{user}@mailserver.local>\r\nBDAT {len(body)} LAST\r\n{body}"
        for begin in range(0, count, 50):
            burst = min(50, count - begin)
            t.send(mail * burst)
            for _ in range(3 * burst):
                answer = t.smtp()[0]
                assert answer.startswith("250"), answer


def test_i15_search_many():
    with Gateway() as g:
        fill(g, 3000)
        with Hostile(g, cpu_ms=None) as h:
            crowd = [selected(h, g) for _ in range(4)]
            for t in crowd:
                t.send("x SEARCH TEXT absent OR BODY a1 NOT TEXT a2\r\n")
            for t in crowd:
                assert t.line() == "* SEARCH"
                assert t.line().startswith("x OK")


def test_i20_nobody_reads():
    """Thousands of answers that nobody takes: the server keeps no more than it said it would."""
    with Gateway() as g:
        for _ in range(5):
            send_mail(g, b"Subject: big\r\n\r\n" + (b"x" * 998 + b"\r\n") * 900)
        with Hostile(g, rss_kib=4096, rss_slack_kib=BLOCKS_KIB, cpu_ms=1000) as h:
            t = selected(h, g)
            t.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
            t.socket.setblocking(False)
            commands, sent = b"x FETCH 1:* BODY.PEEK[]\r\n" * 4000, 0
            until = time.monotonic() + 2
            while sent < len(commands) and time.monotonic() < until:
                try:
                    sent += t.socket.send(commands[sent:sent + 65536])
                except BlockingIOError:
                    time.sleep(0.05)
            time.sleep(0.5)


def test_i21_many_noops():
    with Gateway() as g, Hostile(g, cpu_ns=2000, rss_slack_kib=BLOCKS_KIB) as h:
        t = logged_in(h, g)
        t.socket.setblocking(False)
        commands, sent, heard = b"x NOOP\r\n" * 100000, 0, b""
        until = time.monotonic() + 20
        while heard.count(b"\r\n") < 100000 and time.monotonic() < until:
            try:
                if sent < len(commands):
                    sent += t.socket.send(commands[sent:sent + 65536])
            except BlockingIOError:
                pass
            try:
                heard += t.socket.recv(1 << 20)
            except BlockingIOError:
                time.sleep(0.005)
        h.count(bytes=sent)
        assert heard == b"x OK NOOP completed.\r\n" * 100000, heard[-100:]


def test_i22_keywords():
    with Gateway() as g:
        send_mail(g, "Subject: a\r\n\r\n")
        with Hostile(g, rss_slack_kib=BLOCKS_KIB) as h:
            t = selected(h, g)
            many = " ".join(f"k{n}" for n in range(8000))
            assert t.imap("x", f"STORE 1 +FLAGS ({many})")[-1].startswith("x NO [LIMIT]")
            assert t.imap("x", f"STORE 1 +FLAGS ({'k' * 10000})")[-1].startswith("x NO [LIMIT]")
            for flag in ("\\Recent", "\\Foo", "\\*", "a(b", "a\"b", "\xe9"):
                assert t.imap("x", f"STORE 1 +FLAGS ({flag})")[-1].startswith("x BAD"), flag
            for n in range(64):
                assert t.imap("x", f"STORE 1 +FLAGS (k{n})")[-1].startswith("x OK")
            assert t.imap("x", "STORE 1 +FLAGS (k64)")[-1].startswith("x NO [LIMIT]")
            assert t.imap("x", "STORE 1 FLAGS (k1)")[-1].startswith("x OK")


def test_i29_other_accounts():
    """What another account has does not exist, in the same words as what nobody has."""
    with Gateway() as g, Hostile(g, check_store=False) as h:
        ann = logged_in(h, g, "ann")
        assert ann.imap("x", "CREATE secret")[-1].startswith("x OK")
        send_mail(g, "Subject: a\r\n\r\n")
        t = selected(h, g)
        for name in ("secret", "ann/secret", "/ann@mailserver.local/secret", "#user/ann/secret", "~ann/secret"):
            for command in ('SELECT "{}"', 'STATUS "{}" (MESSAGES)', 'COPY 1 "{}"', 'DELETE "{}"', 'RENAME "{}" mine'):
                there = t.imap("x", command.format(name))[-1]
                nowhere = t.imap("x", command.format(name.replace("secret", "nothin")))[-1]
                assert there.startswith("x ") and not there.startswith("x OK") and there == nowhere, (there, nowhere)
                t.imap("y", "SELECT INBOX")
        assert not any("secret" in line for line in t.imap("x", 'LIST "" "*"'))
        assert any("secret" in line for line in ann.imap("x", 'LIST "" "*"'))


def test_i30_deleted_under_a_reader():
    """Messages and mailboxes go away while another session reads them; it is told, or it is over."""
    with Gateway() as g, Hostile(g, check_store=False) as h:
        t, other = logged_in(h, g), logged_in(h, g)
        for round_ in range(5):
            t.imap("x", "CREATE box/inner")
            for _ in range(5):
                t.send("x APPEND box {14+}\r\nSubject: a\r\n\r\n\r\n")
                while not t.line().startswith("x OK"):
                    pass
            assert other.imap("x", "SELECT box")[-1].startswith("x OK")
            t.imap("x", "SELECT box")
            t.send("x STORE 1:* +FLAGS.SILENT (\\Deleted)\r\nx EXPUNGE\r\nx CLOSE\r\nx RENAME box/inner b2\r\nx DELETE box\r\n")
            other.send("x FETCH 1:* (FLAGS BODY.PEEK[])\r\n" * 5)
            for _ in range(5):
                while not t.line().startswith("x "):
                    pass
            try:
                for _ in range(5):
                    while not re.match(r"x (OK|NO|BAD)", other.line()):
                        pass
                other.imap("y", "NOOP")
                other.imap("y", "UNSELECT")
            except EOFError:
                other = logged_in(h, g)
            t.imap("x", "DELETE b2")


def test_i37_reflected():
    headers = [
        'Subject: a"b\\c', "Subject: x {9}", "Subject: a\r\n )\r\n * BYE pwned\r\n\tx OK done", "Subject: \x01\x7f",
        'From: "a\\"b" <"c\\\\d"@e"f>', "From: (* BYE\r\n )\r\n a@b\r\nTo: NIL <NIL@NIL>", "Message-ID: {9}\r\nIn-Reply-To: NIL",
        'Content-Type: text/plain; charset="a\\"{3}\r\n xyz"', 'Content-Type: a"b/c\r\nContent-ID: {1}\r\nContent-Description: "\\',
        'Content-Disposition: "x"; filename="a\r\n\tb"\r\nContent-Language: (, "',
    ]
    with Gateway() as g, Hostile(g) as h:
        for header in headers:
            send_mail(g, header + "\r\n\r\n")
        h.stored(len(headers))
        with StrictReader(g) as reader:
            for number in range(1, len(headers) + 1):
                items = reader.fetch(number, "(FLAGS ENVELOPE BODY BODYSTRUCTURE BODY.PEEK[1.MIME])")
                assert len(items) == 5 and len(items["ENVELOPE"]) == 10
            assert reader.fetch(1, "ENVELOPE")["ENVELOPE"][1] == b'a"b\\c'
            reader.command('STORE 1 +FLAGS ($a\'`~!@#^&_=|;:,.<>?/)')
            assert "$a'`~!@#^&_=|;:,.<>?/" in reader.fetch(1, "FLAGS")["FLAGS"]
            reader.command('LIST "\\"" "\\\\"')


def test_i39_huge_mailbox():
    count = 3000
    with Gateway() as g:
        fill(g, count)
        with Hostile(g, cpu_ms=None) as h:
            t = selected(h, g)
            for command, answers in (("FETCH 1:* FLAGS", count), ("STORE 1:* +FLAGS.SILENT (\\Deleted)", 0),
                                     ("EXPUNGE", count)):
                heard = t.imap("x", command)
                assert heard[-1].startswith("x OK") and len(heard) - 1 in range(answers, answers + 3), (command, len(heard))
            h.stored(-count)


def test_i42_half_close():
    with Gateway() as g:
        send_mail(g, "Subject: a\r\n\r\n" + "text\r\n" * 20000)
        with Hostile(g, rss_slack_kib=BLOCKS_KIB) as h:
            t = h.talk(g.imap_port)
            t.line()
            t.send("a LOGIN vagrant password\r\nb SELECT INBOX\r\n" + "c FETCH 1 BODY.PEEK[]\r\n" * 20 + "d NOOP\r\n")
            t.socket.shutdown(socket.SHUT_WR)
            heard = words_of(t)
            assert heard.count(b"c OK Fetch completed.\r\n") == 20, heard[-200:]
            assert b"d OK NOOP completed.\r\n" in heard
