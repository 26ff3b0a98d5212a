"""A hand-written loop in a process of its own, the far side. Plain Python 3.6; `loops/remote.py` is the near one.

Lines on stdin: `fit X.npy Y.npy BATCH EPOCHS SHUFFLE` and `predict X.npy OUT.npy`, each answered by a line on stdout.
"""

import os
import sys

import numpy as np


def arguments():
    """The job's name and the initial weights, from the command line `TRAINER.py JOB WEIGHTS.npz`."""
    weights = np.load(sys.argv[2])
    return sys.argv[1], [weights[f"arr_{i}"] for i in range(len(weights.files))]


def serve(step, predict):
    """Answer until stdin closes. step: (x, y) of a batch -> its loss. predict: rows -> logits."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # libraries print
    for line in sys.stdin:
        what, path, *rest = line.split()
        x = np.load(path)
        if what == "predict":
            np.save(rest[0], predict(x))
            answers.write("done\n")
        else:
            y, batch = np.load(rest[0]), int(rest[1])
            rng = np.random.RandomState(0)
            for _ in range(int(rest[2])):
                order = rng.permutation(len(x)) if rest[3] == "True" else np.arange(len(x))
                rows = [order[start : start + batch] for start in range(0, len(x), batch)]
                losses = [step(x[i], y[i]) for i in rows]
            answers.write(f"{float(np.mean(losses))!r}\n")
        answers.flush()
