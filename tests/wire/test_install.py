"""What `meson install` puts where, and what systemd says of the unit."""

import os
import re
import shutil
import subprocess
import tempfile

from gateway import BINARY

BUILD = os.path.dirname(os.path.abspath(BINARY))


def installed(directory):
    subprocess.run(["meson", "install", "-C", BUILD, "--destdir", directory, "--no-rebuild", "--quiet"],
                   check=True, capture_output=True, timeout=60)
    return {os.path.relpath(os.path.join(at, name), directory)
            for at, _, names in os.walk(directory) for name in names}


def find(files, end):
    found = [f for f in files if f.endswith(end)]
    assert len(found) == 1, (end, sorted(files))
    return found[0]


def test_everything_is_put_in_place():
    if not os.path.exists(f"{BUILD}/build.ninja"):
        return
    with tempfile.TemporaryDirectory() as d:
        files = installed(d)
        program = os.path.join(d, find(files, "bin/ringpost"))
        for end in ("man8/ringpost.8", "man5/ringpost.conf.5", "systemd/system/ringpost.service",
                    "systemd/system/ringpost.socket", "sysusers.d/ringpost.conf", "tmpfiles.d/ringpost.conf",
                    "examples/ringpost.conf"):
            find(files, end)
        for name in ("postqueue", "mailq", "postsuper", "postcat", "qshape"):
            link = os.path.join(d, find(files, f"libexec/ringpost/{name}"))
            assert os.readlink(link).endswith("bin/ringpost"), os.readlink(link)
        conf = f"{d}/etc/ringpost/ringpost.conf"
        assert os.stat(conf).st_mode & 0o777 == 0o640
        shown = subprocess.run([program, "config", "-c", conf, "-h", "smtp_listen", "submission_listen",
                                "submissions_listen", "imap_listen", "imaps_listen", "pop3_listen", "pop3s_listen"],
                               capture_output=True, text=True, check=True).stdout.split()
        assert shown == ["*:25", "*:587", "*:465", "*:143", "*:993", "*:110", "*:995"], shown
        with open(os.path.join(d, find(files, "ringpost.socket"))) as f:
            assert {f"*:{p}" for p in re.findall(r"^ListenStream=(\d+)$", f.read(), re.M)} == set(shown)
        with open(os.path.join(d, find(files, "ringpost.service"))) as f:
            assert re.search(r"^ExecStart=/.*/bin/ringpost serve$", f.read(), re.M)

        with open(conf, "a") as f:  # what an administrator wrote stays at the next installation
            f.write("myhostname = mail.example.org\n")
        installed(d)
        assert "mail.example.org" in open(conf).read()


def test_systemd_finds_little_to_expose():
    if not shutil.which("systemd-analyze"):
        print("systemd-analyze is not here: the unit's exposure is not tested")
        return
    if not os.path.exists(f"{BUILD}/build.ninja"):
        return
    with tempfile.TemporaryDirectory() as d:
        unit = os.path.join(d, find(installed(d), "system/ringpost.service"))
        done = subprocess.run(["systemd-analyze", "security", "--offline=yes", "--no-pager", "--threshold=15", unit],
                              capture_output=True, text=True, timeout=60)
        level = re.search(r"Overall exposure level for \S+: ([\d.]+)", done.stdout + done.stderr)
        assert level and float(level[1]) <= 1.5, done.stdout[-500:] + done.stderr


for test in (test_everything_is_put_in_place, test_systemd_finds_little_to_expose):
    test.once = True
del test
