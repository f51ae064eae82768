"""ImageNet weights for an image branch: torchvision's published files, from a path, from the cache or from the network.

A published file's name ends in the first 8 hex digits of its SHA-256, which is checked before it is used or kept.
"""

import errno
import hashlib
import os
import re
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path

import platformdirs
import torch
from filelock import FileLock, Timeout

from davenet import events
from davenet.errors import UserError, one_line
from davenet.model.davenet import DAVEnet
from davenet.model.state_dicts import bare_name, read_state_dict

BASE_URL = "https://download.pytorch.org/models/"
PUBLISHED = {  # the first is fetched: the weights of the papers' time; the second does as well where it lies at hand
    "vgg16": ("vgg16-397923af.pth",),
    "resnet50": ("resnet50-0676ba61.pth", "resnet50-11ad3fa6.pth"),
    "mobilenet_v2": ("mobilenet_v2-b0353104.pth", "mobilenet_v2-7ebf99e0.pth"),
}
_CLASSIFIERS = ("classifier.", "fc.")  # a published network's own last layers, which a map has no use for
_CHUNK = 1 << 20  # bytes
_MEBIBYTE = float(1 << 20)
_TRIES = 3
_PATIENCE_S = 30.0


@dataclass(frozen=True, slots=True)
class LoadReport:
    """What became of each tensor of a file of weights, by its name there."""

    path: Path
    used: tuple[str, ...]
    unused: tuple[str, ...]  # the classifier's
    missing: tuple[str, ...]  # counters that older files lack; the branch's embedder is never in a file

    def sentence(self) -> str:
        """Returns the report as one line for a log."""
        left = f", {len(self.unused)} of its classifier not used" if self.unused else ""
        return f"The image branch begins with ImageNet weights: {len(self.used)} tensors of {self.path.name}{left}."


def image_weights(branch: str, file: Path | None, emit: events.Emit, stop: Callable[[], bool] = lambda: False) -> Path:
    """Returns the file of ImageNet weights for an image branch: `file`, or one in the cache, or one fetched now.

    Raises UserError where there is none to be had or a published file is not what its name says; events.Stop when asked
    to stop, and then goes on from there the next time.
    """
    if branch not in PUBLISHED:
        raise UserError(f"There are no ImageNet weights for the {branch} image branch; let it begin at random.")
    if file is not None:
        if not file.is_file():
            raise UserError(f"There is no file {file} with ImageNet weights; check --image-weights.")
        _check(file)
        return file
    folder = cache_folder()
    for name in PUBLISHED[branch]:
        if (folder / name).is_file():
            _check(folder / name)
            return folder / name
    return _fetched(PUBLISHED[branch][0], folder, emit, stop)


def cache_folder() -> Path:
    """Returns where fetched weights are kept: DAVENET_CACHE where that is set, else the user's cache folder."""
    chosen = os.environ.get("DAVENET_CACHE")
    return Path(chosen) if chosen else platformdirs.user_cache_path("davenet", appauthor=False)


def load_image_weights(model: DAVEnet, path: Path) -> LoadReport:
    """Puts a file's ImageNet weights into the model's image branch; its embedder stays as it is.

    Raises UserError where the file holds another network's weights; the model is unchanged then.
    """
    branch = model.config.image_branch
    if branch not in PUBLISHED:
        raise UserError(f"There are no ImageNet weights for the {branch} image branch; let it begin at random.")
    stored = {bare_name(name): value for name, value in read_state_dict(path).items()}
    wanted = {name: v for name, v in model.image_branch.state_dict().items() if not name.startswith("embedder.")}
    unused = tuple(name for name in stored if name.startswith(_CLASSIFIERS))
    foreign = [name for name in stored if name not in wanted and name not in unused]
    missing = tuple(name for name in wanted if name not in stored)
    absent = [name for name in missing if not name.endswith(".num_batches_tracked")]
    misshapen = [name for name in wanted if name in stored and stored[name].shape != wanted[name].shape]
    if foreign or absent or misshapen:
        example = (*misshapen, *absent, *foreign)[0]
        raise UserError(
            f"{path} does not hold the weights of a {branch} ({example} does not fit); choose a file such as "
            f"{PUBLISHED[branch][0]}."
        )
    used = {name: stored[name] for name in wanted if name in stored}
    infinite = [name for name, value in used.items() if not torch.isfinite(value).all()]
    if infinite:
        raise UserError(f"{path} holds values that are no numbers ({infinite[0]}); copy it again.")
    model.image_branch.load_state_dict(used, strict=False)
    return LoadReport(path, tuple(used), unused, missing)


