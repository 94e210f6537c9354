"""Operations of pandas users on the four views, as lines of Python, and those that differ.

In a line, ``df`` is the view, as a dask DataFrame or as a pandas DataFrame, and ``lib`` is
`dask.dataframe` or `pandas`. ``meta(…)`` and ``first`` are arguments that only dask has.
"""

from __future__ import annotations

from typing import NamedTuple

SHOWINGS = r"""
len(df)
df.dtypes
df.empty
df.head(7, **first)
df.tail(7)
df
df[["movie_id", "show_time"]]
df["movie_name"]
df.index
df.count()
df.isna().sum()
df.movie_id.nunique()
df.theater_id.unique()
df.movie_name.value_counts()
df.movie_name.value_counts(normalize=True)
df.country.value_counts()
df.date_stamp.value_counts(sort=False)
df.show_time.value_counts()
df.show_date.value_counts()
df.bargain.value_counts()
df.movie_id.min()
df.movie_id.max()
df.show_date.min()
df.show_date.max()
df.show_time.min()
df.show_time.max()
df.starts_at.min()
df.starts_at.max()
df.movie_name.min()
df.date_stamp.min()
df.date_stamp.max()
df.bargain.sum()
df.bargain.mean()
df.movie_id.sum()
df.movie_id.mean()
df.movie_id.std()
df.movie_id.var()
df.movie_id.skew()
df.movie_id.mode()
df.movie_name.mode()
df[["movie_id", "theater_id"]].sum()
df[["movie_id", "theater_id"]].mean()
df[["movie_id", "theater_id"]].max()
df[["movie_id", "theater_id"]].agg(["min", "max"])
df[["movie_id", "theater_id"]].corr()
df.movie_id.describe()
df.movie_name.describe()
df.show_date.describe()
df.starts_at.describe()
df.describe()
df[["movie_id", "starts_at"]].describe()
df[df.country == "deu"]
df[df.country != "deu"]
df[df.country.isin(["deu", "swe"])]
df[df.date_stamp == "20191213"]
df[df.date_stamp >= "20191213"]
df[df.date_stamp < "20191213"]
df[df.date_stamp.between("20191206", "20191213")]
df[df.date_stamp.isin(["20191206", "20191220"])]
df[df.date_stamp.astype(str) >= "20191210"]
df[(df.country == "deu") & (df.date_stamp == "20191213")]
df[(df.country == "deu") | (df.movie_id == 103200)]
df[~(df.country == "deu")]
df[df.movie_id == 103200]
df[df.movie_id > 109000]
df[df.movie_id.between(104000, 109000)]
df[df.show_date == dt.date(2019, 12, 20)]
df[df.show_date >= dt.date(2019, 12, 20)]
df[df.show_date.isin([dt.date(2019, 12, 20), dt.date(2019, 12, 25)])]
df[df.show_date.between(dt.date(2019, 12, 20), dt.date(2019, 12, 25))]
df[df.show_time >= dt.time(20, 0)]
df[df.starts_at >= pd.Timestamp("2019-12-20")]
df[df.starts_at.between(pd.Timestamp("2019-12-20"), pd.Timestamp("2019-12-25"))]
df[df.show_time.notnull()]
df[df.bargain]
df[df.bargain.fillna(False)]
df[df.movie_name.str.contains("a")]
df[df.movie_name.str.startswith("T")]
df[df.movie_name.str.len() > 12]
df[df.show_date.dt.dayofweek >= 5]
df[df.starts_at.dt.hour >= 20]
df.query("country == 'deu'")
df.query("movie_id > 109000 and country == 'swe'")
df.query("bargain")
df.loc[df.country == "deu", ["movie_id", "show_date"]]
df.loc[df.movie_id > 109000, "movie_name"]
df.dropna(subset=["show_time"])
df[["movie_id", "bargain"]].fillna({"bargain": False})
df.movie_name.fillna("?")
df.drop(columns=["extra", "source_xml"])
df.rename(columns={"movie_id": "film"})
df.assign(late=df.starts_at.dt.hour >= 20)[["movie_id", "late"]]
df.assign(one=1).one.sum()
assigned(df, "hour", lambda f: f.starts_at.dt.hour)[["movie_id", "hour"]]
assigned(df[df.country == "deu"], "hour", lambda f: f.starts_at.dt.hour)
assigned(df[df.country == "deu"], "hour", lambda _: df.starts_at.dt.hour)
assigned(df[df.movie_id == 103200], "hour", lambda _: df.starts_at.dt.hour)
assigned(df.dropna(subset=["show_comments"]), "hour", lambda _: df.starts_at.dt.hour)
df[df.country == "deu"].assign(other=df.theater_id + 1)
df.starts_at.dt.hour
df.starts_at.dt.hour.value_counts()
df.starts_at.dt.date
df.starts_at.dt.floor("h")
df.starts_at.dt.day_name()
df.starts_at.dt.normalize()
df.show_date.dt.year
df.show_date.dt.dayofweek.value_counts()
df.show_date.dt.day_name()
df.show_date.dt.isocalendar().week
df.show_date.astype("datetime64[ns]")
df.show_date.astype(str)
df.show_time.astype(str)
lib.to_datetime(df.show_date)
lib.to_datetime(df.date_stamp.astype(str))
df.movie_id.astype("int64")
df.country.astype(str)
df.country.cat.codes
df.movie_name.str.upper()
df.date_stamp.str.slice(0, 4)
df.country.str.upper()
df.movie_name.map(len)
df.movie_id.map({103200: "x"}, **meta(("movie_id", "object")))
df.movie_id.where(df.movie_id > 109000)
df.movie_id.cumsum()
df.movie_id.nlargest(5)
df.movie_id.nsmallest(5)
df.nlargest(5, "record")[["record"]]
df.groupby("country").size()
df.groupby("country", observed=True).size()
df.groupby(["country", "date_stamp"], observed=True).size()
df.groupby("country", observed=True).movie_id.nunique()
df.groupby("movie_id").size()
df.groupby("movie_id").theater_id.nunique()
df.groupby("movie_id").show_date.min()
df.groupby("movie_id").show_date.max()
df.groupby("movie_id").starts_at.max()
df.groupby("movie_id").show_time.count()
df.groupby("movie_id").bargain.mean()
df.groupby("movie_id").movie_name.first()
df.groupby("show_date").size()
df.groupby("show_date").movie_id.nunique()
df.groupby(df.show_date.dt.dayofweek).size()
df.groupby(df.starts_at.dt.hour).movie_id.count()
df.groupby("country", observed=True).agg({"movie_id": "nunique", "show_time": "count"})
df.groupby("movie_id").agg({"theater_id": ["min", "max", "mean"]})
df.groupby("country", observed=True).movie_id.agg(["min", "max", "count"])
df.groupby("country", observed=True).movie_id.std()
df.groupby("movie_id").date_stamp.max()
df.groupby("theater_id").movie_id.apply(lambda s: s.nunique(), **meta(("movie_id", "int64")))
df.groupby("theater_id").apply(first_row, **meta(df.drop(columns="theater_id")))
df.groupby("movie_id").theater_id.cumsum()
df.groupby("movie_id", dropna=False).size()
df.drop_duplicates(subset=["movie_id"])[["movie_id"]]
df.drop_duplicates(subset=["movie_id", "theater_id", "show_date"])
df[["movie_id", "theater_id"]].drop_duplicates()
df[["country", "date_stamp"]].drop_duplicates()
df.movie_id.drop_duplicates()
df.sort_values("movie_id").movie_id
df.sort_values("show_date").show_date
df.sort_values("movie_name").movie_name
df.sort_values("movie_id", ascending=False).movie_id
df.set_index("movie_id").theater_id
df.set_index("show_date").movie_id
df.set_index("starts_at").movie_id.resample("D").count()
df.dropna(subset=["starts_at"]).set_index("starts_at").movie_id.resample("D").count()
df.dropna(subset=["starts_at"]).set_index("starts_at").resample("W-MON").agg({"movie_id": "count"})
df.reset_index(drop=True).movie_id
df.merge(names, on="movie_id")[["movie_id", "name"]]
df.merge(names, on="movie_id", how="left")
df.merge(holidays, on="show_date")
df.merge(holidays, on="show_date", how="left")[["show_date", "name"]]
df.merge(stamps, on="date_stamp")[["date_stamp", "week"]]
df.merge(countries, on="country")[["country", "population"]]
df[["movie_id"]].merge(df[["movie_id", "theater_id"]].drop_duplicates(), on="movie_id")
df.merge(df.groupby("movie_id").size().to_frame("n").reset_index(), on="movie_id").n
df[["movie_id", "theater_id"]].join(names.set_index("movie_id"), on="movie_id")
lib.merge(df[df.country == "deu"][["movie_id"]], df[["movie_id"]].drop_duplicates())
lib.concat([df[df.country == "deu"], df[df.country == "swe"]])
lib.concat([df[["movie_id"]], df[["theater_id"]]])
df.pivot_table(index="movie_id", columns="country", values="theater_id", aggfunc="count")
lib.get_dummies(df.country)
df[["movie_id", "theater_id", "show_date"]].melt(id_vars=["show_date"])
df.explode("show_attributes").show_attributes.value_counts()
df[["movie_id", "show_attributes"]].explode("show_attributes")
df.show_attributes.explode().nunique()
df.show_attributes.list.len()
df.show_attributes.dropna().map(len)
df.select_dtypes("category")
df.select_dtypes("number").sum()
df.movie_id.to_frame()
df.movie_id.quantile(0.5)
df.movie_id.idxmax()
df.movie_id.replace(103200, 0)
df.movie_id.median()
df.movie_name.value_counts().head(3)
df[df.date_stamp == "20191206"].show_time.count()
df.query("country in ['deu', 'swe'] and movie_id > 104000")
df.show_time.isna().mean()
df.groupby("country", observed=True).show_date.agg(["min", "max"])
df.groupby("theater_id").movie_id.apply(len, **meta(("movie_id", "int64")))
df.country.cat.categories
df.show_date.quantile(0.9)
df[df.show_date > df.show_date.min()]
assigned(df[df.country == "deu"], "late", lambda _: df.starts_at.dt.hour >= 20)[["late"]]
df.fillna({"movie_name": "?"}).movie_name
df.replace({"movie_name": {"x": "y"}}).movie_name
df.show_attributes.dropna().map(len, **meta(("show_attributes", "int64")))
"""

