"""Queries on dataset versions, and on the verdicts that decide what is in the next one."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, cast

from sqlalchemy import func, select

from annotator.store import tables
from annotator.store.database import Database
from annotator.store.finals import DECIDED
from annotator.store.records import DatasetRow, Decision, Judgement
from davenet.errors import UserError


class DatasetQueries(Database):
    def add_dataset(
        self,
        hash: str,
        *,
        parent: int | None,
        selection: Mapping[str, Any],
        counts: Mapping[str, Any],
        write: Callable[[int], None],
    ) -> DatasetRow:
        """Adds a version; `write` puts its file in place under the new number before anybody can see the version."""
        with self._writing() as session:
            number = (session.scalar(select(func.max(tables.DatasetVersion.id))) or 0) + 1
            row = tables.DatasetVersion(
                id=number,
                hash=hash,
                at=datetime.now(UTC),
                parent=parent,
                selection=dict(selection),
                counts=dict(counts),
            )
            session.add(row)
            session.flush()
            write(number)
            return _dataset(row)

    def datasets(self) -> list[DatasetRow]:
        """Returns all versions, the newest first."""
        version = tables.DatasetVersion
        with self._reading() as session:
            return [_dataset(row) for row in session.scalars(select(version).order_by(version.id.desc()))]

    def dataset(self, number: int) -> DatasetRow:
        """Raises UserError where the project has no such version."""
        with self._reading() as session:
            row = session.get(tables.DatasetVersion, number)
            if row is None:
                newest = session.scalar(select(func.max(tables.DatasetVersion.id)))
                hint = f"its newest is {newest}" if newest else "freeze one first: annotator dataset freeze PROJECT"
                raise UserError(f"{self.path.parent} has no dataset {number}; {hint}.")
            return _dataset(row)

    def judgements(self) -> list[Judgement]:
        """Returns the verdicts that stand but skips, adjudications included, the oldest first."""
        verdict = tables.Verdict
        found: list[Judgement] = []
        with self._reading() as session:
            for table in (tables.Standing, tables.Adjudication):
                query = (
                    select(
                        table.pair_uid,
                        table.reviewer,
                        table.decision,
                        verdict.label,
                        verdict.offset_s,
                        verdict.uid,
                        verdict.given_at,
                    )
                    .join(verdict, verdict.id == table.verdict_id)
                    .where(table.decision.in_(DECIDED))
                )
                for pair_uid, reviewer, decision, label, offset_s, uid, at in session.execute(query):
                    is_final = table is tables.Adjudication
                    found.append(
                        Judgement(pair_uid, reviewer, cast(Decision, decision), label, offset_s, uid, at, is_final)
                    )
        return sorted(found, key=lambda judgement: (judgement.given_at, judgement.verdict_uid))

    def verdicts_between(self, after: datetime, until: datetime) -> int:
        """Returns how many verdicts were given in that time, whatever became of them since."""
        given = tables.Verdict.given_at
        with self._reading() as session:
            counted = select(func.count()).where(given > after, given <= until, tables.Verdict.decision.in_(DECIDED))
            return session.scalar(counted) or 0


def _dataset(row: tables.DatasetVersion) -> DatasetRow:
    return DatasetRow(row.id, row.hash, row.at, row.parent, row.selection, row.counts)
