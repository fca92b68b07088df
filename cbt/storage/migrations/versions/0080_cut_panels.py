"""Panels recommend a cut score

What a panel's judges say of a form's items is kept round by round, with what each round came to.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import cbt.storage.types

revision = "0080"
down_revision = "0079"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables forward."""
    op.create_table(
        "cut_panel",
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("method", sa.String(length=10), nullable=False),
        sa.Column("bank_id", sa.Integer(), nullable=False),
        sa.Column("items", sa.Text(), nullable=False),
        sa.Column("points", cbt.storage.types.DecimalText(), nullable=False),
        sa.Column("pass_points", cbt.storage.types.DecimalText(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("is_open", sa.Boolean(), nullable=False),
        sa.Column("opened_at", cbt.storage.types.UtcDateTime(), nullable=False),
        sa.Column("opened_by", sa.String(length=80), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("decision", sa.String(length=8), nullable=False),
        sa.Column("grounds", sa.Text(), nullable=False),
        sa.Column("decided_at", cbt.storage.types.UtcDateTime(), nullable=True),
        sa.Column("decided_by", sa.String(length=80), nullable=False),
        sa.Column("second_by", sa.String(length=80), nullable=False),
        sa.Column("ref", sa.String(length=40), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["bank_id"], ["item_bank.id"], name=op.f("fk_cut_panel_bank_id_item_bank")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cut_panel")),
        sa.UniqueConstraint("ref", name=op.f("uq_cut_panel_ref")),
    )
    op.create_table(
        "panel_judge",
        sa.Column("panel_id", sa.Integer(), nullable=False),
        sa.Column("judge", sa.String(length=80), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["panel_id"], ["cut_panel.id"], name=op.f("fk_panel_judge_panel_id_cut_panel"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_panel_judge")),
        sa.UniqueConstraint("panel_id", "judge", name=op.f("uq_panel_judge_panel_id_judge")),
    )
    op.create_index(op.f("ix_panel_judge_judge"), "panel_judge", ["judge"], unique=False)
    op.create_table(
        "panel_entry",
        sa.Column("judge_id", sa.Integer(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("said", sa.Integer(), nullable=False),
        sa.Column("at", cbt.storage.types.UtcDateTime(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["judge_id"],
            ["panel_judge.id"],
            name=op.f("fk_panel_entry_judge_id_panel_judge"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_panel_entry")),
        sa.UniqueConstraint("judge_id", "round", "place", name=op.f("uq_panel_entry_judge_id_round_place")),
    )
    op.create_table(
        "panel_round",
        sa.Column("panel_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("closed_at", cbt.storage.types.UtcDateTime(), nullable=False),
        sa.Column("closed_by", sa.String(length=80), nullable=False),
        sa.Column("result", sa.Text(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["panel_id"], ["cut_panel.id"], name=op.f("fk_panel_round_panel_id_cut_panel"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_panel_round")),
        sa.UniqueConstraint("panel_id", "number", name=op.f("uq_panel_round_panel_id_number")),
    )


def downgrade() -> None:
    op.drop_table("panel_round")
    op.drop_table("panel_entry")
    op.drop_table("panel_judge")
    op.drop_table("cut_panel")
