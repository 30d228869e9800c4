"""A name server of a few lines: what it says, and how badly, is a test's to choose."""

import socket
import struct
import threading

TYPES = {1: "A", 15: "MX", 28: "AAAA", 52: "TLSA", 16: "TXT", 5: "CNAME"}


def wire_name(name):
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".") if label) + b"\0"


def rdata(kind, value):
    if isinstance(value, bytes):
        return value  # as crafted
    if kind == "A":
        return socket.inet_aton(value)
    if kind == "MX":
        preference, host = value
        return struct.pack("!H", preference) + wire_name(host)
    return wire_name(value)


class NameServer:
    """`zone` is {(name, type): [values]}; a name without any entry does not exist. A value "SERVFAIL",
    "REFUSED" or "SILENT" of (name, "*") is how all questions for it are answered; a function gets the
    question's bytes and returns the whole answer."""

    RCODES = {"SERVFAIL": 2, "REFUSED": 5}

    def __init__(self, zone):
        self.zone, self.asked = zone, []
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                question, peer = self.socket.recvfrom(4096)
                answer = self.answer(question)
                if answer:
                    self.socket.sendto(answer, peer)
            except OSError:
                return

    def answer(self, question):
        at, labels = 12, []
        while question[at]:
            labels.append(question[at + 1:at + 1 + question[at]].decode("latin-1"))
            at += 1 + question[at]
        name, end = ".".join(labels).lower(), at + 5
        kind = TYPES.get(struct.unpack("!H", question[at + 1:at + 3])[0], "?")
        self.asked.append((name, kind))
        special = self.zone.get((name, "*"))
        if special == "SILENT":
            return None
        if callable(special):
            return special(question)
        values = self.zone.get((name, kind), [])
        exists = any(key[0] == name for key in self.zone)
        rcode = self.RCODES.get(special, 0 if exists else 3)
        records = b"".join(b"\xc0\x0c" + question[at + 1:at + 5] + struct.pack("!IH", 60, len(data)) + data
                           for data in (rdata(kind, value) for value in values))
        return (question[:2] + struct.pack("!HHHHH", 0x8180 | rcode, 1, len(values), 0, 0) +
                question[12:end] + records)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()
