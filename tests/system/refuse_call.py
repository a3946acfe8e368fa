#!/usr/bin/env python3
"""Runs a command for which the kernel refuses a system call, as another kernel or file system would (seccomp(2)).

usage: refuse_call.py CALL ERRNO COMMAND...      as in: refuse_call.py renameat2 EINVAL bamgate setup …
"""
import ctypes
import errno
import os
import platform
import struct
import sys

CALLS = {"x86_64": {"renameat2": 316, "fchown": 93, "link": 86}, "aarch64": {"renameat2": 276, "fchown": 55, "linkat": 37}}
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
LOAD_WORD, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06  # BPF_LD|BPF_W|BPF_ABS, BPF_JMP|BPF_JEQ|BPF_K, BPF_RET|BPF_K
RET_ALLOW, RET_ERRNO = 0x7FFF0000, 0x00050000


def instruction(code, value, if_true=0, if_false=0):
    return struct.pack("HBBI", code, if_true, if_false, value)


def refuse(call, number):
    program = b"".join(
        [
            instruction(LOAD_WORD, 0),  # the number of the call is the first word
            instruction(JUMP_IF_EQUAL, CALLS[platform.machine()][call], 0, 1),
            instruction(RETURN, RET_ERRNO | number),
            instruction(RETURN, RET_ALLOW),
        ]
    )
    room = ctypes.create_string_buffer(program)
    header = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(room))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 or libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, header, 0, 0) != 0:
        sys.exit("refuse_call: seccomp: " + os.strerror(ctypes.get_errno()))


call, name, *command = sys.argv[1:]
refuse(call, getattr(errno, name))
os.execvp(command[0], command)
