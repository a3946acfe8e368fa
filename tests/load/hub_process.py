"""A hub of its own for a load test, what it uses, and the probe beside it."""
import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from hub_client import Http, tls_context

HOST = "127.0.0.1"
JOIN_USES = 1000


class Hub:
    def __init__(self, folder):
        self.program = os.environ["BAMGATE"]
        self.folder, self.tls, self.process = Path(folder), tls_context(), None
        with socket.socket() as probe:
            probe.bind((HOST, 0))
            self.port = probe.getsockname()[1]

    def http(self, source=None):
        return Http(HOST, self.port, self.tls, source)

    async def start(self):
        url = f"https://{HOST}:{self.port}"
        self.process = subprocess.Popen(
            [self.program, "hub", "--listen", f"{HOST}:{self.port}", "--data", self.folder / "hub", "--stun", "off",
             "--public-url", url], stdout=subprocess.DEVNULL, stderr=(self.folder / "hub.log").open("ab"))
        end = time.monotonic() + 30
        while time.monotonic() < end:
            http = self.http()
            try:
                await http.request("GET", "/status")
                return
            except OSError:
                await asyncio.sleep(0.05)
            finally:
                http.close()
        sys.exit("the hub does not answer")

    def join_token(self):
        made = subprocess.run([self.program, "hub", "token", "--data", self.folder / "hub", "--uses", str(JOIN_USES)],
                              capture_output=True, text=True, check=True)
        return made.stdout.split("#token=")[1].split(",")[0]

    def is_running(self):
        return self.process is not None and self.process.poll() is None

    def rss(self):
        """Resident memory in bytes."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) * 1024

    def cpu(self):
        """Seconds of processor time since its start."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def stop(self):
        if self.is_running():
            self.process.send_signal(signal.SIGKILL)
        if self.process is not None:
            self.process.wait()


class Probe:
    """probe.py in a process of its own."""

    def __init__(self, hub, token):
        self.results = hub.folder / "probe.json"
        self.process = subprocess.Popen(
            [sys.executable, Path(__file__).parent / "probe.py", HOST, str(hub.port), token, self.results],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if self.process.stdout.readline() != "begun\n":
            sys.exit("the probe does not begin")

    def end(self):
        """All round trips: when each began and how long it took; None for one that was lost."""
        self.process.communicate()
        if self.process.returncode != 0:
            sys.exit("the probe failed")
        return [json.loads(line) for line in self.results.read_text().splitlines()]

    def stop(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(len(values) * share))] if values else float("nan")
