"""Pointing accuracy: a model that points right gets all, one that points anywhere gets chance."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from davenet.clips import open_clip, write_clip
from davenet.errors import UserError
from davenet.evaluation.localisation import box_at, hit_cells, main, namings_of, pointing_accuracy, word_sound
from davenet.model.checkpoint import save_checkpoint
from davenet.model.config import MODEL_CONFIGS
from davenet.model.davenet import DAVEnet

SIZE = (256, 128)
CONFIG = MODEL_CONFIGS["small"].model_copy(update={"image_size": 128, "resize": 128})
TRUTH = {
    "size": SIZE,
    "visible": [
        {"food": "onion", "boxes": [[2.0, 100, 20, 132, 60], [3.0, 140, 20, 172, 60]]},
        {"food": "carrot", "boxes": [[2.0, 70, 80, 90, 120]]},
        {"food": "leek", "boxes": [[2.0, 0, 0, 30, 128]]},
    ],
    "spoken": [
        {"food": "onion", "start": 1.8, "end": 2.2, "in_view": True},
        {"food": "carrot", "start": 1.8, "end": 2.2, "in_view": True},
        {"food": "leek", "start": 1.8, "end": 2.2, "in_view": True},
        {"food": "garlic", "start": 0.8, "end": 1.2, "in_view": False},
    ],
}


@pytest.fixture
def clip_file(tmp_path: Path) -> Path:
    picture = cv2.imencode(".jpg", np.full((SIZE[1], SIZE[0], 3), 90, np.uint8))[1].tobytes()
    path = tmp_path / "clips" / "kitchen-0123abcd.safetensors"
    log_mel = np.random.default_rng(0).uniform(-60, 0, (400, 40))
    write_clip(
        path,
        frames_jpeg=[picture] * 4,
        frame_times_s=[0.0, 1.0, 2.0, 3.0],
        log_mel=log_mel,
        metadata={"video": "kitchen-0123abcd"},
    )
    return path


class Pointing(DAVEnet):
    """Points at one pixel of the frame whatever it hears."""

    def __init__(self, x: float, y: float) -> None:
        super().__init__(CONFIG)
        x0, y0, x1, y1 = CONFIG.crop_of(*SIZE)
        self.column = int((x / SIZE[0] - x0) / (x1 - x0) * CONFIG.map_size)
        self.row = int((y / SIZE[1] - y0) / (y1 - y0) * CONFIG.map_size)

    def image_map(self, image_B3HW: torch.Tensor) -> torch.Tensor:
        found = torch.zeros(len(image_B3HW), CONFIG.embedding, CONFIG.map_size, CONFIG.map_size)
        found[:, :, self.row, self.column] = 1
        return found

    def audio_map(self, log_mel_BMT: torch.Tensor, n_steps_B: torch.Tensor | None = None) -> torch.Tensor:
        return torch.ones(len(log_mel_BMT), CONFIG.embedding, self.audio_steps(log_mel_BMT.shape[2]))


def test_peak_on_the_named_food_is_a_hit_and_beside_it_a_miss(clip_file: Path) -> None:
    onion = [n for n in namings_of(open_clip(clip_file), TRUTH) if n.food == "onion"]
    cpu = torch.device("cpu")
    assert pointing_accuracy(Pointing(116, 40), onion, segment_s=2.0, device=cpu)["pointing_accuracy"] == 1
    assert pointing_accuracy(Pointing(116, 90), onion, segment_s=2.0, device=cpu)["pointing_accuracy"] == 0
    assert (
        pointing_accuracy(Pointing(160, 40), onion, segment_s=2.0, device=cpu)["pointing_accuracy"] == 0
    )  # where it goes later


def test_namings_are_the_foods_in_view_when_they_are_said(clip_file: Path) -> None:
    namings = list(namings_of(open_clip(clip_file), TRUTH))
    assert [n.food for n in namings] == ["onion", "carrot", "leek"]
    assert {n.frame for n in namings} == {2}
    assert namings[0].boxes == ((100, 20, 132, 60),)


def test_food_outside_of_the_crop_is_not_counted(clip_file: Path) -> None:
    namings = list(namings_of(open_clip(clip_file), TRUTH))
    values = pointing_accuracy(Pointing(116, 40), namings, segment_s=2.0, device=torch.device("cpu"))
    assert values["namings"] == 2
    assert values["outside_the_crop"] == 1
    assert values["pointing_accuracy"] == 0.5


def test_chance_is_the_share_of_cells_that_would_be_hits(clip_file: Path) -> None:
    naming = next(iter(namings_of(open_clip(clip_file), TRUTH)))
    model = Pointing(116, 40)
    hit_HW = hit_cells(naming, model)
    # cells of 8 px: centres within 4 px of [36, 68] x [20, 60] of the crop
    assert hit_HW.sum() == 5 * 6 or hit_HW.sum() == 4 * 6
    values = pointing_accuracy(model, [naming], segment_s=2.0, device=torch.device("cpu"))
    assert values["chance"] == pytest.approx(hit_HW.mean())


def test_box_is_the_nearest_in_time_and_none_when_all_are_far() -> None:
    boxes = [[1.0, 0, 0, 1, 1], [2.0, 2, 2, 3, 3]]
    assert box_at(boxes, 1.6) == (2, 2, 3, 3)
    assert box_at(boxes, 4.0) is None
    assert box_at([], 1.0) is None


def test_word_is_heard_at_its_own_steps_inside_its_segment(clip_file: Path) -> None:
    naming = next(iter(namings_of(open_clip(clip_file), TRUTH)))
    model = DAVEnet(CONFIG).eval()
    sound = word_sound(model, naming, 2.0, torch.device("cpu"))
    log_mel, n_steps = naming.clip.segment(2.0, 2.0)
    assert n_steps == 200
    with torch.no_grad():
        steps = model.audio_map(torch.from_numpy(log_mel)[None])[0]
    # the word at 1.8..2.2 s with 0.2 s around lies at 0.6..1.4 s of the segment: steps of 80 ms
    torch.testing.assert_close(sound, steps[:, 7:18].mean(dim=1))


def test_command_writes_the_figures(clip_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "truth").mkdir()
    (tmp_path / "truth" / "kitchen.truth.json").write_text(json.dumps(TRUTH))
    save_checkpoint(tmp_path / "a.safetensors", DAVEnet(CONFIG), metadata={"training": {"segment_s": 2.0}})
    command = ["--checkpoint", str(tmp_path / "a.safetensors"), "--clips", str(clip_file.parent), "--device", "cpu"]
    assert main([*command, "--truth", str(tmp_path / "truth"), "--out", str(tmp_path / "figures.json")]) == 0
    assert json.loads((tmp_path / "figures.json").read_text())["namings"] == 2
    assert main([*command, "--truth", str(tmp_path), "--out", str(tmp_path / "figures.json")]) == 2
    assert "No clip in" in capsys.readouterr().err


def test_clips_without_truth_are_a_users_error(clip_file: Path, tmp_path: Path) -> None:
    from davenet.evaluation.localisation import measure

    save_checkpoint(tmp_path / "a.safetensors", DAVEnet(CONFIG), metadata={})
    with pytest.raises(UserError, match="No clip in"):
        measure(tmp_path / "a.safetensors", clip_file.parent, tmp_path / "nowhere")
