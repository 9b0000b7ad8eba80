"""Tests of the page that report.py makes: rows without a target, what a COMPARE reads, and the axes of plots."""

import unittest

import report

HEAD = ["name", "work", "compared with", "this module", "ratio", "by processor time", "target", "met"]


def row(name, reached):
    return {"name": name, "cells": [name, *"bcdefgh"], "reached": reached}


class Targets(unittest.TestCase):
    def test_a_row_without_a_target_is_neither_met_nor_missed(self):
        rows = [row("one", 1.0), row("two", None)]
        self.assertEqual(report.verdict(rows), "All 1 targets are met.")
        self.assertNotIn("`two`", report.targets_table({"head": HEAD, "rows": rows}))
        self.assertIn("`two`", report.rows_table({"head": HEAD, "rows": rows}))

    def test_a_missed_target_is_named(self):
        rows = [row("one", 0.9), row("two", None), row("three", 2.0)]
        self.assertEqual(report.verdict(rows), "1 of 2 are met; not met: `one`.")


class Misses(unittest.TestCase):
    def test_lines_and_misses_are_compared(self):
        row = {"name": "compare-8", "found": 29.74, "lines": 1000, "misses": 1100, "accesses": 39415, "instructions": 100904}
        section = report.misses_section([row])
        self.assertIn("| `compare-8` | 29.7 | 1,000 | 1,100 | 39,415 | 100,904 |", section)
        self.assertIn("misses 1.10 times as often", section)

    def test_a_page_without_them_has_no_section(self):
        self.assertEqual(report.misses_section(None), "")


class Axes(unittest.TestCase):
    def test_a_single_power_of_ten_is_an_axis(self):
        axis = report.Axis([100, 100], 0, 50)
        self.assertEqual([axis.place(figure) for figure in (100, 1_000)], [0, 50])


if __name__ == "__main__":
    unittest.main()
