"""Makes projects with videos, pairs and verdicts in their database, but without any media."""

from pathlib import Path

from annotator.project import Project
from annotator.store import Store
from annotator.store.records import Decision, VideoRecord
from davenet.pairs import Pair, PairKind, WeakLabel, pair_uid

FOODS = ("onion", "butter", "egg")


def make_video_record(number: int, split: str = "train", *, prefix: str = "video") -> VideoRecord:
    return VideoRecord(
        uid=f"{prefix}-{number}",
        path=Path(f"/videos/{prefix}-{number}.mp4"),
        title=f"{prefix}-{number}",
        duration_s=60.0,
        frame_rate=25.0,
        width=640,
        height=360,
        source_hash=f"hash{number:04d}",
        split=split,  # type: ignore[arg-type]
    )


def make_pair(video_uid: str, time_s: float, kind: PairKind = "food", *, food: str | None = None) -> Pair:
    name = food or FOODS[int(time_s) % len(FOODS)]
    labels = (WeakLabel(name, 0.9, 1, name, time_s + 0.5, time_s + 0.9, 0.8),) if kind == "food" else ()
    segment_s = 1.0 if kind == "non-food" else 2.0
    probability = 0.9 if kind == "food" else 0.01
    return Pair(pair_uid(video_uid, time_s, kind), video_uid, time_s, segment_s, kind, labels, probability)


def fill_store(store: Store, splits: list[str], *, pairs_each: int = 5, prefix: str = "video") -> list[Pair]:
    """Adds a video for each split, each with food and as many non-food pairs, and returns the food pairs."""
    videos = [make_video_record(number, split, prefix=prefix) for number, split in enumerate(splits)]
    store.add_videos(videos)
    food = [make_pair(video.uid, float(t)) for video in videos for t in range(pairs_each)]
    non_food = [make_pair(video.uid, 30.0 + t, "non-food") for video in videos for t in range(pairs_each)]
    store.put_pairs([*food, *non_food], {"food_threshold": 0.5}, detectors={v.uid: "simulated" for v in videos})
    return food


def make_project(path: Path, splits: list[str], *, pairs_each: int = 5) -> tuple[Project, list[Pair]]:
    project = Project.create(path)
    return project, fill_store(project.store, splits, pairs_each=pairs_each)


def decide(store: Store, pairs: list[Pair], decision: Decision = "accept", *, reviewer: str = "ann") -> None:
    for pair in pairs:
        store.give_verdict(pair.uid, decision, reviewer=reviewer, seconds=1.5, window_s=2.0)
