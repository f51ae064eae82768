"""Projects of every released schema open in this version, on both databases: migrated after a backup, nothing lost."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from released_schemas import RELEASED, fill_released
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from annotator.store import DATABASE, Store, open_store
from annotator.store.opening import MIGRATIONS, REVISION, migrate, open_engine
from annotator.store.place import new_place, write_place
from annotator.store.postgresql import create_schema, open_server_engine


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """An empty database that the project in `tmp_path` keeps its rows in."""
    if request.param == "sqlite":
        engine = open_engine(tmp_path / DATABASE)
    else:
        place = new_place(request.getfixturevalue("postgresql").url())
        engine = open_server_engine(place)
        create_schema(engine, place, "kitchen")
        write_place(tmp_path, place)
    yield engine
    engine.dispose()


def _is_as_it_was(store: Store, revision: str) -> None:
    (video,) = store.videos()
    assert (video.title, video.size_bytes, video.variable_rate) == ("Crème brûlée 🍮", 5_000_000_000, False)
    assert video.corpus == ("youcook2" if revision >= "0002" else "")
    assert len(store.described_segments("video-0")) == (1 if revision >= "0002" else 0)
    (standing,) = store.verdicts()
    assert (standing.pair_uid, standing.decision, standing.comment) == ("pair-0", "accept", "so gut wie sicher – ja")
    assert [row.decision for row in store.history()] == ["accept", "reject", "withdrawn"]
    assert store.queue_uids("pending", reviewer="ann") == ["pair-1", "pair-2"]
    assert [run.id for run in store.runs()] == ["001-small"]


def test_every_schema_before_this_one_is_tested() -> None:
    released = sorted(file.name[:4] for file in (MIGRATIONS / "versions").glob("0*.py"))
    assert released == [*RELEASED, REVISION]


@pytest.mark.parametrize("revision", RELEASED)
def test_a_released_project_opens_with_all_it_had_and_goes_on(engine: Engine, revision: str, tmp_path: Path) -> None:
    fill_released(engine, revision)
    with closing(open_store(tmp_path)) as store:
        _is_as_it_was(store, revision)
        assert store.redo("ann") == "pair-1"
        store.give_verdict("pair-2", "accept", reviewer="ann", seconds=1.0, window_s=2.0)
        assert store.counts("ann").done == 3


@pytest.mark.parametrize("revision", RELEASED)
def test_the_backup_made_before_migrating_is_a_project_of_that_schema(
    engine: Engine, revision: str, tmp_path: Path
) -> None:
    fill_released(engine, revision)
    open_store(tmp_path).close()
    (backup,) = (tmp_path / "backups").glob("*before*")
    restored = tmp_path / "restored"
    restored.mkdir()
    (restored / DATABASE).write_bytes(backup.read_bytes())
    copy = open_engine(restored / DATABASE)
    with copy.connect() as connection:
        assert connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar() == revision
    copy.dispose()
    with closing(open_store(restored)) as store:
        _is_as_it_was(store, revision)


@pytest.mark.parametrize("revision", RELEASED)
def test_a_migration_without_a_backup_does_not_happen(engine: Engine, revision: str, tmp_path: Path) -> None:
    fill_released(engine, revision)
    (tmp_path / "backups").write_text("a file where the folder of backups should be")
    with pytest.raises((OSError, DBAPIError)):
        migrate(engine, tmp_path / DATABASE, server="" if engine.dialect.name == "sqlite" else "server")
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar() == revision
