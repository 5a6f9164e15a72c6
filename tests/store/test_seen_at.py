"""The fourth schema: older stores get it, and an upgrade that was cut short is finished."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import command

from cl_notebook.model.operations.liveness import describe
from cl_notebook.model.operations.tables import Kernel
from cl_notebook.store import Store, schema


def test_an_upgrade_to_the_fourth_schema_can_be_repeated(any_store_url: str) -> None:
    """A store of the third schema is upgraded with its kernels, also if the column was added before and the version was not."""
    config = schema._config()
    old = sa.create_engine(any_store_url)
    with old.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0003")
    row = {name: value for name, value in describe("one").items() if name != "seen_at"}
    with old.begin() as connection:
        kernels = sa.table("kernel", *[sa.column(name) for name in row])
        connection.execute(sa.insert(kernels), row | {"started_at": "2026-01-01 00:00:00"})
    for _ in range(2):
        store = Store(any_store_url)
        with store.reading() as connection:
            assert connection.execute(sa.select(Kernel.host, Kernel.seen_at)).all() == [("one", None)]
        store.close()
        with old.begin() as connection:
            connection.execute(sa.text("UPDATE alembic_version SET version_num = '0003'"))
    old.dispose()
