"""Mailbox commands over a socket: made, renamed, deleted, subscribed, kept over kill -9."""

import imaplib
import os
import subprocess
import tempfile

from gateway import Gateway, Talk, send_mail


def login(g):
    client = imaplib.IMAP4("127.0.0.1", g.imap_port, timeout=20)
    assert client.login("vagrant", "password")[0] == "OK"
    return client


def names(client, command="LIST"):
    _, lines = client.list() if command == "LIST" else client.lsub()
    return sorted(line.decode().rpartition(' "/" ')[2].strip('"') for line in lines if line)


FOLDERS = ["Archive", "Drafts", "INBOX", "Junk", "Sent", "Trash"]


def test_default_mailboxes():
    with Gateway() as g:
        client = login(g)
        assert names(client) == FOLDERS, names(client)
        assert names(client, "LSUB") == FOLDERS
        lines = [line.decode() for line in client.list()[1]]
        for use in ("Archive", "Drafts", "Junk", "Sent", "Trash"):
            assert f'(\\HasNoChildren \\{use}) "/" {use}' in lines, lines
        send_mail(g, "Subject: a\r\n\r\nb\r\n", to=["ann@mailserver.local"])
        client.logout()
    with Gateway(mail_default_mailboxes="Entwurf=Drafts Notizen") as g:
        client = login(g)
        assert names(client) == ["Entwurf", "INBOX", "Notizen"], names(client)
        client.logout()
    with Gateway(mail_default_mailboxes="") as g:
        client = login(g)
        assert names(client) == ["INBOX"]
        client.logout()


def test_mailboxes_outlive_kill():
    with Gateway() as g:
        client = login(g)
        for name in ("work/2026", "work/2025", "old"):
            assert client.create(name)[0] == "OK"
        assert client.subscribe("work/2025")[0] == "OK"
        for _ in range(5):
            send_mail(g, "Subject: a\r\n\r\nb\r\n")
        validity = client.status("INBOX", "(UIDVALIDITY UIDNEXT)")[1][0]
        assert client.rename("INBOX", "old/inbox")[0] == "OK"
        assert client.rename("work", "play")[0] == "OK"
        assert client.delete("old")[0] == "OK"
        assert client.delete("old")[0] == "NO"
        assert client.delete("INBOX")[0] == "NO"
        g.kill()
        g.start()
        client = login(g)
        assert names(client) == sorted(FOLDERS + ["old", "old/inbox", "play", "play/2025", "play/2026"]), names(client)
        assert "work/2025" in names(client, "LSUB")
        assert client.status("INBOX", "(UIDVALIDITY UIDNEXT)")[1][0] == validity
        assert b"MESSAGES 5" in client.status("old/inbox", "(MESSAGES)")[1][0]
        client.logout()


def test_i10_i11_names():
    bad = ["&AC8-", "&AAA-", "&AGE-", "&", "&2AA-", "../../etc/passwd", "/etc", "INBOX/../x", "a//b", ".", '"*"', '"%"',
           "{4+}\r\n\xc0\xaf\x80x", "{2+}\r\na\n", "/".join(["x"] * 40)]
    with Gateway() as g, Talk(g.imap_port) as talk:
        talk.line()
        talk.imap("a", "LOGIN vagrant password")
        before = sorted(os.listdir(g.path("store")))
        for i, name in enumerate(bad):
            for command in (f"CREATE {name}", f"RENAME INBOX {name}", f"SUBSCRIBE {name}", f"DELETE {name}"):
                answer = str(talk.imap(f"b{i}", command))
                assert " NO [CANNOT]" in answer or " BAD " in answer, (command, answer)
        for name in ("~root", "-oProxyCommand=x"):  # keys, not paths
            talk.imap("c", f"CREATE {name}")
        assert sorted(os.listdir(g.path("store"))) == before
        assert not os.path.exists(g.path("~root"))


def test_i29_cross_tenant():
    with Gateway() as g:
        ann = imaplib.IMAP4("127.0.0.1", g.imap_port, timeout=20)
        ann.login("ann", "password")
        ann.create("secret")
        client = login(g)
        answers = {client.select(name)[1][0] for name in
                   ("secret", "nothing", "ann/secret", "user/ann/secret", '"ann@mailserver.local/secret"')}
        assert len(answers) == 1 and b"[NONEXISTENT]" in answers.pop()
        assert "secret" not in names(client)


def test_i30_deleted_while_selected():
    with Gateway() as g:
        client, other = login(g), login(g)
        client.create("x")
        other.select("x")
        assert client.delete("x")[0] == "OK"
        try:
            other.noop()
        except imaplib.IMAP4.abort as gone:
            assert "deleted" in str(gone), gone
        else:
            raise AssertionError("a deleted mailbox is still selected")
        assert client.noop()[0] == "OK"


def test_stop_while_purging():
    """A deleted mailbox goes in slices; wherever it is stopped, the store is in order and goes on."""
    with Gateway(store_segment_size="1m") as g:
        client = login(g)
        for _ in range(10):
            send_mail(g, "Subject: a\r\n\r\n" + ("x" * 70 + "\r\n") * 5000)
        assert client.rename("INBOX", "big")[0] == "OK"
        assert client.delete("big")[0] == "OK"
        g.kill()
        g.start()
        assert "big" not in names(login(g))
        g.stop()
        done = subprocess.run([os.environ.get("RINGPOST", "build/ringpost"), "store", "-c", g.path("ringpost.conf"), "check"],
                              capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, (done.stdout, done.stderr)


def test_mbsync_makes_folders():
    with Gateway() as g, tempfile.TemporaryDirectory() as d:
        with open(f"{d}/rc", "w") as f:
            f.write(f"IMAPAccount a\nHost 127.0.0.1\nPort {g.imap_port}\nUser vagrant\nPass password\nSSLType None\n"
                    f"AuthMechs LOGIN\n\nIMAPStore far\nAccount a\n\nMaildirStore near\nPath {d}/mail/\nInbox {d}/mail/INBOX\n"
                    f"SubFolders Verbatim\n\nChannel c\nFar :far:\nNear :near:\nPatterns *\nCreate Both\nRemove Both\n"
                    f"Expunge Both\nSyncState *\n")
        os.mkdir(f"{d}/mail")
        send_mail(g, "Subject: one\r\n\r\nb\r\n")
        sync = ["mbsync", "-c", f"{d}/rc", "-a"]
        subprocess.run(sync, check=True, timeout=60, capture_output=True)
        assert os.path.isdir(f"{d}/mail/Drafts/cur"), os.listdir(f"{d}/mail")
        for part in ("", "cur", "new", "tmp"):
            os.mkdir(f"{d}/mail/fresh/{part}")
        client = login(g)
        client.delete("Junk")
        subprocess.run(sync, check=True, timeout=60, capture_output=True)
        assert "fresh" in names(client), names(client)
