"""What became of a job, as a value: read from its final event, or from how its process ended when there was none."""

import signal
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from davenet import events

State = Literal["finished", "cancelled", "failed", "crashed"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """`message` is the sentence to show (empty when finished), `details` the end of the job's standard error."""

    state: State
    message: str = ""
    result: Mapping[str, Any] = field(default_factory=dict)
    details: str = ""

    @property
    def ok(self) -> bool:
        return self.state == "finished"


def outcome_of(
    final: events.Finished | events.Cancelled | events.Failed | None,
    *,
    verb: str,
    exit_code: int | None = None,
    killed: bool = False,
    asked_to_stop: bool = False,
    details: str = "",
) -> Outcome:
    """Returns the outcome of a job that is over.

    `exit_code` is None where nobody could see it (a run that was followed through its file). With `killed` the process
    was ended by a signal, and `exit_code` is that signal's number where it is known. A job that was `asked_to_stop` and
    then had to be killed counts as cancelled.
    """
    match final:
        case events.Finished(result):
            return Outcome("finished", result=result, details=details)
        case events.Cancelled(result):
            return Outcome("cancelled", "Cancelled; what was finished is kept.", result, details)
        case events.Failed(message, bug):
            return Outcome("crashed" if bug else "failed", message, details=details)
    if asked_to_stop:
        return Outcome(
            "cancelled",
            f"The {verb} job did not stop when asked and was ended; what was finished is kept.",
            details=details,
        )
    return Outcome("crashed", _crash_sentence(verb, exit_code, killed, details), details=details)


def _crash_sentence(verb: str, exit_code: int | None, killed: bool, details: str) -> str:
    if killed and exit_code == getattr(signal, "SIGKILL", 9):
        why = "most often because memory ran out; close other programs and start it again"
        return f"The {verb} job was killed by the system, {why}."
    if killed:
        how = f"crashed ({_signal_name(exit_code)})" if exit_code else "crashed"
    elif exit_code is None:
        how = "ended without a last word"
    else:
        how = f"ended without a last word (exit status {exit_code})"
    last = _last_line(details)
    return f"The {verb} job {how}{f': {last}' if last else ''}; start it again."


def _signal_name(number: int | None) -> str:
    try:
        return signal.Signals(number or 0).name
    except ValueError:
        return f"signal {number}"


def _last_line(details: str) -> str:
    """Returns the last line of a traceback, or the first of a fault report, which names what went wrong."""
    lines = [line.strip() for line in details.splitlines() if line.strip()]
    fatal = [line for line in lines if line.startswith("Fatal Python error")]
    return ((fatal or lines)[-1]).rstrip(".")[:200] if lines else ""
