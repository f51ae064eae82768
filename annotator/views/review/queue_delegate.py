"""Paints a row of the queue: thumbnail, class with its state, video and time, probability."""

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRectF, QSize, Qt
from PySide6.QtGui import QFont, QFontMetrics, QImage, QPainter, QPainterPath
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from annotator.store.records import PairRecord
from annotator.views import theme
from annotator.views.review.queue_model import HolderRole, RecordRole, ThumbnailRole, class_of
from annotator.views.widgets.painting import Glyph, draw_glyph
from annotator.views.widgets.stage import fit
from annotator.views.widgets.time_layout import clock_text

ROW_HEIGHT = 52
THUMBNAIL = QSize(52, 34)
VERDICTS: dict[str, tuple[Glyph, str]] = {
    "accept": ("accept", "accept"),
    "reject": ("reject", "reject"),
    "unsure": ("unsure", "unsure"),
    "skip": ("skip", "muted"),
}


class QueueDelegate(QStyledItemDelegate):
    """Rows of one height; a row whose record has not come yet shows quiet shapes in its place."""

    is_blind = False  # the detector's number is hidden from a blind reviewer

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        return QSize(200, ROW_HEIGHT)

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        tokens = theme.current()
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        rect = QRectF(option.rect)
        if option.state & QStyle.StateFlag.State_Selected:
            painter.fillRect(rect, tokens.color("raised"))
            painter.fillRect(QRectF(rect.left(), rect.top(), 2, rect.height()), tokens.color("accent"))
        elif option.state & QStyle.StateFlag.State_MouseOver:
            painter.fillRect(rect, tokens.color("raised", 0.55))
        picture = QRectF(
            rect.left() + 14, rect.center().y() - THUMBNAIL.height() / 2, THUMBNAIL.width(), THUMBNAIL.height()
        )
        _paint_thumbnail(painter, picture, index.data(ThumbnailRole))
        record = index.data(RecordRole)
        text = QRectF(picture.right() + 10, rect.top() + 6, rect.right() - picture.right() - 24, rect.height() - 12)
        if record is None:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(tokens.color("raised"))
            painter.drawRoundedRect(QRectF(text.left(), text.top() + 6, 70, 8), 4, 4)
            painter.drawRoundedRect(QRectF(text.left(), text.top() + 24, 110, 8), 4, 4)
        else:
            _paint_text(painter, text, record, index.data(HolderRole), is_blind=self.is_blind)
        painter.restore()


def _paint_thumbnail(painter: QPainter, box: QRectF, image: object) -> None:
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(theme.current().color("line"))
    painter.drawRoundedRect(box, 4, 4)
    if not isinstance(image, QImage) or image.isNull():
        return
    clip = QPainterPath()
    clip.addRoundedRect(box, 4, 4)
    painter.save()
    painter.setClipPath(clip)
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
    source = fit(round(box.width()), round(box.height()), QRectF(image.rect()))  # the middle that fills the box
    painter.drawImage(box, image, source)
    painter.restore()


def _paint_text(painter: QPainter, box: QRectF, record: PairRecord, holder: str, *, is_blind: bool) -> None:
    tokens = theme.current()
    number = f"{record.label.probability:.2f}" if record.label and not is_blind else ""
    painter.setFont(theme.font())
    number_width = QFontMetrics(painter.font()).horizontalAdvance("0.00")
    painter.setPen(tokens.color("muted"))
    painter.drawText(box, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, number)
    width = box.width() - number_width - 10
    x = box.left()
    if record.decision in VERDICTS:
        glyph, token = VERDICTS[record.decision]
        draw_glyph(painter, glyph, QRectF(x, box.top() + 5, 11, 11), tokens.color(token))
        x += 17
    painter.setFont(theme.font(weight=QFont.Weight.DemiBold))
    painter.setPen(tokens.color("text"))
    metrics = QFontMetrics(painter.font())
    name = metrics.elidedText(class_of(record), Qt.TextElideMode.ElideRight, int(width - (x - box.left())))
    painter.drawText(QRectF(x, box.top(), width, 20), Qt.AlignmentFlag.AlignVCenter, name)
    x += metrics.horizontalAdvance(name) + 6
    painter.setFont(theme.font(theme.SMALL_PX))
    painter.setPen(tokens.color("muted"))
    more = f"+{len(record.labels) - 1}" if len(record.labels) > 1 else ""
    parts = (
        more,
        "skipped" if record.state == "skipped" else "",
        "flagged" if record.flagged else "",
        f"with {holder}" if holder else "",
    )
    note = QFontMetrics(painter.font()).elidedText(
        " · ".join(part for part in parts if part), Qt.TextElideMode.ElideRight, int(box.left() + width - x)
    )
    painter.drawText(QRectF(x, box.top(), box.left() + width - x, 20), Qt.AlignmentFlag.AlignVCenter, note)
    time = f" · {clock_text(record.time_s)}"
    metrics = QFontMetrics(painter.font())
    title = metrics.elidedText(
        record.video_title, Qt.TextElideMode.ElideMiddle, int(width - metrics.horizontalAdvance(time))
    )
    painter.drawText(QRectF(box.left(), box.top() + 20, width, 20), Qt.AlignmentFlag.AlignVCenter, title + time)
