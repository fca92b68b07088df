"""How long records are kept, what is held, what was destroyed

Nothing of before changes: the terms are the rule's own until somebody says otherwise.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import cbt.storage.types

revision = "0059"
down_revision = "0058"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables forward."""
    op.create_table(
        "retention_terms",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("electronic", sa.Integer(), nullable=False),
        sa.Column("paper", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_retention_terms")),
    )
    op.create_table(
        "retention_hold",
        sa.Column("batch_id", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("placed_at", cbt.storage.types.UtcDateTime(), nullable=False),
        sa.Column("placed_by", sa.String(length=80), nullable=False),
        sa.Column("lifted_at", cbt.storage.types.UtcDateTime(), nullable=True),
        sa.Column("lifted_by", sa.String(length=80), nullable=False),
        sa.Column("lift_reason", sa.Text(), nullable=False),
        *_named("retention_hold"),
    )
    op.create_table(
        "destruction",
        sa.Column("batch_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("last_on", sa.Date(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("years", sa.Integer(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("asked_at", cbt.storage.types.UtcDateTime(), nullable=False),
        sa.Column("asked_by", sa.String(length=80), nullable=False),
        sa.Column("settled_at", cbt.storage.types.UtcDateTime(), nullable=True),
        sa.Column("settled_by", sa.String(length=80), nullable=False),
        sa.Column("done_at", cbt.storage.types.UtcDateTime(), nullable=True),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("left", sa.Integer(), nullable=False),
        sa.Column("counts", sa.Text(), nullable=False),
        *_named("destruction"),
    )
    for table, column in (
        ("retention_hold", "batch_id"),
        ("destruction", "batch_id"),
        ("destruction", "state"),
    ):
        op.create_index(op.f(f"ix_{table}_{column}"), table, [column])


def _named(table: str) -> list[sa.Column[object] | sa.Constraint]:
    return [
        sa.Column("ref", sa.String(length=40), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
        sa.UniqueConstraint("ref", name=op.f(f"uq_{table}_ref")),
        sa.ForeignKeyConstraint(["batch_id"], ["batch.id"], name=op.f(f"fk_{table}_batch_id_batch")),
    ]


def downgrade() -> None:
    for table in ("destruction", "retention_hold", "retention_terms"):
        op.drop_table(table)
