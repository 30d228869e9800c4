"""A next hop that writes down what it gets: a small SMTP server with faults on demand."""

import socket
import threading


class Sink:
    """`rules` answers a command in place of the usual reply: a function of (verb, argument) that
    returns a line, None for the usual one, or "drop" to hang up."""

    def __init__(self, port=0, rules=None, ehlo=("PIPELINING", "8BITMIME", "DSN", "SMTPUTF8")):
        self.rules = rules or (lambda verb, argument: None)
        self.ehlo = ehlo
        self.mails = []  # (sender, [recipients], bytes)
        self.commands = []
        self.connections = 0
        self.lock = threading.Lock()
        self.changed = threading.Condition(self.lock)
        self.socket = socket.create_server(("127.0.0.1", port), backlog=128, reuse_port=False)
        self.port = self.socket.getsockname()[1]
        self.open = True
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while self.open:
            try:
                peer, _ = self.socket.accept()
            except OSError:
                return
            with self.lock:
                self.connections += 1
            threading.Thread(target=self.serve, args=(peer,), daemon=True).start()

    def serve(self, peer):
        try:
            self.talk(peer)
        except (OSError, ValueError):
            pass
        finally:
            peer.close()

    def answer(self, peer, verb, argument, usual):
        with self.lock:
            self.commands.append(f"{verb} {argument}".strip())
        special = self.rules(verb, argument)
        if special == "drop":
            raise OSError("dropped")
        line = special or usual
        peer.sendall(line.encode() + b"\r\n")
        return line[0] in "23"

    def talk(self, peer):
        lines = peer.makefile("rb")
        sender, recipients = None, []
        if not self.answer(peer, "CONNECT", "", "220 sink ESMTP"):
            return
        for line in lines:
            verb, _, argument = line.decode().strip().partition(" ")
            verb = verb.upper()
            if verb == "EHLO":
                self.answer(peer, verb, argument,
                            "\r\n".join([f"250-{word}" for word in ("sink", *self.ehlo)]) +
                            "\r\n250 ENHANCEDSTATUSCODES")
            elif verb == "MAIL":
                if self.answer(peer, verb, argument, "250 2.1.0 Ok"):
                    sender, recipients = argument.split("<", 1)[1].split(">")[0], []
            elif verb == "RCPT":
                if self.answer(peer, verb, argument, "250 2.1.5 Ok"):
                    recipients.append(argument.split("<", 1)[1].split(">")[0])
            elif verb == "DATA":
                if not recipients:
                    peer.sendall(b"554 5.5.1 no valid recipients\r\n")
                elif self.answer(peer, verb, "", "354 go"):
                    self.data(peer, lines, sender, recipients)
                recipients = []
            elif verb == "QUIT":
                self.answer(peer, verb, "", "221 2.0.0 Bye")
                return
            else:
                self.answer(peer, verb, argument, "250 2.0.0 Ok")

    def data(self, peer, lines, sender, recipients):
        body = []
        for line in lines:
            if line == b".\r\n":
                break
            body.append(line[1:] if line.startswith(b".") else line)
        else:
            return
        if self.answer(peer, "DOT", "", "250 2.0.0 Ok: queued as SINK"):
            with self.changed:
                self.mails.append((sender, list(recipients), b"".join(body)))
                self.changed.notify_all()

    def wait(self, count, seconds=20):
        with self.changed:
            if not self.changed.wait_for(lambda: len(self.mails) >= count, seconds):
                raise AssertionError(f"{len(self.mails)} of {count} mails: {self.commands[-20:]}")
            return list(self.mails)

    def close(self):
        self.open = False
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
