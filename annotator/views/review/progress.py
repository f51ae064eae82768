"""How far the reviewer is: done of all with the time left, the pace, and the accepted share beside the paper's."""

import statistics
from collections.abc import Sequence

from PySide6.QtCore import QSize
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from annotator.statistics import PAPER_ACCEPTED_SHARE
from annotator.store.records import QueueCounts, VerdictRecord
from annotator.views import theme
from annotator.views.widgets.bar import ProgressLine
from davenet.intervals import wilson_interval


def pace_of(verdicts: Sequence[VerdictRecord]) -> float | None:
    """Returns the median seconds that verdicts took, skips left out; None where there are none."""
    seconds = [one.seconds for one in verdicts if one.decision != "skip" and one.seconds > 0]
    return statistics.median(seconds) if seconds else None


def time_left(n_pending: int, median_s: float | None) -> str:
    """Returns how long the rest will take at this pace, in words; nothing where it cannot be told."""
    if n_pending == 0:
        return "all done"
    if not median_s:
        return f"{grouped(n_pending)} left"
    seconds = n_pending * median_s
    if seconds < 90:
        return f"{max(1, round(seconds))} s left"
    if seconds < 90 * 60:
        return f"{round(seconds / 60)} min left"
    return f"{seconds / 3600:.1f} h left"


def grouped(number: int) -> str:
    """Returns a whole number with narrow spaces between thousands."""
    return f"{number:,}".replace(",", "\u202f")


def share_text(accepted: int, decided: int, *, is_short: bool = False) -> str:
    """Returns the accepted share of the decided with Wilson's 95 % interval, such as "79.2 % (76.7–81.5)"."""
    if decided == 0:
        return ""
    low, high = wilson_interval(accepted, decided)
    interval = f"({100 * low:.0f}–{100 * high:.0f})" if is_short else f"({100 * low:.1f}–{100 * high:.1f})"
    return f"{100 * accepted / decided:.1f}\u202f% {interval}"


class Progress(QWidget):
    """Two lines of figures with the line of progress between them."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.setMaximumWidth(330)
        self._done, self._of, self._left = QLabel(), QLabel(), QLabel()
        self._share, self._paper = QLabel(), QLabel(f"paper {100 * PAPER_ACCEPTED_SHARE:.1f}\u202f%")
        theme.set_role(self._done, "strong")
        for label in (self._of, self._left, self._share, self._paper):
            theme.set_role(label, "small")
        self._paper.setToolTip("The paper's reviewers accepted 845 of 1067 pairs (Section 6)")
        self._line = ProgressLine()
        self._left_text = ""
        self._texts = (("", ""), ("", ""))  # time left and share, in long words and in short ones
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(5)
        column.addLayout(_row(self._done, self._of, None, self._left))
        column.addWidget(self._line)
        column.addLayout(_row(self._share, None, self._paper))

    def sizeHint(self) -> QSize:
        return QSize(280, super().sizeHint().height())

    def minimumSizeHint(self) -> QSize:
        return QSize(180, super().minimumSizeHint().height())

    def set_progress(self, counts: QueueCounts, median_s: float | None) -> None:
        """`median_s` is the pace: the median seconds of a verdict."""
        decided = counts.accepted + counts.rejected
        self._done.setText(grouped(counts.done))
        self._of.setText(f"of {grouped(counts.total)}")
        left = time_left(counts.pending, median_s)
        pace = f" · {median_s:.1f} s" if median_s else ""
        each = f" at {median_s:.1f} s a verdict, the median of the last ones" if median_s else ""
        self._left.setToolTip(f"{grouped(counts.pending)} pending, {grouped(counts.skipped)} skipped{each}")
        share = share_text(counts.accepted, decided)
        self._texts = (
            (f"{left}{pace} each" if pace else left, f"accepted {share}" if share else "none decided yet"),
            (left.removesuffix(" left") + pace, share_text(counts.accepted, decided, is_short=True)),
        )
        self._fit()
        self._share.setToolTip(
            f"You accepted {grouped(counts.accepted)} of the {grouped(decided)} that you decided; in brackets the 95 % "
            "interval by Wilson's method"
            if decided
            else ""
        )
        self._line.set_share(counts.done / counts.total if counts.total else 0.0)
        left, share = self._texts[0]
        self.setAccessibleName(f"{counts.done} of {counts.total} done, {left}, {share}, {self._paper.text()}")

    def _fit(self) -> None:
        """Writes the long words where they have room."""
        metrics = self._share.fontMetrics()
        for left, share in self._texts:
            first = metrics.horizontalAdvance(f"{self._done.text()} {self._of.text()}   {left}") + 12
            second = metrics.horizontalAdvance(f"{share}   {self._paper.text()}") + 12
            self._left_text = left
            self._left.setText(left)
            self._share.setText(share)
            if max(first, second) <= self.width():
                break

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def set_saving(self, is_saving: bool) -> None:
        """Says in place of the time left that the last verdict is still on its way to the disk."""
        self._left.setText("saving the verdict …" if is_saving else self._left_text)

    def shown(self) -> tuple[str, ...]:
        """Returns the figures as they are written."""
        return tuple(one.text() for one in (self._done, self._of, self._left, self._share, self._paper))


def _row(*parts: QLabel | None) -> QHBoxLayout:
    """Returns labels in a row; None is where the room goes."""
    row = QHBoxLayout()
    row.setSpacing(5)
    for part in parts:
        row.addStretch(1) if part is None else row.addWidget(part)
    return row
