"""What a scope and its commands are without a client, and that each command is a method everywhere."""

import inspect
import subprocess
import sys
import unittest

import simile
from simile import AsyncPipeline, AsyncScope, Commands, Features, Pipeline, Scope, Signature, Text
from simile.results import ScanPage

#: Every public method that builds a command.
BUILDERS = {
    name: method for name, method in inspect.getmembers(Commands, inspect.isfunction) if not name.startswith("_")
}


class EveryMethod(unittest.TestCase):
    def test_each_command_is_a_method_of_scopes_and_pipelines(self) -> None:
        self.assertEqual(len(BUILDERS), 26)
        for face in Scope, AsyncScope, Pipeline, AsyncPipeline:
            for name, build in BUILDERS.items():
                method = getattr(face, name)
                with self.subTest(face=face.__name__, method=name):
                    self.assertEqual(method.__doc__, build.__doc__)
                    self.assertEqual(
                        list(inspect.signature(method).parameters), list(inspect.signature(build).parameters)
                    )
                    self.assertEqual(
                        inspect.iscoroutinefunction(method), face is AsyncScope
                    )

    def test_help_says_what_a_method_returns(self) -> None:
        def returns(method: object) -> str:
            return str(inspect.signature(method).return_annotation)  # type: ignore[arg-type]

        self.assertEqual(returns(Scope.classify), "list[Match]")
        self.assertEqual(returns(AsyncScope.info), "ScopeInfo | None")
        self.assertEqual(returns(Pipeline.record), "Self")

    def test_everything_public_has_a_doc_string(self) -> None:
        for name in simile.__all__:
            thing = getattr(simile, name)
            if inspect.isclass(thing):
                self.assertTrue(thing.__doc__, name)
                for method, value in inspect.getmembers(thing, inspect.isfunction):
                    if not method.startswith("_") and value.__module__.startswith("simile"):
                        self.assertTrue(value.__doc__, f"{name}.{method}")


class WithoutAClient(unittest.TestCase):
    commands = Commands("errors", bytes.decode)

    def test_a_command_is_words_and_a_parser(self) -> None:
        command = self.commands.record("issue-1", Text("message", "refused"), timestamp=7, replace=True)
        words = ("SIM.RECORD", "errors", "issue-1", "TIMESTAMP", 7, "REPLACE", "TEXT", "message", "refused")
        self.assertEqual(command.words, words)
        page = self.commands.scan_page("message", 3, match="a*").parse([b"17", [b"apple", 2]])
        self.assertEqual(page, ScanPage(17, [("apple", 2)]))

    def test_a_clause_keeps_what_an_iterator_gave(self) -> None:
        clause = Features("frames", (frame for frame in ["main", "retry"]))
        self.assertEqual(clause.words(), ["FEATURES", "frames", 2, "main", "retry"])
        self.assertEqual(clause.words(), ["FEATURES", "frames", 2, "main", "retry"])

    def test_a_string_is_no_collection(self) -> None:
        for make in Features, Signature:
            with self.assertRaisesRegex(TypeError, "must be a collection of str or bytes, not one str"):
                make("frames", "main")

    def test_an_unknown_option_is_a_type_error(self) -> None:
        with self.assertRaisesRegex(TypeError, "colour"):
            self.commands.classify(Text("message", "x"), colour="red")  # type: ignore[call-arg]

    def test_the_package_imports_no_client(self) -> None:
        check = "import sys, simile; sys.exit(bool({'redis', 'valkey', 'typing_extensions'} & set(sys.modules)))"
        self.assertEqual(subprocess.run([sys.executable, "-c", check], check=False).returncode, 0)
