"""What Phasr costs in time and memory, beside the least that it could cost. `docs/benchmarks.md` explains it."""
