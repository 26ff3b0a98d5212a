"""The original Theano 1.0.5, in a worker process."""
