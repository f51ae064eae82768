"""Pointing accuracy: how often the brightest place of a matchmap lies on the food that is being named (Section 5).

Needs the truth of generated videos (NAME.truth.json: boxes of each food in view, times of each spoken food), which no
other part reads. Run as: python -m davenet.evaluation.localisation --checkpoint C --clips DIR --truth DIR --out FILE
"""

import argparse
import json
import random
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from davenet.clips import Clip, open_clip
from davenet.errors import UserError
from davenet.evaluation.evaluate import as_trained
from davenet.files import write_text_atomically
from davenet.model.checkpoint import chosen_device, load_checkpoint
from davenet.model.davenet import DAVEnet, normalised
from davenet.training.dataset import evaluation_crop

AROUND_WORD_S = 0.2  # sound heard before and after the word
MOST_OFF_S = 0.6  # how far a frame may be from the time of its boxes
Box = tuple[float, float, float, float]  # x0, y0, x1, y1 in pixels of the truth's size


@dataclass(frozen=True, slots=True)
class Naming:
    """A food that is named while it is in view: the word's time, the frame nearest to it, and where the food is."""

    clip: Clip
    food: str
    start_s: float
    end_s: float
    frame: int
    boxes: tuple[Box, ...]
    size: tuple[int, int]  # width and height that the boxes are in


