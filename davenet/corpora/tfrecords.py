"""Exact reading of TFRecord files and of the two features of a tf.train.Example that label records need, no TensorFlow.

A record is its length (8 bytes, little-endian), that length's masked CRC-32C, the bytes, and their masked CRC-32C; both sums
are checked. Of an Example (or of a SequenceExample's context, which lies at the same place) only what is asked for is decoded.
"""

import gzip
import struct
import zlib
from collections.abc import Collection, Iterator
from functools import cache
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

from davenet.errors import UserError, one_line

Feature = list[bytes] | list[int]

_POLYNOMIAL = 0x82F63B78  # Castagnoli's, its bits reversed
_MASK = 0xA282EAD8
_BLOCK = 4096  # bytes whose sum is one look-up each
_MOST_BYTES = 1 << 28  # no label record is larger: a length beyond is damage
_VARINT, _FIXED64, _LENGTH, _FIXED32 = 0, 1, 2, 5  # protobuf's wire types


class BadRecordError(ValueError):
    """What is wrong with one record, in words that can follow "record 3"."""


def read_records(path: Path) -> Iterator[bytes]:
    """Yields the records of a TFRecord file, gzip-compressed or plain; an empty file has none.

    Raises UserError, naming the record (from 1), where the file is cut off, a checksum is wrong, or it cannot be read.
    """
    number = 0
    try:
        with _opened(path) as file:
            while True:
                number += 1
                try:
                    record = _record(file)
                except BadRecordError as error:
                    raise UserError(f"{path}, record {number}, {error}; download it again.") from error
                if record is None:
                    return
                yield record
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or one_line(error)
        raise UserError(f"{path} cannot be read ({reason}); download it again.") from error


def example_features(record: bytes, names: Collection[str]) -> dict[str, Feature]:
    """Returns the byte or integer lists of an Example by name, of the wanted names only; float lists are passed over.

    Raises BadRecordError where the record is no Example.
    """
    wanted = {name.encode(): name for name in names}
    found: dict[str, Feature] = {}
    for field, value in _fields(memoryview(record)):
        if field != 1 or not isinstance(value, memoryview):  # Example.features, SequenceExample.context
            continue
        for entry_field, entry in _fields(value):
            if entry_field != 1 or not isinstance(entry, memoryview):  # Features.feature, a map
                continue
            key, feature = _map_entry(entry)
            if key in wanted and (values := _feature(feature)) is not None:
                found[wanted[key]] = values
    return found


def masked_crc32c(data: bytes) -> int:
    """Returns the checksum that TFRecord keeps beside a length and beside a record."""
    crc = crc32c(data)
    return (((crc >> 15) | (crc << 17)) + _MASK) & 0xFFFFFFFF


def crc32c(data: bytes) -> int:
    """Returns the CRC-32C (Castagnoli) of bytes: some hundred megabytes a second, by the sum's linearity."""
    state = 0xFFFFFFFF
    for first in range(0, len(data), _BLOCK):
        block = np.frombuffer(data, np.uint8, count=min(_BLOCK, len(data) - first), offset=first)
        state = _after(state, block)
    return state ^ 0xFFFFFFFF


def _after(state: int, block: NDArray[np.uint8]) -> int:
    """Returns the register after a block: what the block alone gives from 0, and the old register moved past it."""
    table = _table()
    n = len(block)
    given = int(np.bitwise_xor.reduce(table[_BLOCK - n :][np.arange(n), block])) if n else 0
    if n < 4:
        for _ in range(n):
            state = int(table[-1, state & 0xFF]) ^ (state >> 8)
        return state ^ given
    for place in range(4):  # the register acts like four bytes laid over the block's first four
        given ^= int(table[_BLOCK - n + place, (state >> (8 * place)) & 0xFF])
    return given


@cache
def _table() -> NDArray[np.uint32]:
    """Returns (4096, 256): the register, begun at 0, after a byte and as many zero bytes as still follow in the block."""
    crc = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        crc = np.where(crc & 1, (crc >> 1) ^ np.uint32(_POLYNOMIAL), crc >> 1).astype(np.uint32)
    of_a_byte = crc
    table = np.empty((_BLOCK, 256), np.uint32)
    for place in range(_BLOCK - 1, -1, -1):
        table[place] = crc
        crc = of_a_byte[crc & 0xFF] ^ (crc >> 8)
    return table


def _opened(path: Path) -> BinaryIO:
    file = open(path, "rb")
    head = file.read(2)
    file.seek(0)
    if head != b"\x1f\x8b":
        return file
    file.close()
    return cast(BinaryIO, gzip.open(path, "rb"))


def _record(file: BinaryIO) -> bytes | None:
    header = file.read(12)
    if not header:
        return None
    if len(header) < 12:
        raise BadRecordError("is cut off")
    length, sum_of_length = struct.unpack("<QI", header)
    if masked_crc32c(header[:8]) != sum_of_length:
        raise BadRecordError("has a wrong checksum of its length, so it is damaged or no TFRecord file")
    if length > _MOST_BYTES:
        raise BadRecordError(f"says that it is {length} bytes long")
    content = file.read(length + 4)
    if len(content) < length + 4:
        raise BadRecordError("is cut off")
    data = content[:-4]
    if masked_crc32c(data) != int.from_bytes(content[-4:], "little"):
        raise BadRecordError("has a wrong checksum, so it is damaged")
    return data


def _map_entry(entry: memoryview) -> tuple[bytes, memoryview]:
    key, value = b"", memoryview(b"")
    for field, part in _fields(entry):
        if field == 1 and isinstance(part, memoryview):
            key = bytes(part)
        elif field == 2 and isinstance(part, memoryview):
            value = part
    return key, value


def _feature(feature: memoryview) -> Feature | None:
    """Returns a Feature's bytes_list or int64_list; None for a float_list."""
    for kind, values in _fields(feature):
        if not isinstance(values, memoryview):
            continue
        if kind == 1:
            return [bytes(value) for field, value in _fields(values) if field == 1 and isinstance(value, memoryview)]
        if kind == 3:
            numbers: list[int] = []
            for field, value in _fields(values):
                if field == 1:
                    numbers += [_signed(value)] if isinstance(value, int) else _packed(value)
            return numbers
    return None


def _packed(data: memoryview) -> list[int]:
    numbers, at = [], 0
    while at < len(data):
        number, at = _varint(data, at)
        numbers.append(_signed(number))
    return numbers


def _signed(number: int) -> int:
    return number - (1 << 64) if number >> 63 else number


def _fields(data: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Yields a message's fields in order: their numbers with an integer or with the bytes of what they hold."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        kind = key & 7
        if kind == _VARINT:
            number, at = _varint(data, at)
            yield key >> 3, number
            continue
        if kind == _LENGTH:
            size, at = _varint(data, at)
        elif kind in (_FIXED64, _FIXED32):
            size = 8 if kind == _FIXED64 else 4
        else:
            raise BadRecordError("is no tf.train.Example")
        if at + size > len(data):
            raise BadRecordError("is no whole tf.train.Example")
        yield key >> 3, data[at : at + size]
        at += size


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    number = 0
    for place in range(10):
        if at >= len(data):
            raise BadRecordError("is no whole tf.train.Example")
        byte = data[at]
        at += 1
        number |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            return number & 0xFFFFFFFFFFFFFFFF, at
    raise BadRecordError("is no tf.train.Example")
