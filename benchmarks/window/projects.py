"""Projects to review: the demo, one real video of 1280×720 with a pair each second, and a queue of 200,000 pairs."""

import sys
import tempfile
from pathlib import Path

from annotator import verbs
from annotator.demo.project import prepare, run_in_child
from annotator.project import Project
from annotator.store.records import VideoRecord
from davenet.pairs import Pair, WeakLabel, pair_uid

_FOODS = tuple(f"food {number}" for number in range(350))


def say(text: str) -> None:
    print(text, file=sys.stderr)


def demo(folder: Path) -> Path:
    prepare(folder, say)
    return folder


def of_video(folder: Path, path: Path, *, step_s: float = 1.0) -> Path:
    """Imports and extracts a video, with a pair each `step_s` seconds whose labels are made up: what is timed is real."""
    with Project.create(folder) as project:
        importing = verbs.plan_import(project, [path])
        verbs.collect_import(project, importing, run_in_child(importing))
        extracting = verbs.plan_extract(project)
        verbs.collect_extract(project, extracting, run_in_child(extracting))
        video = project.store.videos()[0]
        n = int((video.duration_s - 2.0) / step_s)
        project.store.put_pairs([_pair(video.uid, 1.0 + number * step_s, number) for number in range(n)], {})
    return folder


def long_queue(folder: Path, n: int = 200_000, *, each: int = 500) -> Path:
    """Pairs of videos that are not there: the queue does not need them, and each pair says so when it is shown."""
    with Project.create(folder) as project:
        videos = [
            VideoRecord(f"v{i}", folder / f"v{i}.mp4", f"video {i}", 3600.0, 25.0, 1280, 720, f"{i:016x}")
            for i in range(n // each)
        ]
        project.store.add_videos(videos)
        pairs = [_pair(video.uid, 7.0 * j, i * each + j) for i, video in enumerate(videos) for j in range(each)]
        project.store.put_pairs(pairs, {})
    return folder


def _pair(video_uid: str, time_s: float, number: int) -> Pair:
    name = _FOODS[number * 7919 % len(_FOODS)]
    sure = 0.5 + 0.5 * (number * 104_729 % 1000) / 1000
    label = WeakLabel(name, sure, 1 + number % 5, name, time_s - 0.5, time_s + 0.2, sure)
    return Pair(pair_uid(video_uid, time_s, "food"), video_uid, time_s, 2.0, "food", (label,), sure)


def scratch() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="review-bench-")
