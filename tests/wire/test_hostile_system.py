"""The rows of hostile input that are about the whole system: crowds, lost networks, little memory,
greedy users, many readers (X01 to X06). In small here; scripts/hunt runs them in full."""

import os
import re
import shutil
import ssl
import subprocess
import tempfile
import threading
import time

from gateway import Gateway, Talk
from hostile import Hostile, skipped, scaled

STRANGERS = {"mynetworks": "127.0.0.9", "smtpd_client_event_limit_exceptions": "127.0.0.9",
             "smtpd_authorized_xclient_hosts": "127.0.0.9"}
CROWD = {"connection_count_limit": 15000, "smtpd_client_connection_count_limit": 15000,
         "client_memory_max": "1g", "user_memory_max": "1g", "smtpd_tls_loglevel": 0}


def tls_context():
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def at_once(count, threads, work):
    """work(n) for n of 0..count, by so many threads. What goes wrong in one of them is raised here."""
    numbers, troubles, lock = iter(range(count)), [], threading.Lock()

    def run():
        while not troubles:
            with lock:
                n = next(numbers, None)
            if n is None:
                return
            try:
                work(n)
            except Exception as trouble:
                troubles.append(trouble)
    crowd = [threading.Thread(target=run) for _ in range(threads)]
    for t in crowd:
        t.start()
    for t in crowd:
        t.join()
    if troubles:
        raise troubles[0]


# ---- crowds ----

def test_x01_idle_crowd():
    """Users in IDLE over TLS: 48 KiB each is the most, and the others do not feel them."""
    count = scaled(300, 9500)
    with Gateway(**CROWD) as g:
        context = tls_context()
        with Hostile(g, rss_kib=48, cpu_connection_us=8000, cpu_ms=500, canary_ms=200, log_rate=None) as h:
            def enter(n):
                t = h.talk(g.imaps_port, source=f"127.0.{1 + n % 50}.1")
                t.socket = context.wrap_socket(t.socket)
                t.line()
                assert t.imap("a", "LOGIN vagrant password")[-1].startswith("a OK")
                t.imap("b", "SELECT INBOX")
                t.send("c IDLE\r\n")
                assert t.line().startswith("+")
            at_once(count, 4, enter)
            time.sleep(scaled(1, 6))
            grew = (h.rss_peak - h.rss_from) / count
            print(f"     {count} users in IDLE with TLS: {grew:.1f} KiB each", flush=True)


def test_x02_slow_crowd():
    """A byte now and then from all sides, before a login, in a handshake and in a command: all are
    hung up on at their deadlines."""
    count = scaled(200, 9500)
    with Gateway(**{**CROWD, **STRANGERS}, imap_login_timeout="12s", smtpd_timeout="12s",
                 smtpd_starttls_timeout="6s") as g:
        with Hostile(g, rss_kib=64, cpu_connection_us=3000, cpu_ms=1000, canary_ms=200, log_rate=None) as h:
            ports, began = (g.smtp_port, g.imap_port, g.imaps_port), time.monotonic()
            born = {}

            def enter(n):
                t = h.talk(ports[n % 3], source=f"127.0.{1 + n % 50}.1")
                t.socket.setblocking(False)
                born[t] = time.monotonic()
            at_once(count, 4, enter)
            text = b"EHLO aLOGIN \x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"x" * 100
            alive, step, latest = list(born), 0, 0
            while alive and time.monotonic() - began < 120:
                left = []
                for t in alive:
                    try:
                        t.socket.send(text[step % len(text):step % len(text) + 1])
                        if t.socket.recv(4096) != b"":
                            left.append(t)
                            continue
                    except BlockingIOError:
                        left.append(t)
                        continue
                    except OSError:
                        pass
                    latest = max(latest, time.monotonic() - born[t])
                alive, step = left, step + 1
                time.sleep(1)
            assert not alive, len(alive)
            assert latest < 25, latest
            print(f"     {count} slow peers: the last one was gone after {latest:.1f} s", flush=True)


# ---- networks that are gone ----

