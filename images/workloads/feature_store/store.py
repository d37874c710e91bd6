"""The entities of one replica, in an SQLite database on its volume."""

import json
import sqlite3
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

FILE = "features.sqlite"

Row = tuple[str, dict[str, Any]]


class Store:
    """Features by entity. What a call has written is on disk when it returns."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / FILE
        self._own = threading.local()
        with self._connection() as connection:
            connection.execute(
                "CREATE TABLE IF NOT EXISTS entities (entity TEXT PRIMARY KEY, features TEXT NOT NULL) WITHOUT ROWID"
            )

    def get(self, entity: str) -> dict[str, Any] | None:
        row = self._connection().execute("SELECT features FROM entities WHERE entity = ?", (entity,)).fetchone()
        return json.loads(row[0]) if row else None

    def put(self, rows: Iterable[Row]) -> int:
        """Write entities, all or none; how many."""
        values = [(entity, json.dumps(features, sort_keys=True)) for entity, features in rows]
        with self._connection() as connection:
            connection.executemany(
                "INSERT INTO entities VALUES (?, ?) ON CONFLICT (entity) DO UPDATE SET features = excluded.features",
                values,
            )
        return len(values)

    def delete(self, entity: str) -> bool:
        """Whether there was such an entity."""
        with self._connection() as connection:
            return connection.execute("DELETE FROM entities WHERE entity = ?", (entity,)).rowcount > 0

    def count(self) -> int:
        return self._connection().execute("SELECT count(*) FROM entities").fetchone()[0]

    def rows(self) -> Iterator[Row]:
        """All entities in the order of their names, as they were at the first of them."""
        for entity, features in self._connection().execute("SELECT entity, features FROM entities ORDER BY entity"):
            yield entity, json.loads(features)

    def _connection(self) -> sqlite3.Connection:
        """The connection of this thread."""
        if not hasattr(self._own, "connection"):
            connection = sqlite3.connect(self._file, timeout=10)
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            self._own.connection = connection
        return self._own.connection
