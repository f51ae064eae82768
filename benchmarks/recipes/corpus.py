"""The generated kitchen for comparing recipes: training, validation and test share neither seed nor voice.

Everything is made where it is missing: videos, clip files, words by pocketsphinx, mined pairs. The truth (which food is
named when, and where it stands) is read for the test gallery and for pointing alone, never for training.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from davenet.clips import clip_path, open_clip
from davenet.corpora.kitchen.__main__ import main as generate
from davenet.errors import UserError
from davenet.jobs import run_job
from davenet.labels.detections import newest_detections, read_detections
from davenet.labels.mining import draw, mine
from davenet.labels.words import newest_transcript, read_transcript
from davenet.pairs import Pair, uniform_pairs, write_pairs
from davenet.specs import ExtractSpec
from davenet.training.demo_checkpoint import label, refs_of, report, spoken_pairs

SHORTER_SIDE = 144  # pixels: the models here look at 96
SECONDS = 40, 75


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the corpus; `seed` and `voices` (davenet.corpora.kitchen.voice) keep it apart from the others."""

    name: str
    seed: int
    n_videos: int
    voices: str = ""  # "": of its own name


PARTS = (Part("training", 3000, 210), Part("validation", 4000, 30), Part("test", 5000, 56))


@dataclass(frozen=True, slots=True)
class Material:
    """Where one part's files lie: its clips (with the other parts'), its truth, and its pairs by kind."""

    clips: Path
    truth: Path
    mined: Path  # food pairs and as many non-food pairs (Section 6)
    uniform: Path  # one pair a second (Section 3)
    named: Path  # one pair for each food named in view, by the truth


def prepare(work: Path) -> dict[str, Material]:
    """Makes what is missing of every part under `work` and returns where it lies."""
    return {part.name: _prepare(part, work) for part in PARTS}


def prepare_named(part: Part, work: Path) -> Path:
    """Makes what is missing of a part's videos and clips, and returns its pairs of foods named in view, by the truth."""
    named = work / f"{part.name}.named.jsonl"
    if not named.exists():
        write_pairs(named, spoken_pairs(work / "clips", _videos(part, work)))
    return named


def _prepare(part: Part, work: Path) -> Material:
    videos, labels, clips = work / "videos" / part.name, work / "labels" / part.name, work / "clips"
    material = Material(clips, videos, *(work / f"{part.name}.{kind}.jsonl" for kind in ("mined", "uniform", "named")))
    if material.named.exists():  # written last
        return material
    _videos(part, work)
    label(videos, labels)
    food: list[Pair] = []
    non_food: list[Pair] = []
    uniform: list[Pair] = []
    for ref in refs_of(videos):
        clip = open_clip(clip_path(clips, ref.uid))
        words, seen = newest_transcript(labels, clip.video_uid), newest_detections(labels, clip.video_uid)
        if words is None or seen is None:
            raise UserError(f"{labels} has no words or no detections of {clip.video_uid}; delete it and start again.")
        found = mine(read_detections(seen), read_transcript(words), clip.frame_times_s)
        food += found.food
        non_food += found.non_food
        uniform += uniform_pairs(clip.video_uid, clip.frame_times_s)
    write_pairs(material.mined, [*food, *draw(non_food, len(food), seed=0)])
    write_pairs(material.uniform, uniform)
    write_pairs(material.named, spoken_pairs(clips, videos))
    return material


def _videos(part: Part, work: Path) -> Path:
    """Makes what is missing of a part's videos and of their clip files; returns where the videos lie."""
    videos = work / "videos" / part.name
    options = [
        "--out",
        str(videos),
        "--count",
        str(part.n_videos),
        "--seed",
        str(part.seed),
        "--voices",
        part.voices or part.name,
    ]
    options += ["--seconds-min", str(SECONDS[0]), "--seconds-max", str(SECONDS[1]), "--fast"]
    if generate([*options, "--jobs", str(os.cpu_count() or 1)]):
        raise UserError(f"The videos in {videos} could not be generated; the reason is told above.")
    run_job(ExtractSpec(videos=refs_of(videos), clips_dir=work / "clips", shorter_side=SHORTER_SIDE), report)
    return videos
