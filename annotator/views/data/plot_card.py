"""One plot: a Figure drawn by pyqtgraph in the theme's colours, read out under the pointer, saved as PNG, SVG or CSV."""

from pathlib import Path
from typing import Any

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QFontMetrics, QImage, QPainter, QPaintEvent, QPen, QWheelEvent
from PySide6.QtWidgets import (
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QLabel,
    QMenu,
    QPushButton,
    QSizePolicy,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from annotator.views import theme
from annotator.views.data.figures import Figure, Layer, Mark
from annotator.views.widgets.empty_state import EmptyState

HEIGHT = 336
_HEAD, _LEGEND = 54, 24  # pixels above the plot in a saved picture


class PlotCard(QFrame):
    saved = Signal(str)  # the path
    text_to_save = Signal(object, str)  # Path, CSV
    image_to_save = Signal(object, object)  # Path, QImage
    step_requested = Signal(str)

    def __init__(self, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.figure: Figure | None = None
        self._plot: Any = None
        self._restyle = QTimer(self, singleShot=True, interval=0)
        self._restyle.timeout.connect(self._fill)
        theme.set_role(self, "card")
        self.setMinimumHeight(HEIGHT)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.title = QLabel(title)
        theme.set_role(self.title, "strong")
        self.readout = QLabel()
        theme.set_role(self.readout, "small")
        self.readout.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.legend = _Legend()
        self.save = QPushButton("Save…")
        self.save.setToolTip("The picture as PNG or SVG, the numbers as CSV")
        self.save.setAccessibleName(f"Save {title}")
        theme.set_role(self.save, "plain")
        self.save.setEnabled(False)
        menu = QMenu(self.save)
        for text, suffix in (("Picture (PNG)…", ".png"), ("Picture (SVG)…", ".svg"), ("Numbers (CSV)…", ".csv")):
            menu.addAction(text).triggered.connect(lambda _on=False, suffix=suffix: self._ask_and_save(suffix))
        self.save.clicked.connect(lambda: menu.popup(self.save.mapToGlobal(self.save.rect().bottomLeft())))
        self.empty = EmptyState("", "", glyph="dot")
        self.empty.set_compact()
        self.empty.action_requested.connect(self._step)
        self._pages = QStackedWidget()
        self._pages.addWidget(self.empty)
        head = QHBoxLayout()
        head.setContentsMargins(16, 10, 10, 0)
        head.setSpacing(8)
        names = QVBoxLayout()
        names.setSpacing(1)
        names.addWidget(self.title)
        names.addWidget(self.readout)
        names.addWidget(self.legend)
        head.addLayout(names, 1)
        head.addWidget(self.save, 0, Qt.AlignmentFlag.AlignTop)
        column = QVBoxLayout(self)
        column.setContentsMargins(1, 1, 1, 8)
        column.setSpacing(2)
        column.addLayout(head)
        column.addWidget(self._pages, 1)

    def sizeHint(self) -> QSize:
        return QSize(480, HEIGHT)

    def set_busy(self, text: str) -> None:
        """Says what is being counted, where nothing is drawn yet."""
        if self.figure is None:
            self.empty.set_content(text, "")

    def draw(self, figure: Figure) -> None:
        self.figure = figure
        self.readout.setText(figure.readout)
        self.readout.setToolTip(figure.readout)
        self.setAccessibleName(f"{figure.title}: {figure.readout or figure.empty}")
        self.save.setEnabled(not figure.empty)
        self.legend.set_layers([layer for layer in figure.layers if layer.name] if not figure.empty else [])
        if figure.empty:
            action = {"import": "Import…", "transcribe": "Transcribe", "detect": "Detect"}.get(figure.step, "")
            self.empty.set_content("Nothing to plot yet", figure.empty, action)
            self._pages.setCurrentWidget(self.empty)
            return
        if self._plot is None:
            self._plot = self._make_plot()
            self._pages.addWidget(self._plot)
        self._fill()
        self._pages.setCurrentWidget(self._plot)

    def plot(self) -> Any:
        """Returns pyqtgraph's widget, None before something is drawn."""
        return self._plot

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and self._plot is not None and self.figure is not None:
            self._restyle.start()  # not at once: the palette is on its way through these very items

    def leaveEvent(self, event: object) -> None:
        if self.figure is not None:
            self.readout.setText(self.figure.readout)

    def hover(self, point: QPointF) -> None:
        """Reads out the row of the table that is nearest to a point of the plot."""
        if self.figure is None or self._plot is None:
            return
        item = self._plot.getPlotItem()
        if not item.vb.sceneBoundingRect().contains(point):
            self.readout.setText(self.figure.readout)
            return
        at = item.vb.mapSceneToView(point)
        self.readout.setText(self.figure.near(at.x(), at.y()) or self.figure.readout)

    def save_to(self, path: Path) -> None:
        """Saves the picture or the numbers, as the file's name ends; the writing itself is for others to do."""
        assert self.figure is not None
        suffix = path.suffix.lower()
        if suffix == ".csv":
            self.text_to_save.emit(path, self.figure.csv())
        elif suffix == ".svg":
            self.text_to_save.emit(path, self._svg())
        else:
            self.image_to_save.emit(path if suffix == ".png" else path.with_suffix(".png"), self._image())

    def _ask_and_save(self, suffix: str) -> None:
        assert self.figure is not None
        kinds = {".png": "PNG (*.png)", ".svg": "SVG (*.svg)", ".csv": "CSV (*.csv)"}
        path, _ = QFileDialog.getSaveFileName(self, "Save", f"{self.figure.key}{suffix}", kinds[suffix])
        if path:
            self.save_to(Path(path if path.lower().endswith(suffix) else path + suffix))

    def _image(self, scale: int = 2) -> QImage:
        size = self._plot.size()
        image = QImage(size.width() * scale, (size.height() + self._head()) * scale, QImage.Format.Format_ARGB32)
        image.setDevicePixelRatio(scale)
        image.fill(theme.current().color("panel"))
        painter = QPainter(image)
        self._paint_picture(painter)
        painter.end()
        return image

    def _svg(self) -> str:
        from PySide6.QtCore import QBuffer, QByteArray, QIODevice
        from PySide6.QtSvg import QSvgGenerator

        assert self.figure is not None
        data = QByteArray()
        buffer = QBuffer(data)
        buffer.open(QIODevice.OpenModeFlag.WriteOnly)
        generator = QSvgGenerator()
        generator.setOutputDevice(buffer)
        size = QSize(self._plot.width(), self._plot.height() + self._head())
        generator.setSize(size)
        generator.setViewBox(QRectF(0, 0, size.width(), size.height()))
        generator.setTitle(self.figure.title)
        generator.setDescription(self.figure.readout)
        painter = QPainter(generator)
        painter.fillRect(QRectF(0, 0, size.width(), size.height()), theme.current().color("panel"))
        self._paint_picture(painter)
        painter.end()
        buffer.close()
        return bytes(data.data()).decode("utf-8")

    def _head(self) -> int:
        return _HEAD + (0 if self.legend.isHidden() else _LEGEND)

    def _paint_picture(self, painter: QPainter) -> None:
        assert self.figure is not None
        tokens = theme.current()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(tokens.color("text"))
        painter.setFont(theme.font(theme.TITLE_PX))
        painter.drawText(QPointF(16, 25), self.figure.title)
        painter.setPen(tokens.color("muted"))
        painter.setFont(theme.font(theme.SMALL_PX))
        painter.drawText(QPointF(16, 45), self.figure.readout)
        size = self._plot.size()
        self.legend.paint(painter, QPointF(14, 50))
        self._paint_plot(painter, QRectF(0, self._head(), size.width(), size.height()))

    # what a card of another kind of plot does its own way

    def _make_plot(self) -> Any:
        return _make_plot(self)

    def _paint_plot(self, painter: QPainter, target: QRectF) -> None:
        self._plot.render(painter, target, self._plot.viewport().rect())

    def _step(self) -> None:
        if self.figure is not None and self.figure.step:
            self.step_requested.emit(self.figure.step)

    def _fill(self) -> None:
        assert self.figure is not None
        fill_plot(self._plot, self.figure)


class _Legend(QWidget):
    """What each colour stands for, in a row at the head, where it covers nothing."""

    def __init__(self) -> None:
        super().__init__()
        self._layers: list[Layer] = []
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)

    def set_layers(self, layers: list[Layer]) -> None:
        self._layers = layers if len(layers) > 1 else []
        self.setAccessibleName("Legend: " + ", ".join(layer.name for layer in layers))
        self.setVisible(len(layers) > 1)
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        metrics = QFontMetrics(theme.font(theme.SMALL_PX))
        return QSize(sum(metrics.horizontalAdvance(layer.name) + 32 for layer in self._layers), 24)

    def minimumSizeHint(self) -> QSize:
        return QSize(0, 24)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self.paint(painter, QPointF(0, 0))

    def paint(self, painter: QPainter, corner: QPointF) -> None:
        tokens = theme.current()
        painter.setFont(theme.font(theme.SMALL_PX))
        metrics = QFontMetrics(painter.font())
        x, middle = corner.x(), corner.y() + 12
        for layer in self._layers:
            color = tokens.color(layer.token, 0.35 if layer.shape == "band" else 1.0)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(color)
            if layer.shape in ("line", "spans"):
                style = Qt.PenStyle.DashLine if layer.dashed else Qt.PenStyle.SolidLine
                painter.setPen(QPen(color, 2, style))
                painter.drawLine(QPointF(x, middle), QPointF(x + 14, middle))
            elif layer.shape == "points":
                painter.drawEllipse(QPointF(x + 8, middle), 4.5, 4.5)
            else:
                painter.drawRoundedRect(QRectF(x + 2, middle - 5, 11, 10), 2, 2)
            painter.setPen(tokens.color("muted"))
            painter.drawText(QPointF(x + 19, middle + metrics.capHeight() / 2), layer.name)
            x += metrics.horizontalAdvance(layer.name) + 32


def _make_plot(card: PlotCard) -> Any:
    import pyqtgraph

    class Plot(pyqtgraph.PlotWidget):  # type: ignore[misc]
        """A plot that stands still: the wheel scrolls the page."""

        def wheelEvent(self, event: QWheelEvent) -> None:
            event.ignore()

    plot = Plot(background=None)
    plot.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    plot.viewport().setFocusPolicy(Qt.FocusPolicy.NoFocus)  # there is nothing to do in it: Tab passes over
    plot.setFrameShape(QFrame.Shape.NoFrame)
    plot.setAntialiasing(True)
    item = plot.getPlotItem()
    item.setMouseEnabled(False, False)
    item.hideButtons()
    item.setMenuEnabled(False)
    item.setContentsMargins(8, 4, 14, 4)
    plot.scene().sigMouseMoved.connect(card.hover)
    return plot


def fill_plot(plot: Any, figure: Figure) -> None:
    """Draws a figure's layers into a plot, in the colours of the theme in force."""
    import pyqtgraph

    tokens = theme.current()
    item = plot.getPlotItem()
    item.clear()
    plot.setBackground(tokens.color("panel"))
    _dress_axes(item, figure)
    for layer in figure.layers:
        _draw_layer(item, layer, pyqtgraph)
    for mark in figure.marks:
        _draw_mark(item, mark, pyqtgraph, 0.1 if figure.by_y else 0.95)
    if figure.x_range is not None:
        item.setXRange(*figure.x_range, padding=0)
    else:
        item.enableAutoRange("x")
    if figure.y_range is not None:
        item.setYRange(*figure.y_range, padding=0)
    else:
        item.enableAutoRange("y")
        item.setLimits(yMin=0)


def _dress_axes(item: Any, figure: Figure) -> None:
    tokens = theme.current()
    for side, label, ticks in (
        ("bottom", figure.x_label, figure.x_ticks),
        ("left", figure.y_label, figure.y_ticks),
    ):
        axis = item.getAxis(side)
        axis.setPen(QPen(tokens.color("line"), 1))
        axis.setTextPen(tokens.color("muted"))
        axis.setTickFont(theme.font(theme.SECTION_PX))
        axis.setStyle(tickLength=0 if ticks else 4, tickTextOffset=6)
        axis.enableAutoSIPrefix(False)
        axis.setLabel(label or None, **{"color": tokens.muted, "font-size": "11px"})
        axis.showLabel(bool(label))
        axis.setTicks([list(ticks)] if ticks else None)
        if side == "left":  # by itself it leaves out long names, and is as wide as those it shows
            metrics = QFontMetrics(theme.font(theme.SECTION_PX))
            axis.setStyle(hideOverlappingLabels=False)
            axis.setWidth(max((metrics.horizontalAdvance(text) for _, text in ticks), default=34) + 14)
        axis.setGrid(False)
    item.showGrid(x=figure.by_y, y=not figure.by_y, alpha=0.16)


def _draw_layer(item: Any, layer: Layer, pg: Any) -> None:
    tokens = theme.current()
    color = tokens.color(layer.token)
    pen = QPen(color, 2)
    pen.setCosmetic(True)
    if layer.dashed:
        pen.setStyle(Qt.PenStyle.DashLine)
        pen.setWidthF(1.4)
    x, y = np.array(layer.x), np.array(layer.y)
    name = layer.name or None
    match layer.shape:
        case "bars":
            widths = np.array(layer.high) - x
            made = pg.BarGraphItem(
                x0=x + 0.06 * widths, width=0.88 * widths, y0=0, height=y,
                brush=tokens.color(layer.token, 0.85), pen=None, name=name,
            )  # fmt: skip
        case "rows":
            made = pg.BarGraphItem(
                x0=0, x1=x, y=y, height=0.66, width=None, brush=tokens.color(layer.token, 0.85), pen=None, name=name
            )
        case "band":
            quiet = QPen(Qt.PenStyle.NoPen)
            low, high = pg.PlotCurveItem(x, y, pen=quiet), pg.PlotCurveItem(x, np.array(layer.high), pen=quiet)
            made = pg.FillBetweenItem(low, high, brush=tokens.color(layer.token, 0.18))
            made.setZValue(-5)
        case "points":
            rim = QPen(tokens.color("panel"), 1.5)
            rim.setCosmetic(True)  # else it is scaled with the dot
            made = pg.ScatterPlotItem(x, y, size=10, symbol="o", brush=color, pen=rim, name=name)
            made.setZValue(10)
        case "spans":
            ends = np.stack([x, np.array(layer.high)], axis=1).ravel()
            is_interval = layer.token == "text"
            thin = QPen(tokens.color(layer.token, 0.6 if is_interval else 1.0), 1.2 if is_interval else 2.4)
            thin.setCosmetic(True)
            made = pg.PlotCurveItem(ends, np.repeat(y, 2), connect="pairs", pen=thin)
        case _:
            made = pg.PlotCurveItem(x, y, pen=pen, name=name)
    item.addItem(made)


def _draw_mark(item: Any, mark: Mark, pg: Any, position: float) -> None:
    tokens = theme.current()
    pen = QPen(tokens.color(mark.token, 0.9), 1, Qt.PenStyle.DashLine)
    pen.setCosmetic(True)
    written = tokens.color("accent_text" if mark.token == "accent" else mark.token)
    line = pg.InfiniteLine(
        mark.at,
        angle=90 if mark.is_x else 0,
        pen=pen,
        label=mark.text or None,
        labelOpts={"position": position, "color": written, "anchors": [(0, 0), (0, 0)], "movable": False},
    )
    if mark.text:
        line.label.setFont(theme.font(theme.SECTION_PX))
    line.setZValue(8)
    item.addItem(line)