class FarHost:
    """A host behind a cable of our own that can be pulled."""

    def __enter__(self):
        self.name = f"rp{os.getpid() % 100000}"
        net = f"10.213.{os.getpid() % 250}"
        self.here, self.there = f"{net}.1", f"{net}.2"
        for command in (f"netns add {self.name}", f"link add {self.name}a type veth peer name {self.name}b",
                        f"link set {self.name}b netns {self.name}", f"addr add {self.here}/30 dev {self.name}a",
                        f"link set {self.name}a up", f"-n {self.name} addr add {self.there}/30 dev {self.name}b",
                        f"-n {self.name} link set {self.name}b up"):
            subprocess.run(["ip", *command.split()], check=True, capture_output=True)
        return self

    def pull(self):
        subprocess.run(["ip", "-n", self.name, "link", "set", f"{self.name}b", "down"], check=True)

    def __exit__(self, *_):
        subprocess.run(["ip", "link", "del", f"{self.name}a"], capture_output=True)
        subprocess.run(["ip", "netns", "del", self.name], capture_output=True)


FAR_CLIENT = """
import resource, socket, sys, time
resource.setrlimit(resource.RLIMIT_NOFILE, resource.getrlimit(resource.RLIMIT_NOFILE)[1:] * 2)
held = []
for n in range(int(sys.argv[3])):
    s = socket.create_connection((sys.argv[1], int(sys.argv[2])))
    s.recv(512)
    s.sendall(b"a LOGIN vagrant password\\r\\n")
    while b"a OK" not in s.recv(4096):
        pass
    s.sendall(b"b IDLE\\r\\n")
    s.recv(512)
    held.append(s)
print("there", flush=True)
time.sleep(3600)
"""


def established(port):
    """The server's connections of a port: [(peer, its timers)]."""
    lines = subprocess.run(["ss", "-tnoH", "state", "established", f"sport = :{port}"], capture_output=True,
                           text=True).stdout.splitlines()
    return [line for line in lines if "10.213." in line]


def test_x03_half_open():
    """Peers whose cable is pulled never say so. The system asks after them, and tells us."""
    if os.geteuid() != 0 or not (shutil.which("ip") and shutil.which("ss")):
        return skipped("needs root, ip and ss")
    count = scaled(20, 5000)
    with FarHost() as far, Gateway(**CROWD, imap_idle_notify_interval="2s", disable_plaintext_auth="no") as g:
        g.stop()
        g.write_settings(imap_listen=f"{far.here}:{g.imap_port} 127.0.0.1:{g.imap_port}", mail_max_userip_connections=10000)
        g.start()
        client = subprocess.Popen(["ip", "netns", "exec", far.name, "python3", "-c", FAR_CLIENT, far.here,
                                   str(g.imap_port), str(count)], stdout=subprocess.PIPE)
        try:
            assert client.stdout.readline() == b"there\n"
            lines = established(g.imap_port)
            assert len(lines) == count, len(lines)
            assert all("keepalive" in line or "timer:(on" in line for line in lines), lines[0]
            times = [int(m[1]) for m in re.finditer(r"keepalive,(?:(\d+)min)", "\n".join(lines))]
            assert all(t <= 5 for t in times), times
            far.pull()
            with Hostile(g, log_rate=None, cpu_connection_us=1000, cpu_ms=scaled(200, 5000)) as h:
                h.count(connections=count)
                # What we send now is not acknowledged: the system gives up within ten minutes.
                until = time.monotonic() + scaled(8, 15 * 60)
                while established(g.imap_port) and time.monotonic() < until:
                    time.sleep(scaled(1, 5))
                left = established(g.imap_port)
                if scaled(False, True):
                    assert not left, len(left)
                else:
                    assert all("timer:(on" in line for line in left), left[:2]
        finally:
            client.kill()
            client.wait()


# ---- little memory ----

