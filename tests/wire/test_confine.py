"""What the running server can no longer do, seen from outside: who it is, what the kernel says holds
for each of its threads, which files it cannot reach. All other tests of this folder run confined as
well, with `confinement = kill`: a system call that nobody expected would end the server.
"""

import fcntl
import glob
import os
import pwd
import re
import shutil
import socket
import ssl
import subprocess
import tempfile
import time

from gateway import BINARY, OWNER, Gateway, Talk, free_port, give_away, read_mail, send_mail

IS_ROOT = os.geteuid() == 0


def status_of(task):
    with open(f"{task}/status") as f:
        return dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)


def each_thread(gateway):
    tasks = [status_of(t) for t in glob.glob(f"/proc/{gateway.process.pid}/task/*")]
    assert len(tasks) > 5, tasks
    return tasks


def has_landlock(gateway):
    return "Landlock" in gateway.log_line("confined: ")


def assert_serves(gateway):
    before = len(read_mail(gateway))
    send_mail(gateway, "Subject: hi\r\n\r\nx\r\n")
    assert len(read_mail(gateway)) == before + 1


def refuses_to_start(gateway, *words):
    gateway.start(wait=False)
    assert gateway.process.wait(timeout=20) == 1
    for word in words:
        assert word in gateway.stderr(), gateway.stderr()
    gateway.process = None


# ---- who it is, and what it may ----


def test_every_thread_is_mail_owner_without_any_privilege():
    owner = pwd.getpwnam(OWNER)
    with Gateway() as g:
        assert_serves(g)
        for task in each_thread(g):
            assert task["NoNewPrivs"] == "1", task
            assert task["Seccomp"] == "2", task
            for name in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
                assert int(task[name], 16) == 0, (name, task)
            if IS_ROOT:
                assert task["Uid"].split() == [str(owner.pw_uid)] * 4, task
                assert task["Gid"].split() == [str(owner.pw_gid)] * 4, task
                assert task["Groups"].split() == [], task
                assert int(task["CapBnd"], 16) == 0, task
            assert int(task["Umask"], 8) == 0o077, task
        with open(f"/proc/{g.process.pid}/limits") as f:
            assert re.search(r"^Max core file size +0 +0 ", f.read(), re.M)
        line = g.log_line("confined: ")
        assert f"user {OWNER}, no new privileges" in line and "seccomp" in line, line
        if "uring" in g.log_line(" serves "):
            assert "io_uring restricted" in line, line


def test_our_memory_is_nobody_elses():
    with Gateway() as g:
        if IS_ROOT:  # the kernel gives the files of a process that may not be looked into to root
            assert os.stat(f"/proc/{g.process.pid}/mem").st_uid == 0
            looked = subprocess.run(["cat", f"/proc/{g.process.pid}/maps"], user=OWNER, capture_output=True)
            assert looked.returncode != 0


def test_without_confinement_privileges_are_given_up_still():
    with Gateway(confinement="no") as g:
        for task in each_thread(g):
            assert task["Seccomp"] == "0" and task["NoNewPrivs"] == "1" and int(task["CapEff"], 16) == 0, task
            assert not IS_ROOT or task["Uid"].split()[0] == str(pwd.getpwnam(OWNER).pw_uid)
        assert "seccomp" not in g.log_line("confined: ")
        assert_serves(g)


def test_a_start_by_somebody_else_is_confined_as_well():
    if not IS_ROOT:
        return
    g = Gateway(mail_owner="there-is-no-such-user")
    binary = shutil.copy(BINARY, g.path("ringpost"))  # the build may lie where only root can read
    with open(g.path("stderr"), "ab") as errors:
        g.process = subprocess.Popen([binary, "serve", "-c", g.path("ringpost.conf")], stdout=errors,
                                     stderr=errors, stdin=subprocess.DEVNULL, user=OWNER, group="nogroup",
                                     extra_groups=[])
    with g:
        g.wait_ready()
        for task in each_thread(g):
            assert task["Seccomp"] == "2" and task["NoNewPrivs"] == "1" and int(task["CapEff"], 16) == 0, task
        assert_serves(g)


