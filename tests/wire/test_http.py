"""HTTP: what mail programs are told, the policy for other hosts, figures; and what strangers do to it."""

import http.client
import json
import os
import plistlib
import re
import socket
import time
import xml.etree.ElementTree as ET

from gateway import Gateway, Talk, free_port, read_mail, send_mail

ADDRESS = "vagrant@mailserver.local"
POX = """<?xml version="1.0" encoding="utf-8"?>
<Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006">
  <Request>
    <EMailAddress>{}</EMailAddress>
    <AcceptableResponseSchema>http://schemas.microsoft.com/exchange/autodiscover/{}</AcceptableResponseSchema>
  </Request>
</Autodiscover>"""
OUTLOOK = "outlook/responseschema/2006a"


class HttpGateway(Gateway):
    """One with HTTP; `http_port` is where."""

    def __init__(self, **settings):
        self.http_port = free_port()
        super().__init__(http_listen=f"127.0.0.1:{self.http_port}", **settings)

    def ask(self, path, method="GET", body=None, **fields):
        client = http.client.HTTPConnection("127.0.0.1", self.http_port, timeout=20)
        try:
            client.request(method, path, body, {k.replace("_", "-"): v for k, v in fields.items()})
            answer = client.getresponse()
            return answer.status, answer.read().decode(), dict(answer.getheaders())
        finally:
            client.close()

    def talk(self):
        return Talk(self.http_port)


def ports_of(text):
    return [int(p.text) for p in ET.fromstring(text).iter() if p.tag.endswith("port")]


# ---- what mail programs ask ----


def test_thunderbird_is_told():
    with HttpGateway() as g:
        for path in ("/mail/config-v1.1.xml", "/.well-known/autoconfig/mail/config-v1.1.xml"):
            status, text, fields = g.ask(f"{path}?emailaddress=vagrant%40mailserver.local")
            assert status == 200 and fields["Content-Type"].startswith("text/xml"), (status, fields)
            assert ports_of(text)[:2] == [g.imaps_port, g.imap_port]
            assert ADDRESS in [e.text for e in ET.fromstring(text).iter("username")]
            assert g.ask(path, "HEAD")[:2] == (400, "")
            assert g.ask(f"{path}?emailaddress=ann@elsewhere.example")[0] == 404
            for host in ("mailserver.local", "autoconfig.mailserver.local", "AUTOCONFIG.mailserver.local:80"):
                status, text, _ = g.ask(path, Host=host)
                names = [e.text.lower() for e in ET.fromstring(text).iter("username")]
                assert status == 200 and set(names) == {"%emaillocalpart%@mailserver.local"}, names
            assert g.ask(path, Host="elsewhere.example")[0] == 400
        g.log_line("httpd")


def test_outlook_is_told():
    ns = "{http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a}"
    with HttpGateway() as g:
        for path in ("/autodiscover/autodiscover.xml", "/Autodiscover/Autodiscover.xml"):
            status, text, _ = g.ask(path, "POST", POX.format(ADDRESS, OUTLOOK))
            found = {p.find(f"{ns}Type").text: int(p.find(f"{ns}Port").text)
                     for p in ET.fromstring(text).iter(f"{ns}Protocol")}
            assert status == 200 and found["IMAP"] == g.imaps_port and found["SMTP"] == g.submissions_port
        for body, code in ((POX.format("ann@elsewhere.example", OUTLOOK), "500"), ("", "600"), ("<EMailAddress>", "600"),
                           (POX.format("&#0;", OUTLOOK), "600"), (POX.format("a" * 400, OUTLOOK), "600"),
                           (POX.format(ADDRESS, "mobilesync/responseschema/2006"), "601")):
            status, text, _ = g.ask("/autodiscover/autodiscover.xml", "POST", body)
            codes = [e.text for e in ET.fromstring(text).iter() if e.tag.endswith("ErrorCode")]
            assert (status, codes) == (200, [code]), (body, text)
        status, _, fields = g.ask("/autodiscover/autodiscover.xml")
        assert status == 405 and fields["Allow"] == "POST"
        for path in ("/autodiscover/autodiscover.json?Email=x&", "/autodiscover/autodiscover.json/v1.0/x@y?"):
            status, text, _ = g.ask(path + "Protocol=AutodiscoverV1", Host="autodiscover.mailserver.local")
            url = "https://autodiscover.mailserver.local/autodiscover/autodiscover.xml"
            assert (status, json.loads(text)["Url"]) == (200, url)
            status, text, _ = g.ask(path + "Protocol=EWS")
            assert (status, json.loads(text)["ErrorCode"]) == (404, "InvalidProtocol")
            assert g.ask(path + "Protocol=AutodiscoverV1", Host='a"b')[0] == 400


