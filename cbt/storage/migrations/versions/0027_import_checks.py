"""Checks of brought files by a process of their own

What a check is asked, how far it is and what it found; runs that are under way, and the state an item was in before
a version. What is there was stored as a whole.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import cbt.storage.types

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables forward."""
    op.add_column(
        "import_run", sa.Column("state", sa.String(length=12), nullable=False, server_default="stored")
    )
    op.add_column("item_version", sa.Column("was", sa.String(length=12), nullable=False, server_default=""))
    op.execute("UPDATE item_version SET was = 'reviewed' WHERE replaces > 0")
    if op.get_bind().dialect.name == "postgresql":
        op.alter_column("import_run", "state", server_default=None)
        op.alter_column("item_version", "was", server_default=None)
    op.create_table(
        "import_check",
        sa.Column("bank_id", sa.Integer(), nullable=False),
        sa.Column("actor", sa.String(length=80), nullable=False),
        sa.Column("file_name", sa.String(length=200), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("asked", sa.Text(), nullable=False),
        sa.Column("error", sa.String(length=60), nullable=False),
        sa.Column("params", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("beat_at", cbt.storage.types.UtcDateTime(), nullable=True),
        sa.Column("at", cbt.storage.types.UtcDateTime(), nullable=False),
        sa.Column("ref", sa.String(length=40), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["bank_id"], ["item_bank.id"], name=op.f("fk_import_check_bank_id_item_bank")
        ),
        sa.ForeignKeyConstraint(
            ["run_id"], ["import_run.id"], name=op.f("fk_import_check_run_id_import_run")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_import_check")),
        sa.UniqueConstraint("ref", name=op.f("uq_import_check_ref")),
    )
    op.create_index(op.f("ix_import_check_state"), "import_check", ["state"])
    op.create_table(
        "import_part",
        sa.Column("check_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=12), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["check_id"], ["import_check.id"], name=op.f("fk_import_part_check_id_import_check")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_import_part")),
        sa.UniqueConstraint("check_id", "name", "number", name=op.f("uq_import_part_check_id_name_number")),
    )


def downgrade() -> None:
    op.drop_table("import_part")
    op.drop_index(op.f("ix_import_check_state"), table_name="import_check")
    op.drop_table("import_check")
    op.drop_column("item_version", "was")
    op.drop_column("import_run", "state")
