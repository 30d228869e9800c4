"""Nothing acknowledged is ever lost: kill -9 under load, index gone or damaged, disk full."""

import os
import random
import threading
import time

from gateway import Gateway, Talk, read_mail, send_mail
from ledger import Ledger

CYCLES = int(os.environ.get("RINGPOST_KILL_CYCLES", "12"))


def kill_cycle(gateway, ledger, cycle, seen):
    stop = threading.Event()
    senders = [threading.Thread(target=ledger.sender, args=(f"c{cycle}s{n}", stop)) for n in range(12)]
    for thread in senders:
        thread.start()
    time.sleep(random.uniform(0.01, 0.8))
    gateway.kill()
    stop.set()
    for thread in senders:
        thread.join()
    if random.random() < 0.3:  # killed again while it recovers
        gateway.start(wait=False)
        time.sleep(random.uniform(0, 0.1))
        gateway.kill()
    gateway.start()
    wrong, uids = ledger.audit(seen)
    assert not wrong, f"cycle {cycle}: {wrong}"
    return uids


def test_kill_9_under_load():
    seed = int(os.environ.get("RINGPOST_SEED", time.time()))
    random.seed(seed)
    cycle, acknowledged, cut_off = 0, 0, 0
    while cycle < CYCLES:  # a new store now and then: reading everything back takes longer and longer
        with Gateway() as gateway:
            seen, ledger = None, Ledger(gateway)
            while cycle < CYCLES and len(ledger.acknowledged) < 3000:
                try:
                    seen = kill_cycle(gateway, ledger, cycle, seen)
                except AssertionError as wrong:
                    raise AssertionError(f"seed {seed}: {wrong}")
                cycle += 1
        acknowledged += len(ledger.acknowledged)
        cut_off += len(ledger.begun) - len(ledger.acknowledged)
    assert acknowledged > 4 * CYCLES, "the load was too small to say anything"
    print(f"     {cycle} kills, {acknowledged} acknowledged, {cut_off} cut off, 0 lost, damaged, twice or moved")


def fill(gateway, count=200):
    for number in range(count // 20):
        with Talk(gateway.smtp_port) as t:
            t.smtp()
            t.smtp("HELO client.example.com")
            for n in range(20):
                t.smtp(f"MAIL FROM:<n{number}.{n}@example.com>")
                t.smtp("RCPT TO:<vagrant@mailserver.local>")
                t.smtp("DATA")
                t.send(f"Subject: {number} {n}\r\n\r\n" + "text\r\n" * n + ".\r\n")
                assert t.smtp()[0].startswith("250"), number
    with Talk(gateway.imap_port) as t:
        t.line()
        t.imap("a", "LOGIN vagrant password")
        t.imap("b", "SELECT INBOX")
        t.imap("c", r"STORE 1:50 +FLAGS (\Seen $Important)")
        t.imap("d", r"STORE 60:69 +FLAGS (\Deleted)")
        t.imap("e", "EXPUNGE")
        t.imap("f", "LOGOUT")


def uid_validity(gateway):
    with Talk(gateway.imap_port) as t:
        t.line()
        t.imap("a", "LOGIN vagrant password")
        return t.imap("b", "STATUS INBOX (UIDVALIDITY UIDNEXT MESSAGES UNSEEN)")[0]


def index_files(gateway):
    folder = gateway.path("store/idx")
    return [os.path.join(folder, name) for name in os.listdir(folder)]


def index_loss(damage):
    with Gateway() as gateway:
        fill(gateway)
        before, status = read_mail(gateway), uid_validity(gateway)
        assert len(before) == 190
        gateway.stop()
        damage(gateway)
        gateway.start()
        assert read_mail(gateway) == before
        assert uid_validity(gateway) == status
        send_mail(gateway, "Subject: afterwards\r\n\r\nstill alive\r\n")
        after = read_mail(gateway)
        assert after[:-1] == before and after[-1][0] > before[-1][0]


def test_index_deleted_is_rebuilt():
    def damage(gateway):
        for path in index_files(gateway):
            os.unlink(path)
    index_loss(damage)


def test_index_truncated_is_rebuilt():
    def damage(gateway):
        with open(gateway.path("store/idx/data.mdb"), "r+b") as f:
            f.truncate(5000)
    index_loss(damage)


def test_index_overwritten_is_rebuilt():
    def damage(gateway):
        with open(gateway.path("store/idx/data.mdb"), "r+b") as f:
            f.write(os.urandom(3 * 4096))
    index_loss(damage)


def test_double_start_is_refused():
    with Gateway() as first:
        send_mail(first, "Subject: one\r\n\r\n1\r\n")
        second = Gateway(directory=first.directory)
        began = time.monotonic()
        second.start(wait=False)
        assert second.process.wait(timeout=5) != 0
        assert time.monotonic() - began < 2
        second.process = None
        assert len(read_mail(first)) == 1
        send_mail(first, "Subject: two\r\n\r\n2\r\n")
        assert len(read_mail(first)) == 2


def test_stop_and_start_keeps_everything():
    with Gateway() as gateway:
        fill(gateway, 40)
        before = read_mail(gateway)
        for _ in range(3):
            assert gateway.stop() == 0
            gateway.start()
            assert read_mail(gateway) == before


def test_disk_low_refuses_new_mail_and_serves_the_rest():
    with Gateway() as gateway:
        fill(gateway, 40)
        before = read_mail(gateway)
        gateway.stop()
        gateway.write_settings(store_free_min="1024g")
        gateway.start()
        with Talk(gateway.smtp_port) as t:
            t.smtp()
            t.smtp("HELO client.example.com")
            reply = ["250"]
            until = time.monotonic() + 5
            while reply[0].startswith("250") and time.monotonic() < until:
                t.smtp("RSET")
                reply = t.smtp("MAIL FROM:<a@example.com>")
            assert reply[0].startswith("452 4.3.1"), reply
        assert read_mail(gateway) == before
        gateway.stop()
        gateway.write_settings(store_free_min="1m")
        gateway.start()
        send_mail(gateway, "Subject: again\r\n\r\nroom\r\n")
        assert len(read_mail(gateway)) == len(before) + 1
