#!/usr/bin/env python3
"""Facts about cases.py: what fails by chance passes and is told, what fails for good fails."""
import pathlib
import shlex
import shutil
import subprocess
import sys
import tempfile
import unittest

import cases

HERE = pathlib.Path(__file__).resolve().parent
UNSTABLE = HERE.parents[1] / "build/unstable"
LEFT_OUT = HERE.parents[1] / "build/left-out"
SUITE = "cases-test"


class Cases(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.addCleanup(shutil.rmtree, UNSTABLE / SUITE, ignore_errors=True)
        self.addCleanup(self.forget_left_out)

    def fails_first(self, times):
        """A command that fails so many times and passes then; its runs are lines of `log`."""
        log = pathlib.Path(self.folder.name, "log")
        return f"""sh -c 'echo run >>{log}; echo try $(wc -l <{log}); [ $(wc -l <{log}) -gt {times} ]'"""

    def runs(self):
        return len(pathlib.Path(self.folder.name, "log").read_text().splitlines())

    def left_out(self):
        return LEFT_OUT.read_text().splitlines() if LEFT_OUT.exists() else []

    def forget_left_out(self):
        if others := [line for line in self.left_out() if not line.startswith(SUITE + " ")]:
            LEFT_OUT.write_text("\n".join(others) + "\n")
        else:
            LEFT_OUT.unlink(missing_ok=True)

    def run_cases(self, *arguments):
        command = [sys.executable, str(HERE / "cases.py"), SUITE, *arguments]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
        return done.returncode, done.stdout

    def test_a_case_that_passes_runs_once(self):
        code, said = self.run_cases("right=" + self.fails_first(0))
        self.assertEqual((code, self.runs()), (0, 1))
        self.assertTrue(said.endswith("1 passed, 0 unstable, 0 failed\n"), said)

    def test_a_case_that_fails_twice_is_unstable_and_leaves_all_its_logs(self):
        code, said = self.run_cases("shaky=" + self.fails_first(2))
        self.assertEqual((code, self.runs()), (0, 3))
        self.assertIn("\nUNSTABLE shaky", said)
        self.assertTrue(said.endswith("0 passed, 1 unstable, 0 failed\n"), said)
        logs = {log.name: log.read_text() for log in (UNSTABLE / SUITE / "shaky").iterdir()}
        self.assertEqual(sorted(logs), ["1.log", "2.log", "3.log"])
        self.assertTrue(logs["1.log"].startswith("try 1\n") and logs["3.log"] == "try 3\n", logs)

    def test_a_case_that_fails_three_times_fails(self):
        code, said = self.run_cases("wrong=" + self.fails_first(3), "right=true")
        self.assertEqual((code, self.runs()), (1, 3))
        self.assertTrue(said.endswith("1 passed, 0 unstable, 1 failed\n"), said)
        self.assertFalse((UNSTABLE / SUITE).exists())

    def test_a_case_that_cannot_run_here_is_no_failure_and_is_told(self):
        code, said = self.run_cases("elsewhere=sh -c 'echo no such thing here; exit 77'", "right=true")
        self.assertEqual(code, 0)
        self.assertIn("LEFT OUT elsewhere", said)
        self.assertIn("no such thing here", said)
        self.assertTrue(said.endswith("1 passed, 0 unstable, 0 failed, 1 LEFT OUT\n"), said)
        self.assertIn(f"{SUITE} elsewhere", self.left_out())

    def test_repeated_cases_each_pass_by_themselves(self):
        code, said = self.run_cases("--repeat", "3", "right=" + self.fails_first(0))
        self.assertEqual((code, self.runs()), (0, 3))
        self.assertTrue(said.endswith("3 passed, 0 unstable, 0 failed\n"), said)

    def test_a_case_that_never_ends_is_stopped_and_fails(self):
        code, said = self.run_cases("--timeout", "1", "endless=sleep 1000")
        self.assertEqual(code, 1)
        self.assertIn("stopped after 1 s", said)

    def test_cases_that_wait_run_more_at_a_time_than_there_are_processors(self):
        # Each waits for all others: they pass only when all run at the same time.
        many = cases.PROCESSORS + 2
        meet = f"""touch $1; while [ $(ls | wc -l) -lt {many} ]; do sleep 0.2; done"""
        folder = shlex.quote(self.folder.name)
        code, said = self.run_cases(*(f"{n}=sh -c 'cd {folder}; {meet}' sh {n}" for n in range(many)))
        self.assertEqual(code, 0, said)

    def test_what_keeps_the_processors_busy_has_them_alone(self):
        self.assertTrue(cases.has_room(running=1, busy=2.0, processors=2))
        self.assertFalse(cases.has_room(running=2, busy=1.9, processors=2))
        self.assertTrue(cases.has_room(running=2, busy=1.4, processors=2))
        self.assertFalse(cases.has_room(running=8, busy=0.0, processors=2))

    def test_processor_time_counts_for_the_case_that_took_it(self):
        burn = "import time; end = time.process_time() + 0.5\nwhile time.process_time() < end: pass"
        code, said = self.run_cases(f"busy=sh -c 'python3 -c \"{burn}\"; exit 0'", "idle=sleep 0.5")
        self.assertEqual(code, 0, said)
        taken = {line.split()[1]: float(line.split()[4]) for line in said.splitlines() if line.startswith("ok ")}
        self.assertGreater(taken["busy"], 0.45)
        self.assertLess(taken["idle"], 0.2)

    def test_a_case_without_a_command_is_wrong_usage(self):
        self.assertEqual(self.run_cases("alone")[0], 2)


if __name__ == "__main__":
    unittest.main()
