"""Tests on a real two-node Slurm cluster, started for them on this machine."""
