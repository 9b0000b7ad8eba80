"""Makes the method of a scope or a pipeline out of the method of ``Commands`` that builds its command."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any


def presented(method: Callable[..., Any], build: Callable[..., Any], returns: str | None = None) -> None:
    """Gives a method the name, the arguments and the doc string of the one that builds its command.

    Its return type is that of the command's result, unless ``returns`` says something else.
    """
    functools.update_wrapper(method, build)
    signature = inspect.signature(build)
    result = str(signature.return_annotation).removeprefix("Command[").removesuffix("]")
    # Instead of the signature of the function that was wrapped, which returns a command.
    vars(method)["__signature__"] = signature.replace(return_annotation=returns or result)
