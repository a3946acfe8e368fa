"""The network of the interop tests: two machines, each a network namespace, joined by a cable that may lose packets.

`us` (192.0.2.1) and `them` (192.0.2.2) hang on veth pairs; in the namespace between them the shaper of the system tests
carries every frame. Nothing reaches a real network, and all of it ends with the process that made it. What is left out:
NATs and several paths, which tests/system and tests/scenario have.
"""
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile

INSIDE = "BAMGATE_INTEROP_INSIDE"
PYTHON = "/usr/bin/python3"  # the one that has Debian's modules


def enter_namespace(script, arguments):
    """Starts `script` again in namespaces of its own; they end, with all that runs there, when it or this ends."""
    for tool in ("unshare", "nsenter", "ip"):
        if shutil.which(tool) is None:
            sys.exit(f"{script.name}: {tool} is missing: run scripts/setup")
    user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    command = ["unshare", *user, "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    with tempfile.TemporaryDirectory(prefix="bamgate-interop.", ignore_cleanup_errors=True) as folder:
        environment = {**os.environ, INSIDE: "1", "TMPDIR": folder, "PYTHONDONTWRITEBYTECODE": "1"}
        child = subprocess.Popen([*command, PYTHON, str(script), *arguments], env=environment)
        try:
            return child.wait()
        finally:
            child.kill()
            child.wait()


class Machine:
    """A network namespace, which a process of its own keeps alive."""

    def __init__(self):
        self.holder = subprocess.Popen(
            ["unshare", "--net", "sh", "-c", "echo ready; exec sleep infinity"], stdout=subprocess.PIPE
        )
        if not self.holder.stdout.readline():
            raise OSError("no network namespace can be made")
        self.ip("link set lo up")

    def command(self, words):
        return ["nsenter", f"--net=/proc/{self.holder.pid}/ns/net", *words]

    def ip(self, text):
        subprocess.run(self.command(["ip", *text.split()]), check=True)

    def stop(self):
        self.holder.kill()
        self.holder.wait()


class Network:
    ADDRESS = {"us": "192.0.2.1", "them": "192.0.2.2"}

    def __init__(self, shaper):
        self.program = str(shaper)
        self.shaper = None
        self.us, self.them, self.between = Machine(), Machine(), Machine()
        for machine, name in ((self.us, "us"), (self.them, "them")):
            self.join(machine, name)
        # Browsers look for the interface of the default route.
        self.us.ip("route add default via 192.0.2.2")
        self.them.ip("route add default via 192.0.2.1")

    def join(self, machine, name):
        """The cable of one machine and, bridged to it, that side of the shaper."""
        machine.ip(f"link add lan type veth peer name {name} netns {self.between.holder.pid}")
        machine.ip(f"address add {self.ADDRESS[name]}/24 dev lan")
        machine.ip("link set lan up")
        for command in (
            f"link add bridge-{name} type bridge forward_delay 0 mcast_snooping 0",
            f"tuntap add mode tap name side-{name}",
            f"link set bridge-{name} up",
            # A burst waits here until the shaper has read it.
            f"link set dev side-{name} txqueuelen 20000 master bridge-{name} up",
            f"link set {name} master bridge-{name} up",
        ):
            self.between.ip(command)

    def lose(self, percent):
        """From now on so many of the packets are lost, each way."""
        self.unplug()
        loss = ["--loss", str(percent)] if percent else []
        command = [self.program, *loss, "side-us", "side-them"]
        self.shaper = subprocess.Popen(self.between.command(command), stdout=subprocess.PIPE, text=True)
        if not self.shaper.stdout.readline().startswith("ready"):
            raise OSError(f"{self.program} does not start")

    def unplug(self):
        if self.shaper:
            self.shaper.terminate()
            self.shaper.wait()
            self.shaper.stdout.close()
            self.shaper = None

    def stop(self):
        self.unplug()
        for machine in (self.us, self.them, self.between):
            machine.stop()
