"""One click from a run to the next review queue: its model looks at the pairs, the most doubtful become a selection."""

from collections.abc import Sequence

from PySide6.QtCore import QObject, Signal

from annotator import verbs
from annotator.jobs.outcome import Outcome
from annotator.views.work import Work
from davenet.errors import UserError
from davenet.labels.choosing import Choice, Kind

DEFAULT_KINDS: tuple[Kind, ...] = ("likely false accept", "disagreement")


class NextQueue(QObject):
    """Makes queues by a run. `made` names the selection and how many pairs it has; `failed` says why there is none."""

    made = Signal(str, int)
    failed = Signal(str)

    def __init__(self, work: Work, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._work = work
        self._busy = ""

    @property
    def is_busy(self) -> bool:
        return bool(self._busy)

    def make(self, run_id: str, *, n: int = verbs.NEXT_PAIRS, kinds: Sequence[Kind] = DEFAULT_KINDS) -> None:
        """Lets the run's model look at the pairs as they are now, then chooses; one at a time."""
        if self._busy:
            self.failed.emit(
                f"The queue by run {self._busy} is being made; it opens in Review when its model has looked."
            )
            return
        self._busy = run_id

        def ended(outcome: Outcome) -> None:
            if outcome.ok:
                self._choose(run_id, n, kinds)
                return
            self._busy = ""
            if outcome.state != "cancelled":
                self.failed.emit(outcome.message)

        title = f"Look at the pairs with {run_id}"
        self._work.start("evidence", title, lambda: verbs.plan_evidence(self._work.project, run_id), on_ended=ended)

    def _choose(self, run_id: str, n: int, kinds: Sequence[Kind]) -> None:
        def chosen(found: tuple[str, list[Choice]]) -> None:
            self._busy = ""
            self.made.emit(found[0], len(found[1]))

        def refused(error: UserError) -> None:
            self._busy = ""
            self.failed.emit(str(error))

        project = self._work.project
        self._work.background.run(lambda: verbs.choose_next(project, run_id, n=n, kinds=kinds), chosen, refused)
