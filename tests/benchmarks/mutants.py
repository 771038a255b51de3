"""What may happen to a file: changes of its bytes, of its text, and of the parts of HDF5, JSON and safetensors files.

A change is drawn by a random generator, so that its seed makes it again.
"""

import gzip
import json
import zlib
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any, NamedTuple


class Change(NamedTuple):
    """What was done to which file; `same`: it means what it meant before."""

    what: str
    same: bool = False


# Values that a field of text, a number of a header or an array may have by accident.
TOKENS = (
    "", " ", ".", "-", "NA", "nan", "inf", "-1", "0", "1.5", "1,5", "1e400", "99999999999999999999", "1_000", "0x10",
    "\0", '"', "'", '"a', "=1+1", "%", "%ZZ", ";", "|", "=", "é", "\u0663", "😀", "\u00a0", "#", ">", "\\", "a\tb",
)  # fmt: skip
HEADS = (b"\x1f\x8b", b"PK\3\4", b"\x89HDF\r\n\x1a\n", b"BZh9", b"\xfd7zXZ\0")  # gzip, zip, HDF5, bzip2, xz
NUMBERS = (-1, 0, 1, 7, 255, 2**31 - 1, 2**31, 2**40, 2**62, -(2**63), 0.5, 1e300, float("nan"))


