"""An answer is marked once more for an appeal, and the mark counts where its decision takes it

What counts of an answer may be another mark from a later score on; the former stays.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import cbt.storage.types

revision = "0079"
down_revision = "0078"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables forward."""
    op.create_table(
        "fresh_request",
        sa.Column("subject", sa.String(length=60), nullable=False),
        sa.Column("answer_id", sa.Integer(), nullable=False),
        sa.Column("is_company", sa.Boolean(), nullable=False),
        sa.Column("asked_at", cbt.storage.types.UtcDateTime(), nullable=False),
        sa.Column("asked_by", sa.String(length=80), nullable=False),
        sa.Column("mark_id", sa.Integer(), nullable=True),
        sa.Column("ended_at", cbt.storage.types.UtcDateTime(), nullable=True),
        sa.Column("is_taken", sa.Boolean(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["answer_id"], ["marked_answer.id"], name=op.f("fk_fresh_request_answer_id_marked_answer")
        ),
        sa.ForeignKeyConstraint(["mark_id"], ["mark.id"], name=op.f("fk_fresh_request_mark_id_mark")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_fresh_request")),
        sa.UniqueConstraint("subject", "answer_id", name=op.f("uq_fresh_request_subject_answer_id")),
    )
    op.create_index(op.f("ix_fresh_request_answer_id"), "fresh_request", ["answer_id"], unique=False)
    with op.batch_alter_table("counted_mark") as table:
        table.drop_constraint(op.f("uq_counted_mark_answer_id"), type_="unique")
        table.create_unique_constraint(op.f("uq_counted_mark_answer_id_score_id"), ["answer_id", "score_id"])


def downgrade() -> None:
    with op.batch_alter_table("counted_mark") as table:
        table.drop_constraint(op.f("uq_counted_mark_answer_id_score_id"), type_="unique")
        table.create_unique_constraint(op.f("uq_counted_mark_answer_id"), ["answer_id"])
    op.drop_table("fresh_request")
