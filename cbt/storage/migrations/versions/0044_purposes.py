"""Sittings say what they are held for

Whatever was held so far was an examination.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0044"
down_revision = "0043"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "sitting", sa.Column("purpose", sa.String(length=12), nullable=False, server_default="official")
    )
    if op.get_bind().dialect.name == "postgresql":
        op.alter_column("sitting", "purpose", server_default=None)


def downgrade() -> None:
    op.drop_column("sitting", "purpose")
