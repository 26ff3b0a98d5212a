"""CNTK: its own Trainer."""

from __future__ import annotations

import functools

from benchmarks.jobs import JOBS
from benchmarks.loops.remote import Trainer
from cornu.engines.cntk import install

globals().update({job: functools.partial(Trainer, install.host, "cntk_trainer.py", job) for job in JOBS})