test_a_start_by_somebody_else_is_confined_as_well.once = True


def test_ports_below_1024_are_bound_before():
    if not IS_ROOT:
        return
    for port in range(600, 1000):
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
            except OSError:
                continue
        with Gateway(smtp_listen=f"127.0.0.1:{port}") as g:
            g.smtp_port = port
            assert_serves(g)
        return


def test_an_owner_that_is_missing_is_said_at_the_start():
    if not IS_ROOT:
        return
    g = Gateway(mail_owner="there-is-no-such-user")
    try:
        refuses_to_start(g, "mail_owner", "there-is-no-such-user", "useradd")
        check = subprocess.run([BINARY, "check", "-c", g.path("ringpost.conf")], capture_output=True, text=True)
        assert check.returncode == 1 and "there-is-no-such-user" in check.stderr, check.stderr
    finally:
        shutil.rmtree(g.directory)


def test_root_makes_store_and_log_for_the_owner():
    if not IS_ROOT:
        return
    with tempfile.TemporaryDirectory(prefix="ringpost-root-") as data:
        os.chmod(data, 0o755)  # root's: the owner could make nothing in it
        with Gateway(mail_store_directory=f"{data}/store", maillog_file=f"{data}/log") as g:
            assert_serves(g)
            uid = pwd.getpwnam(OWNER).pw_uid
            assert os.stat(f"{data}/store").st_uid == uid and os.stat(f"{data}/log").st_uid == uid


def test_check_names_what_the_owner_cannot_use():
    if not IS_ROOT:
        return
    with Gateway() as g:
        g.stop()
        conf = g.path("ringpost.conf")
        check = lambda: subprocess.run([BINARY, "check", "-c", conf], capture_output=True, text=True)
        os.chmod(g.path("users"), 0o640)
        assert check().returncode == 0, check().stderr
        shutil.chown(g.path("users"), "root", "root")
        os.chmod(g.path("users"), 0o600)
        assert check().returncode == 1 and "users_file: nobody cannot read" in check().stderr, check().stderr
        give_away(g.path("users"))
        shutil.chown(g.path("store"), "root", "root")
        os.chmod(g.path("store"), 0o700)
        assert check().returncode == 1 and "mail_store_directory" in check().stderr, check().stderr
        give_away(g.path("store"))


# ---- files ----


def test_files_elsewhere_are_out_of_reach():
    with tempfile.TemporaryDirectory(prefix="ringpost-elsewhere-") as elsewhere, Gateway() as g:
        os.chmod(elsewhere, 0o755)
        shutil.copy(g.path("users"), f"{elsewhere}/users")
        os.chmod(f"{elsewhere}/users", 0o644)  # its mode lets everybody read it
        if not has_landlock(g):
            return
        g.write_settings(users_file=f"{elsewhere}/users")
        g.reload()
        assert "Permission denied" in g.log_line(f"{elsewhere}/users")
        g.log_line("the new configuration is refused")
        assert_serves(g)
        g.stop()
        g.start()  # the next start sees the new name, and so it is allowed
        assert_serves(g)


def test_reload_reads_files_that_were_replaced():
    with Gateway() as g:
        with open(g.path("users.new"), "w") as f:
            f.write("zoe@mailserver.local:{PLAIN}password:::::\n")
        os.rename(g.path("users.new"), g.path("users"))
        g.reload()
        g.log_line("the configuration was read again")
        send_mail(g, "Subject: hi\r\n\r\nzoe\r\n", to=["zoe@mailserver.local"])


