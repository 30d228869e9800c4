"""Real clients against the real server. A client that is not installed fails its test: scripts/setup
installs them all."""

import email
import imaplib
import os
import re
import shutil
import smtplib
import subprocess
import tempfile
import threading
import time

from gateway import USERS, Gateway, Talk, read_mail, send_mail


def run(*command, text=None, env=None, seconds=60):
    done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=seconds,
                          env={**os.environ, **(env or {})})
    assert done.returncode == 0, (command, done.returncode, done.stdout[-1500:], done.stderr[-1500:])
    return done.stdout


def test_swaks():
    with Gateway() as g:
        for more in ([], ["--pipeline"], ["--ehlo", "[127.0.0.1]"], ["--protocol", "SMTP"]):
            run("swaks", "--server", f"127.0.0.1:{g.smtp_port}", "--to", "vagrant@mailserver.local",
                "--from", "ann@example.com", "--header", "Subject: by swaks", *more)
        run("swaks", "--server", f"127.0.0.1:{g.lmtp_port}", "--protocol", "LMTP", "--to",
            "vagrant@mailserver.local,ann@mailserver.local", "--from", "x@example.com")
        assert len(read_mail(g)) == 5
        assert len(read_mail(g, "ann")) == 1


def test_smtp_source():
    # With -r it numbers recipients: in front or behind, by message or by all, as its version likes.
    numbered = [f"{n}vagrant" for n in range(10)] + [f"vagrant{n}" for n in range(1000)]
    with Gateway(users=USERS + "".join(f"{n}@mailserver.local:{{PLAIN}}password:::::\n" for n in numbered)) as g:
        for more in (["-d"], [], ["-d", "-r", "2"], ["-o"]):
            run("smtp-source", "-s", "20", "-m", "400", "-l", "1024", "-f", "load@example.com",
                "-t", "vagrant@mailserver.local", *more, f"127.0.0.1:{g.smtp_port}")
        run("smtp-source", "-s", "5", "-m", "20", "-l", "102400", "-f", "load@example.com", "-t",
            "vagrant@mailserver.local", "-d", f"127.0.0.1:{g.smtp_port}")
        run("smtp-source", "-L", "-s", "5", "-m", "20", "-l", "1024", "-f", "load@example.com",
            "-t", "ann@mailserver.local", "-d", f"127.0.0.1:{g.lmtp_port}")
        g.log_line("to=<ann@mailserver.local>")
        named = re.findall(r"to=<(\w*vagrant\w*)@mailserver.local>.*status=sent", g.log())
        assert len(named) == 5 * 400 + 20, len(named)
        assert sum(len(read_mail(g, user)) for user in set(named)) == 5 * 400 + 20
        assert len(read_mail(g, "ann")) == 20


def test_curl():
    with Gateway() as g, tempfile.NamedTemporaryFile("w", suffix=".eml") as f:
        f.write("From: <ann@example.com>\r\nTo: <vagrant@mailserver.local>\r\nSubject: by curl\r\n"
                "\r\n.leading dot\r\nlast line\r\n")
        f.flush()
        run("curl", "-s", "--url", f"smtp://127.0.0.1:{g.smtp_port}/client.example.com", "--mail-from",
            "ann@example.com", "--mail-rcpt", "vagrant@mailserver.local", "--upload-file", f.name)
        url = f"imap://127.0.0.1:{g.imap_port}"
        login = ["-s", "-u", "vagrant:password"]
        got = run("curl", *login, f"{url}/INBOX;MAILINDEX=1")
        assert ".leading dot" in got and "Subject: by curl" in got, got
        assert "INBOX" in run("curl", *login, f"{url}/")
        assert "* SEARCH 1" in run("curl", *login, f"{url}/INBOX?SUBJECT%20curl")
        assert "last line" in run("curl", *login, f"{url}/INBOX;UID=1;SECTION=TEXT")


def test_smtplib():
    with Gateway() as g:
        with smtplib.SMTP("127.0.0.1", g.smtp_port, timeout=20) as client:
            message = email.message.EmailMessage()
            message["Subject"], message["From"], message["To"] = "grüße", "a@example.com", "vagrant@mailserver.local"
            message.set_content("Übung\n" * 10)
            message.add_attachment(os.urandom(200000), maintype="application", subtype="octet-stream", filename="x.bin")
            client.send_message(message)
            assert client.verify("vagrant")[0] == 252
            try:
                client.sendmail("a@example.com", ["nobody@mailserver.local"], "x")
            except smtplib.SMTPRecipientsRefused as refused:
                code, text = refused.recipients["nobody@mailserver.local"]
                assert code == 550 and b"5.1.1" in text and b"User unknown in local recipient table" in text, text
            else:
                raise AssertionError("an unknown user was accepted")
        [(uid, _, data)] = read_mail(g)
        got = email.message_from_bytes(data, policy=email.policy.default)
        assert got["Subject"] == "grüße"
        assert [p.get_content_type() for p in got.walk()] == ["multipart/mixed", "text/plain", "application/octet-stream"]
        assert got.get_payload()[1].get_content() == message.get_payload()[1].get_content()


