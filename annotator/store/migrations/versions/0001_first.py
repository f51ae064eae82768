"""The first schema: videos, pairs with their weak labels, the history of verdicts, runs and settings."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "mining",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", sa.String(32), nullable=False),
        sa.Column("settings", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "run",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("preset", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("config", sa.Text(), nullable=False),
        sa.Column("result", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.String(32), nullable=False),
        sa.Column("finished_at", sa.String(32), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "setting",
        sa.Column("key", sa.String(length=128), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_table(
        "video",
        sa.Column("uid", sa.String(length=64), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("duration_s", sa.Float(precision=53), nullable=False),
        sa.Column("frame_rate", sa.Float(precision=53), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("rotation", sa.Integer(), nullable=False),
        sa.Column("sound_rate", sa.Integer(), nullable=True),
        sa.Column("sound_channels", sa.Integer(), nullable=True),
        sa.Column("video_codec", sa.String(length=64), nullable=False),
        sa.Column("sound_codec", sa.String(length=64), nullable=True),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("source_hash", sa.String(length=64), nullable=False),
        sa.Column("start_s", sa.Float(precision=53), nullable=False),
        sa.Column("variable_rate", sa.Boolean(), nullable=True),
        sa.Column("split", sa.String(length=16), nullable=False),
        sa.Column("added_at", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("uid"),
    )
    op.create_index("ix_video_source_hash", "video", ["source_hash"], unique=False)
    op.create_table(
        "pair",
        sa.Column("uid", sa.String(length=32), nullable=False),
        sa.Column("video_uid", sa.String(length=64), nullable=False),
        sa.Column("time_s", sa.Float(precision=53), nullable=False),
        sa.Column("segment_s", sa.Float(precision=53), nullable=False),
        sa.Column("sound_offset_s", sa.Float(precision=53), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("food_probability", sa.Float(precision=53), nullable=True),
        sa.Column("label_probability", sa.Float(precision=53), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("detector", sa.Text(), nullable=False),
        sa.Column("recogniser", sa.Text(), nullable=False),
        sa.Column("mining_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["mining_id"],
            ["mining.id"],
        ),
        sa.ForeignKeyConstraint(
            ["video_uid"],
            ["video.uid"],
        ),
        sa.PrimaryKeyConstraint("uid"),
    )
    op.create_index("ix_pair_queue", "pair", ["kind", "active", "position"], unique=False)
    op.create_index("ix_pair_video", "pair", ["video_uid", "time_s"], unique=False)
    op.create_table(
        "problem",
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("verb", sa.String(length=32), nullable=False),
        sa.Column("video_uid", sa.String(length=64), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", sa.String(32), nullable=False),
        sa.ForeignKeyConstraint(
            ["video_uid"],
            ["video.uid"],
        ),
        sa.PrimaryKeyConstraint("path", "verb"),
    )
    op.create_table(
        "label",
        sa.Column("pair_uid", sa.String(length=32), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("class_name", sa.Text(), nullable=False),
        sa.Column("probability", sa.Float(precision=53), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("word", sa.Text(), nullable=False),
        sa.Column("word_start", sa.Float(precision=53), nullable=False),
        sa.Column("word_end", sa.Float(precision=53), nullable=False),
        sa.Column("word_confidence", sa.Float(precision=53), nullable=False),
        sa.ForeignKeyConstraint(
            ["pair_uid"],
            ["pair.uid"],
        ),
        sa.PrimaryKeyConstraint("pair_uid", "place"),
    )
    op.create_table(
        "verdict",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("uid", sa.String(length=32), nullable=False),
        sa.Column("pair_uid", sa.String(length=32), nullable=False),
        sa.Column("reviewer", sa.Text(), nullable=False),
        sa.Column("decision", sa.String(length=16), nullable=False),
        sa.Column("label", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("comment", sa.Text(), nullable=True),
        sa.Column("seconds", sa.Float(precision=53), nullable=False),
        sa.Column("window_s", sa.Float(precision=53), nullable=False),
        sa.Column("blind", sa.Boolean(), nullable=False),
        sa.Column("given_at", sa.String(32), nullable=False),
        sa.Column("app_version", sa.String(length=32), nullable=False),
        sa.Column("refers_to", sa.String(length=32), nullable=True),
        sa.Column("origin", sa.String(length=16), nullable=False),
        sa.Column("mining_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("labels", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["mining_id"],
            ["mining.id"],
        ),
        sa.ForeignKeyConstraint(
            ["pair_uid"],
            ["pair.uid"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("uid"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_verdict_pair", "verdict", ["pair_uid", "reviewer"], unique=False)
    op.create_index("ix_verdict_given", "verdict", ["reviewer", "given_at"])
    op.create_index("ix_verdict_reviewer", "verdict", ["reviewer", "id"], unique=False)
    op.create_table(
        "standing",
        sa.Column("pair_uid", sa.String(length=32), nullable=False),
        sa.Column("reviewer", sa.Text(), nullable=False),
        sa.Column("verdict_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("decision", sa.String(length=16), nullable=False),
        sa.ForeignKeyConstraint(
            ["pair_uid"],
            ["pair.uid"],
        ),
        sa.ForeignKeyConstraint(
            ["verdict_id"],
            ["verdict.id"],
        ),
        sa.PrimaryKeyConstraint("pair_uid", "reviewer"),
    )
    op.create_index("ix_standing_reviewer", "standing", ["reviewer", "decision", "verdict_id"], unique=False)
