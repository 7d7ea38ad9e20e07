"""Options that say how a file is read, the same for every command that reads one."""

from typing import Annotated

import typer

Encoding = Annotated[
    str | None,
    typer.Option(
        metavar="NAME", help="Encoding of the file: utf-8, cp1252, mac_roman, shift_jis. Inferred if omitted."
    ),
]
Header = Annotated[
    bool | None,
    typer.Option(
        "--header/--no-header",
        help="Whether the first line of a CSV, TSV or text file names its columns; without one they are called "
        "column_1, column_2 and so on. Inferred if omitted.",
        show_default=False,
    ),
]
MaxExpanded = Annotated[
    str, typer.Option(metavar="SIZE", help="Most that a compressed file may expand to: 500MB, 20GB.")
]
TagNames = Annotated[
    str | None,
    typer.Option(
        metavar="NAMES",
        help="What tags stand for that are whole numbers, from 0 on: O,B-PER,I-PER. The numbers themselves if omitted.",
    ),
]
