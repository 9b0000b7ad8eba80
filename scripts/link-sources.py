#!/usr/bin/env python3
"""A preprocessor of mdBook: makes links of the files that a page names, as in `src/lib.rs`, if the address of the source is
known (the environment variable SOURCE_URL).

Only paths from the project's root that exist; not in blocks of code, nor in the text of a link.
"""

import json
import os
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCE = os.environ.get("SOURCE_URL")
BLOCK = re.compile(r"(^```.*?^```)", re.MULTILINE | re.DOTALL)
NAMED = re.compile(r"(?<!\[)`([\w.-]+/[\w./-]*)`(?!\])")


def linked(match):
    path = match[1]
    if path.startswith("target/") or not (ROOT / path).exists():
        return match[0]
    return f"[`{path}`]({SOURCE}/blob/HEAD/{path})"


def link_sources(items):
    for item in items:
        if isinstance(item, dict) and "Chapter" in item:
            chapter = item["Chapter"]
            parts = BLOCK.split(chapter["content"])
            parts[::2] = [NAMED.sub(linked, prose) for prose in parts[::2]]
            chapter["content"] = "".join(parts)
            link_sources(chapter["sub_items"])


if sys.argv[1:2] == ["supports"]:
    sys.exit(0)
_, book = json.load(sys.stdin)
if SOURCE:
    link_sources(book["items"])
json.dump(book, sys.stdout)
