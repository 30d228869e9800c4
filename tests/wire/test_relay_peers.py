"""Mail to and from other people's servers: what they take from us, what they do to us, what we take
from them. A peer whose package is not there is not asked, and the run says so."""

import contextlib
import os
import re
import shutil
import smtplib
import subprocess
import time

from gateway import Gateway, give_away, read_mail
from hostile import skipped
from peers import aiosmtpd, missing, postfix, smtp_sink
from sink import Sink
from test_hostile_relay import gateway_to
from test_relay import bounces, relay, send


def needs(*peers):
    """Tests of these peers are run when they are there."""
    def decorate(test):
        def run():
            reasons = [why for why in map(missing, peers) if why]
            skipped(", ".join(reasons)) if reasons else test()
        run.__name__ = test.__name__
        return run
    return decorate


def by_route(**settings):
    return Gateway(relay_enable="yes", dns_resolv_file="", **settings)


def wait_log(g, part, count, seconds=20):
    until = time.monotonic() + seconds
    while g.log().count(part) < count:
        assert time.monotonic() < until, f"{g.log().count(part)} of {count} {part}: {g.log()[-2000:]}"
        time.sleep(0.05)


# ---- smtp-sink ----

@contextlib.contextmanager
def sinks(flags, **settings):
    """One server, and for each {name: flags} a sink for the domain name.example. Each gets a mail to two.
    Gives the server and {name: its Mails}."""
    with contextlib.ExitStack() as stack:
        rows, mails = "", {}
        for name, arguments in flags.items():
            port, mails[name] = stack.enter_context(smtp_sink(*arguments))
            rows += f"{name}.example smtp:[127.0.0.1]:{port}\n"
        with gateway_to({}, rows, **settings) as g:
            with smtplib.SMTP("127.0.0.1", g.smtp_port, timeout=20) as client:
                for name in flags:
                    client.sendmail("ann@mailserver.local", [f"u@{name}.example", f"v@{name}.example"],
                                    "Subject: hi\r\n\r\n.dot\r\nbody\r\n")
            yield g, mails


def said_of(g, name, seconds=20):
    """The two lines that tell what became of a sink's mail."""
    wait_log(g, f"@{name}.example>, relay=", 2, seconds)
    return [line for line in g.log().splitlines() if f"@{name}.example>, relay=" in line]


@needs("smtp-sink")
def test_sink_takes_everything():
    """In all its forms, slowly too, mail arrives once and unchanged."""
    flags = {"plain": (), "unpipelined": ("-p",), "smtp": ("-e",), "bits": ("-8",), "dsn": ("-N",),
             "enhanced": ("-E",), "pix": ("-P",), "less": ("-a", "-C", "-F"), "ehlo": ("-f", "EHLO"),
             "data": ("-w", "1"), "slow": ("-p", "-W", "MAIL:1"), "slower": ("-p", "-W", "RCPT:1")}
    with sinks(flags) as (g, mails):
        for name in flags:
            lines = said_of(g, name)
            assert all("status=sent" in line for line in lines) and len(lines) == 2, (name, lines)
            texts = mails[name].all()
            assert len(texts) == 1 and b"\n.dot" in texts[0].replace(b"\n..dot", b""), (name, texts)


@needs("smtp-sink")
def test_sink_by_lmtp():
    with smtp_sink("-L") as (port, got), by_route(default_transport=f"lmtp:inet:[127.0.0.1]:{port}") as g:
        send(g, ["u@a.example", "v@a.example"])
        wait_log(g, "status=sent", 2)
        assert "/lmtp[" in g.log_line("status=sent")
        assert len(got.all()) == 1


@needs("smtp-sink")
def test_sink_refuses():
    """Soft, hard, by 421, by hanging up, at each command: what is soft waits, what is hard goes back."""
    replies = {"mail": "MAIL FROM", "rcpt": "RCPT TO", "data": "DATA", ".": "end of DATA"}
    flags, words = {}, {}
    for command in ("connect", "ehlo", *replies):
        name = command.replace(".", "dot")
        sent = "EHLO,HELO" if command == "ehlo" else command
        for letter, kind in (("r", "soft"), ("Q", "closing"), ("q", "drop"), ("f", "hard")):
            if letter == "f" and command not in replies:
                continue
            flags[f"{kind}-{name}"] = (f"-{letter}", sent)
            words[f"{kind}-{name}"] = "dsn=4.*status=deferred"
            if letter == "f":
                words[f"{kind}-{name}"] = rf"dsn=5\.3\.0, status=bounced.*500 5\.3\.0.*{replies[command]}"
            elif letter == "r" and command in replies:
                words[f"{kind}-{name}"] = rf"dsn=4\.3\.0, status=deferred.*450 4\.3\.0.*{replies[command]}"
    with sinks(flags) as (g, mails):
        for name in flags:
            for line in said_of(g, name):
                assert re.search(words[name], line), (name, line)


