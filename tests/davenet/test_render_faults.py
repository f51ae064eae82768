"""Rendering for two checkpoints, and where it cannot end well: a full disk leaves one sentence and no half file."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from test_matchmap import checkpoint, never, render_spec, video  # noqa: F401  (fixtures)

from davenet.beside import beside, captioned
from davenet.evaluation.render import render_video
from davenet.look import WHOLE, Look, painted
from davenet.media.frames import frames_at
from davenet.media.probe import probe

_LIMITED = """
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), int(sys.argv[2])))
from davenet.__main__ import main
sys.exit(main(["render", "--spec", sys.argv[1]]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="limits of a file's size are POSIX's")
@pytest.mark.parametrize("limit", [64, 3_000, 12_000])
def test_a_full_disk_in_mid_render_is_told_in_one_sentence_and_leaves_no_file(
    video: Path, checkpoint: Path, tmp_path: Path, limit: int  # noqa: F811
) -> None:  # fmt: skip
    out = tmp_path / "out" / "clip.mp4"
    out.parent.mkdir()
    spec = render_spec(video, checkpoint, out, alpha=0.5)
    spec_file = tmp_path / "spec.json"
    spec_file.write_text(spec.model_dump_json(), encoding="utf-8")
    script = [sys.executable, "-c", _LIMITED, str(spec_file), str(limit)]
    done = subprocess.run(script, capture_output=True, text=True, encoding="utf-8", timeout=120)
    assert done.returncode == 2, done.stderr[-2000:]
    last = done.stdout.strip().splitlines()[-1]
    assert '"failed"' in last and "clip.mp4" in last and '"bug":true' not in last.replace(" ", "")
    assert list(out.parent.iterdir()) == []


def test_two_checkpoints_are_rendered_side_by_side_with_their_difference(
    video: Path, checkpoint: Path, tmp_path: Path  # noqa: F811
) -> None:  # fmt: skip
    out = tmp_path / "out.mp4"
    spec = render_spec(
        video, checkpoint, out, second_checkpoint=checkpoint, difference=True, names=("before", "after"), end_s=1.0
    )
    result = render_video(spec, lambda event: None, never)
    info = probe(out)
    assert (info.width, info.height, info.has_sound) == (3 * 192, 108, True) and result["width"] == 3 * 192
    (_, shown), *_ = frames_at(out, [0.5], shorter_side=None)
    (_, plain), *_ = frames_at(video, [0.5], shorter_side=None)
    first, second, change = np.split(shown.astype(int), 3, axis=1)
    below = slice(40, None)  # under the names
    assert np.abs(first[below] - second[below]).mean() < 3  # one checkpoint twice
    assert np.abs(first[below] - plain[below]).mean() > 3 * np.abs(change[below] - plain[below]).mean()


def test_pictures_side_by_side_are_each_as_on_its_own_stage() -> None:
    random = np.random.default_rng(0)
    frame = random.integers(0, 255, (90, 160, 3), dtype=np.uint8)
    look, crop = Look(), (0.2, 0.0, 0.8, 1.0)
    one, other = random.random((7, 7)), random.random((7, 7))
    both = beside(frame, [(one, crop), (other, crop)], look)
    np.testing.assert_array_equal(both[:, :160], painted(frame, one, look, crop))
    np.testing.assert_array_equal(both[:, 160:], painted(frame, other, look, crop))
    assert beside(frame, [(one, crop), (None, WHOLE)], look, differs=True).shape == (90, 480, 3)
    np.testing.assert_array_equal(beside(frame, [(one, crop)], look, names=("run 3",)), both[:, :160])


def test_a_name_too_long_for_its_picture_is_cut_and_changes_no_other_pixels() -> None:
    frame = np.full((120, 160, 3), 200, np.uint8)
    drawn = captioned(frame, "a very long name of a run · word “onion” · and more of it")
    assert (drawn[:60] != frame[:60]).any() and (drawn[60:] == frame[60:]).all()
