"""APPEND, COPY, MOVE and UID EXPUNGE with the real binary: by hand, by hostile hands, by clients."""

import hashlib
import imaplib
import mailbox
import os
import random
import re
import resource
import shutil
import socket
import struct
import tempfile
import threading
import time

from gateway import Gateway, Talk, read_mail, send_mail
from test_clients import MUTTRC, run


def login(g, user="vagrant", box=None):
    t = Talk(g.imap_port)
    t.line()
    assert t.imap("in", f"LOGIN {user} password")[-1].startswith("in OK")
    if box is not None:
        assert t.imap("sel", f"SELECT {box}")[-1].startswith("sel OK")
    return t


def make_box(g, name, user="vagrant"):
    """A mailbox beside INBOX: by a delivery with a detail, which goes again."""
    send_mail(g, "Subject: box\r\n\r\n\r\n", to=(f"{user}+{name}@mailserver.local",))
    with login(g, user, name) as t:
        t.imap("a", r"STORE 1:* +FLAGS.SILENT (\Deleted)")
        t.imap("b", "EXPUNGE")


def gateway(**settings):
    return Gateway(lda_mailbox_autocreate="yes", **settings)


def append(t, tag, box, message, plus=True, flags=""):
    head = f"{tag} APPEND {box} {flags}{{{len(message)}{'+' if plus else ''}}}\r\n".encode()
    if plus:
        t.send(head + message + b"\r\n")
    else:
        t.send(head)
        line = t.line()
        if not line.startswith("+"):
            return line
        t.send(message + b"\r\n")
    while True:
        line = t.line()
        if line.startswith(tag + " "):
            return line


def files_of(g, folder):
    return [name for _, _, names in os.walk(g.path("store/" + folder)) for name in names]


def test_imaplib():
    with gateway() as g:
        make_box(g, "box")
        c = imaplib.IMAP4("127.0.0.1", g.imap_port, timeout=20)
        c.login("vagrant", "password")
        when = imaplib.Time2Internaldate(1594830684)
        for n in range(5):
            kind, data = c.append("INBOX", r"(\Seen $Work)", when, f"Subject: {n}\r\n\r\nbytes \xff\r\n".encode("latin1"))
            assert kind == "OK" and re.match(rb"\[APPENDUID \d+ %d\]" % (n + 1), data[0]), data
        c.select("INBOX")
        kind, data = c.fetch("3", "(INTERNALDATE FLAGS RFC822.SIZE BODY.PEEK[])")
        assert imaplib.Internaldate2tuple(data[0][0]) == time.localtime(1594830684), data
        assert b"$Work" in data[0][0] and data[0][1] == b"Subject: 2\r\n\r\nbytes \xff\r\n", data
        assert c.copy("1:2", "box")[0] == "OK"
        assert c.uid("MOVE", "3,5", "box")[0] == "OK"
        assert c.uid("STORE", "1:2", "+FLAGS", r"(\Deleted)")[0] == "OK"
        assert c.uid("EXPUNGE", "2")[0] == "OK"
        assert c.append("none", None, None, b"A: b\r\n\r\n")[0] == "NO"
        c.logout()
        assert [uid for uid, _, _ in read_mail(g)] == [1, 4]
        assert [(uid, body[9:10]) for uid, _, body in read_mail(g, box="box")] == [
            (2, b"0"), (3, b"1"), (4, b"2"), (5, b"4")]


def test_append_is_seen_by_others():
    with gateway() as g, login(g, box="INBOX") as watcher, login(g) as t:
        watcher.send("i IDLE\r\n")
        assert watcher.line() == "+ idling"
        assert "[APPENDUID" in append(t, "a", "INBOX", b"A: b\r\n\r\nx\r\n", flags=r"(\Seen) ")
        assert watcher.line() == "* 1 EXISTS"


def test_i03_literals():
    with gateway() as g:
        for announced, reply in (("{0}", "NO"), ("{-1}", "BAD"), ("{ 1}", "BAD"), ("~{5}", "BAD"),
                                 ("{4294967296}", "NO [TOOBIG]"), ("{18446744073709551616}", "NO [TOOBIG]")):
            with login(g) as t:
                assert t.imap("a", f"APPEND INBOX {announced}")[-1].startswith(f"a {reply}"), announced
                assert t.imap("b", "NOOP")[-1].startswith("b OK")
        with login(g) as t:
            t.send("a APPEND INBOX {9999999999+}\r\n")
            assert t.rest().startswith(b"a NO [TOOBIG]")
        with login(g) as t:
            t.send("a STATUS {4097+}\r\n")
            assert b"\r\n* BYE" in b"\r\n" + t.rest()
        with login(g) as t:
            t.send("a APPEND INBOX {5")
            t.socket.shutdown(socket.SHUT_WR)
            assert b" OK " not in t.rest()
        assert read_mail(g) == []


