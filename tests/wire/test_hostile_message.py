"""Hostile messages (M01 to M17 of tests/hostile/rows.txt): by SMTP into the store, and out by IMAP.

Each is fetched in every way that looks into it by a client that takes only what the grammar allows;
it comes out as it went in, and the numbers in the answers agree.
"""

from gateway import Gateway
from hostile import Hostile
from strict_imap import StrictReader

BLOCKS_KIB = 20480  # the blocks that reactors receive into: long segments touch all of each


class Play:
    """A server, the oracle, and one mail after the other."""

    def __init__(self, **settings):
        self.oracle_settings = {"rss_slack_kib": BLOCKS_KIB, "cpu_ns": settings.pop("cpu_ns", 500)}
        self.gateway = Gateway(smtpd_error_sleep_time="0s", **settings)

    def __enter__(self):
        self.gateway.__enter__()
        self.oracle = Hostile(self.gateway, **self.oracle_settings).__enter__()
        self.reader = StrictReader(self.gateway)
        self.count = 0
        return self

    def __exit__(self, kind, *rest):
        self.reader.close()
        try:
            self.oracle.__exit__(kind, *rest)
        finally:
            self.gateway.__exit__(kind, *rest)

    def send(self, body):
        """As BINARYMIME, so that every byte comes through."""
        t = self.oracle.talk(self.gateway.smtp_port)
        t.smtp()
        t.smtp("EHLO x")
        assert t.smtp("MAIL FROM:<a@example.com> BODY=BINARYMIME")[0].startswith("250")
        assert t.smtp("RCPT TO:<vagrant@mailserver.local>")[0].startswith("250")
        t.send(b"BDAT %d LAST\r\n" % len(body))
        t.send(body)
        answer = t.smtp()[0]
        assert answer.startswith("250 "), answer
        t.close()
        self.oracle.stored(1)
        self.count += 1
        self.reader.command("NOOP")
        return self.count

    def mail(self, body):
        """Sends it, reads it in all ways, and returns what FETCH said."""
        number = self.send(body)
        # The reading side's bytes are paid for too.
        self.oracle.count(bytes=2 * len(body))
        fetch = self.reader.fetch
        items = fetch(number, "(UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODY BODYSTRUCTURE)")
        whole = fetch(number, "(BODY.PEEK[])")["BODY[]"]
        assert whole.endswith(body) and len(whole) == items["RFC822.SIZE"], (len(whole), items["RFC822.SIZE"])
        assert len(items["ENVELOPE"]) == 10, items["ENVELOPE"]
        parts = fetch(number, "(BODY.PEEK[1] BODY.PEEK[1.MIME] BODY.PEEK[1.HEADER] BODY.PEEK[TEXT] "
                              "BODY.PEEK[1.1.1.1.1.1] BODY.PEEK[9999] BODY.PEEK[10002])")
        assert whole.endswith(parts["BODY[TEXT]"])
        for part in parts.values():
            assert part is None or part in whole or part == b"\r\n", part[:100]
        chosen = fetch(number, "(BODY.PEEK[HEADER.FIELDS (To Subject)] BODY.PEEK[HEADER.FIELDS.NOT (To)])")
        assert len(chosen) == 2
        for keys in (b"TEXT needle", b"SUBJECT needle", b"SENTSINCE 1-Jan-2030", b"FROM needle TO needle",
                     b"CHARSET UTF-8 BODY {3+}\r\n\xe2\x82\xac"):
            found = self.reader.search(keys + b" %d" % number)
            assert found in ([], [number]), found
        return items


def played(bodies, **settings):
    with Play(**settings) as play:
        return [play.mail(body) for body in bodies]


def depth_of(structure):
    """How deep the first part lies."""
    depth = 0
    while isinstance(structure, list) and structure:
        structure = structure[0]
        depth += 1
    return depth


def test_m01_nested_multiparts():
    deep = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(10000))
    same = b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n" * 10000
    first, second = played([deep, same])
    assert 100 <= depth_of(first["BODY"]) <= 102, depth_of(first["BODY"])
    assert depth_of(second["BODY"]) <= 102


def test_m02_nested_messages():
    deep, = played([b"Content-Type: message/rfc822\r\n\r\n" * 10000])
    depth, at = 0, deep["BODY"]
    while len(at) > 8 and at[:2] == [b"message", b"rfc822"]:
        at, depth = at[8], depth + 1
    assert 98 <= depth <= 101 and at[0].lower() in (b"application", b"message", b"text"), (depth, at[:3])


