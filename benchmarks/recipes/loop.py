"""What chosen verdicts buy: 200 verdicts that the loop asks for against 200 random ones, on planted label errors.

A checkpoint (the recipe `best`) meets cooks whose voices it has never heard. It is fine-tuned on weakly labelled pairs of
their videos, many of whose labels are wrong: in one half of these the word was said elsewhere in the video, in the other the
frame is from elsewhere. A person (the truth) judges 200 of the pairs, rejected ones leave; other videos of these cooks are
the test.

Run as: python -m benchmarks.recipes.loop --work DIR [--seeds 0 1 2]; a finished part is not repeated. Results are
DIR/loop/SEED.json, and the table and the picture of docs/guide/loop.md are made of them.
"""

import argparse
import json
import random
import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from benchmarks.recipes.corpus import Material, Part, prepare, prepare_named
from benchmarks.recipes.race import one, result_path
from benchmarks.recipes.recipes import COMMON
from davenet.evaluation.evaluate import as_trained
from davenet.evaluation.evidence import evidence_of
from davenet.jobs import run_job
from davenet.labels.choosing import Decision, choose
from davenet.model.checkpoint import load_checkpoint
from davenet.pairs import Pair, read_pairs, write_pairs
from davenet.specs import EvaluateSpec, TrainSpec
from davenet.training.dataset import PairReader
from davenet.training.demo_checkpoint import report

REVIEWED = Part("reviewed", 6000, 100, voices="test")
VIDEOS = 50  # of them, drawn for each seed
WRONG_SHARE = 0.4  # of the labels, where the video has another word far enough away
VERDICTS, ROUNDS = 200, 2
FAR_S = 8.0  # a food that is not named within this of a frame is taken not to be in it
TUNINGS = 3  # fine-tunes of each way, whose recall is averaged
FINE_TUNE: dict[str, object] = {"learning_rate": 0.01}
PAIRS_SEEN = 5000
WAYS = ("no verdicts", "random", "chosen", "all judged")


@dataclass(frozen=True, slots=True)
class Pool:
    pairs: list[Pair]
    wrong: frozenset[str]  # uids


def planted(named: Sequence[Pair], seed: int) -> Pool:
    """Returns the pairs of some videos, a part of them with the word or the frame of another food of their video."""
    rng = random.Random(seed)
    videos = frozenset(rng.sample(sorted({pair.video_uid for pair in named}), VIDEOS))
    pairs = [pair for pair in named if pair.video_uid in videos]
    chosen = set(rng.sample([pair.uid for pair in pairs], round(WRONG_SHARE * len(pairs))))
    made: list[Pair] = []
    wrong = set()
    for pair in pairs:
        of_video = [other for other in pairs if other.video_uid == pair.video_uid]
        near = {other.labels[0].class_name for other in of_video if abs(other.time_s - pair.time_s) < FAR_S}
        others = [other for other in of_video if other.labels[0].class_name not in near]
        if pair.uid in chosen and others:
            other, label = rng.choice(others), pair.labels[0]
            if rng.random() < 0.5:
                said = other.labels[0]
                label = replace(label, word_start=said.word_start, word_end=said.word_end)
                pair = replace(pair, labels=(label,))
            else:
                pair = replace(pair, time_s=other.time_s)
            wrong.add(pair.uid)
        made.append(pair)
    return Pool(made, frozenset(wrong))


