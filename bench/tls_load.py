"""What report.py tls asks of each server: handshakes, mail over TLS beside mail in the clear, memory of
connections that idle. Python and openssl are the clients, so ratios count here even more than elsewhere."""

import multiprocessing
import re
import socket
import ssl
import subprocess
import time

CLIENTS = 4


def make_certificate(path):
    """P-256, with its key in the same file."""
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-subj", "/CN=mailserver.local", "-days", "30", "-keyout", f"{path}.key", "-out", f"{path}.crt"],
                   check=True, capture_output=True)
    with open(path, "w") as f:
        for part in (".key", ".crt"):
            with open(path + part) as p:
                f.write(p.read())
    return path


def handshakes(port, resumed, seconds):
    """A second, by CLIENTS programs that do nothing else. TLS 1.2, which all servers here speak."""
    command = ["openssl", "s_time", "-connect", f"127.0.0.1:{port}", "-tls1_2", "-reuse" if resumed else "-new",
               "-time", str(seconds)]
    clients = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
               for _ in range(CLIENTS)]
    rate = 0
    for client in clients:
        for line in client.communicate(timeout=seconds + 60)[0].splitlines():
            found = re.match(r"(\d+) connections in (\d+) real seconds", line)
            if found:
                rate += int(found[1]) / max(1, int(found[2]))
    return rate


def context():
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    c.check_hostname = False
    c.verify_mode = ssl.CERT_NONE
    return c


def connect(port, tls):
    s = socket.create_connection(("127.0.0.1", port))
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return context().wrap_socket(s) if tls else s


def send(port, tls, recipient, count, message, ready, go):
    s = connect(port, False)
    assert s.recv(1000)[:3] == b"220"
    if tls:
        s.sendall(b"STARTTLS\r\n")
        assert s.recv(1000)[:3] == b"220"
        s = context().wrap_socket(s)
    f = s.makefile("rb")
    s.sendall(b"HELO load.example.com\r\n")
    f.readline()
    ready.release()
    go.acquire()
    envelope = b"MAIL FROM:<load@example.com>\r\nRCPT TO:<%s>\r\nDATA\r\n" % recipient.encode()
    for _ in range(count):
        s.sendall(envelope)
        assert [f.readline()[:3] for _ in range(3)] == [b"250", b"250", b"354"]
        s.sendall(message + b".\r\n")
        assert f.readline()[:3] == b"250"


def ingest(port, tls, recipient, count, message, cpu_s):
    """(messages a second, microseconds of the server's processors for each)"""
    ready, go = multiprocessing.Semaphore(0), multiprocessing.Semaphore(0)
    senders = [multiprocessing.Process(target=send, args=(port, tls, recipient, count // CLIENTS, message, ready, go))
               for _ in range(CLIENTS)]
    for p in senders:
        p.start()
    for _ in senders:
        ready.acquire()
    began, cpu = time.monotonic(), cpu_s()
    for _ in senders:
        go.release()
    for p in senders:
        p.join()
        assert p.exitcode == 0
    return count / (time.monotonic() - began), (cpu_s() - cpu) / count * 1e6


def idle(port, tls, count, own_kib):
    """KiB that each of `count` connections holds that logged in, selected and then said nothing."""
    before, open_ones = own_kib(), []
    for _ in range(count):
        s = connect(port, tls)
        f = s.makefile("rb")
        f.readline()
        for tag, command in ((b"a", b"LOGIN vagrant password"), (b"b", b"SELECT INBOX")):
            s.sendall(b"%s %s\r\n" % (tag, command))
            while not f.readline().startswith(tag + b" "):
                pass
        open_ones.append((s, f))
    time.sleep(7)  # a connection gives its buffers back after five seconds
    return (own_kib() - before) / count
