#!/usr/bin/python3
"""Chromium without a window as the other side of a test, steered by lines of JSON.

usage: chromium_peer.py offer|answer hidden|open
Commands and events are those of aiortc_peer.py; page.html does the work, and this program carries both between the page
and its own input and output. `hidden`: the browser hides its addresses behind mDNS names, as it does by default.
"""
import http.server
import json
import os
import pathlib
import queue
import shutil
import signal
import subprocess
import sys
import tempfile
import threading

HERE = pathlib.Path(__file__).resolve().parent
# How long a command may be waited for; longer than any test.
PATIENCE = 300

FLAGS = [
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

commands = queue.Queue()


class Handler(http.server.BaseHTTPRequestHandler):
    def reply(self, kind, body):
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        if self.path == "/command":
            self.reply("application/json", commands.get(timeout=PATIENCE))
        else:
            self.reply("text/html", (HERE / "page.html").read_bytes())

    def do_POST(self):
        event = self.rfile.read(int(self.headers["Content-Length"]))
        print(json.dumps(json.loads(event)), flush=True)
        self.reply("text/plain", b"")

    def log_message(self, *_):
        pass


def stop(browser):
    try:
        os.killpg(browser.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    browser.wait()


def main():
    role, addresses = sys.argv[1:]
    program = shutil.which("chromium")
    if program is None:
        sys.exit("chromium is missing: run scripts/setup")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    flags = list(FLAGS)
    if addresses == "open":
        flags.append("--disable-features=WebRtcHideLocalIpsWithMdns")
    with tempfile.TemporaryDirectory(prefix="bamgate-chromium.", ignore_cleanup_errors=True) as folder:
        browser = subprocess.Popen(
            [program, *flags, f"--user-data-dir={folder}", f"http://127.0.0.1:{server.server_port}/?{role}"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            env={**os.environ, "HOME": folder},
            start_new_session=True,
        )
        # SIGTERM ends this program by way of the finally.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
        try:
            for line in sys.stdin:
                commands.put(line.encode())
        finally:
            stop(browser)


if __name__ == "__main__":
    main()
