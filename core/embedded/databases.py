"""Further databases on the same servers: a rehearsal's, a test's."""

from typing import LiteralString
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

from core.embedded.record import ServiceUrls

MAINTENANCE = "postgres"
"""The database every server has: where one connects to drop another."""


def with_database(url: str, name: str) -> str:
    """Return the PostgreSQL URL with another database name."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


def database_urls(urls: ServiceUrls, name: str, valkey_number: int | None = None) -> ServiceUrls:
    """Return the URLs of another database on the same servers, with its own Valkey number."""
    redis_url = urls.redis_url
    if valkey_number is not None:
        redis_url = urlunsplit(urlsplit(redis_url)._replace(path=f"/{valkey_number}"))
    return ServiceUrls(
        with_database(urls.database_url, name), with_database(urls.owner_url, name), redis_url
    )


def database_create(urls: ServiceUrls, name: str, template: str | None = None) -> None:
    """Make the database anew, owned by the owner role; an old one of that name is dropped."""
    database_drop(urls, name)
    with psycopg.connect(urls.owner_url, autocommit=True) as connection:
        if template is None:
            owner_run(connection, "CREATE DATABASE {}", name)
        else:
            owner_run(connection, "CREATE DATABASE {} TEMPLATE {}", name, template)


def database_drop(urls: ServiceUrls, name: str) -> None:
    """Drop the database if it exists, ending the sessions that use it."""
    with psycopg.connect(urls.owner_url, autocommit=True) as connection:
        try:
            owner_run(connection, "DROP DATABASE IF EXISTS {} WITH (FORCE)", name)
        except psycopg.errors.InsufficientPrivilege:
            # An autovacuum worker is in there, which only a superuser may end by force. The plain
            # statement asks it to go and waits for it; our own sessions are ended first.
            connection.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
                " WHERE datname = %s AND backend_type = 'client backend'",
                [name],
            )
            owner_run(connection, "DROP DATABASE IF EXISTS {}", name)


def database_recreate(urls: ServiceUrls) -> None:
    """Make the database that the URLs name anew and empty, ending the sessions that use it."""
    name = urlsplit(urls.database_url).path.lstrip("/")
    database_create(database_urls(urls, MAINTENANCE), name)


def database_migrated(urls: ServiceUrls) -> bool:
    """Tell whether the database has its tables."""
    with psycopg.connect(urls.owner_url, autocommit=True) as connection:
        exists = connection.execute("SELECT to_regclass('core_region') IS NOT NULL")
        return exists.fetchone() == (True,)


def database_used(urls: ServiceUrls) -> bool:
    """Tell whether business time was ever set in the database: a programme was begun in it."""
    with psycopg.connect(urls.owner_url, autocommit=True) as connection:
        exists = connection.execute("SELECT to_regclass('core_businessclock') IS NOT NULL")
        if exists.fetchone() != (True,):
            return False
        used = connection.execute("SELECT EXISTS (SELECT 1 FROM core_businessclock)")
        return used.fetchone() == (True,)


def owner_run(connection: psycopg.Connection, statement: LiteralString, *names: str) -> None:
    """Run a statement on databases, with the names put in as identifiers."""
    connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))
