"""Things found by name, so that a new one is added in one place: in its own module, which may be anybody's.

A registry maps names to values in the order in which they were registered. A module registers what it defines, and the
registry's users ask by name:

>>> from collections.abc import Callable
>>> shapes: Registry[Callable[[float], float]] = Registry("shape")
>>> @shapes.register("square")
... def square(side: float) -> float:
...     return side * side
>>> shapes.get("square")(3.0)
9.0
>>> shapes.names
('square',)
>>> shapes.get("circle")
Traceback (most recent call last):
    ...
ValueError: unknown shape 'circle': choose one of square, or module:name of your own

A name of the form ``package.module:name`` imports the module first. It means what that module registered as ``name``,
else the module's attribute of that name. Such a name is understood by a worker process too, which has imported nothing:

>>> shapes.get("math:sqrt")(9.0)
3.0
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Generic, TypeVar

T = TypeVar("T")
V = TypeVar("V")

_SCRIPTS = ("__main__", "__mp_main__")  # a script is imported once more where it is named as a module


@dataclass(frozen=True)
class _Entry(Generic[T]):
    value: T
    module: str  # that registered it


class Registry(Generic[T]):
    """Values by name, in order of registration.

    Args:
        what: What a value is called in messages, such as ``"category"``.
        kind: Class of the values, checked where a value comes from outside (`collections.abc.Callable` is one too);
            None takes anything.
    """

    def __init__(self, what: str, kind: type | None = None) -> None:
        self.what = what
        self._kind = kind
        self._entries: dict[str, _Entry[T]] = {}

    def register(self, name: str) -> Callable[[V], V]:
        """Make a decorator that registers a function or class and returns it unchanged; see `add` for the errors.

        Args:
            name: Its name.
        """

        def decorate(value: V) -> V:
            self.add(name, value)  # type: ignore[arg-type]  # T is often a protocol or a callable; V keeps the exact type
            return value

        return decorate

    def add(self, name: str, value: T, module: str | None = None) -> None:
        """Register a value.

        Args:
            name: Its name.
            value: The value.
            module: Name of the module that registers it; None takes the one that defines the value.

        Raises:
            ValueError: The name is empty or has a colon, or another module has registered it.
            TypeError: The value is not of the registry's kind.
        """
        if not name or ":" in name:
            raise ValueError(f"{name!r} cannot be the name of a {self.what}: it must have a character and no colon")
        if self._kind is not None and not isinstance(value, self._kind):
            raise TypeError(f"{self.what} {name!r} must be a {self._kind.__name__}, not {value!r}")
        module = module or str(getattr(value, "__module__", None) or "")
        known = self._entries.get(name)
        if known is not None and known.module not in (module, *_SCRIPTS):  # the same module: it was reloaded
            raise ValueError(f"{self.what} {name!r} is registered already, by {known.module}: choose another name")
        self._entries[name] = _Entry(value, module)

    def get(self, name: str) -> T:
        """Return the value of a name.

        Args:
            name: A registered name, or ``package.module:name``, see the module's docstring.

        Raises:
            ValueError: There is no such value; the message lists the choices.
        """
        return self._find(name)[1]

    def canonical(self, name: str) -> str:
        """Return the name under which a value is registered; ``module:name`` itself for one that is not.

        Args:
            name: As for `get`.

        Raises:
            ValueError: There is no such value.
        """
        return self._find(name)[0]

    @property
    def names(self) -> tuple[str, ...]:
        """All registered names, in order of registration."""
        return tuple(self._entries)

    @property
    def modules(self) -> tuple[str, ...]:
        """Modules that registered something: another process that imports them knows the same names."""
        return tuple(dict.fromkeys(entry.module for entry in self._entries.values() if entry.module))

    def items(self) -> Iterator[tuple[str, T]]:
        """Yield names and values, in order of registration."""
        for name, entry in self._entries.items():
            yield name, entry.value

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def _find(self, name: str) -> tuple[str, T]:
        path, colon, own = name.partition(":")
        if not colon:
            if name not in self._entries:
                raise ValueError(f"unknown {self.what} {name!r}: choose one of {self._choices()}")
            return name, self._entries[name].value
        module = self._import(path, name)
        entry = self._entries.get(own)
        if entry is not None and (entry.module == module.__name__ or not hasattr(module, own)):
            return own, entry.value
        value = getattr(module, own, None)
        if value is None:
            raise ValueError(f"{self.what} {name!r}: module {path} neither registers nor defines {own!r}")
        if self._kind is not None and not isinstance(value, self._kind):
            raise ValueError(
                f"{self.what} {name!r}: {own} is no {self._kind.__name__}, and module {path} registers none as {own!r}"
            )
        return name, value

    def _import(self, path: str, name: str) -> ModuleType:
        missing = f"{self.what} {name!r}: there is no module {path!r}; is its folder on PYTHONPATH?"
        if not path or path.startswith("."):
            raise ValueError(missing)
        try:
            return importlib.import_module(path)
        except ModuleNotFoundError as error:
            if not f"{path}.".startswith(f"{error.name}."):
                raise  # the module is there, but not what it imports
            raise ValueError(missing) from error

    def _choices(self) -> str:
        return f"{', '.join(self._entries)}, or module:name of your own"
