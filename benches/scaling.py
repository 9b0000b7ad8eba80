#!/usr/bin/env python3
"""Makes docs/scaling.md and its plots from the results of `make bench-growth`.

    benches/scaling.py [target/growth.json [target/growth-fan-out.json [docs]]]

Every number on the page comes from the results. Needs only Python.
"""

import json
import math
import re
import sys
from itertools import zip_longest
from pathlib import Path

import report
from report import microseconds, seconds, table, three_digits

# The point from which the goal counts, in items.
FROM = 100_000
# The goals: the growth of the medians since then, and the longest call in microseconds.
GROWTH, WORST = 2, 2_000
# The sizing table: items that are seen in an interval, intervals that are kept, bands, slots of the sketch.
SIZES = [
    (1_000_000, 1, 16, 0),
    (1_000_000, 4, 16, 0),
    (10_000_000, 1, 16, 0),
    (10_000_000, 1, 13, 256),
    (10_000_000, 13, 16, 0),
    (100_000_000, 1, 8, 0),
    (100_000_000, 1, 16, 0),
    (100_000_000, 4, 13, 256),
    (1_000_000_000, 1, 8, 0),
    (1_000_000_000, 1, 16, 0),
    (1_000_000_000, 1, 13, 256),
]
NODE = 64_000_000_000
FILLED = 0.7
PARTS_A_NODE = 4


def main():
    defaults = [report.ROOT / "target/growth.json", report.ROOT / "target/growth-fan-out.json", report.ROOT / "docs"]
    given = [Path(argument) for argument in sys.argv[1:]]
    results, fan_out_results, docs = given + defaults[len(given) :]
    run, fan_out = (json.loads(file.read_text()) for file in (results, fan_out_results))
    docs.mkdir(exist_ok=True)
    for name, picture in plots(run, fan_out).items():
        (docs / f"scaling-{name}.svg").write_text(picture)
    (docs / "scaling.md").write_text(re.sub("\n{3,}", "\n\n", page(run, fan_out)))
    print(f"{docs / 'scaling.md'} and its plots are made from {results} and {fan_out_results}")


