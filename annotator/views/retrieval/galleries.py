"""Whose gallery is shown: the runs and checkpoints to choose from, what each has looked at, and the file that is read."""

from pathlib import Path

from PySide6.QtCore import QObject, Signal

from annotator.project import Project
from annotator.views.background import Background
from annotator.views.retrieval import reading
from annotator.views.retrieval.reading import Loaded, Place, Source
from annotator.views.retrieval.workspace import RetrievalWorkspace
from davenet.errors import UserError

_NO_RUN = "No run has been looked at yet"


class GalleryChoice(QObject):
    """`loaded` brings what a file holds, None where nothing is shown: then the empty state has said why."""

    loaded = Signal(object)  # Loaded | None
    failed = Signal(object)  # UserError

    def __init__(
        self, view: RetrievalWorkspace, project: Project, background: Background, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._view, self._project, self._background = view, project, background
        self._sources: dict[str, Source] = {}
        self._place: Place | None = None
        self.source: Source | None = None
        self.gallery = ""
        self._is_shown = False
        self._load_number = 0
        view.panel.source_chosen.connect(self.choose_source)
        view.panel.gallery_chosen.connect(self._choose_gallery)

    def refresh(self) -> None:
        """Reads the runs again; what is shown stays while its run is there."""
        self._background.run(lambda: reading.sources(self._project), self._take_sources, self.failed.emit, priority=2)

    def forget(self) -> None:
        """Lets the next reading show what lies there then, in place of what is shown."""
        self._is_shown = False

    def choose_source(self, key: str) -> None:
        if key in self._sources:
            self.source, self.gallery = self._sources[key], ""
            self.read_place()

    def read_place(self) -> None:
        """Reads what the source has looked at, and shows it."""
        source = self.source
        if source is None:
            return

        def took(place: Place) -> None:
            if source == self.source:
                self._place = place
                self._show_place()

        self._background.run(lambda: reading.place_of(self._project, source), took, self.failed.emit, priority=2)

    def _choose_gallery(self, name: str) -> None:
        self.gallery = name
        self._show_place()

    def _take_sources(self, found: tuple[list[Source], str]) -> None:
        sources, first = found
        self._sources = {one.key: one for one in sources}
        chosen = self.source.key if self.source and self.source.key in self._sources else first
        self._view.panel.set_sources([(one.key, one.name) for one in sources], chosen)
        if not chosen:
            self.source = None
            self._put(None)
            self._view.show_empty("No runs yet", "A run trains the model that is looked at here.", "Go to Runs")
            return
        is_new = self.source is None or self.source.key != chosen
        self.source = self._sources[chosen]
        if is_new or not self._is_shown:
            self.read_place()

    def _show_place(self) -> None:
        place, source = self._place, self.source
        if place is None or source is None:
            return
        known = [one.gallery for one in place.looked_at if one.gallery in place.galleries]
        if self.gallery not in place.galleries:
            self.gallery = known[0] if known else place.galleries[0]
        self._view.panel.set_sources([(one.key, one.name) for one in self._sources.values()], source.key)
        self._view.panel.set_galleries(place.galleries, self.gallery)
        found = next((one for one in place.looked_at if one.gallery == self.gallery), None)
        if found is None and not known:
            found = next((one for one in place.looked_at if not one.gallery), None)
        self._view.notice.clear()
        if found is None:
            self._put(None)
            self._show_not_looked(place, source)
            return
        if place.why_not:
            self._view.notice.show_notice(place.why_not, "warning")
        elif found.gallery and not found.is_current:
            self._view.notice.show_notice(
                f"This was looked at with other weights than {source.name} has now; look again to see it as it is.",
                "warning",
            )
        self._load(found.path)

    def _show_not_looked(self, place: Place, source: Source) -> None:
        if place.why_not:
            self._view.show_empty(f"{source.name} cannot look".capitalize(), place.why_not)
            return
        key = self._view.keys.text("retrieval.look")
        self._view.show_empty(
            _NO_RUN if not place.looked_at else "This gallery has not been looked at yet",
            "Choose a run and a gallery at the left and press "
            f"{key or 'the button'}: for each frame its ten most similar sounds, and the reverse.",
            f"Look with {source.name}",
        )

    def _load(self, path: Path) -> None:
        self._load_number += 1
        number, gallery = self._load_number, self.gallery

        def read(loaded: Loaded) -> None:
            if number == self._load_number:
                self._put(loaded)
                if loaded.changed and not self._view.notice.text():
                    self._view.notice.show_notice(loaded.changed, "warning")

        def not_read(error: UserError) -> None:
            if number == self._load_number:
                self._put(None)
                self._view.show_empty("This file cannot be read", str(error), "Look again")

        self._background.run(lambda: reading.load(self._project, path, gallery), read, not_read, priority=2)

    def _put(self, loaded: Loaded | None) -> None:
        self._load_number += loaded is None
        self._is_shown = loaded is not None
        self.loaded.emit(loaded)
