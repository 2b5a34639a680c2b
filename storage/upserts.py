"""INSERT with ON CONFLICT, which SQLAlchemy words apart for each database. Must not know any table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.dialects import postgresql, sqlite

INSERTS: Mapping[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}
"""By the dialect's name, for statements that are made once."""


def insert_into(connection: Connection, table: Any) -> Any:
    """An INSERT with `on_conflict_do_nothing` and `on_conflict_do_update`, as the connection's database words it."""
    return INSERTS[connection.dialect.name](table)
