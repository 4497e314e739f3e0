"""What was counted, a row per counter and minute."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "counter_minutes",
        sa.Column("camera_id", sa.String(32), primary_key=True),
        sa.Column("kind", sa.String(8), primary_key=True),
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("minute", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("highest", sa.Integer, nullable=False),
        sa.Column("arrived", sa.Integer, nullable=False),
        sa.Column("departed", sa.Integer, nullable=False),
    )
    op.create_index("counter_minutes_by_minute", "counter_minutes", ["minute"])


def downgrade() -> None:
    op.drop_table("counter_minutes")
