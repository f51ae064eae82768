"""What corpora say of videos: where each came from, its recipe type and language, and its described segments."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("video", sa.Column("corpus", sa.String(length=32), nullable=False, server_default=""))
    op.add_column("video", sa.Column("corpus_id", sa.Text(), nullable=False, server_default=""))
    op.add_column("video", sa.Column("recipe_type", sa.Text(), nullable=False, server_default=""))
    op.add_column("video", sa.Column("language", sa.String(length=16), nullable=False, server_default=""))
    op.add_column("video", sa.Column("speech_share", sa.Float(precision=53), nullable=True))
    op.create_table(
        "described_segment",
        sa.Column("video_uid", sa.String(length=64), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("start_s", sa.Float(precision=53), nullable=False),
        sa.Column("end_s", sa.Float(precision=53), nullable=False),
        sa.Column("sentence", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["video_uid"],
            ["video.uid"],
        ),
        sa.PrimaryKeyConstraint("video_uid", "place"),
    )
