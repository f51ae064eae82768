"""Saved filters and selections of the review queue: offers them in the drawer, keeps, uses and forgets them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject

from annotator.selections import forget_selection, keep_selection
from annotator.views.background import Background
from annotator.views.review.filter_saved import Saved
from annotator.views.review.queue_loading import Choices, load_choices
from annotator.views.review.queue_panel import QueuePanel

if TYPE_CHECKING:
    from annotator.views.review.queue_presenter import QueuePresenter


class QueueFilters(QObject):
    """Answers the filter drawer; the list itself is the queue presenter's."""

    def __init__(self, queue: QueuePresenter, panel: QueuePanel, background: Background) -> None:
        super().__init__(queue)
        self._queue, self._panel, self._background = queue, panel, background
        self._choices: Choices | None = None
        self._used = ""
        panel.filters_opened.connect(self.reload)
        panel.selection_left.connect(self.leave_selection)
        saved = panel.drawer.saved
        saved.save_requested.connect(self.save)
        saved.chosen.connect(self.use)
        saved.deleted.connect(self.forget)

    def reload(self) -> None:
        """Reads what the pairs can be filtered by, and what is saved."""
        store, reviewer = self._queue.project.store, self._queue.reviewer
        self._background.run(lambda: load_choices(store, reviewer), self._take, self._queue.failed.emit, priority=1)

    def _take(self, choices: Choices) -> None:
        self._choices = choices
        self._panel.drawer.set_facets(choices.facets)
        self._panel.drawer.set_filter(self._queue.request.filter)
        self._show_saved()

    def _show_saved(self) -> None:
        if self._choices is None:
            return
        selections = [Saved("selection", name, f"{len(uids)} pairs") for name, uids in self._choices.selections.items()]
        filters = [Saved("filter", name) for name in self._choices.saved_filters]
        self._panel.drawer.saved.set_entries([*selections, *filters], used=self._used)

    def save(self, name: str) -> None:
        """Keeps the filter in force under a name."""
        store, chosen = self._queue.project.store, self._queue.request.filter
        self._used = name
        self._then_reload(lambda: store.save_filter(name, chosen))

    def use(self, saved: Saved) -> None:
        """Lists the pairs of something saved."""
        if self._choices is None:
            return
        if saved.kind == "filter":
            self.leave_selection(refreshes=False)
            self._used = saved.name
            self._queue.set_filter(self._choices.saved_filters[saved.name], always=True)
        else:
            self._show_selection(saved.name, len(self._choices.selections[saved.name]))
        self._show_saved()

    def forget(self, saved: Saved) -> None:
        """Forgets something saved; what is listed by it stays until something else is chosen."""
        store = self._queue.project.store
        if saved.kind == "filter":
            self._then_reload(lambda: store.delete_filter(saved.name))
            return
        if self._queue.request.selection == saved.name:
            self.leave_selection()
        self._then_reload(lambda: forget_selection(store, saved.name))

    def send(self, name: str, uids: Sequence[str]) -> None:
        """Keeps a selection that another workspace sends and lists it once it is kept."""
        store, unique = self._queue.project.store, list(dict.fromkeys(uids))
        self._background.run(
            lambda: keep_selection(store, name, unique),
            lambda _done: self._show_selection(name, len(unique)),
            self._queue.failed.emit,
            priority=2,
        )

    def list_kept(self, name: str, n_pairs: int) -> None:
        """Lists a selection that is kept already, with the reasons it was kept with."""
        self._show_selection(name, n_pairs)

    def leave_selection(self, *, refreshes: bool = True) -> None:
        """Lists all pairs again, those that wait."""
        if not self._queue.request.selection:
            return
        self._used = ""
        self._panel.set_selection("")
        self._queue.set_selection("", "pending")
        if refreshes:
            self._queue.relist(self._queue.current_uid)

    def _show_selection(self, name: str, n_pairs: int) -> None:
        self._used = name
        self._panel.set_selection(name, n_pairs)
        self._queue.list_selection(name)

    def _then_reload(self, function: Callable[[], Any]) -> None:
        self._background.run(function, lambda _done: self.reload(), self._queue.failed.emit, priority=1)