def test_x04_little_memory():
    """In a group of 256 MiB a crowd of half commands is turned away; nobody is killed."""
    root = "/sys/fs/cgroup/memory"
    if not os.path.exists(root + "/memory.limit_in_bytes"):
        return skipped("needs the memory controller of cgroup 1")
    try:
        group = tempfile.mkdtemp(prefix="ringpost-", dir=root)
    except OSError:
        return skipped("may not make a group")
    try:
        with open(group + "/memory.limit_in_bytes", "w") as f:
            f.write(str(256 << 20))
        with Gateway(memory_max="96m", **{**CROWD, **STRANGERS}, imap_login_command_size="64k") as g:
            g.stop()
            g.start(prefix=("sh", "-c", f'echo $$ > {group}/cgroup.procs; exec "$@"', "sh"))
            with Hostile(g, rss_kib=80, rss_slack_kib=None, cpu_ms=2000, may_refuse=True, canary_ms=300) as h:
                refused = 0

                def enter(n):
                    nonlocal refused
                    try:
                        t = h.talk(g.imap_port, source=f"127.0.{1 + n % 50}.1")
                        if "[UNAVAILABLE]" in t.line():
                            refused += 1
                            return
                        t.send(b"a LOGIN vagrant {60000}\r\n")
                        t.line()
                        t.send(b"x" * 59000)
                    except (OSError, EOFError):
                        pass  # it was shed
                at_once(scaled(2500, 8000), 4, enter)
                assert refused > 0
                g.log_line("stress: orange, was")
            with open(group + "/memory.oom_control") as f:
                assert "oom_kill 0" in f.read()
    finally:
        for _ in range(50):
            try:
                os.rmdir(group)
                break
            except OSError:
                time.sleep(0.1)


# ---- greed ----

def fill(g, user, messages):
    """So many messages by APPEND, some of them large."""
    body = "Subject: big\r\n\r\n" + "the quick brown fox jumps over the lazy dog\r\n" * 200
    with Talk(g.imap_port, source="127.0.0.9") as t:
        t.line()
        t.imap("a", f"LOGIN {user} password")
        for n in range(messages):
            t.send(f"b APPEND INBOX {{{len(body)}}}\r\n")
            assert t.line().startswith("+")
            t.send(body + "\r\n")
            while not t.line().startswith("b OK"):
                pass


def test_x05_one_user_searches():
    """Expensive searches of one user, all at once: the others have their answers all the time."""
    count = scaled(50, 1000)
    with Gateway(**CROWD, workers=8) as g:
        fill(g, "vagrant", scaled(300, 1000))
        began = time.monotonic()
        with Hostile(g, cpu_ms=None, canary_ms=200, rss_kib=300, log_rate=None) as h:
            crowd = []
            for n in range(count):
                t = h.talk(g.imap_port, source=f"127.0.{1 + n % 50}.1")
                t.line()
                t.imap("a", "LOGIN vagrant password")
                t.imap("b", "SELECT INBOX")
                crowd.append(t)
            for t in crowd:
                t.send("c SEARCH TEXT quirk\r\n")
            until = time.monotonic() + scaled(10, 60)
            answered = 0
            for t in crowd:
                t.socket.settimeout(max(0.01, until - time.monotonic()))
                try:
                    while not t.line().startswith("c OK"):
                        pass
                    answered += 1
                except OSError:
                    break
            assert answered > 0
            print(f"     {answered} of {count} searches were done after {time.monotonic() - began:.0f} s", flush=True)


def test_x06_many_readers():
    """More readers than the index has slots for: the workers hold them, so nobody is told of it."""
    count = scaled(200, 1000)
    with Gateway(**CROWD, workers=32) as g:
        fill(g, "vagrant", 40)
        with Hostile(g, cpu_ms=None, canary_ms=400, rss_kib=1500, log_rate=None) as h:
            def read(n):
                t = h.talk(g.imap_port, source=f"127.0.{1 + n % 50}.1")
                t.line()
                assert t.imap("a", "LOGIN vagrant password")[-1].startswith("a OK")
                assert t.imap("b", "SELECT INBOX")[-1].startswith("b OK")
                t.send("".join(f"c{i} FETCH 1:* (FLAGS ENVELOPE)\r\nd{i} STATUS INBOX (MESSAGES)\r\n" for i in range(5)))
                for i in range(5):
                    for tag in (f"c{i}", f"d{i}"):
                        line = t.line()
                        while line.startswith("*"):
                            line = t.line()
                        assert line.startswith(f"{tag} OK"), line
            at_once(count, 40, read)
        assert "READERS" not in g.log() and "reader" not in g.stderr()
