"""Side-by-side benchmarks: ours, a plain peer, and where it is known the limit, in one run. `make bench`."""
