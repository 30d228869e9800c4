#!/usr/bin/env python3
"""Measures ringpost beside its peers in one run and prints a table.

    bench/report.py [--build DIR] [--data DIR | --journaled] [--runs 5] [--count N] [--loads WORDS] [PART ...]

PART: smtp, fetch, memory, tls, growth; all but growth when none is named. --data: where stores and queues
lie (their file system matters). --journaled: an ext4 with a journal in a loop image (needs root).
Every figure of ringpost's is durable: synced before the 250. Peers that are not installed are left
out. Rates are medians of --runs runs, taken in turns, so that a slow minute of the machine hits all
alike; trust the ratios, not the rates.
"""

import argparse
import os
import pwd
import random
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

import peers
import tls_load

HERE = os.path.dirname(os.path.abspath(__file__))
SMTP, IMAP, SINK, POSTFIX, DOVECOT = 21025, 21143, 21026, 21027, 21028
IMAPS, PEER_TLS = 21993, 21994
RCPT = "vagrant@mailserver.local"


class Ringpost:
    def __init__(self, build, directory, io, users=1, tls=""):
        self.build, self.directory, self.io, self.users, self.tls = build, directory, io, users, tls

    def __enter__(self):
        d = self.directory
        os.makedirs(d, exist_ok=True)
        with open(f"{d}/users", "w") as f:
            f.write("vagrant@mailserver.local:{PLAIN}password:::::\n")
            for n in range(1, self.users + 1):
                f.write(f"u{n}@mailserver.local:{{PLAIN}}password:::::\n")
        settings = {
            "myhostname": "mailserver.local", "mydestination": "mailserver.local",
            "mynetworks": "127.0.0.0/8", "smtp_listen": f"127.0.0.1:{SMTP}",
            "submission_listen": "", "submissions_listen": "", "imaps_listen": f"127.0.0.1:{IMAPS}",
            "imap_listen": f"127.0.0.1:{IMAP}", "pop3_listen": "", "pop3s_listen": "",
            "mail_store_directory": f"{d}/store",
            "smtpd_tls_chain_files": self.tls, "users_file": f"{d}/users", "maillog_file": f"{d}/mail.log",
            "message_size_limit": "104857600", "io": self.io,
            "mail_owner": pwd.getpwuid(os.geteuid()).pw_name,
            "smtpd_client_connection_count_limit": "20000", "mail_max_userip_connections": "20000",
        }
        with open(f"{d}/ringpost.conf", "w") as f:
            f.writelines(f"{k} = {v}\n" for k, v in settings.items())
        errors = open(f"{d}/stderr", "w")
        self.process = subprocess.Popen([f"{self.build}/ringpost", "serve", "-c", f"{d}/ringpost.conf"],
                                        stdout=errors, stderr=errors, stdin=subprocess.DEVNULL)
        peers.wait_port(SMTP, 30)
        if self.process.poll() is not None:
            raise RuntimeError(f"ringpost ended; something else listens on port {SMTP}")
        return self

    def cpu_s(self):
        with open(f"/proc/{self.process.pid}/stat") as f:
            fields = f.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory_kib(self):
        """(own memory, pages of the log that are mapped and can be given back at any time)"""
        with open(f"/proc/{self.process.pid}/status") as f:
            facts = dict(line.split(":", 1) for line in f)
        return tuple(int(facts[name].split()[0]) for name in ("RssAnon", "RssFile"))

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=30)
        shutil.rmtree(self.directory, ignore_errors=True)


def timed(command, count, seconds=300):
    began = time.monotonic()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=seconds)
    return count / (time.monotonic() - began)


def source(port, sessions, size, count, *more):
    return timed(["smtp-source", "-s", str(sessions), "-m", str(count), "-l", str(size), "-f",
                  "load@example.com", "-t", RCPT, *more, f"127.0.0.1:{port}"], count)


def pipelined(build, port, sessions, size, count):
    return timed([f"{build}/bench/load_smtp", "-p", "-s", str(sessions), "-l", str(size), "-m",
                  str(count), "-t", RCPT, "127.0.0.1", str(port)], count)


