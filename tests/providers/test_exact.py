"""Two thousand random values come back from every provider exactly as they are."""

import json
import os
import random
import sys

import pytest
from pydantic import SecretStr

from secretref.providers.cache import CacheProvider
from secretref.providers.chain import ChainProvider
from secretref.providers.dotenv import DotenvProvider
from secretref.providers.env import EnvProvider
from secretref.providers.files import DirectoryProvider, FileProvider
from secretref.providers.memory import MemoryProvider
from secretref.providers.prefix import AliasProvider, PrefixProvider
from secretref.providers.program import ProgramProvider

COUNT = 2000
ALPHABETS = (
    "".join(map(chr, range(32, 127))),
    "\0\t\n\r\v\f\x1b\x7f\x85\u2028\ufeff '\"\\$%{}#=",
    "".join(map(chr, [*range(0xD800), *range(0xE000, 0xF000), *range(0x1F300, 0x1F700), 0x10FFFF])),
)


def random_values():
    source = random.Random(20_240_229)  # the same each time
    lengths = (source.choice((0, 1, 2, 9, 40, 300)) for _ in range(COUNT))
    return {f"V{n}": "".join(source.choices(source.choice(ALPHABETS), k=length)) for n, length in enumerate(lengths)}


VALUES = random_values()


def environment(folder, values):
    fit = {name: value for name, value in values.items() if "\0" not in value}
    os.environ.update({f"EXACT_{name}": value for name, value in fit.items()})
    return EnvProvider(prefix="EXACT_"), fit


def dotenv(folder, values):
    quoted = {name: value.replace("\\", "\\\\").replace("'", "\\'") for name, value in values.items()}
    (folder / ".env").write_bytes("".join(f"{name}='{value}'\n" for name, value in quoted.items()).encode())
    return DotenvProvider(folder / ".env", max_bytes=1 << 24), values


def json_file(folder, values):
    (folder / "x.json").write_text(json.dumps(values))
    return FileProvider(folder / "x.json", max_bytes=1 << 24), values


def toml_file(folder, values):
    escaped = {name: "".join(f"\\U{ord(character):08x}" for character in value) for name, value in values.items()}
    (folder / "x.toml").write_text("".join(f'{name} = "{value}"\n' for name, value in escaped.items()))
    return FileProvider(folder / "x.toml", max_bytes=1 << 24), values


def directory(folder, values):
    for name, value in values.items():
        (folder / name).write_bytes(value.encode())
    return DirectoryProvider(folder), values


def program(folder, values):
    few = dict(list(values.items())[:100])
    directory(folder, few)
    return ProgramProvider(("/bin/cat", f"{folder}/{{name}}"), strip_newline=False, timeout=60), few


def batch(folder, values):
    (folder / "x.json").write_text(json.dumps(values))
    show = "import sys; sys.stdout.write(open(sys.argv[1]).read())"
    arguments = (sys.executable, "-c", show, str(folder / "x.json"), "{names}")
    return ProgramProvider(arguments, max_bytes=1 << 24, timeout=60), values


def layered(folder, values):
    half = dict(list(values.items())[::2])
    inner = MemoryProvider({f"x_{name}": value for name, value in values.items()})
    chain = ChainProvider(MemoryProvider(half), PrefixProvider(AliasProvider(inner, {"y": "z"}), "x_"))
    return CacheProvider(chain, max_entries=10 * COUNT, max_bytes=1 << 26), values


@pytest.mark.parametrize(
    "build",
    [environment, dotenv, json_file, toml_file, directory, program, batch, layered],
    ids=lambda build: build.__name__,
)
def test_nothing_changes(build, tmp_path):
    environment_before = set(os.environ)
    try:
        provider, values = build(tmp_path, VALUES)
        for _ in range(2):
            found = provider.fetch(frozenset(values))
            changed = [name for name, value in values.items() if found.get(name) != SecretStr(value)]
            assert changed == []
    finally:
        for name in set(os.environ) - environment_before:
            del os.environ[name]
    print(f"byte-exact values, {build.__name__}: {len(values)} values, differences: {len(changed)}")  # noqa: T201 - the figure
