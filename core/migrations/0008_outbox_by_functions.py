"""Hot functions publish events themselves."""

from django.db import migrations

from core.sqlfiles import run_sql_file


class Migration(migrations.Migration):
    dependencies = [("core", "0007_parts_in_integers")]

    operations = [run_sql_file("core", "outbox")]
