"""Candidates appeal against a result

A body of before takes appeals for the usual days, and decides them in as many.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import cbt.storage.types

revision = "0075"
down_revision = "0074"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables forward."""
    op.create_table(
        "appeal",
        sa.Column("registration_id", sa.Integer(), nullable=False),
        sa.Column("scope", sa.String(length=40), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("asked_at", cbt.storage.types.UtcDateTime(), nullable=False),
        sa.Column("asked_by", sa.String(length=80), nullable=False),
        sa.Column("last_on", sa.Date(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("before_outcome", sa.String(length=12), nullable=False),
        sa.Column("before_score", cbt.storage.types.DecimalText(), nullable=True),
        sa.Column("after_outcome", sa.String(length=12), nullable=False),
        sa.Column("after_score", cbt.storage.types.DecimalText(), nullable=True),
        sa.Column("findings", sa.String(length=40), nullable=False),
        sa.Column("evidence", sa.String(length=64), nullable=False),
        sa.Column("grounds", sa.Text(), nullable=False),
        sa.Column("ended_at", cbt.storage.types.UtcDateTime(), nullable=True),
        sa.Column("ended_by", sa.String(length=80), nullable=False),
        sa.Column("ref", sa.String(length=40), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["registration_id"], ["registration.id"], name=op.f("fk_appeal_registration_id_registration")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_appeal")),
        sa.UniqueConstraint("ref", name=op.f("uq_appeal_ref")),
        sa.UniqueConstraint("registration_id", name=op.f("uq_appeal_registration_id")),
    )
    op.create_index(op.f("ix_appeal_asked_at"), "appeal", ["asked_at"], unique=False)
    op.create_index(op.f("ix_appeal_state"), "appeal", ["state"], unique=False)
    op.add_column(
        "assessment_body", sa.Column("appeal_days", sa.Integer(), server_default="15", nullable=False)
    )
    op.add_column(
        "assessment_body", sa.Column("appeal_answer_days", sa.Integer(), server_default="15", nullable=False)
    )


def downgrade() -> None:
    op.drop_column("assessment_body", "appeal_answer_days")
    op.drop_column("assessment_body", "appeal_days")
    op.drop_table("appeal")
