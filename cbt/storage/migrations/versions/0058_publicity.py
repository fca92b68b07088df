"""Results are shown before they are released

A body of before asks for the days of the notice; results that were released stay so.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import cbt.storage.types

revision = "0058"
down_revision = "0057"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables forward."""
    op.create_table(
        "publication",
        sa.Column("sitting_id", sa.Integer(), nullable=False),
        sa.Column("published_on", sa.Date(), nullable=False),
        sa.Column("last_on", sa.Date(), nullable=False),
        sa.Column("days", sa.Integer(), nullable=False),
        sa.Column("published_at", cbt.storage.types.UtcDateTime(), nullable=False),
        sa.Column("published_by", sa.String(length=80), nullable=False),
        sa.Column("withdrawn_at", cbt.storage.types.UtcDateTime(), nullable=True),
        sa.Column("withdrawn_by", sa.String(length=80), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("ref", sa.String(length=40), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["sitting_id"], ["sitting.id"], name=op.f("fk_publication_sitting_id_sitting")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_publication")),
        sa.UniqueConstraint("ref", name=op.f("uq_publication_ref")),
    )
    op.create_index(op.f("ix_publication_sitting_id"), "publication", ["sitting_id"], unique=False)
    op.create_index(op.f("ix_publication_last_on"), "publication", ["last_on"], unique=False)
    op.create_table(
        "published_result",
        sa.Column("publication_id", sa.Integer(), nullable=False),
        sa.Column("registration_id", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.String(length=12), nullable=False),
        sa.Column("score", cbt.storage.types.DecimalText(), nullable=True),
        sa.Column("score_id", sa.Integer(), nullable=True),
        sa.Column("violation", sa.String(length=20), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["publication_id"],
            ["publication.id"],
            name=op.f("fk_published_result_publication_id_publication"),
        ),
        sa.ForeignKeyConstraint(
            ["registration_id"],
            ["registration.id"],
            name=op.f("fk_published_result_registration_id_registration"),
        ),
        sa.ForeignKeyConstraint(["score_id"], ["score.id"], name=op.f("fk_published_result_score_id_score")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_published_result")),
        sa.UniqueConstraint(
            "publication_id",
            "registration_id",
            name=op.f("uq_published_result_publication_id_registration_id"),
        ),
    )
    op.create_index(
        op.f("ix_published_result_registration_id"), "published_result", ["registration_id"], unique=False
    )
    op.create_table(
        "result_objection",
        sa.Column("publication_id", sa.Integer(), nullable=False),
        sa.Column("registration_id", sa.Integer(), nullable=False),
        sa.Column("brought_by", sa.String(length=10), nullable=False),
        sa.Column("bringer", sa.String(length=60), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("brought_on", sa.Date(), nullable=False),
        sa.Column("entered_at", cbt.storage.types.UtcDateTime(), nullable=False),
        sa.Column("entered_by", sa.String(length=80), nullable=False),
        sa.Column("verdict", sa.String(length=10), nullable=False),
        sa.Column("grounds", sa.Text(), nullable=False),
        sa.Column("decided_at", cbt.storage.types.UtcDateTime(), nullable=True),
        sa.Column("decided_by", sa.String(length=80), nullable=False),
        sa.Column("ref", sa.String(length=40), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["publication_id"],
            ["publication.id"],
            name=op.f("fk_result_objection_publication_id_publication"),
        ),
        sa.ForeignKeyConstraint(
            ["registration_id"],
            ["registration.id"],
            name=op.f("fk_result_objection_registration_id_registration"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_result_objection")),
        sa.UniqueConstraint("ref", name=op.f("uq_result_objection_ref")),
    )
    op.create_index(
        op.f("ix_result_objection_registration_id"), "result_objection", ["registration_id"], unique=False
    )
    op.add_column("result", sa.Column("released_at", cbt.storage.types.UtcDateTime(), nullable=True))
    op.add_column(
        "assessment_body", sa.Column("publicity_days", sa.Integer(), server_default="5", nullable=False)
    )


def downgrade() -> None:
    op.drop_column("assessment_body", "publicity_days")
    op.drop_column("result", "released_at")
    op.drop_table("result_objection")
    op.drop_table("published_result")
    op.drop_table("publication")
