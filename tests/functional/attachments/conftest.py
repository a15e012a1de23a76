"""A project whose people attach files, and files of several kinds."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from ponytracker.attachments.service import NewFile
from ponytracker.issues import service as issues


def picture(width=40, height=30, form="PNG", color="#2a6", **options):
    """Return an image as octets."""
    out = io.BytesIO()
    Image.new("RGB", (width, height), color).save(out, form, **options)
    return out.getvalue()


def new_file(name="notes.txt", data=b"some notes\n", content_type="application/x-unknown"):
    return NewFile(name, content_type, data)


@pytest.fixture
def web(world):
    """A project in which alice may write all she likes."""
    return world.project("web", world.user("alice"))


@pytest.fixture
def alice(session, web):
    from ponytracker.models import User

    return session.query(User).filter_by(username="alice").one()


@pytest.fixture
def issue(world, web, alice):
    return world.issue(web, alice, text="It *fails*")


@pytest.fixture
def description(session, issue):
    return issues.find_description(session, issue)
