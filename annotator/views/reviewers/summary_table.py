"""A row for each reviewer: verdicts, accepted share, pace, hours, second reviews, gold, agreement with the others."""

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QSizePolicy, QWidget

from annotator.store.records import ReviewerSummary
from annotator.views.reviewers.figures import PERCENT, token_of
from annotator.views.reviewers.people import People
from annotator.views.widgets.table import Cell, CellTable, Column, Row

COLUMNS = (
    Column("REVIEWER", 150, 3),
    Column("VERDICTS", 84, 1, align="right", tip="Standing verdicts, skips left out"),
    Column("ACCEPTED", 150, 1, align="right", tip="Of those accepted or rejected, with its interval of 95 %"),
    Column("MEDIAN", 78, 1, align="right", tip="Seconds looking at a pair; idle time is not counted"),
    Column("MIDDLE HALF", 106, 1, align="right", tip="Seconds between the first and the third quarter of verdicts"),
    Column("REPLAYS", 80, 1, align="right", tip="Mean number of times a pair was heard again"),
    Column("HOURS", 68, 1, align="right", tip="Time looking at pairs"),
    Column("IDLE", 62, 1, align="right", tip="Of the time between verdicts, how much was not spent looking"),
    Column("SECOND", 76, 1, align="right", tip="Verdicts on pairs that another had judged before"),
    Column("GOLD", 80, 1, align="right", tip="Gold pairs answered right, of those asked"),
)


class SummaryTable(CellTable):
    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(COLUMNS, row_height=32, parent=parent)
        self.setAccessibleName("Reviewers")
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setSelectionMode(CellTable.SelectionMode.NoSelection)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def set_people(self, people: People) -> None:
        """Shows a row for everyone, those without a verdict last."""
        gold = {one.reviewer: f"{one.right} of {one.asked}" for one in people.gold}
        rows = [_row(one, people, gold.get(one.reviewer, "–")) for one in people.summaries]
        given = {one.reviewer for one in people.summaries}
        rows += [_waiting(name, people) for name in people.names if name not in given]
        self.set_rows(rows)
        self.setFixedHeight(self.content_height())

    def sizeHint(self) -> QSize:
        return QSize(700, self.content_height())


def _row(one: ReviewerSummary, people: People, gold: str) -> Row:
    tally = one.tally
    n_verdicts = tally.decided + tally.unsure
    share = "–"
    if tally.accepted_share is not None:
        low, high = one.accepted_interval
        share = f"{100 * tally.accepted_share:.1f}{PERCENT} ({100 * low:.0f} to {100 * high:.0f})"
    tip = f"{tally.accepted} accepted, {tally.rejected} rejected, {tally.unsure} unsure, {tally.skipped} skipped"
    middle = "–" if one.seconds_quartiles is None else "{:.1f} to {:.1f} s".format(*one.seconds_quartiles)
    return Row(
        one.reviewer,
        (
            _name(one.reviewer, people),
            Cell(f"{n_verdicts:,}".replace(",", "\u202f"), tip=tip),
            Cell(share, tip=tip),
            Cell("–" if one.seconds_median is None else f"{one.seconds_median:.1f} s"),
            Cell(middle, token="muted"),
            Cell("–" if one.replays_mean is None else f"{one.replays_mean:.1f}"),
            Cell(f"{one.hours:.1f}"),
            Cell("–" if one.idle_share is None else f"{100 * one.idle_share:.0f}{PERCENT}", token="muted"),
            Cell(str(one.n_second) if one.n_second else "–"),
            Cell(gold),
        ),
    )


def _waiting(name: str, people: People) -> Row:
    cells = (_name(name, people), Cell("none yet", token="muted"), *(Cell("–", token="muted"),) * (len(COLUMNS) - 2))
    return Row(name, cells)


def _name(name: str, people: People) -> Cell:
    is_here = name == people.reviewer
    tip = f"{name} reviews here now" if is_here else name
    return Cell(name, is_strong=is_here, dot=token_of(people, name), tip=tip)
