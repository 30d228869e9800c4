"""The oracle that every hostile row must also satisfy, whatever else it checks.

    with Gateway() as g, Hostile(g) as h:
        t = h.talk(g.smtp_port)         # a peer of the attack: connections and bytes are counted
        t.send(b"EHLO " + b"a" * 10**6)
        assert t.line().startswith("500")
        h.over()                        # the attack ends here (or at the end of the block)

On entry it looks at the server at rest; on exit it demands, by the numbers of the conditions G1...:

    G1  the server lives, and wrote no report of a sanitizer or of ensure() to stderr
    G2  private memory grew by at most 256 KiB for each connection, and is back 5 s after the end
    G3  it used at most 100 ms of processor time and 50 ns for each byte, and a share per connection
    G4  a canary (IMAP NOOP; a mail of 1 KiB delivered and fetched; each 100 ms, from an address of
        its own) had 99 % of its answers within 100 ms
    G5  the server stops in order, `ringpost store check` finds nothing, and the store holds what was
        there before, the canary's mails and what the row announced with stored()
    G6  no log line is longer than 1 KiB or has raw control bytes; no source has over 100 in a second
        (but for the line that an accepted mail has)

A machine that is busy with other things must not fail a row: beside each answer of the canary an
echo process that does nothing but one fdatasync is timed, and so is a fixed piece of arithmetic.
What they lose against their best moment is allowed to the server too.

Keywords of Hostile() set other bounds where a row has a reason, with None for "not judged":
rss_kib (for each connection), rss_slack_kib, cpu_ms, cpu_ns (for each byte), cpu_connection_us,
canary_ms, canary (False: none at all), log_rate, check_store. may_refuse lets the server say 452 to
the canary's mail.
"""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time

from gateway import BINARY, Talk

CANARY = "canary@mailserver.local"
CANARY_ADDRESS = "127.0.0.9"
INTERVAL_S = 0.1
WARM_BLOCKS = 2200  # receives that touch every block of a reactor's pool once
LOG_LINE_MAX = 1024
ROUND_WORDS = {"noop": "NOOP", "mail": "deliver and fetch"}


# A row runs in small numbers, for seconds; RINGPOST_HOSTILE=full runs it in those of the list.
FULL = os.environ.get("RINGPOST_HOSTILE") == "full"


def scaled(small, full):
    return full if FULL else small


def skipped(why):
    print(f"     not run: {why}", flush=True)


def is_sanitized(binary=BINARY):
    with open(binary, "rb") as f:
        data = f.read()
    return b"__asan_init" in data or b"__tsan_init" in data


SANITIZED = is_sanitized() if os.path.exists(BINARY) else False


# ---- what the system says about a process ----

def cpu_s(pid):
    """Processor seconds of all threads that live, to the nanosecond where the kernel tells it."""
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        try:
            with open(f"/proc/{pid}/task/{task}/schedstat") as f:
                total += int(f.read().split()[0])
        except (OSError, IndexError):
            pass
    return total / 1e9


def private_kib(pid):
    """Resident memory that is the process's own. Pages of the mapped store are the page cache's."""
    with open(f"/proc/{pid}/status") as f:
        return sum(int(line.split()[1]) for line in f if line.startswith(("RssAnon:", "RssShmem:")))


# ---- the canary: a process of its own, so that the attack's Python does not slow it ----

class Echo:
    """A child that answers each byte after one fdatasync: what this machine can do just now."""

    def __init__(self, directory):
        self.near, far = socket.socketpair()
        self.pid = os.fork()
        if self.pid == 0:
            self.near.close()
            self.serve(far, os.path.join(directory, "echo"))
        far.close()

    @staticmethod
    def serve(far, path):
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        while far.recv(1):
            os.pwrite(fd, b"x" * 1024, 0)
            os.fdatasync(fd)
            far.send(b"x")
        os._exit(0)

    def ms(self):
        began = time.monotonic()
        self.near.send(b"x")
        self.near.recv(1)
        return (time.monotonic() - began) * 1e3

    def close(self):
        self.near.close()
        os.waitpid(self.pid, 0)


def arithmetic_ms():
    """Processor time of a fixed amount of work: grows when the machine is shared."""
    began = time.thread_time_ns()
    sum(range(20000))
    return (time.thread_time_ns() - began) / 1e6


