"""Blueprints that are withdrawn

A blueprint can be taken out of force: nothing new begins with it, what began with it stays.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import cbt.storage.types

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "blueprint_version", sa.Column("withdrawn_at", cbt.storage.types.UtcDateTime(), nullable=True)
    )


def downgrade() -> None:
    op.drop_column("blueprint_version", "withdrawn_at")