def pointing_accuracy(
    model: DAVEnet, namings: Sequence[Naming], *, segment_s: float, device: torch.device, seed: int = 0
) -> dict[str, Any]:
    """Returns the share of namings whose peak lies on the food, and three figures to compare it with.

    `chance` is the share of map cells that would be hits (a blind guess), `other_word` the accuracy when the sound
    is that of another food named elsewhere (a model that sees but does not hear gets as much as with the right word),
    `centre` that of always pointing at the middle.
    """
    order = random.Random(seed)
    hits, chances, others, centres = [], [], [], []
    for naming in namings:
        hit_HW = hit_cells(naming, model)
        if not hit_HW.any():
            continue  # the food lies outside of the model's crop
        image_DHW = _image_map(model, naming, device)
        hits.append(bool(hit_HW[_peak(image_DHW, word_sound(model, naming, segment_s, device))]))
        chances.append(float(hit_HW.mean()))
        centres.append(bool(hit_HW[hit_HW.shape[0] // 2, hit_HW.shape[1] // 2]))
        elsewhere = [other for other in namings if other.food != naming.food]
        if elsewhere:
            other_word = word_sound(model, order.choice(elsewhere), segment_s, device)
            others.append(bool(hit_HW[_peak(image_DHW, other_word)]))
    n = len(hits)
    accuracy = float(np.mean(hits)) if n else 0.0
    resampled = np.random.default_rng(seed).binomial(n, accuracy, 1000) / n if n else np.zeros(1)
    return {
        "pointing_accuracy": accuracy,
        "pointing_accuracy_interval_95": [float(v) for v in np.quantile(resampled, [0.025, 0.975])],
        "chance": float(np.mean(chances)) if n else 0.0,
        "other_word": float(np.mean(others)) if others else 0.0,
        "centre": float(np.mean(centres)) if n else 0.0,
        "namings": n,
        "outside_the_crop": len(namings) - n,
    }


def namings_of(clip: Clip, truth: dict[str, Any]) -> Iterator[Naming]:
    """Yields the namings of a video whose food is in view in the frame nearest to the word."""
    width, height = truth["size"]
    for spoken in truth["spoken"]:
        if not spoken.get("in_view"):
            continue
        frame = clip.nearest_frame((spoken["start"] + spoken["end"]) / 2)
        boxes = tuple(
            box
            for visible in truth["visible"]
            if visible["food"] == spoken["food"] and (box := box_at(visible["boxes"], float(clip.frame_times_s[frame])))
        )
        if boxes:
            yield Naming(clip, spoken["food"], spoken["start"], spoken["end"], frame, boxes, (width, height))


def box_at(boxes: Sequence[Sequence[float]], time_s: float) -> Box | None:
    """Returns the box [t, x0, y0, x1, y1] nearest in time, without its time; None where the nearest is too far."""
    nearest = min(boxes, key=lambda box: abs(box[0] - time_s), default=None)
    if nearest is None or abs(nearest[0] - time_s) > MOST_OFF_S:
        return None
    _, x0, y0, x1, y1 = nearest
    return x0, y0, x1, y1


def hit_cells(naming: Naming, model: DAVEnet) -> NDArray[np.bool_]:
    """Returns (H, W): the cells whose centre lies in a box of the food, or within half a cell of one."""
    width, height = naming.size
    x0, y0, x1, y1 = model.config.crop_of(width, height)
    n = model.config.map_size
    cell_w, cell_h = (x1 - x0) * width / n, (y1 - y0) * height / n
    x_W = x0 * width + (np.arange(n) + 0.5) * cell_w
    y_H = y0 * height + (np.arange(n) + 0.5) * cell_h
    hit_HW = np.zeros((n, n), bool)
    for left, top, right, bottom in naming.boxes:
        if right <= x0 * width or left >= x1 * width or bottom <= y0 * height or top >= y1 * height:
            continue
        in_W = (x_W >= left - cell_w / 2) & (x_W <= right + cell_w / 2)
        in_H = (y_H >= top - cell_h / 2) & (y_H <= bottom + cell_h / 2)
        hit_HW |= in_H[:, None] & in_W[None, :]
    return hit_HW


def word_sound(model: DAVEnet, naming: Naming, segment_s: float, device: torch.device) -> torch.Tensor:
    """Returns (D): the mean of the audio map's steps over the word, heard inside its segment as in training."""
    centre = (naming.start_s + naming.end_s) / 2
    log_mel, n_steps = naming.clip.segment(centre, segment_s)
    with torch.no_grad():
        audio_DT = model.audio_map(torch.from_numpy(log_mel[None, :, :n_steps]).to(device))[0]
    begins_s = max(0.0, centre - segment_s / 2)  # the segment starts with the video where the word comes early
    step_s = model.config.audio_step_s
    first = int((naming.start_s - AROUND_WORD_S - begins_s) / step_s)
    last = int((naming.end_s + AROUND_WORD_S - begins_s) / step_s) + 1
    first = max(0, min(first, audio_DT.shape[1] - 1))
    return audio_DT[:, first : max(last, first + 1)].mean(dim=1)


def measure(checkpoint: Path, clips_dir: Path, truth_dir: Path, *, device: str = "auto") -> dict[str, Any]:
    """Returns the pointing accuracy over every video whose clip and truth are there."""
    where = chosen_device(device)
    model, metadata = load_checkpoint(checkpoint, device=where)
    segmenting, _ = as_trained(metadata)
    namings: list[Naming] = []
    for clip, truth in clips_with_truth(clips_dir, truth_dir):
        namings += namings_of(clip, truth)
    if not namings:
        raise UserError(
            f"No clip in {clips_dir} has a truth in {truth_dir} in which a food is named while it is in view."
        )
    return pointing_accuracy(model, namings, segment_s=segmenting.segment_s or 2.0, device=where)


def clips_with_truth(clips_dir: Path, truth_dir: Path) -> Iterator[tuple[Clip, dict[str, Any]]]:
    """Yields each clip of the folder whose video has a truth file: NAME.truth.json beside a clip called NAME-<hash>."""
    truths = {path.name.removesuffix(".truth.json"): path for path in sorted(truth_dir.glob("*.truth.json"))}
    for path in sorted(clips_dir.glob("*.safetensors")):
        truth = truths.get(path.stem) or truths.get(path.stem.rpartition("-")[0])
        if truth is not None:
            yield open_clip(path), json.loads(truth.read_text(encoding="utf-8"))


def _image_map(model: DAVEnet, naming: Naming, device: torch.device) -> torch.Tensor:
    picture = torch.from_numpy(evaluation_crop(naming.clip.frame_rgb(naming.frame), model.config)[None])
    with torch.no_grad():
        return model.image_map(normalised(picture.to(device)))[0]


def _peak(image_DHW: torch.Tensor, sound_D: torch.Tensor) -> tuple[int, int]:
    map_HW = torch.einsum("dhw,d->hw", image_DHW, sound_D)
    row, column = divmod(int(map_HW.argmax()), map_HW.shape[1])
    return row, column


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Measures how often matchmap peaks lie on the food that is named.")
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--clips", type=Path, required=True, help="folder of clip files")
    parser.add_argument("--truth", type=Path, required=True, help="folder of NAME.truth.json")
    parser.add_argument("--out", type=Path, required=True, help="JSON file to write")
    parser.add_argument("--device", default="auto")
    chosen = parser.parse_args(arguments)
    try:
        values = measure(chosen.checkpoint, chosen.clips, chosen.truth, device=chosen.device)
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    write_text_atomically(chosen.out, json.dumps(values, indent=2) + "\n")
    print(json.dumps(values))
    return 0


if __name__ == "__main__":
    sys.exit(main())
