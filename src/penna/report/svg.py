"""The grammar of charts: scales, axes, marks, and the figure around them.

Colours are CSS classes, so that one drawing serves light, dark and paper. A leaf: knows numbers and strings, no trial
and no model.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from penna.report import format

#: All charts are this wide in their own units, and scale with the page.
WIDTH = 460.0


@dataclass(frozen=True)
class Scale:
    """From values ``low..high`` to units ``start..end``, linear or logarithmic."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def __call__(self, value: float) -> float:
        """Return the position of a value."""
        if self.log:
            share = math.log(max(value, 1e-9) / self.low) / math.log(self.high / self.low)
        else:
            share = (value - self.low) / (self.high - self.low)
        return self.start + min(max(share, -0.02), 1.02) * (self.end - self.start)

    def ticks(self, about: int = 5) -> list[float]:
        """Return about this many round values."""
        return _decades(self.low, self.high) if self.log else _steps(self.low, self.high, about)


def around(values: Sequence[float], start: float, end: float, *, log: bool = False, least: float = 0.0) -> Scale:
    """Return a scale with some air around the values, at least ``least`` wide."""
    low, high = min(values), max(values)
    if log:
        # A single decade at least: a cloud of equal sizes is a cloud, not a spread.
        low, high = max(low, 1e-6), max(high, 1e-6)
        air = max(math.sqrt(3 / (high / low)), 1.25)
        return Scale(low / air, high * air, start, end, log=True)
    air = max((high - low) * 0.08, (least - (high - low)) / 2, 1e-9)
    return Scale(low - air, high + air, start, end)