@needs("smtp-sink")
def test_sink_slower_than_our_patience():
    flags = {"mail": ("-p", "-W", "MAIL:30"), "dot": ("-p", "-W", ".:30")}
    with sinks(flags, smtp_mail_timeout="1s", smtp_data_done_timeout="1s") as (g, mails):
        for line in said_of(g, "mail"):
            assert re.search("status=deferred.*timed out while sending MAIL FROM", line), line
        for line in said_of(g, "dot"):
            assert re.search("status=deferred.*timed out while sending end of data -- message may be "
                             "sent more than once", line), line


@needs("smtp-sink")
def test_sink_reads_slowly_or_breaks_off():
    """-H: the message fills all windows. -A: a 550 in the middle of it, and nobody reads on."""
    with smtp_sink("-H", "1", "-T", "4096") as (slow, got), smtp_sink("-A", "0") as (broken, _), \
            gateway_to({}, f"slow.example smtp:[127.0.0.1]:{slow}\nbroken.example "
                           f"smtp:[127.0.0.1]:{broken}\n") as g:
        text = "Subject: long\r\n\r\n" + ("x" * 70 + "\r\n") * 40000
        send(g, ["bob@broken.example"], text)
        send(g, ["bob@slow.example"], text)
        assert "status=sent" not in g.log_line("to=<bob@broken.example>, relay=", 20)
        assert "status=sent" in g.log_line("to=<bob@slow.example>, relay=", 30)
        assert len(got.all()[0]) > 2_800_000


# ---- aiosmtpd ----

@needs("aiosmtpd")
def test_aiosmtpd_by_smtp():
    with aiosmtpd() as (port, got), relay(port) as g:
        send(g, ["nobody@a.example", "bob@a.example"], "Subject: hi\r\n\r\n.dot\r\n")
        mail = got.wait(1)[0]
        assert mail.startswith(b"clear ann@mailserver.local bob@a.example\n") and b"\r\n.dot" in mail, mail
        assert "status=bounced" in g.log_line("nobody@a.example>, relay")
        assert b"550 5.1.1 no such user" in bounces(g)[0]


@needs("aiosmtpd")
def test_aiosmtpd_by_lmtp():
    for unix in (False, True):
        with aiosmtpd("lmtp", unix) as (where, got):
            hop = f"lmtp:unix:{where}" if unix else f"lmtp:inet:127.0.0.1:{where}"
            with by_route(default_transport=hop) as g:
                send(g, ["nobody@a.example", "bob@a.example", "eve@a.example"])
                assert b"bob@a.example eve@a.example" in got.wait(1)[0]
                wait_log(g, "status=sent", 2)
                wait_log(g, "status=bounced", 1)


# ---- Postfix ----

@needs("postfix")
def test_postfix_takes_and_gives():
    """A mail goes to Postfix, which hands it back to us: nobody changed what it says."""
    with Gateway(relay_enable="yes", dns_resolv_file="", smtp_tls_security_level="may",
                 mydestination="mailserver.local back.example") as g:
        with postfix(f"smtp:[127.0.0.1]:{g.smtp_port}") as (port, log):
            g.stop()
            g.write_settings(relayhost=f"[127.0.0.1]:{port}")
            g.start()
            text = "Subject: hi\r\n\r\n.dot\r\n" + "".join(f"line {i}\r\n" for i in range(5000))
            send(g, ["nobody@a.example", "bob@a.example"], text)
            wait_log(g, "status=bounced", 1)
            wait_log(g, "status=sent", 1)
            # From Postfix: mail for bob@a.example comes back to a server that relays it again, for
            # which its own greeting's name stands; ann's is ours.
            with smtplib.SMTP("127.0.0.1", port, timeout=20) as client:
                for i in range(20):
                    client.sendmail("x@a.example", ["ann@mailserver.local", "ben@mailserver.local"], text)
            until = time.monotonic() + 20
            while len(read_mail(g, "ben@mailserver.local")) < 20 and time.monotonic() < until:
                time.sleep(0.1)
            mails = read_mail(g, "ben@mailserver.local")
            assert len(mails) == 20, (len(mails), g.log()[-3000:], log()[-3000:])
            assert all(mail.endswith(text.encode().split(b"\r\n\r\n")[1]) for _, _, mail in mails)
            assert log().count("status=sent") >= 40, log()[-3000:]


