"""A score may wait: there are no points and there is no verdict while people have something to mark."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

import cbt.storage.types

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

POINTS = cbt.storage.types.DecimalText(length=40)
COLUMNS: dict[str, Any] = {"raw": POINTS, "score": POINTS, "passed": sa.Boolean()}
NONE_YET = {"raw": "'0'", "score": "'0'", "passed": "false"}


def upgrade() -> None:
    for name, kind in COLUMNS.items():
        _let(name, kind, empty=True)


def downgrade() -> None:
    """Fill what waits with nothing, as an earlier version knows no other way to keep it."""
    for name, kind in COLUMNS.items():
        op.execute(f"UPDATE score SET {name} = {NONE_YET[name]} WHERE {name} IS NULL")
        _let(name, kind, empty=False)


def _let(name: str, kind: Any, *, empty: bool) -> None:
    """Change whether a column may be empty; SQLite gets a new one in its place, since rows point at the table."""
    if op.get_bind().dialect.name == "postgresql":
        op.alter_column("score", name, nullable=empty)
        return
    filling = None if empty else sa.text(NONE_YET[name])
    op.add_column("score", sa.Column(f"{name}_new", kind, nullable=empty, server_default=filling))
    op.execute(f"UPDATE score SET {name}_new = {name}")
    op.drop_column("score", name)
    op.execute(f"ALTER TABLE score RENAME COLUMN {name}_new TO {name}")
