"""What mail programs are told: well-formed, and the truth of what is served."""

import atexit
import os
import plistlib
import re
import shutil
import subprocess
import xml.etree.ElementTree as ET

from gateway import BINARY, Gateway, Talk

ADDRESS = "vagrant@mailserver.local"
ODD = "a<b>&'c@mailserver.local"


def unstarted(**settings):
    """A configuration is all that these tests need of a server."""
    gateway = Gateway(**settings)
    atexit.register(shutil.rmtree, gateway.directory, True)
    return gateway


def told(gateway, *arguments):
    return subprocess.run([BINARY, "client-config", "-c", gateway.path("ringpost.conf"), *arguments],
                          capture_output=True, text=True, errors="replace", timeout=30)


def told_as(gateway, form, address=ADDRESS):
    done = told(gateway, address, "--format", form)
    assert done.returncode == 0, done.stderr
    return done.stdout


def port_of(place):
    return int(place.rpartition(":")[2])


def listened(gateway, name):
    return port_of(gateway.settings[f"{name}_listen"])


def test_thunderbird():
    g = unstarted(client_config_host="mail.example.com")
    provider = ET.fromstring(told_as(g, "thunderbird")).find("emailProvider")
    assert provider.get("id") == "mailserver.local" and provider.find("domain").text == "mailserver.local"
    servers = [(s.tag, s.get("type"), s.find("hostname").text, int(s.find("port").text), s.find("socketType").text,
                s.find("username").text) for s in provider if s.tag.endswith("Server")]
    host = "mail.example.com"
    assert servers == [
        ("incomingServer", "imap", host, listened(g, "imaps"), "SSL", ADDRESS),
        ("incomingServer", "imap", host, listened(g, "imap"), "STARTTLS", ADDRESS),
        ("incomingServer", "pop3", host, listened(g, "pop3s"), "SSL", ADDRESS),
        ("incomingServer", "pop3", host, listened(g, "pop3"), "STARTTLS", ADDRESS),
        ("outgoingServer", "smtp", host, listened(g, "submissions"), "SSL", ADDRESS),
        ("outgoingServer", "smtp", host, listened(g, "submission"), "STARTTLS", ADDRESS),
    ], servers


def test_outlook():
    g = unstarted()
    tree = ET.fromstring(told_as(g, "outlook"))
    ns = "{http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a}"
    account = tree.find(f"{ns}Response/{ns}Account")
    assert account.find(f"{ns}Action").text == "settings"
    protocols = {p.find(f"{ns}Type").text: p for p in account.findall(f"{ns}Protocol")}
    for kind, name in (("IMAP", "imaps"), ("POP3", "pop3s"), ("SMTP", "submissions")):
        p = protocols[kind]
        assert int(p.find(f"{ns}Port").text) == listened(g, name)
        assert (p.find(f"{ns}SSL").text, p.find(f"{ns}Encryption").text) == ("on", "SSL")
        assert p.find(f"{ns}LoginName").text == ADDRESS and p.find(f"{ns}Server").text == "mailserver.local"


def test_apple():
    g = unstarted()
    first = told_as(g, "apple")
    profile = plistlib.loads(first.encode())
    account = profile["PayloadContent"][0]
    assert account["EmailAccountType"] == "EmailTypeIMAP" and account["EmailAddress"] == ADDRESS
    assert account["IncomingMailServerPortNumber"] == listened(g, "imaps") and account["IncomingMailServerUseSSL"]
    assert account["OutgoingMailServerPortNumber"] == listened(g, "submissions")
    uuid = r"^[0-9A-F]{8}-[0-9A-F]{4}-8[0-9A-F]{3}-[89AB][0-9A-F]{3}-[0-9A-F]{12}$"
    assert re.match(uuid, profile["PayloadUUID"]) and re.match(uuid, account["PayloadUUID"])
    assert profile["PayloadUUID"] != account["PayloadUUID"]
    assert told_as(g, "apple") == first
    assert plistlib.loads(told_as(g, "apple", "ann@mailserver.local").encode())["PayloadUUID"] != profile["PayloadUUID"]


def test_dns():
    g = unstarted(pop3_listen="", pop3s_listen="")
    lines = told_as(g, "dns").splitlines()
    assert f"_imaps._tcp.mailserver.local. IN SRV 0 1 {listened(g, 'imaps')} mailserver.local." in lines
    assert f"_submission._tcp.mailserver.local. IN SRV 0 1 {listened(g, 'submission')} mailserver.local." in lines
    assert "_pop3s._tcp.mailserver.local. IN SRV 0 0 0 ." in lines and len(lines) == 6


def test_text_and_names_that_markup_would_take_for_its_own():
    g = unstarted()
    assert f"port {listened(g, 'imaps')}, SSL/TLS" in told_as(g, "text")
    for form in ("thunderbird", "outlook"):
        assert ODD in [e.text for e in ET.fromstring(told_as(g, form, ODD)).iter()]
    assert plistlib.loads(told_as(g, "apple", ODD).encode())["PayloadContent"][0]["EmailAddress"] == ODD


def test_without_tls_none_is_told():
    g = unstarted(ssl="no", smtpd_tls_security_level="none", tls_self_signed_file="")
    sockets = {s.find("socketType").text for s in ET.fromstring(told_as(g, "thunderbird")).iter()
               if s.tag.endswith("Server")}
    assert sockets == {"plain"}
    assert all(line.endswith("SRV 0 0 0 .") for line in told_as(g, "dns").splitlines())


def test_what_is_told_is_there():
    with Gateway() as g:
        for kind, port in re.findall(r"^(IMAP|POP3|SMTP).* port (\d+), STARTTLS", told_as(g, "text"), re.M):
            with Talk(int(port)) as t:
                assert t.line().startswith({"IMAP": "* OK", "POP3": "+OK", "SMTP": "220 "}[kind])


def test_what_is_wrong_is_said():
    g = unstarted()
    assert told(g, "ann@elsewhere.example").returncode == 1
    assert "no domain of ours" in told(g, "ann@elsewhere.example").stderr
    for wrong in ((), (ADDRESS, "--format", "pigeon"), (ADDRESS, "--format"), (ADDRESS, ADDRESS)):
        assert told(g, *wrong).returncode == 2, wrong
    for odd in ("a b@mailserver.local", "\x01@mailserver.local", os.fsdecode(b"\xff@mailserver.local"), "@mailserver.local"):
        assert told(g, odd).returncode == 1, odd


for test in [value for name, value in list(vars().items()) if name.startswith("test_")]:
    test.once = True
del test
