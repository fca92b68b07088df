"""The body says where fees are paid and whether certificates show whole numbers, a centre its sittings a day

Statements name the account. Numbers of documents stay masked until an administrator says otherwise. A centre holds
two sittings a day, one in the morning and one in the afternoon, until the office says otherwise.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0070"
down_revision = "0068"
branch_labels = None
depends_on = None

TABLE = "assessment_body"
TEXTS = {"payee": 120, "payee_bank": 120, "payee_account": 40}


def upgrade() -> None:
    """Bring the tables forward."""
    for name, longest in TEXTS.items():
        op.add_column(TABLE, sa.Column(name, sa.String(longest), nullable=False, server_default=""))
    op.add_column(TABLE, sa.Column("whole_numbers", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("centre", sa.Column("sittings_a_day", sa.Integer(), nullable=False, server_default="2"))


def downgrade() -> None:
    """Take the tables back."""
    op.drop_column("centre", "sittings_a_day")
    for name in ("whole_numbers", *TEXTS):
        op.drop_column(TABLE, name)
