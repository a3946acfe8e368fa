#!/usr/bin/env python3
"""Runs the cases of a suite that uses strangers' programs, the real clock and whatever else the machine is doing.

usage: cases.py SUITE [--jobs N] [--timeout SECONDS] [--repeat N] NAME=COMMAND...
Each case is a command line. Cases run N at a time; one that fails runs again alone when the others are through, twice at
most. If it passes then it is UNSTABLE: printed as such, with the logs of all its tries in build/unstable/SUITE/CASE/. A case
that fails three times has failed. One that ends with 77 cannot run here, for the reason that it prints: it is LEFT OUT, and a
line of build/left-out. --repeat gives each case so many runs, each of which must pass in this way.
Prints one line for each case with what it printed, and "N passed, N unstable, N failed", with those left out if there are any.
exit: 0 none failed, 1 one failed, 2 wrong usage, 143 stopped by a signal (the cases are stopped too and clean up)
"""
import argparse
import concurrent.futures
import pathlib
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time

TRIES = 3
LEFT_OUT = 77  # as automake's tests say it
CLEAN_UP = 20  # seconds for a case to clean up after it was told to end
BUILD = pathlib.Path(__file__).resolve().parents[2] / "build"
UNSTABLE = BUILD / "unstable"


class Result:
    def __init__(self, code, seconds, output):
        self.passed = code == 0
        self.left_out = code == LEFT_OUT
        self.seconds = seconds
        self.text = output if self.passed or self.left_out else output + f"(exit code {code})\n"


class Runner:
    def __init__(self, timeout):
        self.timeout = timeout
        self.lock = threading.Lock()
        self.children = set()
        self.stopping = False

    def run(self, command):
        begin = time.monotonic()
        with self.lock:
            if self.stopping:
                return Result(143, 0, "stopped\n")
            child = subprocess.Popen(
                shlex.split(command),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                start_new_session=True,
            )
            self.children.add(child)
        try:
            output, _ = child.communicate(timeout=self.timeout)
        except subprocess.TimeoutExpired:
            child.terminate()
            output = self.last_words(child) + f"stopped after {self.timeout} s\n"
        with self.lock:
            self.children.discard(child)
        return Result(child.returncode, time.monotonic() - begin, output)

    @staticmethod
    def last_words(child):
        try:
            return child.communicate(timeout=CLEAN_UP)[0]
        except subprocess.TimeoutExpired:
            child.kill()
            return child.communicate()[0]

    def stop(self, *_):
        with self.lock:
            self.stopping = True
            children = list(self.children)
        for child in children:
            child.terminate()
        threading.Timer(CLEAN_UP, lambda: [child.kill() for child in children if child.poll() is None]).start()


def show(word, name, result, more=""):
    print(f"{word} {name} ({result.seconds:.1f} s){more}", flush=True)
    for line in result.text.splitlines():
        print(f"       {line}", flush=True)


def keep(suite, name, results):
    """The folder in which the logs of all tries stand."""
    folder = UNSTABLE / suite / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for number, result in enumerate(results, 1):
        (folder / f"{number}.log").write_text(result.text)
    return folder


def again(runner, suite, name, command, first):
    """Runs a case that failed again, alone. True if it passed."""
    results = [first]
    while len(results) < TRIES and not runner.stopping:
        results.append(runner.run(command))
        if results[-1].passed:
            folder = keep(suite, name, results)
            where = folder.relative_to(UNSTABLE.parents[1])
            show("UNSTABLE", name, results[-1], f", at try {len(results)}; the logs of all tries: {where}")
            return True
        show("fail", name, results[-1], f", try {len(results)} of {TRIES}")
    show("FAIL", name, results[-1], f", {len(results)} times")
    return False


def leave_out(suite, name):
    BUILD.mkdir(exist_ok=True)
    with (BUILD / "left-out").open("a") as lines:
        lines.write(f"{suite} {name}\n")


def run_suite(runner, suite, cases, jobs):
    passed = unstable = failed = left_out = 0
    failures = []
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        runs = {pool.submit(runner.run, command): (name, command) for name, command in cases}
        for done in concurrent.futures.as_completed(runs):
            name, command = runs[done]
            result = done.result()
            if result.passed:
                passed += 1
                show("ok  ", name, result)
            elif result.left_out:
                left_out += 1
                leave_out(suite, name)
                show("LEFT OUT", name, result)
            else:
                failures.append((name, command, result))
                show("fail", name, result, f", try 1 of {TRIES}: again alone later")
    for name, command, result in failures:
        if again(runner, suite, name, command, result):
            unstable += 1
        else:
            failed += 1
    print(f"{suite}: {passed} passed, {unstable} unstable, {failed} failed" + (f", {left_out} LEFT OUT" if left_out else ""), flush=True)
    return failed


def main():
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("suite")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--timeout", type=int, default=1200)
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("cases", nargs="+")
    if "-h" in sys.argv or "--help" in sys.argv:
        print(__doc__.strip())
        return 0
    options = parser.parse_args()
    cases = []
    for entry in options.cases:
        name, equals, command = entry.partition("=")
        if not (name and equals and command):
            parser.error(f"a case is NAME=COMMAND, not '{entry}'")
        numbers = range(1, options.repeat + 1)
        cases += [(name if options.repeat == 1 else f"{name}.{number}", command) for number in numbers]
    runner = Runner(options.timeout)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, runner.stop)
    failed = run_suite(runner, options.suite, cases, max(1, options.jobs))
    if runner.stopping:
        return 143
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
