"""What a run's model makes of the project's pairs: scored by a job into a file, from there into the database."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from annotator.project import Project
from annotator.store.records import PairScore
from annotator.verbs.training import resolve_run
from davenet.errors import UserError
from davenet.pairs import write_pairs
from davenet.specs import ScoreSpec

LEAST_PAIRS = 2  # a place needs another


def plan_score(project: Project, run_id: str, *, device: str = "auto") -> ScoreSpec:
    """Freezes the project's food pairs as they are now, for the checkpoint of a run to score.

    Raises UserError where the project has no such run, the run no checkpoint, or there are fewer than two pairs.
    """
    run = resolve_run(project, run_id)
    checkpoint = project.checkpoint_path(run.id)
    pairs = project.store.food_pairs()
    if len(pairs) < LEAST_PAIRS:
        raise UserError(
            f"{project.path} has {len(pairs) or 'no'} food pairs and a place needs two; mine its pairs first."
        )
    folder = project.run_dir(run.id)
    path = folder / "score.pairs.jsonl"
    write_pairs(path, (pair.to_pair() for pair in pairs))
    return ScoreSpec(
        checkpoint=checkpoint,
        clips_dir=project.clips_dir,
        pairs=path,
        out=folder / "scores.jsonl",
        run=run.id,
        device=device,
    )


def collect_score(project: Project, spec: ScoreSpec, result: Mapping[str, Any]) -> dict[str, Any]:
    """Takes the scores into the database, in place of the run's older ones."""
    number = project.store.put_scores(spec.run, list(read_scores(spec.out)))
    return {"run": spec.run, **result, "scored": number}


def read_scores(path: Path) -> Iterator[PairScore]:
    """Yields the scores of a file; raises UserError that names the file and the line that is none."""
    try:
        with open(path, encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                try:
                    values = json.loads(line)
                    yield PairScore(values["pair"], float(values["similarity"]), int(values["rank"]), int(values["n"]))
                except (ValueError, KeyError, TypeError) as error:
                    raise UserError(f"{path}, line {number} is not a score; score the pairs again.") from error
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}); score the pairs again.") from error
