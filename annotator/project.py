"""A project folder: its layout, creating and opening it, the one app's lock, what is done for each video."""

import getpass
import json
import os
import socket
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from filelock import FileLock, Timeout

from annotator.project_folder import DATABASE, is_project
from annotator.store import Store, begin_store, move_store, open_store, open_store_to_read
from annotator.store.backups import Backup, check_whole, newest_good, restore
from annotator.store.place import URL_VARIABLE
from annotator.store.records import VideoRecord
from davenet.errors import UserError
from davenet.files import write_text_atomically

_FOLDERS = ("clips", "labels", "runs", "cache")


@dataclass(frozen=True, slots=True)
class VideoState:
    """What is done for one video: which recognisers' words and which detectors' detections lie in its folder."""

    video: VideoRecord
    is_present: bool  # the media file is where it was
    is_extracted: bool
    recognisers: tuple[str, ...]
    detectors: tuple[str, ...]
    n_food_pairs: int
    n_non_food_pairs: int


class Project:
    """An open project. Use as a context manager or call `close`.

    `write_lock` is for the app: of a project whose database is a file only one app may change verdicts. Where another
    has it, or the folder cannot be written to, the project is open for reading only and `read_only_reason` says why.
    """

    def __init__(self, path: Path, store: Store, lock: FileLock | None = None, *, read_only_reason: str = "") -> None:
        self.path = path
        self.store = store
        self.read_only_reason = read_only_reason  # one sentence; "" where it can be written
        self._lock = lock

    @property
    def is_read_only(self) -> bool:
        return bool(self.read_only_reason)

    def require_writable(self) -> None:
        """Raises UserError with the reason where nothing can be written; called before long work that ends so."""
        if self.is_read_only:
            raise UserError(self.read_only_reason)

    @classmethod
    def create(cls, path: Path, *, write_lock: bool = False, database: str | None = None) -> "Project":
        """Makes a project in a new or empty folder; raises UserError where a project or other files lie there.

        `database` is the address of a PostgreSQL database (else ANNOTATOR_DATABASE_URL, else a file in the folder).
        """
        path = path.expanduser().absolute()
        if is_project(path):
            raise UserError(f"{path} already is a project; open it, or choose another folder.")
        if path.exists() and not path.is_dir():
            raise UserError(f"{path} is a file; choose a folder for the project.")
        try:
            if path.is_dir() and any(entry.name not in _FOLDERS for entry in path.iterdir() if entry.name[0] != "."):
                raise UserError(f"{path} is not empty; choose a new or an empty folder for the project.")
            for folder in _FOLDERS:
                (path / folder).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"{path} cannot be made a project ({error.strerror}); choose another folder.") from error
        url = database or os.environ.get(URL_VARIABLE)
        lock = _take_lock(path)[0] if write_lock and not url else None
        try:
            return cls(path, begin_store(path, url), lock)
        except BaseException:
            _release(path, lock)
            raise

    @classmethod
    def open(cls, path: Path, *, write_lock: bool = False) -> "Project":
        """Opens a project, for reading only where it cannot be written to or (with `write_lock`) where another app has it.

        Raises UserError, one sentence each: no such folder, not a project, of a newer version, unreadable; it is a
        DamagedDatabaseError where a backup can take the database's place.
        """
        path = path.expanduser().absolute()
        try:
            if not path.exists():
                raise UserError(f"{path} does not exist; create it with: annotator new {path}")
            if not path.is_dir():
                raise UserError(f"{path} is a file, not a project folder; give the folder that holds {DATABASE}.")
            if not is_project(path):
                raise UserError(f"{path} is not a project (no {DATABASE} in it); create one with: annotator new FOLDER")
        except OSError as error:
            raise UserError(f"{path} cannot be opened ({error.strerror}); change its permissions.") from error
        if not os.access(path, os.R_OK | os.X_OK):
            raise UserError(f"{path} cannot be read; change its permissions or copy the project elsewhere.")
        is_file = (path / DATABASE).exists()
        if is_file and (reason := _not_writable(path)):
            return cls(path, open_store_to_read(path, reason), read_only_reason=reason)
        if not (write_lock and is_file):
            return cls._opened(path, None)
        lock, holder = _take_lock(path)
        if lock is None:
            reason = f"{path} is open in another Matchmap Annotator ({holder}); here it can only be read until that one closes."
            return cls(path, open_store_to_read(path, reason), read_only_reason=reason)
        try:
            check_whole(path / DATABASE)
        except BaseException:
            _release(path, lock)
            raise
        return cls._opened(path, lock)

    @staticmethod
    def restore(path: Path) -> tuple[Backup, Path]:
        """Puts the newest good backup in the database's place; returns it and the folder where the old file is kept.

        Raises UserError where the database is on a server, there is no good backup, or an app has the project open.
        """
        path = path.expanduser().absolute()
        if not (path / DATABASE).exists():
            raise UserError(f"{path} has no {DATABASE} that a backup could replace; give a project's folder.")
        lock, holder = _take_lock(path)
        if lock is None:
            raise UserError(f"{path} is open in another Matchmap Annotator ({holder}); close that one first.")
        try:
            backup = newest_good(path / DATABASE)
            if backup is None:
                raise UserError(f"{path} has no backup that is whole; nothing was changed.")
            return backup, restore(path / DATABASE, backup)
        finally:
            _release(path, lock)

    @classmethod
    def _opened(cls, path: Path, lock: FileLock | None) -> "Project":
        try:
            for folder in _FOLDERS:
                (path / folder).mkdir(exist_ok=True)
            return cls(path, open_store(path), lock)
        except OSError as error:
            _release(path, lock)
            raise UserError(f"{path} cannot be opened ({error.strerror}); change its permissions.") from error
        except BaseException:
            _release(path, lock)
            raise

    @staticmethod
    def move(path: Path, database: str) -> tuple[str, dict[str, int], Path]:
        """Moves a project's database from its file to a server; returns what `move_store` does.

        Raises UserError where it is on a server already or an app has the project open; nothing has changed then.
        """
        path = path.expanduser().absolute()
        with Project.open(path, write_lock=True) as project:
            project.require_writable()
            if project.store.server:
                raise UserError(f"{path} already keeps its database in {project.store.server}; nothing was changed.")
            project.store.close()
            return move_store(path, database)

    def close(self) -> None:
        self.store.close()
        _release(self.path, self._lock)
        self._lock = None

    def __enter__(self) -> "Project":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def clips_dir(self) -> Path:
        return self.path / "clips"

    @property
    def labels_dir(self) -> Path:
        return self.path / "labels"

    @property
    def runs_dir(self) -> Path:
        return self.path / "runs"

    @property
    def datasets_dir(self) -> Path:
        """Where the frozen dataset versions lie; made with the first."""
        return self.path / "datasets"

    @property
    def cache_dir(self) -> Path:
        return self.path / "cache"

    @property
    def mined_pairs_path(self) -> Path:
        return self.cache_dir / "pairs.jsonl"

    def clip_path(self, video_uid: str) -> Path:
        return self.clips_dir / f"{video_uid}.safetensors"

    def proxy_path(self, video_uid: str) -> Path:
        """Where the small, quickly sought copy of a video for playback is kept."""
        return self.cache_dir / "proxies" / f"{video_uid}.mp4"

    def run_dir(self, run_id: str) -> Path:
        return self.runs_dir / run_id

    def checkpoint_path(self, run_id: str) -> Path:
        """Returns the run's best checkpoint, or its last without a best yet; raises UserError where it has none."""
        folder = self.run_dir(self.store.run(run_id).id) / "checkpoints"
        for name in ("best.safetensors", "last.safetensors"):
            if (folder / name).exists():
                return folder / name
        raise UserError(f"Run {run_id} has no checkpoint in {folder}; let it train at least one epoch.")

    def matchmaps_path(self, video_uid: str, checkpoint: Path) -> Path:
        """Where the matchmaps of a video under a checkpoint are kept: by the checkpoint's content, not its name."""
        from davenet.files import content_hash

        return self.cache_dir / "matchmaps" / content_hash(checkpoint) / f"{video_uid}.safetensors"

    def find_video(self, name: str) -> VideoRecord:
        """Returns the video that a person means: by uid, file name, path or title, or the one uid beginning so."""
        videos = self.store.videos()
        exact = [v for v in videos if name in (v.uid, v.title, v.path.name, v.path.stem, str(v.path))]
        found = exact or [v for v in videos if v.uid.startswith(name)]
        if len(found) == 1:
            return found[0]
        if found:
            raise UserError(f"{name} fits several videos: {', '.join(v.uid for v in found[:5])}; give the uid of one.")
        few = ", ".join(v.uid for v in videos[:3])
        raise UserError(f"{self.path} has no video {name}" + (f"; it has {few} …" if few else "; import videos first."))

    def video_states(self) -> list[VideoState]:
        """Returns what is done for each video, in the order of their titles; looks at file names only."""
        numbers = self.store.pair_numbers()
        clips = {entry.stem for entry in self.clips_dir.glob("*.safetensors")}
        return [
            VideoState(
                video,
                video.path.exists(),
                video.uid in clips,
                self._label_sources(video.uid, "words"),
                self._label_sources(video.uid, "detections"),
                *numbers.get(video.uid, (0, 0)),
            )
            for video in self.store.videos()
        ]

    def _label_sources(self, video_uid: str, what: str) -> tuple[str, ...]:
        files = sorted((self.labels_dir / video_uid).glob(f"{what}.*.jsonl"))
        return tuple(file.name[len(what) + 1 : -len(".jsonl")] for file in files)

    @property
    def reviewer(self) -> str:
        """The reviewer's name of this project's app: as set, else the database role on a server, else the account."""
        chosen = self.store.setting(self._reviewer_key)
        return str(chosen) if chosen else self.store.role or account_name()

    def set_reviewer(self, name: str) -> None:
        """Keeps the reviewer's name; on a server it is that of our own role, for others work in the same database."""
        self.store.set_setting(self._reviewer_key, name)

    @property
    def _reviewer_key(self) -> str:
        return f"reviewer of {self.store.role}" if self.store.role else "reviewer"


