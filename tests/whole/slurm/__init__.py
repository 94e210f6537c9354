"""Tests on a real two-node Slurm cluster, which they start on this machine."""
