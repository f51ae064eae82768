"""Reads what the store knows beside a pair: runs' scores, remarks, other people's verdicts, the video's other pairs."""

from annotator.selections import reason_of
from annotator.store import Store
from annotator.store.records import PairRecord, RemarkRecord, RunRecord, VerdictRecord
from annotator.views.review.evidence import (
    Evidence,
    OtherVerdict,
    RemarkLine,
    ScoreLine,
    VideoPairLine,
)


def read_evidence(store: Store, pair: PairRecord, reviewer: str) -> Evidence:
    """Returns it as `reviewer` may see it: gold that others set stays unknown. Raises UserError as the store does."""
    scores = tuple(
        ScoreLine(run_number(run_id), score.similarity, score.rank, score.n)
        for run_id, score in store.scores_of_pair(pair.uid)
    )
    gold = next((one for one in store.gold_pairs() if one.pair_uid == pair.uid and one.set_by == reviewer), None)
    return Evidence(
        pair.uid,
        scores,
        tuple(standing_remarks(store.remarks(pair.uid))),
        tuple(other_verdict(one) for one in store.verdicts(pair_uid=pair.uid) if one.reviewer != reviewer),
        tuple(
            VideoPairLine(one.uid, one.label.class_name if one.label else "no label", one.time_s, one.decision or "")
            for one in store.pairs_of_video(pair.video_uid, reviewer=reviewer)
            if one.kind == "food" and one.uid != pair.uid
        ),
        gold.decision if gold is not None else "",
        "" if scores else _scorable(store.runs()),
        reason_of(store, pair.uid),
    )


def standing_remarks(remarks: list[RemarkRecord]) -> list[RemarkLine]:
    """Returns the comments and, in front, the flag where the newest of flagging and taking back is a flag."""
    flag = next((one for one in reversed(remarks) if one.kind in ("flag", "unflag")), None)
    lines = [RemarkLine(one.reviewer, "comment", one.text, one.at) for one in remarks if one.kind == "comment"]
    if flag is not None and flag.kind == "flag":
        lines.insert(0, RemarkLine(flag.reviewer, "flag", flag.text, flag.at))
    return lines


def other_verdict(one: VerdictRecord) -> OtherVerdict:
    return OtherVerdict(
        one.reviewer, one.decision, one.label or "", one.reason or "", one.comment or "", one.seconds, one.blind
    )


def run_number(run_id: str) -> str:
    """Returns "3" of 003-small; the id itself where it is not numbered."""
    number = run_id.split("-")[0].lstrip("0")
    return number if number.isdigit() else run_id


def _scorable(runs: list[RunRecord]) -> str:
    """Returns the id of the newest run that has a checkpoint, "" where none has."""
    return next((run.id for run in runs if run.result.get("best_checkpoint") or run.result.get("checkpoint")), "")