def account_name() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # an account without a name, as in some containers
        return "reviewer"


def _not_writable(path: Path) -> str:
    """Returns why a project whose database is a file cannot be written to, '' where it can."""
    for place in (path, path / DATABASE):
        if not os.access(place, os.W_OK):
            return f"{place} cannot be written to, so the project can only be read; change its permissions or copy it."
    return ""


def _take_lock(path: Path) -> tuple[FileLock | None, str]:
    """Locks the project for this app, or returns in words who holds it.

    The system frees the lock of a process that died, whatever its file says.
    """
    lock = FileLock(path / ".app.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return None, _lock_holder(path)
    except OSError as error:
        raise UserError(f"{path} cannot be locked ({error.strerror}); change its permissions.") from error
    since = datetime.now(UTC).isoformat(timespec="seconds")
    values = {"pid": os.getpid(), "host": socket.gethostname(), "user": account_name(), "since": since}
    write_text_atomically(path / ".app.json", json.dumps(values))
    return lock, ""


def _lock_holder(path: Path) -> str:
    try:
        values: dict[str, Any] = json.loads((path / ".app.json").read_text("utf-8"))
        return f"{values['user']} on {values['host']}, process {values['pid']}, {since_text(values['since'])}"
    except (OSError, ValueError, KeyError, TypeError):
        return "it does not say whose"  # the other has locked it this instant


def since_text(moment: str, now: datetime | None = None) -> str:
    """Returns an ISO moment as people here read it: "since 14:05", with its day where that is not today."""
    at, now = datetime.fromisoformat(moment).astimezone(), (now or datetime.now(UTC)).astimezone()
    if at.date() == now.date():
        return f"since {at:%H:%M}"
    return f"since {at:%H:%M} on {at.day} {at:%B}{'' if at.year == now.year else f' {at.year}'}"


def _release(path: Path, lock: FileLock | None) -> None:
    if lock is not None:
        (path / ".app.json").unlink(missing_ok=True)
        lock.release()
