"""What the verdicts of a dataset bought: the change of Recall@10 on the same frozen gallery, and which pairs moved."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from annotator.results import TELLS_NOTHING, Bought, K
from annotator.views import theme
from annotator.views.runs.values import label_of, number_text


class BoughtCard(QFrame):
    measure_requested = Signal()
    review_requested = Signal(str, list)  # the name of a selection, the uids of its pairs

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        theme.set_role(self, "card")
        self._bought: Bought | None = None
        self.title = QLabel()
        theme.set_role(self.title, "strong")
        self.how = QLabel()
        theme.set_role(self.how, "small")
        self.verdicts, self.gain, self.moved = QLabel(), QLabel(), QLabel()
        self.measure = QPushButton("Measure it", toolTip="Evaluate both runs on the gallery of the earlier one")
        self.measure.clicked.connect(self.measure_requested)
        self.send = QPushButton()
        self.send.setToolTip("Make a review queue of the pairs that left the ten most similar")
        theme.set_role(self.send, "link")
        self.send.clicked.connect(self._send)
        head = QHBoxLayout()
        head.addWidget(self.title)
        head.addStretch(1)
        head.addWidget(self.how)
        line = QHBoxLayout()
        line.setSpacing(8)
        for part in (self.verdicts, self.gain, self.moved, self.send, self.measure):
            line.addWidget(part)
        line.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 12, 16, 12)
        column.setSpacing(6)
        column.addLayout(head)
        column.addLayout(line)
        self.hide()

    def set_bought(self, bought: Bought | None) -> None:
        self._bought = bought
        self.setVisible(bought is not None)
        if bought is None:
            return
        self.title.setText(f"What dataset {bought.dataset} bought")
        few = f", {TELLS_NOTHING}" if 0 < bought.size <= K else ""
        size = f" of {number_text(bought.size)} pairs{few}" if bought.size else ""
        self.how.setText(f"against run {label_of(bought.before)}, same gallery{size}, paired bootstrap")
        plural = "" if bought.n_verdicts == 1 else "s"
        self.verdicts.setText(f"{number_text(bought.n_verdicts)} verdict{plural} since · Recall@10")
        found = bought.difference
        self.measure.setVisible(found is None)
        for part in (self.gain, self.moved):
            part.setVisible(found is not None)
        self.send.setVisible(found is not None and bool(found.moved_out))
        if found is None:
            self.verdicts.setText(
                f"{number_text(bought.n_verdicts)} verdict{plural} since; not measured on one gallery yet."
            )
            return
        low, high = found.share.interval_95
        is_sure = low > 0 or high < 0
        self.gain.setText(
            f"{100 * found.share.value:+.1f} points ({100 * low:.1f} to {100 * high:.1f})".replace("-", "−")
        )
        theme.set_role(self.gain, "good" if low > 0 else "bad" if is_sure else "strong")
        n_in, n_out = len(found.moved_in), len(found.moved_out)
        self.moved.setText(f"· {number_text(n_in)} pairs moved into the ten, {number_text(n_out)} out")
        self.send.setText(f"send the {number_text(n_out)} to review")

    def _send(self) -> None:
        if self._bought is not None and self._bought.difference is not None:
            name = f"left the ten with dataset {self._bought.dataset}"
            self.review_requested.emit(name, list(self._bought.difference.moved_out))
