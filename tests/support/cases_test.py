#!/usr/bin/env python3
"""Facts about cases.py: what fails by chance passes and is told, what fails for good fails."""
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

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

    def test_a_case_without_a_command_is_wrong_usage(self):
        self.assertEqual(self.run_cases("alone")[0], 2)


if __name__ == "__main__":
    unittest.main()
