"""What became of the scheduled backups, for all processes and after every restart."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import cbt.storage.types

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "backup_state",
        sa.Column("folder", sa.String(length=500), nullable=False),
        sa.Column("made_at", cbt.storage.types.UtcDateTime(), nullable=True),
        sa.Column("made_name", sa.String(length=40), nullable=False),
        sa.Column("made_bytes", sa.BigInteger(), nullable=False),
        sa.Column("made_by", sa.String(length=120), nullable=False),
        sa.Column("failed_at", cbt.storage.types.UtcDateTime(), nullable=True),
        sa.Column("failed_by", sa.String(length=120), nullable=False),
        sa.Column("failure", sa.String(length=60), nullable=False),
        sa.Column("named", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("folder", name=op.f("pk_backup_state")),
    )


def downgrade() -> None:
    op.drop_table("backup_state")
