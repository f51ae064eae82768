"""Trains recipes on the generated kitchen, each from nothing with the same number of pairs seen, and measures them alike.

Run as: python -m benchmarks.recipes.race --work DIR [--seeds 0 1 2] [--jobs 2] [--only NAME...]; a finished run is not
repeated. Results are lines of DIR/race.jsonl; `table` makes the page docs/guide/best.md of them.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from benchmarks.recipes.corpus import Material, prepare
from benchmarks.recipes.recipes import PAIRS_SEEN, RECIPES, Recipe
from davenet.evaluation.localisation import measure
from davenet.jobs import run_job
from davenet.specs import EvaluateSpec, TrainSpec
from davenet.training.demo_checkpoint import report


def race(work: Path, names: list[str], seeds: list[int], jobs: int) -> None:
    """Runs what is missing of the recipes and seeds."""
    prepare(work)
    command = [sys.executable, "-m", "benchmarks.recipes.race", "--work", str(work)]
    in_processes(command, work, names, seeds, jobs, lambda name, seed: _line(work, name, seed))


def in_processes(
    command: list[str], work: Path, names: list[str], seeds: list[int], jobs: int, told: Callable[[str, int], str]
) -> None:
    """Runs `command --one NAME SEED` where its result is missing, and prints what is `told` of it.

    Each in a process of its own with one thread, so that runs do not disturb each other.
    """
    wanted = [(name, seed) for seed in seeds for name in names if not result_path(work, name, seed).exists()]

    def run(one: tuple[str, int]) -> None:
        name, seed = one
        log = work / "runs" / f"{name}-{seed}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        with open(log, "w", encoding="utf-8") as out:
            code = subprocess.run(
                [*command, "--one", name, str(seed)],
                stdout=out,
                stderr=subprocess.STDOUT,
                env={**os.environ, "OMP_NUM_THREADS": "1"},
                check=False,
            ).returncode
        print(f"{name} seed {seed}: " + (told(name, seed) if code == 0 else f"failed, see {log}"), flush=True)

    with ThreadPoolExecutor(jobs) as pool:
        list(pool.map(run, wanted))


def one(work: Path, name: str, seed: int) -> dict[str, Any]:
    """Trains one recipe with one seed, measures it on the test videos and writes its result."""
    recipe = RECIPES[name]
    material = prepare(work)
    run_dir = work / "runs" / f"{name}-{seed}"
    began_s = time.monotonic()
    final = run_job(_spec(recipe, material, run_dir, seed), report)
    seconds = time.monotonic() - began_s
    checkpoint = Path(str(final.result["checkpoint"]))
    test = material["test"]
    spec = EvaluateSpec(checkpoint=checkpoint, clips_dir=test.clips, pairs=test.named, out=run_dir / "named.json")
    run_job(spec, report)
    named = json.loads(spec.out.read_text(encoding="utf-8"))
    result = {
        "recipe": name,
        "seed": seed,
        "recall": {way: named[f"{way}_recall_at_10"] for way in ("audio", "visual")},
        "chance": named["chance_at_10"],
        "gallery": {"size": named["gallery_size"], "hash": named["gallery_hash"]},
        "pointing": measure(checkpoint, test.clips, test.truth),
        "seconds": round(seconds, 1),
        "pairs_seen": int(final.result["epochs"]) * _count(material, recipe),
    }
    result_path(work, name, seed).write_text(json.dumps(result) + "\n", encoding="utf-8")
    return result


def _train_pairs(material: dict[str, Material], recipe: Recipe) -> Path:
    return material["training"].mined if recipe.pairs == "mined" else material["training"].uniform


def _count(material: dict[str, Material], recipe: Recipe) -> int:
    with open(_train_pairs(material, recipe), encoding="utf-8") as lines:
        return sum(1 for _ in lines)


def _spec(recipe: Recipe, material: dict[str, Material], run_dir: Path, seed: int) -> TrainSpec:
    train_pairs, n_pairs = _train_pairs(material, recipe), _count(material, recipe)
    return TrainSpec(
        run_dir=run_dir,
        clips_dir=material["training"].clips,
        train_pairs=train_pairs,
        validation_pairs=material["validation"].named,
        preset=recipe.preset,
        config={"seed": seed, "threads": 1, "epochs": max(1, round(PAIRS_SEEN / n_pairs)), **recipe.config},
    )


def result_path(work: Path, name: str, seed: int) -> Path:
    return work / "runs" / f"{name}-{seed}.json"


def _line(work: Path, name: str, seed: int) -> str:
    result = json.loads(result_path(work, name, seed).read_text(encoding="utf-8"))
    recall, pointing = result["recall"], result["pointing"]
    return (
        f"R@10 {recall['audio']:.3f} {recall['visual']:.3f} (chance {result['chance']:.3f}), pointing "
        f"{pointing['pointing_accuracy']:.3f} (chance {pointing['chance']:.3f}, other word {pointing['other_word']:.3f}), "
        f"{result['seconds']:.0f} s"
    )


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.recipes.race", description="Trains and compares recipes."
    )
    parser.add_argument("--work", type=Path, required=True, help="folder for the corpus and the runs; kept")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--only", nargs="+", choices=list(RECIPES), default=list(RECIPES))
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="runs at once, each on one core")
    parser.add_argument("--one", nargs=2, metavar=("RECIPE", "SEED"), help="run just this one, in this process")
    chosen = parser.parse_args(arguments)
    if chosen.one:
        one(chosen.work, chosen.one[0], int(chosen.one[1]))
    else:
        race(chosen.work, chosen.only, chosen.seeds, chosen.jobs)
    return 0


if __name__ == "__main__":
    sys.exit(main())
