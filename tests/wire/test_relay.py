"""Mail for others: taken, kept, delivered to a next hop, tried again, returned."""

import re
import smtplib
import socket
import time

from gateway import Gateway, free_port, give_away
from sink import Sink


def relay(port, **settings):
    return Gateway(relay_enable="yes", relayhost=f"[127.0.0.1]:{port}", dns_resolv_file="",
                   **settings)


def send(gateway, recipients, text="Subject: hi\r\n\r\nbody\r\n", sender="ann@mailserver.local"):
    with smtplib.SMTP("127.0.0.1", gateway.smtp_port, timeout=20) as client:
        client.sendmail(sender, recipients, text)


def bounces(gateway, user="ann", count=1, seconds=10):
    """What lies in the user's INBOX, once `count` of it are there."""
    import imaplib
    until = time.monotonic() + seconds
    while True:
        with imaplib.IMAP4("127.0.0.1", gateway.imap_port) as client:
            client.login(f"{user}@mailserver.local", "password")
            client.select("INBOX", readonly=True)
            numbers = client.search(None, "ALL")[1][0].split()
            if len(numbers) >= count or time.monotonic() > until:
                return [client.fetch(n, "(RFC822)")[1][0][1] for n in numbers]
        time.sleep(0.1)


def test_delivered_to_the_relayhost():
    with Sink() as sink, relay(sink.port) as g:
        send(g, ["bob@example.com"])
        sender, recipients, body = sink.wait(1)[0]
        assert (sender, recipients) == ("ann@mailserver.local", ["bob@example.com"])
        assert body.endswith(b"Subject: hi\r\n\r\nbody\r\n") and body.startswith(b"Received: ")
        line = g.log_line("status=sent")
        assert re.search(r"/smtp\[\d+\]: [0-9A-F]+: to=<bob@example\.com>, "
                         r"relay=127\.0\.0\.1\[127\.0\.0\.1\]:\d+, delay=[\d.]+, "
                         r"delays=[\d.]+/[\d.]+/[\d.]+/[\d.]+, dsn=2\.0\.0, status=sent "
                         r"\(250 2\.0\.0 Ok: queued as SINK\)$", line), line
        g.log_line("removed")


def test_local_and_remote_in_one_mail():
    with Sink() as sink, relay(sink.port) as g:
        send(g, ["ben@mailserver.local", "bob@example.com", "eve@example.net"])
        assert sink.wait(1)[0][1] == ["bob@example.com", "eve@example.net"]
        assert len(bounces(g, "ben")) == 1
        g.log_line("removed")
        assert g.log().count(": removed") == 1


def test_strangers_may_not_relay():
    with Sink() as sink, relay(sink.port, mynetworks="192.0.2.0/24",
                               relay_domains="example.org") as g:
        with smtplib.SMTP("127.0.0.1", g.smtp_port) as client:
            client.ehlo()
            client.mail("x@example.net")
            assert client.rcpt("bob@example.com")[0] == 554
            assert client.rcpt("bob%example.com@example.org")[0] == 554
            assert client.rcpt("bob@example.org")[0] == 250
            assert client.rcpt("bob@sub.example.org")[0] == 250
            assert client.rcpt("bob@notexample.org")[0] == 554
            client.data("Subject: x\r\n\r\n")
        assert sink.wait(1)[0][1] == ["bob@example.org", "bob@sub.example.org"]


def test_many_over_few_connections():
    with Sink() as sink, relay(sink.port) as g:
        with smtplib.SMTP("127.0.0.1", g.smtp_port) as client:
            for i in range(300):
                client.sendmail("ann@mailserver.local", [f"u{i}@example.com"], f"Subject: {i}\r\n\r\n")
        mails = sink.wait(300)
        assert sorted(m[1][0] for m in mails) == sorted(f"u{i}@example.com" for i in range(300))
        assert sink.connections <= 20