def test_what_only_root_can_read_is_warned_of():
    if not IS_ROOT:
        return
    g = Gateway()
    shutil.chown(g.path("users"), "root", "root")
    os.chmod(g.path("users"), 0o600)
    with g:  # root read it before it gave up being root
        assert "can be read by root only" in g.log_line("users_file: ")
        g.reload()
        g.log_line("the new configuration is refused")
        assert_serves(g)


def test_users_file_of_root_can_be_read_by_the_server():
    if not IS_ROOT:
        return
    with Gateway() as g:
        os.remove(g.path("users"))
        done = subprocess.run([BINARY, "user", "add", "-c", g.path("ringpost.conf"), "--stdin", "eve"],
                              input="s3cret\n", capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        about = os.stat(g.path("users"))
        assert (about.st_uid, about.st_gid, about.st_mode & 0o777) == (0, pwd.getpwnam(OWNER).pw_gid, 0o640)
        g.reload()
        g.log_line("the configuration was read again")


def test_keys_of_root_are_read_before():
    if not IS_ROOT:
        return
    g = Gateway()
    made = subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                           "-nodes", "-keyout", g.path("key"), "-out", g.path("chain"), "-days", "30", "-subj",
                           "/CN=mailserver.local", "-addext", "subjectAltName=DNS:mailserver.local"],
                          capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
    os.chmod(g.path("key"), 0o600)
    g.write_settings(smtpd_tls_cert_file=g.path("chain"), smtpd_tls_key_file=g.path("key"))
    with g:
        assert "can be read by root only" in g.log_line("smtpd_tls_key_file: ")
        with socket.create_connection(("127.0.0.1", g.imaps_port), timeout=10) as raw:
            context = ssl.create_default_context(cafile=g.path("chain"))
            with context.wrap_socket(raw, server_hostname="mailserver.local") as s:
                assert s.recv(4) == b"* OK"
        g.reload()
        g.log_line("the new configuration is refused")
        shutil.chown(g.path("key"), "root", pwd.getpwnam(OWNER).pw_gid)
        os.chmod(g.path("key"), 0o640)
        g.reload()
        g.log_line("the configuration was read again")


def test_reload_says_what_wants_a_restart():
    with Gateway() as g:
        late = {"workers": "3", "memory_max": "512m", "client_memory_max": "32m", "auth_threads": "3",
                "pop3_output_timeout": "3m", "smtpd_client_connection_rate_limit": "500",
                "smtpd_client_event_limit_exceptions": "127.0.0.1/32", "anvil_rate_time_unit": "2m",
                "store_free_min": "2m"}
        g.write_settings(smtp_listen=f"127.0.0.1:{free_port()}", hopcount_limit="40", ssl="required",
                         auth_mechanisms="plain", pop3_login_delay="5", **late)
        g.reload()
        g.log_line("smtp_listen has changed; that holds from the next start on")
        for name in late:
            g.log_line(f"{name} has changed")
        for name in ("hopcount_limit", "ssl", "auth_mechanisms", "pop3_login_delay"):
            assert f"{name} has changed" not in g.log()
        assert_serves(g)


def test_log_file_is_opened_again_after_it_was_moved():
    with Gateway() as g:
        os.rename(g.path("mail.log"), g.path("mail.log.1"))
        g.process.send_signal(10)  # SIGUSR1
        time.sleep(0.3)
        assert_serves(g)
        g.log_line("removed" if "removed" in g.log() else "status=sent")


# ---- kernels that cannot ----

NO_LANDLOCK = ("strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=landlock_create_ruleset", "-e",
               "inject=landlock_create_ruleset:error=EOPNOTSUPP")


def test_a_kernel_without_landlock_is_warned_of():
    with Gateway(confinement="best-effort") as g:
        g.stop()
        os.remove(g.path("mail.log"))
        g.start(prefix=NO_LANDLOCK)
        assert "warning" in g.log_line("not confined by Landlock")
        line = g.log_line("confined: ")
        assert "Landlock" not in line and "seccomp" in line, line
        assert_serves(g)
        for child in subprocess.run(["pgrep", "-P", str(g.process.pid)], capture_output=True, text=True).stdout.split():
            os.kill(int(child), 15)
        g.process.wait(timeout=20)
        g.process = None


