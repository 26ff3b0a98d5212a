"""The wire between Cornu and a worker: frames over a Unix socket. Plain Python 3.6, used on both sides.

A frame is a head (length of the body, kind) and a body. Arrays never go over the wire: they lie in shared memory, in chunks whose file
descriptors are passed along; an address is `chunk << 40 | offset in bytes`. Kinds:

- MESSAGE: a JSON object, `{"do": ..., ...}`, or the answer to one.
- MEMORY: a JSON object `{"size": bytes}`, with the descriptor of the next chunk. No answer.
- RUN: 64-bit unsigned integers: number of the program, addresses of its inputs and outputs.
- DONE: empty, the answer to RUN when all went well.
- FAILED: a JSON object `{"type": ..., "message": ..., "trace": ...}`, the answer when it did not.
"""

import array
import json
import os
import resource
import select
import socket
import struct
import time

MESSAGE, MEMORY, RUN, DONE, FAILED = range(5)
CHUNK_BITS = 40
PATIENCE = 1e-3  # seconds; falling asleep and waking up takes a good part of that
REST = 100  # times

_HEAD = struct.Struct("<IB")
_DESCRIPTOR = array.array("i").itemsize


def send(sock, kind, body=b"", descriptor=None):
    """Send one frame."""
    ancillary = []
    if descriptor is not None:
        ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [descriptor]))]
    frame = memoryview(_HEAD.pack(len(body), kind) + body)
    sent = sock.sendmsg([frame], ancillary)
    while sent < len(frame):
        sent += sock.send(frame[sent:])


class Watch:
    """Waits awake for what comes soon, unless there is one core. After waiting in vain not for the next time, then for twice as many, up to `REST`; and not for
    the next `REST` times where others want the core.
    """

    def __init__(self):
        self._rest = 0 if len(os.sched_getaffinity(0)) > 1 else float("inf")
        self._vain = 0

    def sees(self, sock):
        """Whether something arrived within `PATIENCE`."""
        if self._rest:
            self._rest -= 1
            return False
        before, end, seen = resource.getrusage(resource.RUSAGE_THREAD).ru_nivcsw, time.perf_counter() + PATIENCE, False
        while not seen and time.perf_counter() < end:
            seen = bool(select.select([sock], [], [], 0)[0])
        self._vain = 0 if seen else min(2 * self._vain + 1, REST)
        self._rest = self._vain
        if resource.getrusage(resource.RUSAGE_THREAD).ru_nivcsw > before:  # somebody else was given the core
            self._rest = REST
        return seen


def receive(sock):
    """The next frame: (kind, body, descriptor or None); None at the end of the stream."""
    head, ancillary, _, _ = sock.recvmsg(_HEAD.size, socket.CMSG_SPACE(_DESCRIPTOR))
    if not head:
        return None
    head += _exactly(sock, _HEAD.size - len(head))
    length, kind = _HEAD.unpack(head)
    descriptor = None
    for level, what, data in ancillary:
        if level == socket.SOL_SOCKET and what == socket.SCM_RIGHTS:
            descriptor = array.array("i", data[:_DESCRIPTOR])[0]
    return kind, _exactly(sock, length), descriptor


def _exactly(sock, count):
    parts = []
    while count:
        part = sock.recv(min(count, 1 << 20))
        if not part:
            raise EOFError("the other side closed the connection in the middle of a frame")
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


def encode(message):
    """A message as the body of a frame."""
    return json.dumps(message).encode("utf-8")


def decode(body):
    """The message in a body."""
    return json.loads(body.decode("utf-8"))


def addresses(body):
    """The integers in the body of a RUN frame."""
    return struct.unpack(f"<{len(body) // 8}Q", body)


def run_body(numbers):
    """The body of a RUN frame."""
    return struct.pack(f"<{len(numbers)}Q", *numbers)
