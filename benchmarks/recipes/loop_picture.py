"""The figure of docs/guide/loop.md: Recall@10 after the fine-tune, by what was judged, a line for each seed.

Run as: python -m benchmarks.recipes.loop_picture --work DIR --out docs/guide/loop.svg
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.recipes.loop import WAYS

_WIDTH, _HEIGHT = 560, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 24, 24, 44
_INK, _FAINT, _SEED, _MEAN = "#5d6878", "#98a2b1", "#1f6fb2", "#b86e00"


def picture(results: Sequence[dict[str, Any]]) -> str:
    """Returns the SVG; every number in it is one of the results'."""
    values = [[result["start"], *(result[way]["recall"] for way in WAYS)] for result in results]
    names = ("before", *WAYS)
    low, high = min(min(row) for row in values), max(max(row) for row in values)
    floor, ceiling = int(100 * low), int(100 * high) + 1

    def x(at: int) -> float:
        return _LEFT + 20 + at * (_WIDTH - _LEFT - _RIGHT - 40) / (len(names) - 1)

    def y(value: float) -> float:
        return _HEIGHT - _BOTTOM - (100 * value - floor) / (ceiling - floor) * (_HEIGHT - _TOP - _BOTTOM)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" font-family="Inter, sans-serif" '
        'font-size="12">',
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#ffffff"/>',
        f'<text x="{_LEFT}" y="14" fill="{_INK}">mean Recall@10 on unseen videos, %</text>',
    ]
    for mark in range(floor, ceiling + 1):
        at = y(mark / 100)
        parts.append(f'<path d="M{_LEFT} {at:.1f}H{_WIDTH - _RIGHT}" stroke="#dde1e7"/>')
        parts.append(f'<text x="{_LEFT - 8}" y="{at + 4:.1f}" text-anchor="end" fill="{_FAINT}">{mark}</text>')
    for row in values:
        line = " ".join(f"{x(at):.1f},{y(value):.1f}" for at, value in enumerate(row))
        parts.append(f'<polyline points="{line}" fill="none" stroke="{_SEED}" stroke-opacity="0.45"/>')
    means = [sum(column) / len(column) for column in zip(*values, strict=True)]
    line = " ".join(f"{x(at):.1f},{y(value):.1f}" for at, value in enumerate(means))
    parts.append(f'<polyline points="{line}" fill="none" stroke="{_MEAN}" stroke-width="2.5"/>')
    for at, (name, value) in enumerate(zip(names, means, strict=True)):
        parts.append(f'<circle cx="{x(at):.1f}" cy="{y(value):.1f}" r="4" fill="{_MEAN}"/>')
        parts.append(
            f'<text x="{x(at):.1f}" y="{y(value) - 10:.1f}" text-anchor="middle" fill="#1b2027">{100 * value:.1f}</text>'
        )
        label = {"random": "200 random", "chosen": "200 chosen"}.get(name, name)
        parts.append(f'<text x="{x(at):.1f}" y="{_HEIGHT - 22}" text-anchor="middle" fill="{_INK}">{label}</text>')
    parts.append(
        f'<text x="{_LEFT}" y="{_HEIGHT - 4}" fill="{_FAINT}">blue: {len(values)} seeds; amber: their mean</text>'
    )
    return "\n".join([*parts, "</svg>", ""])


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.recipes.loop_picture", description="Draws the loop's gain."
    )
    parser.add_argument("--work", type=Path, required=True, help="the folder of benchmarks.recipes.loop")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    chosen = parser.parse_args(arguments)
    results = [json.loads((chosen.work / "loop" / f"{seed}.json").read_text(encoding="utf-8")) for seed in chosen.seeds]
    chosen.out.write_text(picture(results), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
