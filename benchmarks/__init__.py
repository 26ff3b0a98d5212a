"""The speed of Cornu's `fit` and `predict` beside what an expert writes by hand on the same engine: `python -m benchmarks`."""
