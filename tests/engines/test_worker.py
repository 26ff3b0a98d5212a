"""The worker process and its wire, with a stand-in for the library: life, death, memory."""

import gc
import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
import warnings
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from cornu import context
from cornu import primitives as P
from cornu.contract import state
from cornu.contract.conformance.services import TestCell
from cornu.engines.remote.engine import RemoteEngine
from cornu.engines.remote.memory import Memory
from cornu.engines.remote.process import Host, WorkerError
from cornu.engines.remote.worker import wire

LIBRARY = str(Path(__file__).with_name("standin_library.py"))
pytestmark = pytest.mark.skipif(not hasattr(os, "memfd_create"), reason="workers share memory by memfd_create, which this system lacks")


class StandIn(RemoteEngine):
    """A staged engine that runs in a worker under this Python."""

    name, library = "standin", "numpy"
    carriers = {"float32": "float32", "int32": "float64"}
    kinds = {"float32": "f", "int32": "i"}
    native = dict.fromkeys(["add", "multiply", "exp", "sin", "cos", "tan", "log", "argmax"], "fi")

    def worker_host(self):
        return Host("StandIn", sys.executable, LIBRARY)


@pytest.fixture
def engine():
    engine = StandIn()
    with context.use(engine):
        yield engine
    engine.worker.kill()


def cell(engine, values):
    return TestCell(engine, np.array(values, "float32"))