def test_i04_announce_and_wait():
    with gateway() as g, login(g) as t:
        t.send("a APPEND INBOX {2147483648}\r\n")
        assert t.line().startswith("a NO [TOOBIG]")
        t.send("b APPEND INBOX {10240001}\r\n")
        assert t.line().startswith("b NO [TOOBIG]")
        t.send("c APPEND INBOX {10240000}\r\n")
        assert t.line().startswith("+")


def test_i05_disconnect_at_every_block():
    message = b"A: b\r\n\r\n" + os.urandom(1 << 19).hex().encode()
    with gateway() as g:
        for cut in range(1, 1 << 20, 4096 * 5 if g.io == "epoll" else 4096 * 3):
            with login(g) as t:
                t.send(f"a APPEND INBOX {{{len(message)}+}}\r\n".encode() + message[:cut])
                if cut % 2:
                    t.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        until = time.monotonic() + 10
        while files_of(g, "big") and time.monotonic() < until:
            time.sleep(0.05)
        assert files_of(g, "big") == []
        assert read_mail(g) == []
        with login(g) as t:
            assert append(t, "a", "INBOX", message).startswith("a OK")
        assert read_mail(g)[0][2] == message


def test_i06_multiappend_is_all_or_nothing():
    with gateway() as g, login(g, box="INBOX") as t:
        many = b"a APPEND INBOX"
        for n in range(1000):
            body = f"Subject: {n}\r\n\r\n{'x' * (n % 50)}\r\n".encode()
            many += b" (\\Seen) {%d+}\r\n" % len(body) + body
        t.send(many + b" (\\Recent) {5+}\r\nhello\r\n")
        assert t.line().startswith("a BAD")
        assert t.imap("b", "NOOP") == ["b OK NOOP completed."]
        t.send(many + b"\r\n")
        assert [t.line(), t.line()] == ["* 1000 EXISTS", "* 1000 RECENT"]
        assert re.match(r"a OK \[APPENDUID \d+ 1:1000\]", t.line())
        assert len(read_mail(g)) == 1000


def test_i38_uids_come_to_an_end():
    """UIDNEXT is made to stand near its end in the index itself, as no test has so much time."""
    with gateway() as g:
        make_box(g, "box")
        send_mail(g, "Subject: one\r\n\r\n1\r\n")
        with login(g) as t:
            status = t.imap("a", "STATUS box (UIDVALIDITY UIDNEXT)")[0]
        validity, uid_next = (int(re.search(rf"{item} (\d+)", status)[1]) for item in ("UIDVALIDITY", "UIDNEXT"))
        time.sleep(0.2)
        g.kill()
        path = g.path("store/idx/data.mdb")
        with open(path, "rb") as f:
            data = f.read()
        old = b"\x02\0\0\0" + struct.pack("<II", validity, uid_next)
        assert old in data
        with open(path, "wb") as f:
            f.write(data.replace(old, b"\x02\0\0\0" + struct.pack("<II", validity, 0xfffffffe)))
        g.start()
        with login(g, box="INBOX") as t:
            assert f"[APPENDUID {validity} 4294967294]" in append(t, "a", "box", b"A: b\r\n\r\n")
            for tag in "bc":
                assert append(t, tag, "box", b"A: b\r\n\r\n").startswith(f"{tag} NO ["), tag
            assert t.imap("d", "COPY 1 box")[-1].startswith("d NO [")
            assert t.imap("e", "UID MOVE 1 box")[-1].startswith("e NO [")
        assert [uid for uid, _, _ in read_mail(g, box="box")] == [4294967294]
        assert len(read_mail(g)) == 1


def test_i39_huge_mailbox():
    """Doubled by copies onto itself; flagged, moved and expunged as a whole."""
    with gateway() as g:
        make_box(g, "box")
        with login(g, box="INBOX") as t:
            assert append(t, "a", "INBOX", b"Subject: x\r\n\r\nsmall\r\n").startswith("a OK")
            for doubling in range(14):
                began = time.monotonic()
                assert t.imap("b", "COPY 1:* INBOX")[-1].startswith("b OK [COPYUID")
            assert t.imap("c", "STATUS INBOX (MESSAGES)")[0] == "* STATUS INBOX (MESSAGES 16384)"
            before = g.rss_kib()
            began = time.monotonic()
            lines = t.imap("d", "MOVE 1:* box")
            took = time.monotonic() - began
            assert lines[0].endswith(" 1:16384 2:16385] Moved UIDs."), lines[0]
            assert lines.count("* 16384 EXPUNGE") == 1 and lines[-1].startswith("d OK")
            print(f"     16,384 moved in {took:.2f} s, {g.rss_kib() - before} KiB more")
            assert took < 20
        with login(g, box="box") as t:
            t.imap("a", r"STORE 1:* +FLAGS.SILENT (\Deleted)")
            assert t.imap("b", "EXPUNGE")[-1].startswith("b OK")
        assert read_mail(g) == [] and read_mail(g, box="box") == []


