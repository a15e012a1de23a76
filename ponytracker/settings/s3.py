"""The keys of attachments in S3-compatible storage."""

from __future__ import annotations

import dataclasses
import importlib.util
import re
from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import urlsplit

from ponytracker.settings.keys import Unfit, key

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", re.ASCII)
_PREFIX = re.compile(r"[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*", re.ASCII)
_REGION = re.compile(r"[A-Za-z0-9-]{1,64}", re.ASCII)
MAX_PREFIX = 200


class Place(NamedTuple):
    """Where files are: the objects of *bucket* whose names begin with *prefix*."""

    bucket: str
    prefix: str


def place(raw: str) -> Place:
    parts = urlsplit(raw)
    prefix = parts.path.strip("/")
    if parts.scheme != "s3" or parts.query or parts.fragment:
        raise ValueError
    if not _BUCKET.fullmatch(parts.netloc):
        raise Unfit("a bucket has 3 to 63 lower-case letters, digits, dots and hyphens")
    if prefix and (len(prefix) > MAX_PREFIX or not _PREFIX.fullmatch(prefix)):
        raise Unfit("after the bucket it may have letters, digits, dots, hyphens and slashes")
    return Place(parts.netloc, f"{prefix}/" if prefix else "")


def endpoint(raw: str) -> str:
    parts = urlsplit(raw)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.username:
        raise ValueError
    _ = parts.port  # raises ValueError when it is no port number
    return raw.rstrip("/")


def region(raw: str) -> str:
    if not _REGION.fullmatch(raw):
        raise ValueError
    return raw


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class S3Settings:
    """Where in S3-compatible storage attachments are, and who may put them there."""

    place: Place | None = key(
        "ponytracker.attachments_url",
        place,
        "a bucket and what the names in it begin with, such as s3://our-bucket/ponytracker",
        default=None,
        env="PONYTRACKER_ATTACHMENTS_URL",
    )
    endpoint: str = key(
        "ponytracker.s3_endpoint",
        endpoint,
        "the address of the storage, such as https://s3.example.org:9000",
        default="",
        env="PONYTRACKER_S3_ENDPOINT",
    )
    region: str = key(
        "ponytracker.s3_region", region, "a region, such as eu-central-1", default="us-east-1"
    )
    access_key: str = key(
        "ponytracker.s3_access_key",
        str,
        "the name of the key to the storage",
        default="",
        env="PONYTRACKER_S3_ACCESS_KEY",
    )
    secret_key: str = key(
        "ponytracker.s3_secret_key",
        str,
        "the secret of ponytracker.s3_access_key",
        default="",
        env="PONYTRACKER_S3_SECRET_KEY",
        secret=True,
    )

    def contradictions(self) -> Iterator[str]:
        """Yield what is wrong with keys that are each right, and whether a library is missing."""
        if bool(self.access_key) != bool(self.secret_key):
            yield (
                "keys 'ponytracker.s3_access_key' and 'ponytracker.s3_secret_key' go together:"
                " expected both or neither."
            )
        if self.place and importlib.util.find_spec("boto3") is None:
            yield (
                "key 'ponytracker.attachments_url' is set, but boto3 is not installed. Install it,"
                " in the folder of the checkout:"
                " .venv/bin/uv pip install --python .venv/bin/python -e '.[s3]'"
            )