MOVIES = r"""
len(df)
df
df.dtypes
df.head(3, **first)
df.count()
df.isna().mean()
df.describe()
df[["running_time", "release_date"]].describe()
df.running_time.describe()
df.release_date.describe()
df.rating.describe()
df.running_time.mean()
df.running_time.fillna(0).mean()
df.running_time.quantile(0.5)
df.running_time.isna().sum()
df.release_date.min()
df.release_date.max()
df.release_dvd.max()
df.release_date.count()
df.title.nunique()
df.title.value_counts()
df.rating.value_counts()
df.rating.value_counts(dropna=False)
df.rating.unique()
df.lang.mode()
df[df.running_time > 120]
df[df.running_time.isna()]
df[df.title.str.contains("the", case=False)]
df[df.rating == "PG-13"]
df[df.rating.isin(["PG", "R"])]
df[df.release_date >= dt.date(2019, 12, 1)]
df[df.release_date.dt.year == 2019]
df[df.release_date.between(dt.date(2019, 1, 1), dt.date(2019, 12, 31))]
df[df.parent_id == 0]
df[(df.running_time > 90) & (df.running_time < 120)]
df[df.date_stamp == "20191213"]
df[df.country.isin(["deu", "fra"])]
df.query("running_time > 100")
df.query("rating == 'PG'")
df.release_date.dt.year.value_counts()
df.release_date.dt.month
df.release_date.astype("datetime64[ns]")
lib.to_datetime(df.release_date).dt.to_period("M").astype(str)
df.title.str.len()
df.title.str.len().max()
df.title + " (" + df.lang + ")"
df.synopsis.str.contains("love").sum()
df.groupby("movie_id").title.nunique()
df.groupby("movie_id").title.first()
df.groupby("movie_id").country.nunique()
df.groupby("rating").running_time.mean()
df.groupby("rating", dropna=False).size()
df.groupby("country", observed=True).running_time.median()
df.groupby("country", observed=True).running_time.describe()
df.groupby("country", observed=True).release_date.min()
df.groupby("country", observed=True).release_date.max()
df.groupby(df.release_date.dt.year).movie_id.nunique()
df.groupby(["country", "rating"], observed=True).size()
df.explode("genre")
df.explode("genre").genre.value_counts()
df.explode("genre").groupby("genre").size()
df.explode("genre").groupby("genre").running_time.mean()
df[["movie_id", "director"]].explode("director").dropna()
df.genre.explode().value_counts()
df.genre.explode().nunique()
df.genre.list.len()
df.genre.isna().sum()
df.extra.isna().mean()
df.drop_duplicates(subset=["movie_id"])[["movie_id"]]
df.drop_duplicates(subset=["movie_id"], keep="last").movie_id
df.drop_duplicates(subset="title").title
df[["movie_id", "title"]].drop_duplicates()
df.sort_values("running_time").running_time
df.sort_values("release_date").release_date
df.sort_values("movie_id").movie_id
df.sort_values("running_time", ascending=False).head(5, **first).running_time
df.nlargest(3, "running_time")[["running_time"]]
df.running_time.nlargest(5)
df.set_index("movie_id").title
df.assign(year=df.release_date.dt.year)[["movie_id", "year"]]
assigned(df[df.country == "deu"], "year", lambda f: f.release_date.dt.year)[["movie_id", "year"]]
assigned(df[df.country == "deu"], "year", lambda _: df.release_date.dt.year)[["movie_id", "year"]]
df.merge(names, on="movie_id")
df.merge(names, on="movie_id", how="left").name
df.merge(df.groupby("movie_id").size().to_frame("n").reset_index(), on="movie_id").n
df.merge(releases, left_on="release_date", right_on="day")
df.merge(countries, on="country").population.sum()
df.join(names.set_index("movie_id"), on="movie_id").name
df.pivot_table(index="movie_id", columns="country", values="running_time", aggfunc="mean")
lib.concat([df[df.country == "deu"], df[df.country == "swe"]])
df.drop(columns="synopsis")
df.select_dtypes("number")
df.fillna({"running_time": 0}).running_time
df.dropna(subset=["director"])
df.running_time.astype("float64")
df.running_time.map(lambda m: m / 60, **meta(("running_time", "float64")))
df.running_time.clip(60, 120)
df.running_time.between(90, 120).sum()
df.running_time / 60
df.running_time.cumsum()
df[["running_time", "movie_id"]].corr()
df.rating.value_counts().head(1)
df.release_date.quantile([0.25, 0.75])
df.running_time.median()
df.genre.list[0].value_counts()
"""

