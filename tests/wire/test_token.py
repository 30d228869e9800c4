"""Logins by token (OAUTHBEARER, XOAUTH2), by keys of our own and by a provider that is asked."""

import base64
import hashlib
import hmac
import http.server
import imaplib
import json
import poplib
import smtplib
import ssl
import subprocess
import threading
import time
import urllib.parse

from gateway import Gateway, give_away
from test_auth import run, unverified

SECRET = b"0123456789abcdef0123456789abcdef"
USERS = "vagrant:{PLAIN}password\nann:{PLAIN}secret\n"


def b64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def jwt(claims, secret=SECRET, head=None):
    text = b64url(json.dumps(head or {"alg": "HS256"}).encode()) + "." + b64url(json.dumps(claims).encode())
    return text + "." + b64url(hmac.new(secret, text.encode(), hashlib.sha256).digest())


def claims(**more):
    return {"email": "ann@mailserver.local", "exp": time.time() + 600, "iss": "https://id.example", **more}


def bearer(token, user="ann@mailserver.local"):
    name = "a=" + user if user else ""
    return f"n,{name},\1auth=Bearer {token}\1\1"


def xoauth2(token, user="ann@mailserver.local"):
    return f"user={user}\1auth=Bearer {token}\1\1"


def imap_login(g, token, mechanism="OAUTHBEARER", user="ann@mailserver.local"):
    """OK, NO, or a temporary NO, and what the server's challenge said."""
    said = []

    def answer(challenge):
        if challenge:
            said.append(json.loads(challenge))
            return b"\1"
        return (bearer if mechanism == "OAUTHBEARER" else xoauth2)(token, user).encode()

    with imaplib.IMAP4_SSL("127.0.0.1", g.imaps_port, ssl_context=unverified()) as box:
        assert f"AUTH={mechanism}" in box.capabilities, box.capabilities
        try:
            return box.authenticate(mechanism, answer)[0], said
        except imaplib.IMAP4.error as e:
            return "later" if "UNAVAILABLE" in str(e) else "NO", said


def with_key(**settings):
    g = Gateway(users=USERS, auth_failure_delay="0", oauth2_key_files="token.key", **settings)
    with open(g.path("token.key"), "wb") as f:
        f.write(SECRET + b"\n")
    give_away(g.path("token.key"))
    return g


def test_key_each_protocol():
    with with_key() as g:
        token = jwt(claims())
        assert imap_login(g, token) == ("OK", [])
        assert imap_login(g, token, "XOAUTH2") == ("OK", [])
        g.log_line("imap-login: Login: user=<ann@mailserver.local>, method=XOAUTH2, ")
        with smtplib.SMTP("127.0.0.1", g.submission_port, timeout=60) as c:
            c.starttls(context=unverified())
            c.ehlo()
            assert "OAUTHBEARER XOAUTH2" in c.esmtp_features["auth"]
            code, text = c.docmd("AUTH OAUTHBEARER " + base64.b64encode(bearer(token).encode()).decode())
            assert code == 235, text
            c.sendmail("ann@mailserver.local", ["ann@mailserver.local"], "Subject: x\n\nx\n")
        g.log_line("sasl_method=OAUTHBEARER, sasl_username=ann@mailserver.local")
        box = poplib.POP3_SSL("127.0.0.1", g.pop3s_port, context=unverified(), timeout=60)
        assert "XOAUTH2" in box.capa()["SASL"]
        line = box._shortcmd("AUTH XOAUTH2 " + base64.b64encode(xoauth2(token).encode()).decode())
        assert line.startswith(b"+OK") and box.stat()[0] == 1, line
        box.quit()
        with smtplib.SMTP("127.0.0.1", g.submission_port, timeout=60) as c:
            c.ehlo()
            assert c.docmd("AUTH OAUTHBEARER " + base64.b64encode(bearer(token).encode()).decode())[0] == 530


def test_key_clients():
    """msmtp and curl say it in their own words."""
    with with_key() as g:
        token = jwt(claims())
        for mechanism in ("oauthbearer", "xoauth2"):
            done = subprocess.run(
                ["msmtp", "--host=127.0.0.1", f"--port={g.submission_port}", "--tls=on", "--tls-certcheck=off",
                 f"--auth={mechanism}", "--user=ann@mailserver.local", f"--passwordeval=echo {token}",
                 "--from=ann@mailserver.local", "ann@mailserver.local"],
                input="Subject: by msmtp\n\nhello\n", capture_output=True, text=True, timeout=60)
            assert done.returncode == 0, done.stderr
        for url in (f"imaps://127.0.0.1:{g.imaps_port}/INBOX;MAILINDEX=1", f"pop3s://127.0.0.1:{g.pop3s_port}/1"):
            for mechanism in ("OAUTHBEARER", "XOAUTH2"):
                code, out = run("curl", "-sS", "-k", "--login-options", "AUTH=" + mechanism, "--oauth2-bearer", token,
                                "-u", "ann@mailserver.local:", url)
                assert code == 0 and "Subject: by msmtp" in out, out


