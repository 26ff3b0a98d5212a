"""A worker process, seen from this side: started at first use, started again after its death, ended with this process."""

from __future__ import annotations

import atexit
import contextlib
import os
import select
import signal
import socket
import subprocess
import tempfile
import threading
import warnings
import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cornu.engines.remote.memory import Memory
from cornu.engines.remote.worker import wire

MAIN = Path(__file__).with_name("worker") / "main.py"
LAST_WORDS = 4000  # bytes of its output that an error shows
WAIT = 600.0


@dataclass(frozen=True)
class Host:
    """What runs a worker.

    name: of the library, for messages. python: the interpreter. library: the module in the worker's folder that knows the library.
    variables: further environment variables.
    """

    name: str
    python: str
    library: str
    variables: Mapping[str, str] = field(default_factory=dict)


class WorkerError(RuntimeError):
    """The worker died, hung, or could not do what it was asked."""


class Worker:
    """One process that hosts a library, and the memory that it shares with this one.

    host: called at each start. generation: how often it was started: what it was told is forgotten with each.
    """

    def __init__(self, host: Callable[[], Host]) -> None:
        self._host = host
        self.name = "worker"
        self.memory = Memory()
        self.lock = threading.RLock()
        self.generation = 0
        self.process: subprocess.Popen[bytes] | None = None
        self._watch = wire.Watch()
        self._told = 0  # chunks of memory that it knows
        self._forgotten: list[int] = []
        self._numbers = iter(range(1, 1 << 62))
        _workers.add(self)

    # What it is asked

    def ask(self, doing: str, **message: Any) -> Any:
        """Send a message, wait for the answer. doing: what it is about, for errors.

        Raises:
            WorkerError: if it died, took longer than CORNU_WORKER_TIMEOUT seconds (600), or failed.
        """
        with self.lock:
            self.ready()
            return wire.decode(self._exchange(doing, wire.MESSAGE, wire.encode(message)))

    def run(self, body: bytes) -> None:
        """Run a program in a worker that is `ready`. Errors as in `ask`."""
        self._exchange("running a program", wire.RUN, body)

    def program(self, owner: Any) -> int:
        """A new number for a program; the worker forgets it when `owner` is gone."""
        number = next(self._numbers)
        weakref.finalize(owner, self._forgotten.append, number).atexit = False
        return number

    def ready(self) -> int:
        """Make sure that it runs; returns the generation."""
        with self.lock:
            if self.process is None or self.process.poll() is not None:
                if self.process is not None:
                    warnings.warn(f"The {self.name} worker ended while idle ({self._how()}); starting a new one.", stacklevel=4)
                self.kill()
                self._start()
            return self.generation

    # How

    def _exchange(self, doing: str, kind: int, body: bytes) -> bytes:
        with self.lock:
            try:
                self._tell()
                wire.send(self._socket, kind, body)
                return self._answer(doing)
            except (BrokenPipeError, ConnectionResetError, EOFError):
                raise self._died(doing) from None
            except WorkerError:
                raise
            except BaseException:  # interrupted: the answer that is still to come must not be taken for the next one
                self.kill()
                raise

    def _tell(self) -> None:
        """What it should know first: new memory, programs that nobody needs."""
        for descriptor, size in self.memory.chunks[self._told :]:
            wire.send(self._socket, wire.MEMORY, wire.encode({"size": size}), descriptor)
            self._told += 1
        if self._forgotten:
            programs, self._forgotten[:] = list(self._forgotten), []
            wire.send(self._socket, wire.MESSAGE, wire.encode({"do": "forget", "programs": programs}))
            self._answer("forgetting programs")

    def _answer(self, doing: str) -> bytes:
        wait = _timeout()
        if not self._watch.sees(self._socket) and not select.select([self._socket], [], [], wait)[0]:
            words = self._last_words()
            self.kill()
            raise WorkerError(
                f"The {self.name} worker has not answered for {wait:g} s while {doing}; it was ended. {words}{_AFTERWARDS} "
                "CORNU_WORKER_TIMEOUT sets how many seconds to wait."
            )
        frame = wire.receive(self._socket)
        if frame is None:
            raise self._died(doing)
        kind, body, _ = frame
        if kind == wire.FAILED:
            failure = wire.decode(body)
            error = WorkerError(f"{self.name}, while {doing}: {failure['type']}: {failure['message']}")
            raise error from RuntimeError("in the worker:\n" + failure["trace"])
        return body

    def _start(self) -> None:
        host = self._host()
        self.name = host.name
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        read, self._lifeline = os.pipe()
        environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
        self._output = tempfile.TemporaryFile()  # noqa: SIM115
        try:
            self.process = subprocess.Popen(
                [host.python, "-sB", str(MAIN), str(theirs.fileno()), str(read), host.library],
                pass_fds=[theirs.fileno(), read],
                stdin=subprocess.DEVNULL,
                stdout=self._output,
                stderr=self._output,
                env={**environment, **host.variables},
                start_new_session=True,  # Ctrl-C in the terminal is for this process only
            )
        except BaseException:
            os.close(self._lifeline)
            ours.close()
            raise
        finally:
            theirs.close()
            os.close(read)
        self._socket, self._told, self._forgotten[:] = ours, 0, []
        self.generation += 1
        self.about = self.ask("starting", do="hello")

    def _died(self, doing: str) -> WorkerError:
        assert self.process is not None
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(5)
        error = WorkerError(f"The {self.name} worker died ({self._how()}) while {doing}. {self._last_words()}{_AFTERWARDS}")
        self.kill()
        return error

    def _how(self) -> str:
        code = self.process.poll() if self.process else None
        if code is None:
            return "it closed the connection"
        return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"

    def _last_words(self) -> str:
        size = self._output.seek(0, os.SEEK_END)
        self._output.seek(max(size - LAST_WORDS, 0))
        words = self._output.read().decode("utf-8", "replace").strip()
        return f"Its last words:\n{words}\n" if words else "It said nothing. "

    def kill(self) -> None:
        """End the process at once."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self._close()

    def _close(self) -> None:
        self.process = None
        self._socket.close()
        os.close(self._lifeline)
        self._output.close()

    def abandon(self) -> None:
        """In a forked child: the worker is the parent's."""
        self.lock = threading.RLock()
        if self.process is not None:
            self.process.returncode = 0  # or `Popen` would wait for it
            self._close()
        self._host = _refuse


_AFTERWARDS = "Weights and optimizer state are as after the last complete step; the next call starts a new worker."
_workers: weakref.WeakSet[Worker] = weakref.WeakSet()


def _timeout() -> float:
    return float(os.environ.get("CORNU_WORKER_TIMEOUT", WAIT))


def _refuse() -> Host:
    raise WorkerError(
        "This process was forked from one that uses an engine in a worker, and shares its variables' memory. Start processes that "
        'compute with such engines by "spawn" (`multiprocessing.get_context("spawn")`).'
    )


def _each(action: Callable[[Worker], None]) -> None:
    for worker in list(_workers):
        action(worker)


os.register_at_fork(after_in_child=lambda: _each(Worker.abandon))
atexit.register(_each, Worker.kill)

__all__: Sequence[str] = ["Host", "Worker", "WorkerError"]