def counter(engine, then=None):
    """A weight, and a compiled step that adds its argument to it (after `then` was computed)."""
    weight = cell(engine, [1, 2])

    def step(x):
        if then:
            x = P.add(x, P.multiply(then(weight.value), 0.0))
        state.write(weight, P.add(weight.value, x))
        return [P.multiply(weight.value, 2.0)]

    one = np.ones(2, "float32")
    return weight, engine.compile(step, [one]), one


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().split(")")[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def gone(pid, seconds=20):
    end = time.monotonic() + seconds
    while alive(pid) and time.monotonic() < end:
        time.sleep(0.01)
    return not alive(pid)


def test_steps_update_variables(engine):
    weight, step, one = counter(engine)
    for turn in range(1, 5):
        assert step(one)[0].tolist() == [2 * (1 + turn), 2 * (2 + turn)]
        assert weight.value.tolist() == [1 + turn, 2 + turn]


def test_assignments_between_steps_are_seen_and_read_values_stay(engine):
    weight, step, one = counter(engine)
    step(one)
    before = weight.value
    state.write(weight, np.array([10, 20], "float32"))
    assert step(one)[0].tolist() == [22, 42] and before.tolist() == [2, 3]


def test_results_stay_when_the_program_runs_again(engine):
    _, step, one = counter(engine)
    first = step(one)[0]
    step(one)
    assert first.tolist() == [4, 6]


def test_integers_travel_in_their_carrier(engine):
    run = engine.compile(lambda x: [P.add(P.argmax(x, axis=1), 2**30)], [np.eye(3, dtype="float32")])
    (result,) = run(np.eye(3, dtype="float32")[::-1])
    assert result.dtype == "int32" and result.tolist() == [2**30 + 2, 2**30 + 1, 2**30]


def test_outputs_may_be_inputs_constants_and_each_other(engine):
    a, b = cell(engine, [1, 1]), cell(engine, [2, 2])

    def step(x):
        old = a.value, b.value
        state.write(a, old[1])
        state.write(b, old[0])
        y = P.exp(x)
        return [y, y, x, np.array([7, 8], "float32")]

    zero = np.zeros(2, "float32")
    results = engine.compile(step, [zero])(zero)
    assert [r.tolist() for r in results] == [[1, 1], [1, 1], [0, 0], [7, 8]]
    assert a.value.tolist() == [2, 2] and b.value.tolist() == [1, 1]


def test_two_variables_get_one_value(engine):
    a, b = cell(engine, [0, 0]), cell(engine, [0, 0])

    def step(x):
        y = P.exp(x)
        state.write(a, y)
        state.write(b, y)
        return []

    zero = np.zeros(2, "float32")
    run = engine.compile(step, [zero])
    run(zero)
    state.write(a, zero)
    assert a.value.tolist() == [0, 0] and b.value.tolist() == [1, 1]


def test_programs_share_a_variable(engine):
    weight, step, one = counter(engine)
    look = engine.compile(lambda: [P.exp(P.multiply(weight.value, 0.0)), P.add(weight.value, 0.5)], [])
    for turn in range(3):
        step(one)
        assert look()[1].tolist() == [2.5 + turn, 3.5 + turn]


# What the library can't do


def test_a_failure_is_told_and_the_worker_lives_on(engine):
    _, step, one = counter(engine, P.log)
    with pytest.raises(WorkerError, match="StandIn, while running a program: ValueError: no logarithms today"):
        step(one)
    pid = engine.worker.process.pid
    _, step, one = counter(engine)
    assert step(one)[0].tolist() == [4, 6] and engine.worker.process.pid == pid


# Death


def test_death_at_the_start(engine, monkeypatch):
    monkeypatch.setenv("STANDIN", "dies")
    _, step, one = counter(engine)
    with pytest.raises(WorkerError, match=r"StandIn worker died \(exit status 1\) while starting(?s:.*)I never start"):
        step(one)
    monkeypatch.delenv("STANDIN")
    assert step(one)[0].tolist() == [4, 6]


def test_death_while_compiling(engine):
    weight, step, one = counter(engine, P.tan)
    with pytest.raises(WorkerError, match=r"signal SIGKILL\) while compiling a program(?s:.*)these are my last words"):
        step(one)
    assert weight.value.tolist() == [1, 2]


def test_death_in_a_step_keeps_the_last_weights(engine):
    weight, good, one = counter(engine)
    good(one)

    def step(x):
        state.write(weight, P.add(weight.value, P.sin(x)))
        return []

    bad = engine.compile(step, [one])
    with pytest.raises(WorkerError, match=r"signal SIGKILL\) while running a program(?s:.*)last words(?s:.*)after the last complete step"):
        bad(one)
    assert weight.value.tolist() == [2, 3]
    assert good(one)[0].tolist() == [6, 8]  # in a new worker
    assert weight.value.tolist() == [3, 4]


def test_death_while_idle_costs_nothing(engine):
    _, step, one = counter(engine)
    step(one)
    engine.worker.process.kill()
    engine.worker.process.wait()  # its other threads end later than the one that /proc tells of
    with pytest.warns(UserWarning, match=r"StandIn worker ended while idle \(signal SIGKILL\)"):
        assert step(one)[0].tolist() == [6, 8]


def test_a_killed_worker_in_the_middle_of_a_call(engine):
    weight, step, one = counter(engine, P.cos)
    engine.worker.ready()
    pid = engine.worker.process.pid
    threading.Timer(0.3, os.kill, (pid, signal.SIGTERM)).start()
    with pytest.raises(WorkerError, match="SIGTERM"):
        step(one)
    assert weight.value.tolist() == [1, 2]


def test_a_worker_that_hangs(engine, monkeypatch):
    weight, step, one = counter(engine, P.cos)
    engine.worker.ready()
    pid = engine.worker.process.pid
    monkeypatch.setenv("CORNU_WORKER_TIMEOUT", "0.3")
    with pytest.raises(WorkerError, match=r"has not answered for 0\.3 s while (running|compiling) a program"):
        step(one)
    assert gone(pid) and weight.value.tolist() == [1, 2]


def test_a_host_that_is_missing(engine, monkeypatch):
    monkeypatch.setattr(engine.worker, "_host", lambda: Host("StandIn", "/no/such/python", LIBRARY))
    _, step, one = counter(engine)
    with pytest.raises(FileNotFoundError, match="/no/such/python"):
        step(one)


# The parent's end


SCRIPT = """
import sys, threading, time
sys.path.insert(0, {folder!r})
from test_worker import *
engine = StandIn()
with context.use(engine):
    weight, step, one = counter(engine, {then})
    engine.worker.ready()
    print(engine.worker.process.pid, flush=True)
    {body}
"""


def parent(body, then="None"):
    """A process that uses the stand-in, and the pid of its worker."""
    script = SCRIPT.format(folder=str(Path(__file__).parent), body=textwrap.dedent(body), then=then)
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    return process, int(process.stdout.readline())


@pytest.mark.parametrize("body", ["step(one); time.sleep(1000)", "step(one)"], ids=["idle", "in a step"])
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_the_worker_ends_with_its_parent(body, how):
    process, worker = parent(body, then="None" if "sleep" in body else "P.cos")
    time.sleep(0.3)
    assert alive(worker)
    process.send_signal(how)
    process.wait()
    assert gone(worker)


def test_the_worker_ends_when_the_parent_is_done():
    process, worker = parent("print(step(one)[0].tolist(), flush=True)")
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out.strip(), err) == (0, "[4.0, 6.0]", "")
    assert gone(worker)


