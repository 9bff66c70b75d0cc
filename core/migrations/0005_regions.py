"""The administrative divisions of GB/T 2260."""

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from core.access.regions import regions_load


def load(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    regions_load(schema_editor.connection.alias, apps)


class Migration(migrations.Migration):
    dependencies = [("core", "0004_access")]

    operations = [migrations.RunPython(load, migrations.RunPython.noop)]