def _steps(low: float, high: float, about: int) -> list[float]:
    raw = (high - low) / max(about, 1)
    size = 10.0 ** math.floor(math.log10(raw))
    step = next(m * size for m in (1, 2, 2.5, 5, 10) if m * size >= raw * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [round(i * step, 12) for i in range(first, math.floor(high / step + 1e-9) + 1)]


def _decades(low: float, high: float) -> list[float]:
    exponents = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for multiples in ((1,), (1, 3), (1, 2, 5)):
        found = [m * 10.0**e for e in exponents for m in multiples if low <= m * 10.0**e <= high]
        if len(found) >= 3:
            break
    if len(found) < 2:  # less than a step of 1, 2, 5: a straight line is as good
        found = _steps(low, high, 4)
    every = -(-len(found) // 7)
    return found[::every]


def label(x: float, y: float, text: str, *, anchor: str = "start", css: str = "", turn: float = 0) -> str:
    """Text that is already escaped."""
    turned = f' transform="rotate({turn:g} {x:.1f} {y:.1f})"' if turn else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" class="{css}"{turned}>{text}</text>'


def line(x1: float, y1: float, x2: float, y2: float, css: str) -> str:
    """Return a line."""
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{css}"/>'


def path(points: Sequence[tuple[float, float]], css: str, tip: str = "", *, steps: bool = False) -> str:
    """Return a polyline; with ``steps`` it goes across first, then up."""
    drawn = [f"M{points[0][0]:.1f} {points[0][1]:.1f}"]
    drawn += [f"H{x:.1f}V{y:.1f}" if steps else f"L{x:.1f} {y:.1f}" for x, y in points[1:]]
    return f'<path d="{"".join(drawn)}" class="{css}">{title(tip)}</path>'


def box(x: float, y: float, width: float, height: float, css: str, tip: str = "", *, opacity: float = 1) -> str:
    """Return a rectangle."""
    faded = "" if opacity == 1 else f' fill-opacity="{opacity:.3f}"'
    size = f'x="{x:.1f}" y="{y:.1f}" width="{max(width, 0):.1f}" height="{max(height, 0):.1f}"'
    return f'<rect {size} rx="2" class="{css}"{faded}>{title(tip)}</rect>'


#: Shape -> path around the origin. Families differ in shape as well as in colour.
_SHAPES: dict[str, Callable[[float], str]] = {
    "circle": lambda r: f"M{-r:.2f} 0a{r:.2f} {r:.2f} 0 1 0 {2 * r:.2f} 0a{r:.2f} {r:.2f} 0 1 0 {-2 * r:.2f} 0Z",
    "square": lambda r: f"M{-0.88 * r:.2f} {-0.88 * r:.2f}h{1.76 * r:.2f}v{1.76 * r:.2f}h{-1.76 * r:.2f}Z",
    "triangle": lambda r: f"M0 {-1.15 * r:.2f}L{1.1 * r:.2f} {0.85 * r:.2f}H{-1.1 * r:.2f}Z",
    "left": lambda r: f"M{-1.1 * r:.2f} 0L{0.8 * r:.2f} {-r:.2f}V{r:.2f}Z",
    "cross": lambda r: (
        f"M{-0.35 * r:.2f} {-r:.2f}h{0.7 * r:.2f}v{0.65 * r:.2f}h{0.65 * r:.2f}v{0.7 * r:.2f}h{-0.65 * r:.2f}"
        f"v{0.65 * r:.2f}h{-0.7 * r:.2f}v{-0.65 * r:.2f}h{-0.65 * r:.2f}v{-0.7 * r:.2f}h{0.65 * r:.2f}Z"
    ),
    "other": lambda r: _SHAPES["circle"](r),
    "diamond": lambda r: f"M0 {-1.3 * r:.2f}L{1.3 * r:.2f} 0L0 {1.3 * r:.2f}L{-1.3 * r:.2f} 0Z",
}


def css_of(shape: str) -> str:
    """Return the class that colors a shape, in the palette of Okabe and Ito."""
    return f"f-{shape}" if shape in _SHAPES else "f-other"


def mark(x: float, y: float, css: str, tip: str = "", *, shape: str = "circle", radius: float = 5) -> str:
    """Return a mark at a point."""
    outline = _SHAPES.get(shape, _SHAPES["circle"])(radius)
    return f'<path d="{outline}" transform="translate({x:.1f} {y:.1f})" class="mark {css}">{title(tip)}</path>'


def title(tip: str) -> str:
    """Return the tooltip of an element."""
    return f"<title>{tip}</title>" if tip else ""


def axes(x: Scale, y: Scale, x_name: str, y_name: str, x_format: Callable[[float], str]) -> str:
    """Lines across for y, ticks below for x; the name of y stands on top, where it can be read without turning."""
    drawn = [label(x.start - 42, y.end - 14, y_name, css="axis-name")]
    for value in y.ticks():
        drawn.append(line(x.start, y(value), x.end, y(value), "grid"))
        drawn.append(label(x.start - 8, y(value) + 4, tick(value, y.high - y.low), anchor="end"))
    drawn.append(line(x.start, y.start, x.end, y.start, "axis"))
    for value in x.ticks():
        drawn.append(line(x(value), y.start, x(value), y.start + 4, "axis"))
        drawn.append(label(x(value), y.start + 18, x_format(value), anchor="middle"))
    drawn.append(label((x.start + x.end) / 2, y.start + 38, x_name, anchor="middle", css="axis-name"))
    return "".join(drawn)


def tick(value: float, span: float) -> str:
    """Return a value on an axis of this span; scores are near one, errors may be of any size.

    >>> tick(0.8125, 0.2), tick(-0.8125, 0.02), tick(-250000, 100000)
    ('0.81', '−0.812', '−250,000')
    """
    if not 0.005 <= span < 20:
        return format.figure(value)
    return f"{value:.{3 if span < 0.05 else 2}f}".replace("-", "−")


def figure(caption: str, body: str, height: float, note: str = "", *, width: float = WIDTH) -> str:
    """Return a drawing with its caption (plain text) and a note below (HTML)."""
    below = f'<p class="note">{note}</p>' if note else ""
    spoken = format.plain(caption)
    return (
        f"<figure><figcaption>{spoken}</figcaption>"
        f'<svg viewBox="0 0 {width:g} {height:.0f}" role="img" aria-label="{spoken}">{body}</svg>{below}</figure>'
    )
