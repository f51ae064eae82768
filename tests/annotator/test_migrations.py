"""Opening databases of other versions: migrated after a backup, or refused and left as they are."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from project_maker import decide, fill_store
from released_schemas import fill_released
from sqlalchemy import inspect

from annotator.store import DATABASE, open_store
from annotator.store.opening import MIGRATIONS, REVISION, migrate, open_engine
from annotator.store.pairs import pair_values
from annotator.store.records import QueueFilter
from annotator.store.tables import Table
from davenet.errors import UserError

_NEXT = """
import sqlalchemy as sa
from alembic import op

revision = "9999"
down_revision = "{before}"


def upgrade() -> None:
    op.add_column("pair", sa.Column("flagged", sa.Boolean(), nullable=True))
    {then}
"""


@pytest.fixture
def filled(tmp_path: Path) -> Path:
    """A project database of this version with two verdicts."""
    store = open_store(tmp_path)
    decide(store, fill_store(store, ["train"])[:2])
    store.close()
    return tmp_path / DATABASE


def _scripts(folder: Path, then: str = "pass") -> Path:
    """The migrations as a later version would have them: with one more."""
    (folder / "versions").mkdir(parents=True)
    for file in [*MIGRATIONS.glob("*.py"), *MIGRATIONS.glob("*.mako"), *MIGRATIONS.glob("versions/*.py")]:
        (folder / file.relative_to(MIGRATIONS)).write_bytes(file.read_bytes())
    (folder / "versions" / "9999_later.py").write_text(_NEXT.format(before=REVISION, then=then))
    return folder


def test_the_migrations_make_exactly_the_tables_that_the_code_uses(filled: Path) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    engine = open_engine(filled)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Table.metadata) == []
    engine.dispose()


def test_an_older_database_is_backed_up_and_then_migrated(filled: Path, tmp_path: Path) -> None:
    engine = open_engine(filled)
    backup = migrate(engine, filled, script_folder=_scripts(tmp_path / "scripts"), newest="9999")
    assert "flagged" in {column["name"] for column in inspect(engine).get_columns("pair")}
    engine.dispose()
    assert backup is not None
    with closing(sqlite3.connect(backup)) as copy:
        assert copy.execute("SELECT version_num FROM alembic_version").fetchone() == (REVISION,)
        assert copy.execute("SELECT count(*) FROM verdict").fetchone() == (2,)
        assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_migration_that_fails_changes_nothing(filled: Path, tmp_path: Path) -> None:
    engine = open_engine(filled)
    scripts = _scripts(tmp_path / "scripts", then="raise RuntimeError('half-way')")
    with pytest.raises(RuntimeError, match="half-way"):
        migrate(engine, filled, script_folder=scripts, newest="9999")
    engine.dispose()
    store = open_store(filled.parent)
    assert len(store.verdicts()) == 2
    store.close()
    with closing(sqlite3.connect(filled)) as connection:
        assert "flagged" not in {row[1] for row in connection.execute("PRAGMA table_info(pair)")}


def test_a_database_of_a_newer_version_is_refused_and_not_touched(filled: Path) -> None:
    with closing(sqlite3.connect(filled)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    before = filled.read_bytes()
    with pytest.raises(UserError, match=r"newer version.*nothing was changed"):
        open_store(filled.parent)
    assert filled.read_bytes() == before
    assert not (filled.parent / "backups").exists()


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / DATABASE).write_bytes(b"not a database, but long enough to have a header" * 20)
    with pytest.raises(UserError, match="not a project database"):
        open_store(tmp_path)


def test_another_programs_database_is_left_alone(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / DATABASE)) as connection:
        connection.execute("CREATE TABLE notes (text)")
        connection.commit()
    with pytest.raises(UserError, match="not a project database"):
        open_store(tmp_path)


def test_a_damaged_database_is_named(filled: Path) -> None:
    with closing(sqlite3.connect(filled)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    content = bytearray(filled.read_bytes())
    content[4096:] = b"\x5a" * (len(content) - 4096)
    filled.write_bytes(content)
    with pytest.raises(UserError, match=r"damaged|not a project database"):
        open_store(filled.parent).verdicts()


def test_the_database_survives_power_loss_by_its_settings(filled: Path) -> None:
    engine = open_engine(filled)
    with engine.connect() as connection:
        settings = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    engine.dispose()
    assert settings == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 5000}


def test_pairs_of_before_are_filtered_and_handed_out_as_those_mined_now(tmp_path: Path) -> None:
    engine = open_engine(tmp_path / DATABASE)
    fill_released(engine, "0002")
    engine.dispose()
    with closing(open_store(tmp_path)) as store:
        for record in store.queue("all", reviewer="ann"):
            expected = pair_values(record.to_pair(), position=0, mining_id=1, detector="", recogniser="") | {
                "n_decided": 1 if record.uid == "pair-0" else 0
            }
            with closing(sqlite3.connect(tmp_path / DATABASE)) as connection:
                names = ("class_name", "word_confidence", "label_text", "draw", "n_decided")
                row = connection.execute(f"SELECT {', '.join(names)} FROM pair WHERE uid = ?", [record.uid]).fetchone()
            assert dict(zip(names, row, strict=True)) == {name: expected[name] for name in names}
        assert store.queue_uids("all", reviewer="ben", filter=QueueFilter(text="onion")) == ["pair-0"]
        assert store.queue_uids("pending", reviewer="ben") == ["pair-1", "pair-2"]
