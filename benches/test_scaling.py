"""Tests of the page that scaling.py makes: what it computes, and what it says of a run that ended early."""

import copy
import unittest

import scaling


def calls(median, names):
    figures = ("p50", "p99", "p999", "worst", "worst_without_waits", "server", "processor")
    return {name: {figure: median for figure in figures} for name in ["PING", *names]}


def structure(name, medians, names):
    """A structure with a point for each pair of items and a median; an item takes 500 bytes."""
    points = [
        {
            "items": items,
            "bytes": 500 * items,
            "filling": {"calls": items, "slow": 1, "slowest": 3_000},
            "calls": calls(median, names),
        }
        for items, median in medians.items()
    ]
    saving = {"seconds": 2, "fork": 1, "writes": 10, "copied": 100 * points[-1]["items"]}
    saved = {"items": points[-1]["items"], "file": 1, "saving": saving, "sync": 3, "load": 4, "del": 5, "expiry": 6}
    return {"name": name, "title": f"the {name}", "points": points, "saved": [saved]}


def load(title, capacity):
    figures = ("calls_per_second", "p50", "p99", "p999", "p999_without_waits", "worst")
    return {"title": title, "capacity": capacity, "each_p999": [1, 2], **dict.fromkeys(figures, 1)}


MEDIANS = {10_000: 8, 100_000: 10, 1_000_000: 15}
SCOPE_CALLS = ["RECORD", "COMPARE", "CLASSIFY", "ASSIGN"]
RUN = {
    "machine": dict.fromkeys(
        ["cpu", "cores", "memory", "kernel", "server", "server_version", "allocator", "rustc", "revision", "date", "extent"]
    ),
    "seconds": 60,
    "items": 1_000_000,
    "minutes": 25,
    "memory_limit": 18e9,
    "bands": 16,
    "slow": 2_000,
    "structures": [
        structure("one-chunk", MEDIANS, SCOPE_CALLS),
        structure("chunks", MEDIANS, SCOPE_CALLS),
        structure("set", MEDIANS, ["SADD", "SISMEMBER"]),
        structure("sorted-set", MEDIANS, ["ZADD", "ZRANGE"]),
    ],
    "memory": [
        {"items": 1_000, "bands": bands, "sketch": sketch, "bytes": 100 + 25 * bands + 1.5 * sketch}
        for bands, sketch in [(8, 0), (16, 0), (32, 0), (16, 256)]
    ],
    "ping": {
        "clients": 10,
        "items": 1_000,
        "hot_members": 100,
        "hot_one_in": 50,
        "hot_compare": 70,
        "seconds": 1,
        "loads": [load("no other client", None), load("RECORD of 16", 10), load("SADD of 16", 10), load("SADD of one", 10)],
    },
}
METHOD = {"p50": 100, "p99": 200, "commands": 3, "nodes": 30}
FAN_OUT = {
    "nodes": 3,
    "items": 1_000,
    "calls": 10,
    "bands": 16,
    "rows": [
        {"parts": parts, **dict.fromkeys(["record", "compare", "classify", "assign"], METHOD)} for parts in (0, 1, 64)
    ],
}


class Sizes(unittest.TestCase):
    def test_the_memory_of_an_item_follows_from_bands_and_sketch(self):
        self.assertEqual(scaling.coefficients(RUN["memory"]), (100, 25, 1.5))
        self.assertEqual(scaling.bytes_of_item(RUN["memory"], 13, 256), 100 + 25 * 13 + 1.5 * 256)

    def test_nodes_have_room_for_copies(self):
        self.assertEqual(scaling.copied_share(RUN), 0.2)
        full = scaling.NODE * scaling.FILLED / 1.2
        self.assertEqual(scaling.nodes_and_parts(RUN, full * 0.999), (1, 1))
        self.assertEqual(scaling.nodes_and_parts(RUN, full * 1.001), (2, 8))
        self.assertEqual(scaling.nodes_and_parts(RUN, full * 2.5), (3, 16))


class Goals(unittest.TestCase):
    def test_growth_counts_from_100_000_items(self):
        self.assertEqual(scaling.growth(RUN["structures"][0], "RECORD"), 1.5)

    def test_each_goal_is_judged_by_itself(self):
        self.assertNotIn("| no |", scaling.goals_table(RUN))
        slow = copy.deepcopy(RUN)
        slow["structures"][1]["points"][-1]["calls"]["COMPARE"]["p50"] = 21
        slow["structures"][0]["points"][0]["calls"]["ASSIGN"]["worst_without_waits"] = 2_500
        slow["ping"]["loads"][1]["p999_without_waits"] = 1.5
        missed = [line for line in scaling.goals_table(slow).splitlines() if line.endswith("| no |")]
        self.assertEqual(len(missed), 3)
        self.assertIn("the median of COMPARE, the chunks", missed[0])
        self.assertIn("2.50 ms (ASSIGN, 10,000 items)", missed[1])
        self.assertIn("PING", missed[2])


class Page(unittest.TestCase):
    def test_a_run_that_ended_early_says_so(self):
        self.assertNotIn("Ended before", scaling.page(RUN, FAN_OUT))
        early = {**RUN, "items": 20_000_000}
        self.assertIn("Ended before 20 million items, for the 25 minutes and 18.0 GB", scaling.page(early, FAN_OUT))

    def test_a_structure_that_ended_early_leaves_the_others_their_rows(self):
        early = copy.deepcopy(RUN)
        early["structures"][3]["points"].pop()
        self.assertIn("| 1 million | 500 bytes | 500 bytes | 500 bytes | - |", scaling.page(early, FAN_OUT))

    def test_what_was_not_measured_is_not_made_up(self):
        large = copy.deepcopy(RUN)
        large["structures"][0]["saved"][-1]["sync"] = None
        page = scaling.page(large, FAN_OUT)
        self.assertIn("would not have fitted into the memory", page)
        self.assertIn("| 4.00 s | - | 5.00 us |", page)

    def test_the_plots_are_drawn(self):
        for picture in scaling.plots(RUN, FAN_OUT).values():
            self.assertIn("</svg>", picture)


if __name__ == "__main__":
    unittest.main()
