"""``ponytracker deploy-files``: the files for supervisord, systemd, nginx and others."""

from __future__ import annotations

import pwd
import sys
from pathlib import Path

import click

from ponytracker.cli.site import ini_option, read_settings
from ponytracker.deployment.facts import SERVERS, Facts, Options
from ponytracker.deployment.files import TEMPLATES, Rendered, render
from ponytracker.errors import DomainError

_FOLDER = click.Path(file_okay=False, path_type=Path)


@click.command("deploy-files")
@click.argument("folder", metavar="DIR", type=_FOLDER)
@ini_option
@click.option("--user", help="As whom the tracker runs.  [default: the owner of the ini file]")
@click.option(
    "--server",
    type=click.Choice(SERVERS),
    default="uwsgi",
    show_default=True,
    help="What serves the tracker to the web server.",
)
@click.option(
    "--http-port",
    type=click.IntRange(1, 65_535),
    default=80,
    show_default=True,
    help="The web server's port for http; that for https is in ponytracker.base_url.",
)
@click.option(
    "--certificate",
    metavar="FILE",
    help="The certificate and its chain.  [default: where certbot puts it]",
)
@click.option(
    "--certificate-key", metavar="FILE", help="Its key.  [default: where certbot puts it]"
)
@click.option(
    "--webroot",
    metavar="DIR",
    default="/var/www/html",
    show_default=True,
    help="Where certbot puts what proves that the host is yours.",
)
@click.option(
    "--logs",
    metavar="DIR",
    default="/var/log/ponytracker",
    show_default=True,
    help="Where supervisord writes what the programs say.",
)
@click.option(
    "--backups",
    metavar="DIR",
    default="/var/backups/ponytracker",
    show_default=True,
    help="Where backups go.",
)
@click.option(
    "--mail-user",
    default="vmail",
    show_default=True,
    help="Whose the mailboxes are that mail to the tracker is put into.",
)
@click.option("--force", is_flag=True, help="Replace files that are there and differ.")
def deploy_files(
    folder: Path,
    ini: Path,
    user: str | None,
    server: str,
    http_port: int,
    certificate: str | None,
    certificate_key: str | None,
    webroot: str,
    logs: str,
    backups: str,
    mail_user: str,
    force: bool,
) -> None:
    """Write the files that the programs around the tracker need into DIR, and say where they go.

    What the ini file knows is taken from it: host and paths, what is switched on, how large a file
    may be. Nothing outside of DIR is touched.
    """
    settings = read_settings(ini)
    options = Options(
        checkout=TEMPLATES.parent,
        programs=Path(sys.prefix) / "bin",
        user=user or _owner(ini),
        server=server,
        http_port=http_port,
        certificate=certificate,
        certificate_key=certificate_key,
        webroot=webroot,
        logs=logs,
        backups=backups,
        mail_user=mail_user,
    )
    try:
        files = list(render(Facts.read(ini.resolve(), settings, options)))
    except DomainError as error:
        raise click.ClickException(f"{ini}: {error}") from None
    _write(folder, files, force)


def _owner(ini: Path) -> str:
    """Return the user whose *ini* is; the tracker runs as nobody who may do everything."""
    try:
        owner = pwd.getpwuid(ini.stat().st_uid).pw_name
    except KeyError:
        owner = "root"
    if owner == "root":
        raise click.ClickException(
            f"{ini} belongs to root, as whom the tracker should not run: name its user by --user."
        )
    return owner


def _write(folder: Path, files: list[Rendered], force: bool) -> None:
    """Write *files* into *folder*: all of them, or none where one would be lost."""
    try:
        changed = [
            file for file in files if (folder / file.name).exists() and _differs(folder, file)
        ]
        if changed and not force:
            names = ", ".join(str(folder / file.name) for file in changed)
            raise click.ClickException(
                f"Nothing was written, since these are there and differ: {names}. Look at them,"
                " then replace them by --force, or name another folder."
            )
        for file in files:
            path = folder / file.name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch(file.mode)
            path.chmod(file.mode)
            path.write_text(file.content, encoding="utf-8")
            click.echo(f"{path}\n    {file.todo}")
    except OSError as error:
        raise click.ClickException(f"{error.filename}: {error.strerror}.") from None


def _differs(folder: Path, file: Rendered) -> bool:
    return (folder / file.name).read_text(encoding="utf-8", errors="replace") != file.content
