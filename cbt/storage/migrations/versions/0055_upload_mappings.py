"""Mappings of the files that certificates are reported in

Nothing of before changes.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import cbt.storage.types

revision = "0055"
down_revision = "0054"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables forward."""
    op.create_table(
        "upload_mapping",
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("dates", sa.String(length=12), nullable=False),
        sa.Column("columns", sa.Text(), nullable=False),
        sa.Column("changed_at", cbt.storage.types.UtcDateTime(), nullable=False),
        sa.Column("changed_by", sa.String(length=80), nullable=False),
        sa.Column("ref", sa.String(length=40), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_upload_mapping")),
        sa.UniqueConstraint("name", name=op.f("uq_upload_mapping_name")),
        sa.UniqueConstraint("ref", name=op.f("uq_upload_mapping_ref")),
    )


def downgrade() -> None:
    op.drop_table("upload_mapping")
