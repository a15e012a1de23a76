"""``ponytracker generate-secret``: a value for a key that is a secret, for each another."""

import secrets

import click


@click.command()
def generate_secret() -> None:
    """Print a random value for a key that is a secret."""
    click.echo(secrets.token_urlsafe(48))
