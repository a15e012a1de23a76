"""``ponytracker create-superuser``: the first account, or a way back in."""

from __future__ import annotations

import secrets
from pathlib import Path

import click

from ponytracker.accounts.service import add_user, any_user
from ponytracker.cli.site import ini_argument, open_site
from ponytracker.errors import DomainError
from ponytracker.security.passwords import Passwords, complaint
from ponytracker.security.principals import SHELL


@click.command()
@ini_argument
@click.argument("variables", nargs=-1, metavar="[KEY=VALUE]...")
@click.option("--username", default="admin", show_default=True, help="The name to sign in with.")
@click.option("--email", default=None, help="Their mail address.")
@click.option(
    "--if-none",
    is_flag=True,
    help="Do nothing, silently, where there are accounts; else make up a password and print it.",
)
def create_superuser(
    ini: Path, variables: tuple[str, ...], username: str, email: str | None, if_none: bool
) -> None:
    """Create an account that may do everything.

    INI is the ini file of the tracker; KEY=VALUE goes over it, as for pserve: http_port=7001.
    """
    site = open_site(ini, variables)
    passwords = Passwords.from_settings(site.settings)
    with site.database.session(write=True) as session, session.begin():
        if if_none and any_user(session):
            return
        password = (
            secrets.token_urlsafe(12)
            if if_none
            else click.prompt("Password", hide_input=True, confirmation_prompt=True)
        )
        if wrong := complaint(password, username=username, email=email):
            raise click.ClickException(wrong.interpolate())
        try:
            add_user(
                session,
                SHELL,
                username=username,
                email=email,
                password_hash=passwords.hash(password),
                is_superuser=True,
            )
        except DomainError as error:
            raise click.ClickException(str(error)) from None
    if if_none:
        click.echo(f"Sign in at {site.settings.base_url}/login as {username} / {password}")
    else:
        click.echo(f"Superuser {username} created.")
