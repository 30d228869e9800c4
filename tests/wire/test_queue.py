"""The queue, as operators see and change it: ringpost queue, and Postfix's commands for it."""

import json
import os
import re
import smtplib
import socket
import subprocess
import threading
import time
import urllib.request

from gateway import BINARY, Gateway, free_port
from hop import Hop
from sink import Sink

NAMES = ("postqueue", "mailq", "postsuper", "postcat", "qshape")


def relay(port, **settings):
    """Everything that is tried fails, and then waits for long."""
    g = Gateway(relay_enable="yes", relayhost=f"[127.0.0.1]:{port}", dns_resolv_file="",
                **settings)
    for name in NAMES:
        os.symlink(BINARY, g.path(name))
    return g


def send(gateway, recipients, text="Subject: hi\r\n\r\nbody\r\n", sender="ann@mailserver.local"):
    with smtplib.SMTP("127.0.0.1", gateway.smtp_port, timeout=20) as client:
        client.sendmail(sender, recipients, text)


def run(gateway, name, *arguments, code=0, text=None):
    """The command's output."""
    done = subprocess.run([gateway.path(name), "-c", gateway.path("ringpost.conf"), *arguments],
                          input=text, capture_output=True, text=True, timeout=60)
    assert done.returncode == code, (name, arguments, done)
    run.said = done.stderr
    return done.stdout


def queue(gateway, *arguments, code=0, text=None):
    done = subprocess.run([BINARY, "queue", "-c", gateway.path("ringpost.conf"), *arguments],
                          input=text, capture_output=True, text=True, timeout=60)
    assert done.returncode == code, (arguments, done)
    queue.said = done.stderr
    return done.stdout


def rows(gateway, *arguments):
    return [json.loads(line) for line in queue(gateway, "list", "--json", *arguments).splitlines()]


def wait_for(what, seconds=10):
    until = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.05)


def wait_deferred(gateway, recipients):
    def all_are():
        states = [r["state"] for m in rows(gateway) for r in m["recipients"]]
        return len(states) == recipients and set(states) == {"deferred"}
    wait_for(all_are)


def test_an_empty_queue():
    with relay(free_port()) as g:
        assert run(g, "postqueue", "-p") == run(g, "mailq") == "Mail queue is empty\n"
        assert run(g, "postqueue", "-j") == "" == queue(g, "list")
        assert run(g, "postsuper", "-d", "ALL") == "" == run.said
        assert queue(g, "delete", "--all") == "removed: 0 messages, 0 recipients\n"


