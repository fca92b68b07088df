"""Rooms know when their seats were arranged

Where nobody arranged them, seats are as the roster came.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import cbt.storage.types

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("sitting_room", sa.Column("arranged_at", cbt.storage.types.UtcDateTime(), nullable=True))


def downgrade() -> None:
    op.drop_column("sitting_room", "arranged_at")
