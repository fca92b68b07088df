"""What a lint found out is known to the next one

An item that is as it was is not looked at again.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0068"
down_revision = "0067"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables forward."""
    op.add_column("bank_lint", sa.Column("known", sa.Text(), nullable=False, server_default=""))


def downgrade() -> None:
    """Take the tables back."""
    with op.batch_alter_table("bank_lint") as table:
        table.drop_column("known")
