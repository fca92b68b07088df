"""Candidates have a staff number where a list gives one

Nobody has one before.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0063"
down_revision = "0062"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("candidate", sa.Column("staff_number", sa.String(30), nullable=False, server_default=""))


def downgrade() -> None:
    op.drop_column("candidate", "staff_number")
