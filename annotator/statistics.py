"""Shares with their uncertainty, as the app and the command line show them beside the paper's."""

from typing import Any

from annotator.store.records import Tally
from davenet.intervals import wilson_interval

PAPER_ACCEPTED_SHARE = 0.792  # 845 of 1067 validation pairs held a correct label, Section 6


def tally_values(tally: Tally) -> dict[str, Any]:
    """Returns a tally with its accepted share and interval, as JSON values."""
    low, high = wilson_interval(tally.accepted, tally.decided)
    return {
        "accepted": tally.accepted,
        "rejected": tally.rejected,
        "unsure": tally.unsure,
        "skipped": tally.skipped,
        "accepted_share": tally.accepted_share,
        "accepted_share_low": low,
        "accepted_share_high": high,
    }


def share_line(tally: Tally) -> str:
    counted = f"{tally.accepted} accepted, {tally.rejected} rejected, {tally.unsure} unsure, {tally.skipped} skipped"
    if tally.accepted_share is None:
        return counted
    low, high = wilson_interval(tally.accepted, tally.decided)
    return f"{counted}: {100 * tally.accepted_share:.1f} % accepted (95 %: {100 * low:.1f} to {100 * high:.1f} %)"
