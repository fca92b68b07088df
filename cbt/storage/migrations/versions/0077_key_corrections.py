"""Wrong keys are corrected after an exam

What was scored so far was scored by the keys as they were published, and stays so.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import cbt.storage.types

revision = "0077"
down_revision = "0076"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables forward."""
    op.create_table(
        "key_correction",
        sa.Column("sitting_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("bank_id", sa.Integer(), nullable=False),
        sa.Column("item_ref", sa.String(length=60), nullable=False),
        sa.Column("item_version", sa.Integer(), nullable=False),
        sa.Column("part", sa.Integer(), nullable=True),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("answers", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", cbt.storage.types.UtcDateTime(), nullable=False),
        sa.Column("by", sa.String(length=80), nullable=False),
        sa.Column("second", sa.String(length=80), nullable=False),
        sa.Column("people", sa.Integer(), nullable=False),
        sa.Column("ended_at", cbt.storage.types.UtcDateTime(), nullable=True),
        sa.Column("ref", sa.String(length=40), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["bank_id"], ["item_bank.id"], name=op.f("fk_key_correction_bank_id_item_bank")
        ),
        sa.ForeignKeyConstraint(
            ["sitting_id"], ["sitting.id"], name=op.f("fk_key_correction_sitting_id_sitting")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_key_correction")),
        sa.UniqueConstraint("ref", name=op.f("uq_key_correction_ref")),
        sa.UniqueConstraint("sitting_id", "number", name=op.f("uq_key_correction_sitting_id_number")),
    )
    op.create_index(op.f("ix_key_correction_item_ref"), "key_correction", ["item_ref"], unique=False)
    op.create_table(
        "corrected_attempt",
        sa.Column("key_correction_id", sa.Integer(), nullable=False),
        sa.Column("attempt_id", sa.Integer(), nullable=False),
        sa.Column("before_score_id", sa.Integer(), nullable=False),
        sa.Column("after_score_id", sa.Integer(), nullable=True),
        sa.Column("before", cbt.storage.types.DecimalText(), nullable=True),
        sa.Column("after", cbt.storage.types.DecimalText(), nullable=True),
        sa.Column("before_outcome", sa.String(length=12), nullable=False),
        sa.Column("after_outcome", sa.String(length=12), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["after_score_id"], ["score.id"], name=op.f("fk_corrected_attempt_after_score_id_score")
        ),
        sa.ForeignKeyConstraint(
            ["attempt_id"], ["attempt.id"], name=op.f("fk_corrected_attempt_attempt_id_attempt")
        ),
        sa.ForeignKeyConstraint(
            ["before_score_id"], ["score.id"], name=op.f("fk_corrected_attempt_before_score_id_score")
        ),
        sa.ForeignKeyConstraint(
            ["key_correction_id"],
            ["key_correction.id"],
            name=op.f("fk_corrected_attempt_key_correction_id_key_correction"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_corrected_attempt")),
        sa.UniqueConstraint(
            "key_correction_id", "attempt_id", name=op.f("uq_corrected_attempt_key_correction_id_attempt_id")
        ),
    )
    op.create_index(
        op.f("ix_corrected_attempt_attempt_id"), "corrected_attempt", ["attempt_id"], unique=False
    )


def downgrade() -> None:
    op.drop_table("corrected_attempt")
    op.drop_table("key_correction")
