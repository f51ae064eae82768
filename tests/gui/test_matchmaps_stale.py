"""No map is ever shown for another video, checkpoint or mode than is chosen, however quickly they change."""

import math
import random
import shutil
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numbered_video import N_FRAMES, RATE, write_video
from pytestqt.qtbot import QtBot
from test_matchmaps import DURATION, SHIPPED, import_videos, overlay_alpha
from test_player import Silent

from annotator.jobs.queue import JobQueue
from annotator.playback.player import Player
from annotator.project import Project
from annotator.views.matchmaps import sources
from annotator.views.matchmaps.presenter import MatchmapsPresenter
from annotator.views.matchmaps.workspace import MatchmapsWorkspace
from annotator.views.widgets.stage import Stage
from davenet.files import content_hash
from davenet.live import FOLDER, STRETCH_S, Mode, stretch_path, write_arrays

SIDE = 5
MODES = (Mode("around", "mean", 2.0), Mode("moment", "mean"), Mode("around", "max", 2.0))
Cells = dict[tuple[str, str, str], int]  # (video, checkpoint, mode's key) -> which cell its maps light


@pytest.fixture
def desk(
    qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[MatchmapsWorkspace, MatchmapsPresenter, Cells]]:
    """Two videos and two checkpoints, whose maps of each mode lie in the cache and light a cell of their own."""
    media = tmp_path / "media"
    media.mkdir()
    for name, more in (("first", 0), ("second", 5)):
        write_video(media / f"{name}.mp4", times=[n / RATE for n in range(N_FRAMES + more)])
    shipped, other = tmp_path / "demo.safetensors", tmp_path / "other.safetensors"
    shutil.copy(SHIPPED, shipped)
    data = bytearray(SHIPPED.read_bytes())
    data[-1] ^= 1
    other.write_bytes(bytes(data))
    monkeypatch.setattr(sources, "DEMO_CHECKPOINT", shipped)
    with Project.create(tmp_path / "project") as project:
        uids = import_videos(project, media)
        cells: Cells = {}
        for uid, path, mode in product(uids, (shipped, other), MODES):
            cells[uid, str(path), mode.key] = cell = len(cells)
            _write(project.cache_dir / FOLDER / content_hash(path), uid, mode, cell)
        workspace, player, jobs = MatchmapsWorkspace(), Player(sound=Silent), JobQueue()
        qtbot.addWidget(workspace)
        presenter = MatchmapsPresenter(workspace, project, player, jobs)
        workspace.resize(1280, 720)
        workspace.show()
        presenter.open_checkpoint(other)
        qtbot.waitUntil(lambda: presenter.watching.first.checkpoint.path == other)  # type: ignore[union-attr]
        yield workspace, presenter, cells
        presenter.shutdown()
        player.shutdown()
        jobs.close()


def _write(folder: Path, uid: str, mode: Mode, cell: int) -> None:
    for stretch in range(math.ceil((DURATION + 1) / STRETCH_S)):
        times_s = np.arange(stretch * STRETCH_S, min((stretch + 1) * STRETCH_S, DURATION + 1), 0.25)
        maps = np.zeros((len(times_s), SIDE, SIDE), np.float16)
        maps[:, cell // SIDE, cell % SIDE] = 1.0
        write_arrays(stretch_path(folder, mode.key, uid, stretch), {"maps": maps, "times_s": times_s})


def _shown(stage: Stage) -> int | None:
    """Returns the cell that a stage's overlay lights, None where it has none."""
    if stage._overlay is None:
        return None
    alpha = overlay_alpha(stage)
    assert alpha.max() > 0
    row, column = np.unravel_index(int(alpha.argmax()), alpha.shape)
    return int(row * SIDE / alpha.shape[0]) * SIDE + int(column * SIDE / alpha.shape[1])


def test_no_map_of_another_video_checkpoint_or_mode_shows_in_500_quick_changes(qtbot: QtBot, desk: Any) -> None:
    workspace, presenter, cells = desk
    stages, watching = workspace.stages, presenter.watching
    uids = sorted({uid for uid, _, _ in cells})
    paths = sorted({path for _, path, _ in cells})
    chance = random.Random(0)
    seen: set[int] = set()

    def check() -> None:
        for stage, listener in ((stages.first, watching.first), (stages.second, watching.second)):
            shown = None if listener is None else _shown(stage)
            if shown is None:
                continue
            wanted = (presenter.playing.video.uid, listener.checkpoint.key, presenter.asking.choice.mode.key)
            assert shown == cells[wanted], wanted
            seen.add(shown)

    changes = (
        lambda: presenter.show_video(chance.choice(uids)),
        lambda: presenter.choose_checkpoint(chance.choice(paths)),
        lambda: presenter.choose_second(chance.choice(["", *paths])),
        lambda: workspace.mode_requested.emit(chance.choice(["around", "moment"])),
        lambda: presenter.asking.toggle_reduction() if presenter.asking.choice.kind == "around" else None,
        lambda: workspace.seek_requested.emit(chance.uniform(0, DURATION - 0.5)),
        lambda: presenter.refresh(),
    )
    for _ in range(500):
        chance.choice(changes)()
        if presenter.asking.choice.kind == "moment" and presenter.asking.choice.reduction == "max":
            presenter.asking.toggle_reduction()
        check()
        qtbot.wait(chance.choice((0, 0, 1, 3, 15)))
        check()
    qtbot.waitUntil(lambda: _shown(stages.first) is not None)
    check()
    assert len(seen) > len(cells) // 2  # it did show maps on the way


def test_a_contact_sheet_is_of_what_was_shown_when_it_was_asked_for(qtbot: QtBot, desk: Any, tmp_path: Path) -> None:
    workspace, presenter, cells = desk
    first, second = sorted({uid for uid, _, _ in cells})
    sheets = []
    for then in (first, second):
        presenter.show_video(first)
        qtbot.waitUntil(lambda: _shown(workspace.stages.first) is not None and workspace.panel.sheet_button.isEnabled())
        sheets.append(tmp_path / f"then-{then}.png")
        workspace.ask_path = lambda _title, _suggested, _kind: sheets[-1]
        workspace.panel.sheet_button.click()
        presenter.show_video(then)
        qtbot.waitUntil(sheets[-1].exists)
    assert sheets[0].read_bytes() == sheets[1].read_bytes()
