"""Which pairs to judge next: where detector, words and model disagree about a weak label, with the reason in words.

No torch. What the model says of a pair comes as Evidence (davenet.evaluation.evidence). How much each source counts is
learnt from the verdicts at hand, once there are enough of both kinds; until then fixed weights stand in.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from davenet.intervals import wilson_interval

Kind = Literal["likely false accept", "likely false reject", "disagreement", "uncertain class", "likely true match"]
KINDS: tuple[Kind, ...] = get_args(Kind)
SOURCES = ("detector", "words", "sound", "frame", "place")
# The sound against the frames of its own class told planted errors best on the generated kitchen, docs/guide/loop.md
_WEIGHTS = np.array([0.5, 0.5, 2.0, 1.0, 1.0])
_LEAST_VERDICTS = 20  # accepted and rejected, each, before weights are learnt
_RIDGE = 1.0
_NEIGHBOUR_S = 2.0  # pairs of one video and class this near one another show and say the same

Decision = Literal["accept", "reject"]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What speaks for and against a pair's weak label. Shares are 0..1, 1 speaks for it; None where it is not known.

    `sound_fits`: the share of the other foods whose frames the pair's sound resembles less than those of its own label;
    `frame_fits`: the same of the pair's frame with the sounds; `rank` of its own segment among `n` (1 is best).
    """

    uid: str
    video_uid: str
    time_s: float
    class_name: str
    probability: float
    word_confidence: float
    sound_fits: float | None = None
    frame_fits: float | None = None
    rank: int | None = None
    n: int | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """A pair to judge; `doubt` in 0..1 is what it was ranked by in its kind, `reason` says why in a sentence."""

    uid: str
    kind: Kind
    doubt: float
    reason: str


def choose(
    evidence: Sequence[Evidence],
    verdicts: Mapping[str, Decision],
    n: int,
    *,
    kinds: Sequence[Kind] = ("likely false accept",),
    matches: Sequence[Choice] = (),
) -> list[Choice]:
    """Returns up to `n` pairs of the kinds asked for in turn, what is most doubtful of each first, each pair once.

    Pairs that nobody has judged can be false accepts (of the machines), disagreements, or of an uncertain class; judged
    ones can be false accepts or rejects of a person. Pairs that show and say the same as one chosen come last. `matches`
    are the likely true matches in their order (davenet.labels.missed): they come from a gallery, not from the evidence.
    """
    doubts_NS = doubts(evidence)
    doubt_N = combined(doubts_NS, [verdicts.get(one.uid) for one in evidence])
    of = {one.uid: one for one in evidence}
    queues: list[Sequence[Choice]] = []
    for kind in dict.fromkeys(kinds):
        if kind == "likely true match":
            queues.append(matches)
            continue
        ranked = sorted(_of_kind(kind, evidence, verdicts, doubts_NS, doubt_N), key=lambda one: (-one.doubt, one.uid))
        queues.append(_apart(ranked, of))
    taken: dict[str, Choice] = {}
    for choice in (choice for together in zip_longest(*queues) for choice in together if choice is not None):
        taken.setdefault(choice.uid, choice)
    return list(taken.values())[:n]


def doubts(evidence: Sequence[Evidence]) -> NDArray[np.float64]:
    """Returns (N, 5): each source's doubt about each pair in 0..1, by SOURCES; NaN where a source says nothing.

    Detector and words are taken by their place among the pairs, as their probabilities are not comparable.
    """
    if not evidence:
        return np.zeros((0, len(SOURCES)))
    detector = _places(np.array([one.probability for one in evidence], float))
    words = _places(np.array([one.word_confidence for one in evidence], float))
    sound = np.array([np.nan if one.sound_fits is None else 1 - one.sound_fits for one in evidence], float)
    frame = np.array([np.nan if one.frame_fits is None else 1 - one.frame_fits for one in evidence], float)
    place = np.array([_place(one) for one in evidence], float)
    return np.stack([detector, words, sound, frame, place], axis=1)


def combined(doubts_NS: NDArray[np.float64], decisions: Sequence[str | None]) -> NDArray[np.float64]:
    """Returns (N): one doubt a pair in 0..1, from all sources; one that says nothing counts as undecided."""
    centred_NS = np.nan_to_num(doubts_NS, nan=0.5) - 0.5
    is_accepted = np.array([decision == "accept" for decision in decisions])
    is_rejected = np.array([decision == "reject" for decision in decisions])
    if min(is_accepted.sum(), is_rejected.sum()) < _LEAST_VERDICTS:
        score_N = 4 * centred_NS @ _WEIGHTS / _WEIGHTS.sum()
    else:
        judged = is_accepted | is_rejected
        weights, bias = _fitted(centred_NS[judged], is_rejected[judged].astype(float))
        score_N = centred_NS @ weights + bias
    return np.asarray(1 / (1 + np.exp(-score_N)), np.float64)