THEATERS = r"""
len(df)
df
df.count()
df.describe()
df[["theater_screens", "theater_lat", "theater_lon"]].describe()
df.theater_screens.sum()
df.theater_adult.mean()
df.theater_adult.quantile(0.5)
df.theater_screens.value_counts()
df.theater_ticketing.mean()
df.theater_ticketing.value_counts()
df.theater_chain.value_counts()
df.theater_city.nunique()
df.theater_name.unique()
df[df.theater_lat > 55]
df[df.theater_lat.isna()]
df[df.theater_lat.between(40, 55) & df.theater_lon.between(-10, 20)]
df[df.theater_screens >= 5]
df[df.theater_city == "Stockholm"]
df[df.theater_name.str.contains("Kino")]
df[df.theater_ticketing.fillna(False)]
df[df.country == "swe"]
df[df.date_stamp >= "20191213"]
df.query("theater_screens > 5 and country == 'deu'")
df.query("theater_lat > 50")
df.dropna(subset=["theater_lat", "theater_lon"])
df.groupby("country", observed=True).theater_id.nunique()
df.groupby(["country", "date_stamp"], observed=True).theater_id.nunique()
df.groupby("theater_city").theater_id.nunique()
df.groupby("theater_chain").theater_screens.sum()
df.groupby("theater_id").theater_name.nunique()
df.groupby("theater_id").theater_lat.agg(["min", "max"])
df.groupby("country", observed=True).theater_adult.agg(["mean", "std", "count"])
df.groupby("country", observed=True)[["theater_lat", "theater_lon"]].mean()
df.groupby("theater_id").date_stamp.agg(["min", "max"])
df.groupby("theater_city").theater_screens.max().nlargest(5)
df.drop_duplicates(subset=["theater_id"]).theater_id
df.drop_duplicates(subset=["theater_id"], keep="last")[["theater_id"]]
df.sort_values("theater_lat").theater_lat
df.sort_values("theater_screens", ascending=False).theater_screens
df.nlargest(5, "theater_lat")[["theater_lat"]]
df.set_index("theater_id").theater_name
df.merge(countries, on="country")
df.merge(df[["theater_id", "theater_name"]].drop_duplicates(), on="theater_id").theater_id
df[["theater_id", "theater_city"]].merge(df[["theater_id", "theater_lat"]], on="theater_id")
df.explode("theater_attributes").theater_attributes.value_counts()
df.explode("type").groupby("type").theater_id.nunique()
df.theater_attributes.list.len()
df.theater_adult - df.theater_child
(df.theater_lat - df.theater_lat.mean()).abs().max()
df.assign(price=df.theater_adult.fillna(0)).price.sum()
df[["theater_lat", "theater_lon"]].corr()
df.theater_phone.str.replace(r"\D", "", regex=True)
df.theater_name.str.upper()
df.theater_city.fillna("?").value_counts()
df.pivot_table(index="theater_id", columns="country", values="theater_screens", aggfunc="sum")
lib.concat([df[df.country == "deu"], df[df.country == "fra"]]).theater_id
assigned(df[df.country == "deu"], "lat", lambda _: df.theater_lat)[["theater_id", "lat"]]
df.select_dtypes("number").max()
df.isna().sum()
df.theater_adult.cumsum()
df.theater_lat.idxmax()
df.theater_adult.describe()
df.theater_lat.quantile([0.1, 0.9])
df.theater_chain.value_counts().head(1)
"""

