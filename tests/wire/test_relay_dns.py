"""Where mail goes by the DNS, which a test's own name server plays: mail exchangers in their order, none
at all, and all that goes wrong (R07, R10, R11, R12). Those with mail exchangers that are reached run in
a network of their own, where 192.0.2.0/24 is this host and port 25 is free."""

import fcntl
import os
import shutil
import socket
import struct
import subprocess
import sys
import time

from gateway import IO, Gateway, send_mail
from hop import Hop
from hostile import skipped
from nameserver import NameServer
from test_relay import send

HERE = os.path.dirname(os.path.abspath(__file__))
HOSTS = {f"mx{i}.example": f"192.0.2.{i}" for i in range(1, 9)}


def loopback_up():
    """The loopback of a new network: up, and with 192.0.2.0/24 beside 127.0.0.0/8."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        fcntl.ioctl(s, 0x8914, struct.pack("16sh", b"lo", 0x1 | 0x8 | 0x40))  # SIOCSIFFLAGS
        for request, address in ((0x8916, "192.0.2.100"), (0x891C, "255.255.255.0")):
            fcntl.ioctl(s, request, struct.pack("16sHH4s8x", b"lo:1", socket.AF_INET, 0,
                                                socket.inet_aton(address)))


def in_a_network_of_its_own(test):
    def run():
        if os.environ.get("RINGPOST_TEST_NETWORK") == "own":
            return test()
        if os.geteuid() != 0 or not shutil.which("unshare"):
            return skipped("only root can make a network of its own")
        if subprocess.run(["unshare", "-n", "true"], capture_output=True, check=False).returncode:
            return skipped("there can be no network of its own here")
        code = ("import sys; sys.path.insert(0, sys.argv[1]); import test_relay_dns as t; "
                "t.loopback_up(); getattr(t, sys.argv[2])()")
        done = subprocess.run(["unshare", "-n", sys.executable, "-c", code, HERE, test.__name__],
                              env={**os.environ, "RINGPOST_TEST_NETWORK": "own", "RINGPOST_IO": IO},
                              capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr[-3000:]
    run.__name__ = test.__name__
    return run


def relay_by(names, **settings):
    return Gateway(relay_enable="yes", dns_servers=f"127.0.0.1:{names.port}", dns_resolv_file="", **settings)


def zone_of(**domains):
    zone = {(name, "A"): [address] for name, address in HOSTS.items()}
    for domain, records in domains.items():
        zone[(f"{domain}.example", "MX")] = records
    return zone


@in_a_network_of_its_own
def test_exchangers_in_order():
    """The best one first; the next when it is not there, or says 421; two of the same take turns."""
    zone = zone_of(best=[(20, "mx2.example"), (10, "mx1.example")], dead=[(10, "mx7.example"), (20, "mx2.example")],
                   busy=[(10, "mx3.example"), (20, "mx2.example")], both=[(10, "mx4.example"), (10, "mx5.example")])
    zone[("address.example", "A")] = ["192.0.2.6"]

    def busy(peer, at):
        return b"421 4.3.2 busy\r\n" if at == "CONNECT" else None

    with NameServer(zone) as names, Hop(port=25, host="192.0.2.1") as one, Hop(port=25, host="192.0.2.2") as two, \
            Hop(busy, port=25, host="192.0.2.3") as three, Hop(port=25, host="192.0.2.6") as six, \
            Hop(port=25, host="192.0.2.4") as four, Hop(port=25, host="192.0.2.5") as five, relay_by(names) as g:
        send(g, ["bob@best.example"])
        assert one.wait_mails(1)[0][0] == ["bob@best.example"]
        assert "relay=mx1.example[192.0.2.1]:25," in g.log_line("bob@best.example>, relay=")
        send(g, ["bob@dead.example"])
        assert two.wait_mails(1)[0][0] == ["bob@dead.example"]
        send(g, ["bob@busy.example"])
        assert two.wait_mails(2)[1][0] == ["bob@busy.example"] and three.connections > 0
        send(g, ["bob@address.example"])  # no MX: its address (RFC 5321 5.1)
        six.wait_mails(1)
        for i in range(40):
            send(g, [f"u{i}@both.example"])
        until = time.monotonic() + 20
        while len(four.mails) + len(five.mails) < 40 and time.monotonic() < until:
            time.sleep(0.05)
        assert len(four.mails) + len(five.mails) == 40
        assert "status=deferred" not in g.log()


@in_a_network_of_its_own
def test_r11_five_of_five_hundred():
    """An exchanger with hundreds of addresses costs us no hundreds of connections."""
    zone = zone_of(crowd=[(10, "crowd.example")])
    zone[("crowd.example", "A")] = [f"192.0.2.{i}" for i in range(1, 100)]
    busy = Hop(lambda peer, at: b"421 4.3.2 busy\r\n" if at == "CONNECT" else None, port=25, host="0.0.0.0")
    with NameServer(zone) as names, busy, relay_by(names) as g:
        send(g, ["bob@crowd.example"])
        assert "status=deferred" in g.log_line("bob@crowd.example>, relay=")
        time.sleep(0.5)
        assert 1 <= busy.connections <= 5, busy.connections


def crafted(answers, ancount=1):
    """All questions are answered with these bytes behind the question."""
    def answer(question):
        end = question.index(b"\0", 12) + 5
        return question[:2] + struct.pack("!HHHHH", 0x8180, 1, ancount, 0, 0) + question[12:end] + answers
    return answer


def mx_of(length, data):
    return b"\xc0\x0c" + struct.pack("!HHIH", 15, 1, 60, length) + data


def test_what_the_dns_can_say():
    """R07 truncated records; R10 null MX, NXDOMAIN, SERVFAIL, nothing; R11 hosts that are nobody's."""
    zone = zone_of(null=[(0, "")], nohost=[(10, "nowhere.example")], self=[(10, "mailserver.local")],
                   loop=[(10, "local.example")], zero=[(10, "zero.example")], link=[(10, "link.example")])
    zone.update({("local.example", "A"): ["127.0.0.1"], ("zero.example", "A"): ["0.0.0.0"],
                 ("link.example", "A"): ["169.254.1.1"], ("empty.example", "TXT"): [], ("fail.example", "*"): "SERVFAIL",
                 ("refused.example", "*"): "REFUSED", ("mailserver.local", "A"): ["192.0.2.1"],
                 ("short0.example", "*"): crafted(mx_of(0, b"")), ("short1.example", "*"): crafted(mx_of(1, b"\0")),
                 ("short2.example", "*"): crafted(mx_of(2, b"\0\x0a")),
                 ("short3.example", "*"): crafted(mx_of(3, b"\0\x0a\x05")),
                 ("lies.example", "*"): crafted(mx_of(60000, b"\0\x0a\x05")),
                 ("self-loop.example", "*"): crafted(mx_of(4, b"\0\x0a\xc0\x29")),
                 ("junk.example", "*"): lambda question: os.urandom(60),
                 ("other-id.example", "*"): lambda question: b"\0\0" + crafted(mx_of(3, b"\0\x0a\0"))(question)[2:]})
    wanted = {"null": "dsn=5.1.10, status=bounced", "nxdomain": "dsn=5.1.2, status=bounced",
              "fail": "dsn=4.4.3, status=deferred", "refused": "dsn=4.4.3, status=deferred",
              "empty": "dsn=5.4.4, status=bounced", "nohost": "dsn=5.4.4, status=bounced",
              "self": "dsn=5.4.6, status=bounced", "loop": "dsn=5.4", "zero": "dsn=5.4", "link": "dsn=5.4",
              "short0": "status=", "short1": "status=", "short2": "status=", "short3": "status=",
              "lies": "status=", "self-loop": "status="}
    with NameServer(zone) as names, relay_by(names) as g:
        for name in (*wanted, "junk", "other-id"):
            send(g, [f"bob@{name}.example"])
        wrong = []
        for name, words in wanted.items():
            line = g.log_line(f"bob@{name}.example>, relay=", 20)
            if words not in line or "status=sent" in line:
                wrong.append((words, line))
        assert not wrong, wrong
        assert g.process.poll() is None


def test_r12_dead_resolver():
    """Nobody answers: mail for others waits, mail for us does not."""
    with NameServer({(f"d{i}.example", "*"): "SILENT" for i in range(200)}) as names, relay_by(names) as g:
        for i in range(200):
            send(g, [f"bob@d{i}.example"])
        began = time.monotonic()
        for _ in range(20):
            send_mail(g, "Subject: x\r\n\r\n")
        assert time.monotonic() - began < 10  # a question is given up after twice as long
        assert "status=sent" not in "".join(line for line in g.log().splitlines() if "d1.example" in line)
        assert names.asked
        began = time.monotonic()
        assert g.stop() == 0
        assert time.monotonic() - began < 10
