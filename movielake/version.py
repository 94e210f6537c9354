"""The version of movielake and its date: the only place that holds them."""

__version__ = "0.1.0"
DATE = "2026-11-27"
