"""The examples of the site's page and of the package's README do what they show, as doctests."""

import doctest
import functools
import pathlib
import re
import unittest

import redis
import redis.asyncio
from connections import port
from simile import Commands

PACKAGE = pathlib.Path(__file__).parents[1]
PAGES = [PACKAGE.parents[1] / "docs/python.md", PACKAGE / "README.md"]


def sessions(page: str) -> str:
    """The page's sessions, on the lines on which they are; other lines are empty."""
    is_session = False
    lines = []
    for line in page.splitlines():
        if line.startswith("```"):
            is_session = line == "```pycon"
            line = ""
        lines.append(line if is_session else "")
    return "\n".join(lines)


class Pages(unittest.TestCase):
    def setUp(self) -> None:
        # The pages speak to a server on the usual port, which the test's server is not on.
        for module in redis, redis.asyncio:
            self.addCleanup(setattr, module, "Redis", module.Redis)
            module.Redis = functools.partial(module.Redis, port=port())  # type: ignore[misc, assignment]

    def test_every_example_does_what_it_shows(self) -> None:
        for page in PAGES:
            test = doctest.DocTestParser().get_doctest(sessions(page.read_text()), {}, page.name, str(page), 0)
            said: list[str] = []
            with self.subTest(page=page.name):
                self.assertGreater(len(test.examples), 0)
                runner = doctest.DocTestRunner()
                runner.run(test, out=said.append)
                self.assertFalse(said, "".join(said))

    def test_every_example_is_run(self) -> None:
        for page in PAGES:
            languages = set(re.findall(r"^```(\w+)", page.read_text(), re.MULTILINE))
            self.assertLessEqual(languages, {"pycon", "sh"}, page.name)

    def test_every_method_is_named(self) -> None:
        page = PAGES[0].read_text()
        for name in vars(Commands):
            if not name.startswith("_"):
                self.assertIn(f"`{name}`", page)
