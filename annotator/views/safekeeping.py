"""Backs up the open project's database in the background: when it opens, then after many verdicts or ten minutes.

A database on a server is left to the server's own backups.
"""

from PySide6.QtCore import QObject, QTimer, Signal

from annotator.project import Project
from annotator.store.backups import RollingBackups
from annotator.store.opening import DamagedDatabaseError
from annotator.views.background import Background
from davenet.errors import UserError

_LOOK_EVERY_MS = 30_000


class Safekeeping(QObject):
    """`count_verdict` on every change of verdicts; the signals carry a sentence."""

    failed = Signal(str)  # no backup could be made
    recovered = Signal(str)  # a backup was made after all: what `failed` said, and it no longer holds
    damaged = Signal(str)  # the database itself is no longer whole

    def __init__(self, project: Project, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.project = project
        self.background = Background(self, n_threads=1)
        self._rolling = RollingBackups(project.store.path)
        self._told = ""
        self._timer = QTimer(self, interval=_LOOK_EVERY_MS)
        self._timer.timeout.connect(self._look)

    def start(self) -> None:
        if not self.project.is_read_only and not self.project.store.server:
            self._timer.start()
            self._look()

    def count_verdict(self) -> None:
        self._rolling.count_verdict()
        if self._timer.isActive():
            self._look()

    def close(self) -> None:
        """Waits for a backup that is being made."""
        self._timer.stop()
        self.background.shutdown()

    def _look(self) -> None:
        if self.background.is_idle() and self._rolling.is_due():
            self.background.run(self._rolling.back_up, lambda _backup: self._recover(), self._say)

    def _recover(self) -> None:
        if self._told:
            self.recovered.emit(self._told)
            self._told = ""

    def _say(self, error: UserError) -> None:
        if isinstance(error, DamagedDatabaseError):
            self._timer.stop()
            self.damaged.emit(str(error))
        else:
            self._told = str(error)
            self.failed.emit(self._told)
