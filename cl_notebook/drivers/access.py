"""Who else can write to a folder of volumes, or put another folder in its place."""

from __future__ import annotations

import grp
import os
import pwd
import stat
import warnings
from typing import TYPE_CHECKING

from cl_notebook import errors

if TYPE_CHECKING:
    from pathlib import Path

_ACL = "system.posix_acl_access"


def warn_if_shared(path: Path) -> None:
    """Warn if somebody else than this user and root can write to the folder, or rename it or one above it.

    What is in it is opened without following links all the same. But others can then remove or replace volumes.
    """
    who = writers(path, path.stat())
    what = f"{who} can write to the folder {path}" if who else ""
    for parent in path.parents if not what else ():
        found = parent.stat()
        # where the sticky bit is set, names are changed by their owners alone
        who = "" if found.st_mode & stat.S_ISVTX and found.st_uid in {0, os.geteuid()} else writers(parent, found)
        if who:
            what = f"{who} can write to {parent}, and put another folder in the place of {path}"
            break
    if what:
        msg = f"{what}: volumes there can be replaced or removed. Use a folder that only its owner can write to (chmod go-w)."
        warnings.warn(msg, errors.WritableByOthers, stacklevel=2)


def writers(path: Path, found: os.stat_result) -> str:
    """Return who else than this user and root can write to the folder *path* with the status *found*; nothing if nobody can."""
    if found.st_mode & stat.S_IWOTH:
        return "Everybody"
    if found.st_uid not in {0, os.geteuid()}:
        return f"The user {_user(found.st_uid)}"
    if found.st_mode & stat.S_IWGRP:
        if _has_acl(path):
            return "Whoever its access control list names"
        if not _is_private(found.st_gid):
            return f"The group {_group(found.st_gid)}"
    return ""


def _has_acl(path: Path) -> bool:
    try:
        os.getxattr(path, _ACL)
    except OSError:
        return False
    return True


def _is_private(group: int) -> bool:
    """Return whether a group is this user's alone: many systems give each user one of the same name (user private groups)."""
    try:
        entry, user = grp.getgrgid(group), pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return False
    return entry.gr_name == user and set(entry.gr_mem) <= {user}


def _user(number: int) -> str:
    try:
        return repr(pwd.getpwuid(number).pw_name)
    except KeyError:
        return str(number)


def _group(number: int) -> str:
    try:
        return repr(grp.getgrgid(number).gr_name)
    except KeyError:
        return str(number)