def page(run, fan_out):
    structures = {structure["name"]: structure for structure in run["structures"]}
    ping = run["ping"]
    saved = structures["one-chunk"]["saved"]
    return f"""# Scaling

<!-- Made by benches/scaling.py from the results of a run: do not edit. -->

What happens when a scope grows: measured up to {count(largest(structures["one-chunk"]))} items on one server, on a machine of
{run["machine"]["cores"]} cores ([below](#the-machine)), and computed from there.

{answers(run, fan_out)}

[Benchmarks](benchmarks.md) compares the commands with what you would run without this module.

## Calls

![Time of a call, by items](scaling-calls.svg)

A scope of {run["bands"]} bands grows, and on the way one client makes calls one after the other. One item of four looks like
none before, and the others like an earlier one: three quarters of their buckets are those of its group. A search finds about
six items, at any size, anywhere in the scope. COMPARE and CLASSIFY have LIMIT 10.

*Median*, *p99.9* and *worst* are times from a call to its reply. Of these, *PING* is the part that has nothing to do
with the command. *Worst, less waits* leaves out the time for which the server or the client was ready to run, but the system
ran another program; what a hypervisor took is still in it. *Processor* is the mean time of a processor that a call takes the server, reading and answering it
included. The tables have some of the sizes, and the plot has all of them.

{calls_table(structures["one-chunk"])}

The same in 13 chunks, over which the items are spread evenly: a search looks at each.

{calls_table(structures["chunks"])}

A set and a sorted set that have as many members as the scope has items, each added by one SADD or ZADD. SISMEMBER asks for
a random member, and ZRANGE for ten from a random rank.

{calls_table(structures["set"])}

{calls_table(structures["sorted-set"])}

All items were added at full speed, through two connections. *Slow* are the calls that took the server longer than
{microseconds(run["slow"])}, with other programs or the system in its way or not:

{filling_table(run["structures"])}

{stopped_note(run)}

## Memory

![Memory of an item, by items](scaling-memory.svg)

Growth of `used_memory`, for each item:

{memory_table(structures)}

## Saving, loading, copying, freeing

![Seconds to save, load and copy, by items](scaling-saved.svg)

While the server saves (BGSAVE), one client adds {three_digits(saved[-1]["saving"]["writes"] / saved[-1]["saving"]["seconds"])} items a second or fewer. *Copied* is the memory that the
server had to copy for that (`rdb_last_cow_size`): a write changes many pages, because its buckets are all over the scope. The
load is DEBUG RELOAD, a copy the full synchronisation of a replica from nothing. DEL and expiry are the times for which the
server stops, by default, with nothing freed in another thread; of several chunks, DEL deletes all, and one expires.

{saved_table(run["structures"])}

{memory_limit_note(run["structures"])}

## In the way of others

A client sends PING every 250 us, while {ping["clients"]} others load the server with half of the calls that they get done at full speed,
half of them writes, and the server saves again and again. *Less waits* is as above. There are {count(ping["items"])} items or members.
Of this module, half of the RECORDs go to chunks that cover a second and expire, and one COMPARE of {ping["hot_one_in"]} is for an item that shares a
bucket with {count(ping["hot_members"])} others, and takes the server {microseconds(ping["hot_compare"])}. Of built-in types, half of the SADDs go to a set that is made anew each
second and expires, and ZRANGE gives ten members of a large sorted set. Medians of turns of {ping["seconds"]} s, {len(ping["loads"][0]["each_p999"])} for each:

{ping_table(ping)}

## Sizing

{formula(run)}

{sizing_table(run)}

The larger ones are computed, not measured. Replicas need the same again. {SPLIT_LINK} explains how a scope is split into parts, whose number
can never change: take enough for the nodes that you may have one day.

## A split scope on {fan_out["nodes"]} nodes

![Time of a call, by parts](scaling-fan-out.svg)

A search of a split scope asks all parts, so it costs a command for each, however many nodes there are. Measured over
{fan_out["nodes"]} nodes on the same machine, through `SplitScope` of the Python client: {count(fan_out["items"])} items of {fan_out["bands"]} bands, {count(fan_out["calls"])} calls of each
kind. *Commands* and *nodes* are the commands of one call, and what they take all nodes together. A COMPARE first fetches the
item's profile from its part.

{fan_out_table(fan_out)}

## Goals

What the project asks of itself, from {count(FROM)} to {count(largest(structures["one-chunk"]))} items:

{goals_table(run)}

## The machine

{table(["", ""], report.machine_lines(run))}

## How to repeat it

`make bench-growth` measures all of this and writes the page. `make bench-growth BENCH='--items 1000000'` stops at fewer items,
and `BENCH=--quick` only finds out in a minute if the program works, and leaves the page as it is.
"""


SPLIT_LINK = "[The Python client](python.md#a-scope-over-several-nodes)"


def count(number):
    """20000000 becomes 20 million; four digits are kept."""
    return f"{number / 1e6:,.4g} million" if number >= 1e6 else f"{number:,}"


def size(byte):
    for least, unit in ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "KB")):
        if byte >= least:
            return f"{three_digits(byte / least)} {unit}"
    return f"{three_digits(byte)} bytes"


# --- what a user asks ---


def answers(run, fan_out):
    one = structure(run, "one-chunk")
    last, saved = one["points"][-1], one["saved"][-1]
    sadd = structure(run, "set")["points"][-1]["calls"]["SADD"]
    grown = {name: growth(one, name) for name in ("RECORD", "COMPARE")}
    module, sets = ping_loads(run)
    widest = fan_out["rows"][-1]
    lines = [
        [
            "Do calls become slower?",
            f"from {count(FROM)} to {count(last['items'])} items, the median of RECORD becomes "
            f"{three_digits(grown['RECORD'])} times as long, and that of COMPARE {three_digits(grown['COMPARE'])} times: "
            f"{microseconds(last['calls']['RECORD']['p50'])} and {microseconds(last['calls']['COMPARE']['p50'])}, "
            f"where a SADD takes {microseconds(sadd['p50'])} and a PING {microseconds(last['calls']['PING']['p50'])}",
        ],
        [
            "How much memory does it take?",
            f"{three_digits(last['bytes'] / last['items'])} bytes an item, {size(last['bytes'])} together; "
            f"{size(saved['saving']['copied'])} more while it is saved under writes",
        ],
        [
            "How long does it take to start?",
            f"{count(saved['items'])} items are loaded in {seconds(saved['load'])}",
        ],
        [
            "Do other clients wait?",
            f"beside ten clients of this module, 999 of 1,000 PINGs take at most {microseconds(module['p999'])}; "
            f"beside ten that use built-in types, {microseconds(sets['p999'])}",
        ],
        [
            "And if one node is not enough?",
            f"a search of {widest['parts']} parts on {fan_out['nodes']} nodes takes {microseconds(widest['classify']['p50'])}, "
            f"and of a scope that is not split {microseconds(fan_out['rows'][0]['classify']['p50'])}",
        ],
    ]
    return table(["", ""], lines)


