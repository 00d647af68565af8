"""Parts of an answer as JSON at once: from structs to text, with no dicts in between.

A plain selection is written as pieces, in turn of structure and of what stands between quotation marks, joined at the
end. That takes about as many instructions as making dicts and encoding them, but misses the processor's second cache a
quarter less often (docs/performance.md). What text must be is checked by joining and by encoding it, in two calls for
all of a part; where a piece has characters that JSON escapes, the encoder's own escapes are put in. Whoever wants the
data of such a part reads it back.
"""

from collections.abc import Callable
from typing import Any

import msgspec
import orjson
from graphql import (
    GraphQLBoolean,
    GraphQLInt,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    is_abstract_type,
    is_leaf_type,
)
from graphql.execution.collect_fields import FieldDetailsList

from gateway.plans.codegen import (
    NESTING_MAX,
    Compiler,
    PlainField,
    Writer,
    is_node_id,
    node_id_code,
    renamed,
)
from gateway.plans.leaves import leaf_of
from gateway.plans.reads import Constant

TRUTHS = {True: "true", False: "false"}
CHOICES_MAX = 32
"""Structures made ahead at one place, for the values that an enum or several neighbouring ones may have."""


class Written(msgspec.Struct, eq=False):
    """A part of an answer that is JSON already."""

    text: str

    @property
    def data(self) -> Any:
        """Return what it says."""
        return orjson.loads(self.text)


Write = Callable[[Any], Written]


def as_data(value: Any) -> Any:
    """Return an answer with the data of its written parts in their places."""
    if isinstance(value, Written):
        return value.data
    if isinstance(value, dict):
        return {key: as_data(one) for key, one in value.items()}
    return [as_data(one) for one in value] if isinstance(value, list) else value


def written(pieces: list[str]) -> Written:
    """Join pieces: structure at even places, what stands between quotation marks (or nothing) at odd ones.

    Raises:
        TypeError: one of them is no text, or cannot be encoded.
    """
    texts = pieces[1::2]
    if b"\\" in orjson.dumps("".join(texts)):
        pieces[1::2] = [orjson.dumps(text)[1:-1].decode() for text in texts]
    return Written("".join(pieces))


def raw(value: Any) -> str:
    """Return a coerced leaf as JSON.

    Raises:
        TypeError: that is not to be had without asking the value itself.
    """
    return orjson.dumps(value, option=orjson.OPT_PASSTHROUGH_SUBCLASS).decode()


class _Choices:
    """Structure that depends on values: an expression that chooses it from constants, all of which grow together."""

    def __init__(self, expression: str, constants: Any) -> None:
        """Take the expression, and the constants: a dict of texts, or of such dicts."""
        self.expression = expression
        self._constants = constants

    def add(self, structure: str) -> None:
        """Have more structure follow, whatever is chosen."""
        _grow(self._constants, lambda text: text + structure)

    def times(self, expression: str, names: dict[Any, str]) -> bool:
        """Have one of several names follow, each choice with each of them; say whether there is room for that."""
        if _size(self._constants) * len(names) > CHOICES_MAX:
            return False
        _grow(self._constants, lambda text: {key: text + name for key, name in names.items()})
        self.expression += f"[{expression}]"
        return True


def _grow(constants: Any, grown: Callable[[str], Any]) -> None:
    for key, value in constants.items():
        if isinstance(value, str):
            constants[key] = grown(value)
        else:
            _grow(value, grown)


def _size(constants: Any) -> int:
    return 1 if isinstance(constants, str) else sum(map(_size, constants.values()))