@needs("postfix")
def test_postfix_takes_many():
    with postfix() as (port, log), relay(port) as g:
        with smtplib.SMTP("127.0.0.1", g.smtp_port, timeout=20) as client:
            for i in range(200):
                client.sendmail("ann@mailserver.local", [f"u{i}@a.example", f"v{i}@b.example"],
                                f"Subject: {i}\r\n\r\n")
        wait_log(g, "status=sent", 400, 30)
        until = time.monotonic() + 20
        while log().count("status=sent") < 400 and time.monotonic() < until:
            time.sleep(0.1)
        assert log().count("status=sent") == 400
        odd = [line for line in log().splitlines() if re.search("warning|error|lost connection after [^C]|improper", line)]
        assert not odd, odd


# ---- TLS ----

def authority(path):
    """A test CA, and certificates of it for localhost and for somebody else."""
    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], check=True, capture_output=True, cwd=path)

    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    openssl("req", "-x509", *key, "-days", "2", "-subj", "/CN=Test CA", "-keyout", "ca.key", "-out", "ca.crt")
    for name, host in (("good", "localhost"), ("other", "elsewhere.example")):
        with open(f"{path}/{name}.ext", "w") as f:
            f.write(f"subjectAltName=DNS:{host}\n")
        openssl("req", *key, "-subj", f"/CN={host}", "-keyout", f"{name}.key", "-out", f"{name}.csr")
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial",
                "-days", "2", "-extfile", f"{name}.ext", "-out", f"{name}.crt")
        with open(f"{path}/{name}.pem", "w") as f:
            for part in ("key", "crt"):
                with open(f"{path}/{name}.{part}") as p:
                    f.write(p.read())
    give_away(path, path + "/ca.crt")


@needs("aiosmtpd")
def test_tls_levels():
    from peers import directory
    with directory() as path:
        authority(path)
        tls = {"smtp_tls_CAfile": path + "/ca.crt", "inet_protocols": "ipv4"}
        with aiosmtpd(certificate=path + "/good.pem") as (port, got):
            for count, level in enumerate(("none", "may", "encrypt", "verify"), 1):
                with by_route(relayhost=f"[localhost]:{port}", smtp_tls_security_level=level, **tls) as g:
                    send(g, [f"{level}@a.example"])
                    line = g.log_line(f"{level}@a.example>, relay=")
                    assert "status=sent" in line, (level, line)
                    how = b"clear" if level == "none" else b"tls"
                    assert any(mail.startswith(how) and f"{level}@a.example".encode() in mail.split(b"\n")[0]
                               for mail in got.wait(count)), level
            with by_route(relayhost=f"[localhost]:{port}", smtp_tls_security_level="verify",
                          inet_protocols="ipv4") as g:
                send(g, ["bob@a.example"])  # without the CA
                assert re.search("dsn=4.7.*status=deferred", g.log_line("bob@a.example>, relay="))
        with aiosmtpd(certificate=path + "/other.pem") as (port, got):
            for level, words in (("verify", "dsn=4.7.*status=deferred"), ("encrypt", "status=sent")):
                with by_route(relayhost=f"[localhost]:{port}", smtp_tls_security_level=level, **tls) as g:
                    send(g, ["bob@a.example"])
                    line = g.log_line("bob@a.example>, relay=")
                    assert re.search(words, line), (level, line)
            assert len(got.all()) == 1


# ---- the log ----

@needs("pflogsumm")
def test_pflogsumm_counts_as_we_do():
    """1,000 mails for others: what pflogsumm makes of the log is what happened."""
    def rules(verb, argument):
        if verb == "RCPT" and "<n" in argument:
            return "550 5.1.1 no such user"
        return "450 4.2.0 later" if verb == "RCPT" and "<l" in argument else None

    with Sink(rules=rules) as sink, relay(sink.port) as g:
        with smtplib.SMTP("127.0.0.1", g.smtp_port, timeout=60) as client:
            for i in range(1000):
                kind = "n" if i % 100 == 1 else "l" if i % 100 == 2 else "u"
                client.sendmail("", [f"{kind}{i}@a.example"], f"Subject: {i}\r\n\r\n")
        wait_log(g, ", relay=", 1000, 60)
        wait_log(g, ": removed", 990, 20)
        time.sleep(0.5)
        summary = subprocess.run([shutil.which("pflogsumm", path=os.environ["PATH"] + ":/usr/sbin"),
                                  g.path("mail.log")], capture_output=True, text=True, check=True).stdout
        for words, count in (("received", 1000), ("delivered", len(sink.mails)), ("deferred", 10),
                             ("bounced", 10), ("rejected", 0)):
            assert re.search(rf"^\s*{count}\s+{words}\b", summary, re.M), (words, count, summary[:1500])
        assert len(sink.mails) == 980


# These say nothing about the reactor, and take their time.
for only_once in (test_sink_slower_than_our_patience, test_aiosmtpd_by_lmtp, test_postfix_takes_many,
                  test_tls_levels, test_pflogsumm_counts_as_we_do):
    only_once.once = True
