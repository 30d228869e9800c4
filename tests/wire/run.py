#!/usr/bin/env python3
"""Runs the tests of this folder against the real binary: run.py [--io uring|epoll] [name part ...].

Every function test_* of every test_*.py is one test, named file.function. Each gets no arguments and
fails by raising. Ends with 'N passed, N failed'.
"""

import argparse
import importlib
import os
import sys
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--io", default=os.environ.get("RINGPOST_IO", "auto"))
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    os.environ["RINGPOST_IO"] = options.io
    sys.path.insert(0, HERE)
    passed, failed, skipped = 0, [], 0
    for file in sorted(os.listdir(HERE)):
        if not file.startswith("test_") or not file.endswith(".py"):
            continue
        module = importlib.import_module(file[:-3])
        for name, test in list(vars(module).items()):
            full = f"{file[5:-3]}.{name[5:]}"
            if not name.startswith("test_") or not callable(test):
                continue
            if options.names and not any(part in full for part in options.names):
                continue
            if getattr(test, "once", False) and options.io == "epoll" and not options.names:
                skipped += 1  # says nothing about the reactor; it ran with the other one
                continue
            began = time.monotonic()
            try:
                test()
            except Exception:
                failed.append(full)
                print(f"FAIL {full} ({options.io})")
                traceback.print_exc(limit=8)
            else:
                passed += 1
                print(f"ok   {full} ({options.io}) {time.monotonic() - began:.1f} s", flush=True)
    print(f"{passed} passed, {len(failed)} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
