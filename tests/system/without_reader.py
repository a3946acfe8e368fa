#!/usr/bin/env python3
"""Runs a command whose standard output goes nowhere, and ends with its exit code.

usage: without_reader.py full|pipe|closed COMMAND...
  full    /dev/full: each write fails for lack of room
  pipe    a pipe that nobody reads
  closed  descriptors 0, 1 and 2 are closed; what it says on stderr is lost, too
"""
import os
import sys

kind, command = sys.argv[1], sys.argv[2:]
if kind == "full":
    os.dup2(os.open("/dev/full", os.O_WRONLY), 1)
elif kind == "pipe":
    reader, writer = os.pipe()
    os.close(reader)
    os.dup2(writer, 1)
    os.close(writer)
elif kind == "closed":
    for descriptor in (0, 1, 2):
        os.close(descriptor)
else:
    sys.exit(__doc__)
# Python ignores SIGPIPE, and a program that is started inherits that: as from a shell it is not ignored.
import signal

signal.signal(signal.SIGPIPE, signal.SIG_DFL)
os.execvp(command[0], command)