class Canary:
    def __init__(self, config):
        self.config, self.rounds, self.pid = config, 0, config["pid"]
        self.echo = Echo(config["directory"])
        self.imap = Talk(config["imap_port"], source=CANARY_ADDRESS)
        self.imap.line()
        self.said(self.imap.imap("a", "LOGIN canary password"), "a OK")
        self.said(self.imap.imap("b", "SELECT INBOX"), "b OK")
        self.smtp = Talk(config["smtp_port"], source=CANARY_ADDRESS)
        self.said(self.smtp.smtp(), "220")
        self.said(self.smtp.smtp("EHLO canary.example.com"), "250")

    @staticmethod
    def said(lines, start):
        assert lines[-1].startswith(start), lines

    def noop(self):
        self.said(self.imap.imap("n", "NOOP"), "n OK")

    def mail(self):
        """One mail of 1 KiB, and the same mail back by IMAP."""
        said = self.smtp.smtp("MAIL FROM:<canary@example.com>")
        if self.config["may_refuse"] and said[-1].startswith("452"):
            return
        self.said(said, "250")
        self.rounds += 1
        token = f"canary-{self.pid}-{self.rounds}"
        self.said(self.smtp.smtp(f"RCPT TO:<{CANARY}>"), "250")
        self.said(self.smtp.smtp("DATA"), "354")
        body = f"Subject: {token}\r\n\r\n" + "tweet " * 160 + "\r\n"
        self.smtp.send(body + ".\r\n")
        self.said(self.smtp.smtp(), "250")
        exists = None
        for line in self.imap.imap("m", "NOOP"):
            match = re.fullmatch(r"\* (\d+) EXISTS", line)
            exists = match[1] if match else exists
        assert exists, "the canary's mail was acknowledged and is not there"
        lines = self.imap.imap("f", f"FETCH {exists} BODY.PEEK[]")
        assert any(token in line for line in lines), (token, lines)

    def warm(self):
        """Touches what is touched once, so that it is no growth later."""
        for _ in range(WARM_BLOCKS if self.config["warm"] else 0):
            self.noop()
        for _ in range(5):
            self.mail()

    def round(self, found):
        for name in ("noop", "mail"):
            began = time.monotonic()
            getattr(self, name)()
            found[name].append((time.monotonic() - began) * 1e3)
        found["echo"].append(self.echo.ms())
        found["arithmetic"].append(arithmetic_ms())

    def run(self):
        found = {"noop": [], "mail": [], "echo": [], "arithmetic": [], "trouble": None}
        self.warm()
        spent = cpu_s(self.pid)
        for _ in range(10):
            self.round(found)
        rest = {"round_cpu_s": (cpu_s(self.pid) - spent) / 10, "arithmetic": found["arithmetic"],
                "echo": found["echo"], "noop": found["noop"], "mail": found["mail"]}
        found = {name: [] for name in found} | {"trouble": None}
        self.say({"rest": rest, "rounds": self.rounds})
        ends = threading.Event()
        threading.Thread(target=lambda: (sys.stdin.read(), ends.set()), daemon=True).start()
        due = time.monotonic()
        while not ends.is_set():
            try:
                self.round(found)
            except (OSError, EOFError, AssertionError) as trouble:
                found["trouble"] = repr(trouble)
                break
            due = max(due + INTERVAL_S, time.monotonic())
            ends.wait(max(0, due - time.monotonic()))
        found["rounds"] = self.rounds
        self.echo.close()
        self.say(found)

    @staticmethod
    def say(thing):
        print(json.dumps(thing), flush=True)


# ---- what the rows use ----

class Peer(Talk):
    """A connection of the attack's."""

    def __init__(self, oracle, port, **where):
        oracle.count(connections=1)
        self.oracle = oracle
        super().__init__(port, **where)

    def send(self, data):
        data = data if isinstance(data, bytes) else data.encode()
        self.oracle.count(bytes=len(data))
        super().send(data)


