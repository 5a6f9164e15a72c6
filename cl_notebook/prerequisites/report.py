"""Runs the checks for a backend, driver or protocol on a host, and returns their rows."""

from __future__ import annotations

import re
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, NamedTuple

import sqlalchemy as sa

from cl_notebook import errors
from cl_notebook.model import Backend, identity_map
from cl_notebook.prerequisites import addresses, checks, requirements
from cl_notebook.prerequisites.checks import STATUSES
from cl_notebook.prerequisites.requirements import Requirement
from cl_notebook.prerequisites.target import NFS_SHARES, is_protocol_alone, stored, target_of
from cl_notebook.store.types import database_now
from cl_notebook.text import quote_word

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from cl_notebook.attach.api import HostProbe
    from cl_notebook.prerequisites.target import Target
    from cl_notebook.session import Session

_PARALLEL = 8
"""Addresses that are connected to at once."""

_INSTALLERS = (
    (frozenset({"debian", "ubuntu"}), "apt install"),
    (frozenset({"suse", "opensuse", "sles"}), "zypper install"),
    (frozenset({"fedora", "rhel", "centos"}), "dnf install"),
)
_DEBIAN = "apt install"


class Row(NamedTuple):
    """One check of a host, with its outcome and how to fix what it reports."""

    check: str
    status: str
    purpose: str
    seen: str
    package_debian: str = ""
    package_rpm: str = ""
    next: str = ""


class Examination:
    """The checks of one host; the same for this host and another one."""

    def __init__(self, session: Session, probe: HostProbe, *, is_here: bool) -> None:
        """Look through *probe*, whose host is this one if *is_here*."""
        self._session = session
        self._probe = probe
        self._is_here = is_here
        self._sudo = "" if probe.is_root() else "sudo "
        self._python = sys.executable if is_here else "python3"
        self._installer = _installer(probe)

    def rows(self, target: Target | None, protocols: Sequence[str]) -> list[Row]:
        """Return a row for each check, the gravest first."""
        needed = [requirement for protocol in protocols for requirement in requirements.PROTOCOLS[protocol]]
        rows: list[Row] = []
        if target is not None:
            rows += self._driver_rows(target) if self._is_here else []
            if not protocols:
                rows.append(self._unknown_protocol(target))
            if target.is_confirmed:
                needed += requirements.of_driver(target.path) if self._is_here else []
                needed += self._files(target, protocols)
        elif not protocols:
            needed = [requirements.ROOT_HELPER]
        clock = Requirement("clock", "tell a dead kernel by its heartbeat", checks.clock(self._skew))
        rows += [self._row(requirement) for requirement in _once([requirements.OS_BRICK, *needed, clock])]
        if target is not None and target.is_confirmed:
            rows += self._address_rows(target, protocols)
        return sorted(rows, key=lambda row: STATUSES.index(row.status))

    def _row(self, requirement: Requirement) -> Row:
        status, seen = requirement.check(self._probe)
        if requirement.is_optional and status != "ok":
            status = "optional"
        names = (requirement.name, status, requirement.purpose, seen, requirement.debian, requirement.rpm)
        return Row(*names, "" if status == "ok" else self._remedy(requirement, seen))

    def _remedy(self, requirement: Requirement, seen: str) -> str:
        install = self._install(requirement.debian, requirement.rpm)
        if install and seen == checks.NOT_INSTALLED:
            return install
        if seen == checks.NOT_IN_KERNEL:
            return ""
        return requirement.fix.replace("{sudo}", self._sudo).replace("{python}", self._python)

    def _install(self, debian: str, rpm: str) -> str:
        """Return the command that installs the package on the host; empty if there is none."""
        package = debian if self._installer == _DEBIAN else rpm
        return f"{self._sudo}{self._installer} {package}" if package and self._installer else ""

    def _driver_rows(self, target: Target) -> Iterator[Row]:
        name = f"driver {target.class_name}"
        purpose = f"run the backend {target.name}" if target.name != target.driver else "run its backends"
        if not target.is_confirmed:
            seen = "a document or another user's store describes it: confirm it, and its Python and addresses are checked"
            yield Row(name, "unknown", purpose, seen, next=f"%cl_backend open {quote_word(target.name)} --trust")
            return
        refusal = target.refusal
        library = refusal.library if isinstance(refusal, errors.NotSupported) else ""
        if refusal is not None and not library:
            yield Row(name, "failed", purpose, errors.one_line(refusal))
            return
        cls, python = target.cls, str(getattr(target.cls, "python", "") or target.options.get("python") or sys.executable)
        if cls is not None:
            release = getattr(cls, "release", "")
            yield Row(name, "ok", purpose, f"Cinder {release} in {python}" if release else "part of this Python")
        for missing in [library] if library else getattr(cls, "missing", ()):
            yield self._library_row(missing, f"the {name} imports it", python)

    def _library_row(self, name: str, purpose: str, python: str) -> Row:
        debian, rpm, project = requirements.LIBRARIES.get(name, ("", "", ""))
        command = f"{python} -m pip install '{project}'" if project else self._install(debian, rpm)
        return Row(f"Python library {name}", "missing", purpose, f"{python} does not have it", debian, rpm, command)

    def _files(self, target: Target, protocols: Sequence[str]) -> Iterator[Requirement]:
        """Yield the files that the options name, and that the driver or os-brick reads."""
        if "rbd" in protocols:
            conf = target.ceph_conf
            yield Requirement("Ceph configuration", "find the monitors", checks.readable_file(conf))
            user = target.options.get("rbd_user")
            if user:
                keyring = f"{conf.rpartition('/')[0]}/ceph.client.{user}.keyring"
                yield Requirement(
                    "Ceph keyring", f"authenticate as {user}", checks.readable_file(keyring), is_optional=True
                )  # ceph.conf may name another
        if target.nfs_shares and self._is_here:
            yield Requirement("NFS shares", "find the file servers", checks.readable_file(target.nfs_shares))

    def _address_rows(self, target: Target, protocols: Sequence[str]) -> list[Row]:
        listed = addresses.of_options(target.options)
        here = self._session.host_at(None).probe  # the driver reads these files here
        if "rbd" in protocols:
            listed += addresses.of_ceph_conf(here, target.ceph_conf)
        if target.nfs_shares:
            listed += addresses.of_shares_file(here, target.nfs_shares, NFS_SHARES)
        needed = [
            Requirement(f"address {item.host}", f"option {item.option}", checks.answers(item.host, item.ports))
            for item in listed
            if self._is_here or not item.is_management
        ]
        if not needed:
            return []
        with self._session.progress(f"connect to {len(needed)} addresses"), ThreadPoolExecutor(_PARALLEL) as pool:
            return list(pool.map(self._row, needed))

    def _unknown_protocol(self, target: Target) -> Row:
        seen = f"{target.path} does not say which one it speaks"
        command = f"%cl_doctor {quote_word(target.name)} --protocol iscsi"
        return Row("protocol", "unknown", "choose the checks", seen, next=command)

    def _skew(self, moment: float) -> float:
        with self._session.store.reading() as connection:
            now = connection.execute(sa.select(database_now())).scalar_one()
        return moment - now.timestamp()


