"""What a frozen image branch makes of the training frames, computed once and kept on disk in float16 (`freeze_image`).

One safetensors file a video: `maps` (float16, n × D × H × W; for SISA only the embeddings, n × D × 1 × 1, since the mean
is all that it uses), `frames` (int64, n: indices in the clip file) and `checksums` (int64, n). They lie in a folder named for
the image branch's weights and its crop, so that another checkpoint never meets them; each file names its clip as well.
Shapes: B batch, D embedding, H W map height and width.
"""

import hashlib
import json
import shutil
import struct
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from davenet import events
from davenet.clips import Clip
from davenet.errors import UserError, one_line
from davenet.files import atomic_path, remove_dead_parts
from davenet.jobs import ShouldStop
from davenet.model.davenet import DAVEnet, normalised
from davenet.pairs import Pair
from davenet.training.dataset import Loss, PairReader, evaluation_crop
from davenet.training.presets import TrainConfig

FORMAT = "matchmap-annotator image maps"
VERSION = 1
_BATCH = {"cpu": 8, "cuda": 64}
_HEADER = 1024  # bytes, the same in every file: it is written when the number of rows is known


def freeze_image_branch(model: DAVEnet) -> None:
    """Takes the image branch out of training; called again after each `model.train()`, which wakes its batch norms."""
    model.image_branch.eval().requires_grad_(False)


