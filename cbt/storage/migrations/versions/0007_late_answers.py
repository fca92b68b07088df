"""Imported recovery files, and what was ruled on answers that came after the deadline."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import cbt.storage.types

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables."""
    op.create_table(
        "recovery_import",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("ref", sa.String(length=40), nullable=False),
        sa.Column("attempt_id", sa.Integer(), nullable=False),
        sa.Column("lease_epoch", sa.Integer(), nullable=False),
        sa.Column("seal", sa.String(length=64), nullable=False),
        sa.Column("made_at", cbt.storage.types.UtcDateTime(), nullable=False),
        sa.Column("entries", sa.Integer(), nullable=False),
        sa.Column("fresh", sa.Integer(), nullable=False),
        sa.Column("imported_at", cbt.storage.types.UtcDateTime(), nullable=False),
        sa.Column("by", sa.String(length=80), nullable=False),
        sa.ForeignKeyConstraint(
            ["attempt_id"], ["attempt.id"], name=op.f("fk_recovery_import_attempt_id_attempt")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recovery_import")),
        sa.UniqueConstraint("ref", name=op.f("uq_recovery_import_ref")),
        sa.UniqueConstraint("attempt_id", "seal", name=op.f("uq_recovery_import_attempt_id_seal")),
    )
    op.create_table(
        "recovered_entry",
        sa.Column("late_entry_id", sa.Integer(), nullable=False),
        sa.Column("recovery_import_id", sa.Integer(), nullable=False),
        sa.Column("typed_at", cbt.storage.types.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["late_entry_id"], ["late_entry.id"], name=op.f("fk_recovered_entry_late_entry_id_late_entry")
        ),
        sa.ForeignKeyConstraint(
            ["recovery_import_id"],
            ["recovery_import.id"],
            name=op.f("fk_recovered_entry_recovery_import_id_recovery_import"),
        ),
        sa.PrimaryKeyConstraint("late_entry_id", name=op.f("pk_recovered_entry")),
    )
    op.create_index(
        op.f("ix_recovered_entry_recovery_import_id"), "recovered_entry", ["recovery_import_id"], unique=False
    )
    op.create_table(
        "late_ruling",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("ref", sa.String(length=40), nullable=False),
        sa.Column("sitting_id", sa.Integer(), nullable=False),
        sa.Column("verdict", sa.String(length=8), nullable=False),
        sa.Column("fault", sa.String(length=20), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", cbt.storage.types.UtcDateTime(), nullable=False),
        sa.Column("by", sa.String(length=80), nullable=False),
        sa.Column("second", sa.String(length=80), nullable=False),
        sa.ForeignKeyConstraint(
            ["sitting_id"], ["sitting.id"], name=op.f("fk_late_ruling_sitting_id_sitting")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_late_ruling")),
        sa.UniqueConstraint("ref", name=op.f("uq_late_ruling_ref")),
    )
    op.create_index(op.f("ix_late_ruling_sitting_id"), "late_ruling", ["sitting_id"], unique=False)
    op.create_table(
        "ruled_attempt",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("late_ruling_id", sa.Integer(), nullable=False),
        sa.Column("attempt_id", sa.Integer(), nullable=False),
        sa.Column("entries", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("before_score_id", sa.Integer(), nullable=False),
        sa.Column("after_score_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["after_score_id"], ["score.id"], name=op.f("fk_ruled_attempt_after_score_id_score")
        ),
        sa.ForeignKeyConstraint(
            ["attempt_id"], ["attempt.id"], name=op.f("fk_ruled_attempt_attempt_id_attempt")
        ),
        sa.ForeignKeyConstraint(
            ["before_score_id"], ["score.id"], name=op.f("fk_ruled_attempt_before_score_id_score")
        ),
        sa.ForeignKeyConstraint(
            ["late_ruling_id"], ["late_ruling.id"], name=op.f("fk_ruled_attempt_late_ruling_id_late_ruling")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ruled_attempt")),
    )
    op.create_index(op.f("ix_ruled_attempt_attempt_id"), "ruled_attempt", ["attempt_id"], unique=False)
    op.create_index(
        op.f("ix_ruled_attempt_late_ruling_id"), "ruled_attempt", ["late_ruling_id"], unique=False
    )
    op.create_table(
        "ruled_entry",
        sa.Column("late_entry_id", sa.Integer(), nullable=False),
        sa.Column("ruled_attempt_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["late_entry_id"], ["late_entry.id"], name=op.f("fk_ruled_entry_late_entry_id_late_entry")
        ),
        sa.ForeignKeyConstraint(
            ["ruled_attempt_id"],
            ["ruled_attempt.id"],
            name=op.f("fk_ruled_entry_ruled_attempt_id_ruled_attempt"),
        ),
        sa.PrimaryKeyConstraint("late_entry_id", name=op.f("pk_ruled_entry")),
    )
    op.create_index(
        op.f("ix_ruled_entry_ruled_attempt_id"), "ruled_entry", ["ruled_attempt_id"], unique=False
    )


def downgrade() -> None:
    """Take the tables away."""
    op.drop_index(op.f("ix_ruled_entry_ruled_attempt_id"), table_name="ruled_entry")
    op.drop_table("ruled_entry")
    op.drop_index(op.f("ix_ruled_attempt_late_ruling_id"), table_name="ruled_attempt")
    op.drop_index(op.f("ix_ruled_attempt_attempt_id"), table_name="ruled_attempt")
    op.drop_table("ruled_attempt")
    op.drop_index(op.f("ix_late_ruling_sitting_id"), table_name="late_ruling")
    op.drop_table("late_ruling")
    op.drop_index(op.f("ix_recovered_entry_recovery_import_id"), table_name="recovered_entry")
    op.drop_table("recovered_entry")
    op.drop_table("recovery_import")
