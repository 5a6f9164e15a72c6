"""Compare tracked resources with the storages and with this host, without changing anything."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from cl_notebook import errors, settings
from cl_notebook.inventory import devices, rows, verdicts
from cl_notebook.inventory.connections import Connections
from cl_notebook.inventory.storage import Storage
from cl_notebook.inventory.verdicts import MISSING, OK, UNKNOWN, UNTRACKED, Finding
from cl_notebook.model import Backend, Snapshot, Volume, claims, lookup, storage_identity, trash
from cl_notebook.model.operations import background, guards
from cl_notebook.text import quote_word

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from cl_notebook.inventory.rows import Row
    from cl_notebook.inventory.storage import Entry
    from cl_notebook.model.base import Tracked
    from cl_notebook.model.claims import Claim
    from cl_notebook.model.context import Context

_ID_IN_NAME = re.compile(r"(?:volume|_?snapshot)-([0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12})")
"""Names that Cinder and this package give to volumes and snapshots on the storage; they contain the resource's id."""

_KINDS = (Volume.kind, Snapshot.kind)
_CLASSES: Mapping[str, type[Tracked]] = {Volume.kind: Volume, Snapshot.kind: Snapshot}
_OTHER = {Volume.kind: Snapshot.kind, Snapshot.kind: Volume.kind}

Work = dict[str, dict[str, Any]]


def findings(
    session: Context, backend: Backend | str | Iterable[Backend | str] | None = None, *, host: bool = True
) -> list[Finding]:
    """Scan one backend, several, or all (None), and return the findings; see :func:`cl_notebook.inventory.scan`."""
    collected: list[Finding] = []
    stored = lookup.stored_backends(session)
    requested, backends = lookup.select_among(stored, backend), list(stored.values())
    for selected in requested:
        doing, hint = f"Scanning {selected.label()}", "nothing changed. cl.inventory.scan() starts again."
        with background.interruptible(doing, hint), session.progress(f"scan {selected.name}"):
            collected += _Scan(session, selected, backends).findings()
            collected += Connections(session, selected.id, selected.name).findings(host=host)
    collected += devices.findings(session, requested, backends) if host else ()
    return [verdicts.looked_into(finding) for finding in collected]


