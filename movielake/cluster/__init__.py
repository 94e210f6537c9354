"""The machine and its workers: CPUs, Slurm jobs, local processes, dask clusters, certificates.

Enters: environment variables and plain functions to run. Leaves: results, a dask client, sbatch
scripts. ``slurm`` alone reads the environment. This wing never listens beyond loopback without
TLS, and knows nothing of feeds or lakes.
"""
