"""Item banks, imports, blueprints and frozen forms."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import cbt.storage.types

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables."""
    op.create_table(
        "blueprint_version",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("ref", sa.String(length=60), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("loaded_at", cbt.storage.types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_blueprint_version")),
        sa.UniqueConstraint("ref", "sha256", name=op.f("uq_blueprint_version_ref_sha256")),
    )
    op.create_index(op.f("ix_blueprint_version_ref"), "blueprint_version", ["ref"], unique=False)
    op.create_table(
        "item_bank",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("ref", sa.String(length=60), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_item_bank")),
        sa.UniqueConstraint("ref", name=op.f("uq_item_bank_ref")),
    )
    op.create_table(
        "bank_range",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("bank_id", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(length=20), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("weight", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["bank_id"], ["item_bank.id"], name=op.f("fk_bank_range_bank_id_item_bank")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bank_range")),
        sa.UniqueConstraint("bank_id", "code", name=op.f("uq_bank_range_bank_id_code")),
    )
    op.create_table(
        "form",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("ref", sa.String(length=40), nullable=False),
        sa.Column("blueprint_version_id", sa.Integer(), nullable=False),
        sa.Column("paper", sa.String(length=20), nullable=False),
        sa.Column("bank_id", sa.Integer(), nullable=False),
        sa.Column("bank_revision", sa.String(length=64), nullable=False),
        sa.Column("seed", sa.BigInteger(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("drawn_at", cbt.storage.types.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["bank_id"], ["item_bank.id"], name=op.f("fk_form_bank_id_item_bank")),
        sa.ForeignKeyConstraint(
            ["blueprint_version_id"],
            ["blueprint_version.id"],
            name=op.f("fk_form_blueprint_version_id_blueprint_version"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_form")),
        sa.UniqueConstraint("ref", name=op.f("uq_form_ref")),
    )
    op.create_table(
        "import_draft",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("ref", sa.String(length=40), nullable=False),
        sa.Column("bank_id", sa.Integer(), nullable=False),
        sa.Column("actor", sa.String(length=80), nullable=False),
        sa.Column("file_name", sa.String(length=200), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", cbt.storage.types.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["bank_id"], ["item_bank.id"], name=op.f("fk_import_draft_bank_id_item_bank")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_import_draft")),
        sa.UniqueConstraint("ref", name=op.f("uq_import_draft_ref")),
    )
    op.create_index(op.f("ix_import_draft_actor"), "import_draft", ["actor"], unique=False)
    op.create_table(
        "import_run",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("ref", sa.String(length=40), nullable=False),
        sa.Column("bank_id", sa.Integer(), nullable=False),
        sa.Column("file_name", sa.String(length=200), nullable=False),
        sa.Column("form", sa.String(length=40), nullable=False),
        sa.Column("added", sa.Integer(), nullable=False),
        sa.Column("changed", sa.Integer(), nullable=False),
        sa.Column("skipped", sa.Integer(), nullable=False),
        sa.Column("actor", sa.String(length=80), nullable=False),
        sa.Column("at", cbt.storage.types.UtcDateTime(), nullable=False),
        sa.Column("undone_at", cbt.storage.types.UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["bank_id"], ["item_bank.id"], name=op.f("fk_import_run_bank_id_item_bank")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_import_run")),
        sa.UniqueConstraint("ref", name=op.f("uq_import_run_ref")),
    )
    op.create_table(
        "item",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("bank_id", sa.Integer(), nullable=False),
        sa.Column("ref", sa.String(length=60), nullable=False),
        sa.Column("type", sa.String(length=20), nullable=False),
        sa.Column("point", sa.String(length=20), nullable=False),
        sa.Column("unit", sa.Integer(), nullable=True),
        sa.Column("difficulty", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["bank_id"], ["item_bank.id"], name=op.f("fk_item_bank_id_item_bank")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_item")),
        sa.UniqueConstraint("bank_id", "ref", name=op.f("uq_item_bank_id_ref")),
    )
    op.create_index("ix_item_bank_point", "item", ["bank_id", "point"], unique=False)
    op.create_table(
        "knowledge_point",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("bank_id", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(length=20), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("importance", sa.String(length=1), nullable=False),
        sa.ForeignKeyConstraint(
            ["bank_id"], ["item_bank.id"], name=op.f("fk_knowledge_point_bank_id_item_bank")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_knowledge_point")),
        sa.UniqueConstraint("bank_id", "code", name=op.f("uq_knowledge_point_bank_id_code")),
    )
    op.create_table(
        "item_version",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("item_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("replaces", sa.Integer(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("import_run_id", sa.Integer(), nullable=True),
        sa.Column("actor", sa.String(length=80), nullable=False),
        sa.Column("created_at", cbt.storage.types.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["import_run_id"], ["import_run.id"], name=op.f("fk_item_version_import_run_id_import_run")
        ),
        sa.ForeignKeyConstraint(["item_id"], ["item.id"], name=op.f("fk_item_version_item_id_item")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_item_version")),
        sa.UniqueConstraint("item_id", "number", name=op.f("uq_item_version_item_id_number")),
    )
    op.create_index(op.f("ix_item_version_import_run_id"), "item_version", ["import_run_id"], unique=False)


def downgrade() -> None:
    """Take the tables away."""
    op.drop_index(op.f("ix_item_version_import_run_id"), table_name="item_version")
    op.drop_table("item_version")
    op.drop_table("knowledge_point")
    op.drop_index("ix_item_bank_point", table_name="item")
    op.drop_table("item")
    op.drop_table("import_run")
    op.drop_index(op.f("ix_import_draft_actor"), table_name="import_draft")
    op.drop_table("import_draft")
    op.drop_table("form")
    op.drop_table("bank_range")
    op.drop_table("item_bank")
    op.drop_index(op.f("ix_blueprint_version_ref"), table_name="blueprint_version")
    op.drop_table("blueprint_version")
