#!/usr/bin/env python3
"""Copies the database files of a hub as they are while devices register, and looks whether each copy is whole.

usage: hub_copies.py ADDR:PORT DATA COPIES_FOLDER < JOIN_TOKEN (good for 1,000 devices)
Each copy must open, pass quick_check, hold every device whose registration was answered before the copy began, and give
no address twice. Prints one line; exit 0: so it is. Sends at most 600 registrations, and to that address only.
"""
import base64
import http.client
import json
import os
import shutil
import sqlite3
import ssl
import sys
import threading

COPIES = 50
REGISTRATIONS_BETWEEN = 8
REGISTRATIONS = 600  # 46 KB each in the log: all of them stay below Sqlite::kCheckpointPages
THREADS = 4


class Load:
    def __init__(self, host, port, token):
        self.host, self.port, self.token = host, port, token
        self.answered, self.error = [], None
        self.next = 0
        self.stop = False
        self.changed = threading.Condition()

    def run(self):
        tls = ssl.create_default_context()
        tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
        connection = http.client.HTTPSConnection(self.host, self.port, timeout=20, context=tls)
        try:
            while name := self.take_name():
                key = base64.b64encode(os.urandom(32)).decode()
                body = json.dumps({"join_token": self.token, "device_name": name, "public_key": key})
                connection.request("POST", "/auth/register", body)
                reply = connection.getresponse()
                text = reply.read()
                if reply.status != 200:
                    raise RuntimeError(f"{name}: {reply.status} {text[:200]}")
                with self.changed:
                    self.answered.append(name)
                    self.changed.notify_all()
        except Exception as error:  # reported by the main thread
            with self.changed:
                self.error = error
                self.changed.notify_all()

    def take_name(self):
        with self.changed:
            if self.stop or self.error or self.next == REGISTRATIONS:
                return None
            self.next += 1
            return f"load-{self.next}"

    def wait_for(self, count):
        with self.changed:
            done = self.changed.wait_for(lambda: self.error or len(self.answered) >= count, timeout=60)
            if self.error or not done:
                raise SystemExit(f"the load broke off after {len(self.answered)} registrations: {self.error}")
            return list(self.answered)


def copy(data, to, order):
    os.mkdir(to)
    for name in order:
        shutil.copyfile(os.path.join(data, name), os.path.join(to, name))


def check(folder, answered):
    database = sqlite3.connect(os.path.join(folder, "hub.db"))
    verdict = database.execute("PRAGMA quick_check").fetchone()[0]
    devices = dict(database.execute("SELECT name, host FROM devices WHERE revoked_at IS NULL"))
    database.close()
    missing = [name for name in answered if name not in devices]
    if verdict != "ok":
        return f"quick_check says {verdict}"
    if missing:
        return f"{len(missing)} of {len(answered)} answered registrations are missing, first {missing[0]}"
    if len(set(devices.values())) != len(devices):
        return "an address was given twice"
    return None


def main():
    address, data, folder = sys.argv[1:]
    host, port = address.rsplit(":", 1)
    load = Load(host, int(port), sys.stdin.read().strip())
    threads = [threading.Thread(target=load.run, daemon=True) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    copies = []
    for number in range(COPIES):
        answered = load.wait_for((number + 1) * REGISTRATIONS_BETWEEN)
        to = os.path.join(folder, f"copy-{number}")
        # Either file may be the first: neither order may matter.
        order = ["hub.db", "hub.db-wal"] if number % 2 == 0 else ["hub.db-wal", "hub.db"]
        copy(data, to, order)
        copies.append((to, answered))
    load.stop = True
    for thread in threads:
        thread.join()
    if load.error:
        raise SystemExit(f"a registration failed: {load.error}")
    faults = [f"{os.path.basename(to)}: {fault}" for to, answered in copies if (fault := check(to, answered))]
    if faults:
        raise SystemExit("\n".join(faults))
    print(f"{len(copies)} copies under a load of {len(load.answered)} registrations are whole")


if __name__ == "__main__":
    main()
