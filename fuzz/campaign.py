#!/usr/bin/env python3
"""Runs many fuzz targets, as many at a time as there are processors, and prints one line for each.

usage: campaign.py PROGRAMS WORK --each SECONDS       every target for so long, from the committed corpus and with a fixed seed:
                                                      the same again for the same code (for CI)
       campaign.py PROGRAMS WORK --long               every target for a million runs, or ten minutes if that comes first;
                                                      then merges
       campaign.py PROGRAMS WORK --minutes MINUTES    half of the time for all alike, half where coverage still grows;
                                                      then merges what was found into fuzz/corpus
PROGRAMS is the folder of the fuzz_* programs, WORK keeps the inputs of this and later runs.
Prints a line whenever a target has had its time or a piece of it: runs and the rest count from the start of the command.
Exit: 0 nothing found, 1 a target crashed (its input stands in fuzz/findings), 2 wrong use, 130 interrupted.
Called by scripts/fuzz, which builds the programs.
"""
import argparse
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import threading
import time

FUZZ = pathlib.Path(__file__).resolve().parent
# What a person can still look through, and a checkout carry (fuzz/README.md).
MOST_FILES = 25
MOST_BYTES = 80 * 1024
LONG_RUNS = 1_000_000
LONG_SECONDS = 600


class Target:
    def __init__(self, name, programs, work, seed=0, most_runs=0):
        """Seed 0: another one for each run. most_runs 0: as many as there is time for."""
        self.name = name
        self.seed = seed
        self.most_runs = most_runs
        self.program = programs / f"fuzz_{name}"
        self.work = work / name
        self.corpus = FUZZ / "corpus" / name
        self.findings = FUZZ / "findings" / name
        self.runs = self.seconds = self.features = self.growth = self.coverage = 0
        self.new = self.crashes = 0
        self.started = False

    def options(self):
        options = ["-timeout=20", "-report_slow_units=20", "-rss_limit_mb=3072", f"-artifact_prefix={self.findings}/",
                   "-print_final_stats=1", f"-seed={self.seed}", *([f"-runs={self.most_runs}"] if self.most_runs else [])]
        dictionary = FUZZ / "dict" / f"{self.name}.dict"
        return options + ([f"-dict={dictionary}"] if dictionary.exists() else [])

    def run(self, seconds, processes):
        """Fuzzes for so long; what is new stays in the work folder."""
        self.work.mkdir(parents=True, exist_ok=True)
        self.findings.mkdir(parents=True, exist_ok=True)
        folders = [str(folder) for folder in (self.work, self.corpus) if folder.is_dir()]
        before = set(self.findings.iterdir())
        log = self.work.parent / f"{self.name}.log"
        begin = time.monotonic()
        with log.open("w", errors="replace") as output:
            process = subprocess.Popen([self.program, *self.options(), f"-max_total_time={seconds}", *folders],
                                       stdout=output, stderr=subprocess.STDOUT, start_new_session=True)
            processes.add(process)
            process.wait()
            processes.discard(process)
        self.read(log.read_text(errors="replace"), time.monotonic() - begin)
        self.crashes += len(set(self.findings.iterdir()) - before)
        if process.returncode > 0 and self.crashes == 0:
            self.crashes = 1  # it did not even start: its log says why
        if self.crashes:
            shutil.copy(log, self.findings / "log.txt")
        elif not any(self.findings.iterdir()):
            self.findings.rmdir()

    def read(self, log, seconds):
        self.seconds += seconds
        self.runs += sum(int(n) for n in re.findall(r"stat::number_of_executed_units: (\d+)", log))
        self.new += sum(int(n) for n in re.findall(r"stat::new_units_added: +(\d+)", log))
        seen = re.findall(r"cov: (\d+) ft: (\d+)", log)
        if seen:
            features = int(seen[-1][1])
            self.growth = features - int(seen[0][1]) if not self.started else features - self.features
            self.coverage, self.features = int(seen[-1][0]), features
        self.started = True

    def merge(self):
        """Keeps the fewest inputs that reach all that was reached, those that reach most first."""
        fresh = self.work.parent / f"{self.name}.merged"
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True)
        folders = [str(folder) for folder in (self.corpus, self.work) if folder.is_dir()]
        subprocess.run([self.program, "-set_cover_merge=1", "-use_counters=0", "-timeout=20", str(fresh), *folders],
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False, start_new_session=True)
        chosen, size = [], 0
        for path in sorted(fresh.iterdir(), key=lambda path: path.stat().st_mtime_ns):
            if len(chosen) < MOST_FILES and size + path.stat().st_size <= MOST_BYTES:
                chosen.append(path)
                size += path.stat().st_size
        if not chosen:
            return
        shutil.rmtree(self.corpus, ignore_errors=True)
        self.corpus.mkdir(parents=True)
        for path in chosen:
            shutil.copy(path, self.corpus / path.name)
        shutil.rmtree(fresh)

    def line(self):
        rate = round(self.runs / max(1, self.seconds))
        return f"{self.name:20} {self.runs:12} {self.seconds:8.0f} {rate:8} {self.coverage:9} {self.new:7} {self.crashes:8}"


