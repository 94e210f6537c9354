"""The first inputs of fuzzing. This module always makes the same bytes."""

from __future__ import annotations

import io
import os
import random
import re
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

from movielake import convert, pack
from tests.fastpath.mutations import (
    FORMS_OF_TIMES,
    ODD_DATES,
    ODD_LEAVES,
    TOKENS,
    Maker,
    escape,
    mutant,
)
from tests.feeds import files, houses, movies, showing, times, week, write_feed, zipped

MEMBERS = (
    b"",
    b" \n",
    b"<times/>",
    times(showing(1), showing(2)).encode(),
    movies("Up", "Down").encode(),
    houses("Astra").encode(),
    b'<?xml version="1.0" encoding="ISO-8859-1"?><times><showtime>\xe9</showtime></times>',
    b"\xff\xfe" + times(showing()).encode("utf-16-le"),
    b"\xef\xbb\xbf" + times(showing()).encode(),
    b'<!DOCTYPE times [<!ENTITY a "b">]><times><showtime>&a;</showtime></times>',
    b"<times><showtime/><!-- x --><?x y?><showtime><![CDATA[x]]></showtime></times>",
    b"<movies><movie><intl country='x'><new/></intl><synopsis><P>a</P></synopsis></movie></movies>",
    b"<movies><movie>a<title>b<b>c</b></title><synopsis>d<br/>e<P>f</P></synopsis></movie></movies>",
    b"<houses><theater><theater_adult>KD 3.500</theater_adult><theater_child>95,-</theater_child>"
    b"<theater_lat>-5E-05</theater_lat><theater_lon>52,52</theater_lon></theater></houses>",
    b'<!DOCTYPE movies SYSTEM "x"><movies><movie><title a="&b;">&nbsp;</title></movie></movies>',
    b"<html><body/></html>",
    b"<times>" + b"<a>" * 300,
)


def members() -> Iterator[bytes]:
    """Yield contents of members: plain ones, each oddity alone, and some mutants."""
    yield from MEMBERS
    for text in (*ODD_LEAVES, *ODD_DATES):
        yield times(text.format("movie_name", "x")).encode()
    for n in range(0, len(FORMS_OF_TIMES), 8):
        texts = [escape(text) for text, _, _ in FORMS_OF_TIMES[n : n + 8]]
        yield times(*[showing(at=text) for text in texts]).encode()
    for token in TOKENS:
        yield b"<times><showtime><movie_id>7</movie_id>" + token + b"</showtime></times>"
    for seed in range(20):
        rng = random.Random(seed)
        yield Maker(rng).member()[:8000]
        yield mutant(rng)[:8000]


def zips() -> Iterator[bytes]:
    """Yield feed zips, plain and odd."""
    yield b""
    yield zipped({})
    yield zipped(week())
    yield zipped([("191206S.XML", times(showing()))] * 2)
    yield zipped({"191206S.XML": times(showing()), "notes.txt": "x", "../x.XML": "<html/>"})
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        yield zipped({"191206S.XML": times(showing(1), showing(2))}, method)
    whole = zipped(week())
    yield whole[:-30]
    yield b"#!/bin/sh\n" + whole
    yield whole.replace(b"191206S", b"\x1b[2J\n/.")


def tars() -> Iterator[bytes]:
    """Yield a small lake as a pack, and as plain tars with one foreign entry each."""
    with tempfile.TemporaryDirectory() as name:
        feed = write_feed(Path(name, "feed"), {"20191206/movies_deu.zip": {"S.XML": times()}})
        for path in Path(feed).rglob("*.zip"):
            os.utime(path, (1_575_600_000, 1_575_600_000))
        lake, packed = f"{name}/lake", Path(name, "lake.tar")
        convert(feed, lake, workers=1)
        pack(lake, str(packed), leaves=True)
        yield packed.read_bytes()
        for kind in (tarfile.REGTYPE, tarfile.SYMTYPE, tarfile.CHRTYPE, tarfile.GNUTYPE_SPARSE):
            made = io.BytesIO()
            with tarfile.open(fileobj=made, mode="w") as tar:
                for path, content in files(lake).items():
                    info = tarfile.TarInfo(path)
                    info.size = len(content)
                    tar.addfile(info, io.BytesIO(content))
                stranger = tarfile.TarInfo("../x")
                stranger.type = kind
                tar.addfile(stranger)
            yield made.getvalue()


CORPORA = {"member": members, "zip": zips, "tar": tars}


def write_corpus(target: str, folder: Path) -> None:
    """Write a target's corpus in libFuzzer's layout: one file per input."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, data in enumerate(CORPORA[target]()):
        (folder / f"{number:04}").write_bytes(data)


def write_dictionary(file: Path) -> None:
    """Write the tags and tokens of an XML feed as a libFuzzer dictionary."""
    words = {*TOKENS, *re.findall(rb"</?\w+>?", b" ".join(MEMBERS))}
    lines = ["".join(f"\\x{byte:02x}" for byte in word) for word in sorted(words)]
    file.write_text("".join(f'"{line}"\n' for line in lines))
