"""The version of movielake and its date. Other files that show them are generated or checked."""

__version__ = "0.1.0"
DATE = "2026-11-27"
