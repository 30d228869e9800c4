"""The oracle of the hostile rows must see what it is there to see."""

import signal
import time

from gateway import Gateway, Talk, send_mail
from hostile import Hostile


def judged(attack, **settings):
    """What the oracle says about an attack; "" when it is content."""
    try:
        with Gateway() as g, Hostile(g, warm=False, **settings) as h:
            attack(g, h)
    except AssertionError as found:
        return str(found)
    return ""


def test_content_with_a_server_that_stands_it():
    def attack(g, h):
        for _ in range(10):
            t = h.talk(g.smtp_port)
            t.smtp()
            t.send(b"EHLO " + b"a" * 100000)
            assert t.smtp()[0].startswith("500")
        send_mail(g, "Subject: announced\r\n\r\n")
        h.stored(1)
        time.sleep(0.3)
    assert judged(attack) == ""


def test_sees_a_mail_that_nobody_announced():
    assert "G5" in judged(lambda g, h: send_mail(g, "Subject: smuggled\r\n\r\n"))


def test_sees_a_dead_server():
    assert "G1" in judged(lambda g, h: (g.process.send_signal(signal.SIGABRT), g.process.wait()))


def test_sees_a_server_that_stands_still():
    def attack(g, h):
        for _ in range(4):
            time.sleep(0.1)
            g.process.send_signal(signal.SIGSTOP)
            time.sleep(0.5)
            g.process.send_signal(signal.SIGCONT)
    assert "G4" in judged(attack)


def test_sees_time_and_memory():
    def attack(g, h):
        h.settle_s = 0.2
        peers = [Talk(g.imap_port) for _ in range(200)]  # uncounted on purpose
        for t in peers:
            t.line()
            t.send("a LOGIN vagrant {2000+}\r\n" + "x" * 1999)
        time.sleep(0.3)
        for t in peers:
            t.close()
    found = judged(attack, rss_slack_kib=200, cpu_ms=1, check_store=False)
    assert "G2" in found and "G3" in found, found


for only_once in [test for name, test in vars().items() if name.startswith("test_")]:
    only_once.once = True