def test_postqueue_shows_what_waits():
    port = free_port()
    with relay(port) as g:
        send(g, ["bob@example.com", "eve@example.net"], "Subject: x\r\n\r\n" + "y" * 2000 + "\r\n")
        wait_deferred(g, 2)
        send(g, ["carl@example.org"], sender="")
        wait_deferred(g, 3)
        text = run(g, "postqueue", "-p")
        refused = rf"\((?:delivery temporarily suspended: )?connect to 127\.0\.0\.1\[127\.0\.0\.1\]:{port}: Connection refused\)"
        when = r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun) [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d"
        assert re.fullmatch(
            r"----Queue ID----- --Size-- ---Arrival Time---- --Sender/Recipient------\n"
            rf"[0-9A-F]{{13}}     +2\d\d\d {when} ann@mailserver\.local\n"
            rf" *{refused}\n {{47}}bob@example\.com\n {{47}}eve@example\.net\n\n"
            rf"[0-9A-F]{{13}}     +\d\d\d {when} MAILER-DAEMON\n *{refused}\n"
            r" {47}carl@example\.org\n\n-- 2 Kbytes in 2 Requests\.\n", text), text
        assert run(g, "mailq") == text
        first, second = [json.loads(line) for line in run(g, "postqueue", "-j").splitlines()]
        assert sorted(first) == sorted(["queue_name", "queue_id", "arrival_time", "message_size",
                                        "forced_expire", "sender", "recipients"])
        assert first["queue_name"] == "deferred" and first["forced_expire"] is False
        assert first["sender"] == "ann@mailserver.local" and second["sender"] == "MAILER-DAEMON"
        assert [r["address"] for r in first["recipients"]] == ["bob@example.com", "eve@example.net"]
        assert "Connection refused" in first["recipients"][0]["delay_reason"]
        assert abs(first["arrival_time"] - time.time()) < 60


def test_hold_release_and_flush():
    port = free_port()
    with relay(port) as g:
        for name in ("bob", "eve", "carl"):
            send(g, [f"{name}@example.com"])
        wait_deferred(g, 3)
        ids = [m["queue_id"] for m in rows(g)]
        run(g, "postsuper", "-h", ids[0])
        assert run.said == "postsuper: Placed on hold: 1 message\n"
        run(g, "postsuper", "-h", ids[0])
        assert run.said == ""  # it is there already
        assert f"{ids[0]}! " in run(g, "postqueue", "-p")
        assert [m["queue_id"] for m in rows(g, "--held")] == ids[:1]
        with Sink(port) as sink:
            run(g, "postqueue", "-i", ids[1])
            assert sink.wait(1)[0][1] == ["eve@example.com"]
            run(g, "postqueue", "-f")
            assert sink.wait(2)[1][1] == ["carl@example.com"]
            wait_for(lambda: len(rows(g)) == 1)
            run(g, "postsuper", "-H", "-", text=f"{ids[0]}\nNOSUCH\n")
            assert run.said == "postsuper: Released from hold: 1 message\n"
            assert sink.wait(3)[2][1] == ["bob@example.com"]
        wait_for(lambda: run(g, "postqueue", "-p") == "Mail queue is empty\n")
        assert f"{ids[0]}: placed on hold" in g.log() and f"{ids[0]}: released from hold" in g.log()


def test_delete():
    with relay(free_port()) as g:
        for i in range(4):
            send(g, [f"u{i}@example.com", f"v{i}@example.net"])
        wait_deferred(g, 8)
        ids = [m["queue_id"] for m in rows(g)]
        run(g, "postsuper", "-d", ids[0])
        assert run.said == "postsuper: Deleted: 1 message\n"
        run(g, "postsuper", "-d", ids[0])
        assert run.said == ""
        text = queue(g, "delete", "--to-domain", "example.net", "--dry-run")
        assert text.count("@example.net>") == 3 and "would be removed: 3 messages, 3 recip" in text
        assert len(rows(g)) == 3
        assert queue(g, "delete", "--to-domain=example.net") == "removed: 3 messages, 3 recipients\n"
        assert [len(m["recipients"]) for m in rows(g)] == [1, 1, 1]
        assert queue(g, "delete", ids[1], "--limit", "1") == "removed: 1 message, 1 recipient\n"
        queue(g, "delete", ids[1], code=1)
        assert "not in the queue" in queue.said
        run(g, "postsuper", "-d", "ALL", "deferred")
        assert run.said == "postsuper: Deleted: 2 messages\n"
        assert run(g, "mailq") == "Mail queue is empty\n"
        assert f"{ids[2]}: removed" in g.log()


def test_predicates():
    with relay(free_port()) as g:
        send(g, ["bob@example.com", "eve@sub.example.com"])
        send(g, ["carl@example.org"], sender="")
        wait_deferred(g, 3)

        def found(*arguments):
            return [r["address"].split("@")[0] for m in rows(g, *arguments) for r in m["recipients"]]

        assert found("--to-domain", "example.com") == ["bob"]
        assert found("--to-domain", ".example.com") == ["eve"]
        assert found("--to", "CARL@example.org") == ["carl"]
        assert found("--to", "@example.com") == ["bob"]
        assert found("--from", "ann@mailserver.local") == found("--from", "@mailserver.local") \
            == ["bob", "eve"]
        assert found("--from", "<>") == found("--from=") == ["carl"]
        assert found("--age", "1h") == [] == found("--active") == found("--held")
        assert found("--younger", "1h", "--deferred") == ["bob", "eve", "carl"]
        assert len(found("--reason", "connection REFUSED")) == 3 and not found("--reason", "nope")
        assert found("--limit", "1") == ["bob", "eve"]
        queue(g, "delete", code=2)
        assert "say whom" in queue.said
        for wrong in (["list", "--age", "1y"], ["list", "--nonsense"], ["list", "--limit", "x"],
                      ["nothing"], ["redirect", "--all"], ["list", "--limit"]):
            queue(g, *wrong, code=2)


def test_show_and_cat():
    with relay(free_port()) as g:
        send(g, ["bob@example.com"], "Subject: cat\r\n\r\nmeow\r\n.dot\r\n")
        wait_deferred(g, 1)
        id = rows(g)[0]["queue_id"]
        shown = queue(g, "show", id)
        for part in (f"message:    {id}\n", "sender:     <ann@mailserver.local>\n",
                     "recipient:  <bob@example.com>\n  state:    deferred\n", "  tries:    1\n",
                     "  dsn:      4.4.1\n", "Connection refused"):
            assert part in shown, (part, shown)
        raw = subprocess.run([BINARY, "queue", "-c", g.path("ringpost.conf"), "cat", id],
                             capture_output=True, check=True).stdout
        assert raw.startswith(b"Received: ") and raw.endswith(b"\r\n\r\nmeow\r\n.dot\r\n")
        text = run(g, "postcat", "-q", id)
        assert text.startswith(f"*** ENVELOPE RECORDS {id} ***\nmessage_size: ")
        assert "\nsender: ann@mailserver.local\n" in text and "\nrecipient: bob@example.com\n" in text
        assert f"*** MESSAGE CONTENTS {id} ***\nReceived: " in text and "\r" not in text
        assert text.endswith(f"\n\nmeow\n.dot\n*** HEADER EXTRACTED {id} ***\n"
                             f"*** MESSAGE FILE END {id} ***\n")
        assert run(g, "postcat", "-bq", id) == "meow\n.dot\n"
        assert run(g, "postcat", "-h", "-q", id).endswith("Subject: cat\n\n")
        run(g, "postcat", "-q", "NOSUCH", code=1)


def test_redirect_requeue_and_expire():
    port = free_port()
    with relay(port) as g:
        send(g, ["bob@example.com"])
        send(g, ["eve@example.com"])
        wait_deferred(g, 2)
        ids = [m["queue_id"] for m in rows(g)]
        queue(g, "expire", ids[1])
        g.log_line("status=expired, returned to sender")
        wait_for(lambda: [m["queue_id"] for m in rows(g)] == ids[:1])
        assert queue(g, "requeue", "--all", "--json").startswith('{"done": "requeued", "messages": 1')
        wait_deferred(g, 1)
        with Sink(port) as sink:
            queue(g, "redirect", ids[0], "--address", "new@example.org")
            assert sink.wait(1)[0][1] == ["new@example.org"]


def test_shapes():
    with relay(free_port()) as g:
        for i in range(6):
            send(g, [f"u{i}@s{i}.example.com", "x@example.net"])
        wait_deferred(g, 12)
        head, total, first, *others = run(g, "qshape", "deferred").splitlines()
        assert head.split() == ["T", "5", "10", "20", "40", "80", "160", "320", "640", "1280", "1280+"]
        assert total.split() == ["TOTAL", "12", "12"] + ["0"] * 9
        assert first.split() == ["example.net", "6", "6"] + ["0"] * 9
        assert len(others) == 6 and {len(line) for line in (head, total, first, *others)} == {80}
        assert ".example.com  6" in run(g, "qshape", "-p", "-m", "6", "deferred")
        assert "mailserver.local  6" in run(g, "qshape", "-s", "deferred")
        assert run(g, "qshape", "hold").splitlines()[1].split()[1] == "0"
        assert queue(g, "stat").startswith("6 messages, 12 recipients, ")
        counts = [json.loads(line) for line in queue(g, "stat", "--json").splitlines()]
        assert counts[0]["domain"] == "example.net" and counts[0]["minutes"]["5"] == 6


def test_figures():
    """What waits, what is held, and what became of tries are figures of /metrics."""
    port, http = free_port(), free_port()
    with relay(port, http_listen=f"127.0.0.1:{http}") as g:
        def figure(name):
            with urllib.request.urlopen(f"http://127.0.0.1:{http}/metrics", timeout=20) as answer:
                return int(re.search(rf"^ringpost_{re.escape(name)} (\d+)$", answer.read().decode(), re.M)[1])

        send(g, ["bob@example.com", "eve@example.com"])
        wait_deferred(g, 2)
        queue(g, "hold", "--to", "bob@example.com")
        assert (figure("queue_messages"), figure("queue_recipients"), figure("queue_held")) == (1, 2, 1)
        assert figure('relay_outcomes_total{outcome="deferred"}') == 2
        with Sink(port, rules=lambda verb, argument:
                  "550 5.1.1 no" if verb == "RCPT" and "bob" in argument else None) as sink:
            run(g, "postqueue", "-f")
            sink.wait(1)
            wait_for(lambda: figure('relay_outcomes_total{outcome="delivered"}') == 1)
            queue(g, "release", "--all")
            wait_for(lambda: figure('relay_outcomes_total{outcome="bounced"}') == 1)
        wait_for(lambda: figure("queue_messages") == figure("queue_held") == 0)


def test_without_a_server():
    with relay(free_port()) as g:
        send(g, ["bob@example.com"])
        wait_deferred(g, 1)
        text = run(g, "mailq")
        assert g.stop() == 0
        assert run(g, "mailq") == text and "no server runs" in run.said
        run(g, "postsuper", "-h", "ALL")
        assert "Placed on hold: 1 message" in run.said
        g.start()
        assert "! " in run(g, "mailq")
        g.kill()
        assert "bob@example.com" in run(g, "mailq")
        g.start()
        assert "bob@example.com" in run(g, "mailq")


def ask(gateway, text, more=b""):
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(20)
        s.connect(gateway.path("store/control"))
        try:
            s.sendall(text)
        except BrokenPipeError:
            pass  # it has heard enough
        answer = b""
        while not answer.endswith(more or b"x 2\n"):
            part = s.recv(65536)
            if not part:
                break
            answer += part
        return answer


def test_what_is_no_request():
    with relay(free_port()) as g:
        for text in (b"\n\n", b"act nothing\n\n", b"nonsense 1\n\n", b"act delete\n\n",
                     b"act list\nlimit -1\n\n", b"\0\0\n\n", b"act redirect\nall\n\n",
                     b"buckets 31\n\n", b"id \n\n", b"from " + b"x" * 2000 + b"\n\n"):
            answer = ask(g, text)
            assert answer.endswith(b"x 2\n") or text == b"\n\n", (text, answer)
        assert b"too long" in ask(g, b"id 1\n" * 500000)
        peers = []
        for _ in range(16):  # who say nothing
            s = socket.socket(socket.AF_UNIX)
            s.connect(g.path("store/control"))
            s.sendall(b"act list\n")
            peers.append(s)
        for s in peers[:8]:
            s.close()
        assert run(g, "mailq") == "Mail queue is empty\n"
        for s in peers[8:]:
            s.close()
        assert os.stat(g.path("store/control")).st_mode & 0o777 == 0o600


def test_a_reader_who_stops_keeps_nobody_waiting():
    with relay(free_port()) as g:
        with smtplib.SMTP("127.0.0.1", g.smtp_port) as client:
            for i in range(40):
                client.sendmail("a@mailserver.local", [f"u{i}.{k}@{'x' * 60}.example.com" for k in range(100)],
                                "Subject: x\r\n\r\n")
        wait_for(lambda: len(rows(g)) == 40)
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(g.path("store/control"))
            s.sendall(b"act list\nformat json\n\n")
            time.sleep(0.3)
            assert len(rows(g)) == 40
            assert "40 messages" in queue(g, "delete", "--all")
        assert g.stop() == 0


def test_delete_while_it_is_tried():
    """The outcome of the others is not lost with the one that was deleted: nobody gets a mail twice."""
    asked, goes_on = threading.Event(), threading.Event()

    def odd(peer, stage):
        if stage == "RCPT" and b"nobody" in hop.said[-1]:
            return b"550 5.1.1 no\r\n"
        if stage == "DOT":
            asked.set()
            goes_on.wait(20)
        return None

    hop = Hop(odd)
    with relay(hop.port) as g:
        send(g, ["bob@example.com", "nobody@example.com", "none@example.com"])
        assert asked.wait(20)
        nobody, = (r["queue_id"] for r in rows(g, "--to", "nobody@example.com"))
        queue(g, "delete", "--to", "nobody@example.com")
        goes_on.set()
        wait_for(lambda: not rows(g, "--all"))
        assert "removed" in g.log() and nobody in g.log()
        g.stop()
        g.start()
        time.sleep(1)
        assert len(hop.wait_mails(1)) == 1
    hop.close()
