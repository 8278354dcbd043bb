"""Every command with its arguments and options, from the app itself."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from typing import Any

import typer.main

from rageval.cli.app import app
from rageval.cli.exit_codes import MEANINGS
from website.reference.markdown import NONE, code, prose, table


def commands() -> dict[str, Any]:
    """The commands by what one types, such as `rageval cache export`, in the order of `rageval --help`."""
    return dict(_commands("rageval", typer.main.get_command(app)))


def commands_page() -> str:
    """The page of all commands, and of their exit codes."""
    whole = typer.main.get_command(app)
    parts = [
        "# Commands\n\nMade from the code; `rageval COMMAND --help` says the same.\n",
        *(_section(name, command) for name, command in commands().items()),
        f"## Options before a command\n\n{_options(whole)}",
        "## Exit codes\n\n" + table(("code", "meaning"), [(str(k), text) for k, text in MEANINGS.items()]),
    ]
    return "\n".join(parts)


def _commands(typed: str, command: Any) -> Iterator[tuple[str, Any]]:
    inner = getattr(command, "commands", None)
    if inner is None:
        yield typed, command
        return
    for name, one in inner.items():
        yield from _commands(f"{typed} {name}", one)


def _section(typed: str, command: Any) -> str:
    arguments = [_argument(one) for one in command.params if one.param_type_name == "argument"]
    usage = " ".join([typed, *arguments, "[OPTIONS]" if len(arguments) < len(command.params) else ""]).strip()
    return f"## {typed}\n\n{prose(command.help)}\n\n```text\n{usage}\n```\n\n{_arguments(command)}{_options(command)}"


def _argument(one: Any) -> str:
    name = (one.metavar or one.name).upper()
    name = f"{name}..." if one.nargs == -1 else name
    return name if one.required else f"[{name}]"


def _arguments(command: Any) -> str:
    rows = [(code(_argument(one)), one.help or "") for one in command.params if one.param_type_name == "argument"]
    return table(("argument", "meaning"), rows) + "\n" if rows else ""


def _options(command: Any) -> str:
    rows = [
        (", ".join(map(code, [*one.opts, *one.secondary_opts])), _values(one), _default(one), one.help or "")
        for one in command.params
        if one.param_type_name == "option" and not one.hidden
    ]
    return table(("option", "value", "default", "meaning"), rows) if rows else ""


def _values(option: Any) -> str:
    if option.is_flag:
        return NONE
    kind = option.type_descriptor.annotation
    if isinstance(kind, type) and issubclass(kind, Enum):
        return ", ".join(code(str(one.value)) for one in kind)
    return code(option.metavar or option.bare_type().upper())


def _default(option: Any) -> str:
    if option.required:
        return "required"
    default = option.default
    return NONE if default in (None, False) or default == [] else code(str(getattr(default, "value", default)))
