"""Paints a cell of the gallery: frame, label and word with their numbers, the verdict's shape, selection and sound."""

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRectF, Qt
from PySide6.QtGui import QFont, QFontMetrics, QImage, QPainter, QPainterPath, QPen
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from annotator.store.records import PairRecord
from annotator.views import theme
from annotator.views.review.gallery_grid import PADDING, TEXT_HEIGHT
from annotator.views.review.queue_delegate import VERDICTS
from annotator.views.review.queue_model import RecordRole, ThumbnailRole, UidRole, class_of
from annotator.views.widgets.painting import draw_focus_ring, draw_glyph
from annotator.views.widgets.stage import fit

_BADGE = 22


class GalleryCell(QStyledItemDelegate):
    """One cell; `set_heard` names the pair whose sound plays, and how much of it has played."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._heard_uid, self._heard_share = "", 0.0
        self._is_blind = False

    def set_blind(self, is_blind: bool) -> None:
        """Leaves out the machines' numbers."""
        self._is_blind = is_blind

    def set_heard(self, uid: str, share: float = 0.0) -> None:
        self._heard_uid, self._heard_share = uid, share

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        tokens = theme.current()
        rect, state = QRectF(option.rect), option.state
        is_selected = bool(state & QStyle.StateFlag.State_Selected)
        painter.save()
        box = rect.adjusted(0.5, 0.5, -0.5, -0.5)
        lit = state & QStyle.StateFlag.State_MouseOver
        painter.setPen(QPen(tokens.color("accent" if is_selected else "faint" if lit else "line"), 1))
        painter.setBrush(tokens.color("panel"))
        painter.drawRoundedRect(box, 8, 8)
        if is_selected:
            painter.setBrush(tokens.color("accent", 0.16))
            painter.drawRoundedRect(box, 8, 8)
        picture = rect.adjusted(PADDING, PADDING, -PADDING, -TEXT_HEIGHT - PADDING)
        _paint_picture(painter, picture, index.data(ThumbnailRole))
        record: PairRecord | None = index.data(RecordRole)
        text = QRectF(picture.left() + 3, picture.bottom() + 5, picture.width() - 6, TEXT_HEIGHT - 4)
        if record is None:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(tokens.color("raised"))
            painter.drawRoundedRect(QRectF(text.left(), text.top() + 5, 70, 8), 4, 4)
        else:
            _paint_text(painter, text, record, numbers=not self._is_blind)
            if record.decision in VERDICTS:
                _paint_verdict(painter, picture, record.decision)
        if is_selected:
            _paint_badge(
                painter, QRectF(picture.left() + 6, picture.top() + 6, 18, 18), "accent", "accept", "on_accent"
            )
        if index.data(UidRole) == self._heard_uid:
            self._paint_sound(painter, picture)
        if state & QStyle.StateFlag.State_HasFocus:
            draw_focus_ring(painter, rect, 8)
        painter.restore()

    def _paint_sound(self, painter: QPainter, picture: QRectF) -> None:
        tokens = theme.current()
        line = QRectF(picture.left(), picture.bottom() - 4, picture.width(), 4)
        painter.fillRect(line, tokens.color("stage", 0.7))
        painter.fillRect(QRectF(line.left(), line.top(), line.width() * self._heard_share, 4), tokens.color("info"))
        _paint_badge(
            painter, QRectF(picture.right() - 24, picture.top() + 6, 18, 18), "stage", "play", "info", opacity=0.85
        )


def _paint_picture(painter: QPainter, box: QRectF, image: object) -> None:
    clip = QPainterPath()
    clip.addRoundedRect(box, 5, 5)
    painter.fillPath(clip, theme.current().color("line"))
    if isinstance(image, QImage) and not image.isNull():
        painter.save()
        painter.setClipPath(clip)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        source = fit(round(box.width()), round(box.height()), QRectF(image.rect()))
        painter.drawImage(box, image, source)
        painter.restore()


def _paint_verdict(painter: QPainter, picture: QRectF, decision: str) -> None:
    tokens = theme.current()
    glyph, token = VERDICTS[decision]
    painter.setPen(QPen(tokens.color(token), 3))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawRoundedRect(picture.adjusted(1.5, 1.5, -1.5, -1.5), 5, 5)
    badge = QRectF(picture.right() - _BADGE - 7, picture.bottom() - _BADGE - 7, _BADGE, _BADGE)
    _paint_badge(painter, badge, token, glyph, "panel")


def _paint_badge(painter: QPainter, box: QRectF, ground: str, glyph: str, token: str, *, opacity: float = 1.0) -> None:
    tokens = theme.current()
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(tokens.color(ground, opacity))
    painter.drawEllipse(box)
    inset = box.width() * 0.27
    shape = box.adjusted(inset, inset, -inset, -inset)
    draw_glyph(painter, glyph, shape, tokens.color(token), width=2.0)  # type: ignore[arg-type]


def _paint_text(painter: QPainter, box: QRectF, record: PairRecord, *, numbers: bool) -> None:
    tokens = theme.current()
    label = record.label
    painter.setFont(theme.font(theme.SMALL_PX))
    small = QFontMetrics(painter.font())
    line = QRectF(box.left(), box.top(), box.width(), 19)
    second = line.translated(0, 19)
    if label is not None:
        painter.setPen(tokens.color("muted"))
        right = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight
        if numbers:
            painter.drawText(line, right, f"{label.probability:.2f}")
            painter.drawText(second, right, f"{label.word_confidence:.2f}")
        room = int(box.width() - small.horizontalAdvance("0.00") - 8)
        word = small.elidedText(f"“{label.word}”", Qt.TextElideMode.ElideRight, room)
        painter.drawText(second, Qt.AlignmentFlag.AlignVCenter, word)
    painter.setFont(theme.font(weight=QFont.Weight.DemiBold))
    painter.setPen(tokens.color("text"))
    room = int(box.width() - small.horizontalAdvance("0.00") - 8)
    name = QFontMetrics(painter.font()).elidedText(class_of(record), Qt.TextElideMode.ElideRight, room)
    painter.drawText(line, Qt.AlignmentFlag.AlignVCenter, name)