def test_smtplib_many_recipients_keep_one_body():
    users = "".join(f"u{n}@mailserver.local:{{PLAIN}}password:::::\n" for n in range(50))
    with Gateway(users=users) as g:
        send_mail(g, "Subject: all\r\n\r\n" + "x" * 60 + "\r\n", to=[f"u{n}@mailserver.local" for n in range(50)])
        for n in (0, 17, 49):
            [(uid, _, data)] = read_mail(g, f"u{n}")
            assert f"Delivered-To: u{n}@mailserver.local\r\n".encode() in data
            assert data.count(b"Delivered-To:") == 1


def test_imaplib_reads_searches_and_changes():
    with Gateway() as g:
        for n in range(10):
            send_mail(g, f"From: Ann <ann@example.com>\r\nSubject: number {n}\r\nDate: Wed, {n + 1} Jul 2026 10:00:00 +0000\r\n\r\nbody {n}\r\n")
        c = imaplib.IMAP4("127.0.0.1", g.imap_port, timeout=20)
        c.login("vagrant@mailserver.local", "password")
        assert c.list()[0] == "OK"
        assert c.select("INBOX") == ("OK", [b"10"])
        assert c.search(None, "SUBJECT", '"number 3"')[1] == [b"4"]
        assert c.search(None, "SENTSINCE", "5-Jul-2026", "NOT", "BODY", '"body 7"')[1] == [b"5 6 7 9 10"]
        kind, data = c.fetch("4", "(FLAGS ENVELOPE BODYSTRUCTURE INTERNALDATE RFC822.SIZE)")
        assert b'"number 3"' in data[0] and b'"TEXT" "PLAIN"' in data[0].upper(), data
        assert c.store("2", "+FLAGS", r"(\Deleted)")[0] == "OK"
        assert c.expunge() == ("OK", [b"2"])
        assert c.search(None, "ALL")[1] == [b"1 2 3 4 5 6 7 8 9"]
        assert c.uid("FETCH", "3", "(BODY[TEXT])")[1][0][1] == b"body 2\r\n"
        assert rb"\Seen" in c.uid("FETCH", "3", "(FLAGS)")[1][0]
        numbers = c.status("INBOX", "(MESSAGES UNSEEN UIDNEXT)")[1][0]
        assert re.fullmatch(rb'"?INBOX"? \(MESSAGES 9 UIDNEXT 11 UNSEEN 8\)', numbers), numbers
        c.close()
        c.logout()


def test_idle_shows_a_delivery_at_once():
    with Gateway() as g:
        with Talk(g.imap_port) as t:
            t.line()
            t.imap("a", "LOGIN vagrant password")
            t.imap("b", "SELECT INBOX")
            t.send("c IDLE\r\n")
            assert t.line().startswith("+ ")
            for n in range(1, 6):
                send_mail(g, f"Subject: {n}\r\n\r\nx\r\n")
                acknowledged = time.monotonic()
                assert t.line() == f"* {n} EXISTS"
                waited = time.monotonic() - acknowledged
                assert waited < 0.25, f"{waited:.3f} s after the 250"
                assert t.line() == f"* {n} RECENT"
            t.send("DONE\r\nd NOOP\r\n")
            assert t.line().startswith("c OK")
            assert t.line().startswith("d OK")


def test_two_sessions_see_each_other():
    with Gateway() as g:
        for n in range(3):
            send_mail(g, f"Subject: {n}\r\n\r\nx\r\n")
        with Talk(g.imap_port) as one, Talk(g.imap_port) as two:
            for t in (one, two):
                t.line()
                t.imap("a", "LOGIN vagrant password")
                t.imap("b", "SELECT INBOX")
            one.imap("c", r"STORE 2 +FLAGS (\Flagged)")
            assert any(r"* 2 FETCH (" in line and r"\Flagged" in line for line in two.imap("c", "NOOP"))
            one.imap("d", r"STORE 1 +FLAGS.SILENT (\Deleted)")
            one.imap("e", "EXPUNGE")
            reply = two.imap("d", "FETCH 3 (UID)")
            assert reply[0] == "* 3 FETCH (UID 3)", reply
            assert not any("EXPUNGE" in line for line in reply), reply
            assert "* 1 EXPUNGE" in two.imap("e", "NOOP")


MUTTRC = """
set folder="imap://vagrant@127.0.0.1:{port}/"
set imap_user="vagrant"
set imap_pass="password"
set spoolfile="+INBOX"
set ssl_starttls=no
set ssl_force_tls=no
set header_cache="{directory}/cache"
set imap_idle=yes
set record=""
set copy=no
set delete=yes
set quit=yes
set editor=true
set sort=mailbox-order
unset wait_key
unset mark_old
"""


