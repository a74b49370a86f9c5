"""What a transform is, and its verdicts."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from loglite import _bindings
from loglite.harvester import failure
from loglite.ingestor import text_of


@dataclass(frozen=True)
class Verdict:
    """What happens to an entry. Made by `keep`, `drop`, `replace`, `split` and `refuse`."""

    case: str
    value: str | list[str] | None = None


_KEEP = Verdict("keep")
_DROP = Verdict("drop")


def keep() -> Verdict:
    """The entry goes on as it is. The cheapest verdict: nothing is copied."""
    return _KEEP


def drop() -> Verdict:
    """The entry is not stored, without further notice."""
    return _DROP


def replace(entry: Mapping[str, Any] | str) -> Verdict:
    """This entry, fields or the text of one JSON object, goes on in its place.

    >>> replace({"level": "INFO"})
    Verdict(case='replace', value='{"level":"INFO"}')
    """
    return Verdict("replace", text_of(entry))


def split(entries: Iterable[Mapping[str, Any] | str]) -> Verdict:
    """These entries go on in its place, in this order.

    >>> split([{"n": 1}, {"n": 2}]).value
    ['{"n":1}', '{"n":2}']
    """
    return Verdict("split", [text_of(entry) for entry in entries])


def refuse(reason: str) -> Verdict:
    """The entry is not stored, and its source is told why: in the answer to an HTTP request, or as a dead letter."""
    return Verdict("refuse", reason)


class Transform(ABC):
    """Looks at each entry on its way to the table. Derive from it, and export the class with `export_transform`.

    Keep no state that must not be lost: instances are replaced at any time.
    """

    source: str = ""
    """Where the entry comes from: `http`, or a harvester's name. Set before each `apply`."""

    def configure(self, config: dict[str, Any]) -> None:
        """Take the plugin's `config:`. Called once, before anything else. Raise `InvalidConfig` if it is wrong."""

    @abstractmethod
    def apply(self, entry: dict[str, Any]) -> Verdict:
        """Judge one entry.

        An exception makes loglite try again without this entry, and handle it as the transform's `on_failure` says.
        """

    def apply_text(self, text: str) -> Verdict:
        """Judge one entry by its JSON text, exactly as its source sent it.

        Override it where most entries can be told apart by their text: reading JSON is most of a transform's time.

        >>> class Redact(Transform):
        ...     def apply_text(self, text):
        ...         return super().apply_text(text) if '"password"' in text else keep()
        ...     def apply(self, entry):
        ...         return replace({**entry, "password": "***"})
        >>> Redact().apply_text('{"message": "hello"}').case
        'keep'
        >>> Redact().apply_text('{"password": "secret"}').value
        '{"password":"***"}'
        """
        entry = json.loads(text)
        return self.apply(entry) if isinstance(entry, dict) else _KEEP


def export_transform(plugin: type[Transform]) -> type:
    """Make the class that loglite looks for in a plugin: `Transform = loglite.export_transform(MyTransform)`."""
    if not (isinstance(plugin, type) and issubclass(plugin, Transform)):
        raise TypeError(f"export_transform takes a class derived from loglite.Transform, not {plugin!r}")
    instance: list[Transform] = []

    class ExportedTransform:
        """Called by the bindings."""

        def configure(self, config: str) -> None:
            """Make the plugin; what it raises becomes the failure that loglite understands."""
            try:
                made = plugin()
                made.configure(json.loads(config))
            except Exception as error:  # noqa: BLE001 - whatever it is, loglite should hear of it and not trap
                raise failure(error) from error
            instance[:] = [made]

        def apply(self, source: str, entries: list[str]) -> list[Any]:
            """Judge a list of entries. An exception ends the call on purpose: loglite then finds the entry at fault."""
            (transform,) = instance
            transform.source = source
            return [_bindings.verdict(_checked(transform.apply_text(text), plugin)) for text in entries]

    return ExportedTransform


def _checked(verdict: Verdict, plugin: type) -> Verdict:
    if not isinstance(verdict, Verdict):
        raise TypeError(
            f"{plugin.__name__}.apply must return loglite.keep(), drop(), replace(…), split(…) or refuse(…), "
            f"not {type(verdict).__name__}"
        )
    return verdict
