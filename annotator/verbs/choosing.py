"""The loop's next queue: a run's model looks at the project's pairs, and those most worth a verdict become a selection.

The job writes what the model makes of each weak label into the run's folder; which pairs follow from it is decided here,
with the verdicts as they are by then, so that it can be asked again after each round of verdicts without another look.
Misses that look like true matches come from the galleries that the run looked at; what is no pair yet is made one to judge.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from annotator.project import Project
from annotator.selections import keep_selection
from annotator.verbs.retrieving import looked_at, paired, plan_retrieve
from annotator.verbs.training import resolve_run
from davenet.errors import UserError
from davenet.labels.choosing import Choice, Decision, Evidence, Kind, choose
from davenet.labels.missed import likely_matches
from davenet.pairs import Pair, write_pairs
from davenet.retrieval_file import read_retrieval
from davenet.specs import EvidenceSpec, RetrieveSpec

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


def plan_misses(project: Project, run_id: str, *, device: str = "auto") -> RetrieveSpec | None:
    """Plans the look at what the run is measured on, where its checkpoint has not looked yet; None where it has.

    None as well where the run keeps no pairs that it is measured on: then it has no misses to ask about.
    """
    run = resolve_run(project, run_id)
    if any(one.is_current for one in looked_at(project, run.id)):
        return None
    if not (project.run_dir(run.id) / "validation.pairs.jsonl").is_file():
        return None
    return plan_retrieve(project, run.id, on="validation", device=device)


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

    `unjudged_only` leaves out what somebody decided already, but for likely false rejects, which are all judged. A likely
    true match that is no pair of the project becomes one, without a verdict: it trains nothing until it is accepted.
    Raises UserError where the run's model has not looked yet, the project cannot be written, or nothing is left to ask for.
    """
    project.require_writable()
    run = resolve_run(project, run_id)
    evidence = []
    if any(kind != "likely true match" for kind in kinds):
        evidence = read_evidence(project.run_dir(run.id) / EVIDENCE_FILE)
    verdicts: dict[str, Decision] = {
        uid: final.decision
        for uid, final in project.store.final_verdicts().items()
        if final.decision in ("accept", "reject")
    }
    matches = _matches(project, run.id) if "likely true match" in kinds else {}
    chosen = choose(
        evidence,
        verdicts,
        len(evidence) + len(matches),
        kinds=kinds,
        matches=[candidate.choice for candidate in matches.values()],
    )
    found = [
        choice
        for choice in chosen
        if not unjudged_only or choice.kind == "likely false reject" or choice.uid not in verdicts
    ][:n]
    if not found:
        raise UserError(f"No pair is left to ask for by run {run.id}; mine more pairs or ask for another kind.")
    for choice in found:
        if choice.kind == "likely true match":
            candidate = matches[choice.uid]
            project.store.add_pair(candidate.pair, like=candidate.like)
    name = f"{_title(kinds)} by run {run.id}"
    keep_selection(
        project.store, name, [choice.uid for choice in found], {choice.uid: choice.reason for choice in found}
    )
    return name, found


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A frame and a sound that would be a pair; `like` names the pairs that they come from."""

    choice: Choice
    pair: Pair
    like: tuple[str, str]


def _matches(project: Project, run_id: str) -> dict[str, _Candidate]:
    """Returns the likely true matches of what the run's checkpoint looked at, as it is now, by uid in their order.

    A file that cannot be read is left out: Retrieval says what is wrong with it. What a later mining put out of the
    project stays out of it.
    """
    found: dict[str, _Candidate] = {}
    for one in looked_at(project, run_id):
        try:
            seen = read_retrieval(one.path, embeddings=False) if one.is_current else None
        except UserError:
            continue
        if seen is None:
            continue
        known = {record.uid: record for record in project.store.pairs([p.uid for p in seen.pairs], reviewer="")}
        for match in likely_matches(seen, {uid: record.labels for uid, record in known.items()}):
            frame, sound = seen.pairs[match.frame], seen.pairs[match.sound]
            pair = paired(known, frame, sound)
            choice = Choice(pair.uid, "likely true match", match.looks_right, match.reason)
            found.setdefault(pair.uid, _Candidate(choice, pair, (sound.uid, frame.uid)))
    gone = {record.uid for record in project.store.pairs(found, reviewer="") if not record.active}
    ranked = sorted(found.items(), key=lambda item: (-item[1].choice.doubt, item[0]))
    return {uid: candidate for uid, candidate in ranked if uid not in gone}


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
    names |= {"likely true match": "Likely true matches"}
    return names[kinds[0]] if len(kinds) == 1 else "Doubtful pairs"
