"""The review queue as a list model: all uids at once, records and thumbnails as they come into view."""

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, Qt, QTimer, Signal
from PySide6.QtGui import QImage

from annotator.store.records import PairRecord
from annotator.views.review.uid_list import UidList
from annotator.views.widgets.time_layout import clock_text

RecordRole = Qt.ItemDataRole.UserRole
ThumbnailRole = Qt.ItemDataRole.UserRole + 1
UidRole = Qt.ItemDataRole.UserRole + 2
HolderRole = Qt.ItemDataRole.UserRole + 3
THUMBNAIL_BYTES = 32 * 2**20
_KEPT_RECORDS = 3000
_MANY_EDITS = 16  # of a long list, each of which takes half a millisecond
Index = QModelIndex | QPersistentModelIndex


def class_of(record: PairRecord) -> str:
    """Returns the class that a pair is asked about, or what stands for it where it has none."""
    return record.label.class_name if record.label else "no label"


class QueueModel(QAbstractListModel):
    """Rows are pairs; what is not here yet is asked for once, with the rows around it, by `records_wanted`."""

    records_wanted = Signal(list)  # uids
    thumbnails_wanted = Signal(list)  # PairRecords

    def __init__(self, parent: QObject | None = None, *, thumbnail_bytes: int = THUMBNAIL_BYTES) -> None:
        super().__init__(parent)
        self._thumbnail_bytes = thumbnail_bytes
        self._n_bytes = 0
        self._taken: dict[str, str] = {}
        self._uids = UidList()
        self._records: OrderedDict[str, PairRecord] = OrderedDict()  # the one seen last at the end
        self._thumbnails: OrderedDict[str, QImage] = OrderedDict()  # the one seen last at the end
        self._asked_records: set[str] = set()
        self._asked_thumbnails: set[str] = set()
        self._missing: set[int] = set()
        self._unseen: dict[str, PairRecord] = {}
        self._ask = QTimer(self, singleShot=True, interval=0)
        self._ask.timeout.connect(self._ask_for_missing)

    # content

    def set_uids(self, uids: Iterable[str]) -> None:
        """Takes the queue; a long one is better made a UidList in a background thread, and is then taken itself."""
        self.beginResetModel()
        self._uids = uids if isinstance(uids, UidList) else UidList(uids)
        self._missing.clear()
        self.endResetModel()

    def insert(self, row: int, uid: str) -> None:
        row = min(max(0, row), len(self._uids))
        self.beginInsertRows(QModelIndex(), row, row)
        self._uids.insert(row, uid)
        self.endInsertRows()

    def remove(self, uid: str) -> int | None:
        """Takes a pair out and returns the row that it had."""
        row = self.row_of(uid)
        if row is not None:
            self.beginRemoveRows(QModelIndex(), row, row)
            self._uids.remove(uid)
            self.endRemoveRows()
        return row

    def edit(self, leaving: Sequence[str], entering: Sequence[tuple[int, str]]) -> bool:
        """Takes pairs out and puts others at their rows, in order; returns whether so many began the model anew.

        Views lose their selection and their place then, else they keep both.
        """
        if len(leaving) + len(entering) > _MANY_EDITS:
            self.beginResetModel()
            self._uids.edit(leaving, entering)
            self._missing.clear()
            self.endResetModel()
            return True
        for uid in leaving:
            self.remove(uid)
        for row, uid in entering:
            self.insert(row, uid)
        return False

    def put_records(self, records: Sequence[PairRecord]) -> None:
        """Takes records, new or changed, and repaints their rows."""
        for record in records:
            self._records[record.uid] = record
            self._records.move_to_end(record.uid)
            self._repaint(record.uid)
        while len(self._records) > _KEPT_RECORDS:
            gone, _record = self._records.popitem(last=False)
            self._asked_records.discard(gone)
            self._asked_thumbnails.discard(gone)

    def forget_records(self) -> None:
        self._records.clear()
        self._asked_records.clear()
        self._asked_thumbnails.clear()

    def set_thumbnail(self, uid: str, image: QImage) -> None:
        """Keeps a picture; those seen longest ago go when all take more than the bytes allowed."""
        old = self._thumbnails.pop(uid, None)
        self._n_bytes += image.sizeInBytes() - (old.sizeInBytes() if old is not None else 0)
        self._thumbnails[uid] = image
        while self._n_bytes > self._thumbnail_bytes and len(self._thumbnails) > 1:
            gone, picture = self._thumbnails.popitem(last=False)
            self._n_bytes -= picture.sizeInBytes()
            self._asked_thumbnails.discard(gone)
        self._repaint(uid)

    def forget_asked(self, uids: Sequence[str]) -> None:
        """Lets pictures be asked for again that were passed over."""
        self._asked_thumbnails.difference_update(uids)

    def set_taken(self, taken: Mapping[str, str]) -> None:
        """Takes which pairs are before other reviewers now, by uid."""
        changed = {uid for uid in {*taken, *self._taken} if taken.get(uid) != self._taken.get(uid)}
        self._taken = dict(taken)
        for uid in changed:
            self._repaint(uid)

    def thumbnail_bytes(self) -> int:
        """Returns the memory that the kept pictures take."""
        return self._n_bytes

    def _repaint(self, uid: str) -> None:
        row = self.row_of(uid)
        if row is not None:
            self.dataChanged.emit(self.index(row), self.index(row))

    # reading

    def uids(self) -> list[str]:
        return self._uids[:]

    def listed(self) -> UidList:
        """Returns the queue as it is now, in little memory."""
        return self._uids.copy()

    def uids_from(self, row: int, limit: int = 1000) -> list[str]:
        """Returns up to `limit` uids from a row on."""
        return self._uids[row : row + limit]

    def uid_at(self, row: int) -> str | None:
        return self._uids[row] if 0 <= row < len(self._uids) else None

    def row_of(self, uid: str) -> int | None:
        return self._uids.row_of(uid)

    def record(self, uid: str) -> PairRecord | None:
        return self._records.get(uid)

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self._uids)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        uid = self.uid_at(index.row())
        if uid is None:
            return None
        if role == UidRole:
            return uid
        record = self._records.get(uid)
        if role == ThumbnailRole:
            if record is not None and uid not in self._thumbnails and uid not in self._asked_thumbnails:
                self._unseen[uid] = record
                self._ask.start()
            image = self._thumbnails.get(uid)
            if image is not None:
                self._thumbnails.move_to_end(uid)
            return image
        if record is None:
            self._missing.add(index.row())
            self._ask.start()
            return None
        if role == RecordRole:
            self._records.move_to_end(uid)
            return record
        if role == HolderRole:
            return self._taken.get(uid, "")
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return f"{class_of(record)}, {record.video_title}, {clock_text(record.time_s)}, {record.state}"
        if role == Qt.ItemDataRole.ToolTipRole:
            return _tooltip(record)
        return None

    def _ask_for_missing(self) -> None:
        if self._missing:
            first, last = max(0, min(self._missing) - 50), max(self._missing) + 50
            self._missing.clear()
            wanted = [uid for uid in self._uids[first : last + 1] if uid not in self._records]
            wanted = [uid for uid in wanted if uid not in self._asked_records]
            self._asked_records.update(wanted)
            if wanted:
                self.records_wanted.emit(wanted)
        if self._unseen:
            records = list(self._unseen.values())
            self._asked_thumbnails.update(self._unseen)
            self._unseen.clear()
            self.thumbnails_wanted.emit(records)


def _tooltip(record: PairRecord) -> str:
    labels = ", ".join(f"{label.class_name} {label.probability:.2f}" for label in record.labels) or "no label"
    return f"{record.video_title} at {clock_text(record.time_s, decimals=1)}\n{labels}"
