"""A scratch database on the PostgreSQL server of the services tests."""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import create_engine, text

SERVER = "postgresql://root@127.0.0.1:5432"


@contextmanager
def scratch_database() -> Iterator[str]:
    """Give the URL of a database that is dropped afterwards."""
    name = f"scratch_{uuid.uuid4().hex[:8]}"
    server = SERVER.replace("://", "+psycopg://")
    admin = create_engine(f"{server}/postgres", isolation_level="AUTOCOMMIT")
    try:
        with admin.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))
    except Exception as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"PostgreSQL is not running: {error}")
    yield f"{SERVER}/{name}"
    with admin.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    admin.dispose()


def allow(url: str, allowed: bool) -> None:
    """Let a scratch database be connected to, or not."""
    admin = create_engine(
        f"{SERVER.replace('://', '+psycopg://')}/postgres", isolation_level="AUTOCOMMIT"
    )
    name = url.rsplit("/", 1)[1]
    with admin.connect() as connection:
        connection.execute(text(f"ALTER DATABASE {name} ALLOW_CONNECTIONS {allowed}"))
    admin.dispose()


@contextmanager
def closed(url: str) -> Iterator[None]:
    """Refuse connections meanwhile, as a server that starts anew does."""
    allow(url, False)
    try:
        yield
    finally:
        allow(url, True)
