"""Plays transcripts of tests/session to the real server, and knows which belong to which row.

The files say what a session answers when a test's world is behind it; here it is a server, so what
a world makes up is left out: queue ids, notes for the log (L:), what IMAP says untagged, and whether it
is OK where the world says more than that (W:). Whatever is
stored is read back and must end in what the B: lines say. Each transcript is played once with a turn
in one segment, and once byte by byte.
"""

import os
import re

from gateway import HERE, Talk

TESTS = os.path.dirname(HERE)
ESCAPES = {"r": b"\r", "n": b"\n", "t": b"\t", "0": b"\0", "\\": b"\\"}


def unescape(text):
    out, at = b"", 0
    while at < len(text):
        if text[at] != "\\":
            out += text[at].encode("utf-8", "surrogateescape")
            at += 1
        elif text[at + 1] == "x":
            out += bytes([int(text[at + 2:at + 4], 16)])
            at += 4
        elif text[at + 1] == "{":
            count, rest = text[at + 2:].split("*", 1)
            piece, at_piece = b"", 0
            while rest[at_piece] != "}":
                step = 4 if rest[at_piece:at_piece + 2] == "\\x" else 2 if rest[at_piece] == "\\" else 1
                piece += unescape(rest[at_piece:at_piece + step])
                at_piece += step
            out += piece * int(count)
            at = len(text) - len(rest) + at_piece + 1
        else:
            out += ESCAPES[text[at + 1]]
            at += 2
    return out


class Transcript:
    """Turns [(bytes of the client, lines of the server)], settings, bodies, words of W: lines."""

    def __init__(self, path):
        self.path, self.protocol = path, os.path.basename(os.path.dirname(path))
        self.settings, self.turns, self.bodies = {}, [(b"", [])], b""
        self.answers, self.end, self.turns_only = [], None, False
        self.invented = set()  # turns whose answers only the world of a test gives
        with open(path, encoding="utf-8", errors="surrogateescape", newline="\n") as f:
            for line in f.read().split("\n"):
                if line[1:2] == ":":
                    self.add(line[0], line[3:])

    def add(self, kind, text):
        if kind == "X":
            name, value = text.split("=", 1)
            self.settings[name] = f"{self.settings[name]}, {value}" if name in self.settings else value
        elif kind == "M":
            self.turns_only = True
        elif kind in "CR":
            if self.turns[-1][1] or len(self.turns) == 1:
                self.turns.append((b"", []))
            said = text.encode("utf-8", "surrogateescape") + b"\r\n" if kind == "C" else unescape(text)
            self.turns[-1] = (self.turns[-1][0] + said, self.turns[-1][1])
        elif kind == "S" and self.end is None:
            self.turns[-1][1].append(text)
        elif kind == "B":
            self.bodies += unescape(text) + b"\r\n"
        elif kind == "W":
            self.answers.append(text)
            if not re.fullmatch(r"|ok|notfound|ok \d+", text):
                self.invented.add(len(self.turns) - 1)
        elif kind == "E":
            self.end = text


def rows_replayed(protocol):
    """[("s01_lf_lf", [paths])] of the rows whose transcripts of this protocol are to be played."""
    with open(os.path.join(TESTS, "hostile", "rows.txt")) as f:
        for line in f:
            cells = [cell.strip() for cell in line.split("|")]
            if len(cells) == 3 and "replay" in cells[2].split():
                paths = [os.path.join(TESTS, path) for path in cells[1].split()
                         if path.startswith(f"session/{protocol}/")]
                if paths:
                    yield re.sub(r"\W+", "_", cells[0].lower()), paths


def say(talk, data, bytewise):
    if not bytewise:
        talk.send(data)
        return
    for at in range(len(data)):
        try:
            talk.send(data[at:at + 1])
        except (BrokenPipeError, ConnectionResetError):
            return  # the server had heard enough; what it said is read below


def masked(line):
    return re.sub(r"queued as \w+", "queued as ID", line)


def reply_matches(got, wanted):
    """Of what EHLO offers only that must be there which the transcript names."""
    if len(wanted) > 3 and wanted[0].startswith("250-"):
        return got[0] == wanted[0] and {w[4:] for w in wanted[1:]} <= {g[4:] for g in got[1:]}
    return [masked(g) for g in got] == [masked(w) for w in wanted]


def replies(lines):
    """Lines of a turn as replies: lists that end with the line of code and blank."""
    reply = []
    for line in lines:
        reply.append(line)
        if line[3:4] != "-":
            yield reply
            reply = []


def hangs_up(talk):
    assert talk.rest() == b""


def play_smtp(port, transcript, bytewise=False, talk=Talk):
    t = talk(port)
    for said, heard in transcript.turns:
        say(t, said, bytewise)
        for wanted in replies(heard):
            got = t.smtp()
            assert reply_matches(got, wanted), (transcript.path, got, wanted)
    if transcript.end == "closed":
        hangs_up(t)
    t.close()


# ---- IMAP: what is tagged, asked for, or the end of it ----

STATUS = re.compile(r"(?:\* (?:BAD|BYE)|\+ ?|(?!\*)\S+ (?:OK|NO|BAD))")


def status(line):
    """What of such a line counts: its beginning, and which code it has."""
    code = re.search(r"\[([A-Z]+)", line)
    return STATUS.match(line)[0].strip(), code[1] if code and code[1] != "CAPABILITY" else None


def imap_line(t):
    """The next line; literals in it are read and left out."""
    line = t.line()
    while True:
        literal = re.search(r"\{(\d+)\}$", line)
        if not literal or not line.startswith("*"):
            return line
        t.bytes(int(literal[1]))
        line = line[:literal.start()] + t.line()


def play_imap(port, transcript, bytewise=False, talk=Talk):
    t = talk(port)
    assert t.line().startswith("* OK ")
    for turn, (said, heard) in enumerate(transcript.turns[1:], 1):
        say(t, said, bytewise)
        for wanted in filter(STATUS.match, heard):
            got = imap_line(t)
            while not STATUS.match(got):
                got = imap_line(t)
            same = got.split(" ")[0] == wanted.split(" ")[0] if turn in transcript.invented else (
                status(got) == status(wanted))
            assert same, (transcript.path, got, wanted)
    if transcript.end == "closed":
        hangs_up(t)
    t.close()
