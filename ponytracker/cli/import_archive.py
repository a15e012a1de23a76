"""placeholder"""
import click
@click.group("import")
def import_archive() -> None: ...
