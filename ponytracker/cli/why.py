"""``ponytracker why``: whether someone may do something, and why or why not."""

from __future__ import annotations

from pathlib import Path

import click
from pyramid.i18n import make_localizer
from pyramid.traversal import traverse

from ponytracker.accounts.service import find_user
from ponytracker.cli.site import ini_option, open_site
from ponytracker.grants.explain import explain
from ponytracker.grants.sentences import Narrator
from ponytracker.resources import Root
from ponytracker.security.permissions import Permission
from ponytracker.security.principals import ANONYMOUS, SHELL, identify

NOBODY = "-"


@click.command()
@click.argument("username")
@click.argument("permission", type=click.Choice([name.value for name in Permission]))
@click.argument("path")
@ini_option
def why(username: str, permission: str, path: str, ini: Path) -> None:
    """Say whether USERNAME may do PERMISSION at PATH, and why.

    \b
    ponytracker why alice manage_issue web/issues/12 --ini production.ini

    USERNAME "-" is whoever is not signed in. PATH is as in an address: web, web/issues/12,
    web/issues/12/comments/345, admin/users, or / for the site itself.
    """
    site = open_site(ini)
    with site.database.session(write=False) as session:
        identity = ANONYMOUS
        if username != NOBODY:
            user = find_user(session, username)
            if user is None:
                raise click.ClickException(f"There is no user called {username}.")
            if not user.is_active:
                click.echo(f"The account of {user.username} is disabled: nobody can sign in to it.")
            identity = identify(session, user)
        path = path.removeprefix(site.settings.base_url)
        found = traverse(Root(session, SHELL, everyone=True), "/" + path.strip("/"))
        if found["view_name"]:
            raise click.ClickException(f"There is nothing at {path}.")
        node = found["context"]
        explanation = explain(identity, node, Permission(permission))
        narrator = Narrator(
            session, make_localizer("en", []), getattr(node, "project", None), [explanation]
        )
        told = narrator.tell(explanation)
    click.echo(told.answer)
    for reason in told.because:
        click.echo(f"  {reason}")
    if told.sight:
        click.echo("And this shows them the project:")
        for reason in told.sight:
            click.echo(f"  {reason}")