def _places(values_N: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns each value's doubt: 0 for the largest of the pairs, 1 for the smallest; equal values share the middle."""
    distinct, inverse, counts = np.unique(values_N, return_inverse=True, return_counts=True)
    if len(distinct) == 1:
        return np.full(len(values_N), np.nan)  # a source that says the same of all says nothing
    below = np.concatenate([[0], np.cumsum(counts)[:-1]])
    share = (below + (counts - 1) / 2) / (len(values_N) - 1)
    return np.asarray(1 - share[inverse], np.float64)


def _place(one: Evidence) -> float:
    if one.rank is None or one.n is None or one.n < 2:
        return np.nan
    return (one.rank - 1) / (one.n - 1)


def _fitted(x_NS: NDArray[np.float64], y_N: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """Returns weights and bias of a logistic regression of rejection on doubts, pulled towards the fixed weights.

    Newton's method; few verdicts change little. A source's weight never becomes negative: more doubt is no praise.
    """
    prior = np.append(4 * _WEIGHTS / _WEIGHTS.sum(), 0.0)
    ridge = np.append(np.full(x_NS.shape[1], _RIDGE), 1e-3)
    x = np.hstack([x_NS, np.ones((len(x_NS), 1))])
    theta = prior.copy()
    for _ in range(30):
        p = 1 / (1 + np.exp(-x @ theta))
        gradient = x.T @ (p - y_N) + ridge * (theta - prior)
        step = np.linalg.solve((x * (p * (1 - p))[:, None]).T @ x + np.diag(ridge), gradient)
        theta = theta - step
        if np.abs(step).max() < 1e-6:
            break
    return np.maximum(theta[:-1], 0.0), float(theta[-1])


def _of_kind(
    kind: Kind,
    evidence: Sequence[Evidence],
    verdicts: Mapping[str, Decision],
    doubts_NS: NDArray[np.float64],
    doubt_N: NDArray[np.float64],
) -> list[Choice]:
    told = _class_widths(evidence, verdicts) if kind == "uncertain class" else {}
    choices = []
    for at, one in enumerate(evidence):
        verdict = verdicts.get(one.uid)
        said = doubts_NS[at][~np.isnan(doubts_NS[at])]
        if kind == "likely false accept" and verdict != "reject":
            head = "accepted, but " if verdict == "accept" else ""
            choices.append(Choice(one.uid, kind, float(doubt_N[at]), head + _against(one, doubts_NS[at])))
        elif kind == "likely false reject" and verdict == "reject":
            choices.append(
                Choice(one.uid, kind, float(1 - doubt_N[at]), "rejected, but " + _in_favour(one, doubts_NS[at]))
            )
        elif kind == "disagreement" and verdict is None and len(said) > 1:
            spread = float(said.max() - said.min())
            reason = f"{_in_favour(one, doubts_NS[at])}, while {_against(one, doubts_NS[at])}"
            choices.append(Choice(one.uid, kind, spread, reason))
        elif kind == "uncertain class" and verdict is None:
            width, accepted, judged = told[one.class_name]
            seen = f"{accepted} of {judged} judged pairs were accepted" if judged else "no pair was judged yet"
            reason = f"{one.class_name}: {seen}, so that its share is known to ±{50 * width:.0f} points"
            choices.append(Choice(one.uid, kind, width, reason))
    return choices


def _against(one: Evidence, doubts_S: NDArray[np.float64]) -> str:
    return _sentence(one, int(np.nanargmax(doubts_S)) if not np.isnan(doubts_S).all() else -1, only="only ")


def _in_favour(one: Evidence, doubts_S: NDArray[np.float64]) -> str:
    return _sentence(one, int(np.nanargmin(doubts_S)) if not np.isnan(doubts_S).all() else -1)


def _sentence(one: Evidence, source: int, only: str = "") -> str:
    match SOURCES[source] if source >= 0 else "":
        case "detector":
            return f"the detector gives {one.class_name} {only}{one.probability:.2f}"
        case "words":
            return f"the word was recognised with {only}{one.word_confidence:.2f}"
        case "sound":
            assert one.sound_fits is not None
            return f"the sound fits {one.class_name} better than {only}{one.sound_fits:.0%} of the other foods".replace(
                "%", " %"
            )
        case "frame":
            assert one.frame_fits is not None
            return f"the frame fits {one.class_name} better than {only}{one.frame_fits:.0%} of the other foods".replace(
                "%", " %"
            )
        case "place":
            return f"the model puts its sound at {one.rank} of {one.n} for its frame"
    return "nothing is known of it yet"


def _class_widths(evidence: Sequence[Evidence], verdicts: Mapping[str, Decision]) -> dict[str, tuple[float, int, int]]:
    """Returns for each class the width of the 95 % interval of its accepted share (Wilson), accepted and judged pairs."""
    counts: dict[str, list[int]] = {}
    for one in evidence:
        count = counts.setdefault(one.class_name, [0, 0])
        verdict = verdicts.get(one.uid)
        count[0] += verdict == "accept"
        count[1] += verdict is not None
    return {name: (_width(accepted, judged), accepted, judged) for name, (accepted, judged) in counts.items()}


def _width(accepted: int, judged: int) -> float:
    low, high = wilson_interval(accepted, judged)
    return high - low


def _apart(choices: Sequence[Choice], of: Mapping[str, Evidence]) -> list[Choice]:
    """Returns the choices in their order, those that show and say the same as an earlier one after all others."""
    taken: dict[tuple[str, str], list[float]] = {}
    first: list[Choice] = []
    later: list[Choice] = []
    for choice in choices:
        one = of[choice.uid]
        times = taken.setdefault((one.video_uid, one.class_name), [])
        is_near = any(abs(one.time_s - time_s) <= _NEIGHBOUR_S for time_s in times)
        (later if is_near else first).append(choice)
        if not is_near:
            times.append(one.time_s)
    return [*first, *later]
