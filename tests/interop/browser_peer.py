#!/usr/bin/python3
"""A browser without a window as the other side of a test, steered by lines of JSON.

usage: browser_peer.py chromium|firefox offer|answer hidden|open [RELAY]
Commands and events are those of aiortc_peer.py; page.html does the work, and this program carries both between the page
and its own input and output. `hidden`: the browser hides its addresses behind mDNS names, as it does by default. RELAY: the address of a TURN server
with the account me:secret; the browser then uses nothing but relayed addresses there.
"""
import http.server
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import threading

HERE = pathlib.Path(__file__).resolve().parent
PROGRAMS = {"chromium": "chromium", "firefox": "firefox-esr"}

CHROMIUM_FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

# What a fresh profile would otherwise ask the world for, or show instead of the page.
FIREFOX_PREFERENCES = {
    "app.normandy.enabled": False,
    "app.update.enabled": False,
    "browser.aboutwelcome.enabled": False,
    "browser.safebrowsing.malware.enabled": False,
    "browser.safebrowsing.phishing.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "browser.startup.homepage_override.mstone": "ignore",
    "datareporting.policy.dataSubmissionEnabled": False,
    "dom.push.connection.enabled": False,
    "extensions.update.enabled": False,
    "media.gmp-manager.updateEnabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    # It takes the settling of a new interface for a change of network, and then ends requests that wait for an answer,
    # or takes itself for offline, which closes every peer connection.
    "network.manage-offline-status": False,
    "network.notify.changed": False,
    "services.settings.server": "data:,",
    "toolkit.telemetry.enabled": False,
    "toolkit.telemetry.server": "",
}


class Commands:
    """The lines of our input, numbered, so that the page can ask again for one that was lost on its way."""

    def __init__(self):
        self.lines = []
        self.changed = threading.Condition()

    def add(self, line):
        with self.changed:
            self.lines.append(line)
            self.changed.notify_all()

    def get(self, number):
        with self.changed:
            self.changed.wait_for(lambda: number < len(self.lines))
            return self.lines[number]


class Events:
    """The page's events, numbered, so that one that comes twice is told once."""

    def __init__(self):
        self.told = 0
        self.lock = threading.Lock()

    def tell(self, number, event):
        with self.lock:
            if number == self.told:
                print(json.dumps(event), flush=True)
                self.told += 1


commands = Commands()
events = Events()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def reply(self, kind, body):
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def number(self):
        return int(self.path.rsplit("/", 1)[1])

    def do_GET(self):
        if self.path.startswith("/command/"):
            self.reply("application/json", commands.get(self.number()))
        else:
            self.reply("text/html", (HERE / "page.html").read_bytes())

    def do_POST(self):
        event = self.rfile.read(int(self.headers["Content-Length"]))
        events.tell(self.number(), json.loads(event))
        self.reply("text/plain", b"")

    def log_message(self, *_):
        pass


def chromium(program, folder, addresses, page):
    hiding = ["--disable-features=WebRtcHideLocalIpsWithMdns"] if addresses == "open" else []
    return [program, *CHROMIUM_FLAGS, *hiding, f"--user-data-dir={folder}", page]


def firefox(program, folder, addresses, page):
    preferences = {**FIREFOX_PREFERENCES, "media.peerconnection.ice.obfuscate_host_addresses": addresses == "hidden"}
    lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in preferences.items()]
    pathlib.Path(folder, "user.js").write_text("".join(lines))
    return [program, "--headless", "--no-remote", "--profile", folder, page]


def stop(browser):
    try:
        os.killpg(browser.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    browser.wait()


def main():
    kind, role, addresses, *relay = sys.argv[1:]
    page = f"?{role}" + (f"&relay={relay[0]}" if relay else "")
    program = shutil.which(PROGRAMS[kind])
    if program is None:
        sys.exit(f"{PROGRAMS[kind]} is missing: run scripts/setup")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    make = {"chromium": chromium, "firefox": firefox}[kind]
    with tempfile.TemporaryDirectory(prefix=f"bamgate-{kind}.", ignore_cleanup_errors=True) as folder:
        browser = subprocess.Popen(
            make(program, folder, addresses, f"http://127.0.0.1:{server.server_port}/{page}"),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            env={**os.environ, "HOME": folder},
            start_new_session=True,
        )
        # SIGTERM ends this program by way of the finally.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
        try:
            for line in sys.stdin:
                commands.add(line.encode())
        finally:
            stop(browser)


if __name__ == "__main__":
    main()
