"""What a section of the page is made of; ``page.html`` draws each kind."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from leadcast.models.charts.chart import Chart, Table
from leadcast.models.charts.numbers import count

Level = Literal["error", "warning", "note"]
LEVELS: tuple[Level, ...] = ("error", "warning", "note")
"""The worst first; a note is what a healthy export brings every night."""


@dataclass(frozen=True)
class Banner:
    """The first line of a page."""

    advice: str
    reasons: str
    """What to do, and what follows it."""
    beware: bool
    """Whether it is a warning."""
    title: str = ""
    """The answer in two or three words."""
    because: Sequence[tuple[bool, str]] = ()
    """Reasons, each with whether it speaks for it."""
    changes: Sequence[str] = ()
    """What would change the answer."""


@dataclass(frozen=True)
class Words:
    """Paragraphs."""

    kind: ClassVar[str] = "words"
    paragraphs: Sequence[str]
    """Each one; Markup stands as it is, other text is escaped."""


@dataclass(frozen=True)
class Picture:
    """A chart with its words and its numbers.

    Parameters
    ----------
    chart : Chart
        What to draw.
    """

    kind: ClassVar[str] = "picture"
    chart: Chart


@dataclass(frozen=True)
class Bar:
    """One bar of `Bars`."""

    label: str
    """What it stands for."""
    detail: str
    """Said in small beside it; may be empty."""
    share: float
    """Its length, from 0 to 1."""
    text: str
    """Its number, as written at its end."""


@dataclass(frozen=True)
class Bars:
    """Bars with labels above them: HTML, so that long words wrap on a narrow screen."""

    kind: ClassVar[str] = "bars"
    title: str
    reading: str
    finding: str
    """As a chart has them."""
    bars: Sequence[Bar]
    """From the top."""
    table: Table | None = None
    """All the numbers, where the bars show only the first of them."""


@dataclass(frozen=True)
class Strip:
    """A row of small upright bars, one for each span of time, with its name beside it.

    Parameters
    ----------
    label, detail : str
        What it stands for, and what is said in small beside it.
    spans : sequence of str
        What each bar stands for.
    values : sequence of float or None
        How high each is; None where there is nothing to show.
    told : sequence of str or None
        Each value in words; None: the number itself.
    full : float or None
        What the highest bar stands for; None: the largest value.
    """

    label: str
    detail: str
    spans: Sequence[str]
    values: Sequence[float | None]
    told: Sequence[str] | None = None
    full: float | None = None

    def bars(self) -> list[tuple[float, str]]:
        """Give each bar's height, from 0 to 1, and its words."""
        most = self.full or max((value or 0.0 for value in self.values), default=0.0) or 1.0
        return [
            ((value or 0.0) / most, f"{span}: {words}")
            for span, value, words in zip(self.spans, self.values, self.words(), strict=True)
        ]

    def words(self) -> list[str]:
        """Give each value in words."""
        return list(self.told or [count(value) for value in self.values])

    def summary(self) -> str:
        """Say what is seen, for those who cannot see it."""
        highest = max(range(len(self.values)), key=lambda place: self.values[place] or 0.0)
        ends = f"{self.spans[0]} to {self.spans[-1]}"
        return f"{self.label}, {ends}; highest {self.spans[highest]}: {self.words()[highest]}"


@dataclass(frozen=True)
class Strips:
    """Rows of small bars, one below the other."""

    kind: ClassVar[str] = "strips"
    title: str
    reading: str
    """How to read them; may be empty."""
    strips: Sequence[Strip]
    """From the top."""
    table: Table | None = None
    """All the numbers, for those who want them."""


@dataclass(frozen=True)
class FeatureCurve:
    """What one feature does to the score.

    Parameters
    ----------
    label, detail : str
        The feature in words, and its name.
    share : str
        How much of the whole it is.
    direction : str
        ``up``, ``down``, ``mixed`` or ``by value``.
    told : str
        Its direction and which values help, in words.
    heights : sequence of float
        Its curve on the log-odds scale, from the lowest value; empty for a category.
    values : sequence of str
        What each height stands for.
    """

    label: str
    detail: str
    share: str
    direction: str
    told: str
    heights: Sequence[float]
    values: Sequence[str]

    WIDTH: ClassVar[int] = 120
    HEIGHT: ClassVar[int] = 40

    def points(self, most: float) -> str:
        """Give the curve as an SVG's points, where `most` is the farthest from the mean."""
        step = self.WIDTH / max(len(self.heights) - 1, 1)
        return " ".join(
            f"{number * step:.1f},{self.HEIGHT / 2 * (1 - 0.92 * height / most):.1f}"
            for number, height in enumerate(self.heights)
        )


@dataclass(frozen=True)
class FeatureCurves:
    """What features do to the score, each with a small curve."""

    kind: ClassVar[str] = "shapes"
    title: str
    reading: str
    shapes: Sequence[FeatureCurve]

    @property
    def most(self) -> float:
        """How far the curves go at most, so that all have one scale."""
        return max((abs(height) for one in self.shapes for height in one.heights), default=0) or 1.0


@dataclass(frozen=True)
class Listing:
    """A table that stands open.

    Parameters
    ----------
    table : Table
        What to show.
    """

    kind: ClassVar[str] = "listing"
    table: Table


@dataclass(frozen=True)
class Folded:
    """A table that opens when it is asked for."""

    kind: ClassVar[str] = "folded"
    title: str
    """What to press to see it."""
    table: Table
    """What to show."""


@dataclass(frozen=True)
class Notice:
    """Something that a reader should know."""

    level: Level
    """How bad it is."""
    title: str
    """What it is about; may be empty."""
    text: str
    """What was found."""
    remedy: str = ""
    """What to do about it; may be empty."""


@dataclass(frozen=True)
class Notices:
    """Notices, one below the other."""

    kind: ClassVar[str] = "notices"
    notices: Sequence[Notice]
    """The worst first, as a rule."""


@dataclass(frozen=True)
class Figure:
    """One figure of `Figures`, or one that stands out at the top of the page."""

    name: str
    """What it is called."""
    value: str
    """The figure."""
    interval: str
    """Its 95 % interval; empty where there is none."""
    meaning: str
    """What it says, for a person."""


@dataclass(frozen=True)
class Figures:
    """Figures with what they mean."""

    kind: ClassVar[str] = "figures"
    figures: Sequence[Figure]
    """From the top."""


@dataclass(frozen=True)
class Facts:
    """Names and values."""

    kind: ClassVar[str] = "facts"
    pairs: Sequence[tuple[str, str]]
    """Each name with its value."""


Block = (
    Words | Picture | Bars | Strips | FeatureCurves | Listing | Folded | Notices | Figures | Facts
)


@dataclass(frozen=True)
class Section:
    """A part of the page with a heading.

    Parameters
    ----------
    name : str
        Its anchor; unique in the page.
    title : str
        Its heading.
    short : str
        Its entry in the table of contents.
    blocks : sequence of Block
        Its content; a section without any is not shown.
    folded : bool
        Whether it opens only when it is asked for.
    """

    name: str
    title: str
    short: str
    blocks: Sequence[Block]
    folded: bool = False
