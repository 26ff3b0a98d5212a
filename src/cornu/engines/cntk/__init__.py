"""CNTK 2.7, in a process of its own under Python 3.6."""