def smtp_loads(options):
    n = options.count
    loads = [
        ("1 KB, 100 sessions, reused (-d)", n, n // 10, lambda p, c: source(p, 100, 1024, c, "-d")),
        ("1 KB, 100 sessions, one mail each", n // 2, n // 10, lambda p, c: source(p, 100, 1024, c)),
        ("1 KB, 10 sessions, reused", n, n // 10, lambda p, c: source(p, 10, 1024, c, "-d")),
        ("1 KB, 1 session, reused", n // 8, n // 40, lambda p, c: source(p, 1, 1024, c, "-d")),
        ("10 KB, 100 sessions, reused", n // 2, n // 10, lambda p, c: source(p, 100, 10240, c, "-d")),
        ("100 KB, 100 sessions, reused", n // 10, n // 40, lambda p, c: source(p, 100, 102400, c, "-d")),
        ("1 KB, 100 sessions, pipelined", n * 2, n // 10,
         lambda p, c: pipelined(options.build, p, 100, 1024, c)),
    ]
    return [load for load in loads if any(word in load[0] for word in options.loads.split(","))]


def warmed(load, port, count):
    """A server that has run for a while: processes are there, spare segments are made."""
    load(port, max(count // 20, 100))
    time.sleep(1)
    return load(port, count)


def smtp(options, directory):
    """Each load against each server, in turns."""
    servers = [("ringpost, io_uring", "uring"), ("ringpost, epoll", "epoll")]
    if peers.has_sink():
        servers.insert(0, ("smtp-sink, stores nothing", None))
    if peers.has_postfix():
        servers.append(("Postfix, into its queue", None))
    print("\n## Taking mail by SMTP: messages a second, all durable but smtp-sink's\n")
    print("| load | server | median | least | most | to smtp-sink | to Postfix |\n|---|---|---|---|---|---|---|")
    for label, count, peer_count, load in smtp_loads(options):
        rates = {name: [] for name, _ in servers}
        for _ in range(options.runs):
            for name, io in servers:
                if io:
                    with Ringpost(options.build, f"{directory}/ringpost", io):
                        rates[name].append(warmed(load, SMTP, count))
                elif name.startswith("smtp-sink"):
                    with peers.Sink(SINK):
                        rates[name].append(warmed(load, SINK, count))
                else:
                    with peers.Postfix(f"{directory}/postfix", POSTFIX) as postfix:
                        rates[name].append(warmed(load, POSTFIX, peer_count))
                        postfix.drain()
        middle = {name: statistics.median(r) for name, r in rates.items()}
        for name, r in rates.items():
            def to(peer):
                value = next((m for n, m in middle.items() if n.startswith(peer)), None)
                return f"{middle[name] / value:.2f}" if value else "–"
            print(f"| {label} | {name} | {middle[name]:.0f} | {min(r):.0f} | {max(r):.0f} "
                  f"| {to('smtp-sink')} | {to('Postfix')} |", flush=True)


WORDS = "".join(random.Random(1).choices("abcdefghijklmnopqrstuvwxyz    ", k=1 << 20))


def letter(number, size):
    """A message as people get them; the same for every server."""
    start = number * 7919 % (len(WORDS) - size)
    words = WORDS[start:start + size]
    head = (f"From: \"Person {number % 777}\" <p{number % 777}@example.com>\r\n"
            f"To: Vagrant <{RCPT}>\r\nSubject: Re: topic {number // 7}\r\n"
            f"Date: Wed, {1 + number % 28} Jul 2026 {number % 24:02}:00:00 +0000\r\n"
            f"Message-ID: <m{number}@load.example.com>\r\nIn-Reply-To: <m{number // 2}@load.example.com>\r\n"
            "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\n")
    lines = [words[i:i + 74].strip(" ") + "\r\n" for i in range(0, size - len(head), 76)]
    return (head + "".join(lines)).encode()


def talk(port):
    s = socket.create_connection(("127.0.0.1", port))
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return s, s.makefile("rb")


def fill_smtp(port, count, size):
    s, f = talk(port)
    f.readline()
    s.sendall(b"HELO load.example.com\r\n")
    f.readline()
    for number in range(count):
        s.sendall(b"MAIL FROM:<load@example.com>\r\nRCPT TO:<%s>\r\nDATA\r\n" % RCPT.encode())
        assert [f.readline()[:3] for _ in range(3)] == [b"250", b"250", b"354"]
        s.sendall(letter(number, size) + b".\r\n")
        assert f.readline()[:3] == b"250"
    s.close()


def fill_imap(port, count, size):
    s, f = talk(port)
    f.readline()
    s.sendall(b"a LOGIN vagrant password\r\n")
    while not f.readline().startswith(b"a OK"):
        pass
    for number in range(count):
        data = letter(number, size)
        s.sendall(b"b%d APPEND INBOX {%d+}\r\n%s\r\n" % (number, len(data), data))
        while not f.readline().startswith(b"b%d OK" % number):
            pass
    s.close()


COMMANDS = ["FETCH 1:* BODY.PEEK[]", "FETCH 1:* (FLAGS ENVELOPE)", "FETCH 1:* (BODYSTRUCTURE)",
            "FETCH 1:* (FLAGS)", "FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE)",
            "FETCH 1:* (BODY.PEEK[HEADER.FIELDS (FROM TO SUBJECT DATE MESSAGE-ID)])",
            "SEARCH SUBJECT topic", "SEARCH BODY zqxnotfound"]


def ask_imap(options, port):
    """{command: (first ms, median ms, bytes)}"""
    done = subprocess.run([f"{options.build}/bench/load_imap", "-n", "7", "127.0.0.1", str(port), *COMMANDS],
                          capture_output=True, text=True, timeout=300)
    if done.returncode:
        print(f"(port {port}: {done.stderr.strip()[-200:]})")
    answers = {}
    for line in done.stdout.splitlines():
        name, rest = line[len('command="'):].rsplit('" ', 1)
        first, median, size = (float(part.split("=")[1]) for part in rest.split())
        answers[name] = first, median, size
    return answers


def fetch(options, directory):
    count, size = options.messages, 5120
    answers = {}
    for io in ("uring", "epoll"):
        with Ringpost(options.build, f"{directory}/ringpost", io):
            fill_smtp(SMTP, count, size)
            answers[f"ringpost, {'io_uring' if io == 'uring' else io}"] = ask_imap(options, IMAP)
    if peers.has_dovecot():
        for storage in ("maildir", "mdbox"):
            with peers.Dovecot(f"{directory}/dovecot", DOVECOT, storage):
                fill_imap(DOVECOT, count, size)
                answers[f"Dovecot, {storage}"] = ask_imap(options, DOVECOT)
    print(f"\n## Reading by IMAP: {count} messages of 5 KB, milliseconds\n")
    print("| command | server | first | median | MB/s | times the better Dovecot |\n|---|---|---|---|---|---|")
    for command in COMMANDS:
        best = min((a[command][1] for n, a in answers.items() if n.startswith("Dovecot") and command in a), default=None)
        for name, a in answers.items():
            if command in a:
                first, median, octets = a[command]
                ratio = f"{best / median:.2f}" if best else "–"
                print(f"| {command} | {name} | {first:.1f} | {median:.1f} | {octets / median / 1e3:.0f} | {ratio} |")


def memory(options, directory):
    count = options.idlers
    print(f"\n## Memory: {count} connections that idle in a selected mailbox\n")
    print("| server | RSS before, MiB | RSS after, MiB | KiB a connection |\n|---|---|---|---|")
    for io in ("uring", "epoll"):
        with Ringpost(options.build, f"{directory}/ringpost", io, users=200) as server:
            done = subprocess.run([f"{options.build}/bench/load_imap", "-i", str(count), "-u", "vagrant", "-p",
                                   str(server.process.pid), "127.0.0.1", str(IMAP)],
                                  capture_output=True, text=True, timeout=600)
            facts = dict(part.split("=") for part in done.stdout.split())
            if "rss_after_kib" not in facts:
                print(f"| ringpost, {io} | failed: {done.stderr.strip()[-200:]} | | |")
                continue
            print(f"| ringpost, {io} | {int(facts['rss_before_kib']) / 1024:.1f} | "
                  f"{int(facts['rss_after_kib']) / 1024:.1f} | {facts['per_connection_kib']} |", flush=True)


def growth(options, directory):
    """A mixed load for --minutes; memory after each round. Own memory may not grow without end; the
    mapped part is the page cache of the messages that were read."""
    print(f"\n## Growth: {options.minutes} minutes of mixed load\n")
    print("| minute | messages taken | own memory, MiB | mapped log, MiB |\n|---|---|---|---|")
    with Ringpost(options.build, f"{directory}/ringpost", "auto", users=200) as server:
        began, taken = time.monotonic(), 0
        while time.monotonic() - began < options.minutes * 60:
            load = subprocess.run([f"{options.build}/bench/load_smtp", "-s", "50", "-l", "4096", "-m", "20000", "-u", "200",
                                   "-t", "u%d@mailserver.local", "-T", "25", "127.0.0.1", str(SMTP)],
                                  capture_output=True, text=True)
            taken += int(load.stdout.split()[0].split("=")[1]) if load.stdout else 0
            for n in range(1, 11):
                subprocess.run([f"{options.build}/bench/load_imap", "-n", "1", "-u", f"u{n}", "127.0.0.1", str(IMAP),
                                "FETCH 1:50 BODY.PEEK[]", "SEARCH TEXT nothing", "FETCH 1:* (FLAGS)"],
                               stdout=subprocess.DEVNULL, timeout=120)
            own, mapped = server.memory_kib()
            print(f"| {(time.monotonic() - began) / 60:.1f} | {taken} | {own / 1024:.1f} | {mapped / 1024:.1f} |", flush=True)


def tls_handshakes(options, directory, pem):
    servers = [(f"ringpost, {io}", lambda io=io: Ringpost(options.build, f"{directory}/ringpost", io, tls=pem), IMAPS)
               for io in ("uring", "epoll")]
    if peers.has_postfix():
        servers.append(("Postfix", lambda: peers.Postfix(f"{directory}/postfix", POSTFIX, (PEER_TLS, pem)), PEER_TLS))
    if peers.has_dovecot():
        servers.append(("Dovecot", lambda: peers.Dovecot(f"{directory}/dovecot", DOVECOT, "maildir", (PEER_TLS, pem)),
                        PEER_TLS))
    rates = {name: ([], []) for name, _, _ in servers}
    for _ in range(options.runs):
        for name, server, port in servers:
            with server():
                for kind in (0, 1):
                    rates[name][kind].append(tls_load.handshakes(port, kind == 1, 3))
    print("\n### Handshakes a second, TLS 1.2, a P-256 certificate, four clients\n")
    print("| server | full | resumed |\n|---|---|---|")
    for name, (full, resumed) in rates.items():
        print(f"| {name} | {statistics.median(full):.0f} | {statistics.median(resumed):.0f} |", flush=True)


def tls_ingest(options, directory, pem):
    servers = [(f"ringpost, {io}", lambda io=io: Ringpost(options.build, f"{directory}/ringpost", io, tls=pem), SMTP)
               for io in ("uring", "epoll")]
    if peers.has_postfix():
        servers.append(("Postfix", lambda: peers.Postfix(f"{directory}/postfix", POSTFIX, (PEER_TLS, pem)), POSTFIX))
    print("\n### Mail over TLS beside mail in the clear, four connections that are reused\n")
    print("| size | server | clear/s | TLS/s | ratio | server's CPU, clear | TLS |\n|---|---|---|---|---|---|---|")
    for size, count in ((1024, options.count // 5), (102400, options.count // 40)):
        for name, start, port in servers:
            found = {False: [], True: []}
            with start() as server:
                for _ in range(options.runs):
                    for tls in (False, True):
                        found[tls].append(tls_load.ingest(port, tls, RCPT, count, letter(1, size), server.cpu_s))
                if name == "Postfix":
                    server.drain()
            clear, sealed = ([statistics.median(part) for part in zip(*found[tls])] for tls in (False, True))
            print(f"| {size // 1024} KB | {name} | {clear[0]:.0f} | {sealed[0]:.0f} | "
                  f"{sealed[0] / clear[0]:.2f} | {clear[1]:.0f} µs | {sealed[1]:.0f} µs |", flush=True)


def tls_memory(options, directory, pem):
    """Dovecot has a process for each, so fewer of them tell as much."""
    servers = [(f"ringpost, {io}", lambda io=io: Ringpost(options.build, f"{directory}/ringpost", io, tls=pem),
                IMAP, IMAPS, min(1000, options.idlers)) for io in ("uring", "epoll")]
    if peers.has_dovecot():
        servers.append(("Dovecot", lambda: peers.Dovecot(f"{directory}/dovecot", DOVECOT, "maildir", (PEER_TLS, pem)),
                        DOVECOT, PEER_TLS, min(100, options.idlers)))
    print("\n### Memory: KiB of each of so many connections that idle in a selected mailbox\n")
    print("| server | connections | clear | TLS |\n|---|---|---|---|")
    for name, start, port, tls_port, count in servers:
        with start() as server:
            clear = tls_load.idle(port, False, count, lambda: server.memory_kib()[0])
            sealed = tls_load.idle(tls_port, True, count, lambda: server.memory_kib()[0])
            print(f"| {name} | {count} | {clear:.1f} | {sealed:.1f} |", flush=True)


def tls(options, directory):
    print("\n## TLS")
    pem = tls_load.make_certificate(f"{directory}/tls.pem")
    tls_handshakes(options, directory, pem)
    tls_ingest(options, directory, pem)
    tls_memory(options, directory, pem)


class Journaled:
    """An ext4 with a journal in a loop image, as users have it."""

    def __init__(self, size="12G"):
        self.image, self.mount, self.size = "/var/tmp/ringpost-bench.img", "/var/tmp/ringpost-bench", size

    def __enter__(self):
        os.makedirs(self.mount, exist_ok=True)
        subprocess.run(["truncate", "-s", self.size, self.image], check=True)
        subprocess.run(["mkfs.ext4", "-q", "-F", self.image], check=True)
        subprocess.run(["mount", "-o", "loop", self.image, self.mount], check=True)
        return self.mount

    def __exit__(self, *_):
        subprocess.run(["umount", self.mount])
        os.unlink(self.image)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=os.path.join(os.path.dirname(HERE), "build"))
    parser.add_argument("--data")
    parser.add_argument("--journaled", action="store_true")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--count", type=int, default=20000, help="messages in the largest 1 KB load")
    parser.add_argument("--loads", default="", help="only SMTP loads with one of these words, divided by commas")
    parser.add_argument("--messages", type=int, default=10000)
    parser.add_argument("--idlers", type=int, default=10000)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("parts", nargs="*", choices=["smtp", "fetch", "memory", "tls", "growth", []])
    options = parser.parse_args()
    parts = options.parts or ["smtp", "fetch", "memory", "tls"]
    print(f"{os.cpu_count()} processors, {os.uname().release}, {time.strftime('%Y-%m-%d %H:%M')}")
    if options.journaled:
        with Journaled() as mount:
            print("data on a journaled ext4 in a loop image")
            for part in parts:
                globals()[part](options, mount)
        return
    directory = options.data or tempfile.mkdtemp(prefix="ringpost-bench-", dir="/var/tmp")
    os.chmod(directory, 0o755)  # the peers' own users work in it
    try:
        for part in parts:
            globals()[part](options, directory)
    finally:
        if not options.data:
            shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
