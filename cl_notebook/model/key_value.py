"""Key-value pairs that scripts keep beside their resources."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from cl_notebook.store.base import reg


@reg.mapped
class KeyValue:
    """One pair."""

    __tablename__ = "key_value"

    key: Mapped[str] = mapped_column(sa.String(255), primary_key=True)
    value: Mapped[str] = mapped_column(sa.Text)

    def __repr__(self) -> str:
        """Show the pair."""
        return f"<KeyValue {self.key!r}={self.value!r}>"
