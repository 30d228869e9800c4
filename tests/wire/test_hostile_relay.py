"""Hostile next hops (R01 to R05, R15 to R18), and the mail that we send them (S07): what they cannot
do is to lose a mail, to make us send one in the clear that must not be, or to hurt other mail."""

import contextlib
import re
import smtplib
import threading
import time

from gateway import Gateway, give_away
from hop import STAGES, USUAL, Hop, HungUp, slowly
from hostile import scaled
from test_relay import bounces, send

DEFERRED = "status=deferred"


@contextlib.contextmanager
def gateway_to(hops, rows="", **settings):
    """A server whose mail for the domain `name` goes to hops[name]. `rows` are more of the map."""
    g = Gateway(relay_enable="yes", dns_resolv_file="", **settings)
    with open(g.path("transport"), "w") as f:
        for name, hop in hops.items():
            host = "127.0.0.1" if hop.host == "0.0.0.0" else hop.host
            f.write(f"{name} smtp:[{host}]:{hop.port}\n")
        f.write(rows)
    give_away(g.path("transport"))
    g.write_settings(transport_maps=f"texthash:{g.path('transport')}")
    with g, contextlib.ExitStack() as stack:
        for hop in hops.values():
            stack.callback(hop.close)
        yield g


def outcome(g, name, seconds=10):
    """The log line that tells what became of the mail for a domain."""
    return g.log_line(f"@{name}>, relay=", seconds)


def check_log(g):
    """No line is long, none can do harm to who reads it."""
    for line in g.log().splitlines():
        assert len(line) <= 2048, line
        assert all(c >= " " and c != "\x7f" for c in line), repr(line)


def each(oddities, judge, **settings):
    """One domain and one hop for each oddity {name: odd}; judge(g, name, line, hop) judges each."""
    hops = {f"{name}.example": Hop(odd) for name, odd in oddities.items()}
    with gateway_to(hops, **settings) as g:
        with smtplib.SMTP("127.0.0.1", g.smtp_port, timeout=20) as client:
            for name in hops:
                client.sendmail("ann@mailserver.local", [f"bob@{name}"], "Subject: hi\r\n\r\nbody\r\n")
        for name, hop in hops.items():
            judge(g, name, outcome(g, name), hop)
        check_log(g)
        assert g.process.poll() is None


def says(stage, data):
    """A hop that answers so at this stage, and usually before."""
    return lambda peer, at: data if at == stage else None


def test_r01_endless_reply():
    sent = {}

    def endless(name, stage, unit):
        def odd(peer, at):
            if at != stage:
                return None
            sent[name] = 0
            while sent[name] < 200_000_000:
                peer.send(unit)
                sent[name] += len(unit)
            raise HungUp
        return odd

    def judge(g, name, line, hop):
        assert DEFERRED in line and "dsn=4." in line, line

    each({f"{kind}-{stage.lower()}": endless(f"{kind}-{stage}", stage, unit)
          for stage in STAGES
          for kind, unit in (("line", b"x" * 65536), ("lines", b"250-still here\r\n" * 4096))}, judge)
    assert max(sent.values()) < 20_000_000, sent


GARBAGE = {
    "large": b"999 x\r\n",
    "short": b"25\r\n",
    "word": b"hello\r\n",
    "empty": b"\r\n",
    "cut": None,  # "250-" and the end
    "zero": b"000 0.0.0 zero\r\n",
    "long": b"2500 Ok\r\n",
    "nul": b"2\x0050 Ok\r\n",
    "mixed": b"250-Ok\r\n550 no\r\n",
    "high": b"\xff\xfe\xfd\r\n",
}


def test_r02_garbage_codes():
    def odd_of(stage, text):
        def cut(peer, at):
            if at != stage:
                return None
            peer.send(b"250-")
            raise HungUp
        return cut if text is None else says(stage, text)

    def judge(g, name, line, hop):
        kind = name.split("-")[0]
        assert "status=sent" not in line, (name, line)
        assert DEFERRED in line or kind == "mixed", (name, line)
        assert "taken" not in line, (name, line)  # an old reply's text

    each({f"{kind}-{stage.lower()}": odd_of(stage, text)
          for kind, text in GARBAGE.items() for stage in STAGES}, judge)


def test_r02_no_text_behind_the_code():
    """What is odd and yet clear is taken for what it says."""
    def judge(g, name, line, hop):
        assert "status=sent" in line, (name, line)

    each({f"{kind}-{stage.lower()}": says(stage, text)
          for kind, text in (("bare", b"250\r\n"), ("enhanced", b"250 2.0.0\r\n"), ("lf", b"250 Ok\n"))
          for stage in ("EHLO", "MAIL", "RCPT", "DOT")}, judge)


