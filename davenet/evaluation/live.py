"""The warm job behind live matchmaps: it keeps a checkpoint loaded and computes from the playhead onwards.

Requests (davenet.live) come as lines of standard input. The maps are computed in stretches, the one at the playhead first,
those behind it last; each is written whole, so that what was computed is never computed again. The image maps of the
newest frames are kept: another mode of the same frames needs only their product with another sound.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from davenet import events
from davenet.errors import UserError
from davenet.evaluation.heard import heard_in_passing, segment_of, sound_between, sound_map, span_of
from davenet.evaluation.matchmaps import BATCH
from davenet.files import content_hash
from davenet.jobs import ShouldStop, inbox, started
from davenet.live import (
    SOUND_STEP_S,
    STRETCH_S,
    Fit,
    Mode,
    Playhead,
    Request,
    Rest,
    Show,
    from_line,
    read_arrays,
    sound_path,
    stretch_path,
    write_arrays,
)
from davenet.look import letterbox_crop
from davenet.media.frames import FrameReader
from davenet.media.log_mel import absolute_log_mel
from davenet.media.probe import MediaInfo, probe
from davenet.media.sound import read_sound
from davenet.model.checkpoint import chosen_device, load_checkpoint
from davenet.model.config import STEPS_A_SECOND, ModelConfig
from davenet.model.davenet import DAVEnet, normalised
from davenet.model.dense import DenseAudio
from davenet.model.similarity import pool_image
from davenet.specs import LiveSpec
from davenet.training.dataset import evaluation_crop, padded

RATES = (24.0, 12.0, 8.0, 6.0, 4.0, 3.0, 2.0, 1.0)  # maps a second, of which the quickest that holds is taken
_HELD_SHARE = 0.7  # of the time between maps that their computing may take, beside playing
_KEPT_BYTES = 512 << 20  # of image maps
_MOMENT_S = 0.16  # one step of the audio map
_POLL_S = 0.2


def serve(spec: LiveSpec, emit: events.Emit, stop: ShouldStop) -> dict[str, Any]:
    """Answers requests until it is asked to stop; returns how many maps it computed."""
    device = chosen_device(spec.device)
    torch.set_num_threads(max(1, torch.get_num_threads() - 1))  # the window that plays meanwhile keeps a core
    model, _ = load_checkpoint(spec.checkpoint, device=device)
    emit(started("live", None, "maps"))
    live = Live(model, spec.cache_dir / content_hash(spec.checkpoint), device=device, emit=emit, stop=stop)
    live.run(inbox())
    return {"maps": live.n_computed}


class Live:
    """One model and the video that is shown with it."""

    def __init__(
        self, model: DAVEnet, folder: Path, *, device: torch.device, emit: events.Emit, stop: ShouldStop
    ) -> None:
        self.folder = folder
        self.n_computed = 0
        self._model, self._device, self._emit, self._stop = model, device, emit, stop
        self._dense = DenseAudio(model)
        self._kept: OrderedDict[tuple[str, int, Fit], Tensor] = OrderedDict()  # (D, H, W) float16; int: milliseconds
        self._kept_bytes = 0
        self._video: _Video | None = None
        self._show: Show | None = None
        self._time_s = 0.0
        self._seconds_a_map = 0.0
        self._failed: set[str] = set()
        self._whole: set[Path] = set()

    def run(self, requests: "SimpleQueue[str]") -> None:
        """Computes what is asked for, a stretch at a time; raises nothing for what is wrong with a video: it is told."""
        while not self._stop():
            self._take(requests, wait=self._next_stretch() is None)
            index = self._next_stretch()
            if index is None or self._show is None or self._video is None:
                continue
            shown = self._show
            try:
                self._compute(index, shown, lambda shown=shown: self._is_over(requests, shown))  # type: ignore[misc]
            except UserError as error:
                self._fail(shown, error)
        if self._video is not None:
            self._video.close()

    def complete(self, show: Show, start_s: float, end_s: float, progress: Callable[[float], None]) -> None:
        """Computes what is missing of a part of a video, for the renderer; raises UserError, or events.Stop when asked."""
        self._video, self._show = _Video(show.video_uid, Path(show.path)), show
        try:
            for index in range(int(start_s // STRETCH_S), min(self._video.n_stretches, int(end_s // STRETCH_S) + 1)):
                if not self._is_there(stretch_path(self.folder, show.mode.key, show.video_uid, index)):
                    self._compute(index, show, self._stop)
                if self._stop():
                    raise events.Stop
                progress(min(end_s, (index + 1) * STRETCH_S))
        finally:
            self._video.close()
            self._video = None

    # -- requests --------------------------------------------------------------------------------------------------

    def _take(self, requests: "SimpleQueue[str]", *, wait: bool) -> None:
        try:
            line = requests.get(timeout=_POLL_S) if wait else requests.get_nowait()
        except Empty:
            return
        while True:
            request = from_line(line)
            if request is not None:
                self._answer(request)
            try:
                line = requests.get_nowait()
            except Empty:
                return

    def _answer(self, request: Request) -> None:
        match request:
            case Playhead(time_s):
                self._time_s = time_s
            case Rest():
                self._show = None
            case Show():
                self._show, self._time_s = request, request.time_s
                self._failed.discard(request.video_uid + request.mode.key)
                if self._video is None or self._video.uid != request.video_uid:
                    self._open(request)
                elif self._video is not None:
                    self._tell_ready(request)

    def _open(self, request: Show) -> None:
        if self._video is not None:
            self._video.close()
            self._video = None
        try:
            self._video = _Video(request.video_uid, Path(request.path))
            self._write_sound(self._video)
            self._tell_ready(request)
        except UserError as error:
            self._fail(request, error)

    def _tell_ready(self, request: Show) -> None:
        assert self._video is not None
        rate = self._rate()
        info, config = self._video.info, self._model.config
        values = {"maps_a_second": rate, "duration_s": info.duration_s, "stretches": self._video.n_stretches}
        size = (info.width, info.height)
        seen = config.crop_of(*size) if request.mode.fit == "crop" else letterbox_crop(*size)
        crop = dict(zip(("x0", "y0", "x1", "y1"), seen, strict=True))
        self._emit(events.Ready(request.video_uid, request.mode.key, -1, {**values, **crop}))

    def _fail(self, request: Show, error: UserError) -> None:
        self._failed.add(request.video_uid + request.mode.key)
        self._emit(events.Skipped(f"{request.video_uid}/{request.mode.key}", str(error)))

    def _is_over(self, requests: "SimpleQueue[str]", shown: Show) -> bool:
        """Looks for requests between batches; True where the stretch being computed is no longer what is asked for."""
        self._take(requests, wait=False)
        return self._stop() or self._show is not shown

    # -- what is computed ------------------------------------------------------------------------------------------

    def _next_stretch(self) -> int | None:
        """Returns the first stretch from the playhead on that is not there, then of those before it."""
        if self._show is None or self._video is None or self._show.video_uid + self._show.mode.key in self._failed:
            return None
        first = min(int(self._time_s // STRETCH_S), self._video.n_stretches - 1)
        index: int
        for index in (*range(first, self._video.n_stretches), *range(first)):
            if not self._is_there(stretch_path(self.folder, self._show.mode.key, self._video.uid, index)):
                return index
        return None

    def _is_there(self, path: Path) -> bool:
        """Whether a stretch lies whole in the cache; each is read once, as a damaged one is computed again."""
        if path not in self._whole and path.exists() and read_arrays(path) is not None:
            self._whole.add(path)
        return path in self._whole

    def _compute(self, index: int, shown: Show, is_over: Callable[[], bool]) -> None:
        video = self._video
        assert video is not None
        rate = self._rate()
        start_s, end_s = index * STRETCH_S, min((index + 1) * STRETCH_S, video.info.duration_s)
        times_s = start_s + np.arange(max(1, int(np.ceil((end_s - start_s) * rate - 1e-6)))) / rate
        sounds = self._sounds(video, shown.mode, times_s)
        maps: list[NDArray[np.float16]] = []
        embeddings: list[NDArray[np.float16]] = []
        for image_BDHW, sound in self._batches(video, times_s, sounds, shown.mode.fit):
            if is_over():
                return
            maps.append(_maps(image_BDHW.float(), sound, shown.mode.reduction).cpu().numpy().astype(np.float16))
            embeddings.append(pool_image(image_BDHW.float()).cpu().numpy().astype(np.float16))
        if shown.mode.fit == "crop":  # the curves are of the frames as in training
            write_arrays(
                stretch_path(self.folder, "frames", video.uid, index),
                {"embeddings": np.concatenate(embeddings), "times_s": times_s},
            )
        write_arrays(
            stretch_path(self.folder, shown.mode.key, video.uid, index),
            {"maps": np.concatenate(maps), "times_s": times_s},
        )
        self.n_computed += len(times_s)
        self._emit(events.Ready(video.uid, shown.mode.key, index, {"maps_a_second": rate}))

    def _batches(
        self, video: "_Video", times_s: NDArray[np.float64], sounds: list[Tensor], fit: Fit
    ) -> Iterator[tuple[Tensor, list[Tensor]]]:
        """Yields image maps (B, D, H, W) of some moments at a time with the sounds of each, (D) or (D, T)."""
        size = BATCH[self._model.config.image_branch]
        for first in range(0, len(times_s), size):
            some = times_s[first : first + size]
            yield torch.stack(self._image_maps(video, some, fit)), sounds[first : first + size]

    def _image_maps(self, video: "_Video", times_s: NDArray[np.float64], fit: Fit = "crop") -> list[Tensor]:
        keys = [(video.uid, round(float(time_s) * 1000), fit) for time_s in times_s]
        missing = [at for at, key in enumerate(keys) if key not in self._kept]
        if missing:
            seen = evaluation_crop if fit == "crop" else _letterboxed
            pictures = [seen(video.reader.frame_at(float(times_s[at]))[1], self._model.config) for at in missing]
            begun = time.perf_counter()
            with torch.no_grad():
                found_BDHW = self._model.image_map(normalised(torch.from_numpy(np.stack(pictures)).to(self._device)))
                found_BDHW = found_BDHW.to(torch.float16)
            if self._device.type == "cuda":
                torch.cuda.synchronize()
            self._seconds_a_map = (time.perf_counter() - begun) / len(missing)
            for at, image_DHW in zip(missing, found_BDHW, strict=True):
                self._keep(keys[at], image_DHW)
        return [self._use(key) for key in keys]

    def _keep(self, key: tuple[str, int, Fit], image_DHW: Tensor) -> None:
        self._kept[key] = image_DHW.clone()
        self._kept_bytes += image_DHW.numel() * 2
        while self._kept_bytes > _KEPT_BYTES and len(self._kept) > max(BATCH.values()):
            _, dropped = self._kept.popitem(last=False)
            self._kept_bytes -= dropped.numel() * 2

    def _use(self, key: tuple[str, int, Fit]) -> Tensor:
        self._kept.move_to_end(key)
        return self._kept[key]

    def _rate(self) -> float:
        """Returns the maps a second that this machine holds while it plays; measured on the video's first pictures."""
        video = self._video
        assert video is not None
        if self._seconds_a_map == 0:
            self._image_maps(video, np.array([0.0]))  # the first is slower than the others
            self._image_maps(video, np.arange(1, 1 + BATCH[self._model.config.image_branch], dtype=np.float64) * 0.04)
        most = max(1.0, video.info.frame_rate or RATES[0])
        held = [rate for rate in RATES if rate <= most and rate * self._seconds_a_map <= _HELD_SHARE]
        if video.rate is None:
            video.rate = held[0] if held else RATES[-1]
        return video.rate

    # -- sound -----------------------------------------------------------------------------------------------------

    def _sounds(self, video: "_Video", mode: Mode, times_s: NDArray[np.float64]) -> list[Tensor]:
        """Returns what each moment's frame is compared with: (D) for the mean over time, (D, T) for the maximum."""
        if mode.is_one_sound:
            return [self._one_sound(video, mode)] * len(times_s)
        if mode.kind == "around" and mode.reduction == "mean":
            spans = [span_of(len(video.log_mel), float(time_s), mode.segment_s) for time_s in times_s]
            with torch.no_grad():
                return [sound_D for chunk in heard_in_passing(self._dense, video.log_mel, spans) for sound_D in chunk]
        width_s = mode.segment_s if mode.kind == "around" else _MOMENT_S
        low_s = max(0.0, float(times_s[0]) - width_s)
        columns_DT = sound_map(
            self._dense, video.log_mel, segment_s=mode.segment_s, start_s=low_s, end_s=float(times_s[-1]) + width_s
        )
        if columns_DT.shape[1] == 0:  # the picture outlasts the sound
            columns_DT = self._silence()
        around = [(float(time_s) - low_s - width_s / 2, float(time_s) - low_s + width_s / 2) for time_s in times_s]
        if mode.reduction == "mean":
            return [sound_between(columns_DT, max(0.0, start), max(0.0, end)) for start, end in around]
        return [self._columns(columns_DT, start, end) for start, end in around]

    def _one_sound(self, video: "_Video", mode: Mode) -> Tensor:
        if mode.kind == "query":
            log_mel_TM = np.asarray(absolute_log_mel(read_sound(Path(mode.path))), np.float32)
            first, last = 0, len(log_mel_TM)
        else:
            log_mel_TM = video.log_mel
            first, last = round(mode.start_s * STEPS_A_SECOND), round(mode.end_s * STEPS_A_SECOND)
        first, last = max(0, first), min(len(log_mel_TM), max(last, first + 1))
        if first >= last:
            raise UserError(f"{video.info.path} has no sound there; choose another part of it.")
        log_mel_BMT, n_steps_B = padded([segment_of(log_mel_TM, (first, last))])
        with torch.no_grad():
            audio_BDT = self._model.audio_map(log_mel_BMT.to(self._device), n_steps_B.to(self._device))
        audio_DT = audio_BDT[0, :, : int(self._model.audio_steps_B(n_steps_B)[0])]
        return audio_DT.mean(dim=1) if mode.reduction == "mean" else audio_DT

    def _columns(self, columns_DT: Tensor, start_s: float, end_s: float) -> Tensor:
        first = min(max(0, round(start_s * STEPS_A_SECOND)), columns_DT.shape[1] - 1)
        last = max(first + 1, round(end_s * STEPS_A_SECOND))
        return columns_DT[:, first : last : self._dense.step]

    def _silence(self) -> Tensor:
        log_mel_BMT, n_steps_B = padded([segment_of(np.zeros((0, 40), np.float32), (0, 0))])
        with torch.no_grad():
            return self._model.audio_map(log_mel_BMT.to(self._device), n_steps_B.to(self._device))[0]

    def _write_sound(self, video: "_Video") -> None:
        """Writes the embedding of the two seconds around each moment of the sound, for the curves of similarity."""
        path = sound_path(self.folder, video.uid)
        if path.exists():
            return
        times_s = np.arange(0.0, max(len(video.log_mel) / STEPS_A_SECOND, SOUND_STEP_S), SOUND_STEP_S)
        spans = [span_of(len(video.log_mel), float(time_s), 2.0) for time_s in times_s]
        with torch.no_grad():
            parts = [chunk.cpu().numpy() for chunk in heard_in_passing(self._dense, video.log_mel, spans)]
        write_arrays(path, {"embeddings": np.concatenate(parts).astype(np.float16), "times_s": times_s})


