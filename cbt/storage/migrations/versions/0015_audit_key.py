"""The log's head under a key, sums of what happens often, and what is personal beside the log, sealed."""

from __future__ import annotations

import hashlib
import hmac
import os

import flask
import sqlalchemy as sa
from alembic import op
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

import cbt.storage.types

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

PURPOSE = b"document_shown"
SHOWN = sa.text("SELECT id, document_last_four FROM registration WHERE document_last_four IS NOT NULL")
SEAL = sa.text("UPDATE registration SET document_last_four_sealed = :sealed WHERE id = :id")
SEALED = sa.text(
    "SELECT id, document_last_four_sealed FROM registration WHERE document_last_four_sealed IS NOT NULL"
)
OPEN = sa.text("UPDATE registration SET document_last_four = :shown WHERE id = :id")


def upgrade() -> None:
    """Add columns and tables, and seal the last four characters of the documents that were shown."""
    for name, length in (("key_print", 16), ("mac", 64)):
        column = sa.Column(name, sa.String(length=length), nullable=False, server_default="")
        op.add_column("audit_head", column)
    op.create_table(
        "audit_tally",
        sa.Column("act", sa.String(length=60), nullable=False),
        sa.Column("actor", sa.String(length=80), nullable=False),
        sa.Column("subject", sa.String(length=120), nullable=False),
        sa.Column("window_from", cbt.storage.types.UtcDateTime(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("act", "actor", "subject", name=op.f("pk_audit_tally")),
    )
    op.create_index(op.f("ix_audit_tally_window_from"), "audit_tally", ["window_from"], unique=False)
    op.create_table(
        "correction",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("ref", sa.String(length=40), nullable=False),
        sa.Column("candidate_id", sa.Integer(), nullable=False),
        sa.Column("at", cbt.storage.types.UtcDateTime(), nullable=False),
        sa.Column("by", sa.String(length=80), nullable=False),
        sa.Column("countersigned_by", sa.String(length=80), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["candidate_id"], ["candidate.id"], name=op.f("fk_correction_candidate_id_candidate")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_correction")),
        sa.UniqueConstraint("ref", name=op.f("uq_correction_ref")),
    )
    op.create_index(op.f("ix_correction_candidate_id"), "correction", ["candidate_id"], unique=False)
    op.add_column("registration", sa.Column("document_last_four_sealed", sa.LargeBinary(), nullable=True))
    connection = op.get_bind()
    for row in connection.execute(SHOWN).all():
        nonce = os.urandom(12)
        sealed = nonce + _cipher().encrypt(nonce, row.document_last_four.encode(), PURPOSE)
        connection.execute(SEAL, {"id": row.id, "sealed": sealed})
    op.drop_column("registration", "document_last_four")


def downgrade() -> None:
    """Take them away; the log's keyed entries stay, and verify under this version only."""
    op.add_column("registration", sa.Column("document_last_four", sa.String(length=8), nullable=True))
    connection = op.get_bind()
    for row in connection.execute(SEALED).all():
        sealed = bytes(row.document_last_four_sealed)
        shown = _cipher().decrypt(sealed[:12], sealed[12:], PURPOSE).decode()
        connection.execute(OPEN, {"id": row.id, "shown": shown})
    op.drop_column("registration", "document_last_four_sealed")
    op.drop_table("correction")
    op.drop_table("audit_tally")
    op.drop_column("audit_head", "mac")
    op.drop_column("audit_head", "key_print")


def _cipher() -> AESGCM:
    key: bytes = flask.current_app.config["PERSONAL_KEY"]
    return AESGCM(hmac.new(key, b"cbt personal seal", hashlib.sha256).digest())