def test_apple_is_told():
    with HttpGateway() as g:
        status, text, fields = g.ask(f"/mail.mobileconfig?email={ADDRESS}")
        assert status == 200 and fields["Content-Type"] == "application/x-apple-aspen-config"
        assert "attachment" in fields["Content-Disposition"]
        assert plistlib.loads(text.encode())["PayloadContent"][0]["IncomingMailServerPortNumber"] == g.imaps_port
        status, _, fields = g.ask("/mail.mobileconfig")
        assert status == 400 and "Content-Disposition" not in fields


def test_mta_sts_policy():
    with HttpGateway(mta_sts_mode="testing", mta_sts_mx="mail.example.com *.example.net", mta_sts_max_age="1d") as g:
        status, text, fields = g.ask("/.well-known/mta-sts.txt", Host="mta-sts.mailserver.local")
        assert status == 200 and fields["Content-Type"].startswith("text/plain")
        assert text == "version: STSv1\r\nmode: testing\r\nmx: mail.example.com\r\nmx: *.example.net\r\nmax_age: 86400\r\n"
        assert g.ask("/.well-known/mta-sts.txt", Host="mta-sts.elsewhere.example")[0] == 404
        g.write_settings(mta_sts_mode="off")
        g.reload()
        g.log_line("was read again")
        assert g.ask("/.well-known/mta-sts.txt", Host="mta-sts.mailserver.local")[0] == 404


# ---- figures ----

NAME, LABELS = r"[a-zA-Z_:][a-zA-Z0-9_:]*", r"\{([a-zA-Z_][a-zA-Z0-9_]*=\"[^\"\\\n]*\"(?:,(?!\}))?)+\}"


def read_figures(text, openmetrics):
    """A strict reader of what http_metrics.c writes: {(name, labels): value}."""
    lines = text.split("\n")
    assert lines.pop() == ""
    if openmetrics:
        assert lines.pop() == "# EOF"
    values, families, family, kind = {}, set(), None, None
    for line in lines:
        if line.startswith("# TYPE "):
            _, _, family, kind = line.split(" ")
            assert re.fullmatch(NAME, family) and kind in ("counter", "gauge"), line
            assert family not in families, f"{family} comes twice"
            assert family.endswith("_total") == (kind == "counter" and not openmetrics), line
            families.add(family)
        elif line.startswith("# UNIT "):
            _, _, name, unit = line.split(" ")
            assert openmetrics and name == family and family.endswith("_" + unit), line
        elif line.startswith("# HELP "):
            assert line.split(" ", 3)[2] == family and len(line.split(" ", 3)[3]) > 5, line
        else:
            found = re.fullmatch(rf"({NAME})({LABELS})? (-?\d+(?:\.\d+)?)", line)
            assert found, line
            name = family + ("_total" if kind == "counter" and openmetrics else "")
            assert found[1] == name and (found[1], found[2]) not in values, line
            values[found[1], found[2] or ""] = float(found[4])
            assert kind == "gauge" or float(found[4]) >= 0, line
    return values


def figures(gateway):
    status, text, fields = gateway.ask("/metrics", Accept="application/openmetrics-text; version=1.0.0")
    assert status == 200 and fields["Content-Type"].startswith("application/openmetrics-text; version=1.0.0;")
    return read_figures(text, True)


def test_figures_count_what_happens():
    with HttpGateway(auth_failure_delay="0") as g:
        before = figures(g)
        send_mail(g, "Subject: hi\r\n\r\nx\r\n", to=("vagrant@mailserver.local", "ann@mailserver.local"))
        assert len(read_mail(g)) == 1
        with Talk(g.smtp_port) as t:
            t.smtp()
            t.smtp("EHLO a")
            t.smtp("MAIL FROM:<a@example.com>")
            assert t.smtp("RCPT TO:<nobody@mailserver.local>")[0].startswith("5")
        with Talk(g.imap_port) as t:
            t.line()
            assert t.imap("a", "LOGIN vagrant wrong")[-1].startswith("a NO")
            after = figures(g)

        def more(name, labels=""):
            return after["ringpost_" + name, labels] - before["ringpost_" + name, labels]

        assert more("smtp_messages_total") == 1 and more("smtp_recipients_total") == 2
        assert more("smtp_message_bytes_total") > 10 and more("smtp_rejects_total") == 1
        assert more("logins_total") == 1 and more("login_failures_total") == 1
        assert more("connections_total", '{service="smtp"}') == 2
        assert more("connections_total", '{service="imap"}') == 2
        assert after["ringpost_open_connections", '{service="imap"}'] == 1
        assert more("store_records_total") >= 1 and more("store_syncs_total") >= 1
        assert more("store_commit_seconds_total") > 0 and more("jobs_total") >= 1
        assert after["ringpost_store_log_bytes", ""] > 0
        assert after["process_resident_memory_bytes", ""] > 1000000
        assert after["ringpost_stress", ""] == 0
        status, text, fields = g.ask("/metrics")
        assert status == 200 and fields["Content-Type"].startswith("text/plain; version=0.0.4")
        assert set(read_figures(text, False)) == set(after)