class _Scan:
    """The scan of one backend; ``stored`` are all backends of the store."""

    def __init__(self, session: Context, backend: Backend, stored: Sequence[Backend]) -> None:
        self._session = session
        self._backend = backend
        self._stored = stored
        self._names = {backend.id: backend.name for backend in stored}

    def findings(self) -> list[Finding]:
        # Read the rows before the storage: rows that others change meanwhile are read again.
        self._known = {kind: rows.of_backend(self._session, kind, self._backend.id) for kind in _KINDS}
        self._storage = Storage(self._backend, self._stored)
        self._listings = {kind: self._storage.listing(kind) for kind in _KINDS}
        collected = list(self._unlisted())
        for kind in _KINDS:
            collected += self._findings_of_kind(kind)
        return [*collected, *self._overflow(), *self._leftovers()]

    def _overflow(self) -> Iterator[Finding]:
        """Yield a finding with the number of untracked entries beyond those that a scan lists."""
        for kind, listing in self._listings.items():
            if listing.more:
                number = f"{listing.more:,} more {kind}s are on the storage, and not tracked"
                line = f"%cl_backend manageable {quote_word(self._backend.name)}{' --snapshots' if kind == Snapshot.kind else ''}"
                detail = f"{number}. They are listed in pages: --marker REFERENCE is where the page before ended."
                marker = next((entry.reference_text for entry in reversed(listing.entries) if entry.cinder_id is None), "")
                yield Finding(UNTRACKED, kind, self._backend.name, detail=detail, next=f"{line} --marker {quote_word(marker)}")

    def _findings_of_kind(self, kind: str) -> Iterator[Finding]:
        judged = self._judge(kind, self._known[kind])
        untracked = self._untracked_entries(kind, judged)
        missing = {row.id: row for row, finding in judged.values() if finding.verdict == MISSING}
        running = self._transient_operation(kind) if untracked else None
        if missing or untracked:
            untracked = self._confirm(kind, judged, missing, untracked)
        contested = self._contested(kind)
        yield from (self._mark_conflict(finding, contested.get(row.name_in_storage, ())) for row, finding in judged.values())
        taken = rows.backend_ids_of(self._session, kind, [former_id for former_id in map(former_id_of, untracked) if former_id])
        yield from (self._untracked_finding(kind, entry, taken, running) for entry in untracked)

    def _contested(self, kind: str) -> Mapping[str, Sequence[Claim]]:
        with self._session.store.reading() as connection:
            return claims.contested(connection, _CLASSES[kind], self._backend.id, self._stored)

    def _mark_conflict(self, finding: Finding, claimed: Sequence[Claim]) -> Finding:
        other = next((claim for claim in claimed if claim.id != finding.id), None)
        if other is None:
            return finding
        return verdicts.conflict(finding, other.id, self._names.get(other.backend_id, other.backend_id))

    def _judge(self, kind: str, known: Sequence[Row]) -> dict[str, tuple[Row, Finding]]:
        """Judge the rows of a kind; judge again those that look wrong and changed while the storage was read."""
        judged: dict[str, tuple[Row, Finding]] = {}
        for _ in range(verdicts.MAX_ROUNDS):
            presences = self._storage.locate(kind, self._listings[kind], known, self._others(kind))
            with self._session.store.reading() as connection:
                work: Work = guards.running_operations(self._session, connection)
            name = self._backend.name
            judged |= {row.id: (row, verdicts.judge(kind, name, row, presences[row.id], work.get(row.id))) for row in known}
            wrong = {row.id: row for row in known if judged[row.id][1].verdict not in {OK, UNKNOWN}}
            now = {row.id: row for row in rows.reread(self._session, kind, self._backend.id, ids=wrong)}
            for row_id in wrong.keys() - now.keys():
                del judged[row_id]
            known = [row for row in now.values() if row != wrong[row.id]]
            if not known:
                break
            self._listings[kind] = self._storage.listing(kind)
        return judged

    def _others(self, kind: str) -> Mapping[str, Entry]:
        return self._listings[_OTHER[kind]].by_name()

    def _untracked_entries(self, kind: str, judged: Mapping[str, tuple[Row, Finding]]) -> list[Entry]:
        """Return the entries of the storage without a row; rows created while it was read count, too."""
        tracked = {row.name_in_storage for row, _ in judged.values()} | {row.name_in_storage for row in self._known[_OTHER[kind]]}
        untracked = [
            entry for entry in self._listings[kind].entries if entry.cinder_id not in judged and tracked.isdisjoint(entry.names)
        ]
        return self._untracked(kind, untracked)

    def _untracked(self, kind: str, untracked: Sequence[Entry]) -> list[Entry]:
        names = {name for entry in untracked for name in entry.names if not settings.UNSTORABLE.search(name)}
        tracked_names = {row.name_in_storage for row in rows.reread(self._session, kind, self._backend.id, names=names)}
        tracked_names |= trash.names_of(self._session, kind, names - tracked_names)  # deleted, and kept for a while
        return [entry for entry in untracked if tracked_names.isdisjoint(entry.names)]

    def _confirm(
        self, kind: str, judged: dict[str, tuple[Row, Finding]], missing: Mapping[str, Row], untracked: Sequence[Entry]
    ) -> list[Entry]:
        """Read store and storage again before anything is reported as missing or untracked; return the untracked entries.

        During an operation of another process, an entry may have a temporary name, or be in no list, for a moment.
        """
        reread = self._storage.listing(kind)
        if reread.unlisted_reason:
            return list(untracked)
        self._listings[kind] = reread
        current = rows.reread(self._session, kind, self._backend.id, ids=missing)
        listed = self._storage.listed(reread, current, self._others(kind))
        still_missing = {row.id for row in current if row == missing[row.id] and row.id not in listed}
        for row_id in missing.keys() - still_missing:
            del judged[row_id]
        changed = [row for row in current if row.id not in still_missing]
        judged |= self._judge(kind, changed) if changed else {}
        before = {entry.key for entry in untracked}
        return self._untracked(kind, [entry for entry in reread.entries if entry.key in before])

    def _transient_operation(self, kind: str) -> Mapping[str, Any] | None:
        """Return a running operation on a resource that the storage does not list under its name, or None."""
        with self._session.store.reading() as connection:
            work: Work = guards.running_operations(self._session, connection)
        for backend in storage_identity.same_storage(self._backend, self._stored) if work else ():
            affected = rows.reread(self._session, kind, backend.id, ids=work)
            listed = self._storage.listed(self._listings[kind], affected, self._others(kind))
            for row in affected:
                if row.id not in listed:
                    return work[row.id]
        return None

    def _unlisted(self) -> Iterator[Finding]:
        reasons = dict.fromkeys(listing.unlisted_reason for listing in self._listings.values() if listing.unlisted_reason)
        if reasons:
            detail = f"What is on its storage and not tracked is not known: {'; '.join(reasons)}."
            yield Finding(UNKNOWN, Backend.kind, self._backend.name, id=self._backend.id, name=self._backend.name, detail=detail)

    def _untracked_finding(self, kind: str, entry: Entry, taken: Mapping[str, str], running: Mapping[str, Any] | None) -> Finding:
        former_id = former_id_of(entry)
        finding = Finding(UNTRACKED, kind, self._backend.name, name_in_storage=entry.reference_text, size_on_storage=entry.size)
        owner = taken.get(former_id or "")
        if owner is not None and owner != self._backend.id:
            where = self._names.get(owner, owner)
            detail = f"It is tracked on the backend {where}, which seems to be on the same storage."
            return finding._replace(verdict=OK, id=former_id, detail=detail)
        if entry.reason_not_safe or not self._storage.can_manage(kind) or settings.UNSTORABLE.search(entry.reference_text):
            return finding._replace(detail=f"It is not tracked, and cannot be: {self._refusal(kind, entry)}.")
        if former_id is None and running is not None:
            who = f"process {running['pid']} on {running['host']}"
            detail = f"It is not tracked, or it is what {who} is at ({running['action']!r}), under a name for the while."
            return finding._replace(verdict=UNKNOWN, detail=detail)
        line = f"%cl_scan manage {quote_word(self._backend.name)} {quote_word(entry.reference_text)}"
        if kind == Snapshot.kind:
            line += " --snapshot"
        if former_id is None or owner is not None:
            return finding._replace(detail="It is not tracked.", next=line)
        return finding._replace(
            id=former_id, detail="It is not tracked any more: it can be adopted under the id in its name.", next=line
        )

    def _refusal(self, kind: str, entry: Entry) -> str:
        if entry.reason_not_safe:
            return entry.reason_not_safe
        if not self._storage.can_manage(kind):
            return f"the driver cannot adopt {kind}s"
        return "its name is no text that a store can keep"

    def _leftovers(self) -> Iterator[Finding]:
        name = self._backend.name
        try:
            orphan_files = self._storage.leftovers()
        except errors.StoreError:
            raise
        except errors.Error as error:
            yield Finding(UNKNOWN, Backend.kind, name, id=self._backend.id, name=name, detail=errors.one_line(error))
            return
        for orphan_file in orphan_files:
            detail = f"A process that was killed left it half made; it takes {orphan_file['size']:,} bytes."
            line = f"%cl_scan repair {quote_word(name)}"
            yield Finding(UNTRACKED, "file", name, name_in_storage=orphan_file["name"], detail=detail, next=line)


def former_id_of(entry: Entry) -> str | None:
    """Return the id in the name of an entry of the storage, or None."""
    return former_id_in(entry.reference.values())


def former_id_in(names: Iterable[str]) -> str | None:
    """Return the id in the first of *names* that is a name as Cinder and this package give, or None."""
    matches = (_ID_IN_NAME.fullmatch(str(name)) for name in names)
    return next((match[1] for match in matches if match), None)