def mutt(program):
    """Reads a mailbox in a real terminal program, by keys: opens the second message, saves what it
    shows, flags it, deletes the third, leaves."""
    directory = tempfile.mkdtemp()
    try:
        with Gateway() as g:
            for n in range(1, 6):
                send_mail(g, f"From: Ann <ann@example.com>\r\nTo: vagrant@mailserver.local\r\nSubject: letter {n}\r\n"
                             f"Date: Wed, {n} Jul 2026 10:00:00 +0000\r\n\r\nDear vagrant, this is {n}.\r\n")
            with open(f"{directory}/muttrc", "w") as f:
                f.write(MUTTRC.format(port=g.imap_port, directory=directory))
            os.mkdir(f"{directory}/cache")
            keys = f"<first-entry><next-entry><copy-message>{directory}/saved<enter>y<flag-message><delete-message><sync-mailbox><quit>"
            # A terminal of no size is none to some versions of ncurses.
            run("script", "-qec", f"stty rows 24 cols 80; {program} -n -F {directory}/muttrc -e 'push \"{keys}\"'", "/dev/null",
                env={"TERM": "xterm", "HOME": directory, "LC_ALL": "C.UTF-8"}, seconds=40)
            with open(f"{directory}/saved") as f:
                saved = f.read()
            assert "Dear vagrant, this is 2." in saved, saved
            left = read_mail(g)
            assert [uid for uid, _, _ in left] == [1, 2, 4, 5], [uid for uid, _, _ in left]
            assert r"\Flagged" in left[1][1]
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def test_mutt():
    mutt("mutt")


def test_neomutt():
    mutt("neomutt")


def test_mbsync_pulls():
    directory = tempfile.mkdtemp()
    try:
        with Gateway() as g:
            for n in range(20):
                send_mail(g, f"Subject: {n}\r\n\r\n{'text ' * n}\r\n")
            with open(f"{directory}/rc", "w") as f:
                f.write(f"IMAPAccount a\nHost 127.0.0.1\nPort {g.imap_port}\nUser vagrant\nPass password\nSSLType None\nAuthMechs LOGIN\n\n"
                        f"IMAPStore far\nAccount a\n\nMaildirStore near\nPath {directory}/mail/\nInbox {directory}/mail/INBOX\n\n"
                        f"Channel c\nFar :far:\nNear :near:\nPatterns INBOX\nSync Pull\nCreate Near\nSyncState *\n")
            os.mkdir(f"{directory}/mail")
            run("mbsync", "-c", f"{directory}/rc", "c")
            assert len(os.listdir(f"{directory}/mail/INBOX/new") + os.listdir(f"{directory}/mail/INBOX/cur")) == 20
            send_mail(g, "Subject: late\r\n\r\nlate\r\n")
            run("mbsync", "-c", f"{directory}/rc", "c")
            assert len(os.listdir(f"{directory}/mail/INBOX/new") + os.listdir(f"{directory}/mail/INBOX/cur")) == 21
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def test_pflogsumm_and_fail2ban_read_our_log():
    with Gateway() as g:
        for n in range(7):
            send_mail(g, f"Message-Id: <m{n}@example.com>\r\nSubject: {n}\r\n\r\nx\r\n")
        with Talk(g.smtp_port) as t:
            t.smtp()
            t.smtp("EHLO client.example.com")
            t.smtp("MAIL FROM:<a@example.com>")
            assert t.smtp("RCPT TO:<nobody@mailserver.local>")[0].startswith("550 5.1.1")
            t.smtp("QUIT")
        for attempt in range(2):
            with Talk(g.imap_port) as t:
                t.line()
                assert t.imap("a", "LOGIN vagrant wrong")[-1].startswith("a NO")
                t.imap("b", "LOGOUT")
        g.log_line("auth failed")
        g.log_line("disconnect from localhost[127.0.0.1] ehlo=1 mail=1 rcpt=0/1 quit=1 commands=3/4")
        summary = run("pflogsumm", g.path("mail.log"))
        assert re.search(r"^\s*7\s+received", summary, re.M), summary
        assert re.search(r"^\s*7\s+delivered", summary, re.M), summary
        assert re.search(r"^\s*1\s+rejected", summary, re.M), summary
        matched = run("fail2ban-regex", g.path("mail.log"), "/etc/fail2ban/filter.d/postfix.conf[mode=more]")
        assert re.search(r"\b1 matched", matched), matched[-1500:]
        matched = run("fail2ban-regex", g.path("mail.log"), "/etc/fail2ban/filter.d/dovecot.conf")
        assert re.search(r"\b2 matched", matched), matched[-1500:]
