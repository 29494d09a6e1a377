"""What Alembic runs for each command: the revisions, on the connection that app.operations.migrate hands over, in its transaction."""

from alembic import context

context.configure(connection=context.config.attributes["connection"], transactional_ddl=True)
with context.begin_transaction():
    context.run_migrations()