def rows(
    session: Session,
    backend: Backend | str | None = None,
    protocol: str | None = None,
    host: str | None = None,
    python: str | None = None,
) -> list[Row]:
    """Return the rows of :func:`cl_notebook.doctor`, the gravest first."""
    if backend is not None and protocol is None and is_protocol_alone(session, backend):
        backend, protocol = None, str(backend)
    chosen = [requirements.protocol_called(protocol)] if protocol is not None else []
    target = target_of(session, backend, python) if backend is not None else None
    probe = session.host_at(host).probe
    examination = Examination(session, probe, is_here=host is None)
    if target is None:
        return examination.rows(None, chosen or _tracked_protocols(session))
    if target.cls is None and target.refusal is None:
        target.load(session)
    return examination.rows(target, chosen or target.protocols())


def _tracked_protocols(session: Session) -> list[str]:
    """Return the protocols of all tracked backends, by their options and the names of their drivers; no driver is loaded."""
    backends = identity_map.select(session, sa.select(Backend))
    return list(dict.fromkeys(protocol for backend in backends for protocol in stored(session, backend).protocols()))


def _once(needed: Iterable[Requirement]) -> list[Requirement]:
    """Return each requirement once; one that is required replaces the optional one of its name."""
    by_name: dict[str, Requirement] = {}
    for requirement in needed:
        known = by_name.get(requirement.name)
        if known is None or (known.is_optional and not requirement.is_optional):
            by_name[requirement.name] = requirement
    return list(by_name.values())


def _installer(probe: HostProbe) -> str:
    """Return the command that installs packages on the probe's host, by its ``os-release``; empty if it is unknown."""
    _state, text = probe.file("/etc/os-release")
    words = {word for line in re.findall(r"^ID(?:_LIKE)?=(.*)$", text, re.MULTILINE) for word in re.findall(r"[a-z]+", line)}
    return next((command for names, command in _INSTALLERS if names & words), "")