def names():
    lines = (FUZZ / "targets").read_text().splitlines()
    return [line.split(" : ")[0] for line in lines if re.match("[a-z]", line)]


def run_all(jobs, processes):
    """Runs pairs of target and seconds, one on each processor, in order."""
    jobs = list(jobs)
    lock = threading.Lock()

    def worker():
        while True:
            with lock:
                if not jobs:
                    return
                target, seconds = jobs.pop(0)
            target.run(seconds, processes)
            print(target.line(), flush=True)

    workers = [threading.Thread(target=worker, daemon=True) for _ in range(os.cpu_count() or 1)]
    for thread in workers:
        thread.start()
    for thread in workers:
        while thread.is_alive():
            thread.join(0.2)


def campaign(targets, minutes, processes):
    total = minutes * 60 * (os.cpu_count() or 1)
    first = max(2, total // 2 // len(targets))
    end = time.monotonic() + minutes * 60
    run_all([(target, first) for target in targets], processes)
    piece = max(2, total // 2 // (3 * len(targets)))
    while time.monotonic() + piece <= end:
        able = [target for target in targets if target.crashes == 0]
        able.sort(key=lambda target: (-target.growth, target.seconds))
        run_all([(target, piece) for target in able[:os.cpu_count() or 1]], processes)
        if not able:
            return


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("programs", type=pathlib.Path)
    parser.add_argument("work", type=pathlib.Path)
    parser.add_argument("--each", type=int)
    parser.add_argument("--minutes", type=int)
    parser.add_argument("--long", action="store_true")
    parser.add_argument("--merge-only", action="store_true")
    given = parser.parse_args()
    if given.each:
        given.work = given.work.with_name("work-each")
        shutil.rmtree(given.work, ignore_errors=True)
    seed, most_runs = 1 if given.each else 0, LONG_RUNS if given.long else 0
    targets = [Target(name, given.programs, given.work, seed, most_runs) for name in names()]
    processes = set()

    def stop(_signal, _frame):
        for process in list(processes):
            process.kill()
        print("fuzz: interrupted; the inputs found so far stay in the work folder", file=sys.stderr)
        os._exit(130)

    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    if not given.merge_only:
        print(f"{'target':20} {'runs':>12} {'seconds':>8} {'exec/s':>8} {'coverage':>9} {'new':>7} {'crashes':>8}", flush=True)
    if given.minutes:
        campaign(targets, given.minutes, processes)
    elif given.each or given.long:
        run_all([(target, given.each or LONG_SECONDS) for target in targets], processes)
    if given.minutes or given.long or given.merge_only:
        for target in targets:
            target.merge()
    found = [target for target in targets if target.crashes]
    for target in found:
        # A checkout in CI is thrown away: the log holds the input, too. Somebody may have dealt with it meanwhile.
        log = target.findings / "log.txt"
        if log.exists():
            print(*log.read_text(errors="replace").splitlines()[-40:], sep="\n", file=sys.stderr)
        print(f"fuzz: {target.name} found something: see fuzz/findings/{target.name}, then fuzz/README.md", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