def test_i42_half_close_answers_what_was_pipelined():
    with gateway() as g:
        make_box(g, "box")
        with login(g, box="INBOX") as t:
            message = b"Subject: x\r\n\r\nlast words\r\n"
            t.send(b"a NOOP\r\nb APPEND INBOX {%d+}\r\n" % len(message) + message +
                   b"\r\nc COPY 1 box\r\nd MOVE 1 box\r\ne NOOP\r\n")
            t.socket.shutdown(socket.SHUT_WR)
            said = t.rest().decode()
            assert re.findall(r"(?m)^([a-e]) OK", said) == list("abcde"), said
        assert len(read_mail(g, box="box")) == 2


def test_i45_memory_of_slow_commands():
    """A thousand messages of which 60 KiB came, and a thousand commands of which half came."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < 4096:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, hard), hard))
    with gateway(user_memory_max="256m") as g:
        send_mail(g, "Subject: x\r\n\r\nx\r\n")
        before, talks = g.rss_kib(), []
        for n in range(1000):
            t = login(g)
            if n % 2:
                t.send(b"a APPEND INBOX {1000000+}\r\n" + b"x" * 61440)
            else:
                t.send(b"a SEARCH TEXT " + b"x" * 61440)
            talks.append(t)
        time.sleep(1)
        grown = g.rss_kib() - before
        assert grown < 1000 * 256, grown
        assert len(read_mail(g)) == 1
        for t in talks:
            t.close()
        print(f"     {grown // 1000} KiB for each")


def test_idle_says_that_it_is_there():
    with gateway(imap_idle_notify_interval="1s", imap_idle_timeout="4s") as g, login(g, box="INBOX") as t:
        t.send("i IDLE\r\n")
        assert t.line() == "+ idling"
        said = t.rest().decode()
        assert said.count("* OK Still here\r\n") in (2, 3, 4), said
        assert said.endswith("* BYE Disconnected for inactivity.\r\n"), said


# ---- nothing is lost on the way ----

def move_cycle(g, random_source):
    """Moves mail to and fro until the server is killed; the messages are the same afterwards."""
    stop = threading.Event()

    def mover(boxes):
        try:
            with login(g) as t:
                while not stop.is_set():
                    for box, other in (boxes, boxes[::-1]):
                        t.imap("a", f"SELECT {box}")
                        t.imap("b", f"MOVE {random.randint(1, 5)}:* {other}" if random.random() < .7 else f"UID MOVE 1:* {other}")
        except (OSError, EOFError):
            pass

    def copier():
        try:
            with login(g, box="INBOX") as t:
                while not stop.is_set():
                    t.imap("a", "COPY 1:3 copies")
                    t.imap("b", "NOOP")
        except (OSError, EOFError):
            pass

    threads = [threading.Thread(target=mover, args=(("INBOX", "box"),)),
               threading.Thread(target=mover, args=(("box", "INBOX"),)), threading.Thread(target=copier)]
    for thread in threads:
        thread.start()
    time.sleep(random_source.uniform(0.02, 0.5))
    g.kill()
    stop.set()
    for thread in threads:
        thread.join()
    g.start()


def test_i40_move_never_loses():
    cycles = int(os.environ.get("RINGPOST_KILL_CYCLES", "12"))
    seed = int(os.environ.get("RINGPOST_SEED", time.time()))
    random_source = random.Random(seed)
    with gateway() as g:
        make_box(g, "box")
        make_box(g, "copies")
        sent = set()
        with login(g) as t:
            for n in range(60):
                body = f"Subject: {n}\r\n\r\n{'text ' * n}\r\n".encode()
                assert append(t, "a", "INBOX", body).startswith("a OK")
                sent.add(hashlib.sha256(body).hexdigest())
        where = {}
        for cycle in range(cycles):
            move_cycle(g, random_source)
            there = []
            for box in ("INBOX", "box"):
                for uid, _, body in read_mail(g, box=box):
                    digest = hashlib.sha256(body).hexdigest()
                    there.append(digest)
                    assert where.setdefault((box, uid), digest) == digest, f"seed {seed}: a UID means another mail"
            assert len(there) == len(sent) and set(there) == sent, f"seed {seed} cycle {cycle}: {len(there)} of {len(sent)}"
            for uid, _, body in read_mail(g, box="copies"):
                assert hashlib.sha256(body).hexdigest() in sent
        g.stop()
        run(os.environ.get("RINGPOST", "ringpost"), "store", "check", "-c", g.path("ringpost.conf"))


# ---- clients ----

def test_curl_uploads():
    with gateway() as g, tempfile.NamedTemporaryFile("w", suffix=".eml") as f:
        f.write("From: <ann@example.com>\r\nSubject: by curl\r\n\r\nuploaded\r\n")
        f.flush()
        run("curl", "-s", "-u", "vagrant:password", "--url", f"imap://127.0.0.1:{g.imap_port}/INBOX", "--upload-file", f.name)
        assert read_mail(g)[0][2] == b"From: <ann@example.com>\r\nSubject: by curl\r\n\r\nuploaded\r\n"


def save_with(program):
    directory = tempfile.mkdtemp()
    try:
        with gateway() as g:
            make_box(g, "box")
            for n in range(1, 4):
                send_mail(g, f"From: Ann <ann@example.com>\r\nSubject: letter {n}\r\n\r\nDear vagrant, this is {n}.\r\n")
            with open(f"{directory}/local", "w") as f:
                f.write("From a@b Wed Jul 15 16:31:24 2020\nFrom: a@b\nSubject: from a file\n\nlocal words\n\n")
            with open(f"{directory}/muttrc", "w") as f:
                f.write(MUTTRC.format(port=g.imap_port, directory=directory))
            os.mkdir(f"{directory}/cache")
            box = f"imap://vagrant@127.0.0.1:{g.imap_port}/box"
            for keys, start in ((f"<first-entry><next-entry><save-message>{box}<enter>y<sync-mailbox><quit>", ""),
                                (f"<first-entry><copy-message>{box}<enter>y<quit>", f"-f {directory}/local")):
                run("script", "-qec", f"stty rows 24 cols 80; {program} -n -F {directory}/muttrc {start} -e 'push \"{keys}\"'",
                    "/dev/null", env={"TERM": "xterm", "HOME": directory, "LC_ALL": "C.UTF-8"}, seconds=40)
            assert [body.count(b"this is 2.") for _, _, body in read_mail(g, box="box")] == [1, 0]
            assert b"local words" in read_mail(g, box="box")[1][2]
            assert [uid for uid, _, _ in read_mail(g)] == [1, 3]
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def test_mutt_saves():
    save_with("mutt")


def test_neomutt_saves():
    save_with("neomutt")


def test_mbsync_both_ways():
    directory = tempfile.mkdtemp()
    try:
        with gateway() as g:
            for n in range(5):
                send_mail(g, f"Subject: {n}\r\n\r\n{'text ' * n}\r\n")
            with open(f"{directory}/rc", "w") as f:
                f.write(f"IMAPAccount a\nHost 127.0.0.1\nPort {g.imap_port}\nUser vagrant\nPass password\nSSLType None\nAuthMechs LOGIN\n\n"
                        f"IMAPStore far\nAccount a\n\nMaildirStore near\nPath {directory}/mail/\nInbox {directory}/mail/INBOX\n\n"
                        f"Channel c\nFar :far:\nNear :near:\nPatterns INBOX\nSync All\nCreate Near\nExpunge Both\nSyncState *\n")
            os.mkdir(f"{directory}/mail")
            sync = ("mbsync", "-c", f"{directory}/rc", "c")
            run(*sync)
            near = mailbox.Maildir(f"{directory}/mail/INBOX", factory=None, create=False)
            assert len(near) == 5
            for n in range(3):
                message = mailbox.MaildirMessage(f"Subject: near {n}\n\nwritten here\n".encode())
                message.set_subdir("cur")
                message.set_flags("FS" if n else "S")
                near.add(message)
            run(*sync)
            far = read_mail(g)
            assert len(far) == 8
            assert sum(rb"written here" in body for _, _, body in far) == 3
            assert sum(r"\Flagged" in flags for _, flags, _ in far) == 2
            with login(g, box="INBOX") as t:
                t.imap("a", r"STORE 1 +FLAGS (\Answered)")
                t.imap("b", r"STORE 2 +FLAGS (\Deleted)")
                t.imap("c", "EXPUNGE")
            for key, message in list(near.items()):
                if message["Subject"] == "near 0":
                    message.set_flags("ST")
                    near[key] = message
            run(*sync)
            run(*sync)
            assert len(near) == 6 and len(read_mail(g)) == 6
            assert sum("R" in message.get_flags() for message in near) == 1
    finally:
        shutil.rmtree(directory, ignore_errors=True)
