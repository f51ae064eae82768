"""Brings what people and models say of a pair beside it: reads it in the background, keeps gold, shows conflicts.

The Review presenter shows a pair here with one call.
"""

from PySide6.QtCore import QObject, Signal

from annotator.project import Project
from annotator.reviewer_names import known_reviewers
from annotator.store.records import PairRecord
from annotator.views.background import Background
from annotator.views.review.adjudication import AdjudicationStrip
from annotator.views.review.evidence import Evidence, OtherVerdict
from annotator.views.review.pair_evidence import other_verdict, read_evidence
from annotator.views.review.question_panel import QuestionPanel


class PairPeople(QObject):
    """`failed` carries a UserError."""

    failed = Signal(object)

    def __init__(
        self,
        question: QuestionPanel,
        strip: AdjudicationStrip,
        project: Project,
        background: Background,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._question, self._strip = question, strip
        self._project, self._background = project, background
        self._pair: PairRecord | None = None
        self._reviewer = ""
        self._is_adjudicating = False
        question.gold_chosen.connect(self._set_gold)
        question.reviewer.set_role(project.store.role)

    def show(self, pair: PairRecord | None, reviewer: str, *, is_adjudicating: bool = False) -> None:
        """Shows what is known beside a pair, and when it is adjudicated what each reviewer said of it."""
        is_other = self._pair is None or pair is None or pair.uid != self._pair.uid
        self._pair, self._reviewer = pair, reviewer
        self._is_adjudicating = is_adjudicating and pair is not None
        if not self._is_adjudicating:
            self._strip.set_verdicts("", ())
        elif is_other:
            self._strip.wait()
        self.refresh()

    def refresh(self) -> None:
        """Reads again what is known of the pair shown: after a remark, a score, or another's verdict."""
        pair, reviewer, store, is_adjudicating = self._pair, self._reviewer, self._project.store, self._is_adjudicating
        if pair is None:
            return

        def read() -> tuple[Evidence, list[OtherVerdict], list[str]]:
            evidence = read_evidence(store, pair, reviewer)
            names = known_reviewers(store, reviewer)
            every = [other_verdict(one) for one in store.verdicts(pair_uid=pair.uid)] if is_adjudicating else []
            return evidence, [one for one in every if one.decision != "skip"], names

        def take(read: tuple[Evidence, list[OtherVerdict], list[str]]) -> None:
            if self._pair is None or self._pair.uid != pair.uid or self._is_adjudicating != is_adjudicating:
                return
            evidence, every, names = read
            self._question.reviewer.set_names(names)
            self._question.set_evidence(evidence)
            if is_adjudicating:
                asked = pair.label.class_name if pair.label else ""
                self._strip.set_verdicts(asked, every, evidence.remarks)

        self._background.run(read, take, self.failed.emit, priority=1)

    def _set_gold(self, answer: str) -> None:
        pair, reviewer, store = self._pair, self._reviewer, self._project.store
        if pair is None:
            return
        label = pair.label.class_name if pair.label and answer == "accept" else None

        def keep() -> None:
            store.set_gold(pair.uid, answer or None, set_by=reviewer, label=label)  # type: ignore[arg-type]

        self._background.run(keep, lambda _nothing: self.refresh(), self.failed.emit, priority=1)
