"""The window on a project that another app has, that is damaged, or that is backed up while it is open."""

import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QPushButton
from pytestqt.qtbot import QtBot

from annotator.app import build_window
from annotator.store import DATABASE, open_store
from annotator.store.backups import EVERY_VERDICTS, backups, make_backup
from annotator.views.widgets.notice_bar import NoticeBar
from annotator.views.window import MainWindow
from annotator.wiring import Wiring
from tests.annotator.project_maker import decide, make_project

LONG_MS = 60_000
Open = Callable[[Path], Wiring]
_OTHER_APP = (
    "import sys\nfrom pathlib import Path\nfrom annotator.project import Project\n"
    "with Project.open(Path(sys.argv[1]), write_lock=True):\n"
    "    print('open', flush=True)\n    sys.stdin.read()\n"
)


@pytest.fixture
def opened(qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Open]:
    monkeypatch.setenv("ANNOTATOR_CONFIG_DIR", str(tmp_path / "config"))
    windows: list[MainWindow] = []

    def open_(folder: Path) -> Wiring:
        window = build_window(folder)
        windows.append(window)
        window.show()
        wiring: Wiring = window.wiring  # type: ignore[attr-defined]
        if wiring.open is not None:
            wiring.open.review.options.autoplay = False
        return wiring

    yield open_
    for window in windows:
        window.close_question = lambda: ""
        window.close()
        window.deleteLater()
    QApplication.processEvents()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    made, pairs = make_project(tmp_path / "kitchen", ["train"])
    with made:
        decide(made.store, pairs[:2])
        made.store.set_setting("reviewer", "ann")
    return made.path


def _button(notice: NoticeBar) -> QPushButton:
    (button,) = notice.findChildren(QPushButton)
    return button


def test_a_second_app_says_whose_the_project_is_writes_nothing_and_takes_over_when_the_first_is_closed(
    opened: Open, project: Path, qtbot: QtBot
) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _OTHER_APP, str(project)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "open\n"
        wiring = opened(project)
        notice = wiring.window.notice
        assert "open in another Matchmap Annotator" in notice.text()
        assert f"process {first.pid}" in notice.text()
        assert wiring.open is not None
        review = wiring.open.review
        qtbot.waitUntil(lambda: review.current is not None and review.is_idle(), timeout=LONG_MS)
        QTest.keyClick(review.workspace, Qt.Key.Key_A)
        qtbot.waitUntil(review.is_idle, timeout=LONG_MS)
        assert len(wiring.open.project.store.history()) == 2
        first.communicate("")
    with qtbot.waitSignal(wiring.project_opened, timeout=LONG_MS):
        QTest.mouseClick(_button(notice), Qt.MouseButton.LeftButton)
    assert wiring.open is not None
    assert not wiring.open.project.is_read_only
    assert notice.isHidden()


def test_a_backup_that_could_not_be_made_is_told_until_one_is(opened: Open, project: Path, qtbot: QtBot) -> None:
    (project / "backups").write_text("in the way", encoding="utf-8")
    wiring = opened(project)
    notice = wiring.window.notice
    qtbot.waitUntil(lambda: "takes no backups" in notice.text(), timeout=LONG_MS)
    (project / "backups").unlink()
    assert wiring.open is not None
    for _ in range(EVERY_VERDICTS):
        wiring.open.safekeeping.count_verdict()
    qtbot.waitUntil(notice.isHidden, timeout=LONG_MS)
    assert list((project / "backups").glob("*.sqlite"))


def test_a_damaged_project_offers_its_backup_on_the_start_page_and_opens_with_it(
    opened: Open, project: Path, qtbot: QtBot
) -> None:
    backup = make_backup(project / DATABASE)
    assert backup is not None
    content = bytearray((project / DATABASE).read_bytes())
    content[len(content) // 2 :] = b"\x5a" * (len(content) - len(content) // 2)
    (project / DATABASE).write_bytes(content)
    wiring = opened(project)
    notice = wiring.start.notice
    assert "is damaged" in notice.text()
    qtbot.waitUntil(lambda: _button(notice).text() == f"Restore the backup of {backup}", timeout=LONG_MS)
    assert "2 verdicts" in _button(notice).text()
    with qtbot.waitSignal(wiring.project_opened, timeout=LONG_MS):
        QTest.mouseClick(_button(notice), Qt.MouseButton.LeftButton)
    assert wiring.open is not None
    assert len(wiring.open.project.store.verdicts()) == 2
    qtbot.waitUntil(lambda: "the damaged file is kept in" in wiring.window.notice.text(), timeout=LONG_MS)


def test_an_open_project_is_backed_up_at_once_and_damage_is_told_while_it_is_open(
    opened: Open, project: Path, qtbot: QtBot
) -> None:
    wiring = opened(project)
    assert wiring.open is not None
    safekeeping = wiring.open.safekeeping
    qtbot.waitUntil(lambda: len(backups(project / DATABASE)) == 1, timeout=LONG_MS)
    qtbot.waitUntil(safekeeping.background.is_idle, timeout=LONG_MS)
    with closing(sqlite3.connect(project / DATABASE)) as connection:  # the disk loses a page of an index
        page = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'ix_verdict_pair'").fetchone()[0]
        size = connection.execute("PRAGMA page_size").fetchone()[0]
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with open(project / DATABASE, "r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\x5a" * size)
    with qtbot.waitSignal(safekeeping.damaged, timeout=LONG_MS):
        for _ in range(50):
            safekeeping.count_verdict()
    assert "is damaged" in wiring.window.notice.text()
    assert _button(wiring.window.notice).text() == "Close and restore"
    with qtbot.waitSignal(wiring.project_opened, timeout=LONG_MS):
        QTest.mouseClick(_button(wiring.window.notice), Qt.MouseButton.LeftButton)
    assert wiring.open is not None
    with closing(open_store(project)) as store:
        assert len(store.verdicts()) == 2
