#!/usr/bin/env python3
"""Makes docs/choosing.md, docs/measurements.md and their plots from the results of `make eval`.

    eval/report.py [target/eval.json [docs]]

The prose is in eval/choosing.md and eval/measurements.md. In it, {{figure ...}} calls the function of that name in
this file, so that every number on the pages comes from the results. If a set is missing, they are not made. Needs only
Python.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

from plot import Axis, Series, plot

ROOT = Path(__file__).resolve().parent.parent
PAGES = ("choosing.md", "measurements.md")


def main():
    results = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "target/eval.json"
    docs = Path(sys.argv[2]) if len(sys.argv) > 2 else ROOT / "docs"
    run = json.loads(results.read_text())
    if run["missing"]:
        print(f"The pages in {docs} are left as they are: {', '.join(run['missing'])} missing")
        return
    page = Page(run)
    docs.mkdir(exist_ok=True)
    for name in PAGES:
        template = (ROOT / "eval" / name).read_text()
        (docs / name).write_text(re.sub(r"\{\{(\w+)(.*?)\}\}", page.fill, template))
    (docs / "choosing-bands.svg").write_text(bands_plot(page))
    (docs / "choosing-curve.svg").write_text(curve_plot(page))
    print(f"{' and '.join(PAGES)} and their plots are made from {results}, in {docs}")


# --- the figures and tables of the page ---


class Page:
    """The figures and tables that {{name argument | argument}} asks for in the prose."""

    def __init__(self, run):
        self.run = run

    def fill(self, place):
        name, arguments = place.groups()
        arguments = [argument.strip() for argument in arguments.split("|") if argument.strip()]
        return str(getattr(self, name)(*arguments))

    def classified(self, name, banding, items, score, text="CHARS 5", hash_name="FSS"):
        bands, rows = (int(number) for number in banding.split(" x "))
        wanted = (name, text, bands, rows, items, score, hash_name)
        return only(line for line in self.run["classified"] if key(line) == wanted)

    def exact(self, name, text="CHARS 5"):
        return only(line for line in self.run["ceilings"] if (line["set"], text_of(line)) == (name, text))

    def retrieved(self, name, threshold, text="CHARS 5", slots="256"):
        wanted = (name, text, float(threshold), int(slots))
        lines = (line for line in self.run["retrieved"] if "peer" not in line)
        return only(
            line for line in lines if (line["set"], text_of(line), line["threshold"], line["slots"]) == wanted
        )

    # Single figures.

    def known(self, *line):
        return share(self.classified(*line)["outcome"]["known"])

    def among(self, *line):
        return share(self.classified(*line)["outcome"]["among_best"])

    def nearness(self, *line):
        return share(self.classified(*line)["nearness"])

    def exactly_known(self, *line):
        return f"{self.classified(*line)['outcome']['known']:.4f}"

    def exactly(self, *line):
        return f"{self.exact(*line)['outcome']['known']:.4f}"

    def ceiling(self, *line):
        return share(self.exact(*line)["outcome"]["known"])

    def ceiling_among(self, *line):
        return share(self.exact(*line)["outcome"]["among_best"])

    def known_events(self, *line):
        return f"{self.exact(*line)['outcome']['known_events']:,}"

    def events(self, *line):
        return f"{self.exact(*line)['outcome']['events']:,}"

    def one_event(self, *line):
        """The share of a single known event."""
        return f"{1 / self.exact(*line)['outcome']['known_events']:.4f}"

    def band_bytes(self):
        """The bytes of an item with one observation for each band, at the default bands and rows."""
        wanted = (int(self.run["defaults"]["bands"]), int(self.run["defaults"]["rows"]))
        costs = (line for line in self.run["costs"] if line["set"] == "loghub12")
        line = only(line for line in costs if (line["bands"], line["rows"]) == wanted)
        return f"{line['cost']['bytes'] / line['bands']:.0f}"

    def met(self, *line):
        return share(self.retrieved(*line)["met"])

    def recall(self, *line):
        return share(self.retrieved(*line)["recall"])

    def f1(self, *line):
        return share(self.retrieved(*line)["f1"])

    def grouping_accuracy(self, name, grouper="SIM.ASSIGN"):
        return share(self.grouped(name, grouper)[0]["accuracy"])

    def sketch_cost(self, figure):
        return f"{self.run['sketch_cost'][figure]:.1f}"

    def curve_error(self, source):
        return share(max(curve["error"] for curve in self.run["curves"] if curve["source"] == source))

    def default(self, name):
        return self.run["defaults"][name]

    def sets(self):
        return str(len(self.run["present"]))

    def minutes(self):
        return f"{self.run['seconds'] / 60:.0f}"

    def server(self):
        return self.run["server"]

    def revision(self):
        git = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True)
        return git.stdout.strip() or "unknown"

    # Tables.

    def bands_table(self, name, text="CHARS 5"):
        """Accuracy and cost by bands and rows, each group an item and each event an item."""
        head = ["bands x rows", "groups: known", "macro", "AUC", "bytes an event"]
        head += ["events: known", "bytes an event", "candidates", "time"]
        lines = [line for line in self.run["classified"] if (line["set"], text_of(line)) == (name, text)]
        lines = [line for line in lines if line["hash"] == "FSS" and line["items"] == "events"]
        rows = []
        for events in sorted(lines, key=lambda line: (line["rows"], line["bands"])):
            banding = f"{events['bands']} x {events['rows']}"
            groups = self.classified(name, banding, "groups", "COVERAGE", text)
            outcome = groups["outcome"]
            rows.append(
                [banding, *(share(outcome[field]) for field in ("known", "macro_average", "auc"))]
                + [f"{groups['cost']['bytes']:,.0f}", share(events["outcome"]["known"])]
                + [f"{events['cost']['bytes']:,.0f}"]
                + [percent(events["cost"]["candidates"]), microseconds(events["cost"]["microseconds"])]
            )
        exact = self.exact(name, text)["outcome"]
        figures = [share(exact[field]) for field in ("macro_average", "auc")]
        rows.append(["exact, nearest event", "", *figures, "", share(exact["known"]), "", "", ""])
        return table(head, rows)

    def scores_table(self, banding):
        head = ["data set", "items", "score", "known", "macro", "AUC"]
        rows = []
        for name, text in (("firefox49", "CHARS 5"), ("loghub12 mixed", "CHARS 5, masked")):
            ways = [("groups", score) for score in ("OVERLAP", "COVERAGE", "SIGNIFICANCE")]
            for items, score in [("events", "OVERLAP"), *ways]:
                outcome = self.classified(name, banding, items, score, text)["outcome"]
                cells = [share(outcome[field]) for field in ("known", "macro_average", "auc")]
                rows.append([named(name, text), items, score, *cells])
        return table(head, rows)

    def shingles_table(self, banding):
        head = ["SHINGLE", "MASK", "known", "macro", "AUC", "exact, nearest event: known", "AUC"]
        rows = []
        for shingle in ("CHARS 3", "CHARS 5", "CHARS 8", "WORDS 1", "WORDS 2"):
            for mask in ("", ", masked"):
                text = shingle + mask
                outcome = self.classified("loghub12 mixed", banding, "groups", "COVERAGE", text)["outcome"]
                exact = self.exact("loghub12 mixed", text)["outcome"]
                cells = [share(outcome[field]) for field in ("known", "macro_average", "auc")]
                cells += [share(exact[field]) for field in ("known", "auc")]
                rows.append([f"`{shingle}`", "yes" if mask else "no", *cells])
        return table(head, rows)

    def retrieval_table(self):
        """Pairs above a threshold: each setting of ours, with the peers of the same set and threshold below."""
        head = ["data set", "SHINGLE", "THRESHOLD", "pairs above", "found with", "met", "recall", "precision"]
        head += ["F1", "error"]
        rows = []
        for line in self.run["retrieved"]:
            shingle = line["text"]["shingle"] if line["text"] else None
            shingle = "-" if line["set"] in ("groceries", "hadoop_bugs") else f"`{shingle}`"
            ours = "peer" not in line
            found = f"{line['bands']} x {line['rows']}, {line['slots']} slots" if ours else line["peer"]
            cells = [f"{line['set']} ({line['events']:,})", shingle, line["threshold"], f"{line['pairs']:,}", found]
            cells += [share(line["met"]) if ours else ""]
            cells += [share(line[field]) for field in ("recall", "precision", "f1")]
            rows.append([*cells, f"{line['error']:.4f}" if ours else ""])
        return table(head, rows)

    def documents_table(self):
        """F1 of pairs of documents, and the best of each peer."""
        lines = [line for line in self.run["retrieved"] if line["text"]["shingle"] == "WORDS 3"]
        keys = dict.fromkeys((line["set"], line["threshold"]) for line in lines)
        finders = dict.fromkeys(line.get("peer") or f"SKETCH {line['slots']}" for line in lines)
        rows = []
        for name, threshold in keys:
            same = [line for line in lines if (line["set"], line["threshold"]) == (name, threshold)]
            by_finder = {line.get("peer") or f"SKETCH {line['slots']}": line for line in same}
            rows.append([name, threshold, *(share(by_finder[finder]["f1"]) for finder in finders)])
        return table(["data set", "THRESHOLD", *finders], rows)

    def errors_table(self):
        head = ["sets", "features", "pairs", "FSS", "MURMUR3", "theory of MURMUR3", "FSS against MURMUR3"]
        rows = []
        for line in self.run["estimated"]:
            least, most = line["least"], line["most"]
            sizes = str(least) if least == most else f"{least}-{most}" if most < 10**6 else f"{least} and more"
            change = f"{100 * (line['ratio'] - 1):+.0f} %".replace("-", "\u2212")
            errors = [f"{line[field]:.4f}" for field in ("fss", "murmur3", "theory")]
            rows.append([line["source"], sizes, f"{line['pairs']:,.0f}", *errors, change])
        return table(head, rows)

    def hashes_table(self):
        head = ["bands x rows", "FSS: known", "macro", "AUC", "MURMUR3: known", "macro", "AUC"]
        rows = []
        for lines in self.run["hashes"]:
            cells = [f"{lines[0]['bands']} x {lines[0]['rows']}"]
            for line in lines:
                known, error = line["outcome"]["known"], line["standard_error"]
                cells.append(f"{known:.4f} \u00b1 {error:.4f}")
                cells += [share(line["outcome"][field]) for field in ("macro_average", "auc")]
            rows.append(cells)
        return table(head, rows)

    def costs_table(self):
        head = ["data set", "items", "bands x rows", "bytes an item", "candidates", "time"]
        rows = []
        for line in self.run["costs"]:
            cost, banding = line["cost"], f"{line['bands']} x {line['rows']}"
            cells = [f"{cost['bytes']:,.0f}", percent(cost["candidates"]), microseconds(cost["microseconds"])]
            rows.append([line["set"], f"{line['events']:,}", banding, *cells])
        return table(head, rows)

    def defaults_table(self):
        sets = (("firefox49", "CHARS 5"), ("loghub12 mixed", "CHARS 5"), ("loghub12 mixed", "CHARS 5, masked"))
        sets += (("license_rules", "CHARS 5"), ("license_rules", "WORDS 3"))
        head = ["", *(named(name, text) for name, text in sets)]
        head += ["bytes an item", "candidates of license_rules"]
        rows = []
        for banding in ("16 x 1", "16 x 2", "32 x 2", "64 x 1", "64 x 2"):
            known = [self.known(name, banding, "groups", "COVERAGE", text) for name, text in sets]
            cost = self.classified("license_rules", banding, "events", "OVERLAP")["cost"]
            rows.append([banding, *known, f"{cost['bytes']:,.0f}", percent(cost["candidates"])])
        return table(head, rows)

    def grouped(self, name, grouper="SIM.ASSIGN"):
        """The lines of one set and grouper; of SIM.ASSIGN the recommended setting comes first."""
        lines = (line for line in self.run["grouped"] if line["set"] == name)
        return [line for line in lines if line["grouper"].startswith(grouper)]

    def grouping_table(self, name):
        head = ["bands x rows", "SHINGLE", "SCORE", "MINSCORE", "grouping accuracy", "adjusted Rand index"]
        head += ["groups by true groups"]
        rows = []
        for line in self.grouped(name):
            shingle = f"`{line['text']['shingle']}`" if name.startswith("loghub12") else "-"
            cells = [f"{line['bands']} x {line['rows']}", shingle, line["score"], line["min_score"]]
            rows.append([*cells, *grouping_figures(line)])
        for line in self.grouped(name, "Drain3"):
            rows.append([line["grouper"], "-", "-", "-", *grouping_figures(line)])
        return table(head, rows)

    def systems_table(self, name):
        ours, drain = self.grouped(name)[0], only(self.grouped(name, "Drain3"))
        figures = ["grouping accuracy", "adjusted Rand index", "groups"]
        head = ["system", "true groups", *figures, *(f"{drain['grouper']}: {figure}" for figure in figures)]
        rows = []
        for system, stream in ours["streams"].items():
            cells = [system, stream["true_groups"]]
            for agreement in (stream, drain["streams"][system]):
                cells += [share(agreement[field]) for field in ("accuracy", "rand_index")]
                cells.append(f"{agreement['groups']:.0f}")
            rows.append(cells)
        return table(head, rows)

    def baskets_table(self):
        head = ["bands x rows", "nearness", "bytes an event", "candidates"]
        rows = []
        for banding in ("16 x 1", "16 x 2", "32 x 2", "64 x 1", "64 x 2"):
            line = self.classified("groceries", banding, "events", "OVERLAP")
            cost = line["cost"]
            rows.append([banding, share(line["nearness"]), f"{cost['bytes']:,.0f}", percent(cost["candidates"])])
        return table(head, rows)

    def targets_table(self):
        met = {True: "met", False: "**not met**"}
        lines = self.run["targets"]
        return table(
            ["figure", "wanted", "reached", ""],
            [[line["what"], line["wanted"], f"{line['reached']:.4f}", met[line["met"]]] for line in lines],
        )


def key(line):
    return (line["set"], text_of(line), line["bands"], line["rows"], line["items"], line["score"], line["hash"])


def text_of(line):
    return line["text"]["shingle"] + (", masked" if line["text"]["mask"] else "")


def grouping_figures(line):
    return [share(line["accuracy"]), share(line["rand_index"]), f"{line['ratio']:.2f}"]


def named(name, text):
    """The set, and the text settings that differ from the default."""
    name += ", words" if "WORDS" in text else ""
    return f"{name}, masked" if "masked" in text else name


def only(lines):
    lines = list(lines)
    if len(lines) != 1:
        raise SystemExit(f"report.py: expected one matching line in the results, found {len(lines)}")
    return lines[0]


def share(figure):
    return "-" if figure is None else f"{figure:.3f}"


def percent(figure):
    return f"{100 * figure:.1f} %"


def microseconds(figure):
    return f"{figure:,.0f} us"


def table(head, lines):
    rows = [head, ["---"] * len(head), *lines]
    return "\n".join("| " + " | ".join(str(cell) for cell in row) + " |" for row in rows)


# --- the plots ---


def bands_plot(page):
    """Accuracy against bands; a line for each set and number of rows."""
    series = []
    sets = [("loghub12 mixed", "CHARS 5, masked", "log lines, masked")]
    sets += [("loghub12 mixed", "CHARS 5", "log lines"), ("firefox49", "CHARS 5", "stack traces")]
    for colour, (name, text, label) in enumerate(sets):
        for rows in (1, 2):
            bandings = {bands: f"{bands} x {rows}" for bands in (8, 16, 32, 64, 128)}
            points = []
            for bands, banding in bandings.items():
                line = page.classified(name, banding, "groups", "COVERAGE", text)
                points.append((bands, line["outcome"]["known"]))
            rows_label = "1 row" if rows == 1 else f"{rows} rows"
            series.append(Series(f"{label}, {rows_label}", colour, points, dashed=rows == 1))
    shares = [0.88, 0.9, 0.92, 0.94, 0.96, 0.98, 1]
    return plot(
        "Events of a known group that are found, by bands",
        Axis("bands (twice as many at each step)", [8, 16, 32, 64, 128], scale=int.bit_length),
        Axis("share whose group is found first", shares, text=lambda figure: f"{figure:.2f}"),
        series,
    )


def curve_plot(page):
    """The chance that two sets meet, measured and in theory, for some bands and rows."""
    series = []
    for colour, (bands, rows) in enumerate(((64, 1), (16, 2), (32, 4), (13, 7))):
        steps = [step / 100 for step in range(101)]
        theory = [(s, 1 - (1 - s**rows) ** bands) for s in steps]
        series.append(Series(f"{bands} x {rows}, theory", colour, theory, dots=False))
        curves = page.run["curves"]
        curve = only(c for c in curves if (c["source"], c["bands"], c["rows"]) == ("made pairs", bands, rows))
        measured = [(bin["similarity"], bin["meet"]) for bin in curve["bins"]]
        series.append(Series(f"{bands} x {rows}, measured", colour, measured, line=False))
    ticks = [0, 0.2, 0.4, 0.6, 0.8, 1]
    return plot(
        "How likely two sets are to meet, by bands x rows",
        Axis("Jaccard similarity", ticks),
        Axis("share of pairs with a bucket in common", ticks),
        series,
    )


if __name__ == "__main__":
    main()
