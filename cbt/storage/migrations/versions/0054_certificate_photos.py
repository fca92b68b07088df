"""The photo on a certificate, and the address at which it is looked up

Certificates of before keep the photo of their next print. The address is empty until somebody enters it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0054"
down_revision = "0053"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables forward."""
    op.add_column(
        "assessment_body", sa.Column("look_up", sa.String(length=120), server_default="", nullable=False)
    )
    op.create_table(
        "certificate_photo",
        sa.Column("certificate_id", sa.Integer(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["certificate_id"],
            ["certificate.id"],
            name=op.f("fk_certificate_photo_certificate_id_certificate"),
        ),
        sa.PrimaryKeyConstraint("certificate_id", name=op.f("pk_certificate_photo")),
    )


def downgrade() -> None:
    op.drop_table("certificate_photo")
    op.drop_column("assessment_body", "look_up")
