"""Checks on people's voices that a recipe is better than the paper's: spoken digits, and spoken words with drawings.

Run as: python -m benchmarks.recipes.voices --work DIR --data ../shared/data [--seeds 0 1 2] [--jobs 2] [--only digits|words]
[--best NAME]; a finished run is not repeated. Results are lines of DIR/voices.jsonl, and a Markdown table is printed. Both
recipes begin from nothing and see as many of the same pairs; of words with drawings each pair's label is its word.
"""

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.recipes import digits, words
from benchmarks.recipes.pair_clips import PAIR_S, PairFiles
from benchmarks.recipes.race import in_processes, result_path
from benchmarks.recipes.recipes import RECIPES, Recipe
from davenet.errors import UserError
from davenet.evaluation.evaluate import as_trained
from davenet.evaluation.galleries import gallery_hash
from davenet.evaluation.localisation import measure
from davenet.evaluation.recall import chance_at_k, recall_at_k
from davenet.files import write_text_atomically
from davenet.jobs import run_job
from davenet.model.checkpoint import load_checkpoint
from davenet.model.davenet import normalised
from davenet.model.similarity import similarity_matrix
from davenet.pairs import Pair, read_pairs
from davenet.specs import TrainSpec
from davenet.training.dataset import PairReader, Segmenting, batches_ahead
from davenet.training.demo_checkpoint import report

PAPER = "paper"
_TILE = 64  # pairs whose maps are made, or pictures whose similarities are taken, at a time

Measures = dict[str, dict[str, float]]  # of a measure: its "value" and, where there is one, its "chance"


@dataclass(frozen=True, slots=True)
class Task:
    """A corpus, how many pairs a recipe sees of it, and what of its configuration the corpus decides for all recipes."""

    prepare: Callable[[Path, Path], PairFiles]
    pairs_seen: int
    config: dict[str, object]


TASKS = {
    # a mirrored digit is none
    "digits": Task(digits.prepare, 60_000, {"image_size": 128, "flip": False}),
    # a pair's sound is its own two seconds whatever a recipe says: beyond them another word is said
    "words": Task(words.prepare, 36_000, {"segment_s": PAIR_S, "segment_at": "frame", "sound_shift_s": 0.0}),
}


def voices(data: Path, work: Path, tasks: Sequence[str], best: str, seeds: list[int], jobs: int) -> str:
    """Runs what is missing and returns the table of all that was asked for; raises UserError where data is absent."""
    for task in tasks:
        TASKS[task].prepare(data, work)
    names = [f"{task}-{recipe}" for task in tasks for recipe in (PAPER, best)]
    command = [sys.executable, "-m", "benchmarks.recipes.voices", "--work", str(work), "--data", str(data)]
    in_processes(command, work, names, seeds, jobs, lambda name, seed: _line(_read(work, name, seed)))
    results = [_read(work, name, seed) for name in names for seed in seeds if result_path(work, name, seed).exists()]
    write_text_atomically(work / "voices.jsonl", "".join(json.dumps(result) + "\n" for result in results))
    return "\n\n".join(table(task, best, results) for task in tasks)


def one(data: Path, work: Path, name: str, seed: int) -> dict[str, Any]:
    """Trains and measures TASK-RECIPE with one seed in this process and writes its result."""
    task, _, recipe = name.partition("-")
    files = TASKS[task].prepare(data, work)
    began_s = time.monotonic()
    final = run_job(spec_of(task, RECIPES[recipe], files, work / "runs" / f"{name}-{seed}", seed), report)
    seconds = time.monotonic() - began_s
    checkpoint, pairs = Path(str(final.result["checkpoint"])), list(read_pairs(files.test))
    result = {
        "task": task,
        "recipe": recipe,
        "seed": seed,
        "measures": measures_of(task, files, checkpoint, pairs),
        "gallery": {"size": len(pairs), "hash": gallery_hash(pairs)},
        "seconds": round(seconds, 1),
        "pairs_seen": final.result["epochs"] * sum(1 for _ in read_pairs(files.training)),
    }
    write_text_atomically(result_path(work, name, seed), json.dumps(result) + "\n")
    return result


def spec_of(task: str, recipe: Recipe, files: PairFiles, run_dir: Path, seed: int) -> TrainSpec:
    """Returns the recipe's run on the task: what the corpus decides goes before what the recipe says."""
    n_pairs = sum(1 for _ in read_pairs(files.training))
    epochs = max(1, round(TASKS[task].pairs_seen / n_pairs))
    return TrainSpec(
        run_dir=run_dir,
        clips_dir=files.clips,
        train_pairs=files.training,
        validation_pairs=files.validation,
        preset=recipe.preset,
        config={**recipe.config, **TASKS[task].config, "seed": seed, "threads": 1, "epochs": epochs},
        device="cpu",
    )


def measures_of(task: str, files: PairFiles, checkpoint: Path, pairs: Sequence[Pair]) -> Measures:
    """Returns what the checkpoint reaches on the test's pairs, each measure with its chance."""
    similarity_BB = similarities(checkpoint, files.clips, pairs)
    audio, visual = recall_at_k(similarity_BB, 10)
    chance = chance_at_k(len(pairs), 10)
    found = {
        "audio R@10": {"value": audio, "chance": chance},
        "visual R@10": {"value": visual, "chance": chance},
        "mean R@10": {"value": (audio + visual) / 2, "chance": chance},
    }
    if task == "digits":
        precision = digits.class_precision(similarity_BB, digits.digits_of(files, pairs))
        for first, (value, by_chance) in precision.items():
            found[f"class precision of the first {first}"] = {"value": value, "chance": by_chance}
        pointing = measure(checkpoint, files.clips, files.truth, device="cpu")
        found["pointing accuracy"] = {"value": pointing["pointing_accuracy"], "chance": pointing["chance"]}
        found["pointing with another word"] = {"value": pointing["other_word"]}
    return found


