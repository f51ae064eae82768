"""What stands where the pair would be while the queue has none: a sentence and the one thing to do next."""

from dataclasses import dataclass
from typing import Literal

from annotator.store.records import PairState, QueueCounts

NextStep = Literal["clear filter", "data", "runs", "pending", "skipped"]


@dataclass(frozen=True, slots=True)
class Emptiness:
    """The words of an empty queue; `step` is what its button does, `is_done` that work is finished, not missing."""

    title: str
    text: str
    action: str
    step: NextStep
    is_done: bool = False


def emptiness(counts: QueueCounts, state: PairState, filter_text: str) -> Emptiness:
    """Returns what to say of a list that shows no pair."""
    if filter_text:
        text = f"No {state} pair has “{filter_text}”."
        return Emptiness("Nothing matches the filter", text, "Clear the filter", "clear filter")
    if counts.total == 0:
        text = "Add videos, extract, transcribe, detect and mine them in Data: the pairs found wait here."
        return Emptiness("No pairs to review yet", text, "Open Data", "data")
    if state != "pending":
        return Emptiness(f"No {state} pairs", "There is nothing in this list.", "Back to the pending pairs", "pending")
    if counts.skipped:
        n_skipped = f"{counts.skipped} skipped pair{'s' if counts.skipped != 1 else ''}"
        text = f"{counts.done} verdicts given. {n_skipped} left to come back to."
        return Emptiness("Every pending pair is done", text, "Review the skipped", "skipped", is_done=True)
    text = f"{counts.accepted} of {counts.done} pairs accepted. They are ready to fine-tune a model."
    return Emptiness("All pairs are reviewed", text, "Open Runs", "runs", is_done=True)
