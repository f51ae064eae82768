"""The table of a race: each recipe's mean and deviation over its seeds, as docs/guide/best.md shows it.

Run as: python -m benchmarks.recipes.table --work DIR
"""

import argparse
import json
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.recipes.race import result_path
from benchmarks.recipes.recipes import RECIPES, Group

_HEADS: dict[Group, str] = {
    "whole": "Whole recipes",
    "removed": "`best` without one ingredient (the paper's choice in its place)",
    "alone": "The paper's preset with one ingredient",
    "instead": "`best` with something else that the literature offers",
}


def results_of(work: Path, name: str, *, most_seeds: int = 10) -> list[dict[str, Any]]:
    """Returns the finished runs of a recipe, by seed."""
    paths = [result_path(work, name, seed) for seed in range(most_seeds)]
    return [json.loads(path.read_text(encoding="utf-8")) for path in paths if path.exists()]


def mean_recall(result: dict[str, Any]) -> float:
    """Returns a run's Recall@10, the mean of both ways."""
    return float(result["recall"]["audio"] + result["recall"]["visual"]) / 2


def table(work: Path) -> str:
    """Returns the Markdown of all recipes that have a finished run, and what `best` gains over the paper's preset."""
    lines = []
    for group, head in _HEADS.items():
        rows = [(name, results_of(work, name)) for name, recipe in RECIPES.items() if recipe.group == group]
        rows = [(name, results) for name, results in rows if results]
        if not rows:
            continue
        lines += [f"### {head}", "", "| recipe | seeds | mean R@10 | audio | visual | pointing | other word | s |"]
        lines += ["|---|---|---|---|---|---|---|---|", *(_row(name, results) for name, results in rows), ""]
    paper, best = results_of(work, "paper"), results_of(work, "best")
    if paper and best:
        ratio = statistics.mean(map(mean_recall, best)) / statistics.mean(map(mean_recall, paper))
        points = _mean(best, "pointing_accuracy") - _mean(paper, "pointing_accuracy")
        chance = best[0]["pointing"]["chance"]
        lines += [
            f"`best` reaches {ratio:.1f} times the paper preset's mean Recall@10 and points {100 * points:.1f} points better, "
            f"after {best[0]['pairs_seen']:,} pairs each. By chance: Recall@10 {best[0]['chance']:.1%} in the gallery of "
            f"{best[0]['gallery']['size']} pairs ({best[0]['gallery']['hash']}), pointing {chance:.1%}."
        ]
    return "\n".join(lines)


def _row(name: str, results: Sequence[dict[str, Any]]) -> str:
    cells = [
        _spread([mean_recall(result) for result in results]),
        _spread([result["recall"]["audio"] for result in results]),
        _spread([result["recall"]["visual"] for result in results]),
        _spread([result["pointing"]["pointing_accuracy"] for result in results]),
        _spread([result["pointing"]["other_word"] for result in results]),
        f"{statistics.mean(result['seconds'] for result in results):.0f}",
    ]
    return f"| {RECIPES[name].title} | {len(results)} | " + " | ".join(cells) + " |"


def _spread(values: Sequence[float]) -> str:
    """Returns the mean in percent, with the deviation where there are several."""
    deviation = f" ± {100 * statistics.stdev(values):.1f}" if len(values) > 1 else ""
    return f"{100 * statistics.mean(values):.1f}{deviation}"


def _mean(results: Sequence[dict[str, Any]], measure: str) -> float:
    return statistics.mean(result["pointing"][measure] for result in results)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.recipes.table", description="Prints the table of a race."
    )
    parser.add_argument("--work", type=Path, required=True, help="the race's folder")
    print(table(parser.parse_args(arguments).work))
    return 0


if __name__ == "__main__":
    sys.exit(main())