def mutate(folder: Path, chance: Random) -> Change:
    """Change one file of a folder, at times the folder itself."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    path = chance.choice(files)
    if len(files) > 1 and chance.random() < 0.1:
        if chance.random() < 0.5:
            path.unlink()
            return Change(f"missing: {path.name}")
        path.write_bytes(chance.choice(files).read_bytes())
        return Change(f"another file's content: {path.name}")
    what, same = _change_file(path, chance)
    return Change(f"{what}: {path.name}" if len(files) > 1 else what, same)


def _change_file(path: Path, chance: Random) -> Change:
    content = path.read_bytes()
    if chance.random() < 0.3:
        name = chance.choice(list(BYTES))
        path.write_bytes(BYTES[name](content, chance))
        return Change(name)
    if content.startswith(b"\x89HDF"):
        return Change(_change_hdf5(path, chance))
    if path.suffix == ".safetensors":
        return Change(_change_safetensors(path, chance))
    packed = content.startswith(b"\x1f\x8b")
    try:
        text = (gzip.decompress(content) if packed else content).decode()
    except (UnicodeDecodeError, OSError, EOFError, zlib.error):
        name = chance.choice(list(BYTES))
        path.write_bytes(BYTES[name](content, chance))
        return Change(name)
    if text.lstrip().startswith("{") and chance.random() < 0.8:
        changed, what = _change_json(text, chance)
        path.write_text(changed, encoding="utf-8")
        return Change(what)
    name = chance.choice(list(TEXT))
    changed = TEXT[name](text, chance)
    raw = changed.encode("utf-8", "surrogateescape") if isinstance(changed, str) else changed
    path.write_bytes(gzip.compress(raw, 1) if packed or name == "packed" else raw)
    return Change(name, name in SAME)


# ---- bytes --------------------------------------------------------------------------------------------------------


def _flip(content: bytes, chance: Random) -> bytes:
    changed = bytearray(content)
    for _ in range(chance.choice((1, 1, 2, 8, 64)) if content else 0):
        changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def _zero(content: bytes, chance: Random) -> bytes:
    at, size = chance.randrange(len(content) + 1), chance.choice((1, 16, 512))
    return content[:at] + bytes(min(size, len(content) - at)) + content[at + size :]


def _insert(content: bytes, chance: Random) -> bytes:
    at = chance.randrange(len(content) + 1)
    return content[:at] + chance.randbytes(chance.choice((1, 3, 100))) + content[at:]


BYTES: dict[str, Callable[[bytes, Random], bytes]] = {
    "cut": lambda content, chance: content[: chance.randrange(len(content) + 1)],
    "start cut": lambda content, chance: content[chance.randrange(len(content) + 1) :],
    "doubled": lambda content, _: content * 2,
    "bits flipped": _flip,
    "bits flipped in the head": lambda content, chance: _flip(content[:256], chance) + content[256:],
    "zeros": _zero,
    "bytes inserted": _insert,
    "empty": lambda *_: b"",
    "another format's head": lambda content, chance: chance.choice(HEADS) + content,
    "a page of HTML": lambda *_: b"<!DOCTYPE html>\n<html><body>404 Not Found</body></html>\n",
    "noise": lambda content, chance: chance.randbytes(min(len(content), 5_000)),
}


# ---- text ---------------------------------------------------------------------------------------------------------


def separator_of(text: str) -> str:
    """Return the separator that most lines have, by how often it stands in the text."""
    return max("\t,; ", key=text.count)


def _in_line(text: str, chance: Random, change: Callable[[list[str]], None], *, header: bool = False) -> str:
    """Change the fields of one line."""
    lines, separator = text.split("\n"), separator_of(text)
    at = 0 if header else chance.randrange(len(lines))
    fields = lines[at].split(separator)
    change(fields)
    lines[at] = separator.join(fields)
    return "\n".join(lines)


def _token(text: str, chance: Random) -> str:
    def put(fields: list[str]) -> None:
        fields[chance.randrange(len(fields))] = chance.choice(TOKENS)

    return _in_line(text, chance, put, header=chance.random() < 0.15)


def _drop_field(text: str, chance: Random) -> str:
    return _in_line(text, chance, lambda fields: fields.__delitem__(chance.randrange(len(fields))))


def _more_fields(text: str, chance: Random) -> str:
    return _in_line(text, chance, lambda fields: fields.extend(fields * chance.choice((1, 1, 2_000))))


def _huge(text: str, chance: Random) -> str:
    at = chance.randrange(len(text) + 1)
    return text[:at] + chance.choice(("A", "1", " ", '"', "\n", "\t", ",;")) * 300_000 + text[at:]


def _column(text: str, chance: Random) -> str:
    """Give a column one token all the way down."""
    separator, token = separator_of(text), chance.choice(TOKENS)
    rows = [line.split(separator) for line in text.split("\n")]
    at = chance.randrange(max(map(len, rows)))
    return "\n".join(separator.join([*row[:at], token, *row[at + 1 :]] if at < len(row) else row) for row in rows)


def _lines(change: Callable[[list[str], int, Random], None]) -> Callable[[str, Random], str]:
    def changed(text: str, chance: Random) -> str:
        lines = text.split("\n")
        change(lines, chance.randrange(len(lines)), chance)
        return "\n".join(lines)

    return changed


def _swap(lines: list[str], at: int, chance: Random) -> None:
    other = chance.randrange(len(lines))
    lines[at], lines[other] = lines[other], lines[at]


def _separator(text: str, chance: Random) -> str:
    return text.replace(separator_of(text), chance.choice(("\t", ",", ";", " ", "  ", "|", ", ")))


def _latin(text: str, chance: Random) -> bytes:
    at = chance.randrange(len(text) + 1)
    return (text[:at] + "é" + text[at:]).encode("latin-1", "replace")


# Changes after which a file means what it meant.
SAME: dict[str, Callable[[str, Random], str | bytes]] = {
    "Windows line ends": lambda text, _: text.replace("\n", "\r\n"),
    "old Mac line ends": lambda text, _: text.replace("\n", "\r"),
    "a byte order mark": lambda text, _: "\ufeff" + text,
    "UTF-16": lambda text, _: text.encode("utf-16"),
    "no last line end": lambda text, _: text.rstrip("\n"),
    "lines without text at the end": lambda text, _: text + "\n\n",
    "packed": lambda text, _: text,
}
TEXT: dict[str, Callable[[str, Random], str | bytes]] = SAME | {
    "Latin-1": _latin,
    "another separator": _separator,
    "a token": _token,
    "one token more": lambda text, chance: _token(_token(text, chance), chance),
    "a column of one token": _column,
    "a field less": _drop_field,
    "more fields": _more_fields,
    "something huge": _huge,
    "a line less": _lines(lambda lines, at, _: lines.__delitem__(at)),
    "a line twice": _lines(lambda lines, at, _: lines.insert(at, lines[at])),
    "lines swapped": _lines(_swap),
    "lines in any order": _lines(lambda lines, _, chance: chance.shuffle(lines)),
    "the first line alone": lambda text, _: text.split("\n")[0] + "\n",
    "no first line": lambda text, _: text.partition("\n")[2],
    "line ends alone": lambda *_: "\n" * 50,
    "spaces at the ends of lines": lambda text, _: text.replace("\n", "  \n"),
    "upper case": lambda text, _: text.upper(),
}


# ---- JSON and safetensors -----------------------------------------------------------------------------------------


def _change_json(text: str, chance: Random) -> tuple[str, str]:
    """Change one value, key or branch of a JSON text."""
    value = json.loads(text)
    places = list(_places(value))
    if not places:
        return "{", "JSON cut"
    holder, key = chance.choice(places)
    done = chance.choice(("gone", "a number", "a text", "null", "a list", "twisted"))
    if done == "gone":
        del holder[key]
    else:
        other = {"a number": chance.choice(NUMBERS), "a text": chance.choice(TOKENS), "null": None, "a list": [1, [2]]}
        holder[key] = other.get(done, {"a": {"b": []}})
    return json.dumps(value), f"JSON {key!r} {done}"


def _places(value: Any) -> Any:
    """Yield what holds a value, and its key, for all values."""
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield value, key
            yield from _places(value[key])


def _change_safetensors(path: Path, chance: Random) -> str:
    """Change the header of a safetensors file, or the facts of a run within it."""
    content = path.read_bytes()
    size = int.from_bytes(content[:8], "little")
    header, what = content[8 : 8 + size].decode(), ""
    parsed = json.loads(header)
    facts = parsed.get("__metadata__", {}).get("genolab")
    if facts and chance.random() < 0.7:
        parsed["__metadata__"]["genolab"], what = _change_json(facts, chance)
        header = json.dumps(parsed)
    else:
        header, what = _change_json(header, chance)
    raw = header.encode()
    path.write_bytes(len(raw).to_bytes(8, "little") + raw + content[8 + size :])
    return what


# ---- HDF5 ---------------------------------------------------------------------------------------------------------


def _change_hdf5(path: Path, chance: Random) -> str:
    """Change one data set, group or attribute of an HDF5 file."""
    import h5py

    with h5py.File(path, "r+") as opened:
        names: list[str] = []
        opened.visit(names.append)
        name = chance.choice(names)
        owner = opened if chance.random() < 0.05 else opened[name]
        if owner.attrs and (chance.random() < 0.4 or owner is opened):
            return _change_attribute(owner, chance)
        if isinstance(opened[name], h5py.Group):
            opened.move(name, f"{name}_before")
            return f"group {name} under another name"
        done = chance.choice(list(DATASET))
        kept = dict(opened[name].attrs)
        DATASET[done](opened, name, chance)
        if name in opened:
            opened[name].attrs.update(kept)
        return f"{name} {done}"


def _change_attribute(owner: Any, chance: Random) -> str:
    name = chance.choice(sorted(owner.attrs))
    value = chance.choice((None, *TOKENS[:8], *NUMBERS, [2**40, 2**40], [-1, -1], [3], "dict", "array", "csr_matrix"))
    if value is None:
        del owner.attrs[name]
    else:
        owner.attrs[name] = value
    return f"attribute {name} of {owner.name} {value!r}"


def _put(opened: Any, name: str, **content: Any) -> None:
    del opened[name]
    opened.create_dataset(name, **content)


def _absurd(opened: Any, name: str, chance: Random) -> None:
    import numpy as np

    values = np.atleast_1d(opened[name][()])
    if values.dtype.kind in "iuf" and values.size:
        with np.errstate(all="ignore"):
            wrong = np.array([chance.choice(NUMBERS)], dtype=np.float64).astype(values.dtype)
        values.flat[chance.randrange(values.size) if chance.random() < 0.7 else slice(None)] = wrong[0]
    elif values.size:
        values = values.astype(object)
        values.flat[chance.randrange(values.size)] = chance.choice(TOKENS).replace("\0", "")
    _put(opened, name, data=values if values.dtype != object else [_text(value) for value in values.ravel()])


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _retyped(opened: Any, name: str, chance: Random) -> None:
    import numpy as np

    values, kind = opened[name][()], chance.choice(("S8", "f8", "i1", "u8", "?", "f2"))
    try:
        with np.errstate(all="ignore"):
            _put(opened, name, data=np.asarray(values).astype(kind))
    except (ValueError, TypeError):
        _put(opened, name, data=[1, 2, 3])


DATASET: dict[str, Callable[[Any, str, Random], None]] = {
    "gone": lambda opened, name, _: opened.__delitem__(name),
    "with an absurd value": _absurd,
    "with an absurd value ": _absurd,
    "of another type": _retyped,
    "half as long": lambda opened, name, _: _put(opened, name, data=_half(opened[name][()])),
    "empty": lambda opened, name, _: _put(opened, name, shape=(0,), dtype="i4"),
    "null": lambda opened, name, _: _put(opened, name, data=_null()),
    "one number": lambda opened, name, chance: _put(opened, name, data=chance.choice(NUMBERS)),
    "with one axis more": lambda opened, name, _: _put(opened, name, data=[opened[name][()]] * 2),
    "huge": lambda opened, name, _: _put(opened, name, shape=(2**40,), dtype="f8", chunks=(1024,)),
    "a group": lambda opened, name, _: (opened.__delitem__(name), opened.create_group(name)),
}


def _half(values: Any) -> Any:
    return values[: len(values) // 2] if getattr(values, "shape", ()) else values


def _null() -> Any:
    import h5py

    return h5py.Empty("f8")
