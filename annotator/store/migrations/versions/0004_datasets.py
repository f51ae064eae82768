"""Runs get notes, tags, a place in the queue and a way back from deletion; and the dataset versions that they learn from."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("run", sa.Column("notes", sa.Text(), nullable=False, server_default=""))
    op.add_column("run", sa.Column("tags", sa.Text(), nullable=False, server_default="[]"))
    op.add_column("run", sa.Column("deleted_at", sa.String(length=32), nullable=True))
    op.add_column("run", sa.Column("queue_place", sa.Float(precision=53), nullable=True))
    op.create_table(
        "dataset_version",
        sa.Column("id", _SERIAL, nullable=False),
        sa.Column("hash", sa.String(length=32), nullable=False),
        sa.Column("at", sa.String(length=32), nullable=False),
        sa.Column("parent", _SERIAL, nullable=True),
        sa.Column("selection", sa.Text(), nullable=False),
        sa.Column("counts", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["parent"], ["dataset_version.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