def test_ctrl_c_in_a_step():
    process, worker = parent("step(one)", then="P.cos")
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert "KeyboardInterrupt" in err and gone(worker)


def test_after_ctrl_c_the_variables_are_whole_and_work_goes_on(engine):
    weight, good, one = counter(engine)
    good(one)
    bad = counter(engine, P.cos)[1]
    timer = threading.Timer(0.3, signal.pthread_kill, (threading.main_thread().ident, signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        bad(one)
    assert weight.value.tolist() == [2, 3] and good(one)[0].tolist() == [6, 8]


def test_nothing_is_left_in_shared_memory():
    before = set(os.listdir("/dev/shm"))
    process, _ = parent("step(one); time.sleep(1000)")
    time.sleep(0.3)
    assert set(os.listdir("/dev/shm")) <= before
    process.kill()
    process.wait()


def test_a_forked_child_is_refused():
    process, _ = parent(
        """
    step(one)
    child = os.fork()
    if child == 0:
        try:
            step(one)
        except WorkerError as error:
            os._exit(7 if "spawn" in str(error) else 8)
        os._exit(9)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), step(one)[0].tolist(), flush=True)
    """.strip().replace("\n", "\n    ").replace("\n        ", "\n    ")
    )
    out, err = process.communicate(timeout=60)
    assert out.strip() == "7 [6.0, 8.0]", err


# Memory


def test_memory_is_used_again(engine):
    def once(n):
        step, one = counter(engine)[1:]
        for _ in range(3):
            step(one)

    once(0)
    gc.collect()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for n in range(20):
            once(n)
            gc.collect()
    assert len(engine.worker.memory.chunks) == 1
    assert engine.worker.memory._left > (1 << 22) - 20_000


def test_programs_are_forgotten(engine):
    for _ in range(3):
        weight, step, one = counter(engine)
        step(one)
        del weight, step
        gc.collect()
    step, one = counter(engine)[1:]
    step(one)
    assert len(engine.worker._forgotten) <= 1


def test_blocks_do_not_overlap():
    memory = Memory()
    blocks = [memory.block(n) for n in (1, 64, 100, 5_000_000, 3, 1000)]
    views = [block.view((block.size,), "uint8") for block in blocks]
    for i, view in enumerate(views):
        view[:] = i
    assert all((view == i).all() for i, view in enumerate(views))
    assert all(block.address % 64 == 0 for block in blocks)
    memory.close()


def test_waiting_awake_ends_where_others_want_the_core(monkeypatch):
    counts = iter([0, 0, 0, 0, 0, 1])
    monkeypatch.setattr(wire.resource, "getrusage", lambda who: SimpleNamespace(ru_nivcsw=next(counts)))
    monkeypatch.setattr(wire.os, "sched_getaffinity", lambda pid: {0, 1})
    here, there = socket.socketpair()
    with here, there:
        watch = wire.Watch()
        assert not watch.sees(here)
        there.send(b"x")
        assert not watch.sees(here)  # since nothing came the last time
        assert watch.sees(here) and watch.sees(here)  # the second time the core was taken away
        assert not any(watch.sees(here) for _ in range(wire.REST))
        counts = iter([1, 1])
        assert watch.sees(here)
        monkeypatch.setattr(wire.os, "sched_getaffinity", lambda pid: {0})
        assert not wire.Watch().sees(here)


def test_waiting_awake_in_vain_becomes_rare(monkeypatch):
    looked = []
    monkeypatch.setattr(wire.select, "select", lambda *lists: looked.append(1) or [[]])
    monkeypatch.setattr(wire.resource, "getrusage", lambda who: SimpleNamespace(ru_nivcsw=0))
    monkeypatch.setattr(wire.os, "sched_getaffinity", lambda pid: {0, 1})
    monkeypatch.setattr(wire.time, "perf_counter", iter(range(10**6)).__next__)  # a second goes by at each look at the clock
    monkeypatch.setattr(wire, "PATIENCE", 1.5)
    watch, turns = wire.Watch(), []
    for turn in range(12):
        looked.clear()
        assert not watch.sees(None)
        turns += [turn] if looked else []
    assert turns == [0, 2, 6]
