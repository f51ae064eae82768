"""Runs the settings page: shows what is in force when it is opened, and lets what is chosen take effect at once."""

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal

from annotator.views.key_bindings import KeyBindings
from annotator.views.settings.page import SettingsPage
from annotator.views.settings.preferences import Preferences
from davenet.errors import UserError

if TYPE_CHECKING:
    from annotator.playback.player import Player
    from annotator.project import Project

_LOOK_MS = 1000  # how often the use of the memory is looked at while it is shown
_MB = 1 << 20


class SettingsPresenter(QObject):
    """`reviewer_changed` and `proxies_changed` follow what was kept in the open project."""

    reviewer_changed = Signal(str)
    proxies_changed = Signal(bool)

    def __init__(
        self, page: SettingsPage, preferences: Preferences, bindings: KeyBindings, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self.page = page
        self._preferences, self._bindings = preferences, bindings
        self._project: Project | None = None
        self._players: tuple[Player, ...] = ()
        self._looks = QTimer(self, interval=_LOOK_MS)
        self._looks.timeout.connect(self._show_cache)
        playback, appearance = page.playback, page.appearance
        for signal, name in (
            (playback.autoplay_chosen, "autoplay"),
            (playback.auto_advance_chosen, "auto_advance"),
            (playback.volume_chosen, "volume"),
            (playback.muted_chosen, "is_muted"),
            (playback.cache_limit_chosen, "cache_limit_mb"),
            (appearance.theme_chosen, "theme"),
            (appearance.text_size_chosen, "text_size"),
        ):
            signal.connect(lambda value, name=name: preferences.set(name, value))
        playback.proxies_chosen.connect(self._keep_proxies)
        page.reviewer.name_chosen.connect(self._keep_reviewer)
        preferences.changed.connect(lambda _name: self._show_preferences())
        bindings.changed.connect(self._show_keys)
        self._show_preferences()
        self._show_keys()

    def set_project(self, project: "Project | None", players: "tuple[Player, ...]" = ()) -> None:
        """Whose settings are shown beside the app's own."""
        self._project, self._players = project, players
        self._show_project()

    def show(self) -> None:
        """The page is in view: what changed meanwhile is read again."""
        self.page.notice.clear()
        self._show_project()
        self._show_cache()
        self._looks.start()

    def hide(self) -> None:
        self._looks.stop()

    def _show_preferences(self) -> None:
        kept = self._preferences
        self.page.playback.set_values(
            autoplay=kept.autoplay,
            auto_advance=kept.auto_advance,
            volume=kept.volume,
            muted=kept.is_muted,
            cache_limit_mb=kept.cache_limit_mb,
        )
        self.page.appearance.set_values(theme=kept.theme, text_size=kept.text_size)
        self._show_cache()

    def _show_keys(self) -> None:
        texts = (self._bindings.text(f"app.{name}") for name in ("louder", "quieter", "mute"))
        self.page.playback.set_keys(*texts)

    def _show_cache(self) -> None:
        used = max((player.cache_bytes() for player in self._players), default=0)  # they share one cache
        self.page.playback.set_cache_use(used / _MB, self._preferences.cache_limit_mb)

    def _show_project(self) -> None:
        project = self._project
        if project is None:
            self.page.playback.set_project(None)
            self.page.reviewer.set_reviewer(None, "")
            return
        proxies = project.store.setting("proxies") is not False
        reason = project.read_only_reason
        self.page.playback.set_project(project.name, proxies=proxies, reason=reason)
        self.page.reviewer.set_reviewer(project.name, project.reviewer, reason)

    def _keep_proxies(self, on: bool) -> None:
        if self._keep("proxies", on):
            self.proxies_changed.emit(on)

    def _keep_reviewer(self, name: str) -> None:
        if self._keep("reviewer", name):
            self.reviewer_changed.emit(name)

    def _keep(self, name: str, value: bool | str) -> bool:
        assert self._project is not None  # the controls are off without a project
        try:
            self._project.store.set_setting(name, value)
        except UserError as error:
            self.page.notice.show_notice(str(error), "error")
            self._show_project()
            return False
        return True
