"""The overlay: transparent where there is nothing, inside the crop only, and where the map says it is."""

import subprocess
import sys

import numpy as np
import pytest

from davenet.overlay import COLOUR_MAPS, blend, colour_rgba, colour_table, crop_pixels

CROP = (0.25, 0.0, 0.75, 1.0)
GREY = np.full((90, 160, 3), 100, np.uint8)


def drawn(matchmap: np.ndarray, **changes: object) -> np.ndarray:
    options = {"crop": CROP, "colour_map": "inferno", "alpha": 0.8, "threshold": 0.3, **changes}
    return blend(GREY, matchmap, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("colour_map", COLOUR_MAPS)
def test_nothing_heard_leaves_the_frame_as_it_is(colour_map: str) -> None:
    assert (drawn(np.zeros((14, 14)), colour_map=colour_map, threshold=0.0) == GREY).all()
    assert (drawn(np.full((14, 14), np.nan), colour_map=colour_map) == GREY).all()


def test_map_is_drawn_inside_the_crop_only() -> None:
    picture = drawn(np.ones((14, 14)))
    changed = (picture != GREY).any(axis=2)
    assert changed[:, 40:120].all()
    assert not changed[:, :40].any()
    assert not changed[:, 120:].any()


def test_bright_cell_is_drawn_at_its_own_place() -> None:
    matchmap = np.zeros((9, 8))
    matchmap[2, 6] = 1
    changed = (drawn(matchmap) != GREY).any(axis=2)
    rows, columns = np.nonzero(changed)
    assert rows.mean() == pytest.approx(2.5 * 10, abs=1)
    assert columns.mean() == pytest.approx(40 + 6.5 * 10, abs=1)


def test_opacity_grows_from_the_threshold_to_alpha() -> None:
    values = np.repeat([[0.0, 0.3, 0.65, 1.0]], 4, axis=0)
    rgba = colour_rgba(values, (4, 4), colour_map="viridis", alpha=0.8, threshold=0.3)
    assert rgba.shape == (4, 4, 4)
    assert rgba[0, :, 3].tolist() == [0, 0, 102, 204]


def test_frame_itself_is_never_written_to() -> None:
    before = GREY.copy()
    drawn(np.ones((14, 14)))
    assert (before == GREY).all()


def test_colours_run_from_dark_to_bright_in_rgb() -> None:
    table = colour_table("inferno")
    assert table.shape == (256, 3)
    assert table[0].sum() < 20
    bright = table[200]
    assert bright[0] > bright[2]  # inferno's upper part is orange: red over blue


@pytest.mark.parametrize(("width", "height"), [(1, 1), (3, 2), (161, 91)])
def test_odd_and_tiny_frames_are_drawn(width: int, height: int) -> None:
    frame = np.zeros((height, width, 3), np.uint8)
    x0, y0, x1, y1 = crop_pixels(CROP, width, height)
    assert 0 <= x0 < x1 <= width
    assert 0 <= y0 < y1 <= height
    picture = blend(frame, np.ones((14, 14)), crop=CROP, colour_map="turbo", alpha=1, threshold=0)
    assert picture.shape == frame.shape


def test_overlay_and_matchmap_files_load_without_torch() -> None:
    code = (
        "import sys, davenet.overlay, davenet.matchmap_file, davenet.training.presets; sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
