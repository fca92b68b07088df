"""Rooms with rows and columns

The plan of a room and the corner of its door; of the rooms that are there nobody knows either.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("room", sa.Column("plan", sa.Text(), nullable=False, server_default=""))
    op.add_column("room", sa.Column("door", sa.String(length=12), nullable=False, server_default=""))
    if op.get_bind().dialect.name == "postgresql":
        op.alter_column("room", "plan", server_default=None)
        op.alter_column("room", "door", server_default=None)


def downgrade() -> None:
    op.drop_column("room", "door")
    op.drop_column("room", "plan")