class ImageMaps:
    """The cached maps of a model's image branch over the evaluation crop; `batch` stands in for `model.image_map`."""

    def __init__(self, folder: Path, model: DAVEnet, config: TrainConfig) -> None:
        """`config` decides whether whole maps are kept or, where SISA is all that they meet, their means."""
        self._model = model
        self._pooled = config.similarity == "sisa" and not config.anchor_epochs  # anchors look for the best place
        size = 1 if self._pooled else model.config.map_size
        self._shape = (model.config.embedding, size, size)
        self.folder = folder / f"{_branch_hash(model)}-{'embeddings' if self._pooled else 'maps'}"
        self._stored: dict[str, _Stored] = {}  # by video
        self._rows: dict[str, int] = {}  # pair uid -> row in its video's file

    @property
    def bytes_a_frame(self) -> int:
        return 2 * int(np.prod(self._shape))

    def prepare(
        self,
        reader: PairReader,
        pairs: Sequence[Pair],
        device: torch.device,
        emit: events.Emit,
        stop: ShouldStop,
    ) -> list[Loss]:
        """Computes the maps that are missing, video by video, and returns the pairs whose frame cannot be read.

        What was computed stays when it is stopped (events.Stop), whole files when it is killed. A file that is damaged, or
        belongs to a clip that was extracted anew, is written again. Raises UserError when the disk has no room.
        """
        remove_dead_parts(self.folder)
        lost: list[Loss] = []
        todo: list[_Work] = []
        n_frames = 0
        for video_uid, of_video in _by_video(pairs).items():
            if stop():
                raise events.Stop
            try:
                clip = reader.clip(video_uid)
                frame_of = {pair.uid: clip.nearest_frame(pair.time_s) for pair in of_video}
            except UserError as error:
                lost += [Loss(pair, one_line(error)) for pair in of_video]
                continue
            wanted = sorted(set(frame_of.values()))
            n_frames += len(wanted)
            known = self._known(video_uid, clip, emit)
            todo.append(_Work(video_uid, of_video, frame_of, [f for f in wanted if f not in known], known))
        n_missing = sum(len(work.missing) for work in todo)
        self._announce(n_frames, n_missing, emit)
        done = 0

        def advance(n_new: int) -> bool:
            nonlocal done
            done += n_new
            emit(events.Progress(done, n_missing, "frames", "looking at each picture once"))
            return not stop()

        for work in todo:
            if work.missing and not self._write(work, reader.clip(work.video_uid), device, advance):
                raise events.Stop
            lost += self._take_rows(work)
        return lost

    def batch(self, pairs: Sequence[Pair]) -> Tensor:
        """Returns float32 (B, D, H, W), (B, D, 1, 1) for SISA, on the CPU; every pair went through `prepare`, unlost.

        Raises UserError where a file was changed since.
        """
        image_BDHW = np.empty((len(pairs), *self._shape), np.float16)
        for place, pair in enumerate(pairs):
            stored = self._stored[pair.video_uid]
            try:
                stored.read_row(self._rows[pair.uid], image_BDHW[place])
            except (OSError, ValueError) as error:
                raise UserError(
                    f"{stored.path} was changed while it was in use ({one_line(error)}); start again, and it is made anew."
                ) from error
        return torch.from_numpy(image_BDHW).float()

    def _path(self, video_uid: str) -> Path:
        return self.folder / f"{video_uid}.safetensors"

    def _known(self, video_uid: str, clip: Clip, emit: events.Emit) -> dict[int, int]:
        """Returns frame -> row of what is on disk and right; nothing of a file that is damaged or of another clip."""
        path = self._path(video_uid)
        if not path.is_file():
            return {}
        try:
            stored = _Stored(path, self._shape)
            if stored.clip_hash != _clip_hash(clip):
                return {}
            map_DHW = np.empty(self._shape, np.float16)
            for row, checksum in enumerate(stored.checksums):
                stored.read_row(row, map_DHW)
                if zlib.crc32(map_DHW.tobytes()) != checksum:
                    raise ValueError("not what was written")
        except (OSError, ValueError, KeyError, TypeError, struct.error) as error:
            emit(events.Message(f"{path} is damaged ({one_line(error)}) and is computed again.", "warning"))
            return {}
        return {int(frame): row for row, frame in enumerate(stored.frames)}

    def _announce(self, n_frames: int, n_missing: int, emit: events.Emit) -> None:
        kept = f"D × H × W × 2 = {self.bytes_a_frame:,} bytes each"
        size = f"{n_frames:,} frames × {kept}: {_megabytes(n_frames * self.bytes_a_frame)} in {self.folder}"
        emit(events.Message(f"Image maps of {size}; {n_missing:,} are to be computed."))
        if not n_missing:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(self.folder).free
        needed = n_missing * self.bytes_a_frame
        if needed > free:
            raise UserError(
                f"The image maps need {_megabytes(needed)} and {self.folder} has {_megabytes(free)} left; free some space, "
                "train on fewer pairs, or do not freeze the image branch."
            )

    def _write(self, work: "_Work", clip: Clip, device: torch.device, advance: Callable[[int], bool]) -> bool:
        """Writes a video's file, known rows copied and missing ones computed; stops when `advance(how many)` is false.

        Returns whether it went on to the end; the file holds what was computed in any case.
        """
        goes_on = True
        path = self._path(work.video_uid)
        rows = [(frame, 0) for frame in work.known]  # frame and checksum of each
        with atomic_path(path) as temporary, open(temporary, "wb") as out:
            out.write(bytes(_HEADER))  # known when the last row is written
            if work.known:
                old = _Stored(path, self._shape)
                map_DHW = np.empty(self._shape, np.float16)
                for row, frame in enumerate(work.known):
                    old.read_row(row, map_DHW)
                    out.write(map_DHW.tobytes())
                    rows[row] = frame, int(old.checksums[row])
            size = _BATCH.get(device.type, _BATCH["cpu"])
            for start in range(0, len(work.missing), size):
                chosen = work.missing[start : start + size]
                for frame, map_DHW in zip(chosen, self._computed(clip, chosen, device), strict=True):
                    content = map_DHW.tobytes()
                    out.write(content)
                    rows.append((frame, zlib.crc32(content)))
                goes_on = advance(len(chosen))
                if not goes_on:
                    break
            out.write(np.array(rows, "<i8").T.tobytes())
            out.seek(0)
            out.write(_header(len(rows), self._shape, _clip_hash(clip)))
        return goes_on

    def _computed(self, clip: Clip, frames: list[int], device: torch.device) -> NDArray[np.float16]:
        """Returns (n, D, H, W): no numbers where a frame cannot be read."""
        found = np.full((len(frames), *self._shape), np.nan, np.float16)
        pictures: list[NDArray[np.uint8]] = []
        places: list[int] = []
        for place, frame in enumerate(frames):
            try:
                pictures.append(evaluation_crop(clip.frame_rgb(frame), self._model.config))
                places.append(place)
            except (UserError, IndexError, ValueError, cv2.error):
                continue  # `_take_rows` names its pairs
        if not pictures:
            return found
        was_training = self._model.image_branch.training
        self._model.image_branch.eval()
        with torch.no_grad():
            image_BHW3 = torch.from_numpy(np.stack(pictures)).to(device)
            image_BDHW = self._model.image_map(normalised(image_BHW3))
            if self._pooled:
                image_BDHW = image_BDHW.mean(dim=(2, 3), keepdim=True)
        self._model.image_branch.train(was_training)
        computed: NDArray[np.float16] = image_BDHW.to(torch.float16).cpu().numpy()
        if not np.isfinite(computed).all():
            raise UserError(
                f"The image branch gives values beyond half precision on {clip.path}; start from another checkpoint or do "
                "not freeze it."
            )
        found[places] = computed
        return found

    def _take_rows(self, work: "_Work") -> list[Loss]:
        stored = self._stored[work.video_uid] = _Stored(self._path(work.video_uid), self._shape)
        row_of = {int(frame): row for row, frame in enumerate(stored.frames)}
        nothing = zlib.crc32(np.full(self._shape, np.nan, np.float16).tobytes())
        unreadable = {row for row, checksum in enumerate(stored.checksums) if checksum == nothing}
        lost = []
        for pair in work.pairs:
            row = row_of[work.frame_of[pair.uid]]
            if row in unreadable:
                reason = (
                    f"The frame at {pair.time_s:.1f} s of {pair.video_uid} cannot be read; extract the video again."
                )
                lost.append(Loss(pair, reason))
            else:
                self._rows[pair.uid] = row
        return lost


