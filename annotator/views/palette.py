"""The command palette: every action of the app with its live keys, found by a few letters, done where it belongs."""

from collections.abc import Callable

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QWidget

from annotator.fuzzy import match
from annotator.keymap import ACTIONS, EVERYWHERE, Action
from annotator.views.finder import Entry, Finder
from annotator.views.key_bindings import KeyBindings
from annotator.views.top_bar import WORKSPACES

_LEFT_OUT = ("app.palette", "review.peek")  # what opens it, and what lasts as long as a key is held
_NAMES = {name.lower(): name for name in WORKSPACES}


class Palette(QObject):
    """`open_workspace` brings a workspace into view before an action of its own is done."""

    def __init__(
        self,
        parent: QWidget,
        bindings: KeyBindings,
        open_workspace: Callable[[str], None],
        current_workspace: Callable[[], str],
    ) -> None:
        super().__init__(parent)
        self._bindings = bindings
        self._open_workspace, self._current_workspace = open_workspace, current_workspace
        self._used: list[str] = []  # the newest first
        self.finder = Finder("All commands", "What do you want to do?", parent)
        self.finder.typed.connect(self._find)
        self.finder.chosen.connect(self._do)

    def open_palette(self) -> None:
        self.finder.open_finder()

    def _find(self, text: str) -> None:
        entries = self._fits(text)
        self.finder.set_entries(entries, "" if entries else "No command is called so; try another word.")

    def _fits(self, text: str) -> list[Entry]:
        """Returns what fits: what is possible first, then the better fit, then what was done lately and is near."""
        found: list[tuple[tuple[float, ...], Entry]] = []
        for number, action in enumerate(ACTIONS.values()):
            fit = match(text, action.text)
            if action.id in _LEFT_OUT or not self._bindings.is_bound(action.id):
                continue
            if fit is None:
                beside = match(text, f"{_place(action)} {action.text}")  # "review skip", "everywhere mute"
                whole = 1.9 * len(text.split())  # every word stands there as it is: scattered letters are no sign here
                fit = (beside[0] - 2, ()) if beside is not None and beside[0] >= whole else None
            if fit is None:
                continue
            is_possible = self._bindings.is_possible(action.id)
            entry = Entry(
                action.text,
                _place(action),
                action.id,
                self._bindings.shown_keys(action.id),
                fit[1],
                is_possible,
                "Not possible now",
            )
            used = self._used.index(action.id) if action.id in self._used else len(self._used) + 1
            is_near = action.workspace in (self._current_workspace().lower(), EVERYWHERE)
            found.append(((not is_possible, -round(fit[0], 1), used, not is_near, number), entry))
        return [entry for _, entry in sorted(found, key=lambda one: one[0])]

    def _do(self, id: object) -> None:
        assert isinstance(id, str)
        self._used = [id, *(used for used in self._used if used != id)][:8]
        workspace = _NAMES.get(ACTIONS[id].workspace)
        if workspace is not None:
            self._open_workspace(workspace)
        self._bindings.run(id)


def _place(action: Action) -> str:
    name = _NAMES.get(action.workspace, "Everywhere")
    return name if action.group in (name, "Everywhere") else f"{name} · {action.group}"