def test_a_dead_host_is_tried_again():
    port = free_port()
    with relay(port, minimal_backoff_time="1s", maximal_backoff_time="2s") as g:
        send(g, ["bob@example.com"])
        line = g.log_line("status=deferred")
        assert f"(connect to 127.0.0.1[127.0.0.1]:{port}: Connection refused)" in line, line
        assert "dsn=4.4.1" in line
        with Sink(port) as sink:
            sink.wait(1)
            g.log_line("status=sent")


def test_a_soft_no_is_tried_again():
    said = []

    def rules(verb, argument):
        if verb == "RCPT" and "bob" in argument and len(said) < 2:
            said.append(argument)
            return "450 4.2.0 later"

    with Sink(rules=rules) as sink, relay(sink.port, minimal_backoff_time="1s",
                                          maximal_backoff_time="1s") as g:
        send(g, ["bob@example.com", "eve@example.com"])
        assert sorted(r for m in sink.wait(2) for r in m[1]) == ["bob@example.com", "eve@example.com"]
        assert re.search(r"host 127\.0\.0\.1\[127\.0\.0\.1\] said: 450 4\.2\.0 later \(in reply to "
                         r"RCPT TO command\)", g.log_line("status=deferred"))
        g.log_line("removed")


def test_a_hard_no_comes_back_once():
    def rules(verb, argument):
        if verb == "RCPT" and "nobody" in argument:
            return "550 5.1.1 no such user"

    with Sink(rules=rules) as sink, relay(sink.port) as g:
        send(g, ["nobody@example.com", "bob@example.com"])
        sink.wait(1)
        report = bounces(g)
        assert len(report) == 1, len(report)
        assert b"multipart/report" in report[0] and b"550 5.1.1 no such user" in report[0]
        assert b"Final-Recipient: rfc822; nobody@example.com" in report[0]
        assert b"Return-Path: <>" in report[0]
        assert "status=bounced" in g.log_line("nobody@example.com>, relay")
        g.log_line("sender non-delivery notification")


def test_a_bounce_of_a_bounce_is_nobodys():
    with Sink(rules=lambda verb, argument: "550 no" if verb == "RCPT" else None) as sink, \
            relay(sink.port) as g:
        send(g, ["bob@example.com"], sender="")
        g.log_line("status=bounced")
        g.log_line("removed")
        assert "non-delivery" not in g.log()


def test_bounces_of_others_are_sent_to_them():
    with Sink(rules=lambda verb, argument: "550 5.1.1 no" if verb == "RCPT" and "bob" in argument
              else None) as sink, relay(sink.port) as g:
        send(g, ["bob@example.com"], sender="carl@example.org")
        sender, recipients, body = sink.wait(1)[0]
        assert (sender, recipients) == ("", ["carl@example.org"])
        assert b"multipart/report" in body


def test_old_mail_expires():
    with relay(free_port(), minimal_backoff_time="1s", maximal_queue_lifetime="1s") as g:
        send(g, ["bob@example.com"])
        g.log_line("status=expired, returned to sender", seconds=10)
        assert b"Connection refused" in bounces(g)[0]


def test_the_queue_outlives_a_restart():
    port = free_port()
    with relay(port, minimal_backoff_time="1s", maximal_backoff_time="1s") as g:
        for i in range(20):
            send(g, [f"u{i}@example.com"])
        assert g.stop() == 0
        g.start()
        with Sink(port) as sink:
            assert len(sink.wait(20)) == 20
            time.sleep(1.5)
            assert len(sink.mails) == 20


def test_nothing_is_lost_by_kill():
    with Sink() as sink, relay(sink.port, minimal_backoff_time="1s") as g:
        sent = 0
        for round in range(4):
            with smtplib.SMTP("127.0.0.1", g.smtp_port) as client:
                for _ in range(60):
                    client.sendmail("ann@mailserver.local", [f"u{sent}@example.com"], "Subject: x\r\n\r\n")
                    sent += 1
            g.kill()
            g.start()
        until = time.monotonic() + 30
        wanted = {f"u{i}@example.com" for i in range(sent)}
        while {m[1][0] for m in sink.mails} != wanted and time.monotonic() < until:
            time.sleep(0.1)
        assert {m[1][0] for m in sink.mails} == wanted
        assert len(sink.mails) - sent <= 4 * 64  # what was under way at a kill


