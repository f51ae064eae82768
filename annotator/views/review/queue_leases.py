"""Holds the pair before the reviewer and the next ones, so that on a shared database no pair is handed to two."""

import time
import uuid
from collections.abc import Callable, Mapping, Sequence

from PySide6.QtCore import QObject, QTimer, Signal

from annotator.store import Store
from annotator.views.background import Background
from davenet.errors import UserError

LEASE_S = 120.0
_RENEW_MS = 40_000
_AHEAD = 3  # pairs held beyond the one shown: their frames and sound are decoded ahead
_LOOKED_AT = 200  # rows looked through for a free pair at a time


class QueueLeases(QObject):
    """Asks the store in a thread of its own, in order; on a database of one's own everything is free at once.

    `failed` carries a UserError.
    """

    failed = Signal(object)

    def __init__(self, store: Store, *, is_shared: bool, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.is_shared = is_shared
        self._store = store
        self._holder = uuid.uuid4().hex
        self.taken: dict[str, str] = {}  # what others hold, as last heard: reviewers by uid
        self._reviewer = ""
        self._held: dict[str, float] = {}  # uid -> until when, by our own clock
        self._background = Background(self, n_threads=1)
        self._renewal = QTimer(self, interval=_RENEW_MS)
        self._renewal.timeout.connect(self._renew)

    @property
    def holder(self) -> str:
        return self._holder

    def held(self) -> list[str]:
        now = time.monotonic()
        return [uid for uid, until in self._held.items() if until > now]

    def is_idle(self) -> bool:
        return self._background.is_idle()

    def set_reviewer(self, reviewer: str) -> None:
        """Another reviewer begins: what was held for the one before is given back."""
        if reviewer != self._reviewer:
            self._reviewer = reviewer
            self.release_all()

    def next_free(self, uids: Sequence[str], found: Callable[[str | None], None]) -> None:
        """Calls `found` with the first of the uids that is before nobody else, and holds it; with None where all are.

        At once where it is held already, which is the rule: the next ones are held ahead.
        """
        if not self.is_shared:
            found(uids[0] if uids else None)
            return
        wanted = [uid for uid in uids if uid not in self.taken]
        if wanted and wanted[0] in self.held():
            found(wanted[0])
            self._hold_ahead(wanted[1:])
            return
        self._background.run(
            lambda: self._lease(wanted), lambda uid: self._take(uid, wanted, found), self.failed.emit, priority=1
        )

    def set_taken(self, leases: Mapping[str, str]) -> None:
        """Takes which pairs are before whom now; our own are not among what others hold."""
        self.taken = {uid: reviewer for uid, reviewer in leases.items() if uid not in self._held}

    def hold(self, uid: str) -> None:
        """Holds one pair that was chosen by hand, unless another has it."""
        if self.is_shared and uid not in self.held():
            self._background.run(lambda: self._lease([uid]), self._keep, self.failed.emit, priority=1)

    def release(self, uid: str) -> None:
        """Gives back a pair that is decided or left."""
        if self._held.pop(uid, None) is not None:
            holder = self._holder
            self._background.run(lambda: self._store.release(uid, holder=holder), lambda _done: None, self.failed.emit)

    def release_all(self) -> None:
        if self._held:
            self._held.clear()
            holder = self._holder
            self._background.run(lambda: self._store.release(holder=holder), lambda _done: None, self.failed.emit)

    def shutdown(self) -> None:
        """Gives everything back; where that is no longer possible the leases end by themselves."""
        self._renewal.stop()
        self._background.shutdown()
        if self._held:
            self._held.clear()
            try:
                self._store.release(holder=self._holder)
            except UserError:
                return  # the server is gone: LEASE_S from now the pairs are free

    def _lease(self, uids: Sequence[str]) -> str | None:
        return self._store.lease_next(uids, reviewer=self._reviewer, holder=self._holder, for_s=LEASE_S)

    def _take(self, uid: str | None, wanted: Sequence[str], found: Callable[[str | None], None]) -> None:
        self._keep(uid)
        found(uid)
        if uid is not None:
            self._hold_ahead(wanted[wanted.index(uid) + 1 :])

    def _keep(self, uid: str | None) -> None:
        if uid is not None:
            self._held[uid] = time.monotonic() + LEASE_S
            self._renewal.start()

    def _hold_ahead(self, uids: Sequence[str]) -> None:
        held = set(self.held())
        missing = _AHEAD - sum(uid in held for uid in uids[:_LOOKED_AT])
        wanted = [uid for uid in uids[:_LOOKED_AT] if uid not in held]

        def lease_some() -> list[str]:
            found: list[str] = []
            for _place in range(missing):
                uid = self._lease([one for one in wanted if one not in found])
                if uid is None:
                    break
                found.append(uid)
            return found

        def keep(found: list[str]) -> None:
            for uid in found:
                self._keep(uid)

        if missing > 0 and wanted:
            self._background.run(lease_some, keep, self.failed.emit)

    def _renew(self) -> None:
        holder, uids = self._holder, list(self._held)

        def renew() -> list[str]:
            return [uid for uid in uids if self._store.renew(uid, holder=holder, for_s=LEASE_S)]

        def keep(renewed: list[str]) -> None:
            for uid in uids:
                if uid in renewed and uid in self._held:
                    self._keep(uid)
                else:
                    self._held.pop(uid, None)

        self._background.run(renew, keep, self.failed.emit)