class _Pieces(Writer):
    """A function being written that makes pieces; structure gathers until a text follows it."""

    def __init__(self, opening: str) -> None:
        super().__init__(opening)
        self.constants |= {"written": written, "raw": raw, "TRUTHS": TRUTHS}
        self._structure = ""
        self._choices: _Choices | None = None
        """What structure is instead, where it depends on values."""
        self._group: list[str] = []

    def say(self, structure: str) -> None:
        """Write structure."""
        if self._choices is None:
            self._structure += structure
        else:
            self._choices.add(structure)

    def put(self, text: str) -> None:
        """Write a text, given as an expression."""
        self._group += [self._taken(), text]

    def put_raw(self, json: str) -> None:
        """Write a piece of JSON, given as an expression: as structure, which is not escaped."""
        self._group += [f"{self._taken()} + {json}", "''"]

    def put_name(self, key: str, names: dict[Any, str]) -> None:
        """Write the name that a key, given as an expression, has: as structure where there is room for all of them."""
        if len(names) > CHOICES_MAX:
            self.say('"')
            self.put(f"{self.constant(names)}[{key}]")
            self.say('"')
            return
        quoted = {one: f'"{name}"' for one, name in names.items()}
        if self._choices is None or not self._choices.times(key, quoted):
            before = self._before()
            constants = {one: before + name for one, name in quoted.items()}
            self._choices = _Choices(f"{self.constant(constants)}[{key}]", constants)

    def put_nullable(self, text: str) -> None:
        """Write a string or null, given as a variable."""
        opening, closing = self.name(), self.name()
        before, after = self._before(), {True: "", False: '"'}
        with self.block(f"if {text} is None:"):
            self.line(f"{opening} = {before + 'null'!r}; {text} = ''; {closing} = True")
        with self.block("else:"):
            self.line(f"{opening} = {before + chr(34)!r}; {closing} = False")
        self._group += [opening, text]
        self._choices = _Choices(f"{self.constant(after)}[{closing}]", after)

    def branch(self, value: str) -> None:
        """Write null where the variable is, and open the branch for what it is otherwise (`depth` closes it)."""
        before = self.before()
        self.line(f"if {value} is None: pieces += ({before + 'null'!r}, '')")
        self.line("else:")
        self.depth += 1
        self.say(before)

    def before(self) -> str:
        """Write what there is but for structure that comes next, and return that."""
        before = self._before()
        self.flush()
        return before

    def flush(self) -> None:
        """Write all there is, before a branch or its end."""
        if self._structure or self._choices is not None:
            self.put("''")
        if self._group:
            self.line(f"pieces += ({', '.join(self._group)})")
            self._group = []

    def _before(self) -> str:
        if self._choices is not None:
            self.put("''")
        before, self._structure = self._structure, ""
        return before

    def _taken(self) -> str:
        if self._choices is not None:
            choices, self._choices = self._choices, None
            return choices.expression
        structure, self._structure = self._structure, ""
        return repr(structure)


