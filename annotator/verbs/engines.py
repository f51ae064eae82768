"""Where a verb's job runs and where its files go: added to the spec that a `plan_` function made."""

from pathlib import Path, PurePosixPath
from typing import Any, Literal, TypeVar

from davenet.errors import UserError
from davenet.specs import DetectSpec, ExtractSpec, TranscribeSpec, VideoRef

T = TypeVar("T", ExtractSpec, TranscribeSpec, DetectSpec)


def on_engine(
    spec: T,
    *,
    engine: str = "local",
    address: str | None = None,
    out: str | None = None,
    fetch: bool = False,
    videos_at: str | None = None,
) -> T:
    """Returns the spec for an engine; `videos_at` is FOLDER=URL: where machines fetch what lies in a folder here.

    Raises UserError for impossible choices.
    """
    if engine not in ("local", "ray"):
        raise UserError(f'There is no engine "{engine}"; choose one of: local, ray.')
    named: Literal["local", "ray"] = "ray" if engine == "ray" else "local"
    for option, value in (("--address", address), ("--videos-at", videos_at)):
        if value and named == "local":
            raise UserError(f"{option} goes with --engine ray.")
    if fetch and (out is None or named == "local"):
        raise UserError("--fetch brings files from --out URL, of --engine ray, into the project; give both.")
    changed: dict[str, Any] = {"engine": named, "address": address, "out": out, "fetch": fetch}
    if videos_at is not None:
        changed["videos"] = _with_urls(list(spec.videos), videos_at)
    return spec.model_copy(update=changed)


def _with_urls(refs: list[VideoRef], videos_at: str) -> list[VideoRef]:
    folder, equals, url = videos_at.partition("=")
    if not folder or not equals or not url:
        raise UserError(f"--videos-at {videos_at}: give FOLDER=URL, e.g. /data/cooking=s3://bucket/cooking.")
    root = Path(folder).expanduser().absolute()
    found = []
    for ref in refs:
        try:
            name = PurePosixPath(*ref.path.relative_to(root).parts)
        except ValueError:
            found.append(ref)  # it lies elsewhere: machines are to see its path
            continue
        found.append(ref.model_copy(update={"url": f"{url.rstrip('/')}/{name}"}))
    if not any(ref.url for ref in found):
        raise UserError(f"No video of the project lies in {root}; correct --videos-at.")
    return found
