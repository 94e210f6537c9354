"""Errors of the library as one clear line, and their exit codes."""

from __future__ import annotations

import re
from typing import Final

WRONG_PATH: Final = (FileNotFoundError, NotADirectoryError, IsADirectoryError, FileExistsError)
"""Errors that the user mends by another path."""

_STORES: Final = ("botocore", "aiobotocore", "s3fs", "aiohttp", "gcsfs", "google", "azure", "adlfs")
"""Packages that raise errors of their own if a store cannot be reached."""

_EXTRAS: Final = {"s3fs": "movielake[s3]"}
"""Packages for file systems that an extra of movielake brings."""


def one_line(error: BaseException) -> str:
    """Describe an error in one line, with the next step.

    Parameters
    ----------
    error : BaseException
        Any error that a command did not expect.

    Returns
    -------
    str

    Examples
    --------
    >>> one_line(ImportError("Please install gcsfs to access Google Storage"))
    "expected the package gcsfs for this kind of path, found none; pip install 'gcsfs'"
    """
    text = " ".join(str(error).split())
    if isinstance(error, OSError) and error.strerror and error.filename:
        text = f"{error.filename}: {error.strerror}"  # without the number
    if isinstance(error, PermissionError):
        return f"{text}; choose another path, or ask its owner for permission"
    if isinstance(error, ImportError) and (package := _missing_package(text)):
        install = _EXTRAS.get(package, package)
        return (
            f"expected the package {package} for this kind of path, found none; "
            f"pip install '{install}'"
        )
    if text.startswith("Protocol not known"):
        protocol = text.partition(":")[2].strip()
        return (
            f"expected a local path or a URL such as s3://BUCKET/FOLDER, found the unknown "
            f"protocol {protocol}://"
        )
    if _is_of_a_store(error):
        return f"{text}; {_advice(error)}"
    if isinstance(error, (ValueError, OSError)):
        return text
    return f"unexpected {type(error).__name__}: {text}; please report it with the trace of --debug"


def exit_code(error: BaseException) -> int:
    """Return the exit code for an error: 2 for wrong usage, 1 for anything else."""
    from movielake.conversion.results import DamagedFeedError
    from movielake.staging.packs import DamagedPackError
    from movielake.staging.sources import DifferentFileError

    if isinstance(error, (DamagedFeedError, DamagedPackError, DifferentFileError)):
        return 1
    return 2 if isinstance(error, (ValueError, *WRONG_PATH)) else 1


def _missing_package(text: str) -> str:
    """Return the package that fsspec asks for, or an empty text."""
    forms = (r"[Ii]nstall ([\w.-]+) to access", r'requires "([\w.-]+)" to be installed')
    found = next((match for form in forms if (match := re.search(form, text))), None)
    return found[1] if found else ""


def _is_of_a_store(error: BaseException) -> bool:
    return any(type_.__module__.partition(".")[0] in _STORES for type_ in type(error).__mro__)


def _advice(error: BaseException) -> str:
    name = type(error).__name__.lower()
    if "credential" in name or "auth" in name or "token" in name:
        return (
            "give the credentials of the store, for S3 by AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY or by AWS_PROFILE"
        )
    return "check the URL and the network, for S3 also AWS_ENDPOINT_URL"
