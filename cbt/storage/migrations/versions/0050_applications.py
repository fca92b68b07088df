"""What units apply for, with their people, their evidence, and who did what

Nothing of before changes: an installation begins without an application.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import cbt.storage.types

revision = "0050"
down_revision = "0049"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables forward."""
    op.create_table(
        "unit_application",
        sa.Column("unit_id", sa.Integer(), nullable=False),
        sa.Column("blueprint_version_id", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("preferred_on", sa.Date(), nullable=False),
        sa.Column("applied_on", sa.Date(), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("put_right", sa.Text(), nullable=False),
        sa.Column("late_reason", sa.Text(), nullable=False),
        sa.Column("batch_id", sa.Integer(), nullable=True),
        sa.Column("created_at", cbt.storage.types.UtcDateTime(), nullable=False),
        sa.Column("ref", sa.String(length=40), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["batch_id"], ["batch.id"], name=op.f("fk_unit_application_batch_id_batch")),
        sa.ForeignKeyConstraint(
            ["blueprint_version_id"],
            ["blueprint_version.id"],
            name=op.f("fk_unit_application_blueprint_version_id_blueprint_version"),
        ),
        sa.ForeignKeyConstraint(
            ["unit_id"], ["member_unit.id"], name=op.f("fk_unit_application_unit_id_member_unit")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_unit_application")),
        sa.UniqueConstraint("ref", name=op.f("uq_unit_application_ref")),
    )
    for column in ("unit_id", "state", "batch_id"):
        op.create_index(op.f(f"ix_unit_application_{column}"), "unit_application", [column])
    op.create_table(
        "application_step",
        sa.Column("application_id", sa.Integer(), nullable=False),
        sa.Column("at", cbt.storage.types.UtcDateTime(), nullable=False),
        sa.Column("by", sa.String(length=80), nullable=False),
        sa.Column("event", sa.String(length=16), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["application_id"],
            ["unit_application.id"],
            name=op.f("fk_application_step_application_id_unit_application"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_application_step")),
    )
    op.create_index(op.f("ix_application_step_application_id"), "application_step", ["application_id"])
    op.create_table(
        "applicant",
        sa.Column("application_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("document_type", sa.String(length=40), nullable=False),
        sa.Column("document_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("document_masked", sa.String(length=40), nullable=False),
        sa.Column("document_index", sa.String(length=64), nullable=False),
        sa.Column("gender", sa.String(length=10), nullable=False),
        sa.Column("phone_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("told_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("papers", sa.String(length=200), nullable=False),
        sa.Column("verdict", sa.String(length=10), nullable=False),
        sa.Column("condition", sa.Integer(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("decided_at", cbt.storage.types.UtcDateTime(), nullable=True),
        sa.Column("decided_by", sa.String(length=80), nullable=False),
        sa.Column("ref", sa.String(length=40), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["application_id"],
            ["unit_application.id"],
            name=op.f("fk_applicant_application_id_unit_application"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_applicant")),
        sa.UniqueConstraint("ref", name=op.f("uq_applicant_ref")),
        sa.UniqueConstraint(
            "application_id", "document_index", name=op.f("uq_applicant_application_id_document_index")
        ),
    )
    op.create_table(
        "applicant_proof",
        sa.Column("applicant_id", sa.Integer(), nullable=False),
        sa.Column("proof", sa.String(length=24), nullable=False),
        sa.Column("received_at", cbt.storage.types.UtcDateTime(), nullable=True),
        sa.Column("received_by", sa.String(length=80), nullable=False),
        sa.Column("checked_at", cbt.storage.types.UtcDateTime(), nullable=True),
        sa.Column("checked_by", sa.String(length=80), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["applicant_id"], ["applicant.id"], name=op.f("fk_applicant_proof_applicant_id_applicant")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_applicant_proof")),
        sa.UniqueConstraint("applicant_id", "proof", name=op.f("uq_applicant_proof_applicant_id_proof")),
    )


def downgrade() -> None:
    op.drop_table("applicant_proof")
    op.drop_table("applicant")
    op.drop_table("application_step")
    op.drop_table("unit_application")
