"""Writes tiny ONNX image labellers byte by byte (protocol buffers), so that no test needs a package to build models."""

from collections.abc import Sequence
from pathlib import Path

_FLOAT, _UINT8 = 1, 2


def write_channel_mean_model(
    path: Path,
    shape: Sequence[int | str],
    *,
    probabilities: bool = False,
    softmax: bool = False,
    uint8: bool = False,
    head: bool = False,
    channels_last: bool | None = None,
) -> Path:
    """Writes a model whose three "scores" are the means of the input's three channels, through a sigmoid or softmax if asked.

    `shape` is the input's: (N, 3, H, W) or (N, H, W, 3), with a text where a size is left open. With `head` a second
    output, "head", is the sigmoid of the mean of the whole picture.
    """
    last_axis = shape[1] != 3 if channels_last is None else channels_last
    axes = [1, 2] if last_axis else [2, 3]
    nodes, last = [], "image"
    if uint8:
        nodes.append(_node("Cast", last, "cast", _text(1, "to") + _int(3, _FLOAT) + _int(20, 2)))
        last = "cast"
    attributes = [
        _text(1, "axes") + b"".join(_int(8, axis) for axis in axes) + _int(20, 7),
        _text(1, "keepdims") + _int(3, 0) + _int(20, 2),
    ]
    nodes.append(_node("ReduceMean", last, "means" if probabilities or softmax else "scores", *attributes))
    if probabilities or softmax:
        nodes.append(_node("Sigmoid" if probabilities else "Softmax", "means", "scores"))
    if head:
        whole = [_text(1, "axes") + b"".join(_int(8, axis) for axis in (1, 2, 3)) + _int(20, 7), attributes[1]]
        nodes += [_node("ReduceMean", last, "whole", *whole), _node("Sigmoid", "whole", "head")]
    graph = b"".join(_bytes(1, node) for node in nodes) + _text(2, "graph")
    graph += _bytes(11, _value("image", _UINT8 if uint8 else _FLOAT, shape))
    graph += _bytes(12, _value("scores", _FLOAT, [shape[0], 3]))
    if head:
        graph += _bytes(12, _value("head", _FLOAT, [shape[0]]))
    path.write_bytes(_int(1, 8) + _bytes(7, graph) + _bytes(8, _text(1, "") + _int(2, 13)))
    return path


def _node(kind: str, source: str, target: str, *attributes: bytes) -> bytes:
    return _text(1, source) + _text(2, target) + _text(4, kind) + b"".join(_bytes(5, a) for a in attributes)


def _value(name: str, element: int, shape: Sequence[int | str]) -> bytes:
    sizes = b"".join(_bytes(1, _text(2, size) if isinstance(size, str) else _int(1, size)) for size in shape)
    return _text(1, name) + _bytes(2, _bytes(1, _int(1, element) + _bytes(2, sizes)))


def _varint(value: int) -> bytes:
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def _int(tag: int, value: int) -> bytes:
    return _varint(tag << 3) + _varint(value)


def _bytes(tag: int, value: bytes) -> bytes:
    return _varint(tag << 3 | 2) + _varint(len(value)) + value


def _text(tag: int, value: str) -> bytes:
    return _bytes(tag, value.encode())
