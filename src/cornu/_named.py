"""Families of classes: lookup by Keras's names ("GlorotUniform", "glorot_uniform", a config, …), classes made of functions."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
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
    """A family of classes that can be named.

    kind: what they are, for messages; classes: the family; aliases: further names; module: Keras's, for serialized configs.
    """

    def __init__(
        self, kind: str, classes: tuple[type, ...], aliases: dict[str, type] | None = None, module: str | None = None
    ) -> None:
        self.kind, self.classes, self.module = kind, classes, module
        self.table = {name: cls for cls in classes for name in (cls.__name__, snake_case(cls.__name__))} | (aliases or {})

    def get(self, identifier: Any, custom_objects: dict[str, Any] | None = None) -> Any:
        """An instance (or the function itself); None stays None.

        Raises:
            ValueError: for an unknown name.
        """
        if identifier is None or not isinstance(identifier, (str, dict, type)):
            return identifier
        if isinstance(identifier, type):
            return identifier()
        name, config = (identifier, {}) if isinstance(identifier, str) else (identifier.get("class_name"), identifier.get("config", {}))
        known: dict[str, Callable[..., Any]] = {**self.table, **(custom_objects or {})}
        if name not in known:
            options = ", ".join(sorted({cls.__name__ for cls in self.table.values()}))
            raise ValueError(f"Unknown {self.kind}: {identifier!r}. Known: {options}.")
        made = known[name]
        if not isinstance(made, type):
            return made
        return made.from_config(config) if hasattr(made, "from_config") else made(**config)

    def serialize(self, item: Any) -> Any:
        """Class name and config of an instance, with its module where the family has one."""
        if item is None or not hasattr(item, "get_config"):
            return getattr(item, "__name__", item)
        found = {"class_name": type(item).__name__, "config": item.get_config()}
        if self.module is None:
            return found
        own = type(item) in self.classes
        registered = None if own else found["class_name"]
        return {"module": self.module if own else type(item).__module__, **found, "registered_name": registered}
