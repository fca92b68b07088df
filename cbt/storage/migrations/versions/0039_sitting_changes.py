"""Sittings that change

That a sitting was moved, withdrawn or cancelled, what it was before and why, is kept where its pages and tickets
read it. Older sittings have no such rows; their log says it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import cbt.storage.types

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables forward."""
    op.create_table(
        "sitting_change",
        sa.Column("sitting_id", sa.Integer(), nullable=False),
        sa.Column("at", cbt.storage.types.UtcDateTime(), nullable=False),
        sa.Column("by", sa.String(length=80), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("former_start_at", cbt.storage.types.UtcDateTime(), nullable=True),
        sa.Column("former_name", sa.String(length=120), nullable=False),
        sa.Column("rooms", sa.Text(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["sitting_id"], ["sitting.id"], name=op.f("fk_sitting_change_sitting_id_sitting")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sitting_change")),
    )
    op.create_index(op.f("ix_sitting_change_sitting_id"), "sitting_change", ["sitting_id"])


def downgrade() -> None:
    op.drop_table("sitting_change")
