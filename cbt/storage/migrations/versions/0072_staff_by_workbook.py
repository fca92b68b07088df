"""Staff come by workbook, and sample banks can be put away

An account says by which workbook it came; a bank says since when it is put away.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import cbt.storage.types

revision = "0072"
down_revision = "0071"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables forward."""
    op.add_column("staff", sa.Column("list_ref", sa.String(40), nullable=False, server_default=""))
    op.create_index(op.f("ix_staff_list_ref"), "staff", ["list_ref"])
    op.add_column("item_bank", sa.Column("put_away_at", cbt.storage.types.UtcDateTime(), nullable=True))
    op.create_table(
        "staff_check",
        sa.Column("brought_by_id", sa.Integer(), nullable=False),
        sa.Column("begun", sa.Boolean(), nullable=False),
        sa.Column("actor", sa.String(length=80), nullable=False),
        sa.Column("file_name", sa.String(length=200), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("asked", sa.Text(), nullable=False),
        sa.Column("job_ref", sa.String(length=40), nullable=False),
        sa.Column("at", cbt.storage.types.UtcDateTime(), nullable=False),
        sa.Column("ref", sa.String(length=40), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["brought_by_id"], ["staff.id"], name=op.f("fk_staff_check_brought_by_id_staff")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff_check")),
        sa.UniqueConstraint("ref", name=op.f("uq_staff_check_ref")),
    )
    op.create_index(op.f("ix_staff_check_brought_by_id"), "staff_check", ["brought_by_id"])
    op.create_index(op.f("ix_staff_check_state"), "staff_check", ["state"])
    op.create_table(
        "staff_part",
        sa.Column("check_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=12), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["check_id"], ["staff_check.id"], name=op.f("fk_staff_part_check_id_staff_check")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff_part")),
        sa.UniqueConstraint("check_id", "name", "number", name=op.f("uq_staff_part_check_id_name_number")),
    )


def downgrade() -> None:
    """Take the tables back."""
    op.drop_table("staff_part")
    op.drop_index(op.f("ix_staff_check_state"), table_name="staff_check")
    op.drop_index(op.f("ix_staff_check_brought_by_id"), table_name="staff_check")
    op.drop_table("staff_check")
    op.drop_column("item_bank", "put_away_at")
    op.drop_index(op.f("ix_staff_list_ref"), table_name="staff")
    op.drop_column("staff", "list_ref")
