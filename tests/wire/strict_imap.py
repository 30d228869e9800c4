"""An IMAP client that takes nothing but what RFC 3501 section 9 allows, written from the grammar.

Answers become lists of values: bytes for strings, None for NIL, str for atoms, int for numbers. What
is not well formed raises Malformed. Text that a stranger wrote cannot be taken for an answer here.
"""

import re

from gateway import Talk

ATOM = re.compile(rb'[^\x00-\x20(){%*"\\\]\x7f-\xff]+')
NAME = re.compile(rb'[A-Z0-9.]+(?:\[[^\]]*\](?:<\d+>)?)?')
QUOTED = re.compile(rb'"((?:[^"\\\r\n\x00\x80-\xff]|\\["\\])*)"')
LITERAL = re.compile(rb"\{(0|[1-9]\d*)\}\r\n")
FLAG = re.compile(rb'\\(?:\*|[^\x00-\x20(){%*"\\\]\x7f-\xff]+)')


class Malformed(AssertionError):
    pass


class Cursor:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, pattern):
        match = re.compile(pattern).match(self.data, self.at) if isinstance(pattern, bytes) else pattern.match(
            self.data, self.at)
        if match:
            self.at = match.end()
        return match

    def must(self, pattern):
        match = self.take(pattern)
        if not match:
            raise Malformed((pattern, self.data[max(0, self.at - 60):self.at + 60]))
        return match

    def string(self):
        literal = self.take(LITERAL)
        if literal:
            size = int(literal[1])
            self.at += size
            if self.at > len(self.data):
                raise Malformed("a literal that is too short")
            return self.data[self.at - size:self.at]
        return re.sub(rb"\\(.)", rb"\1", self.must(QUOTED)[1])

    def value(self):
        """One value. Lists in each other are read without recursion: a stranger chose their depth."""
        stack = []
        while True:
            if self.take(rb"\("):
                stack.append([])
                if not self.take(rb"\)"):
                    continue
                value = stack.pop()
            else:
                value = self.scalar()
            while stack:
                stack[-1].append(value)
                if not self.take(rb"\)"):
                    break
                value = stack.pop()
            else:
                return value
            # Addresses and parts stand side by side, all else has one blank between.
            if not (isinstance(value, list) and self.take(rb"(?=\()")):
                self.must(rb" ")

    def scalar(self):
        if self.data[self.at:self.at + 1] in (b'"', b"{"):
            return self.string()
        word = (self.take(FLAG) or self.must(ATOM))[0].decode()
        return None if word == "NIL" else int(word) if word.isdigit() else word

    def fetch(self):
        """The items of a FETCH response by their names."""
        items = {}
        self.must(rb"\(")
        while True:
            name = self.must(NAME)[0].decode()
            self.must(rb" ")
            items[name] = self.value()
            if self.take(rb"\)"):
                self.must(rb"\r\n")
                return items
            self.must(rb" ")


class StrictReader(Talk):
    def __init__(self, gateway, user="vagrant", talk=None):
        super().__init__(gateway.imap_port)
        self.socket.settimeout(60)
        assert self.response().startswith(b"* OK ")
        self.command(f"LOGIN {user} password")
        self.command("SELECT INBOX")

    def response(self):
        """One response with its literals."""
        data = self.line_bytes()
        while True:
            literal = re.search(rb"\{(\d+)\}\r\n$", data)
            if not literal:
                return data
            data += self.bytes(int(literal[1])) + self.line_bytes()

    def line_bytes(self):
        return self.line().encode("utf-8", "surrogateescape") + b"\r\n"

    def command(self, text, ok=b"OK"):
        """All responses to a command that must be answered so."""
        self.send(b"t " + (text if isinstance(text, bytes) else text.encode()) + b"\r\n")
        heard = [self.response()]
        while not heard[-1].startswith(b"t "):
            if not re.match(rb"[*+] ", heard[-1]):
                raise Malformed(heard[-1])
            heard.append(self.response())
        assert heard[-1].startswith(b"t " + ok), heard[-1]
        return heard

    def fetch(self, number, items):
        """One message's items."""
        found = {}
        for response in self.command(f"FETCH {number} {items}"):
            cursor = Cursor(response)
            match = cursor.take(rb"\* (\d+) FETCH ")
            if match:
                assert int(match[1]) == number, response[:100]
                found.update(cursor.fetch())
        return found

    def search(self, keys):
        for response in self.command(b"SEARCH " + keys):
            if response.startswith(b"* SEARCH"):
                return [int(word) for word in response.split()[2:]]
        raise Malformed("no SEARCH response")
