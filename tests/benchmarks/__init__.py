"""Speed of movielake compared with other tools: ``python -m tests.benchmarks``."""
