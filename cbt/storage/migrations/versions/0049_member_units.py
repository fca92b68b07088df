"""Member units, whose own people look after them, and their agreements

Nothing of before changes: an installation begins without a unit.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import cbt.storage.types

revision = "0049"
down_revision = "0048"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables forward."""
    op.create_table(
        "member_unit",
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("credit_code", sa.String(length=18), nullable=False),
        sa.Column("contact", sa.String(length=60), nullable=False),
        sa.Column("phone_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("address", sa.String(length=200), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("created_at", cbt.storage.types.UtcDateTime(), nullable=False),
        sa.Column("left_at", cbt.storage.types.UtcDateTime(), nullable=True),
        sa.Column("ref", sa.String(length=40), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_member_unit")),
        sa.UniqueConstraint("credit_code", name=op.f("uq_member_unit_credit_code")),
        sa.UniqueConstraint("ref", name=op.f("uq_member_unit_ref")),
    )
    op.create_index(op.f("ix_member_unit_name"), "member_unit", ["name"])
    op.create_table(
        "unit_clerk",
        sa.Column("staff_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("unit_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_unit_clerk_staff_id_staff")),
        sa.ForeignKeyConstraint(
            ["unit_id"], ["member_unit.id"], name=op.f("fk_unit_clerk_unit_id_member_unit")
        ),
        sa.PrimaryKeyConstraint("staff_id", name=op.f("pk_unit_clerk")),
    )
    op.create_index("ix_unit_clerk_unit_id", "unit_clerk", ["unit_id"])
    op.create_table(
        "assessment_body",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("address", sa.String(length=200), nullable=False),
        sa.Column("phone", sa.String(length=40), nullable=False),
        sa.Column("website", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assessment_body")),
    )
    op.create_table(
        "unit_agreement",
        sa.Column("unit_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.String(length=40), nullable=False),
        sa.Column("effective_on", sa.Date(), nullable=False),
        sa.Column("last_on", sa.Date(), nullable=False),
        sa.Column("body_name", sa.String(length=120), nullable=False),
        sa.Column("unit_signer", sa.String(length=60), nullable=False),
        sa.Column("body_signer", sa.String(length=60), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("made_at", cbt.storage.types.UtcDateTime(), nullable=False),
        sa.Column("made_by", sa.String(length=80), nullable=False),
        sa.Column("ended_on", sa.Date(), nullable=True),
        sa.Column("end_reason", sa.Text(), nullable=False),
        sa.Column("ref", sa.String(length=40), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["unit_id"], ["member_unit.id"], name=op.f("fk_unit_agreement_unit_id_member_unit")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_unit_agreement")),
        sa.UniqueConstraint("number", name=op.f("uq_unit_agreement_number")),
        sa.UniqueConstraint("ref", name=op.f("uq_unit_agreement_ref")),
    )
    op.create_index("ix_unit_agreement_unit_id", "unit_agreement", ["unit_id"])
    op.create_index("ix_unit_agreement_last_on", "unit_agreement", ["last_on"])


def downgrade() -> None:
    op.drop_table("unit_agreement")
    op.drop_table("assessment_body")
    op.drop_table("unit_clerk")
    op.drop_table("member_unit")
