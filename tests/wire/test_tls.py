"""TLS: what clients see of it, and the rows of hostile input about it (T01 to T09, S12, S13, S23, I35,
C16). Each test runs on the reactor that RINGPOST_IO names."""

import base64
import os
import poplib
import re
import shutil
import signal
import smtplib
import socket
import ssl
import struct
import subprocess
import threading
import time

from gateway import BINARY, OWNER, Gateway, Talk, read_mail, send_mail
from hostile import Hostile, scaled

SUITES = bytes.fromhex("cca9cca8c02bc02fc02cc030")


def make_certificate(path, names, rsa=False, days=30):
    """A self-signed certificate with its key in one file, for the server's user to read."""
    key = ["-newkey", "rsa:2048"] if rsa else ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    subprocess.run(["openssl", "req", "-x509", *key, "-nodes", "-subj", "/CN=" + names[0], "-days", str(days),
                    "-addext", "subjectAltName=" + ",".join("DNS:" + n for n in names),
                    "-keyout", path + ".key", "-out", path + ".crt"], check=True, capture_output=True)
    with open(path, "w") as f:
        for part in (".key", ".crt"):
            with open(path + part) as p:
                f.write(p.read())
    os.chmod(path, 0o600)
    for part in ("", ".key", ".crt"):
        shutil.chown(path + part, OWNER)
    return path