JOINED = r"""
len(df)
df
df.count()
df.title.nunique()
df.title.value_counts()
df.running_time.mean()
df.rating.value_counts()
df[df.country == "deu"].title
df[df.country == "deu"]
df[df.date_stamp >= "20191213"].title
df[df.running_time > 120]
df[df.title.isna()].movie_id
df[df.theater_lat > 55].theater_id
df.query("running_time > 120").movie_id
df.query("theater_screens > 5")
df.groupby("title").size()
df.groupby("title").theater_id.nunique()
df.groupby("title").show_date.min()
df.groupby("title").show_date.max()
df.groupby("theater_chain").movie_id.nunique()
df.groupby(["country", "rating"], observed=True).show_time.count()
df.groupby("theater_city").title.nunique()
df.groupby("theater_id").running_time.mean()
df.explode("genre").groupby("genre").size()
df.explode("genre").groupby(["country", "genre"], observed=True).show_time.count()
df[["director", "show_time"]].explode("director").groupby("director").show_time.count()
df.drop_duplicates(subset=["title", "theater_id"])[["title", "theater_id"]]
df.drop_duplicates(subset=["movie_id"]).movie_id
df[["title", "theater_name"]].drop_duplicates()
df.sort_values("running_time").running_time
df.merge(names, on="movie_id").name
df.merge(holidays, on="show_date").title
df.merge(countries, on="country").population.mean()
df.dropna(subset=["title", "show_time"])
df.assign(ends=df.starts_at.dt.hour + df.running_time // 60).ends
df.show_date.dt.dayofweek.value_counts()
df.starts_at.dt.hour.value_counts()
df.pivot_table(index="title", columns="country", values="movie_id", aggfunc="count")
df.isna().sum()
df.show_date.max()
df.release_dvd.min()
df.running_time.fillna(df.running_time.mean())
assigned(df[df.country == "deu"], "hour", lambda _: df.starts_at.dt.hour).hour
lib.concat([df[df.country == "deu"], df[df.country == "swe"]]).title
df.title.str.len()
df.genre.list.len()
df.running_time.describe()
df.title.value_counts().head(1)
"""

