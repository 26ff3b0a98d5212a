"""Theano, as its maintained successor PyTensor: compiled functions are PyTensor functions, variables are shared variables."""

import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of a BLAS that only its C mode would link
    from cornu.engines.theano.engine import TheanoEngine

__all__ = ["TheanoEngine"]
