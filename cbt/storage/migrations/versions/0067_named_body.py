"""Whoever issued papers goes on in the name they had

An installation without details of its body was the notice's until now, and is nobody's from here on. One in which
somebody works already keeps the name that stands on its papers.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0067"
down_revision = "0066"
branch_labels = None
depends_on = None

FORMER = {
    "name": "上海市商业联合会",
    "address": "上海市静安区新闻路945号315室",
    "website": "http://www.sca.org.cn",
}
DAYS = 5
USED = ("batch", "member_unit", "certificate")


def upgrade() -> None:
    """Bring the tables forward."""
    bind = op.get_bind()
    if bind.scalar(sa.text("SELECT count(*) FROM assessment_body")):
        return
    if not any(bind.scalar(sa.text(f"SELECT count(*) FROM {table}")) for table in USED):
        return
    bind.execute(
        sa.text(
            "INSERT INTO assessment_body (id, name, address, phone, website, look_up, publicity_days) "
            "VALUES (1, :name, :address, '', :website, '', :days)"
        ),
        {**FORMER, "days": DAYS},
    )


def downgrade() -> None:
    """Take the tables back: the row says what was said without it."""
