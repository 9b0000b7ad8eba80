#!/usr/bin/env python3
"""Makes docs/benchmarks.md and its plots from the results of `make bench` and `make bench-peers`.

    benches/report.py [target/bench.json [target/bench-peers.json [target/bench-misses.json [docs]]]]

Every number on the page comes from the results. Needs only Python.
"""

import json
import math
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# Middle tones: a picture does not know if its page is light or dark.
COLOURS = {"lua": "#cf6a2a", "module": "#2f86d0", "best": "#2c9a63", "third": "#8a63c9", "fourth": "#c24d7a"}
TEXT = "#76808c"


def main():
    target = ROOT / "target"
    defaults = [target / f"bench{part}.json" for part in ("", "-peers", "-misses")] + [ROOT / "docs"]
    given = [Path(argument) for argument in sys.argv[1:]]
    results, peers_results, misses_results, docs = given + defaults[len(given) :]
    if not results.exists():
        print(f"the page is left as it is: `make bench` makes {results}, which it needs")
        return
    run = json.loads(results.read_text())
    peers, misses = (
        json.loads(part.read_text()) if part.exists() else None for part in (peers_results, misses_results)
    )
    docs.mkdir(exist_ok=True)
    (docs / "benchmarks-compare.svg").write_text(compare_plot(run["curves"]))
    (docs / "benchmarks-memory.svg").write_text(memory_plot(run["curves"]))
    (docs / "benchmarks.md").write_text(page(run, peers, misses))
    sources = ", ".join(str(part) for part in (results, peers_results, misses_results) if part.exists())
    print(f"{docs / 'benchmarks.md'} and its plots are made from {sources}")


# --- the page ---


def page(run, peers, misses):
    return f"""# Benchmarks

<!-- Made by benches/report.py from the results of a run: do not edit. -->

What to expect of one server, on a machine of {run["machine"]["cores"]} cores ([below](#the-machine)):

{answers_table(run, peers)}

Times depend on the machine. Ratios hardly do. [Scaling](scaling.md) says what becomes of them when a scope grows to many
millions of items, and when it needs more than one node.

{peers_section(peers)}## The commands

This module compared with what you would run without it: the same index on built-in hashes and sets, in a Lua script
(`benches/lua/index.lua`), measured on the same server in the same run. A time is what a call costs the server
(`INFO commandstats`), at a pipeline of {run["pipeline"]}; memory is the growth of `used_memory`. The ratio *by processor time*
compares the time that a call takes on the server's main thread, including reading it and sending the reply. If it
differs much from the other ratio, other programs disturbed the run.

{rows_table(run)}

{notes(run["rows"])}

### A bucket with many members

![COMPARE time against members of the bucket](benchmarks-compare.svg)

{curve_table(run["curves"])}

### Memory

![Memory against items](benchmarks-memory.svg)

Deleting gives memory back, at once and to the server: the scope and the set below are filled, nine tenths of each are
deleted, and they are filled again (`benches/given_back.py`).

![Memory while items are added, deleted, and added again](benchmarks-given-back.svg)

### What a client sees

One client on the same machine, which waits for each reply, or (pipelined) sends {run["pipeline"]} calls at once. The last three
columns are the times from a call to its reply, for the client that waits.

{traffic_table(run["traffic"])}

{misses_section(misses)}### Reference

The cost of some of the server's own commands, by the same method.

{reference_table(run["reference"])}

## The machine

{machine_table(run)}

## How to repeat it

`make bench` measures the commands, `make bench-peers` the groups, and each writes this page. `make bench-quick` measures
the commands with less work, and fails if a row reaches less than half of its target three times in a row.
`benches/README.md` says what each row measures.

## Targets

What the project asks of itself. {verdict(run["rows"])}

{targets_table(run)}
"""


def answers_table(run, peers):
    """What a user asks first, each with its figures."""
    rows = {row["name"]: dict(zip(run["head"], row["cells"])) for row in run["rows"]}
    traffic = {call["name"]: call for call in run["traffic"] if call["side"] == "module"}
    module = {name: row["this module"] for name, row in rows.items()}
    record, search = traffic["record-8"], traffic["compare-8"]
    hottest = max((p for p in run["curves"]["compare-hot-8"] if p["limit"] == 10), key=lambda p: p["members"])
    lines = [
        [
            "How fast does it record?",
            f"{three_digits(record['per_second_pipelined'])} observations a second if they are pipelined, "
            f"{three_digits(record['per_second'])} from one client that waits for each reply (8 bands)",
        ],
        [
            "How fast does it search?",
            f"an answer takes {microseconds(search['p50'])}, and 99 of 100 take at most {microseconds(search['p99'])} "
            f"({rows['compare-8']['work'].removeprefix('COMPARE, ')})",
        ],
        [
            "And if thousands of texts are alike?",
            f"the best ten of {hottest['members']:,} that share a bucket are found in "
            f"{microseconds(hottest['module'])}",
        ],
        [
            "How much memory does it take?",
            f"{module['memory-distinct-8']} for each item with 8 bands, {module['memory-distinct-16']} with 16, "
            f"and {module['memory-groups']} for each group of ten events",
        ],
        [
            "Does it ever stall?",
            f"of ten million RECORDs, {whole(module['ten-million'])} took more than 2 ms; "
            f"of ten million calls without the module, {whole(rows['ten-million']['compared with'])} did",
        ],
        *([jobs_answer(peers)] if peers else []),
        [
            "What would it cost without the module?",
            f"in a Lua script, {times(rows['record-8'])} the time to record, {times(rows['compare-8'])} the time to "
            f"search, and {times(rows['memory-distinct-8'])} the memory",
        ],
    ]
    return table(["", ""], lines)