def test_key_refused():
    settings = {"oauth2_issuers": "https://id.example", "oauth2_audiences": "mail", "oauth2_scope": "imap",
                "oauth2_openid_configuration_url": "https://id.example/x", "auth_failure_limit": "1000"}
    with with_key(**settings) as g:
        def good(**more):
            return claims(aud=["mail", "web"], scope="openid imap", **more)

        assert imap_login(g, jwt(good()))[0] == "OK"
        assert imap_login(g, jwt(good()), user="")[0] == "OK"
        assert imap_login(g, jwt(good(email="ann")))[0] == "OK"
        for token in (
                jwt(good(exp=time.time() - 60)), jwt(good(nbf=time.time() + 600)), jwt(good(exp="tomorrow")),
                jwt(good(iss="https://other.example")), jwt({**good(), "aud": "web"}), jwt({**good(), "scope": "smtp"}),
                jwt(good(email="vagrant@mailserver.local")), jwt(good(email="nobody@mailserver.local")),
                jwt(good(), secret=b"x" * 32), jwt(good(), head={"alg": "none"}), jwt(good(), head={"alg": "RS256"}),
                jwt(good(), head={"alg": "HS256", "crit": ["exp"]}), jwt(good()).rsplit(".", 1)[0] + ".",
                jwt([1]), "x", "a.b.c"):
            answer, said = imap_login(g, token)
            assert answer == "NO" and said == [{"status": "invalid_token", "scope": "imap",
                                                "openid-configuration": "https://id.example/x"}], (token, answer, said)
        answer, said = imap_login(g, "x", "XOAUTH2")
        assert (answer, said) == ("NO", [{"status": "401", "schemes": "bearer", "scope": "imap"}])
        g.log_line("auth failed, 1 attempts in 0 secs): user=<ann@mailserver.local>, method=XOAUTH2, ")


