"""A project folder: made, opened, refused with one sentence, and locked by the one app on it."""

import json
import os
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from project_maker import make_project

from annotator import recent
from annotator.project import Project, since_text
from annotator.store import DATABASE
from davenet.errors import UserError

_APP = """
import sys
from pathlib import Path
from annotator.project import Project
project = Project.open(Path(sys.argv[1]), write_lock=True)
print("open", flush=True)
sys.stdin.read()
"""


def test_a_new_project_has_its_folders_and_opens_again(tmp_path: Path) -> None:
    with Project.create(tmp_path / "kitchen") as project:
        project.store.set_setting("reviewer", "ann")
    assert {entry.name for entry in (tmp_path / "kitchen").iterdir()} >= {DATABASE, "clips", "labels", "runs", "cache"}
    with Project.open(tmp_path / "kitchen") as project:
        assert project.reviewer == "ann"


def test_a_project_is_never_made_over_another_or_among_other_files(tmp_path: Path) -> None:
    Project.create(tmp_path / "kitchen").close()
    with pytest.raises(UserError, match="already is a project"):
        Project.create(tmp_path / "kitchen")
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "thesis.txt").write_text("a")
    with pytest.raises(UserError, match="not empty"):
        Project.create(tmp_path / "notes")
    with pytest.raises(UserError, match="is a file"):
        Project.create(tmp_path / "notes" / "thesis.txt")


def test_since_when_another_has_a_project_is_told_as_people_read_it() -> None:
    now = datetime(2026, 3, 4, 15, 0).astimezone()
    assert since_text(datetime(2026, 3, 4, 9, 5).astimezone(UTC).isoformat(), now) == "since 09:05"
    assert since_text(datetime(2026, 3, 3, 21, 40).astimezone(UTC).isoformat(), now) == "since 21:40 on 3 March"
    assert since_text(datetime(2025, 3, 3, 21, 40).astimezone(UTC).isoformat(), now) == "since 21:40 on 3 March 2025"


@pytest.mark.parametrize(
    ("name", "message"),
    [("nowhere", "does not exist"), ("file.txt", "is a file"), ("empty", "is not a project")],
)
def test_what_is_no_project_is_refused_in_one_sentence(tmp_path: Path, name: str, message: str) -> None:
    (tmp_path / "file.txt").write_text("a")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=message):
        Project.open(tmp_path / name)
    assert list((tmp_path / "empty").iterdir()) == []


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="the administrator may write anywhere")
def test_a_folder_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    Project.create(tmp_path / "kitchen").close()
    (tmp_path / "kitchen").chmod(0o555)
    try:
        with pytest.raises(UserError, match="cannot be written"):
            Project.open(tmp_path / "kitchen")
    finally:
        (tmp_path / "kitchen").chmod(0o755)


def test_a_second_app_only_reads_and_is_told_whose_the_project_is_and_verbs_still_run(tmp_path: Path) -> None:
    Project.create(tmp_path / "kitchen").close()
    with subprocess.Popen(
        [sys.executable, "-c", _APP, str(tmp_path / "kitchen")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "open\n"
        with Project.open(tmp_path / "kitchen", write_lock=True) as second:
            assert second.is_read_only
            assert re.search(f"open in another Matchmap Annotator .*process {first.pid}", second.read_only_reason)
            with pytest.raises(UserError, match=f"process {first.pid}"):
                second.store.set_setting("beside", 0)
            assert second.store.setting("beside") is None
        with Project.open(tmp_path / "kitchen") as beside:
            beside.store.set_setting("beside", 1)
        first.kill()  # without a chance to tidy up
    with Project.open(tmp_path / "kitchen", write_lock=True) as project:
        assert not project.is_read_only
        assert json.loads((project.path / ".app.json").read_text())["pid"] == os.getpid()


def test_videos_are_found_by_uid_file_name_or_title(tmp_path: Path) -> None:
    project, _ = make_project(tmp_path / "kitchen", ["train"] * 3)
    with project:
        for name in ("video-1", "video-1.mp4", "/videos/video-1.mp4"):
            assert project.find_video(name).uid == "video-1"
        with pytest.raises(UserError, match="several"):
            project.find_video("video-")
        with pytest.raises(UserError, match="no video leek"):
            project.find_video("leek")


def test_what_is_done_for_a_video_is_seen_from_its_files(tmp_path: Path) -> None:
    project, _ = make_project(tmp_path / "kitchen", ["train"] * 2)
    with project:
        project.clip_path("video-0").write_bytes(b"")
        (project.labels_dir / "video-0").mkdir()
        (project.labels_dir / "video-0" / "words.pocketsphinx.jsonl").write_bytes(b"")
        first, second = project.video_states()
        assert (first.is_extracted, first.recognisers, first.detectors) == (True, ("pocketsphinx",), ())
        assert (first.n_food_pairs, first.n_non_food_pairs) == (5, 5)
        assert (second.is_extracted, second.is_present) == (False, False)


def test_recent_projects_are_kept_newest_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANNOTATOR_CONFIG_DIR", str(tmp_path / "config"))
    assert recent.recent_projects() == []
    Project.create(tmp_path / "kitchen").close()
    recent.remember_project(tmp_path / "kitchen")
    recent.remember_project(tmp_path / "gone")
    recent.remember_project(tmp_path / "kitchen")
    assert [(entry.path.name, entry.is_present) for entry in recent.recent_projects()] == [
        ("kitchen", True),
        ("gone", False),
    ]
    recent.forget_project(tmp_path / "gone")
    assert len(recent.recent_projects()) == 1
    (tmp_path / "config" / "recent.json").write_text("{")
    assert recent.recent_projects() == []
