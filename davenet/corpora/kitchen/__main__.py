"""`python -m davenet.corpora.kitchen --out DIR --count N --seed S`: makes videos, skipping those that are there."""

import argparse
import sys
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import get_args

import numpy as np

from davenet.corpora.kitchen.video import FAST, SHOWN, Quality, make_video
from davenet.corpora.kitchen.voice import VoiceGroup
from davenet.errors import UserError, one_line


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m davenet.corpora.kitchen", description="Makes cooking videos.")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--count", type=int, default=14)
    parser.add_argument("--seed", type=int, default=2019, help="another seed makes other videos")
    parser.add_argument("--seconds-min", type=float, default=40)
    parser.add_argument("--seconds-max", type=float, default=75)
    parser.add_argument("--fast", action="store_true", help="few frames a second, for training corpora")
    parser.add_argument(
        "--voices", choices=get_args(VoiceGroup), default="any", help="the cooks' voices; the groups share no speaker"
    )
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    chosen = parser.parse_args(arguments)
    quality = FAST if chosen.fast else SHOWN
    wanted = list(planned(chosen.out, chosen.count, chosen.seed, chosen.seconds_min, chosen.seconds_max))
    missing = [video for video in wanted if not _is_made(video[0])]
    try:
        chosen.out.mkdir(parents=True, exist_ok=True)
        for done, name in enumerate(
            _make_all(missing, quality, chosen.voices, chosen.jobs), 1 + len(wanted) - len(missing)
        ):
            print(f"{done} of {len(wanted)} {name}", file=sys.stderr, flush=True)
    except UserError as error:
        print(one_line(error), file=sys.stderr)
        return 2
    return 0


def planned(out: Path, count: int, seed: int, least_s: float, most_s: float) -> list[tuple[Path, int, float]]:
    """Returns each video's path without suffix, seed and duration in seconds."""
    random = np.random.default_rng([seed, 0])
    lengths = np.round(random.uniform(least_s, most_s, count))
    return [(out / f"kitchen-{seed}-{n + 1:03d}", seed * 10_000 + n, float(lengths[n])) for n in range(count)]


def _is_made(path: Path) -> bool:
    return path.with_name(f"{path.name}.detections.jsonl").exists()  # written last


def _make_all(videos: list[tuple[Path, int, float]], quality: Quality, voices: VoiceGroup, jobs: int) -> list[str]:
    if jobs <= 1:
        names = []
        for path, seed, duration_s in videos:
            make_video(path, seed, duration_s, quality, voices)
            print(path.name, file=sys.stderr, flush=True)
            names.append(path.name)
        return names
    with ProcessPoolExecutor(jobs) as pool:
        futures = {
            pool.submit(make_video, path, seed, duration, quality, voices): path for path, seed, duration in videos
        }
        return [futures[future].name for future in as_completed(futures) if future.result()]


if __name__ == "__main__":
    sys.exit(main())