def similarities(checkpoint: Path, clips_dir: Path, pairs: Sequence[Pair]) -> NDArray[np.float32]:
    """Returns S (n, n) of whole pairs, compared as the checkpoint was trained to: rows are pictures, columns sounds."""
    model, metadata = load_checkpoint(checkpoint, device=torch.device("cpu"))
    model.eval()
    _, kind = as_trained(metadata)
    reader = PairReader(clips_dir, model.config, Segmenting(PAIR_S, "frame"))
    images, audios, n_steps = [], [], []
    with torch.no_grad():
        for batch in batches_ahead(
            reader, [(pairs[start : start + _TILE], None) for start in range(0, len(pairs), _TILE)]
        ):
            if batch.lost:
                raise UserError(f"A pair of the test cannot be read: {batch.lost[0].reason}")
            images.append(model.image_map(normalised(batch.image_BHW3)))
            audios.append(model.audio_map(batch.log_mel_BMT, batch.n_steps_B))
            n_steps.append(model.audio_steps_B(batch.n_steps_B))
        audio_BDT, n_steps_B = torch.cat(audios), torch.cat(n_steps)
        rows = [similarity_matrix(image_BDHW, audio_BDT, n_steps_B, kind=kind) for image_BDHW in images]
    return np.asarray(torch.cat(rows).numpy(), np.float32)


def table(task: str, best: str, results: Sequence[dict[str, Any]]) -> str:
    """Returns one task's results in Markdown: means and deviations over the seeds, chance, ratios of recalls, differences."""
    of = {name: [r for r in results if (r["task"], r["recipe"]) == (task, name)] for name in (PAPER, best)}
    if not all(of.values()):
        return f"{task}: no results of both recipes; the logs under runs say why."
    first = of[PAPER][0]
    n_seeds = " and ".join(sorted({str(len(runs)) for runs in of.values()}))
    lines = [
        f"{task}: {n_seeds} seeds, {first['pairs_seen']} pairs seen, gallery of {first['gallery']['size']} "
        f"({first['gallery']['hash']})",
        "",
        f"| measure | chance | {PAPER} | {best} | {best} against {PAPER} |",
        "|---|---|---|---|---|",
    ]
    for name, figure in first["measures"].items():
        paper, ours = ([run["measures"][name]["value"] for run in of[recipe]] for recipe in (PAPER, best))
        chance = f"{figure['chance']:.1%}" if "chance" in figure else ""
        lines.append(f"| {name} | {chance} | {_shares(paper)} | {_shares(ours)} | {_against(name, paper, ours)} |")
    paper, ours = ([run["seconds"] for run in of[recipe]] for recipe in (PAPER, best))
    ratio = statistics.mean(ours) / statistics.mean(paper)
    lines.append(f"| seconds of training | | {_numbers(paper)} | {_numbers(ours)} | × {ratio:.2f} |")
    return "\n".join(lines)


def _against(name: str, paper: Sequence[float], ours: Sequence[float]) -> str:
    before, now = statistics.mean(paper), statistics.mean(ours)
    if "R@10" in name:
        return f"× {now / before:.2f}" if before else "paper's is 0"
    return f"{100 * (now - before):+.1f} points"


def _shares(values: Sequence[float]) -> str:
    return f"{100 * statistics.mean(values):.1f} ± {100 * _deviation(values):.1f} %"


def _numbers(values: Sequence[float]) -> str:
    return f"{statistics.mean(values):.0f} ± {_deviation(values):.0f}"


def _deviation(values: Sequence[float]) -> float:
    return statistics.stdev(values) if len(values) > 1 else 0.0


def _read(work: Path, name: str, seed: int) -> dict[str, Any]:
    result: dict[str, Any] = json.loads(result_path(work, name, seed).read_text(encoding="utf-8"))
    return result


def _line(result: dict[str, Any]) -> str:
    values = ", ".join(f"{name} {figure['value']:.3f}" for name, figure in result["measures"].items())
    return f"{values}, {result['seconds']:.0f} s"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.recipes.voices", description=__doc__.splitlines()[0])
    parser.add_argument("--work", type=Path, required=True, help="folder for the corpora and the runs; kept")
    parser.add_argument("--data", type=Path, required=True, help="folder whose folder paired has the recordings")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="runs at once, each on one core")
    parser.add_argument("--only", choices=list(TASKS), help="one of both checks")
    parser.add_argument(
        "--best", choices=list(RECIPES), default="best", help="recipe that is compared with the paper's"
    )
    parser.add_argument("--one", nargs=2, metavar=("TASK-RECIPE", "SEED"), help="run just this one, in this process")
    chosen = parser.parse_args(arguments)
    tasks = [chosen.only] if chosen.only else list(TASKS)
    try:
        if chosen.one:
            one(chosen.data, chosen.work, chosen.one[0], int(chosen.one[1]))
        else:
            print(voices(chosen.data, chosen.work, tasks, chosen.best, chosen.seeds, chosen.jobs))
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
