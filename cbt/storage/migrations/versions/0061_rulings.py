"""Rulings on violations

A violation of before, whose result was not released yet, waits for one.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import cbt.storage.types

revision = "0061"
down_revision = "0060"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables forward."""
    op.create_table(
        "violation_ruling",
        sa.Column("registration_id", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(length=20), nullable=False),
        sa.Column("stands", sa.Boolean(), nullable=False),
        sa.Column("told_on", sa.Date(), nullable=False),
        sa.Column("statement", sa.Text(), nullable=False),
        sa.Column("grounds", sa.Text(), nullable=False),
        sa.Column("decided_at", cbt.storage.types.UtcDateTime(), nullable=False),
        sa.Column("decided_by", sa.String(length=80), nullable=False),
        sa.Column("ref", sa.String(length=40), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["registration_id"],
            ["registration.id"],
            name=op.f("fk_violation_ruling_registration_id_registration"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_violation_ruling")),
        sa.UniqueConstraint("ref", name=op.f("uq_violation_ruling_ref")),
    )
    op.create_index(op.f("ix_violation_ruling_registration_id"), "violation_ruling", ["registration_id"])


def downgrade() -> None:
    op.drop_table("violation_ruling")
