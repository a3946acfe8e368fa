#!/usr/bin/env python3
"""Runs the cases of a suite that uses strangers' programs, the real clock and whatever else the machine is doing.

usage: cases.py SUITE [--jobs N] [--timeout SECONDS] [--repeat N] NAME=COMMAND...
Each case is a command line. With --jobs, N cases run at a time. Without, as many as there are processors, and while these
cases leave a processor idle for half of the time (most wait), one more each second, up to four for a processor.
A case that fails runs again alone when the others are through, twice at most. If it passes then it is UNSTABLE: printed as
such, with the logs of all its tries in build/unstable/SUITE/CASE/. A case that fails three times has failed. One that ends
with 77 cannot run here, for the reason that it prints: it is LEFT OUT, and a line of build/left-out. --repeat gives each case
so many runs, each of which must pass in this way.
Prints one line for each case, with its time and the processor time of its processes, and what it printed; in the end
"N passed, N unstable, N failed", with those left out if there are any.
exit: 0 none failed, 1 one failed, 2 wrong usage, 143 stopped by a signal (the cases are stopped too and clean up)
"""
import argparse
import collections
import os
import pathlib
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time

TRIES = 3
LEFT_OUT = 77  # as automake's tests say it
CLEAN_UP = 20  # seconds for a case to clean up after it was told to end
LOOK = 0.1  # seconds between two looks at the cases that run
MEASURE = 1  # seconds over which their processor time is measured
PROCESSORS = len(os.sched_getaffinity(0))
BUILD = pathlib.Path(__file__).resolve().parents[2] / "build"
UNSTABLE = BUILD / "unstable"


class Result:
    def __init__(self, code, seconds, cpu, output):
        self.passed = code == 0
        self.left_out = code == LEFT_OUT
        self.seconds = seconds
        self.cpu = cpu
        self.text = output if self.passed or self.left_out else output + f"(exit code {code})\n"


class Case:
    """A case that runs: the first process of a session, in which those that it starts stay."""

    def __init__(self, name, command):
        self.name, self.command = name, command
        self.begin = time.monotonic()
        self.end_by = None  # when it is killed, after it was told to end
        self.why = ""
        self.output = tempfile.TemporaryFile()
        process = subprocess.Popen(
            shlex.split(command), stdin=subprocess.DEVNULL, stdout=self.output, stderr=subprocess.STDOUT, start_new_session=True
        )
        process.returncode = 0  # it is waited for here, not by that object
        self.pid = process.pid

    def tell_to_end(self, why):
        if self.end_by is None:
            self.why, self.end_by = why, time.monotonic() + CLEAN_UP
            os.kill(self.pid, signal.SIGTERM)

    def poll(self, timeout):
        """Its result when it has ended."""
        now = time.monotonic()
        pid, status, usage = os.wait4(self.pid, os.WNOHANG)
        if pid != 0:
            self.output.seek(0)
            text = self.output.read().decode(errors="replace") + self.why
            self.output.close()
            code = os.waitstatus_to_exitcode(status)
            return Result(code or (1 if self.why else 0), now - self.begin, usage.ru_utime + usage.ru_stime, text)
        if self.end_by is not None and now > self.end_by:
            os.kill(self.pid, signal.SIGKILL)
        elif now > self.begin + timeout:
            self.tell_to_end(f"stopped after {timeout} s\n")
        return None


class Meter:
    """How many processors the cases keep busy, by the processor time of all processes of their sessions."""

    def __init__(self):
        self.at, self.seen, self.busy = time.monotonic(), {}, float(PROCESSORS)

    @staticmethod
    def seconds(sessions):
        """Processor time of each session; of processes that ended when somebody has waited for them."""
        ticks = dict.fromkeys(sessions, 0)
        for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = stat.read_text(errors="replace").rsplit(")", 1)[1].split()
            except OSError:  # it has just ended
                continue
            if (session := int(fields[3])) in ticks:
                ticks[session] += sum(map(int, fields[11:15]))
        return {session: count / os.sysconf("SC_CLK_TCK") for session, count in ticks.items()}

    def look(self, sessions):
        """True when a new measurement is there."""
        now = time.monotonic()
        if now < self.at + MEASURE:
            return False
        seen = self.seconds(sessions)
        used = sum(max(0, value - self.seen.get(session, 0)) for session, value in seen.items())
        self.busy, self.seen, self.at = used / (now - self.at), seen, now
        return True


def has_room(running, busy, processors=PROCESSORS):
    """Whether one more case may begin beside so many that keep so many processors busy."""
    return running < processors or (running < 4 * processors and busy <= processors - 0.5)


class Runner:
    def __init__(self, timeout):
        self.timeout = timeout
        self.running = []
        self.stopping = False

    def run_all(self, cases, jobs=None):
        """Yields each case (name, command) with its result, as they end."""
        waiting, meter, fresh = collections.deque(cases), Meter(), False
        while (waiting and not self.stopping) or self.running:
            while waiting and not self.stopping and self.may_begin(jobs, meter, fresh):
                fresh = False
                self.running.append(Case(*waiting.popleft()))
            time.sleep(LOOK)
            for case in list(self.running):
                if (result := case.poll(self.timeout)) is not None:
                    self.running.remove(case)
                    yield case.name, case.command, result
            fresh = meter.look([case.pid for case in self.running]) or fresh

    def may_begin(self, jobs, meter, fresh):
        if jobs is not None:
            return len(self.running) < jobs
        # Each measurement lets in one case: what the one before takes must show first.
        return has_room(len(self.running), meter.busy if fresh else PROCESSORS)

    def run(self, name, command):
        for _, _, result in self.run_all([(name, command)], 1):
            return result
        return Result(143, 0, 0, "stopped\n")

    def stop(self, *_):
        self.stopping = True
        for case in self.running:
            case.tell_to_end("stopped\n")


def show(word, name, result, more=""):
    print(f"{word} {name} ({result.seconds:.1f} s, {result.cpu:.1f} s CPU){more}", flush=True)
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
        results.append(runner.run(name, command))
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
    for name, command, result in runner.run_all(cases, jobs):
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
    parser.add_argument("--jobs", type=int)
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
    failed = run_suite(runner, options.suite, cases, options.jobs)
    if runner.stopping:
        return 143
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
