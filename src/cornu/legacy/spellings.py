"""How calls in old spellings become calls in today's: one mechanism, fed by the tables in `table`.

While `install` is in force, the constructors and functions in the tables take their old arguments too. A call in an old spelling warns
once (per callable and spelling) and shows the form of today. Calls from inside Cornu are left alone.
"""

from __future__ import annotations

import functools
import reprlib
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Rules = Mapping[str, "str | Callable[..., Any]"]


class OldSpelling(UserWarning):
    """A call is spelled as in Keras 1 or 2."""


class After:
    """What a rule gives when something is to be done with the new object. hint: how that is done today."""

    def __init__(self, do: Callable[[Any], None], hint: str) -> None:
        self.do, self.hint = do, hint


class Spelling:
    """The old spelling of one callable.

    name: what it is called in messages.
    rules: the name of an old argument, or of several that belong together, separated by blanks -> its name today, or a function of the
        old values (None for those that were not given) that gives the new arguments as a dictionary, or an `After`, or raises ValueError
        with an explanation.
    positions: names of the old positional arguments; `least`: from how many positional arguments on they mean that.
    today: what it is called now, where that is another name.
    check: is called with the positional arguments and may raise ValueError.
    """

    def __init__(
        self, name: str, rules: Rules, positions: str = "", least: int = 0, today: str | None = None, check: Any = None
    ) -> None:  # fmt: skip
        self.name, self.rules, self.today, self.check = name, rules, today or name, check
        self.positions, self.least = positions.split(), least
        self._words = {name: words for words in rules for name in words.split()}
        self._told: set[Any] = set()

    def modern(self, args: Sequence[Any], kwargs: dict[str, Any], depth: int = 3) -> tuple[tuple[Any, ...], dict[str, Any], list[After]]:
        """The arguments of today for those given, and what is to be done afterwards. Warns of old ones, where `depth` calls up."""
        if self.check is not None:
            self.check(*args)
        given, before = dict(kwargs), (tuple(args), kwargs)
        if self.positions and len(args) >= self.least:
            given, args = {**dict(zip(self.positions, args, strict=False)), **given}, args[len(self.positions) :]
        new: dict[str, Any] = {}
        after: list[After] = []
        done: set[str] = set()
        for name, value in given.items():
            words = self._words.get(name)
            if words is not None and words in done:
                continue
            result = {name: value} if words is None else self._apply(words, given)
            done |= {words} if words else set()
            if isinstance(result, After):
                after.append(result)
                continue
            twice = [key for key in result if key in new or (key != name and key in given and key not in self._words)]
            if twice:
                raise ValueError(f"{self.name}: `{twice[0]}` is given twice, by its old name too.")
            new |= result
        if new != kwargs or after or self.today != self.name:
            self._tell(before, (tuple(args), new), [action.hint for action in after], depth)
        return tuple(args), new, after

    def _apply(self, words: str, given: dict[str, Any]) -> Any:
        names, rule = words.split(), self.rules[words]
        values = [given.get(name) for name in names]
        if isinstance(rule, str):
            return {rule: values[0]}
        try:
            return rule(*values)
        except ValueError as error:
            shown = ", ".join(f"{name}={_short.repr(value)}" for name, value in zip(names, values, strict=True) if value is not None)
            raise ValueError(f"{self.name}({shown}): {error}") from None

    def _tell(self, before: Any, now: Any, hints: list[str], depth: int) -> None:
        key = (len(before[0]) if self.positions else 0, *(word for word in before[1] if word in self._words))
        if key in self._told:
            return
        self._told.add(key)
        forms = []
        for name, (args, kwargs), other in ((self.name, before, now[1]), (self.today, now, before[1])):
            changed = {word: value for word, value in kwargs.items() if other.get(word, self) is not value}
            forms.append(_call(name, args if before[0] != now[0] else (), changed))
        message = f"`{forms[0]}` is an old spelling: today it is `{forms[1]}`{''.join(f', {hint}' for hint in hints)}."
        warnings.warn(message, OldSpelling, stacklevel=depth + 1)

    def around(self, fn: Callable[..., Any], method: bool) -> Callable[..., Any]:
        """`fn` that takes old spellings too. method: whether its first argument is `self` (or the class)."""

        @functools.wraps(fn)
        def call(*args: Any, **kwargs: Any) -> Any:
            if (not kwargs and not self.positions and self.check is None) or _from_inside():
                return fn(*args, **kwargs)
            own, args = args[:method], args[method:]
            args, kwargs, after = self.modern(args, kwargs)
            result = fn(*own, *args, **kwargs)
            for action in after:
                action.do(own[0] if method else result)
            return result

        return call


class Old:
    """A class under an old name: called, subclassed and tested for like the class of today, with its old arguments."""

    def __init__(self, spelling: Spelling, today: type) -> None:
        self._spelling, self._today = spelling, today

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        args, kwargs, after = self._spelling.modern(args, kwargs)
        made = self._today(*args, **kwargs)
        for action in after:
            action.do(made)
        return made

    def __mro_entries__(self, bases: Any) -> tuple[type]:
        return (self._today,)

    def __instancecheck__(self, instance: Any) -> bool:
        return isinstance(instance, self._today)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._today, name)


class Gone:
    """A name that Keras has no more: it can be imported, but not called."""

    def __init__(self, name: str, instead: str) -> None:
        self._message = f"{name}: Keras has this no more. {instead}"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        raise ValueError(self._message)

    def __mro_entries__(self, bases: Any) -> tuple[type]:
        raise ValueError(self._message)


_short = reprlib.Repr()
_short.maxstring = _short.maxother = 40


def _call(name: str, args: Sequence[Any], kwargs: dict[str, Any]) -> str:
    parts = [*map(_short.repr, args), *(f"{key}={_short.repr(value)}" for key, value in kwargs.items())]
    return f"{name}({', '.join(parts)})" if parts else f"{name}(…)"


def _from_inside() -> bool:
    return sys._getframe(2).f_globals.get("__name__", "").startswith("cornu.")


_MISSING = object()
_replaced: list[tuple[Any, str, Any]] = []


def put(owner: Any, name: str, value: Any) -> None:
    """Let `owner.name` be `value` until `restore`."""
    _replaced.append((owner, name, vars(owner).get(name, _MISSING)))
    setattr(owner, name, value)


def restore() -> None:
    """Undo all that `put` did."""
    while _replaced:
        owner, name, before = _replaced.pop()
        if before is _MISSING:
            delattr(owner, name)
        else:
            setattr(owner, name, before)
