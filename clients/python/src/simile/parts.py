"""The parts of a split scope: their names, and which of them an item is in.

Every client and every release must agree on both; the command-line tool does the same with ``--cluster PARTS``.
"""

from __future__ import annotations

from simile.clauses import Name

#: The constants of MurmurHash3_x64_128, by Austin Appleby.
FACTORS = 0x87C37B91114253D5, 0x4CF5AD432745937F
MASK = 0xFFFF_FFFF_FFFF_FFFF
#: The largest number of parts, as in the tool.
MOST_PARTS = 65_535


def part_names(name: Name, parts: int) -> list[Name]:
    """The names of the scopes that a scope is split into: ``name:{0}``, ``name:{1}`` and so on, or ``name`` if it has
    only one part.

    Errors: ``ValueError`` for a number of parts outside 1 to 65535, and a name with braces, since each part adds its
    own; ``TypeError`` for a name of several parts that is bytes.
    """
    if not 1 <= parts <= MOST_PARTS:
        raise ValueError(f"parts must be between 1 and {MOST_PARTS}, not {parts}")
    if parts == 1:
        return [name]
    if not isinstance(name, str):
        raise TypeError(f"the name of a split scope must be a str, not {name!r}: each part adds to it")
    if "{" in name or "}" in name:
        raise ValueError(f"the name {name!r} of a split scope must not contain braces: each part adds its own")
    return [f"{name}:{{{part}}}" for part in range(parts)]


def part_of(item: bytes, parts: int) -> int:
    """The number of the part that an item is in: the first half of the MurmurHash3_x64_128 of its name, with seed 0,
    modulo the number of parts."""
    return _murmur3_x64_128(item) % parts


def _murmur3_x64_128(data: bytes) -> int:
    """The first half of the hash, which is the lower one."""
    one = other = 0
    whole = len(data) - len(data) % 16
    for start in range(0, whole, 16):
        one ^= _scrambled(data[start : start + 8], 0)
        one = (_rotated(one, 27) + other) * 5 + 0x52DCE729 & MASK
        other ^= _scrambled(data[start + 8 : start + 16], 1)
        other = (_rotated(other, 31) + one) * 5 + 0x38495AB5 & MASK
    # The last 15 bytes or fewer. What is missing counts as zeros, and zeros change nothing.
    one ^= _scrambled(data[whole : whole + 8], 0) ^ len(data)
    other ^= _scrambled(data[whole + 8 :], 1) ^ len(data)
    one = one + other & MASK
    other = other + one & MASK
    return _finished(one) + _finished(other) & MASK


def _scrambled(block: bytes, lane: int) -> int:
    """Eight bytes or fewer, in the first or in the second lane of a block of 16."""
    word = int.from_bytes(block, "little") * FACTORS[lane] & MASK
    return _rotated(word, (31, 33)[lane]) * FACTORS[1 - lane] & MASK


def _rotated(word: int, bits: int) -> int:
    return (word << bits | word >> 64 - bits) & MASK


def _finished(word: int) -> int:
    word = (word ^ word >> 33) * 0xFF51AFD7ED558CCD & MASK
    word = (word ^ word >> 33) * 0xC4CEB9FE1A85EC53 & MASK
    return word ^ word >> 33
