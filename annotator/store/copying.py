"""Copies a project's rows from one database to another of the same revision, between SQLite and PostgreSQL as well."""

from sqlalchemy import Connection, Integer, MetaData, Table, func, insert, select, text

_BATCH = 2000  # rows at once
_VERSION = "alembic_version"  # both have it: it is what makes them alike


def copy_rows(source: Connection, target: Connection) -> dict[str, int]:
    """Copies every row of every table within the target's transaction, and returns how many each table has.

    The tables are read from the databases themselves, so that it works for every revision. New rows of the target get
    numbers after the copied ones.
    """
    here, there = MetaData(), MetaData()
    here.reflect(bind=source)
    there.reflect(bind=target)
    copied = {}
    for table in there.sorted_tables:
        if table.name == _VERSION:
            continue
        rows = source.execution_options(yield_per=_BATCH).execute(select(here.tables[table.name]))
        copied[table.name] = 0
        for some in rows.mappings().partitions(_BATCH):
            target.execute(insert(table), [dict(row) for row in some])
            copied[table.name] += len(some)
        number_on(target, table)
    return copied


def count_rows(connection: Connection) -> dict[str, int]:
    """Returns how many rows each table has."""
    tables = MetaData()
    tables.reflect(bind=connection)
    return {
        table.name: connection.scalar(select(func.count()).select_from(table)) or 0
        for table in tables.sorted_tables
        if table.name != _VERSION
    }


def number_on(target: Connection, table: Table) -> None:
    """Lets PostgreSQL's counter of a table's keys go on after the rows copied; SQLite counts by its rows."""
    keys = list(table.primary_key.columns)
    if target.dialect.name != "postgresql" or len(keys) != 1 or not isinstance(keys[0].type, Integer):
        return
    greatest = target.scalar(select(func.max(keys[0])))
    if greatest is not None:
        serial = text("SELECT setval(pg_get_serial_sequence(:table, :column), :greatest)")
        target.execute(serial, {"table": table.name, "column": keys[0].name, "greatest": greatest})
