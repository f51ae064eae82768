"""One click from a run to the next review queue: its model looks at the pairs and at what it is measured on, and those
most worth a verdict become a selection."""

from collections.abc import Sequence

from PySide6.QtCore import QObject, Signal

from annotator import verbs
from annotator.jobs.outcome import Outcome
from annotator.views.work import Work
from davenet.errors import UserError
from davenet.labels.choosing import Choice, Kind
from davenet.specs import RetrieveSpec

DEFAULT_KINDS: tuple[Kind, ...] = ("likely false accept", "disagreement", "likely true match")


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
        """Lets the run's model look at the pairs as they are now, and for misses, then chooses; one at a time."""
        if self._busy:
            self.failed.emit(
                f"The queue by run {self._busy} is being made; it opens in Review when its model has looked."
            )
            return
        self._busy = run_id

        def ended(outcome: Outcome) -> None:
            if outcome.ok:
                self._look_for_misses(run_id, n, kinds)
            else:
                self._give_up(outcome)

        title = f"Look at the pairs with {run_id}"
        self._work.start("evidence", title, lambda: verbs.plan_evidence(self._work.project, run_id), on_ended=ended)

    def _look_for_misses(self, run_id: str, n: int, kinds: Sequence[Kind]) -> None:
        """Lets the model look at the run's own gallery where it has not; a look that fails leaves the other kinds."""
        work = self._work

        def planned(spec: RetrieveSpec | None) -> None:
            if spec is None:
                self._choose(run_id, n, kinds)
            else:
                work.start("retrieve", f"Look for misses of {run_id}", lambda: spec, on_ended=ended)

        def ended(outcome: Outcome) -> None:
            if outcome.state == "cancelled":
                self._give_up(outcome)
            else:
                self._choose(run_id, n, kinds)

        if "likely true match" in kinds:
            work.background.run(
                lambda: verbs.plan_misses(work.project, run_id), planned, lambda _why: self._choose(run_id, n, kinds)
            )
        else:
            self._choose(run_id, n, kinds)

    def _give_up(self, outcome: Outcome) -> None:
        self._busy = ""
        if outcome.state != "cancelled":
            self.failed.emit(outcome.message)

    def _choose(self, run_id: str, n: int, kinds: Sequence[Kind]) -> None:
        def chosen(found: tuple[str, list[Choice]]) -> None:
            self._busy = ""
            self.made.emit(found[0], len(found[1]))

        def refused(error: UserError) -> None:
            self._busy = ""
            self.failed.emit(str(error))

        project = self._work.project
        self._work.background.run(lambda: verbs.choose_next(project, run_id, n=n, kinds=kinds), chosen, refused)
