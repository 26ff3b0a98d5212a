"""The original Theano 1.0.5: functions with updates."""

from __future__ import annotations

import functools

from benchmarks.jobs import JOBS
from benchmarks.loops.remote import Trainer
from cornu.engines.theano_original import install

globals().update({job: functools.partial(Trainer, install.host, "theano_trainer.py", job) for job in JOBS})