def client_context(alpn=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if alpn:
        context.set_alpn_protocols([alpn])
    return context


class TlsTalk(Talk):
    """A conversation in TLS from the first byte on, or from upgrade() on."""

    def __init__(self, port, name="mailserver.local", context=None, session=None, clear=False):
        super().__init__(port)
        if not clear:
            self.upgrade(name, context, session)

    def upgrade(self, name="mailserver.local", context=None, session=None):
        assert self.kept == b"", self.kept
        self.socket = (context or client_context()).wrap_socket(self.socket, server_hostname=name, session=session)

    def names(self):
        """Host names of the server's certificate."""
        der = self.socket.getpeercert(binary_form=True)
        text = subprocess.run(["openssl", "x509", "-inform", "DER", "-noout", "-ext", "subjectAltName"],
                              input=der, capture_output=True, check=True).stdout.decode()
        return re.findall(r"DNS:([^\s,]+)", text)


def starttls_smtp(gateway, port=None):
    t = TlsTalk(port or gateway.smtp_port, clear=True)
    t.smtp()
    t.smtp("EHLO client.example.com")
    assert t.smtp("STARTTLS") == ["220 2.0.0 Ready to start TLS"]
    t.upgrade()
    return t


def s_client(port, *arguments, send=b"", starttls=None, seconds=15):
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", *arguments]
    if starttls:
        command += ["-starttls", starttls]
    done = subprocess.run(command, input=send, capture_output=True, timeout=seconds)
    return done.returncode, (done.stdout + done.stderr).decode(errors="replace")


def client_hello(name=b"mailserver.local", more=b""):
    """A ClientHello of TLS 1.2 by hand, where libraries would refuse to send what we want."""
    def extension(kind, body):
        return struct.pack(">HH", kind, len(body)) + body
    extensions = extension(10, bytes.fromhex("0004001d0017")) + extension(11, b"\x01\x00")
    extensions += extension(13, bytes.fromhex("000604030804" + "0401"))
    if name is not None:
        extensions += extension(0, struct.pack(">HBH", len(name) + 3, 0, len(name)) + name)
    extensions += more
    body = b"\x03\x03" + os.urandom(32) + b"\x00" + struct.pack(">H", len(SUITES)) + SUITES + b"\x01\x00"
    body += struct.pack(">H", len(extensions)) + extensions
    message = b"\x01" + struct.pack(">I", len(body))[1:] + body
    return b"".join(b"\x16\x03\x01" + struct.pack(">H", len(message[i:i + 16384])) + message[i:i + 16384]
                    for i in range(0, len(message), 16384))


def records(sock, seconds=5):
    """Types of the records that come until the end, or until `seconds` are over."""
    sock.settimeout(seconds)
    data = b""
    try:
        while True:
            more = sock.recv(65536)
            if not more:
                break
            data += more
    except (TimeoutError, ConnectionResetError):
        pass
    kinds = []
    while len(data) >= 5:
        kinds.append(data[0])
        data = data[5 + struct.unpack(">H", data[3:5])[0]:]
    return kinds


class Canary:
    """A client in the clear that wants its NOOPs answered all the time."""

    def __init__(self, gateway):
        self.gateway, self.times, self.stopping = gateway, [], False

    def __enter__(self):
        self.talk = Talk(self.gateway.imap_port)
        self.talk.line()
        self.talk.imap("a", "LOGIN ben password")
        self.thread = threading.Thread(target=self.run)
        self.thread.start()
        return self

    def run(self):
        while not self.stopping:
            began = time.monotonic()
            self.talk.imap("b", "NOOP")
            self.times.append(time.monotonic() - began)
            time.sleep(0.005)

    def __exit__(self, *_):
        self.stopping = True
        self.thread.join()
        self.talk.close()

    def worst(self, share=0.99):
        times = sorted(self.times)
        return times[min(len(times) - 1, int(len(times) * share))]


# ---- what clients do ----

def test_in_minute_one():
    """Without any setting about it there is TLS, with a certificate that was just made."""
    with Gateway() as g:
        path = g.path("store/tls.pem")
        assert os.stat(path).st_mode & 0o777 == 0o600
        with TlsTalk(g.submissions_port) as t:
            assert t.smtp()[0].startswith("220 mailserver.local ESMTP")
            assert "STARTTLS" not in " ".join(t.smtp("EHLO x"))
            assert t.names() == ["mailserver.local", "localhost"]
        with open(path, "rb") as f:
            before = f.read()
        g.stop()
        g.start()
        with open(path, "rb") as f:
            assert f.read() == before
        for name in os.listdir(g.path("store")):
            assert not name.startswith("tls.pem."), name


def test_starttls_smtp():
    with Gateway() as g:
        with Talk(g.smtp_port) as t:
            t.smtp()
            offers = [line[4:] for line in t.smtp("EHLO client.example.com")]
            assert offers.index("STARTTLS") == offers.index("ETRN") + 1, offers
        with starttls_smtp(g) as t:
            assert t.smtp("MAIL FROM:<a@example.com>")[0].startswith("250")
            t.smtp("RSET")
            assert "250-STARTTLS" not in t.smtp("EHLO client.example.com")
            assert t.smtp("STARTTLS") == ["503 5.5.1 Error: TLS already active"]
            t.smtp("MAIL FROM:<a@example.com>")
            t.smtp("RCPT TO:<vagrant@mailserver.local>")
            assert t.smtp("DATA")[0].startswith("354")
            t.send("Subject: over TLS\r\n\r\nhello\r\n.\r\n")
            assert "queued as" in t.smtp()[0]
            version, cipher = t.socket.version(), t.socket.cipher()
            t.smtp("QUIT")
        body = read_mail(g)[0][2].decode()
        assert f"\t(using {version} with cipher {cipher[0]} ({cipher[2]}/{cipher[2]} bits))\r\n" in body, body
        assert " with ESMTPS id " in body
        g.log_line(f"Anonymous TLS connection established from localhost[127.0.0.1]: {version} with cipher "
                   f"{cipher[0]} ({cipher[2]}/{cipher[2]} bits)")


def test_starttls_imap():
    with Gateway() as g:
        with TlsTalk(g.imap_port, clear=True) as t:
            assert " STARTTLS" in t.line()
            assert t.imap("a", "STARTTLS x")[-1].startswith("a BAD")
            assert t.imap("b", "STARTTLS") == ["b OK Begin TLS negotiation now."]
            t.upgrade()
            assert " STARTTLS" not in " ".join(t.imap("c", "CAPABILITY"))
            assert t.imap("d", "STARTTLS")[-1].startswith("d BAD")
            assert t.imap("e", "LOGIN vagrant password")[-1].startswith("e OK")
            assert t.imap("f", "STARTTLS")[-1].startswith("f BAD")
            t.imap("g", "LOGOUT")
        assert ", TLS, session=<" in g.log_line("imap-login: Login: user=<vagrant@mailserver.local>")


def test_stls_pop3():
    with Gateway() as g:
        client = poplib.POP3("127.0.0.1", g.pop3_port, timeout=20)
        assert "STLS" in client.capa()
        client.stls(client_context())
        assert "STLS" not in client.capa()
        client.user("vagrant")
        client.pass_("password")
        client.quit()
        client = poplib.POP3_SSL("127.0.0.1", g.pop3s_port, timeout=20, context=client_context())
        client.user("vagrant")
        client.pass_("password")
        client.quit()


def test_python_and_curl():
    with Gateway() as g:
        with smtplib.SMTP("127.0.0.1", g.smtp_port, timeout=20) as c:
            c.starttls(context=client_context())
            c.sendmail("a@example.com", ["vagrant@mailserver.local"], b"Subject: one\r\n\r\n" + b"x" * 70 * 1000)
        with open(g.path("mail"), "w") as f:
            f.write("Subject: two\r\n\r\n" + "line\r\n" * 50000)
        for url in (f"smtp://127.0.0.1:{g.smtp_port}", f"smtps://127.0.0.1:{g.submissions_port}"):
            user = ["-u", "vagrant:password"] if url.startswith("smtps") else []
            subprocess.run(["curl", "-sk", "--ssl-reqd", *user, "--mail-from", "a@example.com", "--mail-rcpt",
                            "vagrant@mailserver.local", "-T", g.path("mail"), url], check=True, timeout=30)
        done = subprocess.run(["curl", "-sk", "-u", "vagrant:password",
                               f"imaps://127.0.0.1:{g.imaps_port}/INBOX;UID=1"],
                              check=True, timeout=30, capture_output=True)
        assert b"x" * 900 in done.stdout.replace(b"\r\n", b""), done.stdout[:300]
        assert [len(m[2]) > 69000 for m in read_mail(g)] == [True] * 3


def test_openssl():
    with Gateway() as g:
        for port, how in ((g.smtp_port, "smtp"), (g.imap_port, "imap"), (g.pop3_port, "pop3"),
                          (g.submission_port, "smtp"), (g.submissions_port, None), (g.imaps_port, None),
                          (g.pop3s_port, None)):
            code, text = s_client(port, "-brief", starttls=how)
            assert "CONNECTION ESTABLISHED" in text, text


def test_large_mail_both_ways():
    """A long body is fetched over TLS as it came in, while the client reads slowly."""
    with Gateway(message_size_limit="20000000") as g:
        lines = b"".join(b"%09d %s\r\n" % (n, b"y" * 60) for n in range(60000))
        with starttls_smtp(g) as t:
            t.smtp("EHLO client.example.com")
            t.smtp("MAIL FROM:<a@example.com>")
            t.smtp("RCPT TO:<vagrant@mailserver.local>")
            t.smtp("DATA")
            t.send(b"Subject: long\r\n\r\n" + lines + b".\r\n")
            assert "queued as" in t.smtp()[0]
        with TlsTalk(g.imaps_port) as t:
            t.line()
            t.imap("a", "LOGIN vagrant password")
            t.imap("b", "SELECT INBOX")
            t.send("c FETCH 1 BODY[TEXT]\r\n")
            size = int(re.search(r"\{(\d+)\}", t.line())[1])
            time.sleep(0.3)
            assert t.bytes(size) == lines


# ---- certificates ----

def test_reload():
    """C16: new certificates without a dropped connection; bad ones change nothing, and loudly."""
    g = Gateway(smtpd_tls_chain_files="cert.pem")
    make_certificate(g.path("cert.pem"), ["one.example.org"])
    with g:
        with TlsTalk(g.imaps_port) as old:
            old.line()
            make_certificate(g.path("cert.pem"), ["two.example.org"])
            g.reload()
            g.log_line("the configuration was read again")
            with TlsTalk(g.imaps_port) as t:
                assert t.names() == ["two.example.org"]
            with open(g.path("cert.pem"), "w") as f:
                f.write("nonsense\n")
            g.reload()
            g.log_line("the new configuration is refused, the one before stays")
            g.log_line("cert.pem: no certificate in PEM format")
            with TlsTalk(g.imaps_port) as t:
                assert t.names() == ["two.example.org"]
            os.unlink(g.path("cert.pem"))
            g.reload()
            g.log_line("cert.pem: can't be read")
            assert old.imap("a", "NOOP")[-1].startswith("a OK")


def test_check_verb():
    g = Gateway(smtpd_tls_chain_files="cert.pem")
    make_certificate(g.path("cert.pem"), ["one.example.org"], days=3)

    def check():
        done = subprocess.run([BINARY, "check", "-c", g.path("ringpost.conf")], capture_output=True)
        return done.returncode, done.stderr.decode()
    with g:
        code, text = check()
        assert code == 0 and "the certificate expires on" in text, text
        os.chmod(g.path("cert.pem"), 0o644)
        code, text = check()
        assert code == 0 and "others can read this key" in text, text
        os.rename(g.path("cert.pem.crt"), g.path("cert.pem"))
        code, text = check()
        assert code == 1 and "no private key in PEM format" in text, text
        make_certificate(g.path("other"), ["x.example.org"])
        g.write_settings(smtpd_tls_chain_files="", smtpd_tls_cert_file="cert.pem", smtpd_tls_key_file="other.key")
        code, text = check()
        assert code == 1 and "the key is not that of the first certificate" in text, text


def test_names():
    g = Gateway(smtpd_tls_chain_files="a.pem b.pem")
    make_certificate(g.path("a.pem"), ["a.example.org", "*.wild.example.org"])
    make_certificate(g.path("b.pem"), ["b.example.org"], rsa=True)
    with g:
        for asked, got in (("a.example.org", "a.example.org"), ("b.example.org", "b.example.org"),
                           ("x.wild.example.org", "a.example.org"), ("other.example.net", "a.example.org"),
                           (None, "a.example.org")):
            with TlsTalk(g.imaps_port, name=asked) as t:
                assert t.names()[0] == got, (asked, t.names())


def test_key_of_root():
    """A key that only root can read is read before root is given up; a reload then keeps what is there."""
    if os.geteuid() != 0:
        return
    g = Gateway(smtpd_tls_chain_files="a.pem")
    make_certificate(g.path("a.pem"), ["a.example.org"])
    os.chown(g.path("a.pem"), 0, 0)
    with g:
        with TlsTalk(g.imaps_port) as t:
            assert t.names() == ["a.example.org"]
        g.reload()
        if OWNER != "root":
            g.log_line("the new configuration is refused, the one before stays")
        with TlsTalk(g.imaps_port) as t:
            assert t.names() == ["a.example.org"]


def test_client_certificate():
    g = Gateway(smtpd_tls_ask_ccert="yes", smtpd_tls_CAfile="client.crt")
    make_certificate(g.path("client"), ["client.example.org"])
    with g:
        context = client_context()
        context.load_cert_chain(g.path("client"))
        with TlsTalk(g.submissions_port, context=context) as t:
            t.smtp()
        g.log_line("TLS connection established")
        with TlsTalk(g.submissions_port) as t:
            assert t.smtp()[0].startswith("220")
        g.write_settings(smtpd_tls_req_ccert="yes")
        g.reload()
        g.log_line("the configuration was read again")
        with TlsTalk(g.submissions_port, context=context) as t:
            assert t.smtp()[0].startswith("220")
        try:
            with TlsTalk(g.submissions_port) as t:
                t.smtp()
            raise AssertionError("a client without a certificate was let in")
        except (ssl.SSLError, EOFError, OSError):
            pass
        with TlsTalk(g.imaps_port) as t:
            assert t.line().startswith("* OK")


def test_levels():
    with Gateway(smtpd_tls_security_level="encrypt", ssl="no") as g:
        with TlsTalk(g.smtp_port, clear=True) as t:
            t.smtp()
            t.smtp("EHLO x")
            for command in ("MAIL FROM:<a@b.c>", "RCPT TO:<a@b.c>", "VRFY a", "DATA", "RSET"):
                assert t.smtp(command) == ["530 5.7.0 Must issue a STARTTLS command first"], command
            assert t.smtp("NOOP")[0].startswith("250")
            t.smtp("STARTTLS")
            t.upgrade()
            t.smtp("EHLO x")
            assert t.smtp("MAIL FROM:<a@b.c>")[0].startswith("250")
        with Talk(g.imap_port) as t:
            assert " STARTTLS" not in t.line()
            assert t.imap("a", "STARTTLS")[-1].startswith("a BAD")
        g.write_settings(smtpd_tls_security_level="none")
        g.reload()
        g.log_line("the configuration was read again")
        with Talk(g.smtp_port) as t:
            t.smtp()
            assert "250-STARTTLS" not in t.smtp("EHLO x")
            assert t.smtp("STARTTLS")[0].startswith("502")


def test_ssl_required():
    with Gateway(ssl="required", login_trusted_networks="192.0.2.0/24") as g:
        with socket.create_connection(("127.0.0.1", g.imap_port), timeout=5, source_address=("127.0.0.9", 0)) as s:
            greeting = s.recv(1000)
            assert b" STARTTLS" in greeting and b" LOGINDISABLED" in greeting and b"AUTH=" not in greeting, greeting
            s.sendall(b"a LOGIN vagrant password\r\n")
            assert s.recv(1000).startswith(b"a NO [PRIVACYREQUIRED]")


# ---- rows ----

def test_s12_starttls_injection():
    for pipelining in ("yes", "no"):
        with Gateway(smtpd_forbid_unauth_pipelining=pipelining) as g:
            with TlsTalk(g.smtp_port, clear=True) as t:
                t.smtp()
                t.smtp("EHLO x")
                t.send("STARTTLS\r\nMAIL FROM:<evil@example.com>\r\n")
                answer = t.line()
                if pipelining == "yes":
                    assert answer.startswith("554"), answer
                    assert t.rest() == b""
                    continue
                assert answer.startswith("220"), answer
                t.upgrade()
                assert t.smtp("RCPT TO:<vagrant@mailserver.local>")[0].startswith("503")
                t.smtp("EHLO x")
                assert t.smtp("RCPT TO:<vagrant@mailserver.local>")[0].startswith("503")


def test_s13_starttls_state():
    with Gateway(smtpd_helo_required="yes", smtpd_sasl_auth_enable="yes") as g:
        with TlsTalk(g.smtp_port, clear=True) as t:
            t.smtp()
            t.smtp("EHLO x")
            assert t.smtp("STARTTLS now") == ["501 5.5.4 Syntax: STARTTLS"]
            t.smtp("MAIL FROM:<a@example.com>")
            assert t.smtp("STARTTLS")[0].startswith("503")
            t.smtp("RSET")
            assert t.smtp("STARTTLS")[0].startswith("220")
            t.upgrade()
            assert t.smtp("MAIL FROM:<a@example.com>") == ["503 5.5.1 Error: send HELO/EHLO first"]
            t.smtp("EHLO x")
            assert t.smtp("STARTTLS")[0].startswith("503")
        with Talk(g.smtp_port) as t:
            t.smtp()
            t.smtp("EHLO x")
            plain = base64.b64encode(b"\0vagrant\0password").decode()
            assert t.smtp("AUTH PLAIN " + plain)[0].startswith("235")
            assert t.smtp("STARTTLS") == ["503 5.5.1 Error: already authenticated"]


def test_s23_truncated():
    """Neither a FIN without close_notify nor one with it ends a message."""
    with Gateway() as g:
        for notify in (False, True):
            with starttls_smtp(g) as t:
                t.smtp("EHLO x")
                t.smtp("MAIL FROM:<a@example.com>")
                t.smtp("RCPT TO:<vagrant@mailserver.local>")
                t.smtp("DATA")
                t.send(b"Subject: half\r\n\r\n" + b"z" * 70 + b"\r\n.")
                if notify:
                    try:
                        t.socket.settimeout(2)
                        t.socket.unwrap()
                    except OSError:
                        pass
        g.log_line("lost connection after DATA")
        time.sleep(0.2)
        assert read_mail(g) == []


def test_i35_starttls_injection():
    with Gateway() as g:
        with TlsTalk(g.imap_port, clear=True) as t:
            t.line()
            t.send("a STARTTLS\r\nb LOGIN vagrant password\r\n")
            assert t.line().startswith("a OK")
            t.upgrade()
            assert t.imap("c", "SELECT INBOX")[-1].startswith("c BAD")
            t.imap("d", "NOOP")


def test_p07_stls_injection():
    with Gateway() as g:
        with TlsTalk(g.pop3_port, clear=True) as t:
            t.line()
            t.send("STLS\r\nUSER vagrant\r\n")
            assert t.line().startswith("+OK")
            t.upgrade()
            t.send("PASS password\r\n")
            assert t.line().startswith("-ERR")


def test_s59_other_protocols():
    with Gateway() as g:
        for port, good in ((g.submissions_port, "smtp"), (g.imaps_port, "imap"), (g.pop3s_port, "pop3")):
            with TlsTalk(port, context=client_context(good)) as t:
                assert t.socket.selected_alpn_protocol() == good
            for bad in ("h2", "http/1.1", "imap" if good != "imap" else "pop3"):
                try:
                    TlsTalk(port, context=client_context(bad)).close()
                    raise AssertionError(f"{bad} was taken on the port of {good}")
                except ssl.SSLError as e:
                    assert "no application protocol" in str(e).lower().replace("_", " "), e
        with TlsTalk(g.submissions_port) as t:
            t.smtp()
            t.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert t.line()[:3] in ("421", "221")


def test_t01_garbage():
    with Gateway() as g:
        for port in (g.submissions_port, g.imaps_port, g.pop3s_port):
            for garbage in (os.urandom(65536), b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
                            bytes.fromhex("802e0100020015000000100100800200800300800400800500800600400700c0")
                            + bytes(16), b"\x16\x03\x01\xff\xff" + bytes(100), b"\x00" * 1000):
                with socket.create_connection(("127.0.0.1", port), timeout=5) as s:
                    try:
                        s.sendall(garbage)
                    except OSError:
                        continue
                    assert 22 not in records(s), garbage[:16]
        with TlsTalk(g.imaps_port) as t:
            assert t.line().startswith("* OK")
        g.log_line("SSL_accept error from localhost[127.0.0.1]")


def test_t02_slow_handshake():
    with Gateway() as g, Hostile(g, log_rate=None, cpu_connection_us=2000) as h:
        hello = client_hello()
        began = time.monotonic()
        slow = [socket.create_connection(("127.0.0.1", g.imaps_port), timeout=20) for _ in range(scaled(100, 1000))]
        h.count(connections=len(slow))
        with Canary(g) as canary:
            for byte in range(20):
                for s in slow:
                    try:
                        s.send(hello[byte:byte + 1])
                    except OSError:
                        pass
                time.sleep(0.5)
        for s in slow:
            s.settimeout(5)
            try:
                assert s.recv(100) == b""
            except ConnectionResetError:
                pass
            s.close()
        assert 9.5 < time.monotonic() - began < 14
        assert canary.worst() < 0.2, canary.worst()


def test_t03_renegotiation():
    with Gateway() as g:
        with subprocess.Popen(["openssl", "s_client", "-connect", f"127.0.0.1:{g.submissions_port}", "-tls1_2"],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as p:
            time.sleep(1)
            p.stdin.write(b"R\n")
            p.stdin.flush()
            time.sleep(1)
            p.stdin.close()
            text = p.stdout.read().decode(errors="replace")
        assert "RENEGOTIATING" in text and "no renegotiation" in text, text[-600:]


def test_t04_names_of_all_kinds():
    with Gateway() as g:
        names = [b"mailserver.local\\", b"a\0b", b"\0", b"", b"." * 255, b"a" * 256, b"x" * 16000, b"y" * 65000,
                 b"../../etc/passwd", b"\xff" * 64, b"[::1]", b"a/b%n%s"]

        def ask(name):
            with socket.create_connection(("127.0.0.1", g.imaps_port), timeout=5) as s:
                s.sendall(client_hello(name))
                s.settimeout(5)
                try:
                    return s.recv(5)[:1]
                except ConnectionResetError:
                    return b""
        for name in names:
            assert ask(name) in (b"\x16", b"\x15", b""), name[:20]
        for n in range(50):
            ask(b"h%d.example.org" % n)
        before = g.rss_kib()
        for n in range(scaled(300, 100000)):
            ask(b"%s.example.org" % os.urandom(8).hex().encode())
        assert g.rss_kib() - before < 3000, (before, g.rss_kib())
        with TlsTalk(g.imaps_port) as t:
            assert t.line().startswith("* OK")


def test_t05_versions_and_ciphers():
    with Gateway() as g:
        weak = ("-tls1", "-tls1_1", "-cipher AES128-SHA", "-cipher AES128-GCM-SHA256", "-cipher ECDHE-ECDSA-AES128-SHA",
                "-cipher ECDHE-ECDSA-AES256-SHA384", "-cipher DHE-RSA-AES128-GCM-SHA256", "-cipher ADH-AES128-SHA",
                "-cipher AECDH-AES128-SHA", "-cipher NULL-SHA256", "-cipher ECDHE-ECDSA-AES128-CCM8",
                "-cipher PSK-AES128-GCM-SHA256")
        for row in weak:
            words = row.split()
            arguments = ["-tls1_2", "-cipher", words[1] + ":@SECLEVEL=0"] if len(words) > 1 else \
                [words[0], "-cipher", "ALL:@SECLEVEL=0"]
            code, text = s_client(g.imaps_port, "-brief", *arguments)
            assert "CONNECTION ESTABLISHED" not in text, (row, text)
        for good in ("ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384"):
            code, text = s_client(g.imaps_port, "-brief", "-tls1_2", "-cipher", good)
            assert f"Ciphersuite: {good}" in text, text
        code, text = s_client(g.imaps_port, "-brief", "-tls1_2", "-groups", "P-384:P-521")
        assert "CONNECTION ESTABLISHED" not in text, text


def speaks_1_3(gateway):
    """mbedtls 3 does, 2.28 does not."""
    return "CONNECTION ESTABLISHED" in s_client(gateway.imaps_port, "-brief", "-tls1_3")[1]


def check_tickets(gateway, version):
    context = client_context()
    context.minimum_version = context.maximum_version = version

    def session(port, name, before=None):
        with TlsTalk(port, name=name, context=context, session=before) as t:
            t.line()  # tickets of TLS 1.3 come behind the handshake
            return t.socket.session, t.socket.session_reused
    first, reused = session(gateway.imaps_port, "mailserver.local")
    assert not reused and first.has_ticket
    assert session(gateway.imaps_port, "mailserver.local", first)[1]
    assert session(gateway.imaps_port, "MAILserver.local", first)[1]
    assert not session(gateway.imaps_port, "localhost", first)[1]
    assert not session(gateway.submissions_port, "mailserver.local", first)[1]
    assert not session(gateway.pop3s_port, "mailserver.local", first)[1]
    return lambda: session(gateway.imaps_port, "mailserver.local", first)[1]


def test_t06_tickets():
    """A ticket is good at the listener and for the name that it was given for, nowhere else."""
    with Gateway() as g:
        still_good = [check_tickets(g, ssl.TLSVersion.TLSv1_2)]
        if speaks_1_3(g):
            still_good.append(check_tickets(g, ssl.TLSVersion.TLSv1_3))
        g.reload()
        g.log_line("the configuration was read again")
        assert not any(good() for good in still_good)


def test_t07_record_floods():
    with Gateway() as g:
        with TlsTalk(g.imaps_port) as t, Canary(g) as canary:
            t.line()
            t.imap("a", "LOGIN vagrant password")
            for byte in b"b NOOP\r\n" * 2000:  # a record for each byte
                t.socket.send(bytes([byte]))
            for _ in range(2000):
                assert t.line().startswith("b OK")
        assert canary.worst() < 0.2, canary.worst()
        for kind in (b"\x14\x03\x03\x00\x01\x01", b"\x15\x03\x03\x00\x02\x01\x00", b"\x17\x03\x03\x00\x00",
                     b"\x16\x03\x03\x00\x04\x18\x00\x00\x00"):
            with TlsTalk(g.imaps_port) as t:
                t.line()
                raw = socket.socket(fileno=os.dup(t.socket.fileno()))
                try:
                    for _ in range(100):
                        raw.sendall(kind * 1000)
                except OSError:
                    pass
                assert 23 not in records(raw)[1:]
                raw.close()


def test_t08_no_early_data():
    with Gateway() as g:
        with socket.create_connection(("127.0.0.1", g.submissions_port), timeout=5) as s:
            s.sendall(client_hello(more=struct.pack(">HH", 42, 0)) + b"\x17\x03\x03\x00\x20" + bytes(32))
            assert 23 not in records(s)
        assert "mail=" not in g.log()


def test_t09_handshake_flood():
    """A hundred handshakes at once, and then as many as one machine can ask for: others are served."""
    with Gateway() as g:
        hello = client_hello()
        many = [socket.create_connection(("127.0.0.1", g.imaps_port), timeout=20) for _ in range(100)]
        with Canary(g) as canary:
            for s in many:
                s.sendall(hello)
            for s in many:
                assert s.recv(1) == b"\x16"
        assert canary.worst() < 0.1, sorted(canary.times)[-5:]
        for s in many:
            s.close()
        stopping = time.monotonic() + scaled(4, 10)
        counts = []

        def flood():
            count = 0
            while time.monotonic() < stopping:
                with socket.create_connection(("127.0.0.1", g.imaps_port), timeout=20) as s:
                    s.sendall(hello)
                    count += s.recv(1) == b"\x16"
            counts.append(count)
        with Canary(g) as canary:
            threads = [threading.Thread(target=flood) for _ in range(20)]
            for t in threads:
                t.start()
            for t in threads:
                t.join()
        assert canary.worst() < 0.2, sorted(canary.times)[-5:]
        assert sum(counts) > 100, counts


def test_closes_in_order():
    """close_notify is the last word, and a FIN without one is an end like any other."""
    with Gateway() as g:
        with TlsTalk(g.submissions_port) as t:
            t.smtp()
            t.smtp("QUIT")
            assert t.socket.recv(10) == b""  # SSLEOFError without close_notify
        context = client_context()
        with TlsTalk(g.submissions_port, context=context) as t:
            t.smtp()
            t.smtp("EHLO x")
        g.log_line("lost connection after EHLO")


def test_stop_and_crowds():
    """Limits of connections hold before the handshake; a stop ends sessions in TLS with their last word."""
    with Gateway(smtpd_client_connection_count_limit="2", mynetworks="192.0.2.0/24") as g:
        with TlsTalk(g.submissions_port) as a, TlsTalk(g.imaps_port) as b:
            a.smtp()
            b.line()
            with socket.create_connection(("127.0.0.1", g.imaps_port), timeout=5) as s:
                assert records(s) == []
            g.process.send_signal(signal.SIGTERM)
            assert a.smtp()[0].startswith("421 4.3.2")
            assert b.line().startswith("* BYE")
        assert g.stop() == 0