def test_figures_are_not_for_strangers():
    with HttpGateway() as g:
        for field in ("Forwarded", "X-Forwarded-For", "X-Real-IP", "Via"):
            assert g.ask("/metrics", **{field: "192.0.2.1"})[0] == 403
        g.write_settings(http_metrics_networks="192.0.2.0/24")
        g.reload()
        g.log_line("was read again")
        assert g.ask("/metrics")[0] == 403


# ---- strangers ----


def status_of(data):
    return int(data.split(b" ", 2)[1]) if data.startswith(b"HTTP/1.1 ") else 0


def test_requests_that_are_none():
    with HttpGateway(http_timeout="1s") as g:
        for raw in (b"\0" * 5000, b"GET\r\n\r\n", b"\x16\x03\x01" + os.urandom(600), b"GET / HTTP/9.9\r\n\r\n",
                    b"GET /" + b"a" * 100000 + b" HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\nA: " + b"b" * 100000,
                    b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 20000 + b"\r\n", b"GET / HTTP/1.1\r\n\r\n",
                    b"POST /autodiscover/autodiscover.xml HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
                    b"POST /autodiscover/autodiscover.xml HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n",
                    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
                    b"GET /%00%ff/../../etc/passwd HTTP/1.1\r\nHost: a\r\n\r\n",
                    b"GET /mail/config-v1.1.xml?emailaddress=%00%01%ff@mailserver.local HTTP/1.1\r\nHost: a\r\n\r\n"):
            with g.talk() as t:
                try:
                    t.send(raw)
                    t.socket.shutdown(socket.SHUT_WR)
                    assert status_of(t.rest()) not in range(200, 300), raw[:60]
                except OSError:
                    pass  # hung up on before all was sent
        assert g.ask("/metrics")[0] == 200


def test_bodies_have_a_size():
    limit = 16 * 1024
    frame = POX.format(ADDRESS, OUTLOOK)
    with HttpGateway() as g:
        for size, wanted in ((limit - 1, 200), (limit, 200), (limit + 1, 413), (10**9, 413)):
            with g.talk() as t:
                t.send(f"POST /autodiscover/autodiscover.xml HTTP/1.1\r\nHost: a\r\nContent-Length: {size}\r\n\r\n")
                if wanted == 200:
                    t.send(frame + " " * (size - len(frame)))
                assert status_of(t.rest()) == wanted, size
        for size, wanted in ((limit, 200), (limit + 1, 0)):
            with g.talk() as t:
                t.send("POST /autodiscover/autodiscover.xml HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
                body = (frame + " " * (size - len(frame))).encode()
                try:
                    for at in range(0, size, 1000):
                        part = body[at:at + 1000]
                        t.send(b"%x\r\n%s\r\n" % (len(part), part))
                    t.send("0\r\n\r\n")
                    assert status_of(t.rest()) == wanted, size
                except OSError:
                    assert wanted == 0


def test_one_request_for_each_connection():
    with HttpGateway() as g, g.talk() as t:
        t.send("GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n" * 50)
        assert t.rest().count(b"HTTP/1.1 404") == 1


def test_who_is_silent_or_slow_is_hung_up_on():
    with HttpGateway(http_timeout="1s", http_request_timeout="3s") as g:
        began = time.monotonic()
        with g.talk() as silent, g.talk() as slow:
            silent.send("GET /metr")
            while True:
                try:
                    slow.send("a")
                    slow.socket.settimeout(0.2)
                    if slow.socket.recv(100) == b"":
                        break
                except socket.timeout:
                    continue
                except OSError:
                    break
            assert 2.5 < time.monotonic() - began < 8
            assert status_of(silent.rest()) in (0, 408)
        assert figures(g)["ringpost_open_connections", '{service="imap"}'] == 0


def test_connections_have_a_number():
    with HttpGateway(http_connection_limit="10", http_client_connection_limit="4", http_timeout="20s") as g:
        many = [g.talk() for _ in range(8)]
        for t in many:
            t.socket.settimeout(2)
        closed = 0
        for t in many:
            try:
                t.send("G")
                t.socket.settimeout(0.5)
                closed += t.socket.recv(10) == b""
            except socket.timeout:
                pass
            except OSError:
                closed += 1
        assert closed == 4, closed
        for t in many:
            t.close()
        until = time.monotonic() + 10
        while True:  # until it has seen that they are gone
            try:
                assert g.ask("/metrics")[0] == 200
                break
            except OSError:
                assert time.monotonic() < until
        send_mail(g, "Subject: hi\r\n\r\nx\r\n")


def test_what_connections_hold_is_charged():
    with HttpGateway() as g:
        before = figures(g)["ringpost_memory_held_bytes", ""]
        many = [g.talk() for _ in range(20)]
        for t in many:
            t.send("GET /")
        time.sleep(0.3)
        assert figures(g)["ringpost_memory_held_bytes", ""] - before >= 18 * 48 * 1024 - 65536
        for t in many:
            t.close()
