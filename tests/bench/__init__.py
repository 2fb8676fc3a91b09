"""Throughput, latency and size, measured on this machine: `make bench`, or `python -m tests.bench --help`.

Figures are events per CPU-second of the one process that does the work, and ratios to bare consumers in the same
run: what a busy machine disturbs least. Never run by CI.
"""
