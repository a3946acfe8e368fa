"""A peer of an interop test: a child process that reads commands and writes events, a line of JSON each."""
import json
import subprocess
import tempfile
import threading


class Failure(Exception):
    """What went wrong in a case, in a sentence."""


class Program:
    def __init__(self, name, command, events, errors):
        """Events come into the queue `events` as pairs (self, event); the last lines of stderr end in `errors`."""
        self.name = name
        self.log = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, text=True, bufsize=1
        )
        self.seen = []
        self.over = False  # its connection has ended, as it said itself
        self.errors = errors
        self.reader = threading.Thread(target=self.read, args=(events,), daemon=True)
        self.reader.start()

    def read(self, events):
        for line in self.process.stdout:
            events.put((self, json.loads(line)))
        events.put((self, {"event": "ended"}))

    def tell(self, what, **command):
        try:
            self.process.stdin.write(json.dumps({"do": what, **command}) + "\n")
        except BrokenPipeError:
            pass  # its end is an event

    def find(self, kind, label=None):
        matches = (event for event in self.seen if event["event"] == kind and event.get("label") == label)
        return next(matches, None)

    def latest(self, kind):
        return next(event for event in reversed(self.seen) if event["event"] == kind)

    def count(self, kind):
        return sum(event["event"] == kind for event in self.seen)

    def take(self, kind, label=None):
        """The same, and it is not found again."""
        event = self.find(kind, label)
        if event:
            self.seen.remove(event)
        return event

    def stop(self):
        for step in (self.process.stdin.close, self.process.terminate):
            try:
                step()
            except OSError:
                pass
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.seek(0)
        self.errors[self.name] = self.log.read().decode(errors="replace").splitlines()
        self.log.close()
