"""`python -m benchmarks.window.hour [PAIRS]`: a simulated reviewer judges 1067 pairs with real keys in a real window.

It hears two seconds of each pair and decides in one and a half: 62 minutes of its own; what is over is the tool's. The
pairs are the demo's, with one every second of its videos in place of the mined ones, until there are enough.
"""

import sys
from pathlib import Path

from annotator.project import Project
from benchmarks.bench_review import at_desk
from benchmarks.window import projects
from benchmarks.window.desk import desk
from davenet.pairs import Pair, WeakLabel, pair_uid

PAPER_PAIRS = 1067


def main() -> None:
    n = int(sys.argv[1]) if len(sys.argv) > 1 else PAPER_PAIRS
    with projects.scratch() as scratch, desk() as environment:
        folder = projects.demo(Path(scratch) / "demo")
        _fill_up(folder, n)
        measured = at_desk(environment, folder, "reviewer", "--n", str(n))
    own = measured["minutes"] - measured["person_minutes"]
    print(f"{measured['pairs']} pairs in {measured['minutes']:.1f} minutes, of which the tool's {own:.2f}")
    print(f"longest waits, ms: {measured['longest_ms']}; memory at the end {measured['memory_mib']:.0f} MiB")


def _fill_up(folder: Path, n: int) -> None:
    with Project.open(folder) as project:
        label = WeakLabel("onion", 0.9, 1, "onion", 1.0, 1.5, 0.8)
        pairs = [
            Pair(pair_uid(video.uid, time_s, "food"), video.uid, time_s, 2.0, "food", (label,), 0.9)
            for step in (0.25, 0.75)
            for video in project.store.videos()
            for time_s in (second + step for second in range(2, int(video.duration_s) - 2))
        ]
        if len(pairs) < n:
            sys.exit(f"the demo's videos give {len(pairs)} pairs, {n} were asked for")
        project.store.put_pairs(pairs, {})


if __name__ == "__main__":
    main()
