"""Reasons from files

What people pick from as a reason or a violation is a file beside the blueprints; each text of it that was in
force is kept, and a violation keeps which one it was recorded under. NULL is from before, when there was only
the table that ships, which every installation keeps as its first.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import cbt.storage.types

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables forward."""
    op.create_table(
        "reasons_version",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("loaded_at", cbt.storage.types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reasons_version")),
        sa.UniqueConstraint("sha256", name=op.f("uq_reasons_version_sha256")),
    )
    op.add_column("registration", sa.Column("violation_version_id", sa.Integer(), nullable=True))


def downgrade() -> None:
    """Take them away: violations do again what the table that ships says."""
    op.drop_column("registration", "violation_version_id")
    op.drop_table("reasons_version")