def test_m03_siblings():
    head = b"Content-Type: multipart/mixed; boundary=x\r\n\r\n"
    part = b"--x\r\n\r\ny\r\n"
    message = b"--x\r\nContent-Type: message/rfc822\r\n\r\nSubject: a\r\n\r\n"
    siblings, = played([head + part * 9999 + message + part * 90000])
    parts = [item for item in siblings["BODY"] if isinstance(item, list)]
    assert 9990 <= len(parts) <= 10000, len(parts)


def test_m04_boundaries():
    def multipart(boundary, body):
        return b"Content-Type: multipart/mixed; boundary=" + boundary + b"\r\n\r\n" + body

    long, most, prefix, blanks, unended, epilogue = played([
        multipart(b"x" * 2048, b"--" + b"x" * 2048 + b"\r\n\r\na\r\n"),
        multipart(b"x" * 200, b"--" + b"x" * 200 + b"\r\n\r\na\r\n"),
        multipart(b"a", b"--a\r\nContent-Type: multipart/mixed; boundary=ab\r\n\r\n--ab\r\n\r\n1\r\n--ab--\r\n--a\r\n\r\n2\r\n--a--\r\n"),
        multipart(b'"a b"', b"--a b  \t\r\n\r\n1\r\n--a b-- \r\n"),
        multipart(b"a", b"--a\r\n\r\n1\r\n--a\r\n\r\n2"),
        multipart(b"a", b"--a\r\n\r\n1\r\n--a--\r\n--a\r\n\r\n2\r\n--a--\r\n"),
    ])
    assert [len([p for p in row["BODY"] if isinstance(p, list) and p and p[0] != b"boundary"]) for row in
            (most, prefix, blanks, unended, epilogue)] == [1, 2, 1, 2, 1]
    assert long["BODY"][0] in (b"text", b"application"), long["BODY"][:2]
    assert prefix["BODY"][0][-1] == b"mixed" and prefix["BODY"][1][0] == b"text"


def test_m05_parameters():
    many = b"Content-Type: application/x" + b"".join(b";\r\n name*%d*=a" % n for n in range(100000))
    huge = b"Content-Type: application/x; n*2147483648=a; n*18446744073709551616*=b; f*0=c; f*2=d"
    multi = b'Content-Type: application/x; name="a\r\n .exe"'
    first, second, third = played([many + b"\r\n\r\n", huge + b"\r\n\r\n", multi + b"\r\n\r\n"])
    assert len(first["BODY"][2]) <= 2 * 128
    assert third["BODY"][2] == [b"name", b"a .exe"]
    assert second["BODY"][:2] == [b"application", b"x"]


def test_m06_encoded_words():
    many = b"Subject: " + b"=?utf-8?q?=?=?bogus?b?==?=?= \r\n =?x" * 20000
    odd = b"Subject: =?utf-8?q?cut"
    nested = b"Subject: =?utf-8?q?=3D=3Futf-8=3Fq=3Fneedle=3F=3D?= =?none?b?AA==?="
    first, second, third = played([line + b"\r\n\r\n" for line in (many, odd, nested)])
    assert second["ENVELOPE"][1] == b"=?utf-8?q?cut"
    assert third["ENVELOPE"][1] == nested[9:]


def test_m07_addresses():
    rows = played([
        b"From: " + b"(" * 100000 + b"\r\n\r\n",
        b"To: " + b'a:b,c;;:<@x,"' * 50000 + b"\r\n\r\n",
        b'From: "' + b"x\\" * 500000 + b"\r\n\r\n",
        b"From:\r\n\r\n",
        b"From: friends: a@b, c@d;\r\n\r\n",
    ])
    assert rows[3]["ENVELOPE"][2] is None
    assert rows[4]["ENVELOPE"][2] == [[None, None, b"friends", None], [None, None, b"a", b"b"],
                                      [None, None, b"c", b"d"], [None, None, None, None]]


def test_m08_dates():
    dates = [b"1 Jan 1000000000000000000 00:00:00 +0000", b"1 Jan 2020 00:00:00 +9999", b"31 Feb 2020 00:00:00 +0000",
             b"1 Foo 2020 00:00:00 +0000", b"32 Jan 2020 25:61:61 -9999", b"1 Jan -5 00:00 GMT", b"-", b"\xff" * 1000]
    for date, row in zip(dates, played([b"Date: " + date + b"\r\n\r\n" for date in dates])):
        assert row["ENVELOPE"][0] == date, row["ENVELOPE"]


