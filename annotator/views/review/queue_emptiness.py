"""What stands where the pair, or the list, would be while the queue has none: a sentence and the next thing to do."""

from dataclasses import dataclass
from typing import Literal

from annotator.store.records import QueueCounts, QueueState

NextStep = Literal["clear filter", "data", "runs", "pending", "skipped", "adjudicate"]
STATE_WORDS: dict[QueueState, str] = {
    "pending": "pending",
    "skipped": "skipped",
    "flagged": "flagged",
    "adjudicate": "disputed",
    "done": "decided",
    "all": "",
    "open": "open",
}
_NOTHING: dict[QueueState, tuple[str, str]] = {
    "skipped": ("Nothing is skipped", "Skip what you want to come back to: it waits here."),
    "flagged": ("Nothing is flagged", "Flag a pair to talk about it: whoever flags it, it is listed here."),
    "adjudicate": (
        "Nothing to adjudicate",
        "Pairs on which reviewers differ, or that somebody was unsure about, are listed here.",
    ),
    "done": ("No verdicts yet", "Accept or reject: what you decided is listed here."),
}


@dataclass(frozen=True, slots=True)
class Emptiness:
    """The words of an empty queue; `step` is what its button does, `is_done` that work is finished, not missing."""

    title: str
    text: str
    action: str
    step: NextStep
    is_done: bool = False


def emptiness(counts: QueueCounts, state: QueueState, filter_text: str) -> Emptiness:
    """Returns what to say of a list that shows no pair; `filter_text` names the filter in force, if any."""
    if filter_text:
        word = STATE_WORDS[state]
        text = f"No {word + ' ' if word else ''}pair fits {filter_text}."
        return Emptiness("Nothing matches the filter", text, "Clear the filter", "clear filter")
    if counts.total == 0:
        text = "Add videos, extract, transcribe, detect and mine them in Data: the pairs found wait here."
        return Emptiness("No pairs to review yet", text, "Open Data", "data")
    if state in _NOTHING:
        title, text = _NOTHING[state]
        return Emptiness(title, text, "Back to the pending pairs", "pending")
    if counts.skipped:
        n_skipped = f"{counts.skipped} skipped pair{'s' if counts.skipped != 1 else ''}"
        text = f"{counts.done} verdicts given. {n_skipped} left to come back to."
        return Emptiness("Every pending pair is done", text, "Review the skipped", "skipped", is_done=True)
    if counts.adjudicate:
        n_open = f"{counts.adjudicate} pair{'s' if counts.adjudicate != 1 else ''}"
        text = f"{counts.done} verdicts given. On {n_open} somebody was unsure, or people differ."
        return Emptiness("Every pending pair is done", text, "Adjudicate", "adjudicate", is_done=True)
    text = f"{counts.accepted} of {counts.done} pairs accepted. They are ready to fine-tune a model."
    return Emptiness("All pairs are reviewed", text, "Open Runs", "runs", is_done=True)


def list_emptiness(state: QueueState, filter_text: str) -> tuple[str, str, str]:
    """Returns title, sentence and button of the empty list itself, in fewer words: the centre says the rest."""
    if filter_text:
        return "Nothing matches", f"No pair fits {filter_text}.", "Clear the filter"
    if state in _NOTHING:
        return *_NOTHING[state], ""
    return "Nothing pending", "Every pair has a verdict, or none is mined yet.", ""
