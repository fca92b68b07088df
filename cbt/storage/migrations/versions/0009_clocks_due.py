"""Rooms whose attempts' ends wait to be worked out after an outage."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import cbt.storage.types

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

DUE = sa.text("clocks_due_at IS NOT NULL")


def upgrade() -> None:
    """Add the column and its index."""
    op.add_column("sitting_room", sa.Column("clocks_due_at", cbt.storage.types.UtcDateTime(), nullable=True))
    op.create_index(
        "ix_sitting_room_clocks_due",
        "sitting_room",
        ["clocks_due_at"],
        unique=False,
        sqlite_where=DUE,
        postgresql_where=DUE,
    )


def downgrade() -> None:
    op.drop_index("ix_sitting_room_clocks_due", table_name="sitting_room")
    op.drop_column("sitting_room", "clocks_due_at")
