"""Forms that are kept

What was typed into a form whose login was over is kept for its sender, sealed and for half an hour.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import cbt.storage.types

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables forward."""
    op.create_table(
        "kept_form",
        sa.Column("subject_ref", sa.String(length=40), nullable=False),
        sa.Column("kept_at", cbt.storage.types.UtcDateTime(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("page", sa.Text(), nullable=False),
        sa.Column("parts", sa.Integer(), nullable=False),
        sa.Column("ref", sa.String(length=40), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_kept_form")),
        sa.UniqueConstraint("ref", name=op.f("uq_kept_form_ref")),
    )
    op.create_index(op.f("ix_kept_form_subject_ref"), "kept_form", ["subject_ref"])
    op.create_index(op.f("ix_kept_form_kept_at"), "kept_form", ["kept_at"])
    op.create_table(
        "kept_form_part",
        sa.Column("kept_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["kept_id"], ["kept_form.id"], name=op.f("fk_kept_form_part_kept_id_kept_form")
        ),
        sa.PrimaryKeyConstraint("kept_id", "number", name=op.f("pk_kept_form_part")),
    )


def downgrade() -> None:
    op.drop_table("kept_form_part")
    op.drop_table("kept_form")
