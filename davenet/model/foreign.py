"""What published checkpoints look like: DAVEnet-pytorch, ResDAVEnet-VQ and AVLnet, by key and shape, in our names.

Only facts of these programs (BSD 3-Clause) stand here: their layers' names and what their code does with them.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from torch import Tensor

from davenet.errors import UserError
from davenet.model.config import AudioBranch, ImageBranch
from davenet.model.pretrained import PUBLISHED
from davenet.model.similarity import Similarity
from davenet.model.state_dicts import bare_name

Program = Literal["DAVEnet-pytorch", "ResDAVEnet-VQ", "AVLnet"]

SIMILARITY: dict[Program, Similarity] = {"DAVEnet-pytorch": "misa", "ResDAVEnet-VQ": "sisa", "AVLnet": "sisa"}
_SPECTROGRAM = (
    "Their spectrograms have a symmetric Hamming window and mirror the sound at its ends; ours differ from them by 0.02 dB "
    "on average and 0.25 dB at most on real speech, and by up to 10 dB in the first and the last 30 ms."
)
_PADDING = (
    "Their code pads spectrograms with 0 dB, the loudest value, and lets its convolutions look into that; here padding is "
    "masked after each layer, so that the last steps of a map differ from theirs."
)
_PICTURES = "Their pictures are resized by Pillow's bilinear filter, ours by area (or bilinear, where they grow)."
DIFFERENCES: dict[Program, tuple[str, ...]] = {
    "DAVEnet-pytorch": (
        _SPECTROGRAM,
        _PADDING + " The statistics of its first batch normalisation were taken over that padding too.",
        _PICTURES,
        "The files do not say which similarity they were trained with; MISA, their program's default, is assumed.",
    ),
    "ResDAVEnet-VQ": (
        _SPECTROGRAM,
        _PADDING,
        _PICTURES,
        "Their similarity is the dot product of mean-pooled maps, which is SISA here.",
    ),
    "AVLnet": (
        _SPECTROGRAM,
        _PADDING,
        "AVLnet compares pooled and gated segments with features of whole video clips (ResNet-152 and ResNeXt-101, taken "
        "beforehand): neither the gates nor the clips have a place in a matchmap, and the image branch has to be trained.",
    ),
}
QUANTISER = "a quantiser: the maps here are not quantised, though the layers after it were trained on quantised ones"
_NEVER_APPLIED = "their program makes this layer and never applies it"
_AVLNET_REST = {
    "DAVEnet_projection.": "projects the pooled segment, after the map",
    "GU_audio_text.": "fuses the pooled segment with text",
    "GU_audio.": "gates the pooled segment, after the map",
    "GU_video.": "takes features of another network, not pictures",
    "GU_text_captions.": "belongs to the text branch",
    "text_pooling_caption.": "belongs to the text branch",
    "nat_DAVEnet_projection.": "belongs to the branch for natural sounds",
    "nat_DAVEnet.": "belongs to the branch for natural sounds",
    "nat_GU_audio.": "belongs to the branch for natural sounds",
}


@dataclass(frozen=True, slots=True)
class Half:
    """One branch as a file holds it: `renamed` gives the file's keys our names within the branch, `dropped` reasons."""

    path: Path
    program: Program
    side: Literal["image", "audio"]
    branch: ImageBranch | AudioBranch
    embedding: int
    widths: tuple[int, ...]  # of ResDAVEnet's audio branch before D
    tensors: Mapping[str, Tensor]  # by the file's own keys
    renamed: Mapping[str, str]
    dropped: Mapping[str, str]