def test_r03_injection_behind_starttls():
    def odd(peer, at):
        if at == "EHLO":
            return b"250-hop\r\n250 STARTTLS\r\n"
        if at == "STARTTLS":
            return b"220 go\r\n250-SIZE\r\n250 hop\r\n"
        return None

    def judge(g, name, line, hop):
        assert DEFERRED in line, line
        assert not hop.mails and not any(said.startswith((b"MAIL", b"RCPT")) for said in hop.said), hop.said

    each({"injects": odd}, judge, smtp_tls_security_level="encrypt")


def test_r04_250_then_rst():
    def odd(peer, at):
        if at == "DOT":
            peer.send(USUAL["DOT"])
            peer.reset()

    with Hop(odd) as hop, gateway_to({"a.example": hop}, minimal_backoff_time="1s",
                                     maximal_backoff_time="1s") as g:
        for _ in range(10):
            send(g, ["bob@a.example"])
        hop.wait_mails(10)
        time.sleep(1.5)
        log = g.log()
        assert len(hop.mails) == 10, len(hop.mails)
        assert log.count("status=sent") == 10 and DEFERRED not in log, [
            line for line in log.splitlines() if DEFERRED in line]


def test_r04_rst_before_250():
    count = [0]

    def odd(peer, at):
        if at == "DOT":
            count[0] += 1
            if count[0] % 2:
                peer.reset()

    with Hop(odd) as hop, gateway_to({"a.example": hop}, minimal_backoff_time="1s",
                                     maximal_backoff_time="1s") as g:
        send(g, ["bob@a.example"])
        line = g.log_line(DEFERRED)
        assert "while sending end of data -- message may be sent more than once" in line, line
        g.log_line("status=sent")
        g.log_line("removed")
        assert len(hop.mails) == 2


def test_r05_starttls_stripped():
    """In the clear, refused, broken: at level encrypt no command of a mail is ever said."""
    offers = b"250-hop\r\n250 STARTTLS\r\n"

    def refuses(peer, at):
        return offers if at == "EHLO" else b"454 4.7.0 not now\r\n" if at == "STARTTLS" else None

    def breaks(peer, at):
        if at == "STARTTLS":
            peer.send(b"220 go\r\n")
            time.sleep(0.1)
            peer.send(b"\x16\x03\x01\x00\x02xx this is no TLS" * 20)
            peer.silent()
        return offers if at == "EHLO" else None

    def helo_only(peer, at):
        if at == "EHLO":
            return b"502 5.5.1 what?\r\n" if peer.hop.said[-1].upper().startswith(b"EHLO") else b"250 hop\r\n"

    def judge(g, name, line, hop):
        assert DEFERRED in line and "dsn=4.7." in line, (name, line)
        assert not any(said.upper().startswith((b"MAIL", b"RCPT", b"DATA")) for said in hop.said), hop.said

    odd = {"stripped": None, "refused": refuses, "broken": breaks, "helo": helo_only}
    each(odd, judge, smtp_tls_security_level="encrypt")
    each(odd, judge, smtp_tls_security_level="verify")


def test_r05_may_goes_on_in_the_clear():
    """Where nobody asked for TLS, mail goes without it when it fails, as it does with Postfix."""
    offers = b"250-hop\r\n250 STARTTLS\r\n"

    def refuses(peer, at):
        return offers if at == "EHLO" else b"454 4.7.0 not now\r\n" if at == "STARTTLS" else None

    def breaks(peer, at):
        if at == "STARTTLS":
            peer.send(b"220 go\r\n")
            time.sleep(0.1)
            peer.send(b"\x16\x03\x01\x00\x02xx" * 20)
            raise HungUp
        return offers if at == "EHLO" else None

    def judge(g, name, line, hop):
        assert "status=sent" in line, (name, line)

    each({"refused": refuses, "broken": breaks}, judge)


