"""What keeps a trial from changing anything: installed in the forked child, in order.

Each guard raises `GuardError` if it does not hold; then the code does not run. They
were measured one by one: only descriptors that are replaced stop a COMMIT on an open
connection, only landlock stops libraries that write by themselves, and only seccomp
stops changed modes and signals (a filter in classic BPF, as seccomp(2) says). Landlock
is described in https://docs.kernel.org/userspace-api/landlock.html
"""

from __future__ import annotations

import ctypes
import errno
import mmap
import os
import platform
import resource
import stat
import struct
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

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
_RULES = [line.split() for line in _TABLE.splitlines() if line[0] != "#"]
MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
_CLONE3, _SENDTO, _FUTEX = 435, (44, 206), (202, 98)

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_TESTS = {"=": _EQUAL, "&": _ANY_BIT}
_ALLOW, _KILL, _FAIL = 0x7FFF0000, 0x80000000, 0x00050000
_REFUSE = _FAIL | errno.EPERM
_CALL, _ARCHITECTURE = 0, 4  # places in struct seccomp_data
_X32 = 0x40000000
_NO_NEW_PRIVILEGES, _SET_SECCOMP, _FILTER = 38, 22, 2

_column = MACHINES.get(platform.machine(), (0, 0))[0]
FUTEX = _FUTEX[_column]  # in which a thread waits for a lock


def _forbid_system_calls(place: Place) -> None:
    """Let every call fail that reaches other processes, the network or file modes."""
    column, architecture = MACHINES[platform.machine()]
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
    program: list[_Instruction] = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_EQUAL, 1, 0, architecture),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _CALL),
        (_AT_LEAST, 0, 1, _X32),
        (_RETURN, 0, 0, _REFUSE),
        # With ENOSYS the C library falls back to clone, whose flags can be read.
        (_EQUAL, 0, 1, _CLONE3),
        (_RETURN, 0, 0, _FAIL | errno.ENOSYS),
        # To no address: the two ends of a pair that asyncio wakes itself with.
        (_EQUAL, 0, 6, _SENDTO[column]),
        (_LOAD, 0, 0, _argument(4)),
        (_EQUAL, 0, 3, 0),
        (_LOAD, 0, 0, _argument(4) + 4),
        (_EQUAL, 0, 1, 0),
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _REFUSE),
    ]
    for _, on_x86, on_arm, *condition in _RULES:
        if (call := int((on_x86, on_arm)[column])) >= 0:
            program += _decided(call, condition)
    program.append((_RETURN, 0, 0, _ALLOW))
    return program


def _decided(call: int, condition: list[str]) -> list[_Instruction]:
    """Return what refuses a call, on a condition of one of its arguments."""
    if not condition:
        return [(_EQUAL, 0, 1, call), (_RETURN, 0, 0, _REFUSE)]
    word, place, test, *values = condition
    verdict, other = (_REFUSE, _ALLOW) if word == "if" else (_ALLOW, _REFUSE)
    program = [(_LOAD, 0, 0, _argument(int(place)))]
    for value in values:
        operand = os.getpid() if value == "own" else int(value, 0)
        program += [(_TESTS[test], 0, 1, operand), (_RETURN, 0, 0, verdict)]
    program.append((_RETURN, 0, 0, other))
    return [(_EQUAL, 0, len(program), call), *program]


def _argument(place: int) -> int:
    """Return where the low half of an argument stands (both machines: low first)."""
    return 16 + 8 * place


@dataclass(frozen=True, slots=True)
class Place:
    """Where a trial may read and write, and how much it may take."""

    temporary: str  # its own folder, that is removed afterwards
    answer: int  # the descriptor of the pipe to the kernel, which is kept
    unreadable: tuple[str, ...] = ()  # without links in their names
    layer: str = ""  # the working folder, if a private layer lies over it
    time_s: float = 10.0  # of the processor
    memory_bytes: int = 2 << 30  # by which the process may grow


Guard = Callable[[Place], None]


