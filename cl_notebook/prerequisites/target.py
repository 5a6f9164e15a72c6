"""What is examined: a backend of the store, one whose opening failed, or a driver."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import sqlalchemy as sa

from cl_notebook import errors
from cl_notebook.drivers import registry
from cl_notebook.model import Backend, identity_map, lookup
from cl_notebook.model.backend import given_options
from cl_notebook.prerequisites import requirements

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from cl_notebook.drivers.api import Driver
    from cl_notebook.session import Session

NFS_SHARES = "nfs_shares_config"
"""The option that names a file of NFS shares."""

_CEPH_CONF = "/etc/ceph/ceph.conf"


@dataclass
class Target:
    """A driver, and the options of the backend that it is examined for; without a backend there are none.

    ``is_confirmed`` says whether the user typed or confirmed the options: nothing that they name is run or connected to before.
    """

    name: str
    driver: str
    options: Mapping[str, Any] = field(default_factory=dict)
    is_confirmed: bool = True
    opened: Driver | None = None
    cls: type[Driver] | None = None
    refusal: errors.Error | None = None

    def load(self, session: Session) -> None:
        """Load the class of the driver, or keep why it cannot be loaded; a Cinder driver is described by a child process."""
        if not self.is_confirmed:
            return
        try:
            with session.progress(f"load {self.driver}"):
                self.cls = registry.described_driver(self.driver, self.options)
        except errors.Error as error:
            self.refusal = error

    @property
    def path(self) -> str:
        """The path of the driver if it is loaded, else what it was called."""
        return registry.driver_name(self.cls, self.driver) if self.cls is not None else self.driver

    @property
    def class_name(self) -> str:
        """The last part of :attr:`path`."""
        return self.path.rpartition(".")[2]

    @property
    def ceph_conf(self) -> str:
        """The path of Ceph's configuration file, by its option or the default."""
        return str(self.options.get("rbd_ceph_conf") or _CEPH_CONF)

    @property
    def nfs_shares(self) -> str:
        """The path of the file of NFS shares; empty if the options name none."""
        return str(self.options.get(NFS_SHARES) or "")

    def protocols(self) -> list[str]:
        """Return the protocols that the driver speaks; none if that is unknown.

        Its statistics and the given options are asked first, then its name, then the defaults of its options.
        """
        stated = [getattr(self.opened or self.cls, "storage_protocol", "")]
        chosen = [value for name, value in self.options.items() if name.endswith("protocol")]
        by_default = [
            option.default
            for option in (self.cls.options() if self.cls else ())
            if option.own and option.name.endswith("protocol")
        ]
        return (
            requirements.protocols_in([*stated, *chosen])
            or requirements.protocols_of_driver(self.path)
            or requirements.protocols_in(by_default)
        )


def is_protocol_alone(session: Session, name: Backend | str) -> bool:
    """Return whether *name* means a protocol, and neither a backend nor a driver that is installed."""
    if not isinstance(name, str) or not requirements.is_protocol(name) or name in registry.driver_names():
        return False
    return name not in session.failed_openings and lookup.backend_named(session, name) is None


def target_of(session: Session, backend: Backend | str, python: str | None) -> Target:
    """Return what *backend* means: a backend, its name, or a driver by name, class or path.

    Raises:
        NotFound: no backend and no driver is called that.
        InvalidInput: *backend* is neither a backend nor a text, or *python* cannot be started.

    """
    program = {"python": python} if python else {}
    if isinstance(backend, Backend):
        return stored(session, backend, program)
    if not isinstance(backend, str) or not backend.strip():
        msg = f"doctor takes a backend, or the name of a backend or driver, not {backend!r}."
        raise errors.InvalidInput(msg)
    tracked = lookup.backend_named(session, backend)
    if tracked is not None and tracked.volume_driver:
        return stored(session, tracked, program)
    failed = session.failed_openings.get(backend)
    if failed is not None:
        return Target(backend, failed.volume_driver, {**failed.options, **program})
    target = Target(backend, backend, program)
    target.load(session)
    if isinstance(target.refusal, errors.NotFound) and not _is_class(backend):
        known = [row.name for row in identity_map.select(session, sa.select(Backend))]
        names = [*known, *session.failed_openings, *registry.driver_names(), *requirements.PROTOCOLS]
        msg = f"No backend or driver is called {backend!r}.{errors.did_you_mean(backend, names)} %cl_drivers lists the drivers."
        raise errors.NotFound(msg) from target.refusal
    if isinstance(target.refusal, errors.InvalidInput | errors.Ambiguous):
        raise target.refusal
    return target


def stored(session: Session, backend: Backend, program: Mapping[str, str] | None = None) -> Target:
    """Return the target of a tracked *backend*; *program* has the option of the Python that the user named, if any."""
    options = given_options(backend.stored_config) | dict(program or {})
    confirmed = session.is_confirmed(backend)
    return Target(backend.name, backend.volume_driver, options, confirmed, session.get_open(backend))


def _is_class(name: str) -> bool:
    return registry.is_path(name) or name[:1].isupper()
