"""Projects on a real PostgreSQL server: several reviewers at once, each project in its schema, no password kept."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from postgresql_server import PASSWORD, Server
from project_maker import decide, fill_store
from released_schemas import fill_released
from sqlalchemy import text

from annotator.cli import main
from annotator.project import Project
from annotator.project_folder import PLACE
from annotator.store import DATABASE, Store
from annotator.store.place import new_place, read_place, server_url, write_place
from annotator.store.postgresql import create_schema, open_server_engine
from annotator.store.releases import StandingPair
from annotator.store.tables import Table
from davenet.errors import UserError

_REVIEWER = """
import sys
from pathlib import Path
from annotator.project import Project
name = sys.argv[2]
with Project.open(Path(sys.argv[1]), write_lock=True) as project:
    assert not project.is_read_only
    store = project.store
    uids = store.queue_uids("pending", reviewer=name)
    print("ready", flush=True)
    sys.stdin.readline()
    while (uid := store.lease_next(uids, reviewer=name, holder=name)) is not None:
        store.give_verdict(uid, "accept", reviewer=name, seconds=1.0, window_s=2.0)
        print(uid, flush=True)
"""


@pytest.fixture
def project(postgresql: Server, tmp_path: Path) -> Iterator[Project]:
    made = Project.create(tmp_path / "kitchen", database=postgresql.url())
    yield made
    made.close()


def test_the_command_line_makes_a_project_on_the_server_and_keeps_no_password(
    postgresql: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    url = postgresql.url(password=PASSWORD)
    assert main(["new", str(tmp_path / "kitchen"), "--database", url]) == 0
    assert "its database in postgres on 127.0.0.1" in capsys.readouterr().out
    remembered = (tmp_path / "kitchen" / PLACE).read_text()
    assert PASSWORD not in remembered
    assert json.loads(remembered)["schema"].startswith("annotator_")
    assert not (tmp_path / "kitchen" / DATABASE).exists()
    with pytest.raises(UserError, match=r"refused the password"):
        Project.open(tmp_path / "kitchen")
    monkeypatch.setenv("ANNOTATOR_DATABASE_URL", url)
    with Project.open(tmp_path / "kitchen") as opened:
        decide(opened.store, fill_store(opened.store, ["train"])[:1])
        assert len(opened.store.verdicts()) == 1
    monkeypatch.delenv("ANNOTATOR_DATABASE_URL")
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    with Project.open(tmp_path / "kitchen") as opened:
        assert len(opened.store.verdicts()) == 1


def test_an_environment_variable_puts_new_projects_on_the_server_and_leaves_others_where_they_are(
    postgresql: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Project.create(tmp_path / "before").close()
    monkeypatch.setenv("ANNOTATOR_DATABASE_URL", postgresql.url())
    Project.create(tmp_path / "after").close()
    with Project.open(tmp_path / "before") as before, Project.open(tmp_path / "after") as after:
        assert (before.store.server, after.store.server.startswith("postgres on")) == ("", True)


def test_projects_of_one_database_do_not_see_each_other(project: Project, postgresql: Server, tmp_path: Path) -> None:
    pairs = fill_store(project.store, ["train"])
    decide(project.store, pairs[:2])
    with Project.create(tmp_path / "other", database=postgresql.url()) as other:
        assert other.store.videos() == []
        decide(other.store, fill_store(other.store, ["train"])[:1])
        assert (len(project.store.verdicts()), len(other.store.verdicts())) == (2, 1)


def test_the_tables_are_those_that_the_code_uses(project: Project) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    place = read_place(project.path)
    assert place is not None
    engine = open_server_engine(place)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Table.metadata) == []
    engine.dispose()


def test_a_reviewer_is_called_as_the_database_role_and_each_role_keeps_its_own_name(
    project: Project, postgresql: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = read_place(project.path)
    assert place is not None
    postgresql.say(
        "CREATE ROLE ben LOGIN",
        f'GRANT USAGE ON SCHEMA "{place.schema}" TO ben',
        f'GRANT ALL ON ALL TABLES IN SCHEMA "{place.schema}" TO ben',
    )
    assert project.reviewer == "owner"
    monkeypatch.setenv("ANNOTATOR_DATABASE_URL", postgresql.url(user="ben"))
    with Project.open(project.path) as of_ben:
        assert of_ben.reviewer == "ben"
        of_ben.set_reviewer("Ben Q.")
        assert of_ben.reviewer == "Ben Q."
    assert project.reviewer == "owner"


def test_two_apps_review_one_project_at_once_and_no_pair_is_handed_to_both(project: Project) -> None:
    pairs = fill_store(project.store, ["train"] * 4, pairs_each=15)
    marker, _ = project.store.changes_since()
    apps = {
        name: subprocess.Popen(
            [sys.executable, "-c", _REVIEWER, str(project.path), name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for name in ("ann", "ben")
    }
    for app in apps.values():
        assert app.stdout is not None
        assert app.stdout.readline() == "ready\n"
    done = {}
    for app in apps.values():  # both have the same queue now
        assert app.stdin is not None
        app.stdin.write("go\n")
        app.stdin.flush()
    for name, app in apps.items():
        done[name] = app.communicate()[0].split()
        assert app.returncode == 0
    assert min(len(uids) for uids in done.values()) > 0
    assert sorted(done["ann"] + done["ben"]) == sorted(pair.uid for pair in pairs)
    assert sorted(project.store.changes_since(marker)[1]) == sorted(pair.uid for pair in pairs)
    assert project.store.counts("ann").pending == 0


def test_verdicts_of_many_connections_show_in_the_order_of_their_numbers(project: Project) -> None:
    """Whoever follows changes by their number must never be passed by a smaller one."""
    pairs = fill_store(project.store, ["train"] * 2, pairs_each=10)
    children = [
        subprocess.Popen(
            [
                sys.executable,
                "-c",
                "import sys\nfrom pathlib import Path\nfrom annotator.store import open_store\n"
                "store = open_store(Path(sys.argv[1]))\n"
                "for uid in sys.argv[3:]:\n"
                "    store.give_verdict(uid, 'accept', reviewer=sys.argv[2], seconds=1.0, window_s=2.0)\n"
                "store.close()\n",
                str(project.path),
                name,
                *(pair.uid for pair in pairs),
            ]
        )
        for name in ("ann", "ben", "eve")
    ]
    seen: list[int] = []
    place = read_place(project.path)
    assert place is not None
    engine = open_server_engine(place)
    while any(child.poll() is None for child in children):
        with engine.connect() as connection:
            last = seen[-1] if seen else 0
            seen += connection.scalars(text("SELECT id FROM verdict WHERE id > :last ORDER BY id"), {"last": last})
    assert [child.returncode for child in children] == [0, 0, 0]
    with engine.connect() as connection:
        everything = list(connection.scalars(text("SELECT id FROM verdict ORDER BY id")))
    engine.dispose()
    assert seen == everything[: len(seen)]
    assert len(everything) == 3 * len(pairs)


def test_a_server_that_goes_away_costs_one_sentence_and_no_acknowledged_verdict(
    tmp_path: Path, postgresql: Server
) -> None:
    server = Server(postgresql.programs)
    try:
        with Project.create(tmp_path / "kitchen", database=server.url()) as project:
            pairs = fill_store(project.store, ["train"])
            decide(project.store, pairs[:2])
            server.halt()  # as a crash would
            with pytest.raises(UserError, match=r"(does not answer|was stopped|starting)"):
                decide(project.store, pairs[2:3])
            server.start()
            decide(project.store, pairs[3:4])
            given = {verdict.pair_uid for verdict in project.store.verdicts()}
            assert given == {pairs[0].uid, pairs[1].uid, pairs[3].uid}
    finally:
        server.stop()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda s: s.url().replace(str(s.port), "1"), "does not answer; check that its server runs"),
        (lambda s: s.url(password="wrong"), "refused the password or the role; give both in ANNOTATOR_DATABASE_URL"),
        (lambda s: s.url(user="nobody"), "refused the password or the role"),
        (lambda s: s.url("cookery"), "There is no database cookery on .*createdb"),
        (lambda s: "mysql://ann@server/cooking", "not PostgreSQL's; give one like"),
        (lambda s: "saffron", "not PostgreSQL's; give one like"),
    ],
)
def test_what_keeps_one_from_the_server_is_said_in_a_sentence(
    postgresql: Server, tmp_path: Path, change: object, sentence: str
) -> None:
    with pytest.raises(UserError, match=sentence) as raised:
        Project.create(tmp_path / "kitchen", database=change(postgresql))  # type: ignore[operator]
    assert "wrong" not in str(raised.value)
    assert not (tmp_path / "kitchen" / PLACE).exists()


def test_a_role_without_rights_is_told_so(
    project: Project, postgresql: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    postgresql.say("CREATE ROLE guest LOGIN")
    monkeypatch.setenv("ANNOTATOR_DATABASE_URL", postgresql.url(user="guest"))
    with pytest.raises(UserError, match="The role guest may not use this project"):
        Project.open(project.path)
    place = read_place(project.path)
    assert place is not None
    tables = f'ALL TABLES IN SCHEMA "{place.schema}"'
    postgresql.say(f'GRANT USAGE ON SCHEMA "{place.schema}" TO guest', f"GRANT SELECT ON {tables} TO guest")
    pair = fill_store(project.store, ["train"])[0]
    with Project.open(project.path) as to_read:
        assert len(to_read.store.queue_uids("pending", reviewer="guest")) == 5
        with pytest.raises(UserError, match="may not use this project"):
            decide(to_read.store, [pair])
    postgresql.say(f"REVOKE SELECT ON {tables} FROM guest", f'REVOKE USAGE ON SCHEMA "{place.schema}" FROM guest')


def test_a_folder_whose_project_is_not_on_the_server_is_told_so(
    project: Project, postgresql: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    postgresql.say("CREATE DATABASE empty")
    monkeypatch.setenv("ANNOTATOR_DATABASE_URL", postgresql.url("empty"))
    with pytest.raises(UserError, match=r"The database empty on .* has no project annotator_"):
        Project.open(project.path)


def test_without_the_driver_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(UserError, match=r'pip install "matchmap-annotator\[postgresql\]"'):
        Project.create(tmp_path / "kitchen", database="postgresql+psycopg://ann@server/cooking")


def test_of_two_apps_that_migrate_the_second_waits_and_finds_nothing_left_to_do(
    postgresql: Server, tmp_path: Path
) -> None:
    place = new_place(postgresql.url())
    engine = open_server_engine(place)
    create_schema(engine, place, "kitchen")
    write_place(tmp_path, place)
    fill_released(engine, "0001")
    script = (
        "import sys\nfrom pathlib import Path\nfrom annotator.store import open_store\n"
        "print('ready', flush=True)\nsys.stdin.readline()\n"
        "store = open_store(Path(sys.argv[1]))\nprint(len(store.verdicts()))\nstore.close()\n"
    )
    apps = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(3)
    ]
    for app in apps:
        assert app.stdout is not None
        assert app.stdout.readline() == "ready\n"
    with engine.connect().execution_options(writes=True) as connection, connection.begin():  # all come to the lock
        for app in apps:
            assert app.stdin is not None
            app.stdin.write("go\n")
            app.stdin.flush()
        time.sleep(0.5)
    assert [app.communicate()[0] for app in apps] == ["1\n"] * 3
    engine.dispose()


def test_a_project_moves_to_the_server_with_everything_and_goes_on_there(postgresql: Server, tmp_path: Path) -> None:
    with Project.create(tmp_path / "kitchen") as project:
        pairs = fill_store(project.store, ["train", "test"])
        decide(project.store, pairs[:3])
        project.store.undo("ann")
        project.store.set_setting("reviewer", "ann")
        before = _all_of(project.store)
    assert main(["move", str(project.path), "--database", postgresql.url()]) == 0
    with Project.open(project.path) as moved:
        assert moved.store.server
        assert _all_of(moved.store) == before
        assert moved.store.redo("ann") == pairs[2].uid  # the history goes on with numbers of its own
        decide(moved.store, pairs[3:5])
        assert len(moved.store.verdicts()) == 5
    assert not list(project.path.glob(f"{DATABASE}*"))
    assert list((project.path / "backups").glob("*before-move*"))


def test_a_release_goes_in_on_the_server_while_another_reviewer_writes(project: Project) -> None:
    known = fill_store(project.store, ["train"])
    new = [replace(pair, uid=f"new{number}") for number, pair in enumerate(known)]

    def pairs() -> Iterator[StandingPair]:
        for number, pair in enumerate([*new, *known]):
            with Project.open(project.path) as other:
                decide(other.store, [known[number % len(known)]], reviewer="bo")
            yield StandingPair(pair, True, "d2", "r2", 0)

    for number_new, number_known in ((len(new), len(known)), (0, len(new) + len(known))):
        taken = project.store.put_release([], [(datetime.now(UTC), {"a": 1})], pairs(), [], {})
        assert (taken.new_pairs, taken.known_pairs) == (number_new, number_known)
    assert [pair.labels for pair in project.store.pairs([pair.uid for pair in new], reviewer="bo")] == [
        pair.labels for pair in new
    ]


def test_a_move_that_fails_leaves_the_project_as_it_was(
    postgresql: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Project.create(tmp_path / "kitchen") as project:
        decide(project.store, fill_store(project.store, ["train"])[:3])
    assert main(["move", str(project.path), "--database", postgresql.url("cookery")]) == 2
    assert "There is no database cookery" in capsys.readouterr().err
    with Project.open(project.path) as same:
        assert (same.store.server, len(same.store.verdicts())) == ("", 3)


def _all_of(store: Store) -> tuple[object, ...]:
    return (
        store.videos(),
        store.queue("all", reviewer="ann"),
        store.history(),
        store.minings(),
        store.setting("reviewer"),
    )


def test_no_address_that_is_told_holds_a_password() -> None:
    assert PASSWORD not in str(server_url(f"postgresql://ann:{PASSWORD}@server/cooking"))
