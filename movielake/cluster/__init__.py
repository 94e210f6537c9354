"""The machine and its workers: CPUs, Slurm jobs, local processes, dask clusters, certificates.

Enters: environment variables, and plain functions to run. Leaves: results, a dask client, sbatch
scripts. Only ``slurm`` reads environment variables. This wing never listens beyond loopback
without TLS, and never imports a wing that handles feeds or lakes.
"""
