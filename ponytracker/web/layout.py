"""What the templates of every page can say: icons, assets, times, rights, translated texts."""

from __future__ import annotations

import datetime as dt
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_time, format_timedelta
from jinja2 import pass_context
from markupsafe import Markup
from pyramid.csrf import get_csrf_token
from pyramid.traversal import find_interface

from ponytracker.models import User
from ponytracker.models.base import now
from ponytracker.security.permissions import Permission
from ponytracker.security.policy import IEnclosure
from ponytracker.web.static import STATIC

LANGUAGES = ("en",)
"""The languages there are texts in."""


@pass_context
def icon(context: Any, name: str, label: str = "", css: str = "") -> Markup:
    """Return the icon *name*; with *label*, what it says to those who do not see it."""
    return _icon(context["request"].icon_sprite, name, label, css)


@lru_cache(maxsize=1024)
def _icon(sprite: str, name: str, label: str, css: str) -> Markup:
    hidden = Markup('aria-hidden="true"')
    spoken = Markup('role="img" aria-label="{}"').format(label) if label else hidden
    picture = Markup('<svg class="octicon {}" width="16" height="16" {}><use href="{}#{}"/></svg>')
    return picture.format(css, spoken, sprite, name)


@pass_context
def local_time(context: Any, time: dt.datetime) -> str:
    """Return *time* in the zone of whoever reads, to the minute."""
    request = context["request"]
    minute = time.replace(second=0, microsecond=0)
    return _local_time(minute, request.identity.time_zone, request.locale_name)


@lru_cache(maxsize=8192)
def _local_time(time: dt.datetime, time_zone: str, locale: str) -> str:
    zone = ZoneInfo(time_zone)
    date = format_date(time.astimezone(zone), locale=locale)
    return f"{date}, {format_time(time, 'short', tzinfo=zone, locale=locale)}"


@pass_context
def day(context: Any, date: dt.date) -> str:
    """Return *date* as the reader's language writes it."""
    return str(format_date(date, locale=context["request"].locale_name))


@pass_context
def time_tag(context: Any, time: dt.datetime) -> Markup:
    """Return a `<time>` that says how long ago, and exactly when in its title."""
    seconds = (time - now()).total_seconds()
    # Of what is long ago nobody counts the minutes, and so the words for it are found again.
    step = next((step for span, step in _STEPS if abs(seconds) >= span), 1)
    # What is now has just been: of 0 seconds Babel says that they are to come.
    ago = _ago(round(seconds / step) * step or -1, context["request"].locale_name)
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        time.isoformat(), local_time(context, time), ago
    )


_STEPS = ((2 * 86_400, 3_600), (2 * 3_600, 60))
"""How coarse a time ago is taken: past so many seconds, to so many of them."""


@lru_cache(maxsize=8192)
def _ago(seconds: int, locale: str) -> str:
    return format_timedelta(dt.timedelta(seconds=seconds), add_direction=True, locale=locale)


@pass_context
def translate(context: Any, text: str) -> str:
    """Return a text that Python code has marked for translation, in the reader's language."""
    translated: str = context["request"].localizer.translate(text, domain="ponytracker")
    return translated


@pass_context
def csrf_field(context: Any) -> Markup:
    """Return the hidden field that every form which posts must have."""
    return Markup('<input type="hidden" name="csrf_token" value="{}">').format(
        get_csrf_token(context["request"])
    )


@pass_context
def may(context: Any, permission: str, resource: Any = None) -> bool:
    """Return whether whoever reads may do *permission* on *resource*, or else on this page's."""
    request = context["request"]
    return bool(request.has_permission(Permission(permission), resource or request.context))


@pass_context
def url(context: Any, resource: Any, *elements: str, **options: Any) -> str:
    """Return the path of *resource*, or of one of its views."""
    path: str = context["request"].resource_path(resource, *elements, **options)
    return path


def enclosing_project(resource: Any) -> Any:
    """Return the node of the project that *resource* is, or is in."""
    return find_interface(resource, IEnclosure)


def author_name(user: User | None) -> str:
    """Return the name of who wrote something, also where the account is gone."""
    return user.username if user else "ghost"


def _negotiate_locale(request: Any) -> str:
    """Return the language of LANGUAGES that the browser asks for first.

    Pyramid's own negotiator takes any word from a parameter of the address.
    """
    language: str = request.accept_language.lookup(LANGUAGES, default=LANGUAGES[0])
    return language


def _icon_sprite(request: Any) -> str:
    path: str = request.static_path(STATIC + "icons.svg")
    return path


def includeme(config: Any) -> None:
    config.set_locale_negotiator(_negotiate_locale)
    config.add_request_method(_icon_sprite, "icon_sprite", reify=True)
    config.commit()  # the Jinja environment is there only once pyramid_jinja2 is set up
    environment = config.get_jinja2_environment()
    environment.globals.update(
        icon=icon, time_tag=time_tag, csrf_field=csrf_field, may=may, url=url, static=STATIC
    )
    environment.filters.update(
        author_name=author_name,
        day=day,
        enclosing_project=enclosing_project,
        from_iso=dt.datetime.fromisoformat,
        local_time=local_time,
        translate=translate,
    )
