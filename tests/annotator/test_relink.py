"""Videos that were moved, renamed or changed: found again by their content, in the window and on the command line."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from project_maker import decide, make_pair, make_video_record
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from annotator.cli import main
from annotator.project import Project
from annotator.verbs import relinking
from annotator.views.relink.dialog import RelinkDialog
from annotator.views.relink.presenter import RelinkPresenter
from davenet.errors import UserError
from davenet.files import HASHED_PART, content_hash

LONG_MS = 20_000


@pytest.fixture
def kitchen(tmp_path: Path) -> Iterator[Project]:
    """Three videos (as files of any content), pairs and verdicts on each; two are as long as each other."""
    videos = tmp_path / "videos"
    videos.mkdir()
    with Project.create(tmp_path / "kitchen") as project:
        records, pairs = [], []
        for number, content in enumerate((b"a" * 4000, b"b" * 4000, b"c" * (3 * HASHED_PART + 500_000))):
            path = videos / f"video-{number}.mp4"
            path.write_bytes(content)
            record = make_video_record(number)
            records.append(replace(record, path=path, source_hash=content_hash(path), size_bytes=len(content)))
            pairs += [make_pair(record.uid, float(second)) for second in range(2)]
        project.store.add_videos(records)
        project.store.put_pairs(pairs, {})
        decide(project.store, pairs[::2])
        yield project


def _move(tmp_path: Path, number: int, name: str) -> Path:
    to = tmp_path / "disk" / "deep" / name
    to.parent.mkdir(parents=True, exist_ok=True)
    return Path(shutil.move(tmp_path / "videos" / f"video-{number}.mp4", to))


def test_a_video_that_was_moved_and_renamed_is_found_among_others_of_its_size(kitchen: Project, tmp_path: Path) -> None:
    there = [_move(tmp_path, 0, "soup one.mp4"), _move(tmp_path, 2, "long.mkv")]
    (tmp_path / "disk" / "decoy.mp4").write_bytes(b"x" * 4000)
    troubles = relinking.examine(kitchen)
    assert [(trouble.video.uid, trouble.kind) for trouble in troubles] == [
        ("video-0", "missing"),
        ("video-2", "missing"),
    ]
    found = relinking.search(troubles, tmp_path / "disk")
    assert found == {"video-0": there[0], "video-2": there[1]}
    before = kitchen.store.history()
    relinking.relink(kitchen, found)
    assert relinking.examine(kitchen) == []
    assert kitchen.store.history() == before
    assert kitchen.store.video("video-0").title == "video-0"


def test_a_file_whose_content_changed_is_told_with_what_stays_and_its_old_content_is_found(
    kitchen: Project, tmp_path: Path
) -> None:
    path = kitchen.store.video("video-1").path
    shutil.copy(path, tmp_path / "original.mp4")
    path.write_bytes(b"B" * 4000)
    (trouble,) = relinking.examine(kitchen)
    assert trouble.kind == "changed"
    assert "2 pairs (1 with verdicts)" in relinking.what_stays(kitchen, trouble.video)
    assert relinking.search([trouble], tmp_path) == {"video-1": tmp_path / "original.mp4"}


def test_a_search_ends_when_it_is_cancelled_and_says_where_it_is(kitchen: Project, tmp_path: Path) -> None:
    _move(tmp_path, 0, "z-last.mp4")
    for number in range(120):
        (tmp_path / "disk" / f"file-{number:03d}").write_bytes(b"x")
    said: list[int] = []
    found = relinking.search(
        relinking.examine(kitchen),
        tmp_path / "disk",
        on_progress=lambda number, _place: said.append(number),
        is_cancelled=lambda: len(said) > 1,
    )
    assert (found, said) == ({}, [0, 50])
    with pytest.raises(UserError, match="is not a folder"):
        relinking.search([], tmp_path / "nowhere")


def test_the_command_line_links_what_it_finds_and_names_the_rest(
    kitchen: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    there = _move(tmp_path, 0, "soup.mp4")
    (tmp_path / "videos" / "video-1.mp4").unlink()
    assert main(["relink", str(kitchen.path), str(tmp_path / "disk")]) == 0
    said = capsys.readouterr().out
    assert "1 videos linked anew" in said
    assert f"{tmp_path / 'videos' / 'video-1.mp4'} is no longer there" in said
    assert kitchen.store.video("video-0").path == there


@pytest.fixture
def opened(kitchen: Project, tmp_path: Path, qtbot: QtBot) -> Iterator[tuple[RelinkPresenter, RelinkDialog]]:
    """The dialog on a project whose first video has moved and whose second has changed."""
    _move(tmp_path, 0, "soup.mp4")
    kitchen.store.video("video-1").path.write_bytes(b"B" * 4000)
    window = QWidget()
    qtbot.addWidget(window)
    window.show()
    presenter = RelinkPresenter(kitchen, window)
    presenter.open()
    dialog = presenter.dialog
    assert dialog is not None
    qtbot.waitUntil(presenter.background.is_idle, timeout=LONG_MS)
    yield presenter, dialog
    presenter.close()
    qtbot.waitUntil(lambda: presenter.dialog is None, timeout=LONG_MS)


def test_the_dialog_lists_searches_and_links(
    opened: tuple[RelinkPresenter, RelinkDialog], kitchen: Project, tmp_path: Path, qtbot: QtBot
) -> None:
    presenter, dialog = opened
    assert [row.key for row in dialog.table.rows()] == ["video-0", "video-1"]
    assert not dialog.link.isEnabled()
    dialog.table.selectRow(1)
    assert "fit the new one only where nothing was cut" in dialog.what_stays.text()
    dialog.search_requested.emit(tmp_path / "disk")
    assert dialog.cancel.isVisibleTo(dialog)
    qtbot.waitUntil(presenter.background.is_idle, timeout=LONG_MS)
    assert dialog.says.text() == f"1 of 2 found in {tmp_path / 'disk'}."
    assert dialog.link.text() == "Link it"
    with qtbot.waitSignal(presenter.relinked, timeout=LONG_MS):
        QTest.mouseClick(dialog.link, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(presenter.background.is_idle, timeout=LONG_MS)
    assert [row.key for row in dialog.table.rows()] == ["video-1"]
    assert kitchen.store.video("video-0").path == tmp_path / "disk" / "deep" / "soup.mp4"


def test_a_folder_that_is_gone_is_told_in_the_dialog(
    opened: tuple[RelinkPresenter, RelinkDialog], tmp_path: Path, qtbot: QtBot
) -> None:
    presenter, dialog = opened
    dialog.search_requested.emit(tmp_path / "nowhere")
    qtbot.waitUntil(presenter.background.is_idle, timeout=LONG_MS)
    assert "is not a folder" in dialog.notice.text()
    assert dialog.search.isVisibleTo(dialog)
