from django.db import migrations

from apps.knowledge import index


def install(apps, schema_editor):
    index.install(schema_editor.connection)


def remove(apps, schema_editor):
    index.remove(schema_editor.connection)


class Migration(migrations.Migration):

    dependencies = [
        ('knowledge', '0001_documents'),
    ]

    operations = [
        migrations.RunPython(install, remove),
    ]
