"""``ponytracker generate-secret``: a value for the key ``ponytracker.secret``."""

import secrets

import click


@click.command()
def generate_secret() -> None:
    """Print a random value for the key ponytracker.secret."""
    click.echo(secrets.token_urlsafe(48))
