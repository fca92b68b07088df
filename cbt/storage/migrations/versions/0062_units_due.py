"""Only attempts with a unit that ends are looked up by it

Most papers have one time for all. Whatever moves such an attempt wrote to this index, too: at its start, when it
was handed in, when it was scored.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0062"
down_revision = "0061"
branch_labels = None
depends_on = None

NAME = "ix_attempt_unit_due"
ENDS = sa.text("unit_ends_at IS NOT NULL")


def upgrade() -> None:
    op.drop_index(NAME, table_name="attempt")
    op.create_index(NAME, "attempt", ["state", "unit_ends_at"], sqlite_where=ENDS, postgresql_where=ENDS)


def downgrade() -> None:
    op.drop_index(NAME, table_name="attempt")
    op.create_index(NAME, "attempt", ["state", "unit_ends_at"])
