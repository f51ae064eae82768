"""Writes YouTube-8M's label records by other programs' code: protobuf's messages, TensorBoard's record writer."""

from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from tensorboard.summary.writer.record_writer import RecordWriter


@cache
def example_class() -> Any:
    """tf.train.Example, made from its published description."""
    file = descriptor_pb2.FileDescriptorProto(name="example.proto", package="tf", syntax="proto3")
    kinds = descriptor_pb2.FieldDescriptorProto

    def message(name: str, *fields: tuple[str, int, int, str, bool]) -> Any:
        made = file.message_type.add(name=name)
        for field, number, kind, type_name, repeated in fields:
            label = kinds.LABEL_REPEATED if repeated else kinds.LABEL_OPTIONAL
            made.field.add(name=field, number=number, type=kind, type_name=type_name or None, label=label)
        return made

    message("BytesList", ("value", 1, kinds.TYPE_BYTES, "", True))
    message("FloatList", ("value", 1, kinds.TYPE_FLOAT, "", True))
    message("Int64List", ("value", 1, kinds.TYPE_INT64, "", True))
    feature = message(
        "Feature",
        ("bytes_list", 1, kinds.TYPE_MESSAGE, ".tf.BytesList", False),
        ("float_list", 2, kinds.TYPE_MESSAGE, ".tf.FloatList", False),
        ("int64_list", 3, kinds.TYPE_MESSAGE, ".tf.Int64List", False),
    )
    feature.oneof_decl.add(name="kind")
    for field in feature.field:
        field.oneof_index = 0
    features = message("Features", ("feature", 1, kinds.TYPE_MESSAGE, ".tf.Features.FeatureEntry", True))
    entry = features.nested_type.add(name="FeatureEntry")
    entry.options.map_entry = True
    entry.field.add(name="key", number=1, type=kinds.TYPE_STRING, label=kinds.LABEL_OPTIONAL)
    entry.field.add(
        name="value", number=2, type=kinds.TYPE_MESSAGE, type_name=".tf.Feature", label=kinds.LABEL_OPTIONAL
    )
    message("Example", ("features", 1, kinds.TYPE_MESSAGE, ".tf.Features", False))
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("tf.Example"))


def example(video_id: str, labels: Iterable[int], *, id_feature: str = "id") -> bytes:
    """A video-level record: its id, its labels and the mean features of picture and sound."""
    made = example_class()()
    features = made.features.feature
    features[id_feature].bytes_list.value.append(video_id.encode())
    features["labels"].int64_list.value.extend(labels)
    features["mean_rgb"].float_list.value.extend([0.25] * 1024)
    features["mean_audio"].float_list.value.extend([-0.5] * 128)
    return bytes(made.SerializeToString())


def write_records(path: Path, records: Iterable[bytes]) -> Path:
    with open(path, "wb") as file:
        writer = RecordWriter(file)
        for record in records:
            writer.write(record)
    return path