def structure(run, name):
    return next(structure for structure in run["structures"] if structure["name"] == name)


def largest(structure):
    return structure["points"][-1]["items"]


def stopped_note(run):
    """Says which structures ended early."""
    early = [structure for structure in run["structures"] if largest(structure) < run["items"]]
    names = ", ".join(f"{structure['title']} at {count(largest(structure))}" for structure in early)
    limits = f"{run['minutes']} minutes and {size(run['memory_limit'])} that a run may take"
    return f"Ended before {count(run['items'])} items, for the {limits}: {names}." if early else ""


def growth(structure, call, figure="p50"):
    """How many times as long a call takes at the last point as at 100,000 items."""
    base = next((point for point in structure["points"] if point["items"] >= FROM), structure["points"][-1])
    return structure["points"][-1]["calls"][call][figure] / base["calls"][call][figure]


# --- tables ---


def calls_table(structure):
    head = ["items", "call", "median", "p99.9", "worst", "worst, less waits", "processor"]
    lines = [
        [count(point["items"]) if call == "PING" else "", call]
        + [microseconds(figures[column]) for column in ("p50", "p999", "worst", "worst_without_waits", "processor")]
        for point in structure["points"]
        if math.log10(point["items"]).is_integer() or point is structure["points"][-1]
        for call, figures in ordered(point["calls"])
    ]
    return table(head, lines)


def ordered(calls):
    """PING first, then the calls in the order in which they were made."""
    order = ["PING", "RECORD", "COMPARE", "CLASSIFY", "ASSIGN", "SADD", "SISMEMBER", "ZADD", "ZRANGE"]
    return sorted(calls.items(), key=lambda call: order.index(call[0]))


def filling_table(structures):
    lines = []
    for structure in structures:
        fillings = [point["filling"] for point in structure["points"] if point["filling"]]
        lines.append(
            [
                structure["title"],
                f"{sum(filling['calls'] for filling in fillings):,}",
                f"{sum(filling['slow'] for filling in fillings):,}",
                microseconds(max(filling["slowest"] for filling in fillings)),
            ]
        )
    return table(["added to", "calls", "slow", "slowest"], lines)


def memory_table(structures):
    names = list(structures)
    rows = list(zip_longest(*(structures[name]["points"] for name in names)))
    lines = [
        [count(next(point for point in row if point)["items"])]
        + [f"{three_digits(point['bytes'] / point['items'])} bytes" if point else "-" for point in row]
        for row in rows
    ]
    return table(["items", *(structures[name]["title"] for name in names)], lines)


def saved_table(structures):
    head = ["", "items", "file", "BGSAVE", "fork", "copied", "for writes", "load", "replica", "DEL", "expiry"]
    lines = []
    for structure in structures:
        for saved in structure["saved"]:
            saving = saved["saving"]
            lines.append(
                [
                    structure["title"],
                    count(round(saved["items"], -4)),
                    size(saved["file"]),
                    seconds(saving["seconds"]),
                    microseconds(saving["fork"]),
                    size(saving["copied"]),
                    f"{saving['writes']:,}",
                    seconds(saved.get("load")),
                    seconds(saved.get("sync")),
                    *(microseconds(saved[column]) if column in saved else "-" for column in ("del", "expiry")),
                ]
            )
    return table(head, lines)


def memory_limit_note(structures):
    missing = [saved for structure in structures for saved in structure["saved"] if not saved.get("sync")]
    return "- means that a second server of this size would not have fitted into the memory." if missing else ""