def whole(cell):
    """The number that a cell begins with: 18.0 calls becomes 18."""
    return f"{float(cell.split()[0].replace(',', '')):,.0f}"


def times(row):
    return row["ratio"].replace(" x", " times")


def jobs_answer(peers):
    """The largest set of texts, by this module and by the Python package that most people use."""
    largest = max(peers["sets"], key=lambda document_set: document_set["documents"])
    tools = {tool["tool"]: tool for tool in largest["tools"]}

    def job(tool):
        return f"{seconds(tools[tool]['wall'])} and {tools[tool]['memory'] / 1e6:,.0f} MB"

    return [
        "How long does a whole data set take?",
        f"{largest['documents']:,} texts become groups of near-duplicates in {job('simile')}; "
        f"with datasketch, in {job('datasketch, 128 slots')}",
    ]


def verdict(rows):
    rows = [row for row in rows if row["reached"] is not None]
    missed = [row["name"] for row in rows if row["reached"] < 1]
    if not missed:
        return f"All {len(rows)} targets are met."
    names = ", ".join(f"`{name}`" for name in missed)
    return f"{len(rows) - len(missed)} of {len(rows)} are met; not met: {names}."


def table(head, lines):
    rows = [head, ["---"] * len(head), *lines]
    return "\n".join("| " + " | ".join(str(cell) for cell in row) + " |" for row in rows)


TARGET_COLUMNS = ["target", "met"]


def rows_table(run):
    return columns(run, [name for name in run["head"] if name not in TARGET_COLUMNS])


def targets_table(run):
    with_targets = [row for row in run["rows"] if row["reached"] is not None]
    return columns({**run, "rows": with_targets}, ["name", "this module", "compared with", *TARGET_COLUMNS])


def columns(run, names):
    """Some columns of the table of results."""
    rows = [dict(zip(run["head"], row["cells"])) for row in run["rows"]]
    return table(names, [[f"`{row['name']}`", *(row[name] for name in names[1:])] for row in rows])


def notes(rows):
    return "\n".join(f"- `{row['name']}`: {row['note']}." for row in rows if row["note"])


def curve_table(curves):
    lines = []
    for name, bands in (("compare-hot-8", "8"), ("compare-hot-16", "16")):
        points = {}
        for point in curves[name]:
            points.setdefault(point["members"], {})[point["limit"]] = point
        for members, limits in points.items():
            all_of_them, best = limits[0], limits[10]
            lua = microseconds(all_of_them["lua"]) if all_of_them["lua"] else "-"
            cells = [lua, microseconds(all_of_them["module"]), microseconds(best["module"])]
            lines.append([bands, f"{members:,}", *cells])
    return table(["bands", "members", "Lua", "this module, LIMIT 0", "this module, LIMIT 10"], lines)


def traffic_table(traffic):
    head = ["work", "by", "calls/s", "pipelined calls/s", "p50", "p99", "max"]
    names = {"module": "this module", "lua": "Lua"}
    return table(
        head,
        [
            [f"`{call['name']}`", names[call["side"]], three_digits(call["per_second"])]
            + [three_digits(call["per_second_pipelined"])]
            + [microseconds(call[column]) for column in ("p50", "p99", "max")]
            for call in traffic
        ],
    )


def misses_section(misses):
    """What a COMPARE reads, if `benches/misses.py` has run."""
    if not misses:
        return ""
    head = ["", "items found", "cache lines", "misses of the first level", "accesses to memory", "instructions"]
    lines = [
        [f"`{row['name']}`", f"{row['found']:.1f}"]
        + [f"{row[column]:,.0f}" for column in ("lines", "misses", "accesses", "instructions")]
        for row in misses
    ]
    shares = " and ".join(f"{row['misses'] / row['lines']:.2f}" for row in misses)
    return f"""### What a COMPARE reads

How far is COMPARE from what the data in memory allow? Counted in the core, on average, with nothing cached before
(`benches/misses.py`). *Cache lines* are those that it touches at all: with the data laid out as they are, no search has
fewer misses. The first level of the processor's caches misses {shares} times as often; where that is above 1, a line was
pushed out and read again.

{table(head, lines)}

"""


