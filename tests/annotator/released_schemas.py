"""Fills databases of earlier released schemas, written as those versions wrote them, for tests of migrating."""

from typing import Any

from sqlalchemy import Engine, MetaData, insert

from annotator.store.copying import number_on
from annotator.store.opening import upgrade

RELEASED = ("0001", "0002", "0003")
AT = "2025-03-01T10:00:00.000000Z"
_PAIRS = ("onion", "butter", "egg")


def fill_released(engine: Engine, revision: str) -> None:
    """Makes an empty database one of a revision: a video with three pairs, a verdict accepted, one withdrawn, a run."""
    upgrade(engine, revision)
    video: dict[str, Any] = {
        "uid": "video-0",
        "path": "/videos/video-0.mp4",
        "title": "Crème brûlée 🍮",
        "duration_s": 60.0,
        "frame_rate": 25.0,
        "width": 640,
        "height": 360,
        "rotation": 0,
        "video_codec": "h264",
        "size_bytes": 5_000_000_000,
        "source_hash": "hash0000",
        "start_s": 0.0,
        "variable_rate": False,
        "split": "train",
        "added_at": AT,
    }
    rows: dict[str, list[dict[str, Any]]] = {
        "mining": [{"id": 1, "at": AT, "settings": '{"food_threshold": 0.5}'}],
        "video": [video],
        "pair": [_pair(place, name) for place, name in enumerate(_PAIRS)],
        "label": [_label(place, name) for place, name in enumerate(_PAIRS)],
        "verdict": [
            _verdict(1, 0, "accept"),
            _verdict(2, 1, "reject"),
            _verdict(3, 1, "withdrawn", refers_to="verdict-2"),
        ],
        "standing": [{"pair_uid": "pair-0", "reviewer": "ann", "verdict_id": 1, "decision": "accept"}],
        "setting": [{"key": "reviewer", "value": '"ann"'}],
        "run": [
            {
                "id": "001-small",
                "preset": "small",
                "state": "finished",
                "config": "{}",
                "result": "{}",
                "message": "",
                "created_at": AT,
                "finished_at": AT,
            }
        ],
    }
    if revision >= "0002":
        video |= {"corpus": "youcook2", "corpus_id": "abc", "language": "en", "speech_share": 0.5}
        segment = {"video_uid": "video-0", "place": 0, "start_s": 1.0, "end_s": 2.0, "sentence": "cut the onion"}
        rows["described_segment"] = [segment]
    if revision >= "0003":  # these schemas keep with each pair what queues are filtered by
        for row, label in zip(rows["pair"], rows["label"], strict=True):
            row |= {"class_name": label["class_name"], "word_confidence": label["word_confidence"]}
            row |= {
                "label_text": f"{label['class_name']} {label['word']}",
                "draw": 0,
                "n_decided": int(row["position"] == 0),
            }
    tables = MetaData()
    with engine.connect().execution_options(writes=True) as connection:
        tables.reflect(bind=connection)
        for table in tables.sorted_tables:
            if table.name in rows:
                connection.execute(insert(table), rows[table.name])
                number_on(connection, table)
        connection.commit()


def _pair(place: int, name: str) -> dict[str, Any]:
    return {
        "uid": f"pair-{place}",
        "video_uid": "video-0",
        "time_s": float(place),
        "segment_s": 2.0,
        "sound_offset_s": 0.0,
        "kind": "food",
        "food_probability": 0.9,
        "label_probability": 0.8,
        "active": True,
        "position": place,
        "detector": "simulated",
        "recogniser": "pocketsphinx",
        "mining_id": 1,
    }


def _label(place: int, name: str) -> dict[str, Any]:
    return {
        "pair_uid": f"pair-{place}",
        "place": 0,
        "class_name": name,
        "probability": 0.8,
        "rank": 1,
        "word": name,
        "word_start": place + 0.5,
        "word_end": place + 0.9,
        "word_confidence": 0.7,
    }


def _verdict(number: int, pair: int, decision: str, *, refers_to: str | None = None) -> dict[str, Any]:
    return {
        "id": number,
        "uid": f"verdict-{number}",
        "pair_uid": f"pair-{pair}",
        "reviewer": "ann",
        "decision": decision,
        "label": _PAIRS[pair],
        "reason": None,
        "comment": "so gut wie sicher – ja" if number == 1 else None,
        "seconds": 1.5,
        "window_s": 2.0,
        "blind": False,
        "given_at": AT.replace("10:00:00", f"10:00:0{number}"),
        "app_version": "0.1.0",
        "refers_to": refers_to,
        "origin": "review",
        "mining_id": 1,
        "labels": "[]",
    }