def test_public_keys():
    """RS256 and ES256, signed by openssl; a public key is no secret for HS256."""
    with Gateway(users=USERS, auth_failure_delay="0", oauth2_key_files="None") as g:
        public = []
        for name, how in (("rsa", ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"]),
                          ("ec", ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"])):
            subprocess.run(["openssl", "genpkey", *how, "-out", g.path(name)], check=True, capture_output=True)
            subprocess.run(["openssl", "pkey", "-in", g.path(name), "-pubout", "-out", g.path(name + ".pub")],
                           check=True, capture_output=True)
            public.append(g.path(name + ".pub"))
        give_away(*public)
        g.write_settings(oauth2_key_files=" ".join(public), auth_mechanisms="oauthbearer")
        g.stop()
        g.start()

        def signed(name, algorithm):
            text = b64url(json.dumps({"alg": algorithm}).encode()) + "." + b64url(json.dumps(claims()).encode())
            der = subprocess.run(["openssl", "dgst", "-sha256", "-sign", g.path(name)], input=text.encode(),
                                 check=True, capture_output=True).stdout
            if name == "ec":
                r_len = der[3]
                r, s = der[4:4 + r_len], der[6 + r_len:]
                der = b"".join(int.from_bytes(n, "big").to_bytes(32, "big") for n in (r, s))
            return text + "." + b64url(der)

        for i in range(4):
            assert imap_login(g, signed("ec", "ES256"))[0] == "OK"
        assert imap_login(g, signed("rsa", "RS256"))[0] == "OK"
        assert imap_login(g, signed("rsa", "RS256")[:-4] + "AAAA")[0] == "NO"
        assert imap_login(g, signed("ec", "RS256"))[0] == "NO"
        with open(public[0], "rb") as f:
            assert imap_login(g, jwt(claims(), secret=f.read()))[0] == "NO"


class Provider(http.server.BaseHTTPRequestHandler):
    """A provider: what it says is the token's matter."""

    asked = []

    def do_POST(self):
        form = urllib.parse.parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        self.tell(form["token"][0], self.headers.get("Authorization"))

    def do_GET(self):
        self.tell(self.headers["Authorization"].removeprefix("Bearer "), None)

    def tell(self, token, who):
        Provider.asked.append((self.command, token, who))
        about = {"active": True, "email": "ann@mailserver.local", "scope": "imap"}
        code, body = 200, None
        if token == "expired":
            about["exp"] = time.time() - 100
        elif token == "inactive":
            about = {"active": False}
        elif token == "other":
            about["email"] = "vagrant@mailserver.local"
        elif token == "slow":
            time.sleep(4)
        elif token == "500":
            code = 500
        elif token == "unauthorized":
            code = 401
        elif token == "garbage":
            body = b"\0\xff{{{"
        elif token == "deep":
            body = b'{"a":' * 5000 + b"1" + b"}" * 5000
        elif token == "huge":
            body = b'{"active": true, "email": "ann", "x": "' + b"x" * 5000000 + b'"}'
        body = body if body is not None else json.dumps(about).encode()
        try:
            self.send_response(code)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        except OSError:
            pass

    def log_message(self, *_):
        pass


def provider():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Provider)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    Provider.asked.clear()
    return server


def test_introspection():
    p = provider()
    with Gateway(users=USERS, auth_failure_delay="0", oauth2_timeout="2s", oauth2_client_id="ringpost",
                 oauth2_client_secret="s3cret", auth_failure_limit="1000",
                 oauth2_introspection_url=f"http://127.0.0.1:{p.server_port}/introspect") as g:
        assert imap_login(g, "good") == ("OK", [])
        assert Provider.asked == [("POST", "good", "Basic " + base64.b64encode(b"ringpost:s3cret").decode())]
        assert imap_login(g, "good", "XOAUTH2") == ("OK", [])
        assert len(Provider.asked) == 1  # it is remembered
        assert imap_login(g, "good", user="vagrant@mailserver.local")[0] == "NO"
        for token in ("expired", "inactive", "other"):
            answer, said = imap_login(g, token)
            assert answer == "NO" and said[0]["status"] == "invalid_token", (token, answer, said)
        for token in ("500", "garbage", "deep", "huge", "unauthorized"):
            assert imap_login(g, token)[0] == "later", token
        g.log_line("oauth2_introspection_url: the answer is HTTP status 500")
        g.log_line("oauth2_introspection_url: the answer is too long")
        began = time.monotonic()
        slow = threading.Thread(target=imap_login, args=(g, "slow"))
        slow.start()
        with imaplib.IMAP4_SSL("127.0.0.1", g.imaps_port, ssl_context=unverified()) as box:
            box.login("ann", "secret")  # does not wait for the provider
        assert time.monotonic() - began < 1.9
        slow.join()
        assert time.monotonic() - began < 3.9
        p.shutdown()
        p.server_close()
        assert imap_login(g, "dead")[0] == "later"
        assert imap_login(g, "good")[0] == "OK"  # still remembered


def test_introspection_by_bearer():
    p = provider()
    with Gateway(users=USERS, auth_failure_delay="0", oauth2_introspection_mode="auth", oauth2_active_attribute="",
                 oauth2_introspection_url=f"http://localhost:{p.server_port}/userinfo") as g:
        assert imap_login(g, "good") == ("OK", [])
        assert Provider.asked == [("GET", "good", None)]
        assert imap_login(g, "unauthorized")[0] == "NO"
        assert imap_login(g, "500")[0] == "later"
    p.shutdown()


def test_introspection_by_https():
    """Whose certificate nobody vouches for is told nothing; and TLS towards him is possible in confinement."""
    p = provider()
    with Gateway(users=USERS, auth_failure_delay="0") as g:
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost",
                        "-keyout", g.path("id.key"), "-out", g.path("id.crt")], check=True, capture_output=True)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(g.path("id.crt"), g.path("id.key"))
        p.socket = context.wrap_socket(p.socket, server_side=True)
        g.write_settings(oauth2_introspection_url=f"https://localhost:{p.server_port}/introspect")
        g.stop()
        g.start()
        assert imap_login(g, "good")[0] == "later"
        g.log_line("oauth2_introspection_url: SSL")
        assert Provider.asked == []
    p.shutdown()


def test_not_offered():
    with Gateway(users=USERS) as g, imaplib.IMAP4_SSL("127.0.0.1", g.imaps_port, ssl_context=unverified()) as box:
        assert "AUTH=OAUTHBEARER" not in box.capabilities