def test_confinement_yes_wants_all_of_it():
    g = Gateway(confinement="yes")
    try:
        g.start(wait=False, prefix=NO_LANDLOCK)
        assert g.process.wait(timeout=20) == 1
        assert "confinement = yes" in g.stderr(), g.stderr()
        g.process = None
    finally:
        g.kill()
        shutil.rmtree(g.directory)


for only_once in (test_a_kernel_without_landlock_is_warned_of, test_confinement_yes_wants_all_of_it):
    only_once.once = True


# ---- systemd's side: sockets that are handed over, words to the supervisor ----


def start_with(gateway, sockets, environment):
    """Starts it as systemd does: listening sockets as descriptors from 3 on."""
    names = ":".join(name for name, _ in sockets)
    high = [fcntl.fcntl(s.fileno(), fcntl.F_DUPFD, 100) for _, s in sockets]  # out of the way

    def move():
        for at, fd in enumerate(high):
            os.dup2(fd, 3 + at)

    errors = open(gateway.path("stderr"), "ab")
    gateway.process = subprocess.Popen(
        ["sh", "-c", 'LISTEN_PID=$$ exec "$0" "$@"', BINARY, "serve", "-c", gateway.path("ringpost.conf")],
        stdin=subprocess.DEVNULL, stdout=errors, stderr=errors, preexec_fn=move,
        pass_fds=range(3, 3 + len(high)),
        env={**os.environ, "LISTEN_FDS": str(len(high)), "LISTEN_FDNAMES": names, **environment})
    errors.close()
    for fd in high:
        os.close(fd)
    gateway.wait_ready()


def listening(port):
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(("127.0.0.1", port))
    s.listen(64)
    return s


def test_sockets_that_are_handed_over_are_used():
    g = Gateway(reactors=2)
    with listening(g.smtp_port) as smtp, listening(g.imap_port) as imap, listening(free_port()) as stray:
        start_with(g, [("smtp", smtp), ("imap", imap), ("stray", stray)], {})
        with g:
            assert_serves(g)
            assert '"stray"' in g.log_line("LISTEN_FDS")
            talks = [Talk(g.smtp_port) for _ in range(20)]
            assert all(t.line().startswith("220 ") for t in talks)
            for t in talks:
                t.close()
            with Talk(g.lmtp_port) as t:  # nobody handed that over: bound by itself
                assert t.line().startswith("220 ")
            g.stop()
            for port in (g.smtp_port, g.imap_port):  # whoever made them has them still
                socket.create_connection(("127.0.0.1", port), timeout=5).close()


def test_supervisor_hears_how_it_is():
    g = Gateway()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as supervisor:
        supervisor.bind(g.path("notify"))
        os.chmod(g.path("notify"), 0o666)
        supervisor.settimeout(10)
        heard = []

        def wait_for(word):
            until = time.monotonic() + 10
            while time.monotonic() < until:
                heard.append(supervisor.recv(4096).decode())
                if word in heard[-1].split("\n"):
                    return
            raise AssertionError((word, heard))

        start_with(g, [], {"NOTIFY_SOCKET": g.path("notify"), "WATCHDOG_USEC": "400000"})
        with g:
            wait_for("READY=1")
            assert any(line.startswith("STATUS=ringpost") for line in heard[-1].split("\n"))
            began = time.monotonic()
            for _ in range(5):
                wait_for("WATCHDOG=1")
            assert 0.5 < time.monotonic() - began < 4
            g.reload()
            wait_for("RELOADING=1")
            assert "MONOTONIC_USEC=" in heard[-1]
            wait_for("READY=1")
            g.process.terminate()
            wait_for("STOPPING=1")
            assert g.process.wait(timeout=20) == 0
            g.process = None
