"""The left of the workspace: whose gallery, the numbers of it, what is listed, and the list."""

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QFrame, QHBoxLayout, QLabel, QLineEdit, QStackedWidget, QVBoxLayout, QWidget

from annotator.views import theme
from annotator.views.retrieval.case_list import CaseList
from annotator.views.retrieval.cases import ORDERS, WAYS, Cases, Listing, Show, Wanted, Way
from annotator.views.widgets.empty_state import EmptyState
from annotator.views.widgets.pill import Pill
from annotator.views.widgets.section import SectionHead

_SHOWS: tuple[tuple[Show, str], ...] = (("misses", "misses"), ("hits", "hits"), ("all", "all"))
_GALLERY_NAMES = {"validation": "its validation pairs", "test": "test pairs", "mined": "all mined pairs"}


class CasePanel(QFrame):
    """Emits what is wanted; it knows no file."""

    source_chosen = Signal(str)
    gallery_chosen = Signal(str)
    wanted_changed = Signal(object)  # Wanted

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        theme.set_role(self, "panel-left")
        self.wanted = Wanted()
        self.source, self.gallery = QComboBox(), QComboBox()
        self.source.setAccessibleName("Run or checkpoint")
        self.source.setToolTip("Whose checkpoint looks")
        self.gallery.setAccessibleName("Gallery")
        self.gallery.setToolTip("The pairs that it looks at")
        self.facts = QLabel(wordWrap=True)
        theme.set_role(self.facts, "small")
        self.facts.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.ways = {way: Pill(text) for way, text in WAYS.items()}
        self.shows = {show: Pill(text) for show, text in _SHOWS}
        self.classes, self.order = QComboBox(), QComboBox()
        self.classes.setAccessibleName("Class")
        self.classes.setToolTip("Only the queries of one class")
        self.order.setAccessibleName("Order")
        self.order.setToolTip("The order of the queries")
        for order, text in ORDERS.items():
            self.order.addItem(text, order)
        for combo in (self.source, self.gallery, self.classes, self.order):
            combo.setMinimumContentsLength(8)
            combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
            combo.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.search = QLineEdit(placeholderText="Search class, word, video")
        self.search.setAccessibleName("Search the queries")
        self.search.setClearButtonEnabled(True)
        self.list = CaseList()
        self.empty = EmptyState("Nothing here", "No query is left by these filters.")
        self.empty.set_compact()
        self._pages = QStackedWidget()
        self._pages.addWidget(self.list)
        self._pages.addWidget(self.empty)
        self._lay_out()
        self._connect()
        self._show_wanted()

    def _lay_out(self) -> None:
        top = QVBoxLayout()
        top.setContentsMargins(12, 12, 12, 8)
        top.setSpacing(8)
        top.addWidget(SectionHead("Gallery"))
        top.addWidget(self.source)
        top.addWidget(self.gallery)
        top.addWidget(self.facts)
        for pills in (self.ways, self.shows):
            row = QHBoxLayout()
            row.setSpacing(6)
            for pill in pills.values():
                row.addWidget(pill)
            row.addStretch(1)
            top.addLayout(row)
        top.addWidget(self.search)
        two = QHBoxLayout()
        two.setSpacing(8)
        two.addWidget(self.classes, 1)
        two.addWidget(self.order, 1)
        top.addLayout(two)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(top)
        column.addWidget(self._pages, 1)

    def _connect(self) -> None:
        self.source.activated.connect(lambda _i: self.source_chosen.emit(self.source.currentData()))
        self.gallery.activated.connect(lambda _i: self.gallery_chosen.emit(self.gallery.currentData()))
        for way, pill in self.ways.items():
            pill.clicked.connect(lambda _checked=False, way=way: self.want(way=way))
        for show, pill in self.shows.items():
            pill.clicked.connect(lambda _checked=False, show=show: self.want(show=show))
        self.classes.activated.connect(lambda _i: self.want(class_name=self.classes.currentData()))
        self.order.activated.connect(lambda _i: self.want(order=self.order.currentData()))
        self.search.textChanged.connect(lambda text: self.want(text=text))

    def want(self, **changes: object) -> None:
        """Changes what is listed."""
        values = {name: getattr(self.wanted, name) for name in Wanted.__dataclass_fields__} | changes
        self.wanted = Wanted(**values)
        self._show_wanted()
        self.wanted_changed.emit(self.wanted)

    def turn(self) -> None:
        """Asks the other way round."""
        other: Way = "visual" if self.wanted.way == "audio" else "audio"
        self.want(way=other)

    def show_next(self) -> None:
        shows = [show for show, _ in _SHOWS]
        self.want(show=shows[(shows.index(self.wanted.show) + 1) % len(shows)])

    def _show_wanted(self) -> None:
        for way, pill in self.ways.items():
            pill.setChecked(way == self.wanted.way)
        for show, pill in self.shows.items():
            pill.setChecked(show == self.wanted.show)
        self.classes.setCurrentIndex(max(0, self.classes.findData(self.wanted.class_name)))
        self.order.setCurrentIndex(max(0, self.order.findData(self.wanted.order)))
        if self.search.text() != self.wanted.text:
            self.search.setText(self.wanted.text)

    def set_sources(self, sources: Sequence[tuple[str, str]], chosen: str) -> None:
        self.source.clear()
        for key, name in sources:
            self.source.addItem(name, key)
        self.source.setCurrentIndex(self.source.findData(chosen))
        self.source.setEnabled(bool(sources))

    def set_galleries(self, names: Sequence[str], chosen: str) -> None:
        self.gallery.clear()
        for name in names:
            self.gallery.addItem(_GALLERY_NAMES.get(name, name), name)
        self.gallery.setCurrentIndex(self.gallery.findData(chosen))
        self.gallery.setEnabled(bool(names))

    def set_facts(self, text: str, tip: str = "") -> None:
        self.facts.setText(text)
        self.facts.setToolTip(tip)
        self.facts.setVisible(bool(text))

    def set_cases(self, cases: Cases | None) -> None:
        """Takes the classes to choose from; the list itself comes by `set_listed`."""
        self.classes.clear()
        self.classes.addItem("every class", None)
        for name, number in cases.class_counts() if cases else ():
            self.classes.addItem(f"{name}  {number}", name)
        if self.wanted.class_name is not None and self.classes.findData(self.wanted.class_name) < 0:
            self.want(class_name=None)
        self._show_wanted()
        for part in (*self.ways.values(), *self.shows.values(), self.classes, self.order, self.search):
            part.setEnabled(cases is not None)

    def set_listed(self, cases: Cases | None, listing: Listing | None) -> None:
        """Shows a listing of the cases; None while there is no gallery, or none is listed yet."""
        counts = listing.counts if listing else {}
        for show, pill in self.shows.items():
            pill.set_count(counts.get(show))
        places = listing.places if listing else np.zeros(0, np.int64)
        self.list.cases.set_cases(cases, listing.wanted.way if listing else self.wanted.way, places)
        self._pages.setCurrentIndex(1 if listing and not len(places) else 0)
