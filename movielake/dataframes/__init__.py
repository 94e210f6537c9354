"""The DataFrame of a lake: habits of pandas that plain dask refuses, and saving.

Enters: a dask expression that makes rows. Leaves: a dask DataFrame on which pandas users' lines
work, saved rows. A habit must never change pandas or dask for other DataFrames.
"""
