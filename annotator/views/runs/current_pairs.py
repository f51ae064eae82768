"""What a run learns from at this moment: a few pairs of the step that it told of last, as small pictures with their class."""

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QRectF, QSize, Qt
from PySide6.QtGui import QFontMetrics, QHelpEvent, QImage, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from annotator.project import Project
from annotator.views import theme
from annotator.views.retrieval.pictures import PaintedPictures
from annotator.views.review.scene import read_thumbnails
from annotator.views.widgets.time_layout import clock_text

COLUMNS, GAP = 3, 8
_HEIGHT, _NAME = 48, 18  # of a picture, of the line below it
_WIDTH_READ = 160


@dataclass(frozen=True, slots=True, eq=False)
class CurrentPair:
    """A pair as it is shown; its image is None where its clip file is gone."""

    uid: str
    name: str
    where: str
    image: QImage | None


def read_current_pairs(project: Project, uids: Sequence[str]) -> tuple[CurrentPair, ...]:
    """Returns the pairs of these uids with their frames, in their order; for the background."""
    records = project.store.pairs(uids, reviewer="")
    images = dict(read_thumbnails(records, project.clip_path, _WIDTH_READ))
    return tuple(
        CurrentPair(
            record.uid,
            record.label.class_name if record.label is not None else "non-food",
            f"{record.video_title} · {clock_text(record.time_s)}",
            images.get(record.uid),
        )
        for record in records
    )


class CurrentPairs(QWidget):
    """Small pictures in rows of three. It keeps what it shows until it is given others, so that nothing flickers."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._pairs: tuple[CurrentPair, ...] = ()
        self._painted = PaintedPictures()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def set_pairs(self, pairs: Sequence[CurrentPair]) -> None:
        before, self._pairs = self._rows(), tuple(pairs)
        names = ", ".join(f"{pair.name} ({pair.where})" for pair in self._pairs)
        self.setAccessibleName(f"It learns from {names}" if names else "")
        if self._rows() != before:
            self.updateGeometry()
        self.update()

    def pairs(self) -> tuple[CurrentPair, ...]:
        return self._pairs

    def sizeHint(self) -> QSize:
        return QSize(240, max(0, self._rows() * (_HEIGHT + _NAME + 4) - 4))

    def minimumSizeHint(self) -> QSize:
        return QSize(120, self.sizeHint().height())

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            there = next((p for p, box in self._boxes() if box.contains(event.pos().toPointF())), None)
            QToolTip.showText(event.globalPos(), "" if there is None else f"{there.name}\n{there.where}", self)
            return True
        return super().event(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setFont(theme.font(theme.SECTION_PX))
        painter.setPen(theme.current().color("muted"))
        metrics = QFontMetrics(painter.font())
        for pair, box in self._boxes():
            self._painted.paint(painter, QRectF(box.left(), box.top(), box.width(), _HEIGHT), pair.image, radius=4)
            line = QRectF(box.left(), box.top() + _HEIGHT, box.width(), _NAME)
            name = metrics.elidedText(pair.name, Qt.TextElideMode.ElideRight, int(line.width()))
            painter.drawText(line, Qt.AlignmentFlag.AlignVCenter, name)

    def _rows(self) -> int:
        return -(-len(self._pairs) // COLUMNS)

    def _boxes(self) -> list[tuple[CurrentPair, QRectF]]:
        width = (self.width() - GAP * (COLUMNS - 1)) // COLUMNS
        step = _HEIGHT + _NAME + 4
        return [
            (pair, QRectF(place % COLUMNS * (width + GAP), place // COLUMNS * step, width, _HEIGHT + _NAME))
            for place, pair in enumerate(self._pairs)
        ]
