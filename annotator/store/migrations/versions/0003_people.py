"""What several people need: how each verdict came about, remarks, gold pairs, leases, scores, and quick queues."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from annotator.store.identity import draw_of

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_BATCH = 5000
_SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _more_of_verdicts()
    _tables()
    op.add_column("pair", sa.Column("class_name", sa.Text(), nullable=True))
    op.add_column("pair", sa.Column("word_confidence", sa.Float(precision=53), nullable=True))
    op.add_column("pair", sa.Column("label_text", sa.Text(), nullable=False, server_default=""))
    op.add_column("pair", sa.Column("draw", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("pair", sa.Column("similarity", sa.Float(precision=53), nullable=True))
    op.add_column("pair", sa.Column("n_decided", sa.Integer(), nullable=False, server_default="0"))
    _fill_pairs(op.get_bind())
    op.execute(
        "UPDATE pair SET n_decided = (SELECT count(*) FROM standing WHERE standing.pair_uid = pair.uid "
        "AND standing.decision IN ('accept', 'reject', 'unsure'))"
    )
    op.create_index("ix_pair_class", "pair", ["class_name"])
    columns = ["kind", "active", "n_decided", "position", "uid", "class_name", "video_uid"]
    op.create_index("ix_pair_open", "pair", [*columns, "label_probability", "word_confidence", "similarity", "draw"])


def _more_of_verdicts() -> None:
    op.add_column("verdict", sa.Column("replays", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("verdict", sa.Column("keys", sa.Text(), nullable=False, server_default="[]"))
    op.add_column("verdict", sa.Column("offset_s", sa.Float(precision=53), nullable=False, server_default="0"))
    op.add_column("verdict", sa.Column("purpose", sa.String(length=16), nullable=False, server_default="first"))
    op.add_column("standing", sa.Column("blind_id", _SERIAL, nullable=True))
    op.create_index("ix_standing_decision", "standing", ["pair_uid", "decision", "reviewer"])


def _tables() -> None:
    op.create_table(
        "adjudication",
        sa.Column("pair_uid", sa.String(length=32), nullable=False),
        sa.Column("reviewer", sa.Text(), nullable=False),
        sa.Column("verdict_id", _SERIAL, nullable=False),
        sa.Column("decision", sa.String(length=16), nullable=False),
        sa.ForeignKeyConstraint(["pair_uid"], ["pair.uid"]),
        sa.ForeignKeyConstraint(["verdict_id"], ["verdict.id"]),
        sa.PrimaryKeyConstraint("pair_uid", "reviewer"),
    )
    op.create_table(
        "remark",
        sa.Column("id", _SERIAL, nullable=False),
        sa.Column("uid", sa.String(length=32), nullable=False),
        sa.Column("pair_uid", sa.String(length=32), nullable=False),
        sa.Column("reviewer", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("at", sa.String(32), nullable=False),
        sa.ForeignKeyConstraint(["pair_uid"], ["pair.uid"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("uid"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_remark_pair", "remark", ["pair_uid", "id"])
    op.create_table(
        "gold",
        sa.Column("pair_uid", sa.String(length=32), nullable=False),
        sa.Column("decision", sa.String(length=16), nullable=False),
        sa.Column("label", sa.Text(), nullable=True),
        sa.Column("set_by", sa.Text(), nullable=False),
        sa.Column("at", sa.String(32), nullable=False),
        sa.ForeignKeyConstraint(["pair_uid"], ["pair.uid"]),
        sa.PrimaryKeyConstraint("pair_uid"),
    )
    op.create_table(
        "lease",
        sa.Column("pair_uid", sa.String(length=32), nullable=False),
        sa.Column("reviewer", sa.Text(), nullable=False),
        sa.Column("holder", sa.String(length=64), nullable=False),
        sa.Column("until", sa.String(32), nullable=False),
        sa.ForeignKeyConstraint(["pair_uid"], ["pair.uid"]),
        sa.PrimaryKeyConstraint("pair_uid"),
    )
    op.create_index("ix_lease_until", "lease", ["until"])
    op.create_table(
        "score",
        sa.Column("pair_uid", sa.String(length=32), nullable=False),
        sa.Column("run_id", sa.String(length=64), nullable=False),
        sa.Column("similarity", sa.Float(precision=53), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=True),
        sa.Column("n", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["pair_uid"], ["pair.uid"]),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"]),
        sa.PrimaryKeyConstraint("pair_uid", "run_id"),
    )
    op.create_index("ix_score_run", "score", ["run_id", "similarity"])


def _fill_pairs(connection: sa.Connection) -> None:
    """Copies from the labels what queues are filtered and ordered by, a few thousand pairs at a time."""
    pairs = sa.table(
        "pair",
        sa.column("uid", sa.String),
        sa.column("class_name", sa.Text),
        sa.column("word_confidence", sa.Float),
        sa.column("label_text", sa.Text),
        sa.column("draw", sa.BigInteger),
    )
    labels = sa.table(
        "label",
        sa.column("pair_uid", sa.String),
        sa.column("place", sa.Integer),
        sa.column("class_name", sa.Text),
        sa.column("word", sa.Text),
        sa.column("word_confidence", sa.Float),
    )
    change = (
        sa.update(pairs)
        .where(pairs.c.uid == sa.bindparam("pair_uid"))
        .values({name: sa.bindparam(f"new_{name}") for name in ("class_name", "word_confidence", "label_text", "draw")})
    )
    last = ""
    while True:
        some = sa.select(pairs.c.uid).where(pairs.c.uid > last).order_by(pairs.c.uid).limit(_BATCH)
        uids = list(connection.scalars(some))
        if not uids:
            return
        of_pair: dict[str, list[Any]] = {}
        found = sa.select(labels.c.pair_uid, labels.c.class_name, labels.c.word, labels.c.word_confidence)
        inside = found.where(labels.c.pair_uid > last, labels.c.pair_uid <= uids[-1])
        for row in connection.execute(inside.order_by(labels.c.pair_uid, labels.c.place)):
            of_pair.setdefault(row[0], []).append(row)
        values = []
        for uid in uids:
            rows = of_pair.get(uid, [])
            text = " ".join(f"{class_name} {word}" for _, class_name, word, _ in rows).casefold()
            values.append(
                {
                    "pair_uid": uid,
                    "new_class_name": rows[0][1] if rows else None,
                    "new_word_confidence": rows[0][3] if rows else None,
                    "new_label_text": text,
                    "new_draw": draw_of(uid),
                }
            )
        connection.execute(change, values)
        last = uids[-1]
