"""A stand-in for Open MPI's libraries, which CNTK's are linked to.

A single process never calls MPI, but the dynamic linker wants `libmpi.so.12` and `libmpi_cxx.so.1` with all the names that CNTK mentions. So
this writes a shared library (ELF, 64-bit x86) that defines these names and has no code. It needs no compiler and no root.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable
from pathlib import Path

LIBRARIES = ("libmpi.so.12", "libmpi_cxx.so.1")

_MPI = re.compile(r"MPI_|ompi_|_ZN?K?(T[VIS]N)?3MPI")
_SECTION = struct.Struct("<IIQQQQIIQQ")
_SYMBOL = struct.Struct("<IBBHQQ")
_SYMBOL_TABLE = 11  # SHT_DYNSYM
_OBJECT, _ROOM = 0x11, 64  # a global object; bytes behind each name


def write(folder: Path, users: Iterable[Path]) -> None:
    """Write both libraries into `folder`; they define what the shared libraries `users` want of MPI."""
    names = sorted({name for path in users for name in undefined(path.read_bytes()) if _MPI.match(name)})
    folder.mkdir(parents=True, exist_ok=True)
    for library, own in zip(LIBRARIES, (names, [])):
        (folder / library).write_bytes(shared_library(library, own))


def undefined(elf: bytes) -> list[str]:
    """The names that an ELF shared library expects others to define."""
    start, size, count = struct.unpack_from("<Q", elf, 40)[0], *struct.unpack_from("<HH", elf, 58)
    sections = [_SECTION.unpack_from(elf, start + i * size) for i in range(count)]
    found = []
    for _, kind, _, _, offset, length, link, _, _, entry in sections:
        if kind == _SYMBOL_TABLE:
            strings = sections[link][4]
            for at in range(offset, offset + length, entry):
                name, _, _, section, _, _ = _SYMBOL.unpack_from(elf, at)
                if section == 0 and name:
                    found.append(elf[strings + name : elf.index(b"\0", strings + name)].decode())
    return found


def shared_library(name: str, symbols: list[str]) -> bytes:
    """An ELF shared library with these symbols, each a few zero bytes."""
    strings, places = bytearray(b"\0"), []
    for text in [name, *symbols]:
        places.append(len(strings))
        strings += text.encode() + b"\0"
    count = len(symbols) + 1
    headers = 64 + 3 * 56
    table = headers
    text_at = table + count * _SYMBOL.size
    hash_at = -(-(text_at + len(strings)) // 8) * 8
    dynamic_at = -(-(hash_at + 4 * (3 + count)) // 8) * 8
    dynamic = [(14, places[0]), (4, hash_at), (5, text_at), (6, table), (10, len(strings)), (11, _SYMBOL.size), (0, 0)]
    data_at = -(-(dynamic_at + 16 * len(dynamic)) // _ROOM) * _ROOM
    end = data_at + _ROOM * count
    body = bytearray(end)
    # File header; one readable and writable segment with all, the dynamic section, and a stack that is not executable.
    body[:64] = struct.pack("<4sBBBB8xHHIQQQIHHHHHH", b"\x7fELF", 2, 1, 1, 0, 3, 62, 1, 0, 64, 0, 0, 64, 56, 3, 64, 0, 0)
    for i, (kind, offset, size, align) in enumerate([(1, 0, end, 4096), (2, dynamic_at, 16 * len(dynamic), 8), (0x6474E551, 0, 0, 16)]):
        struct.pack_into("<IIQQQQQQ", body, 64 + 56 * i, kind, 6, offset, offset, offset, size, size, align)
    for i in range(1, count):
        _SYMBOL.pack_into(body, table + i * _SYMBOL.size, places[i], _OBJECT, 0, 1, data_at + _ROOM * i, _ROOM)
    body[text_at : text_at + len(strings)] = strings
    chain = [*range(2, count), 0][: count - 1]  # one bucket: every symbol hangs on the one before it
    struct.pack_into(f"<{3 + count}I", body, hash_at, 1, count, min(1, count - 1), 0, *chain)
    for i, (tag, value) in enumerate(dynamic):
        struct.pack_into("<QQ", body, dynamic_at + 16 * i, tag, value)
    return bytes(body)


__all__ = ["LIBRARIES", "shared_library", "undefined", "write"]
