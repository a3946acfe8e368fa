"""A hub that a test talks to, and devices that are registered with it."""
import base64
import http.client
import json
import os
import pathlib
import signal
import socket
import ssl
import subprocess
import time

BAMGATE = os.environ.get("BAMGATE", pathlib.Path(__file__).resolve().parents[2] / "build/release/bamgate")
HOST = "127.0.0.1"


class Device:
    """A registered device: what it must say when it joins."""

    def __init__(self, name, key, reply):
        self.name, self.key, self.token = name, key, reply["access_token"]
        self.address, self.address6 = reply["address"], reply["address6"]
        self.turn_secret, self.turn = reply["turn_secret"], reply["turn"]

    def join(self):
        return {
            "type": "join",
            "peerId": self.name,
            "publicKey": self.key,
            "address": self.address,
            "address6": self.address6,
            "routes": [],
            "metadata": {},
        }


class Hub:
    """A hub that runs: how to talk to it. `data` is its folder."""

    def __init__(self, address, data, tls):
        self.address, self.data, self.tls = address, data, tls
        self.host, port = address.rsplit(":", 1)
        self.port = int(port)

    def context(self):
        """Takes the hub's own certificate; whether it is the right one is tested elsewhere."""
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context

    def request(self, method, target, body=None):
        kind = http.client.HTTPSConnection if self.tls else http.client.HTTPConnection
        options = {"context": self.context()} if self.tls else {}
        connection = kind(self.host, self.port, timeout=10, **options)
        try:
            connection.request(method, target, json.dumps(body) if body else None)
            reply = connection.getresponse()
            return reply.status, json.loads(reply.read())
        finally:
            connection.close()

    def answers(self):
        try:
            return self.request("GET", "/status")[0] == 200
        except OSError:
            return False

    def join_string(self):
        command = [str(BAMGATE), "hub", "token", "--data", str(self.data), "--uses", "10"]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    def register(self, name):
        key = base64.b64encode(os.urandom(32)).decode()
        token = self.join_string().split("#token=")[1].split(",")[0]
        body = {"join_token": token, "device_name": name, "public_key": key}
        status, reply = self.request("POST", "/auth/register", body)
        if status != 200:
            raise OSError(f"registration of {name}: {status} {reply}")
        return Device(name, key, reply)


class PlainHub(Hub):
    """A hub of its own on loopback, without TLS."""

    def __init__(self, folder, stun="off"):
        with socket.socket() as probe:
            probe.bind((HOST, 0))
            address = f"{HOST}:{probe.getsockname()[1]}"
        super().__init__(address, pathlib.Path(folder) / "hub", tls=False)
        log = pathlib.Path(folder) / "hub.log"
        command = [str(BAMGATE), "hub", "--listen", address, "--data", str(self.data), "--stun", stun, "--plain-http"]
        with log.open("ab") as output:
            self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=output)
        end = time.monotonic() + 30
        while not self.answers():
            if self.process.poll() is not None or time.monotonic() > end:
                raise OSError("the hub does not answer: " + log.read_text()[-500:])
            time.sleep(0.05)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()
