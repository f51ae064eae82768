"""Work off the GUI thread: functions in a few threads whose results come back as calls on the GUI thread."""

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject, QRunnable, Qt, QThreadPool, Signal

from davenet.errors import UserError


class _Relay(QObject):
    finished = Signal(object, object, object)  # the callback, the result, the error


class _Task(QRunnable):
    def __init__(self, function: Callable[[], Any], answer: Callable[[Any, BaseException | None], None]) -> None:
        super().__init__()
        self._function, self._answer = function, answer

    def run(self) -> None:
        try:
            self._answer(self._function(), None)
        except BaseException as error:  # carried to the GUI thread, which shows or raises it
            self._answer(None, error)


class Background(QObject):
    """Runs functions that touch no widget; `on_done` gets the result, `on_error` a UserError, both on the GUI thread.

    An error of ours is raised on the GUI thread, so that it is seen. After `shutdown` nothing comes back any more.
    """

    def __init__(self, parent: QObject | None = None, *, n_threads: int = 2) -> None:
        super().__init__(parent)
        self._pool = QThreadPool(self)
        self._pool.setMaxThreadCount(n_threads)
        self._relay = _Relay(self)
        self._relay.finished.connect(self._deliver, Qt.ConnectionType.QueuedConnection)
        self._is_open = True
        self._n_running = 0

    def run(
        self,
        function: Callable[[], Any],
        on_done: Callable[[Any], None],
        on_error: Callable[[UserError], None] | None = None,
        *,
        priority: int = 0,
    ) -> None:
        """Starts the function; those of higher priority go first among those that wait."""
        if not self._is_open:
            return
        self._n_running += 1
        callbacks = (on_done, on_error)
        finished = self._relay.finished
        self._pool.start(_Task(function, lambda result, error: finished.emit(callbacks, result, error)), priority)

    def is_idle(self) -> bool:
        """Tells whether every function's result has been delivered."""
        return self._n_running == 0

    def shutdown(self) -> None:
        """Drops what has not begun and waits for what has."""
        self._is_open = False
        self._pool.clear()
        self._pool.waitForDone()

    def _deliver(self, callbacks: tuple[Any, Any], result: Any, error: BaseException | None) -> None:
        self._n_running -= 1
        if not self._is_open:
            return
        on_done, on_error = callbacks
        if error is None:
            on_done(result)
        elif isinstance(error, UserError) and on_error is not None:
            on_error(error)
        else:
            raise error
