"""Next hops of all kinds: one that follows a script of its own, to be as hostile as a test wants it."""

import socket
import struct
import threading
import time

STAGES = ("CONNECT", "EHLO", "MAIL", "RCPT", "DATA", "DOT")
USUAL = {
    "CONNECT": b"220 hop ESMTP\r\n",
    "EHLO": b"250-hop\r\n250-PIPELINING\r\n250 8BITMIME\r\n",
    "MAIL": b"250 2.1.0 Ok\r\n",
    "RCPT": b"250 2.1.5 Ok\r\n",
    "DATA": b"354 go\r\n",
    "DOT": b"250 2.0.0 Ok: taken\r\n",
    "QUIT": b"221 2.0.0 Bye\r\n",
}


class HungUp(Exception):
    """The script is over with this connection."""


class Peer:
    """One connection to us, line by line."""

    def __init__(self, hop, sock):
        self.hop, self.socket = hop, sock
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.settimeout(30)
        self.lines = sock.makefile("rb")

    def send(self, data):
        self.socket.sendall(data)

    def line(self):
        """The next line without its end; of the client's hanging up, b""."""
        return self.lines.readline(100000).rstrip(b"\r\n")

    def data(self):
        """The message up to its dot, unstuffed."""
        body = []
        for line in self.lines:
            if line == b".\r\n":
                return b"".join(body)
            body.append(line[1:] if line.startswith(b".") else line)
        raise HungUp

    def reset(self):
        """Hangs up as a host does that dies: with RST."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raise HungUp

    def silent(self):
        """Reads and says nothing until the client gives up."""
        self.socket.settimeout(120)
        while self.socket.recv(65536):
            pass
        raise HungUp


class Hop:
    """A next hop that is as polite as can be, but for `odd`: a function of (peer, stage) that is
    called where an answer is due and returns bytes to send in its place, None for the usual ones, b""
    when it has sent them itself; it may hang up with peer.reset() or HungUp, or kill somebody."""

    def __init__(self, odd=None, port=0, host="127.0.0.1", talk=None):
        self.odd = odd or (lambda peer, stage: None)
        self.mails = []     # (recipients, bytes) whose dot came
        self.said = []      # all lines that came, as bytes
        self.connections = 0
        self.changed = threading.Condition()
        self.talk = talk or self.polite
        self.socket = socket.create_server((host, port), backlog=1024)
        self.host, self.port = host, self.socket.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                sock, _ = self.socket.accept()
            except OSError:
                return
            with self.changed:
                self.connections += 1
                self.changed.notify_all()
            threading.Thread(target=self.serve, args=(sock,), daemon=True).start()

    def serve(self, sock):
        peer = Peer(self, sock)
        try:
            self.talk(peer)
        except (OSError, ValueError, HungUp):
            pass
        finally:
            peer.lines.close()
            sock.close()

    def answer(self, peer, stage):
        said = self.odd(peer, stage)
        said = USUAL.get(stage, b"250 2.0.0 Ok\r\n") if said is None else said
        peer.send(said)
        return said[:1] in (b"", b"2", b"3")

    def polite(self, peer, greets=True):
        recipients = []
        if greets:
            self.answer(peer, "CONNECT")
        while line := peer.line():
            with self.changed:
                self.said.append(line)
            verb = line.split(b" ")[0].upper().decode()
            if verb in ("HELO", "LHLO"):
                verb = "EHLO"
            took = self.answer(peer, verb)
            if verb == "MAIL":
                recipients = []
            elif verb == "RCPT" and took:
                recipients.append(line.split(b"<", 1)[1].split(b">")[0].decode())
            elif verb == "DATA" and took:
                body = peer.data()
                with self.changed:
                    self.mails.append((recipients, body))
                    self.changed.notify_all()
                self.answer(peer, "DOT")
            elif verb == "QUIT":
                return

    def wait(self, condition, seconds=20):
        """Until condition() is true of what this hop saw."""
        with self.changed:
            if not self.changed.wait_for(condition, seconds):
                raise AssertionError(f"{len(self.mails)} mails, {self.connections} connections; "
                                     f"{self.said[-20:]}")

    def wait_mails(self, count, seconds=20):
        self.wait(lambda: len(self.mails) >= count, seconds)
        return list(self.mails)

    def close(self):
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def slowly(peer, data, seconds=0.0):
    """Byte by byte, each in a segment of its own."""
    for i in range(len(data)):
        peer.send(data[i:i + 1])
        time.sleep(seconds)
