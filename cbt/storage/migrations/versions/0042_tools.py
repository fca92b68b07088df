"""The tools of the answer page that one candidate gets

Part of the accommodation; nobody who is registered has any yet.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0042"
down_revision = "0041"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("registration", "withdrawal"):
        op.add_column(table, sa.Column("tools", sa.String(length=60), nullable=False, server_default=""))


def downgrade() -> None:
    for table in ("registration", "withdrawal"):
        op.drop_column(table, "tools")