def _limit_resources(place: Place) -> None:
    """Bound time and memory, and leave no core file behind."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    size = pages * resource.getpagesize() + place.memory_bytes
    time_s = int(place.time_s) + 1
    for which, soft, hard in (
        (resource.RLIMIT_CORE, 0, 0),
        (resource.RLIMIT_CPU, time_s, time_s + 1),
        (resource.RLIMIT_AS, size, size),
    ):
        highest = resource.getrlimit(which)[1]
        if highest != resource.RLIM_INFINITY:
            soft, hard = min(soft, highest), min(hard, highest)
        try:
            resource.setrlimit(which, (soft, hard))
        except (OSError, ValueError) as error:
            raise GuardError("limits") from error


_HARMLESS_DEVICES = {"/dev/null", "/dev/zero", "/dev/random", "/dev/urandom"}


def _replace_descriptors(place: Place) -> None:
    """Make every open file read-only and of our own; close what is no file.

    A path descriptor takes the place of sockets, pipes and terminals, so that their use
    fails: with /dev/null there, writes would seem to succeed.
    """
    dead = os.open("/", os.O_PATH)
    null = os.open(os.devnull, os.O_RDWR)
    try:
        for name in os.listdir("/proc/self/fd"):
            descriptor = int(name)
            if descriptor not in (place.answer, dead, null):
                _replace(descriptor, dead, null)
    except OSError as error:
        raise GuardError("descriptors", error.errno or 0) from error
    os.close(null)


def _replace(descriptor: int, dead: int, null: int) -> None:
    try:
        mode = os.fstat(descriptor).st_mode
    except OSError:  # the one that listed them
        return
    if descriptor <= 2:
        os.dup2(null, descriptor, inheritable=False)
        return
    source = f"/proc/self/fd/{descriptor}"
    is_device = stat.S_ISCHR(mode) and os.readlink(source) in _HARMLESS_DEVICES
    if stat.S_ISDIR(mode) or is_device:
        return
    own = -1
    if stat.S_ISREG(mode):
        with suppress(OSError):  # deleted, or not ours to read
            own = os.open(source, os.O_RDONLY)
    if own >= 0:
        os.lseek(own, os.lseek(descriptor, 0, os.SEEK_CUR), os.SEEK_SET)
    os.dup2(own if own >= 0 else dead, descriptor, inheritable=False)
    if own >= 0:
        os.close(own)


# Bytes. Larger maps of files are mapped again, for writes of one's own; others become
# read-only, and a write is a crash.
_LARGEST_COPY = 64 << 20
_PRIVATE_FILE = mmap.MAP_PRIVATE | 0x10  # MAP_FIXED
_PRIVATE = _PRIVATE_FILE | mmap.MAP_ANONYMOUS


def _unshare_memory(place: Place) -> None:
    """Put private copies in the place of memory that is shared with others."""
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = [
        ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int,
        ctypes.c_int, ctypes.c_int, ctypes.c_long,
    ]  # fmt: skip
    both = mmap.PROT_READ | mmap.PROT_WRITE
    for low, high, mode, path, inode, offset in list(_shared_maps()):
        address, size = ctypes.c_void_p(low), ctypes.c_size_t(high - low)
        is_writable = mode[1] == "w" or not libc.mprotect(address, size, both)
        if not is_writable:
            continue
        own = _opened(path, inode) if high - low > _LARGEST_COPY else -1
        if own >= 0:
            where = libc.mmap(low, high - low, both, _PRIVATE_FILE, own, offset)
            os.close(own)
        elif high - low <= _LARGEST_COPY and mode[0] == "r":
            data = ctypes.string_at(low, high - low)
            where = libc.mmap(low, high - low, both, _PRIVATE, -1, 0)
            ctypes.memmove(low, data, len(data))
        else:
            where = -1 if libc.mprotect(address, size, mmap.PROT_READ) else low
        if where != low:
            raise GuardError("shared memory", ctypes.get_errno())


def _opened(path: str, inode: int) -> int:
    """Open the file of a map; return -1 if it was removed or replaced."""
    try:
        own = os.open(path, os.O_RDONLY) if path.startswith("/") else -1
    except OSError:
        return -1
    if own >= 0 and os.fstat(own).st_ino != inode:
        os.close(own)
        return -1
    return own


def _shared_maps() -> Iterator[tuple[int, int, str, str, int, int]]:
    """Yield where shared maps begin and end, their modes, files, inodes and offsets."""
    for line in Path("/proc/self/maps").read_text().splitlines():
        span, mode, offset, _, inode, *path = line.split(maxsplit=5)
        if mode[3] == "s":
            low, high = (int(one, 16) for one in span.split("-"))
            yield low, high, mode, "".join(path), int(inode), int(offset, 16)


# Rights of landlock, by their bits.
_READ_FILE, _READ_FOLDER = 1 << 2, 1 << 3
_READ = _READ_FILE | _READ_FOLDER
_WRITE_FILE, _TRUNCATE = 1 << 1, 1 << 14
_WRITE = _WRITE_FILE | sum(1 << bit for bit in range(4, 13))  # remove and make
_CREATE, _ADD, _RESTRICT = 444, 445, 446  # calls, the same on all machines
_LEAST_VERSION = 3  # the first that knows truncation


def landlock_version() -> int:
    """Return the version of landlock that the kernel has; 0 or less for none."""
    return system_call(_CREATE, None, ctypes.c_size_t(0), 1)


def _restrict_files(place: Place) -> None:
    """Allow writes in the trial's own folder only, and no reading of secrets."""
    version = landlock_version()
    if version < _LEAST_VERSION:
        raise GuardError("landlock", -min(version, 0))
    write = _WRITE | 1 << 13 | _TRUNCATE | (1 << 15 if version >= 5 else 0)
    network = 3 if version >= 4 else 0  # bind, connect
    scope = 3 if version >= 6 else 0  # abstract sockets, signals
    size = 8 if version < 4 else 16 if version < 6 else 24
    attributes = struct.pack("QQQ", write | _READ, network, scope)[:size]
    rules = system_call(_CREATE, ctypes.c_char_p(attributes), ctypes.c_size_t(size), 0)
    if rules < 0:
        raise GuardError("landlock", -rules)
    _allow(rules, place.temporary, write | _READ)
    if place.layer:  # what it hides is covered up there
        _allow(rules, place.layer, write | _READ)
    _allow(rules, os.devnull, _WRITE_FILE | _TRUNCATE)
    hidden = {
        one for one in place.unreadable if not Path(one).is_relative_to(place.layer)
    }
    _allow(rules, "/", _READ_FOLDER)  # the names of what is hidden are no secret
    for path in _readable(Path("/"), hidden):
        _allow(rules, path, _READ)
    libc.prctl(_NO_NEW_PRIVILEGES, number(1), number(0), number(0), number(0))
    result = system_call(_RESTRICT, rules, 0)
    os.close(rules)
    if result < 0:
        raise GuardError("landlock", -result)


