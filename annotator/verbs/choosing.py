"""The loop's next queue: a run's model looks at the project's pairs, and those most worth a verdict become a selection.

The job writes what the model makes of each weak label into the run's folder; which pairs follow from it is decided here,
with the verdicts as they are by then, so that it can be asked again after each round of verdicts without another look.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from annotator.project import Project
from annotator.selections import keep_selection
from annotator.verbs.training import resolve_run
from davenet.errors import UserError
from davenet.labels.choosing import Choice, Decision, Evidence, Kind, choose
from davenet.pairs import write_pairs
from davenet.specs import EvidenceSpec

EVIDENCE_FILE = "evidence.jsonl"
NEXT_PAIRS = 200  # what a person judges in a quarter of an hour


def plan_evidence(project: Project, run_id: str, *, device: str = "auto") -> EvidenceSpec:
    """Freezes the project's food pairs for the run's checkpoint to look at.

    Raises UserError where the project has no such run, the run no checkpoint, or the project no food pairs.
    """
    run = resolve_run(project, run_id)
    checkpoint = project.checkpoint_path(run.id)
    pairs = project.store.food_pairs()
    if not pairs:
        raise UserError(f"{project.path} has no food pairs; mine its pairs first.")
    folder = project.run_dir(run.id)
    path = folder / "evidence.pairs.jsonl"
    write_pairs(path, (pair.to_pair() for pair in pairs))
    return EvidenceSpec(
        checkpoint=checkpoint, clips_dir=project.clips_dir, pairs=path, out=folder / EVIDENCE_FILE, device=device
    )


def collect_evidence(project: Project, spec: EvidenceSpec, result: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the result with the run's id: the evidence stays in its file."""
    return {"run": spec.out.parent.name, **result}


def choose_next(
    project: Project,
    run_id: str,
    *,
    n: int = NEXT_PAIRS,
    kinds: Sequence[Kind] = ("likely false accept",),
    unjudged_only: bool = True,
) -> tuple[str, list[Choice]]:
    """Keeps the pairs most worth a verdict as a selection; returns its name and the pairs, with their reasons.

    `unjudged_only` leaves out what somebody decided already, but for likely false rejects, which are all judged. Raises
    UserError where the run's model has not looked yet, or nothing is left to ask for.
    """
    run = resolve_run(project, run_id)
    evidence = read_evidence(project.run_dir(run.id) / EVIDENCE_FILE)
    verdicts: dict[str, Decision] = {
        uid: final.decision
        for uid, final in project.store.final_verdicts().items()
        if final.decision in ("accept", "reject")
    }
    found = [
        choice
        for choice in choose(evidence, verdicts, len(evidence), kinds=kinds)
        if not unjudged_only or choice.kind == "likely false reject" or choice.uid not in verdicts
    ][:n]
    if not found:
        raise UserError(f"No pair is left to ask for by run {run.id}; mine more pairs or ask for another kind.")
    name = f"{_title(kinds)} by run {run.id}"
    keep_selection(
        project.store, name, [choice.uid for choice in found], {choice.uid: choice.reason for choice in found}
    )
    return name, found


def read_evidence(path: Path) -> list[Evidence]:
    """Returns the evidence of a file; raises UserError that names it, and the line that is none."""
    if not path.exists():
        raise UserError(f"{path} does not exist yet; let the run's model look at the pairs first (annotator next).")
    found = []
    with open(path, encoding="utf-8", errors="replace") as lines:
        for number, line in enumerate(lines, 1):
            try:
                found.append(Evidence(**json.loads(line)))
            except (ValueError, TypeError) as error:
                raise UserError(f"{path}, line {number} is no evidence; let the run's model look again.") from error
    return found


def _title(kinds: Sequence[Kind]) -> str:
    names = {"likely false accept": "Likely false accepts", "likely false reject": "Likely false rejects"}
    names |= {"disagreement": "Disagreements", "uncertain class": "Uncertain classes"}
    return names[kinds[0]] if len(kinds) == 1 else "Doubtful pairs"
