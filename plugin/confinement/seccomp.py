"""seccomp, by libseccomp: refuses system calls.

A list of refused calls, not of allowed ones: what Python, Perl, numpy and an engine need depends on processor and C
library, and files are Landlock's matter. It refuses every way to a network, to another process or program, to another
owner or mode of a file, and into the kernel.
"""

import ctypes
import errno
import os
import platform
from collections.abc import Collection

ALWAYS_REFUSED = (
    # a network, or another process on this machine
    "socket", "socketpair", "connect", "bind", "listen", "accept", "accept4", "io_uring_setup", "io_uring_enter",
    "io_uring_register", "shmget", "shmat", "shmctl", "msgget", "msgsnd", "msgrcv", "msgctl", "semget", "semop",
    "semtimedop", "semctl", "mq_open", "mq_unlink", "memfd_create", "memfd_secret",
    # another process: its memory, its descriptors, its end
    "ptrace", "process_vm_readv", "process_vm_writev", "process_madvise", "process_mrelease", "pidfd_open",
    "pidfd_getfd", "pidfd_send_signal", "kcmp", "kill", "tkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo", "setpgid",
    "migrate_pages", "move_pages", "setpriority", "ioprio_set", "sched_setscheduler", "sched_setattr", "sched_setparam",
    "sched_setaffinity",
    # another process of our own
    "fork", "vfork",
    # more rights, or other limits
    "setuid", "setgid", "setreuid", "setregid", "setresuid", "setresgid", "setfsuid", "setfsgid", "setgroups", "capset",
    "setrlimit", "unshare", "setns", "chroot", "pivot_root", "personality", "keyctl", "add_key", "request_key",
    # what is a file system's, and Landlock does not watch, or not before its third version: modes, owners, attributes,
    # who else opens what, and the length of a file that is not open
    "truncate", "truncate64", "inotify_init", "inotify_init1", "inotify_add_watch", "getxattr", "lgetxattr",
    "fgetxattr", "listxattr", "llistxattr", "flistxattr",
    "chmod", "fchmod", "fchmodat", "fchmodat2", "chown", "fchown", "lchown", "fchownat", "setxattr", "lsetxattr",
    "fsetxattr", "removexattr", "lremovexattr", "fremovexattr", "mount", "umount", "umount2", "move_mount", "fsopen",
    "fsconfig", "fsmount", "fspick", "open_tree", "mount_setattr", "name_to_handle_at", "open_by_handle_at", "mknod",
    "mknodat", "quotactl", "quotactl_fd", "fanotify_init", "swapon", "swapoff", "acct",
    # the kernel
    "bpf", "perf_event_open", "userfaultfd", "init_module", "finit_module", "delete_module", "kexec_load",
    "kexec_file_load", "reboot", "iopl", "ioperm", "modify_ldt", "syslog", "settimeofday", "clock_settime",
    "clock_adjtime", "adjtimex", "sethostname", "setdomainname", "vhangup", "lookup_dcookie",
)  # fmt: skip
"""Refused with EPERM, with any arguments."""

STARTING_CALLS = ("execve", "execveat")
"""Refused where no program is to be started any more."""

THREAD_CALLS = ("clone",)
"""Refused where one is enough; elsewhere `refuse` leaves threads, and no processes."""

FILE_TIME_CALLS = ("utime", "utimes", "utimensat", "futimesat", "utimensat_time64")

_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000
_NOT_EQUAL, _MASKED = 1, 7
_WORD = 0xFFFFFFFF  # the kernel looks at no more of a command than this
_COMMANDS = {
    "fcntl": (8, 10, 15),  # F_SETOWN, F_SETSIG, F_SETOWN_EX: whom a signal reaches when a pipe is ready: anybody
    "fcntl64": (8, 10, 15),
    "ioctl": (0x8901, 0x8902, 0x5412, 0x540E, 0x541C),  # FIOSETOWN, SIOCSPGRP; TIOCSTI, TIOCSCTTY, TIOCLINUX
}
"""Commands to a descriptor that reach beyond this process: they send signals, or type at a terminal."""

_TSYNC, _NO_SLOWING, _OPTIMISED = 4, 7, 8
_CLONE_THREAD = 0x10000  # CLONE_THREAD


class _Compare(ctypes.Structure):
    """A condition on an argument, as libseccomp defines it."""

    _fields_ = (("arg", ctypes.c_uint), ("op", ctypes.c_int), ("a", ctypes.c_uint64), ("b", ctypes.c_uint64))


def refuse_calls(names: Collection[str]) -> bool:
    """Refuse these calls, and signals, limits and processes other than this one's own, for all threads.

    False where the library or the kernel does not support it. Needs PR_SET_NO_NEW_PRIVS.
    """
    try:
        library = _load_library()
    except (OSError, AttributeError):
        return False
    rules = library.seccomp_init(_ALLOW)
    if not rules:
        return False
    try:
        for attribute, value in ((_TSYNC, 1), (_NO_SLOWING, 1), (_OPTIMISED, 2)):
            library.seccomp_attr_set(rules, attribute, value)  # an old library lacks the last two
        for name in names:
            _add_rule(library, rules, name, errno.EPERM)
        if not set(THREAD_CALLS) <= set(names):  # both rules together would be the weaker one
            flags = 1 if platform.machine().startswith("s390") else 0
            _add_rule(library, rules, "clone", errno.EPERM, _Compare(flags, _MASKED, _CLONE_THREAD, 0))
        _refuse_other_processes(library, rules)
        return int(library.seccomp_load(rules)) == 0
    finally:
        library.seccomp_release(rules)


def _refuse_other_processes(library: ctypes.CDLL, rules: int) -> None:
    """Allow some calls for this process only; refuse descriptor commands that reach beyond it."""
    for name, command in ((name, command) for name, commands in _COMMANDS.items() for command in commands):
        _add_rule(library, rules, name, errno.EPERM, _Compare(1, _MASKED, _WORD, command))
    _add_rule(library, rules, "tgkill", errno.EPERM, _Compare(0, _NOT_EQUAL, os.getpid(), 0))
    _add_rule(library, rules, "prlimit64", errno.EPERM, _Compare(2, _NOT_EQUAL, 0, 0))
    _add_rule(library, rules, "clone3", errno.ENOSYS)  # its flags cannot be seen; the C library then takes `clone`


def _add_rule(library: ctypes.CDLL, rules: int, name: str, code: int, *when: _Compare) -> None:
    """Add one rule; ignores a name that this processor does not have."""
    number = library.seccomp_syscall_resolve_name(name.encode())
    if number != -1:
        library.seccomp_rule_add_array(rules, _REFUSE | code, number, len(when), (_Compare * len(when))(*when))


def _load_library() -> ctypes.CDLL:
    library = ctypes.CDLL("libseccomp.so.2")
    library.seccomp_init.restype = ctypes.c_void_p
    for name, kinds in (
        ("seccomp_attr_set", (ctypes.c_void_p, ctypes.c_int, ctypes.c_uint32)),
        ("seccomp_rule_add_array", (ctypes.c_void_p, ctypes.c_uint32, ctypes.c_int, ctypes.c_uint, ctypes.c_void_p)),
        ("seccomp_load", (ctypes.c_void_p,)),
        ("seccomp_release", (ctypes.c_void_p,)),
    ):
        getattr(library, name).argtypes = kinds
    return library
