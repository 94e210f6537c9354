"""Errors in one line: packages, stores and protocols; options anywhere; names of arguments."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

import movielake
from movielake import JoinedShowings, MoviesReader, ShowingsReader, TheatersReader
from movielake.cli import main
from movielake.cli.failures import one_line


def run(*arguments: object):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


class NoCredentialsError(Exception):
    """Stands for the error of the same name in botocore, which not every machine has."""


NoCredentialsError.__module__ = "botocore.exceptions"


class EndpointConnectionError(Exception):
    """Stands for the error of the same name in botocore."""


EndpointConnectionError.__module__ = "botocore.exceptions"


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ImportError("Install s3fs to access S3"), "pip install 'movielake[s3]'"),
        (ImportError("Please install gcsfs to access Google Storage"), "pip install 'gcsfs'"),
        (ImportError('X requires "paramiko" to be installed'), "pip install 'paramiko'"),
        (NoCredentialsError("none"), "AWS_ACCESS_KEY_ID"),
        (EndpointConnectionError("nobody there"), "check the URL and the network"),
        (ValueError("Protocol not known: zzz"), "found the unknown protocol zzz://"),
    ],
)
def test_trouble_with_a_store_has_a_next_step_and_is_no_bug(error, line):
    assert line in one_line(error)
    assert "report" not in one_line(error)


@pytest.mark.parametrize("command", [["info"], ["validate"], ["pack"], ["stage"], ["report"]])
def test_an_unknown_protocol_is_wrong_usage(command, tmp_path):
    more = {"pack": [tmp_path / "x.tar"], "stage": ["--to", tmp_path / "x"]}.get(command[0], [])
    said = run(*command, "zzz://lake", *more)
    assert said.exit_code == 2
    assert "found the unknown protocol zzz://" in said.stderr


@pytest.mark.parametrize("option", ["-V", "--version"])
@pytest.mark.parametrize("before", [[], ["info"], ["info", "lake"]])
def test_the_version_can_stand_anywhere(option, before):
    assert run(*before, option).stdout == f"movielake, version {movielake.__version__}\n"


def test_debug_can_stand_behind_the_command(tmp_path):
    assert isinstance(run("info", tmp_path, "--debug").exception, FileNotFoundError)


def test_options_behind_two_dashes_are_arguments(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert "found no lake.json in --debug" in run("info", "--", "--debug").stderr


@pytest.mark.parametrize("reader", [MoviesReader, ShowingsReader, TheatersReader])
def test_a_mistyped_argument_names_the_class_and_a_similar_argument(reader):
    with pytest.raises(TypeError, match=rf"for {reader.__name__}, .*did you mean countries\?"):
        reader("lake", country="deu")


def test_signatures_stay_readable():
    assert "countries" in str(__import__("inspect").signature(ShowingsReader))
    with pytest.raises(TypeError, match="JoinedShowings"):
        JoinedShowings(1, movie_column=[])
