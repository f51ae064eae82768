"""Which sound each frame is compared with, as a person chose it: it makes a davenet.live.Mode and says its name. No Qt."""

from dataclasses import dataclass, replace

from davenet.live import Fit, Kind, Mode, Reduction

SEGMENTS_S = (1.0, 2.0, 5.0, 10.0)


@dataclass(frozen=True, slots=True)
class SoundChoice:
    """`word` is the index of the word whose sound was chosen (kind "span"); `text` says that word or the question."""

    kind: Kind = "around"
    reduction: Reduction = "mean"
    segment_s: float = 2.0
    fit: Fit = "crop"
    video_uid: str = ""
    start_s: float = 0.0
    end_s: float = 0.0
    word: int | None = None
    path: str = ""
    content: str = ""
    text: str = ""

    @property
    def mode(self) -> Mode:
        match self.kind:
            case "span":
                sound = Mode("span", self.reduction, self.segment_s, self.video_uid, self.start_s, self.end_s)
            case "query":
                sound = Mode("query", self.reduction, self.segment_s, path=self.path, content=self.content)
            case _:
                sound = Mode(self.kind, self.reduction, self.segment_s)
        return replace(sound, fit=self.fit)

    @property
    def label(self) -> str:
        """What stands beside the checkpoint's name on the stage, '' for the seconds around."""
        match self.kind:
            case "around":
                return "" if self.segment_s == 2.0 else f"{self.segment_s:g} s around"
            case "moment":
                return "this moment"
            case "span":
                return f"word “{self.text}”" if self.word is not None else f"{self.end_s - self.start_s:.1f} s chosen"
            case "query":
                return self.text

    @property
    def is_word(self) -> bool:
        return self.kind == "span" and self.word is not None

    def with_kind(self, kind: Kind) -> "SoundChoice":
        """Returns the choice of the seconds around or of the moment; the word or span is let go."""
        return replace(self, kind=kind, word=None, text="")

    def with_span(
        self, video_uid: str, start_s: float, end_s: float, *, word: int | None = None, text: str = ""
    ) -> "SoundChoice":
        return replace(
            self,
            kind="span",
            video_uid=video_uid,
            start_s=start_s,
            end_s=end_s,
            word=word,
            text=text,
            path="",
            content="",
        )

    def with_query(self, text: str, path: str, content: str) -> "SoundChoice":
        return replace(self, kind="query", text=text, path=path, content=content, word=None)

    def for_video(self, video_uid: str) -> "SoundChoice":
        """Returns the choice for another video: a part of one video's sound means nothing in another."""
        return self.with_kind("around") if self.kind == "span" and self.video_uid != video_uid else self
