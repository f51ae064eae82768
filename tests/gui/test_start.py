"""The start page: recent projects, a new one from a folder of videos, what is dropped on it, errors in place."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from annotator.project import Project
from annotator.recent import RecentProject
from annotator.views.start.page import RecentRow, StartPage


@pytest.fixture
def page(qtbot: QtBot) -> StartPage:
    made = StartPage()
    qtbot.addWidget(made)
    made.show()
    return made


def test_recent_projects_are_opened_by_a_press_and_forgotten_by_their_cross(page: StartPage, qtbot: QtBot) -> None:
    now = datetime.now(UTC)
    page.set_recent(
        [
            RecentProject(Path("/projects/kitchen"), now, True),
            RecentProject(Path("/projects/gone"), now - timedelta(days=3), False),
        ]
    )
    qtbot.waitUntil(lambda: len([row for row in page.findChildren(RecentRow) if row.isVisible()]) == 2)
    rows = page.findChildren(RecentRow)
    assert [row.button.text() for row in rows] == ["kitchen", "gone"]
    assert rows[0].button.accessibleDescription() == f"{Path('/projects/kitchen')}, today"
    assert not rows[1].button.isEnabled()
    with qtbot.waitSignal(page.open_requested) as opened:
        rows[0].button.click()
    assert opened.args == [Path("/projects/kitchen")]
    with qtbot.waitSignal(page.forget_requested) as forgotten:
        rows[1].forget.click()
    assert forgotten.args == [Path("/projects/gone")]


def test_a_dropped_folder_is_offered_as_a_new_project_beside_it(page: StartPage, qtbot: QtBot, tmp_path: Path) -> None:
    videos = tmp_path / "videos"
    videos.mkdir()
    (tmp_path / "videos-matchmaps").mkdir()
    page.take_drop([videos])
    assert page.new_form.isVisible()
    assert page.new_form.project.text() == str(tmp_path / "videos-matchmaps-2")
    with qtbot.waitSignal(page.new_requested) as wanted:
        page.new_form.create.click()
    assert wanted.args == [videos, tmp_path / "videos-matchmaps-2"]


def test_a_dropped_video_stands_for_its_folder_and_a_dropped_project_opens(
    page: StartPage, qtbot: QtBot, tmp_path: Path
) -> None:
    video = tmp_path / "a.mp4"
    video.touch()
    page.take_drop([video])
    assert page.new_form.videos.text() == str(tmp_path)
    Project.create(tmp_path / "project").close()
    with qtbot.waitSignal(page.open_requested) as opened:
        page.take_drop([tmp_path / "project"])
    assert opened.args == [tmp_path / "project"]


def test_while_the_demo_is_prepared_no_second_wish_is_taken(page: StartPage) -> None:
    page.set_busy("Extracting frames and sound…")
    assert page.busy.isVisible()
    assert not page.demo_card.isEnabled()
    page.show_error("The disk is full.")
    assert page.demo_card.isEnabled()
    assert page.notice.text() == "The disk is full."