def test_m09_encoded_garbage():
    head = b"Content-Type: text/plain\r\nContent-Transfer-Encoding: "
    with Play() as play:
        for body in (head + b"base64\r\n\r\n!!==!!\r\n", head + b"quoted-printable\r\n\r\n=ZZ= =\r\n=F", head + b"base64\r\n",
                     head + b"base64\r\n\r\n" + b"=A!" * 100000, head + b"x-unknown\r\n\r\nx\r\n"):
            play.mail(body)
        assert play.reader.fetch(1, "BODY.PEEK[1]")["BODY[1]"] == b"!!==!!\r\n"
        play.reader.command("FETCH 1 BINARY.PEEK[1]", ok=b"BAD")  # it is not offered


def test_m10_nul():
    first, second = played([b"X\0Y: z\r\nSubject: a\0b\r\n\r\n\0\0b\0\r\n\0", b"\0" * 100000])
    assert b"\0" not in first["ENVELOPE"][1], first["ENVELOPE"]
    assert second["RFC822.SIZE"] > 100000


def test_m11_long_line():
    with Play(message_size_limit=120000000, cpu_ns=50) as play:
        body = b"Subject: long\r\n\r\n" + b"0123456789" * 10000000
        number = play.send(body)
        play.oracle.count(bytes=len(body))
        piece = play.reader.fetch(number, "BODY.PEEK[TEXT]<50000003.10>")
        assert piece == {"BODY[TEXT]<50000003>": b"3456789012"}
        assert play.reader.fetch(number, "BODY.PEEK[TEXT]<99999999.10>")["BODY[TEXT]<99999999>"] == b"9"
        assert play.reader.fetch(number, "RFC822.SIZE")["RFC822.SIZE"] > len(body)


def test_m12_unicode():
    text = b"Content-Type: text/plain; charset=utf-8\r\n\r\n"
    played([text + b"a" + b"\xcc\x81" * 1000000, text + b"\xe2\x82" * 1000, text + b"x" * 199 + b"\xf0\x9f\x98",
            b"From: a@xn--\xff-\xc0\x80, b@xn--a-\xf4\x90\x80\x80, c@xn--" + b"9" * 5000 + b"\r\n\r\n",
            "Subject: =?utf-8?q?=CC=81?= ﷺ\r\n\r\n".encode()])


def test_m13_many_addresses():
    row, = played([b"To: a@b" + b",\r\n a@b" * 99999 + b"\r\n\r\n"])
    assert len(row["ENVELOPE"][5]) == 2000


def test_m14_header_names():
    rows = played([b"x" * 1000000 + b": y\r\nSubject: s\r\n\r\n", b":\r\nSubject: s\r\n\r\n",
                   b": x\r\n\xe4\xb8\xad: y\r\nSub\0ject: no\r\nSubject: s\r\n\r\n"])
    for row in rows[1:]:
        assert row["ENVELOPE"][1] == b"s"


def test_m15_line_ends():
    with Play() as play:
        for body in (b"A: b\r\ra\rb\r", b"Subject: s\n\na\nb\n", b"\r" * 100000, b"\n" * 100000, b"\r\n" * 50000):
            items = play.mail(body)
            assert items["BODY"][0] == b"text" and items["BODY"][7] <= items["BODY"][6]


def test_m16_no_body():
    head = b"Content-Type: multipart/mixed; boundary=x\r\n"
    for row in played([head, head + b"\r\n", head + b"X: \r\n --x\r\n\r\n", head + b"\r\n--x--\r\n"]):
        assert row["BODY"][:2] in ([b"text", b"plain"], [b"application", b"octet-stream"]) or isinstance(
            row["BODY"][0], list), row["BODY"]


def test_m17_charsets():
    def text(charset, body):
        return b"Content-Type: text/plain; charset=" + charset + b"\r\n\r\n" + body

    with Play() as play:
        play.mail(text(b"iso-2022-jp", b"\x1b$B\xff\x1b(B needle"))
        play.mail(text(b"utf-7", b"+\xff- needle +2AA-"))
        play.mail(text(b"iso-2022-jp", b"\x1b$B\x80\x1b(Z\x1b" * 100000))
        play.mail(text(b"utf-7", b"+AB-\xff+2AA-+" * 100000))
        play.mail(text(b"utf-16", b"\xd8\x00" * 10000))
        play.mail(text(b"../../etc/passwd", b"needle"))
        assert play.reader.search(b"BODY needle")[:2] == [1, 2]