def reference_table(reference):
    head = ["command", "server time", "processor time", "pipelined calls/s"]
    lines = [
        [call["name"], microseconds(call["server"]), microseconds(call["processor"]), three_digits(call["throughput"])]
        for call in reference
    ]
    return table(head, lines)


def peers_section(peers):
    """The comparison with other tools, if `make bench-peers` has run."""
    if not peers:
        return ""
    sets = "\n\n".join(peers_set(document_set) for document_set in peers["sets"])
    return f"""## Near-duplicates, from text to groups

The whole job by this module and by others: a file of texts goes in, and groups of texts of a Jaccard similarity of
{peers["threshold"]:g} and more come out. Each tool cuts the texts into the same shingles, of three words in lower case.

- **simile** is `simile load --create 'THRESHOLD {peers["threshold"]:g} ...'`, then `simile groups --min-score {peers["threshold"]:g}`, on a server
  that is started for them.
- **rensa** and **datasketch** are Python packages, used as a careful user does: their LSH index finds candidates, and a
  pair is linked if the similarity that the two signatures estimate is {peers["threshold"]:g} or more. *On Redis*, the index is in a
  server, and the signatures stay with the client.

Processor time is that of all processes, the server included, from start to end. Memory is the peak of the client plus
the peak of the server. Precision, recall and F1 compare pairs of texts that are in the same group with such pairs of
the exact groups. Two texts are in the same group if a chain of links joins them.

{sets}

Each job ran once, on {peers["date"]}, at revision {peers["revision"]}. `make bench-peers` repeats it; `benches/README.md`
says how the documents are made.

"""


def peers_set(document_set):
    head = ["", "processor time", "of it, the server's", "by the clock", "memory"]
    lines = [
        [tool["tool"], seconds(tool["processor"]), seconds(tool["processor_of_server"]), seconds(tool["wall"])]
        + [f"{tool['memory'] / 1e6:,.0f} MB"]
        + [f"{tool[measure]:.3f}" for measure in ("precision", "recall", "f1")]
        for tool in document_set["tools"]
    ]
    return f"""### {PEERS_SETS[document_set["name"]]}

{document_set["documents"]:,} texts, of which {document_set["grouped"]:,} are in {document_set["groups"]:,} groups; the largest has {document_set["largest"]:,}.

{table([*head, "precision", "recall", "F1"], lines)}"""


PEERS_SETS = {"license_rules": "Licence notices and texts", "made": "Made documents"}


def seconds(figure):
    return f"{three_digits(figure)} s" if figure else "-"


def machine_table(run):
    disturbances = f"other work took the processor from the server {run['machine']['preemptions']:,} times"
    return table(["", ""], [*machine_lines(run), ["disturbances", disturbances]])


def machine_lines(run):
    machine = run["machine"]
    return [
        ["processor", f"{machine['cpu']}, {machine['cores']} cores"],
        ["memory", machine["memory"]],
        ["system", machine["kernel"]],
        ["server", f"{machine['server']} ({machine['server_version']}), {machine['allocator']}"],
        ["compiler", machine["rustc"]],
        ["revision", machine["revision"]],
        ["run", f"{machine['date']}, {machine['extent']}, {run['seconds'] / 60:.0f} minutes"],
    ]


def microseconds(figure):
    for least, unit in ((1e6, "s"), (1e3, "ms")):
        if figure >= least:
            return f"{three_digits(figure / least)} {unit}"
    return f"{three_digits(figure)} us"


def three_digits(figure):
    decimals = 0 if figure == 0 else max(0, min(3, 2 - math.floor(math.log10(abs(figure)))))
    return f"{figure:,.{decimals}f}"


# --- the plots ---


def compare_plot(curves):
    points = curves["compare-hot-8"]

    def series(limit, side):
        chosen = [point for point in points if point["limit"] == limit and point[side]]
        return [(point["members"], point[side]) for point in chosen]

    return plot(
        "Server time of a COMPARE, by the members of a bucket",
        "members of the bucket",
        lambda microsecond: si(microsecond / 1e6, "s"),
        [
            ("Lua", "lua", series(0, "lua")),
            ("this module", "module", series(0, "module")),
            ("LIMIT 10", "best", series(10, "module")),
        ],
    )


def memory_plot(curves):
    def series(bands, side):
        return [(items, bytes_each * items) for items, bytes_each in curves[f"memory-distinct-{bands}"][side]]

    return plot(
        "Memory of the index, by its items",
        "items of one observation, all buckets distinct",
        lambda byte: si(byte, "B"),
        [
            ("Lua, 16 bands", "lua", series(16, "lua")),
            ("Lua, 8 bands", "lua", series(8, "lua")),
            ("this module, 16 bands", "module", series(16, "module")),
            ("this module, 8 bands", "module", series(8, "module")),
        ],
    )


