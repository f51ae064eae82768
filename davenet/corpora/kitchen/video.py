"""Writes one generated video with what belongs to it: picture and sound, the truth, and the simulated detections."""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np

from davenet.corpora.kitchen import detector
from davenet.corpora.kitchen.plan import Plan, make_plan
from davenet.corpora.kitchen.scene import HEIGHT, WIDTH, Painter
from davenet.corpora.kitchen.soundtrack import Soundtrack, make_soundtrack
from davenet.corpora.kitchen.voice import RATE, VoiceGroup
from davenet.files import atomic_path, content_hash, write_text_atomically
from davenet.labels.detections import Detections, FoodDetection, write_detections

TRUTH_STEP_S = 0.5


@dataclass(frozen=True, slots=True)
class Quality:
    frame_rate: int
    preset: str  # x264's
    crf: int
    sound_bits: int  # a second


SHOWN = Quality(15, "slow", 29, 40_000)
FAST = Quality(4, "ultrafast", 24, 64_000)  # for training, which looks at one frame a second


def make_video(
    path: Path, seed: int, duration_s: float, quality: Quality = SHOWN, voices: VoiceGroup = "any"
) -> dict[str, Any]:
    """Writes PATH.mp4, PATH.truth.json and PATH.detections.jsonl; returns the truth, the same for a seed."""
    plan = make_plan(seed, duration_s)
    painter = Painter(plan)
    track = make_soundtrack(plan, painter, voices)
    _write_media(path.with_suffix(".mp4"), plan, painter, track, quality)
    truth = _truth(path.stem, plan, painter, track)
    write_text_atomically(path.with_suffix(".truth.json"), json.dumps(truth, indent=None) + "\n")
    _write_detections(path, plan, painter)
    return truth


def _write_media(path: Path, plan: Plan, painter: Painter, track: Soundtrack, quality: Quality) -> None:
    with atomic_path(path) as temporary, av.open(str(temporary), "w", format="mp4") as container:
        picture = container.add_stream("libx264", rate=quality.frame_rate)
        picture.width, picture.height, picture.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        picture.options = {"preset": quality.preset, "crf": str(quality.crf), "threads": "1"}
        sound = container.add_stream("aac", rate=RATE, layout="mono")
        sound.bit_rate = quality.sound_bits
        for number in range(math.floor(plan.duration_s * quality.frame_rate)):
            frame = av.VideoFrame.from_ndarray(painter.frame(number / quality.frame_rate), format="rgb24")
            frame.pts = number
            container.mux(picture.encode(frame))
        container.mux(picture.encode(None))
        for at in range(0, len(track.sound), 1024):
            block = av.AudioFrame.from_ndarray(track.sound[None, at : at + 1024], format="fltp", layout="mono")
            block.sample_rate, block.pts = RATE, at
            container.mux(sound.encode(block))
        container.mux(sound.encode(None))


def _truth(name: str, plan: Plan, painter: Painter, track: Soundtrack) -> dict[str, Any]:
    visible: list[dict[str, Any]] = []
    going: dict[str, dict[str, Any]] = {}
    for step in range(math.floor(plan.duration_s / TRUTH_STEP_S) + 1):
        t = min(step * TRUTH_STEP_S, plan.duration_s - 1e-3)
        seen = {food.name: food for food in painter.foods_seen(t)}
        for gone in [food for food in going if food not in seen]:
            visible.append(going.pop(gone))
        for food in seen.values():
            stay = going.setdefault(food.name, {"food": food.name, "start": t, "end": t, "boxes": [], "visible": []})
            stay["end"] = round(min(t + TRUTH_STEP_S, plan.duration_s), 3)
            stay["boxes"].append([round(t, 3), *(round(v, 1) for v in food.box)])
            stay["visible"].append(round(food.visible, 3))
    visible += going.values()
    return {
        "video": f"{name}.mp4",
        "seed": plan.seed,
        "duration_s": plan.duration_s,
        "voice": str(track.voice),
        "size": [WIDTH, HEIGHT],
        "visible": sorted(visible, key=lambda stay: (stay["start"], stay["food"])),
        "spoken": [{"food": s.food, "start": s.start, "end": s.end, "in_view": s.in_view} for s in track.spoken],
        "sentences": [{"start": start, "text": text} for start, text in track.sentences],
    }


def _write_detections(path: Path, plan: Plan, painter: Painter) -> None:
    random = np.random.default_rng([plan.seed, 5])
    frames = []
    for t in range(math.floor(plan.duration_s) + 1):
        probability, top = detector.detect(painter.foods_seen(min(float(t), plan.duration_s - 1e-3)), random)
        frames.append(FoodDetection(float(t), probability, tuple(top)))
    settings = {"miss": detector.MISS, "confusion": detector.CONFUSION, "false_alarm": detector.FALSE_ALARM}
    source = content_hash(path.with_suffix(".mp4"))
    made = Detections(path.stem, detector.NAME, detector.VERSION, source, tuple(frames), settings)
    write_detections(path.with_name(f"{path.stem}.detections.jsonl"), made)
