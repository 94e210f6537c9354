"""An S3 server on loopback: moto, which answers like Amazon S3 and keeps objects in memory."""

from __future__ import annotations

import itertools
import os
import queue
import re
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit

if TYPE_CHECKING:
    from s3fs import S3FileSystem

    from tests.crashes import Action

NEEDED = ("s3fs", "moto", "flask", "flask_cors")
"""The packages that a server and its client need."""

_ADDRESS = re.compile(r"Running on (http://127\.0\.0\.1:[0-9]+)")
_REQUEST = re.compile(r'"(?:\x1b\[[0-9;]*m)*([A-Z]+) (/\S*) HTTP')


@dataclass(frozen=True)
class Store:
    """A running server, as its clients see it."""

    url: str
    log: queue.Queue[str]

    @property
    def environment(self) -> dict[str, str]:
        """The variables that a client needs. They hide the settings of this machine's user."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_CONFIG_FILE": os.devnull,
        }

    @property
    def fs(self) -> S3FileSystem:
        from s3fs import S3FileSystem

        return S3FileSystem(
            endpoint_url=self.url, key="key", secret="secret", use_listings_cache=False
        )

    @property
    def buckets(self) -> list[str]:
        return sorted(self.fs.ls(""))

    def put(self, url: str, content: bytes = b"") -> None:
        """Write an object with exactly this name, which can end in a slash."""
        bucket, _, key = url.removeprefix("s3://").partition("/")
        self.fs.call_s3("put_object", Bucket=bucket, Key=key, Body=content)

    def copy(self, folder: str, url: str) -> str:
        """Copy a folder of this machine, and return the URL of the copy."""
        self.fs.put(f"{folder}/", f"{url}/", recursive=True)
        return url

    def files(self, url: str) -> dict[str, bytes]:
        """Read all objects below a URL."""
        top = url.removeprefix("s3://") + "/"
        return {path.removeprefix(top): self.fs.cat_file(path) for path in self.fs.find(top)}

    def uploads(self, bucket: str) -> list[str]:
        """List the names of the objects of which only parts are uploaded."""
        return [upload["Key"] for upload in self.fs.list_multipart_uploads(bucket)]

    def requests(self) -> list[tuple[str, str]]:
        """List the requests since the last call: the method, and the name or prefix of objects."""
        last, found = uuid.uuid4().hex, []
        with suppress(FileNotFoundError):
            self.fs.call_s3("head_object", Bucket="requests", Key=last)
        while last not in (line := self.log.get(timeout=60)):
            if match := _REQUEST.search(line):
                found.append((match[1], _object(match[2])))
        return [each for each in found if not each[1].startswith("requests")]


def _object(target: str) -> str:
    """Return what a request is about: an object, all objects with a prefix, or a bucket."""
    parts = urlsplit(target)
    prefix = parse_qs(parts.query).get("prefix")
    return unquote(parts.path).strip("/") + (f"/{prefix[0]}" if prefix else "")


@contextmanager
def serving() -> Iterator[Store]:
    """Run a server on a free port of loopback, within a context."""
    process = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    store = Store(_wait_for_address(process.stderr), queue.Queue())
    reader = threading.Thread(target=_read, args=(process.stderr, store.log))
    reader.start()
    try:
        yield store
    finally:
        process.kill()
        process.wait()
        reader.join()
        process.stderr.close()


def _wait_for_address(lines: IO[str]) -> str:
    seen = ""
    for line in lines:
        seen += line
        if match := _ADDRESS.search(line):
            return match[1]
    raise AssertionError(f"the server did not start: {seen}")


def _read(lines: IO[str], log: queue.Queue[str]) -> None:
    for line in lines:
        log.put(line)


def at_request(environment: dict[str, str], number: int, action: Action | None) -> None:
    """In a process that was just forked: act as a client of a store, and before a request."""
    from aiobotocore.client import AioBaseClient

    os.environ.update(environment)
    send, requests = AioBaseClient._make_api_call, itertools.count(1)

    async def call(self: Any, *request: Any) -> Any:
        if next(requests) == number and action:
            action()
        return await send(self, *request)

    AioBaseClient._make_api_call = call


def client_of(store: Store, number: int = 0, action: Action | None = None) -> Action:
    """Return what makes a new process a client of the store, and acts before a request of it."""
    return partial(at_request, store.environment, number, action)