def ping_table(ping):
    head = ["beside", "calls/s", "of at most", "median", "p99", "p99.9", "of each turn", "p99.9, less waits", "worst"]
    lines = [
        [
            load["title"],
            three_digits(load["calls_per_second"]) if load["capacity"] else "-",
            three_digits(load["capacity"]) if load["capacity"] else "-",
            *(microseconds(load[column]) for column in ("p50", "p99", "p999")),
            f"{microseconds(min(load['each_p999']))} to {microseconds(max(load['each_p999']))}",
            microseconds(load["p999_without_waits"]),
            microseconds(load["worst"]),
        ]
        for load in ping["loads"]
    ]
    return table(head, lines)


def ping_loads(run):
    """The load of this module, and that of built-in types with as many members as a RECORD has buckets."""
    loads = run["ping"]["loads"]
    return [next(load for load in loads if start in load["title"]) for start in ("RECORD", f"SADD of {run['bands']}")]


def fan_out_table(fan_out):
    head = ["parts", "call", "median", "p99", "commands", "nodes"]
    lines = [
        [(row["parts"] or "not split") if method == "record" else "", method]
        + [microseconds(row[method]["p50"]), microseconds(row[method]["p99"])]
        + [three_digits(row[method]["commands"]), microseconds(row[method]["nodes"])]
        for row in fan_out["rows"]
        for method in ("record", "compare", "classify", "assign")
    ]
    return table(head, lines)


# --- sizes, computed ---


def coefficients(memory):
    """Bytes of an item: a fixed part, one for each band and one for each slot of its sketch."""
    measured = {(shape["bands"], shape["sketch"]): shape["bytes"] for shape in memory}
    band = (measured[32, 0] - measured[8, 0]) / 24
    slot = (measured[16, 256] - measured[16, 0]) / 256
    return measured[8, 0] - 8 * band, band, slot


def bytes_of_item(memory, bands, sketch):
    item, band, slot = coefficients(memory)
    return item + band * bands + slot * sketch


def copied_share(run):
    """The share of the scope that is copied while it is saved, at its largest."""
    one = structure(run, "one-chunk")
    return one["saved"][-1]["saving"]["copied"] / one["points"][-1]["bytes"]


def nodes_and_parts(run, memory):
    """The number of nodes that hold this many bytes, and of the parts for them."""
    nodes = math.ceil(memory * (1 + copied_share(run)) / (NODE * FILLED))
    return nodes, 1 if nodes == 1 else 2 ** math.ceil(math.log2(PARTS_A_NODE * nodes))


def formula(run):
    item, band, slot = coefficients(run["memory"])
    off = max(
        abs(bytes_of_item(run["memory"], shape["bands"], shape["sketch"]) / shape["bytes"] - 1) for shape in run["memory"]
    )
    search = structure(run, "one-chunk")["points"][-1]["calls"]["CLASSIFY"]["processor"]
    return f"""From the memory of {count(run["memory"][0]["items"])} items in one chunk, by bands and sketch, follows that an item takes about

    {item:.0f} + {band:.1f} x bands + {slot:.2f} x slots of the sketch   bytes

for each interval in which it is seen; what was measured differs from this by at most {off:.0%}. Items that share fewer buckets than
these take somewhat more: every bucket that nothing else has is counted once, with its eight bytes.

    memory = items seen in an interval x intervals kept (RETENTION + 1) x bytes of an item
    nodes  = memory x {1 + copied_share(run):.2f} / ({size(NODE)} x {FILLED}), rounded up
    parts  = {PARTS_A_NODE} x nodes, rounded up to a power of two
    searches a second = nodes x 1,000,000 us / (parts x {three_digits(search)} us)

{1 + copied_share(run):.2f} allows for what is copied while the largest scope above is saved under writes. A node has {size(NODE)}, of which
{FILLED:.0%} may be used: the rest is for clients, fragmentation and growth. {three_digits(search)} us is the processor time of a CLASSIFY in the
largest scope; in parts that are smaller it is less."""


def sizing_table(run):
    search = structure(run, "one-chunk")["points"][-1]["calls"]["CLASSIFY"]["processor"]
    lines = []
    for items, intervals, bands, sketch in SIZES:
        memory = items * intervals * bytes_of_item(run["memory"], bands, sketch)
        nodes, parts = nodes_and_parts(run, memory)
        lines.append(
            [
                count(items),
                intervals,
                bands,
                sketch or "-",
                size(memory),
                nodes,
                "not split" if parts == 1 else parts,
                count(math.ceil(items / parts)) if parts > 1 else "-",
                f"{three_digits(nodes * 1e6 / (parts * search))}",
            ]
        )
    head = ["items an interval", "intervals", "bands", "sketch", "memory", "nodes", "parts", "items a part", "searches/s"]
    return table(head, lines)


