"""One function for each kind of chart: plain values in, an inline SVG figure out. Draws; computes nothing else."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import median

from penna.report import format
from penna.report.svg import WIDTH, Scale, around, axes, box, css_of, figure, label, line, mark, path, tick

LEFT, RIGHT, TOP = 44.0, WIDTH - 14, 30.0
BOTTOM = 250.0
HEIGHT = BOTTOM + 46

#: Names next to bars are cut to this many characters.
_NAME = 20

#: Beside other values, this share of the largest is nothing.
_NOTHING = 1e-3


@dataclass(frozen=True)
class Dot:
    """One point of a scatter."""

    x: float
    y: float
    marker: str
    tip: str
    chosen: bool = False


@dataclass(frozen=True)
class Curve:
    """One line of a line chart."""

    points: Sequence[tuple[float, float]]
    marker: str
    tip: str
    strong: bool = False


@dataclass(frozen=True)
class Row:
    """One line of an interval chart: a value, with its interval where there is one."""

    name: str
    value: float
    low: float | None = None
    high: float | None = None
    strong: bool = False

    @property
    def ends(self) -> tuple[float, float]:
        """The lower and the upper end of the interval."""
        low = self.value if self.low is None else self.low
        return low, self.value if self.high is None else self.high


@dataclass(frozen=True)
class Bar:
    """One horizontal bar; ``ghost`` is the outline behind it (what was predicted)."""

    name: str
    value: float
    text: str
    ghost: float | None = None
    css: str = field(default="bar")


def intervals(caption: str, rows: Sequence[Row], axis: str) -> str:
    """Values with whiskers on one axis, one row each: the score next to its baselines."""
    step, top, left = 38.0, 10.0, _margin([row.name for row in rows])
    bottom = top + step * len(rows)
    x = around([end for row in _near(rows) for end in row.ends], left, RIGHT - 60, least=0.04)
    drawn, most = [], max(abs(row.value) for row in rows)
    for value in x.ticks(4):
        drawn.append(line(x(value), top, x(value), bottom, "grid"))
        drawn.append(label(x(value), bottom + 18, tick(value, max(x.high - x.low, 0.05)), anchor="middle"))
    for i, row in enumerate(rows):
        y, css = top + step * (i + 0.5), "strong" if row.strong else "weak"
        low, high = row.ends
        tip = f"{format.plain(row.name, 80)}: {format.score(row.value)} ({format.score(low)} to {format.score(high)})"
        drawn.append(label(left - 14, y + 4, format.plain(row.name, _NAME), anchor="end", css=f"{css} name"))
        if row.value < x.low:
            drawn.append(mark(left + 4, y, f"dot {css}", tip, shape="left"))
        else:
            drawn.append(line(x(low), y, x(high), y, f"whisker {css}"))
            drawn.append(mark(x(row.value), y, f"dot {css}", tip, radius=6 if row.strong else 5))
        # A mean of the target explains nothing of it, but for rounding.
        value = 0.0 if abs(row.value) < _NOTHING * most else row.value
        drawn.append(label(WIDTH - 4, y + 4, format.score(value), anchor="end", css=f"{css} name"))
    drawn.append(label((x.start + x.end) / 2, bottom + 38, axis, anchor="middle", css="axis-name"))
    note = "An arrow is a value further left than the axis reaches." if len(_near(rows)) < len(rows) else ""
    return figure(caption, "".join(drawn), bottom + 46, note)


def _near(rows: Sequence[Row]) -> list[Row]:
    """Return the rows but those far below the others (the majority class).

    They would squeeze the rest into one spot.
    """
    best, middle = max(row.value for row in rows), median(row.value for row in rows)
    return [row for row in rows if row.value >= best - max(3 * (best - middle), 0.02)]


def bars(caption: str, rows: Sequence[Bar], note: str = "") -> str:
    """Horizontal bars with their values: classes, or phases against what was predicted."""
    step, left = 24.0, _margin([row.name for row in rows])
    most = max([row.value for row in rows] + [row.ghost or 0 for row in rows]) or 1
    x = Scale(0, most, left, WIDTH - 12 - 6.6 * max(len(row.text) for row in rows))
    drawn = []
    for i, row in enumerate(rows):
        y = 6 + step * i
        tip = f"{format.plain(row.name, 120)}: {row.text}"
        drawn.append(label(left - 10, y + 14, format.plain(row.name, _NAME), anchor="end", css="name"))
        if row.ghost is not None:
            drawn.append(box(left, y, x(row.ghost) - left, step - 5, "ghost", tip))
        inset = 5 if row.ghost is not None else 2
        drawn.append(box(left, y + inset, max(x(row.value) - left, 1.5), step - 5 - 2 * inset, row.css, tip))
        end = max(x(row.value), x(row.ghost or 0))
        drawn.append(label(end + 7, y + 14, row.text, css="value"))
    return figure(caption, "".join(drawn), 12 + step * len(rows), note)


def _margin(names: Sequence[str]) -> float:
    """Room on the left for the longest name, of at most ``_NAME`` characters."""
    return 20 + 7 * max(8, min(_NAME, max(map(len, names))))


def histogram(
    caption: str, edges: Sequence[float], counts: Sequence[int], marks: dict[str, float], axis: str, *, log: bool = True
) -> str:
    """Return counts between edges, logarithmic or equal, with named values marked (median, 95th percentile)."""
    x = Scale(edges[0], edges[-1], 20, RIGHT, log=log)
    form: Callable[[float], str] = (lambda v: f"{v:,.0f}") if log else format.figure
    y = Scale(0, max(counts) or 1, BOTTOM - 40, TOP + 16)
    drawn = []
    for low, high, rows in zip(edges[:-1], edges[1:], counts, strict=True):
        tip = f"{form(low)} to {form(high)}: {format.some(rows, 'row')}"
        drawn.append(box(x(low) + 0.5, y(rows), x(high) - x(low) - 1, y.start - y(rows), "bar", tip))
    drawn.append(line(x.start, y.start, x.end, y.start, "axis"))
    for value in x.ticks():
        drawn.append(line(x(value), y.start, x(value), y.start + 4, "axis"))
        drawn.append(label(x(value), y.start + 18, form(value), anchor="middle"))
    drawn.append(label((x.start + x.end) / 2, y.start + 38, axis, anchor="middle", css="axis-name"))
    for i, (name, value) in enumerate(marks.items()):
        at = x(max(value, edges[0]))
        text = f"{format.plain(name)} {form(value)}"
        near = "end" if at + 6.6 * len(text) > WIDTH else "start"
        drawn.append(line(at, TOP - 12 + 16 * i, at, y.start, "rule"))
        drawn.append(label(at + (5 if near == "start" else -5), TOP - 4 + 16 * i, text, anchor=near, css="mark-name"))
    return figure(caption, "".join(drawn), y.start + 46)


def scatter(
    caption: str,
    dots: Sequence[Dot],
    axis: str,
    y_name: str,
    form: Callable[[float], str],
    limit: float | None = None,
) -> str:
    """Score against a cost on a logarithmic axis, with the Pareto front (cheaper left, better up) and the ceiling."""
    costs = [dot.x for dot in dots] + ([limit] if limit else [])
    x = around(costs, LEFT, RIGHT, log=True)
    y = around([dot.y for dot in dots], BOTTOM, TOP, least=0.02)
    drawn = [axes(x, y, axis, y_name, form)]
    if limit:
        drawn.append(line(x(limit), TOP - 6, x(limit), BOTTOM, "limit"))
        near = "end" if x(limit) > LEFT + 60 else "start"
        drawn.append(label(x(limit) + (-5 if near == "end" else 5), TOP + 4, "ceiling", anchor=near, css="mark-name"))
    edge = front(dots)
    drawn.append(path([(x(d.x), y(d.y)) for d in edge] + [(RIGHT, y(edge[-1].y))], "front", steps=True))
    for dot in sorted(dots, key=lambda d: d.chosen):
        if dot.chosen:
            drawn.append(mark(x(dot.x), y(dot.y), "ring", radius=10))
        shape = dot.marker
        drawn.append(mark(x(dot.x), y(dot.y), css_of(dot.marker), dot.tip, shape=shape))
    return figure(caption, "".join(drawn), HEIGHT)


def front(dots: Sequence[Dot]) -> list[Dot]:
    """Return the dots that no cheaper dot beats, cheapest first."""
    edge: list[Dot] = []
    for dot in sorted(dots, key=lambda d: (d.x, -d.y)):
        if not edge or dot.y > edge[-1].y:
            edge.append(dot)
    return edge


def lines(
    caption: str,
    curves: Sequence[Curve],
    axis: str,
    y_name: str,
    note: str = "",
    dots: Sequence[Dot] = (),
    *,
    steps: bool = False,
) -> str:
    """Return lines over a linear axis of whole numbers, and dots: learning curves, or the best score so far."""
    everything = [point for curve in curves for point in curve.points] + [(dot.x, dot.y) for dot in dots]
    x = Scale(0, max(max(x for x, _ in everything), 1e-9) * 1.02, LEFT, RIGHT)
    y = around([y for _, y in everything], BOTTOM, TOP, least=0.02)
    drawn = [axes(x, y, axis, y_name, lambda value: f"{value:,.0f}")]
    for dot in dots:
        shape = dot.marker
        drawn.append(mark(x(dot.x), y(dot.y), css_of(dot.marker), dot.tip, shape=shape, radius=4))
    for curve in sorted(curves, key=lambda c: c.strong):
        css = f"curve {css_of(curve.marker)}" + (" strong" if curve.strong else "")
        points = [(x(a), y(b)) for a, b in curve.points]
        drawn.append(path(points, css, curve.tip, steps=steps))
        if not steps:
            drawn += [mark(a, b, css_of(curve.marker), curve.tip, radius=2.5) for a, b in points]
    return figure(caption, "".join(drawn), HEIGHT, note)


def reliability(caption: str, bins: Sequence[tuple[float, float, int]], note: str = "") -> str:
    """Accuracy against confidence by bin; the area of a dot is its share of the rows."""
    side = 290.0
    x, y = Scale(0, 1, LEFT + 50, LEFT + 50 + side), Scale(0, 1, TOP + side, TOP)
    total = sum(rows for *_, rows in bins) or 1
    drawn = [axes(x, y, "confidence", "share that is right", lambda v: f"{v:.1f}"), line(*_ends(x, y), "limit")]
    points = [(x(sure), y(right)) for sure, right, _ in bins]
    drawn += [line(a, y(sure), a, b, "gap") for (a, b), (sure, *_) in zip(points, bins, strict=True)]
    drawn.append(path(points, "curve f-square strong"))
    for (a, b), (sure, right, rows) in zip(points, bins, strict=True):
        tip = f"confidence {sure:.3f}, right {right:.3f}, {format.some(rows, 'row')}"
        drawn.append(mark(a, b, "f-square", tip, radius=2.5 + 9 * math.sqrt(rows / total)))
    return figure(caption, "".join(drawn), TOP + side + 46, note)


def _ends(x: Scale, y: Scale) -> tuple[float, float, float, float]:
    return x.start, y.start, x.end, y.end


def predictions(caption: str, pairs: Sequence[tuple[float, float]], note: str = "") -> str:
    """Predicted against true: right answers lie on the diagonal."""
    side = 290.0
    ends = [value for pair in pairs for value in pair]
    x = around(ends, LEFT + 50, LEFT + 50 + side, least=1e-9)
    y = Scale(x.low, x.high, TOP + side, TOP)
    drawn = [axes(x, y, "true", "predicted", format.figure), line(*_ends(x, y), "limit")]
    for true, answer in pairs:
        tip = f"true {format.figure(true)}, predicted {format.figure(answer)}"
        drawn.append(mark(x(true), y(answer), "f-square", tip, radius=3))
    return figure(caption, "".join(drawn), TOP + side + 46, note)


def heat_map(caption: str, names: Sequence[str], matrix: Sequence[Sequence[int]], note: str = "") -> str:
    """Return a confusion matrix: shade is the share of the true class, figures are rows."""
    k, left = len(names), min(_margin(names), 118.0)
    cell = min(72.0, (WIDTH - left - 4) / k)
    top = 22 + 5.2 * max(min(len(name), 14) for name in names)
    drawn = []
    for i, name in enumerate(names):
        along, down = left + cell * (i + 0.5), top + cell * (i + 0.5)
        drawn.append(label(along + 3, top - 8, format.plain(name, 14), css="name", turn=-50))
        drawn.append(label(left - 8, down + 4, format.plain(name, 17), anchor="end", css="name"))
        total = sum(matrix[i]) or 1
        for j, rows in enumerate(matrix[i]):
            share, x, y = rows / total, left + cell * j, top + cell * i
            tip = f"{format.plain(name, 60)} answered {format.plain(names[j], 60)}: {rows:,} ({format.percent(share)})"
            drawn.append(box(x, y, cell - 2, cell - 2, "cell", "", opacity=0))
            drawn.append(box(x, y, cell - 2, cell - 2, "hit" if i == j else "miss", tip, opacity=_shade(share)))
            if rows:
                css = "figure on" if _shade(share) > 0.55 else "figure"
                drawn.append(label(x + cell / 2 - 1, y + cell / 2 + 3, f"{rows}", anchor="middle", css=css))
    return figure(caption, "".join(drawn), top + cell * k + 6, note)


def _shade(share: float) -> float:
    """Square root: a confusion of 4 % must be seen next to 90 % right."""
    return math.sqrt(share)