def recognised(path: Path, tensors: Mapping[str, Tensor]) -> Half:
    """Returns which branch of which program a file holds; raises UserError where it is none of these."""
    shapes = {bare_name(name): tuple(value.shape) for name, value in tensors.items()}
    if any(name.startswith("DAVEnet.") for name in shapes):
        return _half(path, tensors, "AVLnet", "audio", "resdavenet", _avlnet_name, prefix="DAVEnet.")
    first = shapes.get("conv1.weight", ())
    if "image_model.0.weight" in shapes:
        return _half(path, tensors, "DAVEnet-pytorch", "image", "vgg16", _vgg16_name)
    if first[1:] == (3, 7, 7) and "layer1.0.conv3.weight" in shapes and "embedder.weight" in shapes:
        return _half(path, tensors, "ResDAVEnet-VQ", "image", "resnet50", _resnet50_name)
    if first[1:2] == (1,) and "layer1.0.conv1.weight" in shapes:
        return _half(path, tensors, "ResDAVEnet-VQ", "audio", "resdavenet", _resdavenet_name)
    if first[1:2] == (1,) and "conv5.weight" in shapes:
        return _half(path, tensors, "DAVEnet-pytorch", "audio", "davenet", _davenet_name)
    raise UserError(_what_else(path, shapes))


_Rename = Callable[[str], str]
_LAST = {"vgg16": "image_model.30", "resnet50": "embedder", "davenet": "conv5", "resdavenet": "layer4.1.conv2"}


def _half(
    path: Path,
    tensors: Mapping[str, Tensor],
    program: Program,
    side: Literal["image", "audio"],
    branch: ImageBranch | AudioBranch,
    rename: _Rename,
    *,
    prefix: str = "",
) -> Half:
    """Sorts a file's keys: `rename` gives our name, or raises LookupError with the reason why a key is dropped."""
    renamed, dropped = {}, {}
    for key in tensors:
        try:
            renamed[key] = rename(bare_name(key))
        except LookupError as reason:
            dropped[key] = str(reason.args[0])
    by_name = {bare_name(key).removeprefix(prefix): value for key, value in tensors.items()}
    last = by_name.get(f"{_LAST[branch]}.weight")
    if last is None:
        raise UserError(
            f"{path} is of {program} but lacks {prefix}{_LAST[branch]}.weight, its last layer; copy it again."
        )
    widths: tuple[int, ...] = ()
    if branch == "resdavenet":
        names = ("conv1.weight", *(f"layer{stage}.1.conv2.weight" for stage in (1, 2, 3)))
        widths = tuple(by_name[name].shape[0] for name in names if name in by_name)
    return Half(path, program, side, branch, last.shape[0], widths, tensors, renamed, dropped)


def _davenet_name(name: str) -> str:
    layer, _, kind = name.rpartition(".")
    if layer == "batchnorm1":
        return f"norm.{kind}"
    if layer == "conv1":
        return f"spectral.{kind}"
    found = re.fullmatch(r"conv([2-5])", layer)
    return f"temporal.{int(found[1]) - 2}.{kind}" if found else name


def _vgg16_name(name: str) -> str:
    found = re.fullmatch(r"image_model\.(\d+)\.(\w+)", name)
    if found is None:
        return name
    return f"embedder.{found[2]}" if found[1] == "30" else f"features.{found[1]}.{found[2]}"


def _resnet50_name(name: str) -> str:
    return name


def _resdavenet_name(name: str) -> str:
    if re.match(r"quant\d\.", name):
        raise LookupError(QUANTISER)
    if name.startswith("batchnorm1."):
        raise LookupError(_NEVER_APPLIED)
    return name


def _avlnet_name(name: str) -> str:
    for start, reason in _AVLNET_REST.items():
        if name.startswith(start):
            raise LookupError(reason)
    return _resdavenet_name(name.removeprefix("DAVEnet."))


def _what_else(path: Path, shapes: Mapping[str, tuple[int, ...]]) -> str:
    """Returns the sentence for a file that is of none of the programs, with what to do with the likely ones."""
    if any(name.startswith(("audio_branch.", "image_branch.")) for name in shapes):
        return f"{path} is a checkpoint of this program already; use it as it is."
    if "features.0.weight" in shapes or "features.0.0.weight" in shapes or "fc.weight" in shapes:
        known = " and ".join(PUBLISHED)
        return (
            f"{path} holds an image network's own weights ({known} can be used); give it to a training with "
            "--image-weights instead."
        )
    return (
        f"{path} is of none of the programs that can be converted (DAVEnet-pytorch, ResDAVEnet-VQ, AVLnet): it begins "
        f"with {next(iter(shapes))}."
    )