class TextCompiler(Compiler):
    """Writes functions that write places of one operation."""

    def writing(self, type_: GraphQLOutputType, details: FieldDetailsList) -> Write:
        """Return a function that writes a value of the type, or raises where something is odd about it.

        Raises:
            NotPlain: something under it has a resolver.
        """
        pieces = _Pieces("def write(value):")
        pieces.line("pieces = []")
        self._write(pieces, type_, details, "value")
        pieces.flush()
        pieces.line("return written(pieces)")
        write: Write = pieces.function("write")
        return write

    def _adding(self, type_: GraphQLOutputType, details: FieldDetailsList) -> Callable[[Any, list[str]], None]:
        """Return a function that adds the pieces of a value."""
        pieces = _Pieces("def add(value, pieces):")
        self._write(pieces, type_, details, "value")
        pieces.flush()
        add: Callable[[Any, list[str]], None] = pieces.function("add")
        return add

    def _write(self, pieces: _Pieces, type_: Any, details: FieldDetailsList, value: str) -> None:
        """Write a value, given as a variable."""
        if isinstance(type_, GraphQLNonNull):
            if is_leaf_type(type_.of_type):
                self._write_leaf(pieces, type_.of_type, value)
            else:
                self._write_structured(pieces, type_.of_type, details, value)
        elif is_leaf_type(type_) and leaf_of(type_).is_text:
            pieces.put_nullable(value)
        else:
            depth = pieces.depth
            pieces.branch(value)
            self._write(pieces, GraphQLNonNull(type_), details, value)
            pieces.flush()
            pieces.depth = depth

    def _write_leaf(self, pieces: _Pieces, type_: Any, value: str) -> None:
        leaf = leaf_of(type_)
        if leaf.is_text:
            pieces.say('"')
            pieces.put(value)
            pieces.say('"')
        elif leaf.names is not None:
            pieces.put_name(value, leaf.names)
        else:
            names = {name: pieces.constant(constant) for name, constant in leaf.constants.items()}
            usual = renamed(leaf.usual, names).format(value=value)
            if type_ in (GraphQLInt, GraphQLBoolean):
                pieces.line(f"if not ({usual}): raise Odd")
                pieces.put_raw(f"str({value})" if type_ is GraphQLInt else f"TRUTHS[{value}]")
            else:
                pieces.line(f"if not ({usual}): {value} = {pieces.constant(leaf.coerce)}({value})")
                pieces.put_raw(f"raw({value})")

    def _write_structured(self, pieces: _Pieces, type_: Any, details: FieldDetailsList, value: str) -> None:
        if isinstance(type_, GraphQLList):
            self._write_list(pieces, type_, details, value)
        elif is_abstract_type(type_):
            dispatch = pieces.constant(self._dispatch(type_, details))
            pieces.flush()
            pieces.line(f"({dispatch}.get(type({value})) or {dispatch}.choose({value}))({value}, pieces)")
        elif pieces.depth > NESTING_MAX:
            pieces.flush()
            pieces.line(f"{pieces.constant(self._adding(GraphQLNonNull(type_), details))}({value}, pieces)")
        else:
            self._write_object(pieces, type_, details, value)

    def _write_list(self, pieces: _Pieces, type_: GraphQLList[Any], details: FieldDetailsList, value: str) -> None:
        pieces.line(f"if type({value}) is not list and type({value}) is not tuple: raise Odd")
        before = pieces.before()
        begin, item = pieces.name(), pieces.name()
        pieces.line(f"{begin} = len(pieces)")
        with pieces.block(f"for {item} in {value}:"):
            pieces.say(",")
            if pieces.depth > NESTING_MAX:
                pieces.flush()
                pieces.line(f"{pieces.constant(self._adding(type_.of_type, details))}({item}, pieces)")
            else:
                self._write(pieces, type_.of_type, details, item)
                pieces.flush()
        opening = before + "["
        pieces.line(f"if len(pieces) > {begin}: pieces[{begin}] = {opening!r} + pieces[{begin}][1:]")
        pieces.line(f"else: pieces += ({opening!r}, '')")
        pieces.say("]")

    def _write_object(self, pieces: _Pieces, type_: GraphQLObjectType, details: FieldDetailsList, value: str) -> None:
        fields = self._fields(type_, details)
        self._plain_class(pieces, fields, type_.name if type_.is_type_of else None, value)
        self._write_fields(pieces, fields, value)

    def _of_object(self, fields: list[PlainField]) -> Callable[[Any, list[str]], None]:
        pieces = _Pieces("def add(value, pieces):")
        self._write_fields(pieces, fields, "value")
        pieces.flush()
        add: Callable[[Any, list[str]], None] = pieces.function("add")
        return add

    def _write_fields(self, pieces: _Pieces, fields: list[PlainField], source: str) -> None:
        for index, field in enumerate(fields):
            pieces.say(f'{"," if index else "{"}"{field.response_name}":')
            self._write_field(pieces, field, source)
        pieces.say("}" if fields else "{}")

    def _write_field(self, pieces: _Pieces, field: PlainField, source: str) -> None:
        if isinstance(field.read, Constant):
            pieces.say(raw(field.read.value))
            return
        if is_node_id(field):
            pieces.say('"')
            pieces.put(node_id_code(field, f"{source}.{field.read.attribute}"))  # it raises where that is no string
            pieces.say('"')
            return
        read = source if field.read.attribute is None else f"{source}.{field.read.attribute}"
        read = read if field.read.make is None else f"{pieces.constant(field.read.make)}({read})"
        if isinstance(field.type, GraphQLNonNull) and is_leaf_type(field.type.of_type):
            leaf = leaf_of(field.type.of_type)
            if leaf.is_text or leaf.names is not None:
                self._write_leaf(pieces, field.type.of_type, read)
                return
        value = pieces.name()
        pieces.line(f"{value} = {read}")
        self._write(pieces, field.type, field.details, value)
