"""Presets that people have saved."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "presets",
        sa.Column("key", sa.String(120), primary_key=True),
        sa.Column("name", sa.String(40), nullable=False),
        sa.Column("description", sa.Text, nullable=False),
        sa.Column("options", sa.JSON, nullable=False),
        sa.Column("others_off", sa.Boolean, nullable=False),
        sa.Column("filter_order", sa.JSON, nullable=False),
        sa.Column("created_at", sa.Float, nullable=False),
    )


def downgrade() -> None:
    op.drop_table("presets")
