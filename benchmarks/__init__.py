"""Speed as ratios beside peers in one run: ``python -m benchmarks`` prints every goal and whether it is met."""