OPERATIONS = [
    (view, line)
    for view, lines in {
        "showings": SHOWINGS,
        "movies": MOVIES,
        "theaters": THEATERS,
        "joined": JOINED,
    }.items()
    for line in lines.split("\n")
    if line
]


class Difference(NamedTuple):
    """A difference from pandas: what happens, whose fault it is, and the issue that tells of it."""

    what: str
    fault: str
    issue: str


DASK = "dask 2026.8.0"

DIFFERING = {
    ("showings", "df.empty"): Difference(
        "raises, because an answer can need a computation", DASK, "dask/dask#5711"
    ),
    ("showings", "df.movie_id.skew()"): Difference(
        "has no correction for bias", DASK, "dask/dask#12310"
    ),
    ("showings", 'df[["movie_id", "theater_id"]].agg(["min", "max"])'): Difference(
        "DataFrames have no method agg", DASK, "dask/dask#3527"
    ),
    ("showings", 'df.groupby("movie_id").bargain.mean()'): Difference(
        "groups have no mean of a Boolean column", DASK, "dask/dask-expr#851"
    ),
    (
        "showings",
        'df.groupby("country", observed=True).agg({"movie_id": "nunique", "show_time": "count"})',
    ): Difference("agg does not know nunique", DASK, "dask/dask#6280"),
    (
        "showings",
        'df.dropna(subset=["starts_at"]).set_index("starts_at").resample("W-MON")'
        '.agg({"movie_id": "count"})',
    ): Difference("weeks do not fit the partitions", DASK, "dask/dask#6230"),
    ("showings", "df.show_attributes.dropna().map(len)"): Difference(
        "calls the function with a made-up value that is no list", DASK, "dask/dask#2265"
    ),
    ("movies", 'df.groupby("country", observed=True).running_time.describe()'): Difference(
        "groups have no method describe", DASK, "no issue found"
    ),
}
"""The operations that fail or give another answer. The test fails when one of them works."""
