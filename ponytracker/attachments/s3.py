"""Files in S3-compatible storage, by boto3; see docs/decisions/attachments.rst.

Under its name an object is always whole: a PUT is atomic, and signed with the SHA-256 of what it
brings. Every request has a time-out; one that fails is tried once more, and then raises
`StoreUnavailable`.
"""

from __future__ import annotations

import os
import stat
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ponytracker.attachments.store import (
    CHUNK,
    DIGEST,
    PART_PREFIX,
    Staged,
    Store,
    Stored,
    StoreUnavailable,
    two_levels,
)
from ponytracker.settings.s3 import S3Settings

CONNECT_SECONDS, READ_SECONDS = 5, 20
ATTEMPTS = 2
"""How often a request is made that fails for what may pass."""

NAMES_AT_ONCE = 1000
"""Names that are asked for in one request, the most that S3 gives."""

_NOT_THERE = frozenset({"404", "NoSuchKey", "NotFound"})


class S3Store(Store):
    """Keeps octets where *s3* says."""

    def __init__(self, s3: S3Settings, *, max_mb: int = 10, issue_max_mb: int = 100) -> None:
        super().__init__(max_mb=max_mb, issue_max_mb=issue_max_mb)
        if s3.place is None:
            raise ValueError("no bucket is set")
        self._s3 = s3
        self.bucket, self.prefix = s3.place
        self._clients: dict[int, Any] = {}
        self._making = threading.Lock()

    @property
    def name(self) -> str:
        at = f" at {self._s3.endpoint}" if self._s3.endpoint else ""
        return f"s3://{self.bucket}/{self.prefix}{at}"

    @property
    def parts(self) -> Path:
        # Of this user, since others write beside it, and what they write there is not ours.
        return Path(tempfile.gettempdir(), f"ponytracker-parts-{os.geteuid()}")

    def prepare_parts(self) -> Path:
        """Make the folder, for this user alone; raise `PermissionError` where it is another's."""
        folder = self.parts
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
        is_ours = stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid()
        if not is_ours or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise PermissionError(f"{folder} must be a folder that this user alone writes to")
        return folder

    def keep(self, staged: Staged) -> None:
        key = self._key(staged.digest)
        with _asking():
            if self._size(key) != staged.size:
                self._put(key, staged.path)
        staged.path.unlink()

    def open(self, digest: str) -> Stored | None:
        return self._open(self._key(digest))

    def open_display(self, digest: str) -> Stored | None:
        return self._open(self._display_key(digest))

    def make_display(self, digest: str, make: Callable[[Path, Path], None]) -> None:
        stored = self.open(digest)
        if stored is None:
            return
        with tempfile.TemporaryDirectory(prefix=PART_PREFIX, dir=self.prepare_parts()) as folder:
            source, target = Path(folder, "source"), Path(folder, "target")
            try:
                with source.open("wb") as file:
                    while chunk := stored.file.read(CHUNK):
                        file.write(chunk)
            finally:
                stored.file.close()
            try:
                make(source, target)
            finally:
                if target.exists():
                    with _asking():
                        self._put(self._display_key(digest), target)

    def remove(self, digest: str) -> None:
        with _asking():
            for key in (self._display_key(digest), self._key(digest)):
                self._client.delete_object(Bucket=self.bucket, Key=key)

    def digests(self) -> Iterator[str]:
        seen: set[str] = set()
        with _asking():
            pages = self._client.get_paginator("list_objects_v2")
            for page in pages.paginate(
                Bucket=self.bucket, Prefix=self.prefix, PaginationConfig={"PageSize": NAMES_AT_ONCE}
            ):
                for found in page.get("Contents", ()):
                    digest = self._digest(found["Key"])
                    if digest and digest not in seen:
                        seen.add(digest)
                        yield digest

    def check(self) -> None:
        with _asking():
            self._client.list_objects_v2(Bucket=self.bucket, Prefix=self.prefix, MaxKeys=1)

    def _key(self, digest: str) -> str:
        return self.prefix + two_levels(digest)

    def _display_key(self, digest: str) -> str:
        return f"{self.prefix}display/{two_levels(digest)}"

    def _digest(self, key: str) -> str | None:
        digest = key.removeprefix(self.prefix).removeprefix("display/").replace("/", "", 1)
        its_own = DIGEST.fullmatch(digest) and key in (self._key(digest), self._display_key(digest))
        return digest if its_own else None

    def _put(self, key: str, path: Path) -> None:
        with path.open("rb") as body:
            self._client.put_object(Bucket=self.bucket, Key=key, Body=body)

    def _size(self, key: str) -> int | None:
        from botocore.exceptions import ClientError

        try:
            return int(self._client.head_object(Bucket=self.bucket, Key=key)["ContentLength"])
        except ClientError as error:
            if error.response["Error"]["Code"] in _NOT_THERE:
                return None
            raise

    def _open(self, key: str) -> Stored | None:
        from botocore.exceptions import ClientError

        with _asking():
            try:
                answer = self._client.get_object(Bucket=self.bucket, Key=key)
            except ClientError as error:
                if error.response["Error"]["Code"] in _NOT_THERE:
                    return None
                raise
        return Stored(int(answer["ContentLength"]), _Body(answer["Body"]))

    @property
    def _client(self) -> Any:
        """The client of this process: its connections must not be shared across a fork."""
        process = os.getpid()
        with self._making:
            if process not in self._clients:
                self._clients = {process: _make_client(self._s3)}
            return self._clients[process]


class _Body:
    """The octets of an object, as they come."""

    def __init__(self, body: Any) -> None:
        self._body = body

    def read(self, size: int = -1, /) -> bytes:
        with _asking():
            octets: bytes = self._body.read(None if size < 0 else size)
            return octets

    def close(self) -> None:
        self._body.close()


def _make_client(s3: S3Settings) -> Any:
    # Here, since it takes long to load and most sites keep their files in a folder.
    import boto3
    from botocore.config import Config

    config = Config(
        signature_version="s3v4",
        connect_timeout=CONNECT_SECONDS,
        read_timeout=READ_SECONDS,
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
        # Not every storage knows the newer checksums; the signature has one over the body already.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        s3={
            "payload_signing_enabled": True,
            # bucket.host needs a DNS entry and a certificate for each, which only Amazon has.
            "addressing_style": "path" if s3.endpoint else "auto",
        },
    )
    return boto3.session.Session().client(
        "s3",
        endpoint_url=s3.endpoint or None,
        region_name=s3.region,
        aws_access_key_id=s3.access_key or None,
        aws_secret_access_key=s3.secret_key or None,
        config=config,
    )


@contextmanager
def _asking() -> Iterator[None]:
    """Tell every way in which the storage can fail as `StoreUnavailable`."""
    from boto3.exceptions import Boto3Error
    from botocore.exceptions import BotoCoreError, ClientError
    from urllib3.exceptions import HTTPError

    try:
        yield
    except ClientError as error:
        said = error.response.get("Error", {})
        # Not the whole text: what the storage says may repeat what it was sent.
        raise StoreUnavailable(
            f"the storage refused {error.operation_name} ({str(said.get('Code', '?'))[:60]})"
        ) from None
    except (BotoCoreError, Boto3Error, HTTPError) as error:
        raise StoreUnavailable(f"the storage does not answer ({type(error).__name__})") from None
