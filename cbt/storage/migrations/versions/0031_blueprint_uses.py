"""Which batch uses which blueprint

An index of registrations by the version of their blueprint.
"""

from __future__ import annotations

from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_registration_blueprint", "registration", ["blueprint_version_id", "sitting_id"])


def downgrade() -> None:
    op.drop_index("ix_registration_blueprint", "registration")
