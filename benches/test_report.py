"""Tests of the page that report.py makes: rows without a target, and the axes of plots."""

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


class Axes(unittest.TestCase):
    def test_a_single_power_of_ten_is_an_axis(self):
        axis = report.Axis([100, 100], 0, 50)
        self.assertEqual([axis.place(figure) for figure in (100, 1_000)], [0, 50])


if __name__ == "__main__":
    unittest.main()
