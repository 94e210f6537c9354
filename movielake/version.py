"""The version of movielake: the only place that names it."""

from typing import Final

__version__: Final = "0.1.0"