class Hostile:
    def __init__(self, gateway, *, rss_kib=256, rss_slack_kib=4096, cpu_ms=100, cpu_ns=50,
                 cpu_connection_us=500, canary_ms=100, canary=True, warm=True, log_rate=100,
                 check_store=True, may_refuse=False):
        self.gateway = gateway
        self.rss_kib, self.rss_slack_kib = rss_kib, rss_slack_kib
        self.cpu_ms, self.cpu_ns, self.cpu_connection_us = cpu_ms, cpu_ns, cpu_connection_us
        self.canary_ms, self.with_canary, self.warm = canary_ms, canary, warm
        self.log_rate, self.check_store, self.may_refuse = log_rate, check_store, may_refuse
        self.connections, self.bytes, self.stored_count = 0, 0, 0
        self.peers, self.lock, self.canary = [], threading.Lock(), None
        self.found, self.rest, self.is_over = None, None, False
        self.settle_s = 5

    # -- during the attack --

    def talk(self, port, **where):
        peer = Peer(self, port, **where)
        with self.lock:
            self.peers.append(peer)
        return peer

    def count(self, connections=0, bytes=0):
        """For what the attack does by sockets of its own."""
        with self.lock:
            self.connections += connections
            self.bytes += bytes

    def stored(self, messages):
        """So many copies of messages are meant to be in mailboxes afterwards."""
        self.stored_count += messages

    def over(self):
        """Closes the peers; what is used from here on is not the attack's."""
        if self.is_over:
            return
        self.is_over = True
        self.judge_life()
        for peer in self.peers:
            peer.close()
        self.spent_s = cpu_s(self.pid) - self.cpu_from
        self.lasted_s = time.monotonic() - self.began
        self.wait_memory_back()
        self.sampling = False
        self.sampler.join()

    # -- entry --

    def __enter__(self):
        self.pid = self.gateway.process.pid
        self.before = self.entries()
        if self.with_canary:
            self.canary_start()
        self.log_from = len(self.gateway.log())
        self.rss_from = self.rss_peak = private_kib(self.pid)
        self.cpu_from, self.began = cpu_s(self.pid), time.monotonic()
        self.sampling = True
        self.sampler = threading.Thread(target=self.sample, daemon=True)
        self.sampler.start()
        return self

    def entries(self):
        """How many messages all mailboxes have now."""
        with open(self.gateway.path("users")) as f:
            users = [line.split(":")[0] for line in f if ":" in line]
        total = 0
        for user in users:
            with Talk(self.gateway.imap_port, source=CANARY_ADDRESS) as t:
                t.line()
                if not t.imap("a", f"LOGIN {user} password")[-1].startswith("a OK"):
                    continue
                for line in t.imap("b", 'LIST "" "*"'):
                    match = re.match(r'\* LIST \(([^)]*)\) \S+ (.*)$', line)
                    if match and r"\Noselect" not in match[1]:
                        status = " ".join(t.imap("c", f"STATUS {match[2]} (MESSAGES)"))
                        total += int(re.search(r"MESSAGES (\d+)", status)[1])
        return total

    def canary_start(self):
        config = {"imap_port": self.gateway.imap_port, "smtp_port": self.gateway.smtp_port,
                  "directory": self.gateway.directory, "pid": self.pid, "warm": self.warm,
                  "may_refuse": self.may_refuse}
        self.canary = subprocess.Popen(
            [sys.executable, os.path.abspath(__file__), json.dumps(config)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        line = self.canary.stdout.readline()
        assert line, "the canary did not come to life"
        first = json.loads(line)
        self.rest, self.rounds_from = first["rest"], first["rounds"]

    def sample(self):
        while self.sampling:
            try:
                self.rss_peak = max(self.rss_peak, private_kib(self.pid))
            except OSError:
                return
            time.sleep(0.02)

    # -- exit --

    def __exit__(self, kind, *_):
        try:
            if kind is None:
                self.over()
                self.judge()
        finally:
            self.sampling = False
            for peer in self.peers:
                peer.close()
            if self.canary is not None and self.canary.poll() is None:
                self.canary.kill()
                self.canary.wait()

    def judge(self):
        if self.with_canary:
            out, _ = self.canary.communicate("", timeout=60)
            self.found = json.loads(out)
        self.judge_life()
        findings = [*self.judge_canary(), *self.judge_memory(), *self.judge_time(),
                    *self.judge_log()]
        if self.check_store:
            findings += self.judge_store()
        assert not findings, "\n".join(findings)

    def judge_life(self):
        code = self.gateway.process.poll()
        words = self.gateway.stderr()
        assert code is None, f"G1: the server ended with {code}: {words}"
        for word in ("Sanitizer", "runtime error:", "ensure", "Assertion"):
            assert word not in words, f"G1: {words}"

    def wait_memory_back(self):
        until = time.monotonic() + self.settle_s
        self.rss_end = private_kib(self.pid)
        while self.rss_end > self.rss_back() and time.monotonic() < until:
            time.sleep(0.1)
            self.rss_end = private_kib(self.pid)

    def rss_back(self):
        return self.rss_from * 1.05 + (self.rss_slack_kib or 0)

    def judge_memory(self):
        if self.rss_kib is None or self.rss_slack_kib is None or SANITIZED:
            return
        most = self.rss_from + self.rss_slack_kib + self.rss_kib * self.connections
        if self.rss_peak > most:
            yield (f"G2: memory went from {self.rss_from} to {self.rss_peak} KiB with "
                   f"{self.connections} connections; {most} is the most")
        if self.rss_end > self.rss_back():
            yield f"G2: memory is {self.rss_end} KiB 5 s after the end, and was {self.rss_from}"

    def slowness(self):
        """How much longer the same arithmetic takes now than in the best moment at rest."""
        if not self.found or not self.found["arithmetic"]:
            return 1.0
        times = sorted(self.found["arithmetic"])
        return max(1.0, times[len(times) // 2] / min(self.rest["arithmetic"]))

    def judge_time(self):
        if self.cpu_ms is None or SANITIZED:
            return
        rounds = self.lasted_s / INTERVAL_S + 1 if self.with_canary else 0
        own_s = self.rest["round_cpu_s"] * rounds if self.with_canary else 0
        allowed_s = (self.cpu_ms / 1e3 + self.bytes * self.cpu_ns / 1e9 +
                     self.connections * self.cpu_connection_us / 1e6)
        allowed_s = (allowed_s + own_s) * self.slowness()
        if self.spent_s > allowed_s:
            yield (f"G3: {self.spent_s * 1e3:.0f} ms of processor time for {self.bytes} bytes in "
                   f"{self.connections} connections; {allowed_s * 1e3:.0f} is the most")

    @staticmethod
    def p99(times):
        ordered = sorted(times)
        return ordered[max(0, len(ordered) - 1 - max(1, len(ordered) // 100))]

    def judge_canary(self):
        if not self.with_canary or self.canary_ms is None:
            return
        if self.found["trouble"]:
            yield f"G4: the canary died: {self.found['trouble']}"
            return
        if not self.found["echo"]:
            return
        waits = self.p99(self.found["echo"])
        for name, wakes in (("noop", 2), ("mail", 10)):  # how often such an answer is waited for
            allowed = (self.canary_ms + wakes * waits) * (10 if SANITIZED else 1)
            took = self.p99(self.found[name])
            if took > allowed:
                yield (f"G4: the canary's {ROUND_WORDS[name]} took {took:.0f} ms, {allowed:.0f} is "
                       f"the most (an echo takes {waits:.0f})")

    def judge_log(self):
        by_source = {}
        lines = self.gateway.log()[self.log_from:].split("\n")
        for line in lines:
            if len(line.encode(errors="replace")) > LOG_LINE_MAX:
                yield f"G6: a log line of {len(line)} bytes: {line[:200]}..."
            if re.search(r"[\x00-\x08\x0b-\x1f\x7f\ufffd]", line):
                yield f"G6: raw bytes in the log: {line[:200]!r}"
            if ": client=" in line:  # each of these costs its sender a whole mail
                continue
            source = re.search(r"\[([0-9a-f]*[.:][0-9a-f.:]+)\]|\brip=([0-9a-f.:]+)", line[16:])
            if source:
                key = (line[:15], source[1] or source[2])
                by_source[key] = by_source.get(key, 0) + 1
        if by_source and self.log_rate is not None:
            (when, source), most = max(by_source.items(), key=lambda item: item[1])
            if most > self.log_rate:
                yield f"G6: {most} log lines about {source} at {when}"

    def judge_store(self):
        code = self.gateway.stop()
        if code != 0:
            yield f"G5: the server stopped with {code}: {self.gateway.stderr()}"
        done = subprocess.run([BINARY, "store", "check", "-c", self.gateway.path("ringpost.conf")],
                              capture_output=True, text=True, timeout=120)
        if done.returncode != 0:
            yield f"G5: the store is not well: {done.stdout}{done.stderr}"
            return
        held = int(re.search(r"^entries (\d+)$", done.stdout, re.M)[1])
        rounds = self.found["rounds"] if self.found else 0
        wanted = self.before + rounds + self.stored_count
        if held != wanted:
            yield (f"G5: the store holds {held} messages, not {wanted}: {self.before} of before, "
                   f"{rounds} of the canary's and {self.stored_count} announced ones")


if __name__ == "__main__":
    Canary(json.loads(sys.argv[1])).run()
