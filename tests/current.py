"""Current showings in SQL: an independent definition to compare with."""

from __future__ import annotations

RULES = ("movie", "theater")

BLOCKS = {"movie": "movie_id, theater_id, show_date", "theater": "theater_id, show_date"}


def current_sql(what: str = "*", rule: str = "movie", *, where: str = "true") -> str:
    """Query the showings that are current among some snapshots.

    This uses no window function. DuckDB 2.0.0 applies a filter on a partition key after a window.
    """
    block = BLOCKS[rule]
    is_block = " and ".join(f"{name} is not null" for name in block.split(", "))
    return f"""
        with chosen as materialized (select * from showings where {where}),
        blocks as (
            select country, {block}, date_stamp, count(show_time) > 0 as timed
            from chosen where {is_block} group by all
        ),
        sources as (
            select country, {block},
                coalesce(max(date_stamp) filter (where timed), max(date_stamp)) as source
            from blocks group by all
        ),
        current as materialized (
            select chosen.* from chosen left join sources using (country, {block})
            where source is null or date_stamp = source
        )
        select {what} from current
    """
