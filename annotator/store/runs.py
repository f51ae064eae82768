"""Queries on runs and on the project's settings."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, cast

from sqlalchemy import delete, select

from annotator.store import tables
from annotator.store.database import Database
from annotator.store.records import RunRecord, RunState
from davenet.errors import UserError

ENDED: tuple[RunState, ...] = ("finished", "cancelled", "failed", "crashed")


class RunQueries(Database):
    def add_run(self, run: RunRecord) -> RunRecord:
        """Raises UserError where a run of that name exists."""
        with self._writing() as session:
            if session.get(tables.Run, run.id) is not None:
                raise UserError(f"{self.path.parent} already has a run {run.id}; choose another name.")
            row = tables.Run(
                id=run.id,
                preset=run.preset,
                state=run.state,
                config=dict(run.config),
                result=dict(run.result),
                message=run.message,
                pid=run.pid,
                created_at=run.created_at or datetime.now(UTC),
                finished_at=run.finished_at,
                notes=run.notes,
                tags=list(run.tags),
                queue_place=run.queue_place,
            )
            session.add(row)
            session.flush()
            return _run(row)

    def update_run(
        self,
        run_id: str,
        *,
        state: RunState | None = None,
        result: Mapping[str, Any] | None = None,
        message: str | None = None,
        pid: int | None = None,
    ) -> RunRecord:
        """Changes what is given; a state that ends the run also notes the time and forgets its pid."""
        with self._writing() as session:
            row = _found(session.get(tables.Run, run_id), self, run_id)
            if state is not None:
                row.state = state
                row.finished_at = datetime.now(UTC) if state in ENDED else None
                row.pid = None if state in ENDED else row.pid
            if result is not None:
                row.result = dict(result)
            if message is not None:
                row.message = message
            if pid is not None:
                row.pid = pid
            session.flush()
            return _run(row)

    def describe_run(
        self,
        run_id: str,
        *,
        notes: str | None = None,
        tags: Iterable[str] | None = None,
        deleted: bool | None = None,
        queue_place: float | None = None,
    ) -> RunRecord:
        """Changes what people say of a run and where it waits; `deleted` puts it away or brings it back."""
        with self._writing() as session:
            row = _found(session.get(tables.Run, run_id), self, run_id)
            if notes is not None:
                row.notes = notes
            if tags is not None:
                row.tags = list(dict.fromkeys(tag.strip() for tag in tags if tag.strip()))
            if deleted is not None:
                row.deleted_at = datetime.now(UTC) if deleted else None
            if queue_place is not None:
                row.queue_place = queue_place
            session.flush()
            return _run(row)

    def forget_run(self, run_id: str) -> None:
        """Removes a run that was deleted, with the scores that it gave; its folder is the caller's to remove."""
        with self._writing() as session:
            row = _found(session.get(tables.Run, run_id), self, run_id)
            if row.deleted_at is None:
                raise UserError(f"Run {run_id} is not deleted; delete it first.")
            session.execute(delete(tables.Score).where(tables.Score.run_id == run_id))
            session.delete(row)

    def runs(self, *, deleted: bool = False) -> list[RunRecord]:
        """Returns the runs (those that were deleted, if asked for), the newest first."""
        run = tables.Run
        wanted = run.deleted_at.is_not(None) if deleted else run.deleted_at.is_(None)
        with self._reading() as session:
            rows = session.scalars(select(run).where(wanted).order_by(run.created_at.desc(), run.id.desc()))
            return [_run(row) for row in rows]

    def run(self, run_id: str) -> RunRecord:
        """Raises UserError where the project has no such run."""
        with self._reading() as session:
            row = session.get(tables.Run, run_id)
            if row is None:
                known = ", ".join(
                    session.scalars(select(tables.Run.id).order_by(tables.Run.created_at.desc()).limit(5))
                )
                hint = f"its newest are {known}" if known else "train one first"
                raise UserError(f"{self.path.parent} has no run {run_id}; {hint}.")
            return _run(row)

    def setting(self, key: str, default: Any = None) -> Any:
        with self._reading() as session:
            row = session.get(tables.Setting, key)
            return default if row is None else row.value

    def set_setting(self, key: str, value: Any) -> None:
        with self._writing() as session:
            session.merge(tables.Setting(key=key, value=value))


def _found(row: tables.Run | None, store: Database, run_id: str) -> tables.Run:
    if row is None:
        raise UserError(f"{store.path.parent} has no run {run_id}.")
    return row


def _run(row: tables.Run) -> RunRecord:
    return RunRecord(
        row.id,
        row.preset,
        cast(RunState, row.state),
        row.config,
        row.result,
        row.message,
        row.pid,
        row.created_at,
        row.finished_at,
        row.notes,
        tuple(row.tags or ()),
        row.deleted_at,
        row.queue_place,
    )
