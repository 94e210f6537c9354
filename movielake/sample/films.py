"""The films: all countries share them, but each country has its own release dates and runs."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from movielake.sample.places import Country, countries, words
from movielake.sample.streams import Stream, fraction

FIRST_STAMP = date(2019, 12, 6)
# Longest delay of a release plus longest run, in weeks. No film on show is older.
MEMORY = 21
WORLD = "world"
_VERSIONS = ("", "3D", "IMAX", "SUB")
_HOMES = ("usa", "usa", "usa", "usa", "gbr", "fra", "kor", "jpn", "ind", "deu", "can", "aus")
ID_BASE, ID_SPAN = 100_000, 899_981


@dataclass(frozen=True, slots=True)
class Film:
    """A film, or a version of a film (3D, IMAX, SUB for subtitled), the same in all countries."""

    movie_id: int
    parent_id: int
    title: str
    version: str
    home: str
    born: int
    popularity: float
    running_time: int

    @property
    def base_id(self) -> int:
        """The id of the base film, the same for all versions."""
        return self.parent_id or self.movie_id


@dataclass(frozen=True, slots=True)
class Run:
    """A film in a country in a week, with its title there, its premiere and its demand."""

    film: Film
    title: str
    running_time: int
    premiere: int
    demand: float


def week_date(week: int) -> date:
    """Return the date of a week's stamp, which is a Friday.

    Parameters
    ----------
    week
        Number of the week. The first stamp has number 0. Earlier weeks have negative numbers.

    Returns
    -------
    datetime.date

    Examples
    --------
    >>> week_date(2)
    datetime.date(2019, 12, 20)
    """
    return FIRST_STAMP + timedelta(weeks=week)


def release_delay(seed: int, film: Film, country: str) -> int:
    """Return the number of weeks between a film's first release and its release in a country.

    Parameters
    ----------
    seed
        Seed of the sample.
    film
        The film or a version of the film.
    country
        Country code.

    Returns
    -------
    int
        0 in the film's home country, otherwise 0 to 8. Small delays are the most common.

    Examples
    --------
    >>> from movielake.sample.places import countries
    >>> film = Catalogue(0, 1.0).premieres("deu", 3)[0]
    >>> release_delay(0, film, "deu")
    0
    """
    if film.home == country:
        return 0
    # The exponent is an integer. Other powers can differ in the last digit between machines.
    return int(9 * fraction("delay", seed, film.base_id, country) ** 2)


@dataclass(slots=True)
class Catalogue:
    """All films of a seed and a scale. Films are made on first use.

    Parameters
    ----------
    seed
        Seed of the sample. Each seed makes other films.
    scale
        Scale of the feed. The number of films grows with its fourth root.

    Examples
    --------
    >>> from movielake.sample.places import countries
    >>> runs = Catalogue(0, 1.0).running(countries()["deu"], 0)
    >>> len({run.film.movie_id for run in runs}) == len(runs) > 20
    True
    """

    seed: int
    scale: float
    _made: dict[tuple[str, int], list[Film]] = field(default_factory=dict)

    @property
    def _growth(self) -> float:
        # Square roots are equal on every machine. Powers can differ.
        return math.sqrt(math.sqrt(self.scale))

    @property
    def world_premieres(self) -> int:
        """The number of films per week that are released in several countries."""
        return max(2, round(5 * self._growth))

    @property
    def local_premieres(self) -> int:
        """The number of films per week and country that are released only in this country."""
        return max(1, round(1.6 * self._growth))

    def premieres(self, home: str, week: int) -> list[Film]:
        """Make the films, with their versions, that start in a week.

        Parameters
        ----------
        home
            A country code for its local films, or ``"world"`` for films of several countries.
        week
            Number of the week.

        Returns
        -------
        list of Film
        """
        made = self._made.get((home, week))
        if made is None:
            count = self.world_premieres if home == WORLD else self.local_premieres
            made = [film for slot in range(count) for film in self._film(home, week, slot)]
            self._made[home, week] = made
        return made

    def running(self, country: Country, week: int) -> list[Run]:
        """List the films on show in a country in a week, in order of falling demand.

        Parameters
        ----------
        country
            The country.
        week
            Number of the week.

        Returns
        -------
        list of Run
        """
        runs = [
            run
            for home in (WORLD, country.code)
            for born in range(week - MEMORY, week + 1)
            for film in self.premieres(home, born)
            if (run := self._run(film, country, week))
        ]
        return sorted(runs, key=lambda run: (-run.demand, run.film.movie_id))

    def _film(self, home: str, week: int, slot: int) -> Iterator[Film]:
        stream = Stream(self.seed, "film", home, week, slot)
        # The first slot is the big release of the week.
        popularity = 0.65 + 0.35 * stream.random() if slot == 0 else 0.08 + 0.6 * stream.random()
        if home != WORLD:
            popularity *= 0.6
        origin = stream.pick(_HOMES) if home == WORLD else home
        title = _title(stream, countries()[origin].language)
        running_time = 78 + int(stream.random() * stream.random() * 85)
        base_id = self._movie_id(home, week, slot)
        for number, version in enumerate(_VERSIONS):
            if _exists(version, popularity, home):
                parent = base_id if version else 0
                wanted = popularity * (1.0 if not version else 0.45)
                named = f"{title} {version}" if version in ("3D", "IMAX") else title
                yield Film(
                    base_id + number, parent, named, version, origin, week, wanted, running_time
                )

    def _movie_id(self, home: str, week: int, slot: int) -> int:
        local = self.local_premieres
        index = slot
        if home != WORLD:
            index += self.world_premieres + countries()[home].number * local
        weekly = self.world_premieres + len(countries()) * local
        # Ids grow with time. They have at most six digits at any scale.
        return ID_BASE + ((week + MEMORY) * weekly + index) * len(_VERSIONS) % ID_SPAN

    def _run(self, film: Film, country: Country, week: int) -> Run | None:
        if film.version == "SUB" and country.language == countries()[film.home].language:
            return None
        key = (self.seed, film.base_id, country.code)
        if film.home != country.code and fraction("comes", *key) > 0.4 + film.popularity:
            return None
        delay = release_delay(self.seed, film, country.code)
        length = 3 + int(8 * film.popularity * (0.6 + 0.8 * fraction("length", *key)))
        age = week - film.born - delay
        if not 0 <= age < length:
            return None
        title, running_time = self._as_known(film, week)
        return Run(film, title, running_time, film.born + delay, film.popularity * 0.78**age)

    def _as_known(self, film: Film, week: int) -> tuple[str, int]:
        """Return a film's title and running time in a week. Some change after the premiere."""
        change = fraction("change", self.seed, film.base_id)
        late = week - film.born >= 2
        if change < 0.05 and film.title.startswith("The ") and late:
            return f"{film.title.removeprefix('The ')}, The", film.running_time
        if change < 0.08 and late:
            return f"{film.title} ({week_date(film.born).year})", film.running_time
        if change > 0.92 and not late:
            return film.title, film.running_time + 7
        return film.title, film.running_time


def _exists(version: str, popularity: float, home: str) -> bool:
    least = {"": 0.0, "3D": 0.6, "IMAX": 0.72, "SUB": 0.35}[version]
    return popularity >= least and (home == WORLD or version in ("", "3D"))


def _title(stream: Stream, language: str) -> str:
    titles: dict[str, Any] = words()["titles"]
    local = titles["local"].get(language)
    if local and (language != "eng" or stream.chance(0.1)):
        joint = "" if language == "jpn" or language == "zho" else " "
        return f"{stream.pick(local['heads'])}{joint}{stream.pick(local['tails'])}"
    noun, other = stream.some(titles["nouns"], 2)
    name: str = stream.pick(words()["names"]["women" if stream.chance(0.5) else "men"])
    pattern: str = stream.pick(titles["patterns"])
    adjective, place = stream.pick(titles["adjectives"]), stream.pick(titles["places"])
    return pattern.format(a=adjective, n=noun, m=other, p=place, w=name)
