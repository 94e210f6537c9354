"""How fast movielake is, beside others that do the same: ``python -m tests.benchmarks``."""