def _fetched(name: str, folder: Path, emit: events.Emit, stop: Callable[[], bool]) -> Path:
    """Fetches a published file into the cache, whole and checked or not at all; what a broken line left is used again."""
    path, part = folder / name, folder / f"{name}.part"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / f"{name}.lock")
        with lock.acquire(timeout=_PATIENCE_S):
            if not path.is_file():  # another process may have fetched it meanwhile
                _fetch(name, part, emit, stop)
                if not _is_as_named(part, name):
                    part.unlink()
                    raise UserError(
                        f"{BASE_URL}{name} sent something else than {name} (its SHA-256 differs); {_by_hand(name, folder)}"
                    )
                part.replace(path)
    except Timeout as error:
        raise UserError(f"Another process is fetching {name}; run this again when it is done.") from error
    except (OSError, HTTPException) as error:  # urllib's URLError is an OSError
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EACCES, errno.EPERM, errno.EROFS):
            raise UserError(
                f"{path} could not be written ({os.strerror(error.errno)}); make room there, or set DAVENET_CACHE to "
                "another folder."
            ) from error
        raise UserError(
            f"{name} could not be fetched from {BASE_URL} ({_reason(error)}); {_by_hand(name, folder)}"
        ) from error
    return path


def _fetch(name: str, part: Path, emit: events.Emit, stop: Callable[[], bool]) -> None:
    """Writes the rest of the file to `part`, in several tries while each brings some of it."""
    emit(events.Message(f"Fetching {name} from {BASE_URL}"))
    for attempt in range(1, _TRIES + 1):
        before = part.stat().st_size if part.is_file() else 0
        try:
            for done, total in _received(name, part):
                emit(events.Progress(done / _MEBIBYTE, total and total / _MEBIBYTE, "MiB", name))
                if stop():
                    raise events.Stop
        except urllib.error.HTTPError:
            raise
        except (OSError, HTTPException):
            brought = part.is_file() and part.stat().st_size > before
            if attempt == _TRIES or not brought:
                raise
        else:
            return


def _received(name: str, part: Path) -> Iterator[tuple[int, int | None]]:
    """Yields (bytes there, bytes in all) while they come in, from the end of `part` on where the server can."""
    there = part.stat().st_size if part.is_file() else 0
    request = urllib.request.Request(BASE_URL + name, headers={"Range": f"bytes={there}-"} if there else {})
    try:
        answer = urllib.request.urlopen(request, timeout=_PATIENCE_S)
    except urllib.error.HTTPError as error:
        if error.code == 416 and there:  # nothing is left to send: what is there is whole, or the hash will tell
            return
        raise
    with answer, open(part, "ab" if answer.status == 206 else "wb") as file:
        there = file.tell()
        length = answer.headers.get("Content-Length")
        total = there + int(length) if length and length.isdigit() else None
        yield there, total
        while chunk := answer.read(_CHUNK):
            file.write(chunk)
            there += len(chunk)
            yield there, total
        file.flush()
        os.fsync(file.fileno())
    if total is not None and there < total:
        raise ConnectionError("the connection was cut off")


def _check(path: Path) -> None:
    """Raises UserError where a file with a published file's name has another content, as after a broken download."""
    published = {name for names in PUBLISHED.values() for name in names}
    if path.name in published and not _is_as_named(path, path.name):
        raise UserError(
            f"{path} is damaged or not what its name says (its SHA-256 differs); remove it, and it is fetched again."
        )


def _is_as_named(path: Path, name: str) -> bool:
    stated = re.search(r"-([0-9a-f]{8})\.pth$", name)
    with open(path, "rb") as file:
        return stated is not None and hashlib.file_digest(file, "sha256").hexdigest().startswith(stated.group(1))


def _by_hand(name: str, folder: Path) -> str:
    return f"run this again with a network, put {name} into {folder}, or give its place with --image-weights FILE."


def _reason(error: OSError | HTTPException) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return f"the server answered {error.code}"
    if isinstance(error, urllib.error.URLError):
        return f"no network: {one_line(error.reason) if isinstance(error.reason, BaseException) else error.reason}"
    return one_line(error)
