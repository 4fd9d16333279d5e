"""System calls: how to make them, and a filter of those that a trial may not make.

Numbers are those of the kernel's own tables, arch/x86/entry/syscalls/syscall_64.tbl
and include/uapi/asm-generic/unistd.h; the filter is classic BPF, as seccomp(2) says.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct

__all__ = [
    "FUTEX",
    "GuardError",
    "forbid_system_calls",
    "is_known_machine",
    "libc",
    "number",
    "system_call",
]

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


# Name of a call, its number on x86_64, on aarch64; -1 where there is none.
_FORBIDDEN = """
socket 41 198 | bind 49 200 | listen 50 201 | accept 43 202 | accept4 288 242
connect 42 203 | sendmsg 46 211 | sendmmsg 307 269 | shutdown 48 210
fork 57 -1 | vfork 58 -1 | execve 59 221 | execveat 322 281 | ptrace 101 117
kill 62 129 | tkill 200 130 | rt_sigqueueinfo 129 138 | rt_tgsigqueueinfo 297 240
pidfd_open 434 434 | pidfd_getfd 438 438 | pidfd_send_signal 424 424
process_vm_writev 311 271 | userfaultfd 323 282 | perf_event_open 298 241 | bpf 321 280
io_uring_setup 425 425 | io_uring_enter 426 426 | io_uring_register 427 427
mount 165 40 | umount2 166 39 | pivot_root 155 41 | chroot 161 51 | open_tree 428 428
move_mount 429 429 | fsopen 430 430 | fsmount 432 432 | mount_setattr 442 442
unshare 272 97 | setns 308 268 | reboot 169 142 | swapon 167 224 | swapoff 168 225
open_by_handle_at 304 265 | add_key 248 217 | request_key 249 218 | keyctl 250 219
chmod 90 -1 | fchmod 91 52 | fchmodat 268 53 | fchmodat2 452 452 | chown 92 -1
fchown 93 55 | lchown 94 -1 | fchownat 260 54 | utime 132 -1 | utimes 235 -1
futimesat 261 -1 | utimensat 280 88 | setxattr 188 5 | lsetxattr 189 6
fsetxattr 190 7 | removexattr 197 14 | lremovexattr 198 15 | fremovexattr 199 16
setxattrat 463 463 | removexattrat 466 466
shmget 29 194 | shmat 30 196 | shmctl 31 195 | semget 64 190 | semop 65 193
semctl 66 191 | semtimedop 220 192 | msgget 68 186 | msgsnd 69 189 | msgrcv 70 188
msgctl 71 187 | mq_open 240 180 | mq_unlink 241 181
setpriority 141 140 | sched_setaffinity 203 122 | sched_setscheduler 144 119
sched_setparam 142 118 | sched_setattr 314 274 | ioprio_set 251 30
migrate_pages 256 238 | move_pages 279 239 | process_madvise 440 440
clock_settime 227 112 | settimeofday 164 170 | adjtimex 159 171 | clock_adjtime 305 266
sethostname 170 161 | setdomainname 171 162 | syslog 103 116 | acct 163 89
init_module 175 105 | finit_module 313 273 | delete_module 176 106 | ioperm 173 -1
iopl 172 -1 | kexec_load 246 104 | kexec_file_load 320 294 | quotactl 179 60
quotactl_fd 443 443 | fanotify_init 300 262 | vhangup 153 58 | fsconfig 431 431
"""
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
    for call in _FORBIDDEN.replace("|", " ").split()[1 + column :: 3]:
        if int(call) >= 0:
            program += [(_EQUAL, 0, 1, int(call)), (_RETURN, 0, 0, failed)]
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
