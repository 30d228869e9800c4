"""The two conversations that users already have in their notes, replayed to the byte.

A message sent by hand over SMTP, and read by hand over IMAP. Client name, date and queue id are
those of the record: by XCLIENT and by the debug settings.
"""

import re

from gateway import Gateway, Talk

SEED = {
    "mail_name": "Postfix",
    "debug_clock": "2020-07-15T16:31:24Z",
    "debug_queue_id": "1D7FE400A4C9",
}
EHLO_MUST = ["PIPELINING", "SIZE 10240000", "VRFY", "ETRN", "ENHANCEDSTATUSCODES", "8BITMIME", "DSN"]
HEADER = (
    "Return-Path: <username@example.com>\r\n"
    "X-Original-To: vagrant@mailserver.local\r\n"
    "Delivered-To: vagrant@mailserver.local\r\n"
    "Received: from mailserver.local (gateway [10.0.2.2])\r\n"
    "\tby mailserver.local (Postfix) with ESMTP id 1D7FE400A4C9\r\n"
    "\tfor <vagrant@mailserver.local>; Wed, 15 Jul 2020 16:31:24 +0000 (UTC)\r\n"
    "Subject: hello\r\n"
    "\r\n"
)


def send_seed(gateway):
    with Talk(gateway.smtp_port) as t:
        assert t.smtp() == ["220 mailserver.local ESMTP Postfix"]
        assert t.smtp("XCLIENT NAME=gateway ADDR=10.0.2.2") == ["220 mailserver.local ESMTP Postfix"]
        lines = t.smtp("ehlo mailserver.local")
        assert lines[0] == "250-mailserver.local"
        words = [line[4:] for line in lines[1:]]
        places = [words.index(word) for word in EHLO_MUST]
        assert places == sorted(places), words
        assert t.smtp("mail from: username@example.com") == ["250 2.1.0 Ok"]
        assert t.smtp("rcpt to: vagrant@mailserver.local") == ["250 2.1.5 Ok"]
        assert t.smtp("data") == ["354 End data with <CR><LF>.<CR><LF>"]
        t.send("Subject: hello\r\nGreetings\r\n.\r\n")
        assert t.smtp() == ["250 2.0.0 Ok: queued as 1D7FE400A4C9"]
        assert t.smtp("quit") == ["221 2.0.0 Bye"]


def test_smtp_conversation_and_log():
    with Gateway(**SEED) as gateway:
        send_seed(gateway)
        gateway.log_line("disconnect from gateway[10.0.2.2]")
        shown = [re.sub(r"^.{15} \S+ ", "", line) for line in gateway.log().splitlines()]
        told = [re.sub(r"\[\d+\]:", "[N]:", line) for line in shown if "1D7FE400A4C9" in line or "gateway[" in line]
        patterns = [
            r"postfix/smtpd\[N\]: connect from gateway\[10\.0\.2\.2\]",
            r"postfix/smtpd\[N\]: 1D7FE400A4C9: client=gateway\[10\.0\.2\.2\]",
            r"postfix/cleanup\[N\]: 1D7FE400A4C9: message-id=<>",
            r"postfix/qmgr\[N\]: 1D7FE400A4C9: from=<username@example\.com>, size=214, nrcpt=1 \(queue active\)",
            r"postfix/local\[N\]: 1D7FE400A4C9: to=<vagrant@mailserver\.local>, relay=local, delay=[\d.]+, "
            r"delays=[\d.]+/[\d.]+/[\d.]+/[\d.]+, dsn=2\.0\.0, status=sent \(delivered to mailbox\)",
            r"postfix/qmgr\[N\]: 1D7FE400A4C9: removed",
            r"postfix/smtpd\[N\]: disconnect from gateway\[10\.0\.2\.2\] ehlo=1 xclient=1 mail=1 rcpt=1 data=1 quit=1 commands=6",
        ]
        told = [line for line in told if "connect from localhost" not in line]
        for pattern in patterns:
            assert any(re.fullmatch(pattern, line) for line in told), (pattern, told)
        order = [next(i for i, line in enumerate(told) if re.fullmatch(p, line)) for p in patterns]
        assert order == sorted(order), told


def test_imap_conversation():
    with Gateway(**SEED) as gateway:
        send_seed(gateway)
        with Talk(gateway.imap_port) as t:
            greeting = t.line()
            assert re.match(r"\* OK \[CAPABILITY IMAP4rev1 .*\] ", greeting), greeting
            assert "AUTH=PLAIN" in greeting
            reply = t.imap("a", "login vagrant password")
            assert len(reply) == 1 and re.fullmatch(r"a OK \[CAPABILITY IMAP4rev1 .*\] Logged in", reply[0]), reply
            reply = t.imap("b", "select inbox")
            assert reply[:4] == [
                r"* FLAGS (\Answered \Flagged \Deleted \Seen \Draft)",
                r"* OK [PERMANENTFLAGS (\Answered \Flagged \Deleted \Seen \Draft \*)] Flags permitted.",
                "* 1 EXISTS",
                "* 1 RECENT",
            ], reply
            assert reply[4] == "* OK [UNSEEN 1] First unseen.", reply
            assert re.fullmatch(r"\* OK \[UIDVALIDITY [1-9]\d*\] UIDs valid", reply[5]), reply
            assert reply[6] == "* OK [UIDNEXT 2] Predicted next UID", reply
            assert reply[-1].startswith("b OK [READ-WRITE] Select completed"), reply
            reply = t.imap("b", "UID SEARCH *")
            assert reply[0] == "* SEARCH 1" and reply[1].startswith("b OK Search completed"), reply
            t.send("a UID FETCH 1 (BODY.PEEK[1.MIME])\r\n")
            assert t.line() == "* 1 FETCH (UID 1 BODY[1.MIME] {321}"
            assert t.bytes(321).decode() == HEADER
            assert t.line() == ")"
            assert t.line().startswith("a OK Fetch completed")
            t.send("c UID FETCH 1 (RFC822.SIZE BODY.PEEK[])\r\n")
            size = len(HEADER) + len("Greetings\r\n")
            assert t.line() == f"* 1 FETCH (UID 1 RFC822.SIZE {size} BODY[] {{{size}}}"
            assert t.bytes(size).decode() == HEADER + "Greetings\r\n"
            assert t.line() == ")"
            assert t.line().startswith("c OK")
            assert t.imap("d", "logout")[-1].startswith("d OK")
