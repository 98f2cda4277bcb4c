"""Benchmarks: each module with `run(workshop)`, which yields figures."""
