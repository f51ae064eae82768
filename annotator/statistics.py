"""Shares with their uncertainty, as the app and the command line show them beside the paper's."""

from math import sqrt
from typing import Any

from annotator.store.records import Tally

PAPER_ACCEPTED_SHARE = 0.792  # 845 of 1067 validation pairs held a correct label, Section 6
_Z_95 = 1.959963984540054  # two-sided 95 % of the normal distribution


def wilson_interval(successes: int, trials: int, *, z: float = _Z_95) -> tuple[float, float]:
    """Returns Wilson's interval for a share, by default of 95 %; (0, 1) without trials."""
    if trials == 0:
        return 0.0, 1.0
    share, z2 = successes / trials, z * z
    centre = (share + z2 / (2 * trials)) / (1 + z2 / trials)
    half = z / (1 + z2 / trials) * sqrt(share * (1 - share) / trials + z2 / (4 * trials * trials))
    low = 0.0 if successes == 0 else centre - half
    high = 1.0 if successes == trials else centre + half
    return max(0.0, low), min(1.0, high)


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
