"""kill -9 of the server, and of its next hop, in every phase of delivering a mail: nothing is lost, and
a mail comes twice only when it was cut off behind its final dot (RFC 5321 6.1). Each mail has a name,
and the hop writes down every dot that it saw."""

import os
import random
import smtplib
import threading
import time

from gateway import Gateway, free_port
from hop import STAGES, Hop, HungUp
from test_relay import relay

# 20 by default, divided among what is killed and the reactors; RINGPOST_KILL_CYCLES=2000 for a night.
CYCLES = int(os.environ.get("RINGPOST_KILL_CYCLES", "20"))
PHASES = (*STAGES, "BODY", "QUIT")


class Ledger:
    """What was promised to senders, and how often each mail's dot came to the hop."""

    def __init__(self):
        self.promised, self.lock = [], threading.Lock()
        self.dots = {}       # recipient: [time of each dot]
        self.answered = {}   # recipient: how often the hop answered 250
        self.kills = []      # times

    def send(self, g, count):
        with smtplib.SMTP("127.0.0.1", g.smtp_port, timeout=20) as client:
            for _ in range(count):
                name = f"u{len(self.promised)}@a.example"
                client.sendmail("ann@mailserver.local", [name], "Subject: x\r\n\r\n" + "body\r\n" * 50)
                self.promised.append(name)

    def dot(self, names):
        with self.lock:
            for name in names:
                self.dots.setdefault(name, []).append(time.monotonic())

    def missing(self):
        return [name for name in self.promised if not self.answered.get(name)]

    def check(self):
        """How many came more than once; each of them because a kill came behind its dot."""
        assert not self.missing(), f"lost: {self.missing()[:20]} of {len(self.promised)}"
        twice = {name: dots for name, dots in self.dots.items() if len(dots) > 1}
        for name, dots in twice.items():
            for early in dots[:-1]:
                assert any(early <= kill + 0.05 and kill - early < 2 for kill in self.kills), \
                    f"{name} came {len(dots)} times: {dots}, kills: {self.kills}"
        return len(twice)


class Recorder(Hop):
    """The recording hop. `at(phase)` is called at each phase of each connection, on its thread."""

    def __init__(self, ledger, at, port=0):
        self.ledger, self.at = ledger, at
        super().__init__(talk=self.record, port=port)

    def answer(self, peer, stage):
        self.at(stage)
        return super().answer(peer, stage)

    def record(self, peer):
        names = []
        self.answer(peer, "CONNECT")
        while line := peer.line():
            verb = line.split(b" ")[0].upper().decode()
            if verb == "RCPT":
                names.append(line.split(b"<", 1)[1].split(b">")[0].decode())
            took = self.answer(peer, verb)
            if verb == "MAIL":
                names = []
            elif verb == "DATA" and took:
                peer.line()
                self.at("BODY")
                peer.data()
                self.ledger.dot(names)
                self.answer(peer, "DOT")
                with self.ledger.lock:
                    for name in names:
                        self.ledger.answered[name] = self.ledger.answered.get(name, 0) + 1
            elif verb == "QUIT":
                return


def settle(ledger, seconds=30):
    until = time.monotonic() + seconds
    while ledger.missing() and time.monotonic() < until:
        time.sleep(0.05)


def test_server_killed_in_each_phase():
    ledger, armed, killed = Ledger(), [], threading.Event()

    def at(phase):
        with ledger.lock:
            if armed != [phase]:
                return
            armed.clear()
        g.process.kill()  # before the answer
        g.process.wait()
        with ledger.lock:
            ledger.kills.append(time.monotonic())
        killed.set()
        raise HungUp

    with Recorder(ledger, at) as hop, relay(hop.port, minimal_backoff_time="1s", maximal_backoff_time="1s",
                                            smtp_connection_cache_time_limit="0s") as g:
        for cycle in range(max(CYCLES * 2 // 5, len(PHASES))):
            phase = PHASES[cycle % len(PHASES)]
            killed.clear()
            with ledger.lock:
                armed.append(phase)
            try:
                ledger.send(g, 5)
            except (OSError, smtplib.SMTPException):
                pass  # not promised
            assert killed.wait(20), phase
            g.kill()
            g.start()
            settle(ledger, 10)
        settle(ledger)
        twice = ledger.check()
        print(f"     {len(ledger.promised)} mails, {len(ledger.kills)} kills, {twice} came twice")


def test_next_hop_killed_in_each_phase():
    """It dies with all its connections and is away for a moment."""
    ledger, armed, died, port = Ledger(), [], threading.Event(), free_port()

    def at(phase):
        with ledger.lock:
            if armed != [phase]:
                return
            armed.clear()
            ledger.kills.append(time.monotonic())
        hop.close()
        died.set()
        raise HungUp  # the peer's connection goes, unanswered

    hop = Recorder(ledger, at, port)
    with relay(port, minimal_backoff_time="1s", maximal_backoff_time="1s",
               smtp_connection_cache_time_limit="0s") as g:
        for cycle in range(max(CYCLES * 2 // 5, len(PHASES))):
            phase = PHASES[cycle % len(PHASES)]
            died.clear()
            with ledger.lock:
                armed.append(phase)
            ledger.send(g, 5)
            assert died.wait(20), phase
            time.sleep(0.1)
            hop = Recorder(ledger, at, port)
            settle(ledger, 10)
        settle(ledger)
        hop.close()
        twice = ledger.check()
        print(f"     {len(ledger.promised)} mails, {len(ledger.kills)} deaths, {twice} came twice")


def test_server_killed_at_any_time():
    """Under load, with several connections: the kill comes when it comes."""
    ledger = Ledger()
    with Recorder(ledger, lambda phase: None) as hop, \
            relay(hop.port, minimal_backoff_time="1s", maximal_backoff_time="1s") as g:
        for _ in range(max(CYCLES // 4, 3)):
            sender = threading.Thread(target=lambda: try_send(ledger, g, 200), daemon=True)
            sender.start()
            time.sleep(random.uniform(0.05, 0.4))
            g.kill()
            ledger.kills.append(time.monotonic())
            sender.join()
            g.start()
        settle(ledger)
        twice = ledger.check()
        print(f"     {len(ledger.promised)} mails, {len(ledger.kills)} kills, {twice} came twice")
        assert twice <= 64 * len(ledger.kills), twice


def try_send(ledger, g, count):
    try:
        ledger.send(g, count)
    except (OSError, smtplib.SMTPException):
        pass


test_next_hop_killed_in_each_phase.once = True  # what dies is not ours
