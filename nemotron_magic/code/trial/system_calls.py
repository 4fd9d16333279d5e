"""System calls: how to make them, and a filter of those that a trial may not make.

The filter is classic BPF, as seccomp(2) says.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
from importlib.resources import files

libc = ctypes.CDLL(None, use_errno=True)
number = ctypes.c_ulong


class GuardError(Exception):
    """A guard of a trial could not be installed: no code may run."""

    def __init__(self, guard: str, code: int = 0) -> None:
        super().__init__(f"{guard}: {os.strerror(code)}" if code else guard)


def system_call(call: int, *arguments: object) -> int:
    """Make a system call; return what it returns, or a negative error number."""
    result = int(libc.syscall(ctypes.c_long(call), *arguments))
    return result if result >= 0 else -ctypes.get_errno()


_TABLE = files(__package__).joinpath("system_calls.txt").read_text("utf-8")
_FORBIDDEN = [line.split() for line in _TABLE.splitlines() if line[0] != "#"]
# Requests that change a file, a terminal or who is signalled, whatever it is open for.
_FORBIDDEN_REQUESTS = {
    (16, 29): (0x5412, 0x541C, 0x8901, 0x8902, 0x40086602, 0x40087602, 0x401C5820),
    (72, 25): (8, 15),  # fcntl: F_SETOWN, F_SETOWN_EX
}
_MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
# Allowed with some arguments: calls with their numbers.
_CLONE, _CLONE3, _SENDTO, _FLOCK = (56, 220), 435, (44, 206), (73, 32)
_PRLIMIT, _TGKILL = (302, 261), (234, 131)
_FUTEX = (202, 98)

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _KILL, _FAIL = 0x7FFF0000, 0x80000000, 0x00050000
_CALL, _ARCHITECTURE = 0, 4  # places in struct seccomp_data
_THREAD, _EXCLUSIVE = 0x10000, 2  # CLONE_THREAD, LOCK_EX
_X32 = 0x40000000
_NO_NEW_PRIVILEGES, _SET_SECCOMP, _FILTER = 38, 22, 2

_column = _MACHINES.get(platform.machine(), (0, 0))[0]
FUTEX = _FUTEX[_column]  # in which a thread waits for a lock


def is_known_machine() -> bool:
    """Return whether the numbers of this machine's system calls are known."""
    return platform.machine() in _MACHINES


def forbid_system_calls() -> None:
    """Let every call fail that reaches other processes, the network or file modes."""
    column, architecture = _MACHINES[platform.machine()]
    program = _program(column, architecture)
    code = b"".join(struct.pack("=HBBI", *one) for one in program)
    buffer = ctypes.create_string_buffer(code, len(code))
    # struct sock_fprog: a count, and where the instructions are.
    header = struct.pack("=HxxxxxxQ", len(program), ctypes.addressof(buffer))
    libc.prctl(_NO_NEW_PRIVILEGES, number(1), number(0), number(0), number(0))
    filter_ = ctypes.c_char_p(header)
    if libc.prctl(_SET_SECCOMP, number(_FILTER), filter_, number(0), number(0)):
        raise GuardError("seccomp", ctypes.get_errno())


_Instruction = tuple[int, int, int, int]


def _program(column: int, architecture: int) -> list[_Instruction]:
    failed = _FAIL | errno.EPERM
    program: list[_Instruction] = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_EQUAL, 1, 0, architecture),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _CALL),
        (_AT_LEAST, 0, 1, _X32),
        (_RETURN, 0, 0, failed),
    ]
    for _, *numbers in _FORBIDDEN:
        if (call := int(numbers[column])) >= 0:
            program += [(_EQUAL, 0, 1, call), (_RETURN, 0, 0, failed)]
    # With ENOSYS the C library falls back to clone, whose flags can be read.
    program += [(_EQUAL, 0, 1, _CLONE3), (_RETURN, 0, 0, _FAIL | errno.ENOSYS)]
    program += _only_if(_CLONE[column], _argument(0), (_ANY_BIT, _THREAD), True)
    # To no address: the two ends of a pair that asyncio wakes itself with.
    program += [
        (_EQUAL, 0, 6, _SENDTO[column]),
        (_LOAD, 0, 0, _argument(4)),
        (_EQUAL, 0, 3, 0),
        (_LOAD, 0, 0, _argument(4) + 4),
        (_EQUAL, 0, 1, 0),
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, failed),
    ]
    program += _only_if(_FLOCK[column], _argument(1), (_ANY_BIT, _EXCLUSIVE), False)
    for calls, requests in _FORBIDDEN_REQUESTS.items():
        for request in requests:
            program += _fail_if(calls[column], _argument(1), request)
    program += _only_if(_PRLIMIT[column], _argument(0), (_EQUAL, 0), True)
    program += _only_if(_TGKILL[column], _argument(0), (_EQUAL, os.getpid()), True)
    program.append((_RETURN, 0, 0, _ALLOW))
    return program


def _only_if(
    call: int, argument: int, test: tuple[int, int], is_allowed: bool
) -> list[_Instruction]:
    """Allow a call if a test of an argument holds, or if it does not."""
    verdicts = [_ALLOW, _FAIL | errno.EPERM]
    passed, failed = verdicts if is_allowed else reversed(verdicts)
    return [
        (_EQUAL, 0, 4, call),
        (_LOAD, 0, 0, argument),
        (test[0], 0, 1, test[1]),
        (_RETURN, 0, 0, passed),
        (_RETURN, 0, 0, failed),
    ]


def _fail_if(call: int, argument: int, value: int) -> list[_Instruction]:
    """Let a call fail if an argument has a value; look on otherwise."""
    return [
        (_EQUAL, 0, 4, call),
        (_LOAD, 0, 0, argument),
        (_EQUAL, 0, 1, value),
        (_RETURN, 0, 0, _FAIL | errno.EPERM),
        (_LOAD, 0, 0, _CALL),
    ]


def _argument(place: int) -> int:
    """Return where the low half of an argument stands (both machines: low first)."""
    return 16 + 8 * place
