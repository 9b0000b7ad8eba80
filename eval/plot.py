"""Plots as SVG, readable on a light and on a dark page. Needs only Python."""

# Middle tones: a picture does not know if its page is light or dark.
COLOURS = ["#2f86d0", "#cf6a2a", "#2c9a63", "#9a5bb5", "#b0893a"]
TEXT = "#76808c"

WIDTH, HEIGHT = 800, 450
LEFT, RIGHT, TOP, BOTTOM = 62, 220, 58, 56


class Axis:
    """An axis between two coordinates of the picture: its title, its ticks, and the coordinate of a figure."""

    def __init__(self, title, ticks, scale=lambda figure: figure, text=lambda figure: f"{figure:g}"):
        self.title, self.ticks, self.scale, self.text = title, ticks, scale, text

    def between(self, start, end):
        low, high = self.scale(self.ticks[0]), self.scale(self.ticks[-1])
        return lambda figure: round(start + (self.scale(figure) - low) / (high - low) * (end - start), 1)


class Series:
    """Points, as dots, a line, or both, in a colour that others may share."""

    def __init__(self, label, colour, points, dots=True, line=True, dashed=False):
        self.label, self.colour, self.points = label, COLOURS[colour], points
        self.dots, self.line, self.dashed = dots, line, dashed


def plot(title, x_axis, y_axis, series):
    x = x_axis.between(LEFT, WIDTH - RIGHT)
    y = y_axis.between(HEIGHT - BOTTOM, TOP)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{title}" font-family="system-ui, sans-serif" font-size="13">',
        f"<style>text{{fill:{TEXT}}}.title{{font-size:15px;font-weight:600}}"
        f".grid{{stroke:{TEXT};stroke-opacity:.3}}.line{{fill:none;stroke-width:2}}</style>",
        f'<text class="title" x="{LEFT}" y="22">{title}</text>',
        *grid(x_axis, y_axis, x, y),
        *(part for one in series for part in drawn(one, x, y)),
        *legend(series),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def grid(x_axis, y_axis, x, y):
    bottom, right = HEIGHT - BOTTOM, WIDTH - RIGHT
    for tick in x_axis.ticks:
        yield f'<path class="grid" d="M{x(tick)} {bottom}V{TOP}"/>'
        yield f'<text x="{x(tick)}" y="{bottom + 20}" text-anchor="middle">{x_axis.text(tick)}</text>'
    for tick in y_axis.ticks:
        yield f'<path class="grid" d="M{LEFT} {y(tick)}H{right}"/>'
        yield f'<text x="{LEFT - 8}" y="{y(tick) + 4}" text-anchor="end">{y_axis.text(tick)}</text>'
    yield f'<text x="{(LEFT + right) / 2}" y="{HEIGHT - 12}" text-anchor="middle">{x_axis.title}</text>'
    yield f'<text x="{LEFT}" y="{TOP - 12}" text-anchor="start">{y_axis.title}</text>'


def drawn(series, x, y):
    places = [(x(figure), y(other)) for figure, other in series.points]
    if series.line:
        path = "L".join(f"{across} {down}" for across, down in places)
        dashes = ' stroke-dasharray="5 4"' if series.dashed else ""
        yield f'<path class="line" stroke="{series.colour}"{dashes} d="M{path}"/>'
    if series.dots:
        for across, down in places:
            yield f'<circle fill="{series.colour}" cx="{across}" cy="{down}" r="3.5"/>'


def legend(series):
    """The legend: each label with its line or dot, next to the plot."""
    at = WIDTH - RIGHT + 16
    for place, one in enumerate(series):
        y = TOP + 12 + 22 * place
        if one.line:
            dashes = ' stroke-dasharray="5 4"' if one.dashed else ""
            yield f'<path class="line" stroke="{one.colour}"{dashes} d="M{at} {y}H{at + 22}"/>'
        if one.dots:
            yield f'<circle fill="{one.colour}" cx="{at + 11}" cy="{y}" r="3.5"/>'
        yield f'<text x="{at + 30}" y="{y + 4}">{one.label}</text>'
