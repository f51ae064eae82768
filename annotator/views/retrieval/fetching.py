"""Frames and loudness of the gallery's pairs, read in the background as they come into view and kept while it is shown."""

from collections.abc import Sequence

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtGui import QImage

from annotator.project import Project
from annotator.views.background import Background
from annotator.views.retrieval import reading
from annotator.views.retrieval.cases import Cases


class Fetching(QObject):
    """`pictures` and `waves` are by place of the gallery; `fetched` tells of which there are more."""

    fetched = Signal(object)  # places
    failed = Signal(object)  # UserError

    def __init__(self, project: Project, background: Background, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._project, self._background = project, background
        self._cases: Cases | None = None
        self.pictures: dict[int, QImage] = {}
        self.waves: dict[int, list[float]] = {}
        self._asked: set[int] = set()
        self._wanted: list[int] = []
        self._timer = QTimer(self, singleShot=True, interval=0)
        self._timer.timeout.connect(self._fetch)

    def is_waiting(self) -> bool:
        return self._timer.isActive()

    def close(self) -> None:
        self._timer.stop()

    def set_cases(self, cases: Cases | None) -> None:
        """Begins anew, with none kept."""
        self._cases = cases
        self.pictures, self.waves, self._asked, self._wanted = {}, {}, set(), []

    def want_picture(self, place: int) -> None:
        if place not in self._asked:
            self._asked.add(place)
            self._wanted.append(place)
            self._timer.start()

    def want_waves(self, places: Sequence[int]) -> None:
        cases, kept = self._cases, self.waves
        missing = [place for place in places if place not in kept]
        if cases is None or not missing:
            return
        pairs = [(place, cases.pair(place)) for place in missing]

        def put(found: dict[int, list[float]]) -> None:
            kept.update(found)
            if kept is self.waves:
                self.fetched.emit(frozenset(found))

        self._background.run(lambda: reading.read_waves(self._project, pairs), put, self.failed.emit, priority=1)

    def _fetch(self) -> None:
        cases, places, kept = self._cases, self._wanted, self.pictures
        self._wanted = []
        if cases is None or not places:
            return
        pairs = [(place, cases.pair(place)) for place in places if place < len(cases.found)]

        def put(found: dict[int, QImage]) -> None:
            kept.update(found)
            if kept is self.pictures:
                self.fetched.emit(frozenset(found))

        self._background.run(lambda: reading.read_pictures(self._project, pairs), put, self.failed.emit, priority=1)
