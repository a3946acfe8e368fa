#!/usr/bin/env python3
"""Kills the hub and the device at every place of registration, refresh and revocation; see crash_sweep.sh.

usage: crash_sweep.py [--all] [OPERATION...]
The operation runs once unharmed, to learn which fault points (src/os/fault_point.h) it passes. Then, for the n-th of them:
SIGKILL there, start the victim again, repeat the step as its user would, and check that nobody is locked out, nothing
acknowledged is lost, no address is given twice, and every file is whole. On loopback, without TUN, so it needs no root.
Behind a statement of SQL and before the next one the disk is the same: that is one place. Of statements in a row every
fourth is taken, and the last; with --all each of them.
"""
import asyncio
import contextlib
import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import tomllib
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "load"))
from hub_client import Device, Http, HubError, tls_context  # noqa: E402

PROGRAM = os.environ["BAMGATE_FAULTS"]
FAILED, NOT_AUTHORISED = 1, 4
STRIDE = 4  # of statements in a row, without --all


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def check(holds, what):
    if not holds:
        raise AssertionError(what)


class Lab:
    """A hub and devices in one folder: alpha and beta are registered, gamma is not."""

    def __init__(self, folder, port):
        self.folder, self.port, self.hub, self.other = Path(folder), port, None, None
        self.armed = self.folder / "armed"

    def at(self, name):
        return self.folder / name

    def start_hub(self, **environment):
        self.hub = subprocess.Popen(
            [PROGRAM, "hub", "--listen", f"127.0.0.1:{self.port}", "--data", self.at("hub"), "--stun", "off",
             "--public-url", f"https://127.0.0.1:{self.port}"],
            env=os.environ | environment, stdout=subprocess.DEVNULL, stderr=self.at("hub.log").open("ab"))

    def hub_answers(self):
        """True as soon as the hub answers, False when it has ended."""
        async def ask():
            http = self.http()
            try:
                return (await http.request("GET", "/status"))[0] == 200
            finally:
                http.close()

        end = time.monotonic() + 20
        while self.hub.poll() is None and time.monotonic() < end:
            with contextlib.suppress(OSError, EOFError):
                if asyncio.run(ask()):
                    return True
            time.sleep(0.01)
        check(self.hub.poll() is not None, "the hub runs, but does not answer")
        return False

    def hub_rests(self):
        """Waits until the hub has nothing to do: what it still did would count as part of the operation."""
        while Path(f"/proc/{self.hub.pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "S":
            time.sleep(0.001)

    def start_other_hub(self):
        port = free_port()
        self.other = subprocess.Popen(
            [PROGRAM, "hub", "--listen", f"127.0.0.1:{port}", "--data", self.at("other"), "--stun", "off",
             "--public-url", f"https://127.0.0.1:{port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        end = time.monotonic() + 20
        while self.bamgate("hub", "devices", "--data", self.at("other")).returncode != 0:
            check(time.monotonic() < end, "the other hub does not start")
            time.sleep(0.05)

    def stop_hub(self):
        if self.other is not None:
            self.other.kill()
            self.other.wait()
            self.other = None
        if self.hub is not None and self.hub.poll() is None:
            self.hub.kill()
        if self.hub is not None:
            self.hub.wait()

    def http(self):
        return Http("127.0.0.1", self.port, tls_context())

    def bamgate(self, *arguments, **environment):
        return subprocess.run([PROGRAM, *map(str, arguments)], env=os.environ | environment, capture_output=True,
                              text=True, timeout=60, check=False)

    def join_string(self, hub="hub"):
        made = self.bamgate("hub", "token", "--data", self.at(hub))
        check(made.returncode == 0, "hub token: " + made.stderr)
        return made.stdout.strip()

    def key(self, name):
        return tomllib.loads((self.at(name) / "secrets.toml").read_text())["device"]["private_key"]

    def devices(self, name):
        listed = self.bamgate("devices", "list", "--json", "--config", self.at(name))
        check(listed.returncode == 0, f"{name} is locked out: {listed.stderr}")
        return json.loads(listed.stdout)["devices"]

    async def join_hub(self, name):
        """Connects with what stands in the device's files, as its agent would."""
        config = tomllib.loads((self.at(name) / "config.toml").read_text())
        secrets_file = self.at(name) / "secrets.toml"
        secrets = tomllib.loads(secrets_file.read_text())
        key = subprocess.run([PROGRAM, "pubkey"], input=secrets["device"]["private_key"], capture_output=True, text=True,
                             check=True).stdout.strip()
        device = Device(self.http, config["device"]["name"], key)
        device.id, device.refresh = config["network"]["device_id"], secrets["network"]["refresh_token"]
        device.address, device.address6 = config["device"]["address"], config["device"]["address6"]
        before = device.refresh
        await device.exchange()
        secrets_file.write_text(secrets_file.read_text().replace(before, device.refresh))
        await device.join()
        device.socket.close()


class Operation:
    """What a user does; `check` tells whether it is done, whole and in force."""

    def prepare(self, lab):
        pass

    def killed(self, lab):
        """Right after the device was killed, before anybody repeats anything."""

    def check_all(self, lab):
        self.check(lab)
        check_network(lab)


class FirstStart(Operation):
    name = "first_start"

    def prepare(self, lab):
        shutil.rmtree(lab.at("hub"))

    def check_all(self, lab):
        again = lab.bamgate("setup", "--join", lab.join_string(), "--name", "gamma", "--config", lab.at("gamma"))
        check(again.returncode == 0, f"nobody can join: {again.stderr}")


class Registration(Operation):
    name = "registration"

    def prepare(self, lab):
        self.join = lab.join_string()

    def step(self, lab, **environment):
        return lab.bamgate("setup", "--join", self.join, "--name", "gamma", "--config", lab.at("gamma"), **environment)

    def check(self, lab):
        gammas = [device for device in lab.devices("alpha") if device["device_name"] == "gamma"]
        check(len(gammas) == 1 and not gammas[0]["revoked"], f"gamma is not registered once: {gammas}")
        check(lab.devices("gamma"), "gamma sees nobody")
        asyncio.run(lab.join_hub("gamma"))


class SetupAgain(Operation):
    name = "setup-again"

    def prepare(self, lab):
        self.join, self.key = lab.join_string(), lab.key("alpha")

    def step(self, lab, **environment):
        return lab.bamgate("setup", "--join", self.join, "--config", lab.at("alpha"), **environment)

    def killed(self, lab):
        check(lab.key("alpha") == self.key, "the key is another one")

    def check(self, lab):
        self.killed(lab)
        check(lab.devices("alpha"), "alpha sees nobody")


class AnotherHub(SetupAgain):
    """Whenever it is killed, the device is one of the old hub or of the new one: address and credentials go together."""

    name = "setup-elsewhere"

    def prepare(self, lab):
        lab.start_other_hub()
        self.join, self.key = lab.join_string("other"), lab.key("alpha")

    def killed(self, lab):
        super().killed(lab)
        lab.devices("alpha")

    def check_all(self, lab):
        self.check(lab)
        check([device["device_name"] for device in lab.devices("alpha")] == ["alpha"], "alpha is not at the new hub")
        left = [file.name for file in lab.at("alpha").iterdir() if file.name.endswith((".joined", ".unfinished"))]
        check(not left, f"half of a setup is left: {left}")


class Refresh(Operation):
    name = "refresh"

    def step(self, lab, **environment):
        return lab.bamgate("devices", "list", "--config", lab.at("alpha"), **environment)

    def check(self, lab):
        lab.devices("alpha")


class Revocation(Operation):
    name = "revocation"

    def step(self, lab, **environment):
        done = lab.bamgate("devices", "revoke", "beta", "--yes", "--config", lab.at("alpha"), **environment)
        # Whoever repeats a step of which only the reply was lost learns that there is nobody left to revoke.
        if done.returncode == FAILED and "'beta' was revoked" in done.stderr:
            done.returncode = 0
        return done

    def check(self, lab):
        betas = [device for device in lab.devices("alpha") if device["device_name"] == "beta"]
        check(len(betas) == 1 and betas[0]["revoked"], f"beta is not revoked: {betas}")
        refused = lab.bamgate("devices", "list", "--config", lab.at("beta"))
        check(refused.returncode == NOT_AUTHORISED, f"the revoked beta is not refused: {refused}")
        with contextlib.suppress(HubError):
            asyncio.run(lab.join_hub("beta"))
            raise AssertionError("the revoked beta could join")


def check_database(lab):
    """A copy of the database, taken while nobody has closed it, opens and is whole."""
    copy = lab.at("copy")
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(lab.at("hub"), copy, ignore=shutil.ignore_patterns("hub.sock"))
    for file in copy.glob("*.db"):
        with contextlib.closing(sqlite3.connect(file)) as database:
            verdict = database.execute("PRAGMA integrity_check").fetchone()[0]
        check(verdict == "ok", f"{file.name} is damaged: {verdict}")


def check_network(lab):
    in_use = [device["address"] for device in lab.devices("alpha") if not device["revoked"]]
    check(len(set(in_use)) == len(in_use), f"an address is given twice: {in_use}")
    asyncio.run(lab.join_hub("alpha"))
    for file in lab.folder.glob("*/*.toml"):
        tomllib.loads(file.read_text())
    left = [file for file in lab.folder.glob("*/.*.unfinished") if file.parent != lab.at("copy")]
    check(not left, f"half-written files are left: {left}")
    for file in lab.folder.glob("*/secrets.toml"):
        check(file.stat().st_mode & 0o077 == 0, f"others may read {file}")


def kill_device(lab, operation, n):
    """True when the device was killed."""
    lab.start_hub()
    check(lab.hub_answers(), "the hub does not start")
    operation.prepare(lab)
    first = operation.step(lab, BAMGATE_FAULT=f"any:{n}")
    lab.at("killed").write_text(first.stderr)
    if first.returncode != -signal.SIGKILL:
        check(first.returncode == 0, f"failed unharmed: {first.stderr}")
        return False
    operation.killed(lab)
    again = operation.step(lab)
    check(again.returncode == 0, f"the repeated step failed: {again.stderr}")
    return True


def kill_hub(lab, operation, n):
    """True when the hub was killed."""
    lab.start_hub(BAMGATE_FAULT=f"any:{n}", BAMGATE_FAULT_ARMED=str(lab.armed))
    check(lab.hub_answers(), "the hub does not start")
    operation.prepare(lab)
    lab.hub_rests()
    lab.armed.touch()
    first = operation.step(lab)
    lab.armed.unlink()
    if lab.hub_answers():
        check(first.returncode == 0, f"failed unharmed: {first.stderr}")
        return False
    lab.at("killed").write_text(lab.at("hub.log").read_text())
    check_database(lab)
    lab.start_hub()
    check(lab.hub_answers(), "the hub does not start again")
    if first.returncode == 0:
        operation.check_all(lab)  # what was acknowledged, before anybody repeats anything
    again = operation.step(lab)
    check(again.returncode == 0 or first.returncode == 0, f"the repeated step failed: {again.stderr}")
    return True


def kill_starting_hub(lab, operation, n):
    """The first start on an empty folder: the next start makes a whole hub of whatever is there."""
    operation.prepare(lab)
    lab.start_hub(BAMGATE_FAULT=f"any:{n}")
    killed = not lab.hub_answers()
    if killed:
        lab.at("killed").write_text(lab.at("hub.log").read_text())
        check_database(lab)
    lab.stop_hub()  # it may also be killed right behind the answer that says that it runs
    lab.start_hub()
    check(lab.hub_answers(), "the hub does not start again")
    return killed


def report(lab, what, problem):
    said = [file.read_text() for file in (lab.at("killed"), lab.at("hub.log")) if file.exists()]
    sys.exit("\n".join([f"{what}: {problem}", *said]))


def places_to_kill(passed, stride):
    """Numbers, from 1 on, of the passings that are places of their own."""
    chosen, row = [], 0
    for n, name in enumerate(passed, 1):
        if name == "sql_after" and passed[n:n + 1] == ["sql_before"]:
            continue
        row = row + 1 if name == "sql_before" else 0
        if row % stride == 1 % stride or row == 0 or passed[n:n + 2] != ["sql_after", "sql_before"]:
            chosen.append(n)
    return chosen


def try_once(template, operation, victim, kill, n):
    """Kills at the n-th point, or nowhere when it is 0. What the victim said, and whether it was killed."""
    with tempfile.TemporaryDirectory(prefix="bamgate-crash-") as folder:
        lab = Lab(Path(folder) / "lab", template.port)
        shutil.copytree(template.folder, lab.folder, ignore=shutil.ignore_patterns("hub.sock"))
        try:
            killed = kill(lab, operation, n)
            operation.check_all(lab)
        except (AssertionError, HubError, OSError, subprocess.TimeoutExpired) as problem:
            report(lab, f"{operation.name}, {victim} killed at point {n}", problem)
        finally:
            lab.stop_hub()
        said = lab.at("killed" if lab.at("killed").exists() else "hub.log").read_text()
        return killed, said


def sweep(template, operation, victim, kill, stride):
    """Returns how often each fault point was the last one passed, and how many passings there are."""
    _, said = try_once(template, operation, victim, kill, 0)
    passed = [line.removeprefix("passed ") for line in said.splitlines() if line.startswith("passed ")]
    chosen, places = places_to_kill(passed, stride), Counter()
    for n in chosen:
        killed, said = try_once(template, operation, victim, kill, n)
        if killed:
            places[said.rsplit("killed at ", 1)[1].split()[0]] += 1
    # What the hub still passes behind its last reply may come after the step has ended.
    check(places.total() >= max(1, len(chosen) - 1), f"{operation.name}, {victim}: of {chosen} only {places} were reached")
    return places, len(passed)


def make_template(folder):
    template = Lab(folder, free_port())
    template.folder.mkdir()
    template.start_hub()
    check(template.hub_answers(), "the hub does not start")
    for name in ("alpha", "beta"):
        done = template.bamgate("setup", "--join", template.join_string(), "--name", name, "--config", template.at(name))
        check(done.returncode == 0, done.stderr)
    template.stop_hub()
    return template


def main():
    every = (FirstStart(), Registration(), Refresh(), Revocation(), SetupAgain(), AnotherHub())
    operations = {operation.name: operation for operation in every}
    if sys.argv[1:] == ["--list"]:
        print("\n".join(operations))
        return
    stride = 1 if "--all" in sys.argv else STRIDE
    names = [name for name in sys.argv[1:] if name != "--all"]
    if unknown := set(names) - set(operations):
        sys.exit(f"crash_sweep: there is no operation {', '.join(unknown)}; there are: {', '.join(operations)}")
    sweeps = []
    for name in names or operations:
        if name == FirstStart.name:
            sweeps += [(operations[name], "hub", kill_starting_hub)]
        elif name in (SetupAgain.name, AnotherHub.name):
            sweeps += [(operations[name], "device", kill_device)]
        else:
            sweeps += [(operations[name], "hub", kill_hub), (operations[name], "device", kill_device)]
    with tempfile.TemporaryDirectory(prefix="bamgate-crash-") as folder:
        template = make_template(Path(folder) / "template")
        for operation, victim, kill in sweeps:
            begin = time.monotonic()
            places, passings = sweep(template, operation, victim, kill, stride)
            where = ", ".join(f"{count} {place}" for place, count in places.items())
            seconds = time.monotonic() - begin
            print(f"{operation.name}, {victim} killed: at {places.total()} of {passings} points ({where}), {seconds:.0f} s", flush=True)


main()