class _Video:
    """The open video: its frames by time, its sound as a whole."""

    def __init__(self, uid: str, path: Path) -> None:
        self.uid = uid
        self.info: MediaInfo = probe(path)
        self.log_mel = np.asarray(absolute_log_mel(read_sound(path)), np.float32)
        self.reader = FrameReader(path)
        self.rate: float | None = None

    @property
    def n_stretches(self) -> int:
        return max(1, int(np.ceil(self.info.duration_s / STRETCH_S - 1e-9)))

    def close(self) -> None:
        self.reader.close()


def _letterboxed(frame_rgb: NDArray[np.uint8], config: ModelConfig) -> NDArray[np.uint8]:
    """Returns the whole frame (S, S, 3) in the middle of a black square."""
    height, width = frame_rgb.shape[:2]
    side = config.image_size
    rows, columns = max(1, round(side * height / max(width, height))), max(1, round(side * width / max(width, height)))
    square = np.zeros((side, side, 3), np.uint8)
    top, left = (side - rows) // 2, (side - columns) // 2
    square[top : top + rows, left : left + columns] = cv2.resize(
        frame_rgb, (columns, rows), interpolation=cv2.INTER_AREA if width > columns else cv2.INTER_LINEAR
    )
    return square


def _maps(image_BDHW: Tensor, sounds: list[Tensor], reduction: str) -> Tensor:
    """Returns (B, H, W): each image map with its sound, by the mean or the maximum over the sound's time."""
    image_BDP = image_BDHW.flatten(2)
    if reduction == "mean":
        found_BP = torch.bmm(torch.stack(sounds).float().unsqueeze(1), image_BDP).squeeze(1)
    else:
        found_BP = torch.stack(
            [(sound_DT.float().T @ image_DP).amax(dim=0) for sound_DT, image_DP in zip(sounds, image_BDP, strict=True)]
        )
    return found_BP.view(-1, *image_BDHW.shape[2:])
