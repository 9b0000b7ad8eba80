"""The part of an item is the same for the tool and for this package."""

import unittest
from pathlib import Path

from simile.parts import part_names, part_of

VECTORS = Path(__file__).parents[3] / "tests/fixtures/parts.txt"


class Parts(unittest.TestCase):
    def test_an_item_is_in_the_part_that_the_tool_computes(self) -> None:
        vectors = [line.split(" ") for line in VECTORS.read_text().splitlines() if not line.startswith("#")]
        self.assertGreater(len(vectors), 100)
        for name, parts, part in vectors:
            self.assertEqual(part_of(bytes.fromhex(name), int(parts)), int(part), (name, parts))

    def test_a_scope_is_split_into_parts_of_other_slots(self) -> None:
        self.assertEqual(part_names("x{7}", 1), ["x{7}"])
        self.assertEqual(part_names("x", 3), ["x:{0}", "x:{1}", "x:{2}"])
        for name, parts in [("x{7}", 2), ("x}", 2), ("x", 0), ("x", 65_536)]:
            with self.assertRaises(ValueError):
                part_names(name, parts)


if __name__ == "__main__":
    unittest.main()
