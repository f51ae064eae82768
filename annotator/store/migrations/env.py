"""Alembic's entry: runs the migrations on the connection that the store hands over, in the store's own transaction."""

from alembic import context

from annotator.store.tables import Table

context.configure(
    connection=context.config.attributes["connection"], target_metadata=Table.metadata, render_as_batch=True
)
context.run_migrations()
