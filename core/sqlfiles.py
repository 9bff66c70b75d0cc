"""Install SQL functions from ``<app>/sql/*.sql`` and keep the application role's rights narrow."""

from pathlib import Path

from django.apps.registry import Apps
from django.conf import settings
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

ROOT = Path(__file__).resolve().parent.parent


def run_sql_file(app: str, name: str) -> migrations.RunSQL:
    """Return the operation that (re)installs ``<app>/sql/<name>.sql``; the file is idempotent."""
    return migrations.RunSQL(
        (ROOT / app / "sql" / f"{name}.sql").read_text(encoding="utf-8"),
        reverse_sql=migrations.RunSQL.noop,
    )


def app_role() -> str | None:
    """Return the role of the application, or ``None`` where it is the owner itself."""
    role: str = settings.DATABASES["default"].get("USER", "")
    return role if role and role != settings.DATABASES["owner"].get("USER", "") else None


def _grant(_apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    role = app_role()
    if role is None:
        return
    quoted = schema_editor.quote_name(role)
    for sql in (
        "GRANT USAGE ON SCHEMA public TO {role}",
        "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}",
        "GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {role}",
        "ALTER DEFAULT PRIVILEGES IN SCHEMA public"
        " GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {role}",
        "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO {role}",
    ):
        schema_editor.execute(sql.format(role=quoted))


def grant_app_role() -> migrations.RunPython:
    """Return the operation that gives the application role its everyday rights, and no more."""
    return migrations.RunPython(_grant, migrations.RunPython.noop)


def revoke_app_role(rights: str, *tables: str) -> migrations.RunPython:
    """Return the operation that takes ``rights`` (e.g. ``"UPDATE, DELETE"``) on tables back."""

    def revoke(_apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
        role = app_role()
        if role is None:
            return
        names = ", ".join(schema_editor.quote_name(table) for table in tables)
        schema_editor.execute(f"REVOKE {rights} ON {names} FROM {schema_editor.quote_name(role)}")

    return migrations.RunPython(revoke, migrations.RunPython.noop)
