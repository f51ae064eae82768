"""The ten most similar of a query as cells: frame, word, similarity, the true one marked; Enter or a click plays it."""

from collections.abc import Collection, Iterable, Mapping, Sequence

from PySide6.QtCore import QEvent, QPointF, QRect, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QFont, QFontMetrics, QImage, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QRegion
from PySide6.QtWidgets import QSizePolicy, QWidget

from annotator.views import theme
from annotator.views.retrieval.cases import Case, Cases, Result
from annotator.views.retrieval.pictures import PaintedPictures
from annotator.views.widgets.painting import draw_focus_ring, draw_glyph
from annotator.views.widgets.time_layout import clock_text

GAP, PAD, TEXT = 12, 8, 62
A_TURN = 3  # cells of a new case that are painted in one turn of the window
_MOST_WIDTH = 340
_MOVES = {Qt.Key.Key_Left: (-1, 0), Qt.Key.Key_Right: (1, 0), Qt.Key.Key_Up: (0, -1), Qt.Key.Key_Down: (0, 1)}


class ResultGrid(QWidget):
    """`played` names a result by its number; `chosen_moved` follows the one that the keyboard is on."""

    played = Signal(int)
    chosen_moved = Signal(int)
    picture_wanted = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.pictures: Mapping[int, QImage] = {}
        self._painted = PaintedPictures(self.update)
        self.waves: Mapping[int, Sequence[float]] = {}
        self._cases: Cases | None = None
        self._case: Case | None = None
        self._chosen, self._hovered = 0, -1
        self._heard, self._heard_share = -1, 0.0
        self._late_cells: list[int] = []
        self._turn = QTimer(self, interval=0)
        self._turn.timeout.connect(self._update_late)
        self._accepted: frozenset[int] = frozenset()
        self.setAccessibleName("The ten most similar")
        self.setToolTip("")

    def sizeHint(self) -> QSize:
        return QSize(820, 380)

    def minimumSizeHint(self) -> QSize:
        return QSize(480, 240)

    def set_case(self, cases: Cases | None, case: Case | None) -> None:
        self._cases, self._case = cases, case
        self._chosen, self._hovered, self._heard = 0, -1, -1
        self._accepted = frozenset()
        self._tell()
        self._late_cells = list(range(A_TURN, len(self.results())))
        if self._late_cells:
            self.update(self._around(range(A_TURN)))
            self._turn.start()
        else:
            self.update()

    def _update_late(self) -> None:
        """Lets the cells that a new case changes be painted a few a turn: ten at once would take most of ten milliseconds."""
        now, self._late_cells = self._late_cells[:A_TURN], self._late_cells[A_TURN:]
        self.update(self._around(now))
        if not self._late_cells:
            self._turn.stop()

    def _around(self, numbers: Iterable[int]) -> QRegion:
        region = QRegion()
        for number in numbers:
            region += self.cell(number).toAlignedRect()
        return region

    def set_accepted(self, numbers: frozenset[int]) -> None:
        """Marks the results that were accepted as pairs."""
        if numbers != self._accepted:  # else a new case, painted in parts, would be painted whole
            self._accepted = numbers
            self.update()

    def accepted(self) -> frozenset[int]:
        return self._accepted

    def take_fetched(self, places: Collection[int]) -> None:
        """There are pictures or sounds of these places of the gallery now."""
        for number, result in enumerate(self.results()):
            if result.place in places:
                self.update(self.cell(number).toAlignedRect())

    def results(self) -> tuple[Result, ...]:
        return () if self._case is None else self._case.results

    def chosen(self) -> int:
        return self._chosen

    def choose(self, number: int) -> None:
        if 0 <= number < len(self.results()):
            self._chosen = number
            self._tell()
            self.update()
            self.chosen_moved.emit(number)

    def step(self, by: int) -> None:
        self.choose(min(max(0, self._chosen + by), len(self.results()) - 1))

    def set_heard(self, number: int, share: float) -> None:
        """Shows which result sounds (-1: none) and how much of it was heard."""
        for changed in {self._heard, number} - {-1}:
            self.update(self.cell(changed).toAlignedRect())
        self._heard, self._heard_share = number, share

    def cell(self, number: int) -> QRectF:
        """Returns where a result is painted."""
        columns, width, height = self._layout()
        row, column = divmod(number, columns)
        return QRectF(column * (width + GAP), row * (height + GAP), width, height)

    def _layout(self) -> tuple[int, float, float]:
        """Returns columns, cell width and height at which all results are as large as fit."""
        n = max(1, len(self.results()))
        best = (n, 1.0, 1.0)
        whole = [
            columns for columns in range(1, n + 1) if n % columns == 0
        ]  # rows of one length, as far as there are any
        for columns in whole if len(whole) > 2 else range(1, n + 1):
            rows = -(-n // columns)
            width = min((self.width() - (columns - 1) * GAP) / columns, _MOST_WIDTH)
            room = (self.height() - (rows - 1) * GAP) / rows
            width = min(width, (room - TEXT - 2 * PAD) * 16 / 9 + 2 * PAD)
            if width > best[1]:
                best = (columns, width, (width - 2 * PAD) * 9 / 16 + 2 * PAD + TEXT)
        return best

    def _tell(self) -> None:
        if self._case is None or self._cases is None or not self._case.results:
            self.setAccessibleDescription("nothing")
            return
        one = self._case.results[self._chosen]
        true = "the true one, " if one.is_true else ""
        self.setAccessibleDescription(
            f"{self._chosen + 1} of {len(self._case.results)}: {true}{self._cases.name(one.place)}, "
            f"similarity {one.similarity:.2f}, {self._cases.title(one.place)}"
        )

    # -- keys and mouse ----------------------------------------------------------------------------------------------

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent):
            is_plain = not event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
            if event.key() in _MOVES and is_plain:
                event.accept()  # else the shortcuts of the list would take them
                return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in _MOVES:
            columns = self._layout()[0]
            x, y = _MOVES[Qt.Key(event.key())]
            to = self._chosen + x + y * columns
            if 0 <= to < len(self.results()):
                self.choose(to)
        else:
            super().keyPressEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        number = self._at(event.position())
        if number >= 0 and event.button() == Qt.MouseButton.LeftButton:
            self.choose(number)
            self.played.emit(number)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        hovered = self._at(event.position())
        if hovered != self._hovered:
            self._hovered = hovered
            self.setCursor(Qt.CursorShape.PointingHandCursor if hovered >= 0 else Qt.CursorShape.ArrowCursor)
            self.setToolTip(self._tip(hovered))
            self.update()

    def leaveEvent(self, event: QEvent) -> None:
        self._hovered = -1
        self.update()

    def _at(self, point: QPointF) -> int:
        return next((i for i in range(len(self.results())) if self.cell(i).contains(point)), -1)

    def _tip(self, number: int) -> str:
        if number < 0 or self._cases is None:
            return ""
        one = self.results()[number]
        pair = self._cases.pair(one.place)
        word = f"“{pair.word}” said at {clock_text(pair.sound_s)}\n" if pair.word else ""
        return (
            f"{self._cases.name(one.place)} · {self._cases.title(one.place)} at {clock_text(pair.time_s)}\n{word}"
            f"similarity {one.similarity:.3f}; Enter or a click plays it"
        )

    # -- painting ----------------------------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        if self._case is None or self._cases is None:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for number, result in enumerate(self._case.results):
            if self.cell(number).toAlignedRect().intersects(event.rect()):
                self._paint_cell(painter, number, result)

    def _paint_cell(self, painter: QPainter, number: int, result: Result) -> None:
        assert self._cases is not None and self._case is not None
        tokens, cell = theme.current(), self.cell(number)
        is_chosen = number == self._chosen
        border = "accept" if result.is_true else "faint" if is_chosen or number == self._hovered else "line"
        painter.setPen(QPen(tokens.color(border), 2 if result.is_true else 1))
        painter.setBrush(tokens.color("raised" if is_chosen else "panel"))
        painter.drawRoundedRect(cell.adjusted(1, 1, -1, -1), 8, 8)
        picture = cell.adjusted(PAD, PAD, -PAD, -PAD - TEXT)
        image = self.pictures.get(result.place)
        if image is None:
            self.picture_wanted.emit(result.place)
        self._painted.paint(painter, picture, image, radius=5)
        if self._case.way == "audio":
            self._paint_sound(painter, picture, result.place)
        self._paint_number(painter, picture, number)
        if number in self._accepted:
            _paint_badge(painter, QRectF(picture.right() - 26, picture.top() + 6, 20, 20), "accept", "accept")
        elif self._heard == number:
            _paint_badge(painter, QRectF(picture.right() - 26, picture.top() + 6, 20, 20), "info", "play")
        if self._heard == number:
            line = QRectF(picture.left(), picture.bottom() - 4, picture.width(), 4)
            painter.fillRect(line, tokens.color("stage", 0.7))
            line.setWidth(line.width() * self._heard_share)
            painter.fillRect(line, tokens.color("info"))
        self._paint_text(painter, cell, picture, result)
        if is_chosen and self.hasFocus():
            draw_focus_ring(painter, cell, 8)

    def _paint_sound(self, painter: QPainter, picture: QRectF, place: int) -> None:
        """Paints the segment's loudness over the foot of the frame that it was said with."""
        wave = self.waves.get(place)
        if not wave:
            return
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)  # on whole pixels: it is dear
        band = QRectF(picture.left(), picture.bottom() - 26, picture.width(), 26).toRect()
        painter.fillRect(band, theme.DARK.color("stage", 0.72))
        middle, step = band.center().y(), band.width() / len(wave)
        bars = []
        for index, value in enumerate(wave):
            left, right = round(band.left() + index * step), round(band.left() + (index + 1) * step)
            half = max(1, round(10 * value))
            bars.append(QRect(left, middle - half, max(1, right - left - 1), 2 * half))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.DARK.color("text", 0.85))
        painter.drawRects(bars)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)

    def _paint_number(self, painter: QPainter, picture: QRectF, number: int) -> None:
        badge = QRectF(picture.left() + 6, picture.top() + 6, 24 if number >= 9 else 20, 20)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.DARK.color("stage", 0.78))
        painter.drawRoundedRect(badge, 10, 10)
        painter.setPen(theme.DARK.color("text"))
        painter.setFont(theme.font(theme.SECTION_PX, QFont.Weight.DemiBold))
        painter.drawText(badge, Qt.AlignmentFlag.AlignCenter, str(number + 1))

    def _paint_text(self, painter: QPainter, cell: QRectF, picture: QRectF, result: Result) -> None:
        assert self._cases is not None
        tokens, pair = theme.current(), self._cases.pair(result.place)
        line = QRectF(picture.left() + 2, picture.bottom() + 5, picture.width() - 4, 19)
        value = f"{result.similarity:.2f}".replace("-", "−")
        painter.setFont(theme.font(theme.SMALL_PX))
        painter.setPen(tokens.color("muted"))
        painter.drawText(line, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, value)
        room = int(line.width() - QFontMetrics(painter.font()).horizontalAdvance(value) - 8)
        painter.setFont(theme.font(weight=QFont.Weight.DemiBold))
        painter.setPen(tokens.color("text"))
        name = QFontMetrics(painter.font()).elidedText(
            self._cases.name(result.place), Qt.TextElideMode.ElideRight, room
        )
        painter.drawText(line, Qt.AlignmentFlag.AlignVCenter, name)
        painter.setFont(theme.font(theme.SMALL_PX))
        metrics = QFontMetrics(painter.font())
        painter.setPen(tokens.color("muted"))
        at_s = pair.sound_s if self._case is not None and self._case.way == "audio" else pair.time_s
        said = f"“{pair.word}” · {clock_text(at_s)}" if pair.word else clock_text(at_s)
        said = metrics.elidedText(said, Qt.TextElideMode.ElideRight, int(line.width()))
        painter.drawText(line.translated(0, 19), Qt.AlignmentFlag.AlignVCenter, said)
        third = line.translated(0, 37)
        if result.is_true:
            draw_glyph(painter, "accept", QRectF(third.left(), third.center().y() - 5, 10, 10), tokens.color("accept"))
            painter.setPen(tokens.color("accept"))
            painter.drawText(third.adjusted(16, 0, 0, 0), Qt.AlignmentFlag.AlignVCenter, "the true one")
        else:
            where = "same video" if result.is_same_video else self._cases.title(result.place)
            note = f"same class · {where}" if result.is_same_class else where
            note = metrics.elidedText(note, Qt.TextElideMode.ElideRight, int(line.width()))
            painter.drawText(third, Qt.AlignmentFlag.AlignVCenter, note)


def _paint_badge(painter: QPainter, box: QRectF, ground: str, glyph: str) -> None:
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(theme.current().color(ground))
    painter.drawEllipse(box)
    shape = box.adjusted(5.5, 5.5, -5.5, -5.5)
    draw_glyph(painter, glyph, shape, theme.current().color("panel"), width=2.0)  # type: ignore[arg-type]