def test_a_host_that_drops_connections():
    count = [0]

    def rules(verb, argument):
        count[0] += verb == "MAIL"
        return "drop" if verb == "MAIL" and count[0] % 3 == 0 else None

    with Sink(rules=rules) as sink, relay(sink.port, minimal_backoff_time="1s",
                                          maximal_backoff_time="1s") as g:
        for i in range(10):
            send(g, [f"u{i}@example.com"])
        assert len({m[1][0] for m in sink.wait(10, seconds=30)}) == 10


def test_long_messages():
    text = "Subject: long\r\n\r\n" + ".dots\r\n" + "x" * 70 + "\r\n"
    text += ("y" * 70 + "\r\n") * 60000
    with Sink() as sink, relay(sink.port) as g:
        send(g, ["bob@example.com"], text)
        assert sink.wait(1, seconds=30)[0][2].endswith(text.encode())


def test_users_may_relay():
    import ssl
    with Sink() as sink, relay(sink.port, mynetworks="192.0.2.0/24") as g:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with smtplib.SMTP("127.0.0.1", g.submission_port) as client:
            client.starttls(context=context)
            client.login("ann@mailserver.local", "password")
            client.sendmail("ann@mailserver.local", ["bob@example.com"], "Subject: x\r\n\r\n")
        assert sink.wait(1)[0][1] == ["bob@example.com"]


def test_one_ringpost_to_another_with_tls():
    with Gateway(mydestination="example.com", myhostname="mx.example.com",
                 users="bob@example.com:{PLAIN}password:::::\n") as other:
        with relay(other.smtp_port, smtp_tls_security_level="encrypt") as g:
            send(g, ["bob@example.com"])
            assert "status=sent" in g.log_line("to=<bob@example.com>, relay")
            other.log_line("TLS connection established")
            other.log_line("delivered to mailbox")


def with_transport(text, **settings):
    """A server whose transport_maps has these lines."""
    g = Gateway(relay_enable="yes", dns_resolv_file="", **settings)
    with open(g.path("transport"), "w") as f:
        f.write(text)
    g.write_settings(transport_maps="hash:" + g.path("transport"))
    give_away(g.path("transport"))
    return g


def test_a_silent_host_holds_up_nobody():
    silent = socket.create_server(("127.0.0.1", 0), backlog=50)
    with Sink() as sink, with_transport(
            f"slow.example smtp:[127.0.0.1]:{silent.getsockname()[1]}\n"
            f"live.example smtp:[127.0.0.1]:{sink.port}\n") as g:
        for i in range(40):
            send(g, [f"u{i}@slow.example", f"u{i}@live.example"])
        assert len(sink.wait(40)) == 40
        began = time.monotonic()
        assert g.stop() == 0
        assert time.monotonic() - began < 10
    silent.close()


def test_lmtp_to_another():
    with Gateway(mydestination="example.com", myhostname="mx.example.com",
                 users="bob@example.com:{PLAIN}password:::::\n") as other:
        with with_transport(f"example.com lmtp:inet:127.0.0.1:{other.lmtp_port}\n") as g:
            send(g, ["bob@example.com"])
            line = g.log_line("to=<bob@example.com>, relay")
            assert "postfix/lmtp" in line and "status=sent" in line, line
            other.log_line("delivered to mailbox")


def test_error_and_discard():
    with with_transport("gone.example error:5.1.2 that domain is closed\n"
                        "hole.example discard:silently\n") as g:
        send(g, ["x@gone.example", "x@hole.example"])
        assert re.search(r"postfix/error.*dsn=5\.1\.2, status=bounced \(that domain is closed\)",
                         g.log_line("to=<x@gone.example>"))
        assert "status=sent" in g.log_line("to=<x@hole.example>")
        assert b"that domain is closed" in bounces(g)[0]
        g.log_line("removed")