def _readable(folder: Path, hidden: set[str]) -> Iterator[str]:
    """Yield what is below a folder and holds nothing hidden, without links."""
    above = {str(parent) for one in hidden for parent in Path(one).parents}
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_symlink() or entry.path in hidden:
                continue
            if entry.path in above:
                yield from _readable(Path(entry.path), hidden)
            else:
                yield entry.path


def _allow(rules: int, path: str, rights: int) -> None:
    try:
        target = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:  # it went, or is not ours to look into
        return
    if not stat.S_ISDIR(os.fstat(target).st_mode):
        rights &= _READ_FILE | _WRITE_FILE | _TRUNCATE  # what a file can have
    rule = ctypes.c_char_p(struct.pack("=Qi", rights, target))
    result = system_call(_ADD, rules, 1, rule, 0)
    os.close(target)
    if result < 0:
        raise GuardError("landlock", -result)


# In the order in which they are installed.
GUARDS: tuple[Guard, ...] = (
    _limit_resources,
    _replace_descriptors,
    _unshare_memory,
    _restrict_files,
    _forbid_system_calls,
)


_NEW_USER, _NEW_MOUNTS, _NEW_NETWORK = 0x10000000, 0x20000, 0x40000000
_PRIVATE_RECURSIVE, _READ_ONLY, _BIND = 0x44000, 1, 0x1000


def make_private_layer(place: Place, folder: str) -> bool:
    """Lay a private layer over a folder; return whether it could be made.

    It is no guard: where it could not, writes in the folder are refused like all
    others. Raise GuardError if the child is left without a user, or sees secrets.
    """
    temporary = place.temporary
    if _holds_mounts(folder) or Path(temporary).is_relative_to(folder):
        return False
    user, group = os.getuid(), os.getgid()
    if libc.unshare(_NEW_USER | _NEW_MOUNTS | _NEW_NETWORK):
        return False
    try:
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
    except OSError as error:
        raise GuardError("private layer", error.errno or 0) from error
    upper, work = f"{temporary}/upper", f"{temporary}/work"
    options = f"lowerdir={folder},upperdir={upper},workdir={work},userxattr"
    for one in (upper, work):
        os.mkdir(one)
    where, overlay = os.fsencode(folder), b"overlay"
    if libc.mount(b"none", b"/", None, number(_PRIVATE_RECURSIVE), None):
        return False
    if libc.mount(overlay, where, overlay, number(0), os.fsencode(options)):
        return False
    os.chdir(folder)
    for path in place.unreadable:
        if Path(path).is_relative_to(folder):
            _cover(path)
    return True


def _cover(path: str) -> None:
    """Hide a file or folder behind an empty one, in this child's view alone."""
    target = os.fsencode(path)
    if os.path.isdir(path):
        failed = libc.mount(b"tmpfs", target, b"tmpfs", number(_READ_ONLY), None)
    else:
        failed = libc.mount(b"/dev/null", target, None, number(_BIND), None)
    if failed:
        raise GuardError("private layer", ctypes.get_errno())


def _holds_mounts(folder: str) -> bool:
    """Return whether something is mounted below a folder: the layer would hide it."""
    if set(folder) & set(",:\\"):  # such a name would end an option of the mount
        return True
    with suppress(OSError):
        lines = Path("/proc/self/mountinfo").read_text().splitlines()
        points = (Path(line.split()[4]) for line in lines)
        return any(Path(folder) in point.parents for point in points)
    return True


def use_one_openmp_thread() -> None:
    """Let OpenMP use this thread alone: those of its pool did not survive the fork."""
    lines = Path("/proc/self/maps").read_text().splitlines()
    for path in {line.split()[-1] for line in lines if "/" in line}:
        if os.path.basename(path).startswith(("libgomp", "libomp", "libiomp")):
            with suppress(OSError, AttributeError):
                library = ctypes.CDLL(path, mode=os.RTLD_NOW | os.RTLD_NOLOAD)
                library.omp_set_num_threads(1)