# --- goals ---


def goals_table(run):
    one, chunks = structure(run, "one-chunk"), structure(run, "chunks")
    lines = []
    for scope in (one, chunks):
        for call in ("RECORD", "COMPARE"):
            client, processor = growth(scope, call), growth(scope, call, "processor")
            lines.append(
                [
                    f"the median of {call}, {scope['title']}",
                    f"at most {GROWTH} times as long",
                    f"{three_digits(client)} times; its processor time {three_digits(processor)} times",
                    verdict(max(client, processor) <= GROWTH),
                ]
            )
    calls = [
        (figures["worst_without_waits"], name, point["items"])
        for scope in (one, chunks)
        for point in scope["points"]
        for name, figures in point["calls"].items()
    ]
    worst, name, items = max(calls)
    lines.append(
        [
            "the worst call, less what it waited for a processor",
            f"less than {microseconds(WORST)}",
            f"{microseconds(worst)} ({name}, {count(items)} items)",
            verdict(worst < WORST),
        ]
    )
    module, sets = ping_loads(run)
    lines.append(
        [
            f"p99.9 of PING beside {module['title']}, less what it waited for a processor",
            f"no more than beside {sets['title']}",
            f"{microseconds(module['p999_without_waits'])}, {microseconds(sets['p999_without_waits'])}",
            verdict(module["p999_without_waits"] <= sets["p999_without_waits"]),
        ]
    )
    return table(["what", "goal", "measured", "met"], lines)


def verdict(is_met):
    return "yes" if is_met else "no"


# --- plots ---


def plots(run, fan_out):
    one, chunks, members, ranks = (structure(run, name) for name in ("one-chunk", "chunks", "set", "sorted-set"))

    def medians(structure, call):
        return [(point["items"], point["calls"][call]["p50"]) for point in structure["points"]]

    def memory(structure):
        return [(point["items"], point["bytes"] / point["items"]) for point in structure["points"]]

    def saved(structure, figure):
        return [(saved["items"], figure(saved)) for saved in structure["saved"] if figure(saved)]

    def microsecond(figure):
        return report.si(figure / 1e6, "s")

    calls = [
        ("COMPARE, 13 chunks", "best", medians(chunks, "COMPARE")),
        ("ASSIGN", "third", medians(one, "ASSIGN")),
        ("COMPARE", "module", medians(one, "COMPARE")),
        ("RECORD", "fourth", medians(one, "RECORD")),
        ("SADD", "lua", medians(members, "SADD")),
    ]
    bytes_each = [
        ("13 chunks", "best", memory(chunks)),
        ("one chunk", "module", memory(one)),
        ("sorted set", "third", memory(ranks)),
        ("set", "lua", memory(members)),
    ]
    times = [
        ("copy", "best", saved(one, lambda saved: saved.get("sync"))),
        ("load", "module", saved(one, lambda saved: saved.get("load"))),
        ("BGSAVE", "third", saved(one, lambda saved: saved["saving"]["seconds"])),
        ("load of a set", "lua", saved(members, lambda saved: saved.get("load"))),
    ]
    rows = [row for row in fan_out["rows"] if row["parts"]]
    methods = [("assign", "third"), ("compare", "module"), ("classify", "best"), ("record", "fourth")]
    by_parts = [
        (method, colour, [(row["parts"], row[method]["p50"]) for row in rows]) for method, colour in methods
    ]
    return {
        "calls": report.plot("Median time of a call, by the items of the scope", "items", microsecond, calls),
        "memory": report.plot("Memory of an item, 16 bands", "items", lambda byte: f"{byte:,.0f} B", bytes_each),
        "saved": report.plot(
            "Time to save, load and copy a scope",
            "items",
            lambda second: report.si(second, "s"),
            [series for series in times if series[2]],
        ),
        "fan-out": report.plot("Median time of a call, by the parts of a split scope", "parts", microsecond, by_parts),
    }


if __name__ == "__main__":
    main()
