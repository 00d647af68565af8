"""Benchmarks of the whole system; each prints the machine and the versions it ran on."""
