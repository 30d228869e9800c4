"""ledger: remembers every message before its final dot and again at its 250, and afterwards reads
everything back and says what became of it. It is the judge of the durability tests.

A message carries its own id and the hash of its body in its header, so that what is read back can
be checked without the ledger's memory of the bytes.
"""

import hashlib
import os
import random
import re
import socket
import threading

from gateway import read_mail


def make_message(identity, size):
    noise = random.Random(identity)
    lines = []
    while sum(map(len, lines)) < size:
        lines.append("".join(noise.choice("abcdefghijklmnopqrstuvwxyz ") for _ in range(70)) + "\r\n")
    body = "".join(lines)
    digest = hashlib.sha256(body.encode()).hexdigest()
    return (f"From: <ledger@example.com>\r\nSubject: {identity}\r\nX-Ledger: {identity} {digest}\r\n"
            f"\r\n{body}").encode()


class Ledger:
    def __init__(self, gateway, users=("vagrant", "ann", "ben")):
        self.gateway, self.users = gateway, users
        self.lock = threading.Lock()
        self.begun, self.acknowledged = {}, {}  # identity -> recipients
        self.queue_ids = set()
        self.refused = 0

    def sender(self, name, stop, sizes=(200, 3000, 20000)):
        """Sends messages one after the other until `stop` is set or the server goes away."""
        choose = random.Random(f"{name} {os.getpid()}")
        number = 0
        try:
            s = socket.create_connection(("127.0.0.1", self.gateway.smtp_port), timeout=10)
            f = s.makefile("rb")
            f.readline()
            self.say(s, f, b"HELO ledger.example.com")
            while not stop.is_set():
                identity = f"{name}.{number}"
                number += 1
                to = choose.sample(self.users, choose.choice((1, 1, 2)))
                message = make_message(identity, choose.choice(sizes))
                self.say(s, f, b"MAIL FROM:<ledger@example.com>")
                for user in to:
                    self.say(s, f, b"RCPT TO:<%s@mailserver.local>" % user.encode())
                self.say(s, f, b"DATA")
                with self.lock:
                    self.begun[identity] = to
                s.sendall(message + b".\r\n")
                reply = f.readline()
                if reply.startswith(b"250"):
                    with self.lock:
                        self.acknowledged[identity] = to
                        qid = reply.split()[-1]
                        assert qid not in self.queue_ids, f"queue id {qid} given twice"
                        self.queue_ids.add(qid)
                elif not reply:
                    return
                else:
                    self.refused += 1
        except (OSError, EOFError):
            return

    @staticmethod
    def say(s, f, line):
        s.sendall(line + b"\r\n")
        reply = f.readline()
        if not reply:
            raise EOFError
        if reply[0] not in b"23":
            raise EOFError(reply)

    def audit(self, seen=None):
        """Reads all mailboxes. Returns {lost, damaged, twice, phantom} as lists, and the UIDs by
        mailbox; `seen` is what an earlier audit returned: those UIDs must still mean the same."""
        found = {"lost": [], "damaged": [], "twice": [], "phantom": [], "moved": []}
        uids = {}
        for user in self.users:
            here = {}
            for uid, _, message in read_mail(self.gateway, user):
                match = re.search(rb"\r\nX-Ledger: (\S+) (\S+)\r\n", message)
                if match is None:
                    found["phantom"].append((user, uid))
                    continue
                identity = match[1].decode()
                body = message.split(b"\r\n\r\n", 1)[1]
                if hashlib.sha256(body).hexdigest() != match[2].decode():
                    found["damaged"].append((user, uid, identity))
                if identity in here.values():
                    found["twice"].append((user, identity))
                if user not in self.begun.get(identity, ()):
                    found["phantom"].append((user, identity))
                here[uid] = identity
            there = set(here.values())
            for identity, to in self.acknowledged.items():
                if user in to and identity not in there:
                    found["lost"].append((user, identity))
            for uid, identity in (seen or {}).get(user, {}).items():
                if here.get(uid) != identity:
                    found["moved"].append((user, uid, identity, here.get(uid)))
            uids[user] = here
        return {k: v for k, v in found.items() if v}, uids