WIDTH, HEIGHT = 760, 440
LEFT, RIGHT, TOP, BOTTOM = 70, 160, 44, 56


def plot(title, x_label, y_text, series, axis=None):
    """An SVG with axes of one kind, logarithmic unless another is given, readable on a light and on a dark page."""
    points = [point for _, _, line in series for point in line]
    x_axis = (axis or Axis)([x for x, _ in points], LEFT, WIDTH - RIGHT)
    y_axis = (axis or Axis)([y for _, y in points], HEIGHT - BOTTOM, TOP)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{title}" font-family="system-ui, sans-serif" font-size="13">',
        style(),
        f'<text class="title" x="{LEFT}" y="22">{title}</text>',
        *grid(x_axis, y_axis, y_text),
        f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 12}" text-anchor="middle">{x_label}</text>',
        *lines(series, x_axis, y_axis),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


class Axis:
    """A logarithmic axis over whole powers of ten, between two coordinates of the picture."""

    def __init__(self, figures, start, end):
        self.low = math.floor(math.log10(min(figures)) + 1e-9)
        self.high = max(math.ceil(math.log10(max(figures)) - 1e-9), self.low + 1)
        self.start, self.end = start, end

    def place(self, figure):
        share = (math.log10(figure) - self.low) / (self.high - self.low)
        return round(self.start + share * (self.end - self.start), 1)

    def ticks(self):
        return [10.0**power for power in range(self.low, self.high + 1)]


class LinearAxis:
    """An axis from 0, with a tick at each multiple of a round number."""

    def __init__(self, figures, start, end):
        largest = max(figures)
        power = 10 ** math.floor(math.log10(largest))
        self.tick = next(power * share for share in (0.1, 0.2, 0.5, 1, 2) if largest <= 8 * power * share)
        self.high = math.ceil(largest / self.tick) * self.tick
        self.start, self.end = start, end

    def place(self, figure):
        return round(self.start + figure / self.high * (self.end - self.start), 1)

    def ticks(self):
        return [number * self.tick for number in range(round(self.high / self.tick) + 1)]


def style():
    series = "".join(f".{name}{{stroke:{colour};fill:{colour}}}" for name, colour in COLOURS.items())
    return (
        f"<style>text{{fill:{TEXT}}}.title{{font-size:15px;font-weight:600}}"
        f".grid{{stroke:{TEXT};stroke-opacity:.4}}{series}"
        ".line{fill:none;stroke-width:2.2}.label{stroke:none}</style>"
    )


def grid(x_axis, y_axis, y_text):
    for x in x_axis.ticks():
        at = x_axis.place(x)
        yield f'<path class="grid" d="M{at} {y_axis.start}V{y_axis.end}"/>'
        yield f'<text x="{at}" y="{y_axis.start + 20}" text-anchor="middle">{si(x, "")}</text>'
    for y in y_axis.ticks():
        at = y_axis.place(y)
        yield f'<path class="grid" d="M{x_axis.start} {at}H{x_axis.end}"/>'
        yield f'<text x="{x_axis.start - 8}" y="{at + 4}" text-anchor="end">{y_text(y)}</text>'


def lines(series, x_axis, y_axis):
    label_places = spread([y_axis.place(line[-1][1]) + 4 for _, _, line in series])
    for (label, colour, line), label_place in zip(series, label_places):
        places = [(x_axis.place(x), y_axis.place(y)) for x, y in line]
        path = "L".join(f"{x} {y}" for x, y in places)
        yield f'<path class="{colour} line" d="M{path}"/>'
        yield from (f'<circle class="{colour}" cx="{x}" cy="{y}" r="3"/>' for x, y in places)
        yield f'<text class="{colour} label" x="{places[-1][0] + 9}" y="{label_place}">{label}</text>'


def spread(places, apart=16):
    """The same coordinates, moved apart so that their labels do not overlap."""
    order = sorted(range(len(places)), key=places.__getitem__)
    moved = list(places)
    for before, after in zip(order, order[1:]):
        moved[after] = max(moved[after], moved[before] + apart)
    return [round(place, 1) for place in moved]


def si(figure, unit):
    """A power of ten with its prefix: 0.001 s becomes 1 ms, and 100,000 becomes 100k."""
    for least, prefix in ((1e9, "G"), (1e6, "M"), (1e3, "k"), (1, ""), (1e-3, "m"), (1e-6, "u"), (1e-9, "n")):
        if figure >= least * 0.999:
            blank = " " if unit else ""
            return f"{round(figure / least):g}{blank}{prefix}{unit}"
    return f"{figure:g} {unit}"


if __name__ == "__main__":
    main()