@dataclass(frozen=True, slots=True)
class _Work:
    """A video's pairs, the frame of each, the frames that have no map yet and the rows of those that have."""

    video_uid: str
    pairs: list[Pair]
    frame_of: dict[str, int]
    missing: list[int]
    known: dict[int, int]


class _Stored:
    """One video's file, of which rows are read; OSError, ValueError, KeyError or TypeError tell that it is damaged.

    It holds no handle and maps nothing, for the reasons that davenet.clips has.
    """

    def __init__(self, path: Path, shape: tuple[int, ...]) -> None:
        self.path = path
        self._row_bytes = 2 * int(np.prod(shape))
        with open(path, "rb") as file:
            header = json.loads(file.read(_HEADER)[8:])
            metadata = header["__metadata__"]
            if metadata["format"] != FORMAT or metadata["version"] != str(VERSION):
                raise ValueError("of another version")
            self.clip_hash: str = metadata["clip"]
            n = int(header["frames"]["shape"][0])
            file.seek(_HEADER + n * self._row_bytes)
            rest = np.frombuffer(file.read(), "<i8")
        if len(rest) != 2 * n:
            raise ValueError("cut short")
        self.frames: NDArray[np.int64] = rest[:n]
        self.checksums: NDArray[np.int64] = rest[n:]

    def read_row(self, row: int, map_DHW: NDArray[np.float16]) -> None:
        with open(self.path, "rb", buffering=0) as file:
            file.seek(_HEADER + row * self._row_bytes)
            if file.readinto(map_DHW.data.cast("B")) != self._row_bytes:
                raise ValueError("cut short")


def _header(n: int, shape: tuple[int, ...], clip_hash: str) -> bytes:
    """Returns the start of a file, its length included, always as long."""
    end = 2 * n * int(np.prod(shape))
    header: dict[str, Any] = {
        "__metadata__": {"format": FORMAT, "version": str(VERSION), "clip": clip_hash},
        "maps": {"dtype": "F16", "shape": [n, *shape], "data_offsets": [0, end]},
        "frames": {"dtype": "I64", "shape": [n], "data_offsets": [end, end + 8 * n]},
        "checksums": {"dtype": "I64", "shape": [n], "data_offsets": [end + 8 * n, end + 16 * n]},
    }
    encoded = json.dumps(header).encode()
    return struct.pack("<Q", _HEADER - 8) + encoded + b" " * (_HEADER - 8 - len(encoded))


def _branch_hash(model: DAVEnet) -> str:
    """Returns 16 hex digits over the image branch's weights and the region and size of the picture that it sees."""
    config = model.config
    digest = hashlib.blake2b(f"{config.image_size} {config.resize}".encode(), digest_size=8)
    for name, value in model.image_branch.state_dict().items():
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
        digest.update(value.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def _clip_hash(clip: Clip) -> str:
    """Returns 16 hex digits over what a clip file says of its source, its frames' times and their JPEGs' sizes."""
    sizes = clip.jpeg_sizes.tolist()
    digest = hashlib.blake2b(json.dumps([clip.metadata, sizes], sort_keys=True).encode(), digest_size=8)
    digest.update(clip.frame_times_s.tobytes())
    return digest.hexdigest()


def _by_video(pairs: Sequence[Pair]) -> dict[str, list[Pair]]:
    grouped: dict[str, list[Pair]] = {}
    for pair in pairs:
        grouped.setdefault(pair.video_uid, []).append(pair)
    return grouped


def _megabytes(n_bytes: int) -> str:
    return f"{n_bytes / 1e6:,.1f} MB"
