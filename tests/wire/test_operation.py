"""What an operator does: reload, stop, check, look at the log as JSON."""

import json
import os
import subprocess
import time

from gateway import BINARY, Gateway, Talk, read_mail, send_mail


def ringpost(*arguments, text=None):
    return subprocess.run([BINARY, *arguments], input=text, capture_output=True, text=True, timeout=30)


def test_reload_takes_new_users_and_drops_nobody():
    with Gateway() as g:
        with Talk(g.imap_port) as held, Talk(g.smtp_port) as mail:
            held.line()
            held.imap("a", "LOGIN vagrant password")
            held.imap("b", "SELECT INBOX")
            mail.smtp()
            mail.smtp("HELO client.example.com")
            with open(g.path("users"), "a") as f:
                f.write("zoe@mailserver.local:{PLAIN}password:::::\n")
            g.reload()
            g.log_line("the configuration was read again")
            time.sleep(0.2)
            assert held.imap("c", "NOOP")[-1].startswith("c OK")
            assert mail.smtp("MAIL FROM:<a@example.com>")[0].startswith("250")
            assert mail.smtp("RCPT TO:<zoe@mailserver.local>")[0].startswith("250")
        send_mail(g, "Subject: hi\r\n\r\nzoe\r\n", to=["zoe@mailserver.local"])
        assert len(read_mail(g, "zoe")) == 1


def test_bad_file_is_refused_and_the_old_settings_stay():
    with Gateway() as g:
        with open(g.path("users"), "a") as f:
            f.write("this line has no password\n")
        g.reload()
        g.log_line("users:5:")
        send_mail(g, "Subject: hi\r\n\r\nstill\r\n")
        assert len(read_mail(g)) == 1
        with open(g.path("ringpost.conf"), "a") as f:
            f.write("mesage_size_limit = 5\n")
        g.reload()
        line = g.log_line("mesage_size_limit")
        assert "message_size_limit" in g.log(), line
        check = ringpost("check", "-c", g.path("ringpost.conf"))
        assert check.returncode != 0
        assert "message_size_limit" in check.stdout + check.stderr


def test_config_works_as_postconf():
    with Gateway() as g:
        conf = g.path("ringpost.conf")
        assert ringpost("config", "-c", conf, "myhostname").stdout == "myhostname = mailserver.local\n"
        assert "message_size_limit = 10240000" in ringpost("config", "-c", conf, "-d", "message_size_limit").stdout
        changed = ringpost("config", "-c", conf, "-n").stdout
        assert "myhostname = mailserver.local" in changed and "hopcount_limit" not in changed
        assert ringpost("config", "-c", conf, "no_such_thing").returncode != 0


def test_user_add_and_login():
    with Gateway() as g:
        done = ringpost("user", "add", "-c", g.path("ringpost.conf"), "--stdin", "eve@mailserver.local", text="s3cret\n")
        assert done.returncode == 0, done.stderr
        assert "eve@mailserver.local" in ringpost("user", "list", "-c", g.path("ringpost.conf")).stdout
        g.reload()
        g.log_line("the configuration was read again")
        time.sleep(0.2)
        with Talk(g.imap_port) as t:
            t.line()
            assert t.imap("a", "LOGIN eve s3cret")[-1].startswith("a OK")


def test_json_log_has_the_same_facts():
    with Gateway(log_format="json") as g:
        send_mail(g, "Message-Id: <j@example.com>\r\nSubject: hi\r\n\r\nx\r\n", sender="ann@example.com")
        g.log_line('"removed"')
        lines = [json.loads(line) for line in g.log().splitlines()]
        queued = next(line for line in lines if line.get("event") == "queued" or "nrcpt" in line)
        assert queued["from"] == "ann@example.com" and queued["nrcpt"] == 1 and queued["size"] > 50, queued
        assert any(line.get("message_id") == "j@example.com" or "<j@example.com>" in json.dumps(line) for line in lines)


def test_store_check_and_stat():
    with Gateway() as g:
        for n in range(5):
            send_mail(g, f"Subject: {n}\r\n\r\n{n}\r\n")
        conf = g.path("ringpost.conf")
        assert ringpost("store", "check", "-c", conf).returncode != 0  # it is open
        g.stop()
        done = ringpost("store", "check", "-c", conf)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "5" in done.stdout
        assert ringpost("store", "stat", "-c", conf).returncode == 0
        g.start()
        assert len(read_mail(g)) == 5


def test_io_uring_denied_falls_back_to_epoll():
    with Gateway(io="auto") as g:
        g.stop()
        g.start(prefix=("strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=io_uring_setup", "-e",
                        "inject=io_uring_setup:error=EPERM"))
        g.log_line("epoll")
        send_mail(g, "Subject: hi\r\n\r\nx\r\n")
        assert len(read_mail(g)) == 1
        children = subprocess.run(["pgrep", "-P", str(g.process.pid)], capture_output=True, text=True).stdout.split()
        for child in children:
            os.kill(int(child), 15)
        g.process.wait(timeout=20)
        g.process = None


def test_stop_lets_a_transaction_finish_or_says_so():
    with Gateway() as g:
        with Talk(g.smtp_port) as t:
            t.smtp()
            t.smtp("HELO client.example.com")
            began = time.monotonic()
            assert g.stop() == 0
            assert time.monotonic() - began < 10
            assert t.line().startswith("421 4.3.2") or t.rest() == b""
        g.start()


for only_once in (test_config_works_as_postconf, test_store_check_and_stat, test_io_uring_denied_falls_back_to_epoll):
    only_once.once = True
