"""A Python function or class of the user's, given as `module:name`, and errors that name it."""

import difflib
import importlib
import inspect
import reprlib
from collections.abc import Callable, Collection, Sequence
from typing import Any

from rlhp_ray.errors import RlhpError, TeacherError


class UserFunction:
    """Imported when made, so that what cannot be used shows at the start and not at the first call.

    Args:
        key: dotted configuration key that names it, for messages.
        target: `module:function`.
        arguments: what it is called with, in words.
        optional: what it is also called with, after those, where it has parameters of these names.
        kind: what it is, in a word: function or class.
        error: type of the errors that it raises.

    Raises:
        RlhpError: of the type `error`: the module cannot be imported, holds no such function, or it takes other
            arguments.
    """

    def __init__(
        self,
        key: str,
        target: str,
        arguments: Sequence[str],
        *,
        optional: Sequence[str] = (),
        kind: str = "function",
        error: type[RlhpError] = TeacherError,
    ) -> None:
        self.title = f"{key}={target}"
        self._kind, self._error = kind, error
        self.imported = self._import(*target.split(":"))
        self.optional = tuple(name for name in optional if name in self._parameters())
        self._check_signature((*arguments, *self.optional))

    def _parameters(self) -> Collection[str]:
        try:
            return inspect.signature(self.imported).parameters.keys()
        except ValueError:  # some functions written in C do not tell
            return ()

    def _import(self, module_name: str, function_name: str) -> Callable[..., Any]:
        try:
            module = importlib.import_module(module_name)
        except Exception as error:  # the module's own code runs
            raise self._error(
                f"{self.title}: the module {module_name} cannot be imported ({type(error).__name__}: "
                f"{one_line(error)}); expected one that is installed or lies on PYTHONPATH."
            ) from error
        function = getattr(module, function_name, None)
        if callable(function):
            return function
        if function is not None:
            raise self._error(f"{self.title}: {function_name} is a {type(function).__name__}; expected a {self._kind}.")
        known = [name for name, value in vars(module).items() if callable(value)]
        close = difflib.get_close_matches(function_name, known, n=1)
        hint = f"Did you mean {close[0]}?" if close else f"Define it in {getattr(module, '__file__', module_name)}."
        raise self._error(f"{self.title}: the module {module_name} has no {self._kind} {function_name}. {hint}")

    def _check_signature(self, arguments: Sequence[str]) -> None:
        try:
            signature = inspect.signature(self.imported)
        except ValueError:  # some functions written in C do not tell
            return
        try:
            signature.bind(*arguments)
        except TypeError:
            raise self._error(
                f"{self.title}: the {self._kind} takes {signature}; expected one to call with ({', '.join(arguments)})."
            ) from None

    def __call__(self, *arguments: Any) -> Any:
        """What the function returns. Raises an error of the given type where it raises."""
        try:
            return self.imported(*arguments)
        except Exception as error:
            raise self._error(
                f"{self.title} raised {type(error).__name__}: {one_line(error)}. Correct the {self._kind}, then resume."
            ) from error


def one_line(value: object) -> str:
    """Text of an error, or short text of any other value, without line breaks."""
    text = str(value) if isinstance(value, BaseException) else reprlib.repr(value)
    return " ".join(text.split())
