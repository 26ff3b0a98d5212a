"""Families of classes: lookup by Keras's names ("GlorotUniform", "glorot_uniform", a config, …), classes made of functions."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable
from typing import Any


def snake_case(name: str) -> str:
    """CamelCase -> snake_case, as Keras names layers."""
    name = re.sub(r"\W+", "", name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()


def class_around(class_name: str, base: type, fn: Callable[..., Any], **parameters: Any) -> type:
    """A subclass of `base` whose instances stand for `fn`: its constructor takes `parameters` (name -> default, in order) and
    hands them to `base(fn, **parameters)`.
    """
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    own = [inspect.Parameter("self", kind), *[inspect.Parameter(name, kind, default=value) for name, value in parameters.items()]]
    signature = inspect.Signature(own)

    def __init__(*args: Any, **kwargs: Any) -> None:
        try:
            bound = signature.bind(*args, **kwargs)
        except TypeError as error:
            raise TypeError(f"{class_name}: {error}. Arguments: {', '.join(parameters)}.") from None
        bound.apply_defaults()
        given = dict(bound.arguments)
        base.__init__(given.pop("self"), fn, **given)  # type: ignore[misc]

    __init__.__signature__ = signature  # type: ignore[attr-defined]
    return type(class_name, (base,), {"__init__": __init__, "__doc__": fn.__doc__, "__module__": fn.__module__, "function": fn})


class Names:
    """A family of classes and functions that can be named.

    kind: what they are, for messages; module: Keras's, for serialized forms; classes: the family; others: further names, and
    functions by name.
    """

    def __init__(
        self, kind: str, module: str, classes: Iterable[type] = (), others: dict[str, Callable[..., Any]] | None = None
    ) -> None:
        self.kind, self.module = kind, module
        self.classes: set[type] = set()
        self.table: dict[str, Callable[..., Any]] = {}
        for cls in classes:
            self.add(cls)
        self.table |= others or {}

    def add(self, cls: type) -> None:
        """Let a class belong to the family."""
        self.classes.add(cls)
        self.table |= {cls.__name__: cls, snake_case(cls.__name__): cls}

    def get(self, identifier: Any, custom_objects: dict[str, Any] | None = None) -> Any:
        """An instance (or the function itself) for a name, a class, or what `serialize` gave; anything else stays as it is.

        Raises:
            ValueError: for an unknown name, or what can be no member of the family (a number, say).
        """
        if isinstance(identifier, type):
            return identifier()
        if not isinstance(identifier, (str, dict)):
            if identifier is not None and not callable(identifier) and not hasattr(identifier, "get_config"):
                raise ValueError(f"Not a name, a config, an instance or a function: {identifier!r} (as {self.kind}).")
            return identifier
        name, config = (
            (identifier, {}) if isinstance(identifier, str) else (identifier.get("class_name"), identifier.get("config", {}))
        )
        if isinstance(config, str):  # Keras's form of a function
            name, config = config, {}
        known = {**self.table, **(custom_objects or {})}
        if name not in known:
            options = ", ".join(sorted({found.__name__ for found in self.table.values()}))
            raise ValueError(
                f"Unknown {self.kind}: {name!r}. Known: {options}. Give one of your own itself, or among `custom_objects`."
            )
        made = known[name]
        if not isinstance(made, type):
            return made
        return made.from_config(config) if hasattr(made, "from_config") else made(**config)

    def serialize(self, item: Any) -> Any:
        """Keras's form of an instance: module, class name, config and, for a class of the user's, the name it is known by.

        Of a function, its name.
        """
        if item is None or not hasattr(item, "get_config"):
            return getattr(item, "__name__", item)
        name, own = type(item).__name__, type(item) in self.classes
        module = self.module if own else type(item).__module__
        return {"module": module, "class_name": name, "config": item.get_config(), "registered_name": None if own else name}