def one_seed(work: Path, seed: int) -> dict[str, Any]:
    """Runs what is missing of a seed and returns its result."""
    out = work / "loop" / f"{seed}.json"
    if out.exists():
        return dict(json.loads(out.read_text(encoding="utf-8")))
    material = prepare(work)
    pool = planted(list(read_pairs(prepare_named(REVIEWED, work))), seed)
    if not result_path(work, "best", seed).exists():
        one(work, "best", seed)
    start = work / "runs" / f"best-{seed}" / "checkpoints" / "last.safetensors"
    judged = {
        "no verdicts": set(),
        "random": set(random.Random(f"drawn {seed}").sample([pair.uid for pair in pool.pairs], VERDICTS)),
        "chosen": set(_chosen(start, work / "clips", pool)),
        "all judged": {pair.uid for pair in pool.pairs},
    }
    result: dict[str, Any] = {
        "seed": seed, "pairs": len(pool.pairs), "wrong": len(pool.wrong),
        "start": _recall(material, start, work / "loop" / f"{seed}-start.json"),
    }  # fmt: skip
    for way in WAYS:
        left = [pair for pair in pool.pairs if pair.uid not in judged[way] & pool.wrong]
        recalls = []
        for tuning in range(TUNINGS):
            folder = work / "loop" / f"{seed}-{way.replace(' ', '-')}-{tuning}"
            tuned = _tuned(folder, material, work / "clips", left, start, seed=10 * seed + tuning)
            recalls.append(_recall(material, tuned, folder / "test.json"))
        result[way] = {
            "recall": statistics.mean(recalls),
            "recalls": recalls,
            "rejected": len(judged[way] & pool.wrong),
            "wrong left": sum(pair.uid in pool.wrong for pair in left) / len(left),
        }
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    return result


def _chosen(checkpoint: Path, clips: Path, pool: Pool) -> list[str]:
    """Returns the pairs that the loop asks for, in rounds: each learns from the verdicts of those before."""
    model, metadata = load_checkpoint(checkpoint, device=torch.device("cpu"))
    segmenting, similarity = as_trained(metadata)
    reader = PairReader(clips, model.config, segmenting)
    evidence = evidence_of(model, reader, pool.pairs, similarity=similarity, device=torch.device("cpu"))
    verdicts: dict[str, Decision] = {}
    for _ in range(ROUNDS):
        ranked = [choice for choice in choose(evidence, verdicts, len(evidence)) if choice.uid not in verdicts]
        for choice in ranked[: VERDICTS // ROUNDS]:
            verdicts[choice.uid] = "reject" if choice.uid in pool.wrong else "accept"
    return list(verdicts)


def _tuned(
    folder: Path, material: dict[str, Material], clips: Path, pairs: Sequence[Pair], start: Path, *, seed: int
) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    write_pairs(folder / "pairs.jsonl", pairs)
    config = {**COMMON, **FINE_TUNE, "threads": 1, "seed": seed, "epochs": round(PAIRS_SEEN / len(pairs))}
    spec = TrainSpec(
        run_dir=folder,
        clips_dir=clips,
        train_pairs=folder / "pairs.jsonl",
        validation_pairs=material["validation"].named,
        preset="best",
        start_from=start,
        config=config,
    )
    return Path(str(run_job(spec, report).result["checkpoint"]))


def _recall(material: dict[str, Material], checkpoint: Path, out: Path) -> float:
    """Returns the mean Recall@10 of both ways over the foods that are named in view in the test videos."""
    test = material["test"]
    spec = EvaluateSpec(checkpoint=checkpoint, clips_dir=test.clips, pairs=test.named, out=out)
    return float(run_job(spec, report).result["mean_recall_at_10"])


def table(results: Sequence[dict[str, Any]]) -> str:
    """Returns the Markdown of the seeds' results."""
    lines = ["| verdicts | rejected of 200 | wrong labels left | mean R@10 | of each seed |", "|---|---|---|---|---|"]
    starts = [result["start"] for result in results]
    lines.append(f"| before the fine-tune | | | {_spread(starts)} | {_each(starts)} |")
    for way in WAYS:
        recalls = [result[way]["recall"] for result in results]
        rejected = statistics.mean(result[way]["rejected"] for result in results)
        left = statistics.mean(result[way]["wrong left"] for result in results)
        lines.append(
            f"| {way} | {rejected:.0f} | {left:.0%} | {_spread(recalls)} | {_each(recalls)} |".replace("%", " %")
        )
    return "\n".join(lines)


def _spread(values: Sequence[float]) -> str:
    deviation = f" ± {100 * statistics.stdev(values):.1f}" if len(values) > 1 else ""
    return f"{100 * statistics.mean(values):.1f}{deviation}"


def _each(values: Sequence[float]) -> str:
    return ", ".join(f"{100 * value:.1f}" for value in values)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.recipes.loop", description="What chosen verdicts buy.")
    parser.add_argument("--work", type=Path, required=True, help="folder of the corpus and the runs; kept")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    chosen = parser.parse_args(arguments)
    print(table([one_seed(chosen.work, seed) for seed in chosen.seeds]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
