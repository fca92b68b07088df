"""Rosters of batches that were brought and are not imported yet

How far the check of each is, and what it found; the file itself is one of its pieces.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import cbt.storage.types

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables forward."""
    op.create_table(
        "roster_check",
        sa.Column("batch_id", sa.Integer(), nullable=False),
        sa.Column("begun", sa.Boolean(), nullable=False),
        sa.Column("actor", sa.String(length=80), nullable=False),
        sa.Column("file_name", sa.String(length=200), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("asked", sa.Text(), nullable=False),
        sa.Column("error", sa.String(length=60), nullable=False),
        sa.Column("params", sa.Text(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("beat_at", cbt.storage.types.UtcDateTime(), nullable=True),
        sa.Column("at", cbt.storage.types.UtcDateTime(), nullable=False),
        sa.Column("ref", sa.String(length=40), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["batch_id"], ["batch.id"], name=op.f("fk_roster_check_batch_id_batch")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_roster_check")),
        sa.UniqueConstraint("ref", name=op.f("uq_roster_check_ref")),
    )
    op.create_index(op.f("ix_roster_check_batch_id"), "roster_check", ["batch_id"])
    op.create_index(op.f("ix_roster_check_state"), "roster_check", ["state"])
    op.create_table(
        "roster_part",
        sa.Column("check_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=12), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["check_id"], ["roster_check.id"], name=op.f("fk_roster_part_check_id_roster_check")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_roster_part")),
        sa.UniqueConstraint("check_id", "name", "number", name=op.f("uq_roster_part_check_id_name_number")),
    )


def downgrade() -> None:
    op.drop_table("roster_part")
    op.drop_index(op.f("ix_roster_check_state"), table_name="roster_check")
    op.drop_index(op.f("ix_roster_check_batch_id"), table_name="roster_check")
    op.drop_table("roster_check")
