"""The worker: compiles and runs programs with a library that needs a Python of its own. Plain Python 3.6.

`python main.py SOCKET LIFELINE LIBRARY`: descriptors of the socket and of a pipe that is open as long as the parent lives, and the path of
the module that knows the library. Such a module has `hello()`, which gives a dictionary with the library's version, and
`build(graph, constants)` (`plain` in ../remote.py describes a graph), which gives a program: an object whose `bind(inputs, outputs)` takes
arrays in shared memory and gives a function without arguments that computes the outputs from the inputs.
"""

import contextlib
import fcntl
import importlib
import mmap
import os
import select
import signal
import socket
import sys
import traceback

import numpy as np
import wire

BINDINGS = 64  # of one program to places in memory; a training step alternates between two


def end_with_parent(lifeline):
    """Let the kernel end this process when the parent's end of the pipe closes, whatever this process is doing."""
    signal.signal(signal.SIGIO, signal.SIG_DFL)
    fcntl.fcntl(lifeline, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(lifeline, fcntl.F_SETFL, fcntl.fcntl(lifeline, fcntl.F_GETFL) | os.O_ASYNC)
    if select.select([lifeline], [], [], 0)[0]:  # it was closed before
        os._exit(1)


class Worker:
    """The state between frames: chunks of shared memory, and programs."""

    def __init__(self, library):
        self.library = library
        self.chunks = []
        self.programs = {}
        self.bound = {}

    def add_memory(self, size, descriptor):
        self.chunks.append(mmap.mmap(descriptor, size))
        os.close(descriptor)

    def view(self, address, shape, dtype):
        """The array at an address."""
        chunk, offset = address >> wire.CHUNK_BITS, address & ((1 << wire.CHUNK_BITS) - 1)
        count = int(np.prod(shape, dtype=np.int64))
        return np.frombuffer(self.chunks[chunk], dtype, count, offset).reshape(shape)

    def answer(self, message):
        """What a message asks for."""
        return getattr(self, "do_" + message["do"])(**message)

    def do_hello(self, do):
        return self.library.hello()

    def do_build(self, do, program, graph, constants, inputs, outputs):
        """inputs, outputs, constants: [shape, dtype] of arrays in memory, and for constants the address."""
        arrays = [np.array(self.view(address, shape, dtype)) for shape, dtype, address in constants]
        self.programs[program] = self.library.build(graph, arrays), inputs + outputs, len(inputs)
        return {}

    def do_forget(self, do, programs):
        for program in programs:
            self.programs.pop(program, None)
            self.bound.pop(program, None)
        return {}

    def run(self, body):
        numbers = wire.addresses(body)
        places = self.bound.setdefault(numbers[0], {})
        if body not in places:
            if len(places) >= BINDINGS:
                places.clear()
            program, specs, count = self.programs[numbers[0]]
            views = [self.view(at, shape, dtype) for at, (shape, dtype) in zip(numbers[1:], specs)]
            places[body] = program.bind(views[:count], views[count:])
        places[body]()


def serve(sock, worker):
    """Answer frames until the other side closes."""
    watch = wire.Watch()
    while True:
        watch.sees(sock)  # the next step of a training loop
        frame = wire.receive(sock)
        if frame is None:
            return
        kind, body, descriptor = frame
        if kind == wire.MEMORY:
            worker.add_memory(wire.decode(body)["size"], descriptor)
            continue
        try:
            if kind == wire.RUN:
                worker.run(body)
                wire.send(sock, wire.DONE)
            else:
                wire.send(sock, wire.MESSAGE, wire.encode(worker.answer(wire.decode(body))))
        except Exception as error:  # whatever the library raises is the answer
            failure = {"type": type(error).__name__, "message": str(error).strip(), "trace": traceback.format_exc()}
            wire.send(sock, wire.FAILED, wire.encode(failure))


def main():
    sock, lifeline, library = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    end_with_parent(lifeline)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's affair
    folder, name = os.path.split(library)
    sys.path.insert(1, folder)
    module = importlib.import_module(name[: -len(".py")])
    with contextlib.suppress(BrokenPipeError, ConnectionResetError, EOFError):
        serve(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, fileno=sock), Worker(module))


if __name__ == "__main__":
    main()
