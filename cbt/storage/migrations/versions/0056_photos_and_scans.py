"""Photos of an application's people, and scans of their evidence

Nothing of before changes: nobody has one yet.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import cbt.storage.types

revision = "0056"
down_revision = "0055"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables forward."""
    op.create_table(
        "applicant_photo",
        sa.Column("applicant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["applicant_id"],
            ["applicant.id"],
            name=op.f("fk_applicant_photo_applicant_id_applicant"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("applicant_id", name=op.f("pk_applicant_photo")),
    )
    op.create_table(
        "evidence_scan",
        sa.Column("applicant_id", sa.Integer(), nullable=False),
        sa.Column("proof", sa.String(length=24), nullable=False),
        sa.Column("mimetype", sa.String(length=40), nullable=False),
        sa.Column("pages", sa.Integer(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("at", cbt.storage.types.UtcDateTime(), nullable=False),
        sa.Column("by", sa.String(length=80), nullable=False),
        sa.Column("ref", sa.String(length=40), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["applicant_id"],
            ["applicant.id"],
            name=op.f("fk_evidence_scan_applicant_id_applicant"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_evidence_scan")),
        sa.UniqueConstraint("ref", name=op.f("uq_evidence_scan_ref")),
    )
    op.create_index(op.f("ix_evidence_scan_applicant_id"), "evidence_scan", ["applicant_id"])


def downgrade() -> None:
    op.drop_table("evidence_scan")
    op.drop_table("applicant_photo")
