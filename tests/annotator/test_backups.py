"""Backups that are made again and again and checked, and what happens when the database is damaged or cannot be written."""

import os
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from project_maker import decide, fill_store, make_project

from annotator.cli import main
from annotator.project import Project
from annotator.store import DATABASE, open_store, open_store_to_read
from annotator.store.backups import KEPT_NEWEST, RollingBackups, backups, make_backup, newest_good
from annotator.store.opening import DamagedDatabaseError
from davenet.errors import UserError

_DAY = timedelta(days=1)


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """The database of a closed project with two verdicts."""
    project, pairs = make_project(tmp_path / "kitchen", ["train"])
    with project:
        decide(project.store, pairs[:2])
    return project.path / DATABASE


def _damage(database: Path) -> None:
    """Overwrites the second half of the file, as a failing disk might."""
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    content = bytearray(database.read_bytes())
    content[len(content) // 2 :] = b"\x5a" * (len(content) - len(content) // 2)
    database.write_bytes(content)


def _touch(database: Path, later_s: float) -> None:
    os.utime(database, (later_s, later_s))


def test_a_backup_is_a_whole_project_made_while_others_write(database: Path) -> None:
    with closing(open_store(database.parent)) as store:
        pairs = store.queue_uids("all", reviewer="ann")
        stop = threading.Event()

        def review() -> None:
            while not stop.is_set():
                store.give_verdict(pairs[0], "accept", reviewer="ben", seconds=1.0, window_s=2.0)

        writer = threading.Thread(target=review)
        writer.start()
        try:
            backup = make_backup(database)
        finally:
            stop.set()
            writer.join()
        assert backup is not None
        assert 2 <= backup.n_verdicts <= len(store.history())
    with closing(sqlite3.connect(backup.path)) as copy:
        assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert copy.execute("SELECT count(*) FROM verdict").fetchone() == (backup.n_verdicts,)
    assert {file.name for file in backup.path.parent.iterdir()} == {backup.path.name}


def test_a_table_that_disagrees_with_its_index_is_no_good_backup(database: Path) -> None:
    """Every page reads well, so that only the check's answer tells: rows that a query by the index would not find."""
    good = make_backup(database)
    assert good is not None
    with closing(sqlite3.connect(database)) as connection:
        (root,) = connection.execute(
            "SELECT rootpage FROM sqlite_master WHERE type = 'index' AND tbl_name = 'verdict' AND sql IS NOT NULL"
        ).fetchall()[0]
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        size = connection.execute("PRAGMA page_size").fetchone()[0]
    content = bytearray(database.read_bytes())
    at = (root - 1) * size
    assert content[at] == 10 and content[at + 3 : at + 5] == b"\x00\x02"  # one page of the index, with two entries
    content[at + 3 : at + 5] = b"\x00\x01"  # the second is forgotten
    database.write_bytes(content)
    _touch(database, datetime.now(UTC).timestamp() + 9)
    with closing(sqlite3.connect(database)) as connection:
        assert connection.execute("SELECT count(*) FROM verdict NOT INDEXED").fetchone() == (2,)
    with pytest.raises(DamagedDatabaseError, match="is damaged; restore its last good backup"):
        make_backup(database, now=datetime.now(UTC) + timedelta(seconds=20))
    assert backups(database) == [good]
    good.path.write_bytes(content)
    assert newest_good(database) is None


def test_no_backup_is_made_where_nothing_has_changed(database: Path) -> None:
    assert make_backup(database, now=datetime.now(UTC) + timedelta(seconds=2)) is not None
    assert make_backup(database) is None
    with closing(open_store(database.parent)) as store:
        decide(store, fill_store(store, ["test"], prefix="more")[:1])
    _touch(database, (datetime.now(UTC) + timedelta(seconds=9)).timestamp())
    again = make_backup(database, now=datetime.now(UTC) + timedelta(seconds=5))
    assert again is not None
    assert again.n_verdicts == 3


def test_the_newest_five_are_kept_and_one_a_day_for_a_week(database: Path) -> None:
    first = datetime(2026, 11, 1, 9, tzinfo=UTC)
    times = [first + day * _DAY + timedelta(hours=hour) for day in range(12) for hour in (0, 3, 6)]
    for at in times:
        _touch(database, at.timestamp() + 1)
        make_backup(database, now=at)
    kept = [backup.at for backup in backups(database)]
    assert kept == sorted(kept, reverse=True)
    assert kept[:KEPT_NEWEST] == times[::-1][:KEPT_NEWEST]
    last_of_days = {at.date(): at for at in times}
    assert set(kept[KEPT_NEWEST:]) == {at for day, at in last_of_days.items() if 2 <= (times[-1].date() - day).days < 7}


def test_a_backup_is_due_at_once_and_then_after_many_verdicts(database: Path) -> None:
    rolling = RollingBackups(database)
    assert rolling.is_due()
    assert rolling.back_up() is not None
    assert not rolling.is_due()
    for _ in range(50):
        rolling.count_verdict()
    assert rolling.is_due()


def test_a_damaged_database_never_becomes_a_backup_and_drives_no_good_one_out(database: Path) -> None:
    good = make_backup(database)
    _damage(database)
    for second in range(KEPT_NEWEST + 1):
        with pytest.raises(DamagedDatabaseError, match="annotator restore"):
            make_backup(database, now=datetime.now(UTC) + timedelta(seconds=second))
    assert good is not None
    assert [backup.path for backup in backups(database)] == [good.path]
    assert [file.name for file in good.path.parent.iterdir()] == [good.path.name]


def test_restoring_brings_the_last_good_backup_and_keeps_the_damaged_file(
    database: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = make_backup(database, now=datetime.now(UTC) - _DAY)
    bad = make_backup(database)
    assert good is not None
    assert bad is not None
    bad.path.write_bytes(bad.path.read_bytes()[:8192])  # the backup's disk was no better
    _damage(database)
    damaged = database.read_bytes()
    with pytest.raises(DamagedDatabaseError, match=r"is damaged; restore its last good backup"):
        Project.open(database.parent, write_lock=True)
    assert newest_good(database) == good
    assert main(["restore", str(database.parent)]) == 0
    assert "2 verdicts" in capsys.readouterr().out
    with Project.open(database.parent, write_lock=True) as project:
        assert len(project.store.verdicts()) == 2
        assert not project.is_read_only
    (kept,) = (database.parent / "backups").glob("damaged-*")
    assert (kept / DATABASE).read_bytes() == damaged


def test_without_a_good_backup_nothing_is_changed(database: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _damage(database)
    before = database.read_bytes()
    assert main(["restore", str(database.parent)]) == 2
    assert "no backup that is whole; nothing was changed" in capsys.readouterr().err
    assert database.read_bytes() == before


def test_a_log_of_the_damaged_database_is_never_played_into_the_restored_one(database: Path) -> None:
    make_backup(database)
    with closing(sqlite3.connect(database)) as writer:  # dies with its log beside the file
        writer.execute("UPDATE video SET title = 'from the log'")
        writer.commit()
        log = database.with_name(f"{DATABASE}-wal").read_bytes()
    _damage(database)
    database.with_name(f"{DATABASE}-wal").write_bytes(log)
    Project.restore(database.parent)
    with Project.open(database.parent) as project:
        assert [video.title for video in project.store.videos()] == ["video-0"]


# -- what cannot be written ------------------------------------------------------------------------------------------------


def test_a_verdict_on_a_locked_database_is_refused_in_a_sentence_and_works_afterwards(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("annotator.store.opening.BUSY_TIMEOUT_MS", 100)
    with closing(open_store(database.parent)) as store, closing(sqlite3.connect(database)) as other:
        uid = store.queue_uids("pending", reviewer="ann")[0]
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(UserError, match="stayed locked by another program"):
            store.give_verdict(uid, "accept", reviewer="ann", seconds=1.0, window_s=2.0)
        other.rollback()
        assert len(store.history()) == 2
        store.give_verdict(uid, "accept", reviewer="ann", seconds=1.0, window_s=2.0)
        assert len(store.history()) == 3


_ON_A_FULL_DISK = """
import resource, signal, sys
from pathlib import Path
from annotator.store import open_store
from davenet.errors import UserError

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
store = open_store(Path(sys.argv[1]))
uids = store.queue_uids("all", reviewer="ann")
most = int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))
acknowledged = []
while True:
    try:
        given = store.give_verdict(uids[0], "accept", reviewer="ann", seconds=1.0, window_s=2.0, comment="x" * 500)
        acknowledged.append(given.uid)
    except UserError as error:
        print(error)
        break
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
acknowledged.append(store.give_verdict(uids[1], "reject", reviewer="ann", seconds=1.0, window_s=2.0).uid)
print(*acknowledged)
"""


def test_where_the_disk_takes_no_more_nothing_is_acknowledged_and_it_goes_on_once_there_is_room(database: Path) -> None:
    script = [sys.executable, "-c", _ON_A_FULL_DISK, str(database.parent), str(300_000)]
    done = subprocess.run(script, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    sentence, acknowledged = done.stdout.splitlines()
    assert "could not be" in sentence
    assert str(database) in sentence
    with closing(open_store(database.parent)) as store:
        kept = [verdict.uid for verdict in store.history()]
    assert kept[2:] == acknowledged.split()
    assert len(kept) > 3
    with closing(sqlite3.connect(database)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def _tmpfs(folder: Path, size: str) -> None:
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip("this account may not mount a small disk")


def test_a_really_full_disk_is_named_and_loses_nothing(tmp_path: Path) -> None:
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        pytest.skip("only the administrator may mount a small disk")
    disk = tmp_path / "disk"
    _tmpfs(disk, "1m")
    try:
        project, pairs = make_project(disk / "kitchen", ["train"])
        with project:
            decide(project.store, pairs[:1])
            filler = disk / "filler"
            with pytest.raises(OSError), open(filler, "wb", buffering=0) as file:
                while True:
                    file.write(b"x" * 4096)
            given = 1
            with pytest.raises(UserError, match=r"The disk is full: .* free some space"):
                for _ in range(2000):
                    decide(project.store, pairs[1:2])
                    given += 1
            with pytest.raises(UserError, match=r"disk is full|takes no backups"):
                make_backup(project.store.path)
            filler.unlink()
            assert len(project.store.history()) == given
            decide(project.store, pairs[2:3])
            assert len(project.store.history()) == given + 1
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=False)


def test_a_folder_that_cannot_be_written_to_opens_for_reading_only(tmp_path: Path) -> None:
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        pytest.skip("only the administrator may mount a disk for reading only")
    disk = tmp_path / "disk"
    _tmpfs(disk, "4m")
    try:
        project, pairs = make_project(disk / "kitchen", ["train"])
        decide(project.store, pairs[:2])
        project.close()
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        _reads_only(disk / "kitchen", pairs[2].uid)
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=False)


def test_what_was_written_last_is_read_too_where_the_log_could_not_be_taken_in(tmp_path: Path) -> None:
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        pytest.skip("only the administrator may mount a disk for reading only")
    disk = tmp_path / "disk"
    _tmpfs(disk, "4m")
    try:
        project, pairs = make_project(disk / "kitchen", ["train"])
        project.close()
        dying = (
            "import os, sys\nfrom pathlib import Path\nfrom annotator.store import open_store\n"
            "store = open_store(Path(sys.argv[1]))\n"
            "for uid in sys.argv[2:]:\n"
            "    store.give_verdict(uid, 'accept', reviewer='ann', seconds=1.0, window_s=2.0)\n"
            "os._exit(0)\n"
        )
        subprocess.run([sys.executable, "-c", dying, str(project.path), *(pair.uid for pair in pairs[:2])], check=True)
        assert (project.path / f"{DATABASE}-wal").stat().st_size
        (project.path / f"{DATABASE}-shm").unlink()
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        _reads_only(disk / "kitchen", pairs[2].uid)
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=False)


def _reads_only(folder: Path, uid: str) -> None:
    with Project.open(folder, write_lock=True) as project:
        assert project.is_read_only
        assert "cannot be written to, so the project can only be read" in project.read_only_reason
        assert len(project.store.verdicts()) == 2
        with pytest.raises(UserError, match="can only be read"):
            project.store.give_verdict(uid, "accept", reviewer="ann", seconds=1.0, window_s=2.0)


def test_sqlite_itself_refuses_to_write_through_a_store_that_only_reads(database: Path) -> None:
    with closing(open_store_to_read(database.parent, "for reading")) as store:
        uid = store.queue_uids("pending", reviewer="ann")[0]
        store.read_only_reason = ""  # as if the check before were forgotten
        with pytest.raises(UserError, match="cannot be written to"):
            store.give_verdict(uid, "accept", reviewer="ann", seconds=1.0, window_s=2.0)
    with closing(open_store(database.parent)) as store:
        assert len(store.history()) == 2


def test_verbs_that_write_say_why_they_cannot_and_verbs_that_read_go_on(
    database: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("annotator.project._not_writable", lambda path: f"{path} can only be read, said the test.")
    folder = str(database.parent)
    for verb in (["import", folder, folder], ["review", "import", folder, "verdicts.csv"], ["relink", folder, folder]):
        assert main(verb) == 2
        assert "can only be read, said the test." in capsys.readouterr().err
    assert main(["review", "stats", folder]) == 0