def test_r15_tarpits():
    """Destinations that accept and say nothing don't slow the others."""
    tarpits, healthy = scaled(100, 1000), scaled(200, 1000)
    tar, well = Hop(lambda peer, at: peer.silent(), host="0.0.0.0"), Hop()

    def seconds_for(g, name):
        before, began = len(well.mails), time.monotonic()
        with smtplib.SMTP("127.0.0.1", g.smtp_port, timeout=20) as client:
            for i in range(healthy):
                client.sendmail("ann@mailserver.local", [f"u{i}@{name}"], "Subject: hi\r\n\r\n")
        well.wait_mails(before + healthy, 60)
        return time.monotonic() - began

    rows = "".join(f"tar{i}.example smtp:[127.0.{1 + i // 250}.{1 + i % 250}]:{tar.port}\n"
                   for i in range(tarpits))
    with gateway_to({"well.example": well}, rows) as g, tar:
        alone = min(seconds_for(g, "well.example") for _ in range(3))
        with smtplib.SMTP("127.0.0.1", g.smtp_port, timeout=60) as client:
            for i in range(tarpits * 2):
                client.sendmail("ann@mailserver.local", [f"u@tar{i % tarpits}.example"],
                                "Subject: tar\r\n\r\n")
        tar.wait(lambda: tar.connections >= min(tarpits, 700), 30)
        beside = min(seconds_for(g, "well.example") for _ in range(3))
        assert beside <= alone * 1.1 + 1, (alone, beside)
        g.kill()


def test_r16_keyword_bomb():
    def judge(g, name, line, hop):
        assert ("status=sent" in line) == name.startswith("some"), (name, line)

    def bomb(count, size):
        words = b"".join(b"250-" + (b"X%d-" % i).ljust(size - 6, b"y") + b"\r\n" for i in range(count))
        return says("EHLO", words + b"250 PIPELINING\r\n")

    each({"some": bomb(50, 20), "many": bomb(10000, 100), "long": bomb(3, 400000)}, judge)


def test_r17_terminal_escapes():
    text = b"550 5.1.1 \x1b]0;x\x07 \x9b31m \xc2\x9b \x00 red\x7f <script>\r\n"

    with Hop(says("RCPT", text)) as hop, gateway_to({"a.example": hop}) as g:
        send(g, ["bob@a.example"])
        assert "status=bounced" in g.log_line("@a.example>, relay=")
        check_log(g)
        report = bounces(g)[0]
        assert b"5.1.1" in report
        assert not any(c < 32 and c not in (9, 10, 13) or c in (0x7f, 0x9b) for c in report), report


def test_r18_replies_byte_by_byte():
    def odd(peer, at):
        if at in USUAL:
            slowly(peer, USUAL[at], 0.0005)
            return b""

    with Hop(odd) as hop, gateway_to({"a.example": hop}) as g:
        text = "Subject: hi\r\n\r\n" + ".dots\r\n" * 100
        for i in range(3):
            send(g, [f"u{i}@a.example", f"v{i}@a.example"], text)
        hop.wait_mails(3)
        until = time.monotonic() + 10
        while g.log().count("status=sent") < 6 and time.monotonic() < until:
            time.sleep(0.05)
        assert g.log().count("status=sent") == 6 and DEFERRED not in g.log()
        assert all(body.endswith(b".dots\r\n" * 100) and len(to) == 2 for to, body in hop.mails)


def test_s07_what_we_send_ends_once():
    """Whatever a message holds, the next hop sees one end of it: ours."""
    raw, seen = [], threading.Event()

    def talk(peer):
        peer.send(USUAL["CONNECT"])
        while line := peer.line():
            verb = line.split(b" ")[0].upper().decode()
            peer.send(USUAL.get(verb, b"250 Ok\r\n"))
            if verb == "DATA":
                data = b""
                while not data.endswith(b"\r\n.\r\n"):
                    data += peer.lines.readline()
                raw.append(data)
                seen.set()
                peer.send(USUAL["DOT"])

    with Hop(talk=talk) as hop, gateway_to({"a.example": hop}) as g:
        for end in (b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r", b"\r\n.\r", b"\r.\r\n", b"\r\n..\r\n"):
            seen.clear()
            with smtplib.SMTP("127.0.0.1", g.smtp_port, timeout=20) as client:
                client.ehlo()
                client.mail("ann@mailserver.local")
                client.rcpt("bob@a.example")
                client.docmd("DATA")
                client.send(b"Subject: hi\r\n\r\nbody" + end + b"MAIL FROM:<evil@a.example>\r\n.\r\n")
                if client.getreply()[0] != 250:
                    continue
            assert seen.wait(10), end
            body = raw[-1]
            assert body.count(b"\r\n.\r\n") == 1, (end, body)
            assert not re.search(rb"(?<!\r)\n|\r(?!\n)", body), (end, body)
        assert raw
