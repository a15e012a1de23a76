"""S3-compatible storage for the tests: moto's server, which keeps everything in memory."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from ponytracker.settings.s3 import Place, S3Settings
from tests.servers import BIN, Daemon, free_port, running

KEYS = {"access_key": "an-access-key", "secret_key": "a-secret-of-the-storage"}


class Storage(Daemon):
    """moto's server; stopped and started again, it has forgotten everything."""

    def __init__(self, folder: Path) -> None:
        port = free_port()
        command = (BIN / "moto_server", "-H", "127.0.0.1", "-p", str(port))
        super().__init__(*command, folder=folder, name="s3", port=port)
        self.url = f"http://127.0.0.1:{port}"

    def client(self) -> Any:
        import boto3  # here, since it takes long to load and most tests need none

        return boto3.session.Session().client(
            "s3",
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id=KEYS["access_key"],
            aws_secret_access_key=KEYS["secret_key"],
        )

    def make_bucket(self) -> str:
        bucket = f"test-{secrets.token_hex(6)}"
        self.client().create_bucket(Bucket=bucket)
        return bucket

    def settings(self, bucket: str, prefix: str = "files/") -> S3Settings:
        return S3Settings(place=Place(bucket, prefix), endpoint=self.url, **KEYS)


@contextmanager
def serve_s3(folder: Path) -> Iterator[Storage]:
    storage = Storage(folder)
    with running(storage):
        yield storage


@pytest.fixture(scope="module")
def storage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Storage]:
    """Storage of a module's own."""
    with serve_s3(tmp_path_factory.mktemp("s3")) as storage:
        yield storage
