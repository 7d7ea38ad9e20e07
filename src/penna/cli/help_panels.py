"""Help in panels: the options of a command grouped under headings, in plain text (rich help would import rich)."""

from typing import Any

from typer.core import TyperCommand

_OTHER = "Options"


class Panels(TyperCommand):
    """A command whose ``--help`` lists options by their ``rich_help_panel``, in the order of their first options."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write one section for each panel; options without one come last."""
        formatter.width = max(formatter.width, 116)
        panels: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None and parameter.param_type_name == "option":
                panels.setdefault(getattr(parameter, "rich_help_panel", None) or _OTHER, []).append(record)
        for name in sorted(panels, key=lambda name: name == _OTHER):
            with formatter.section(name):
                formatter.write_dl(panels[name], col_max=34)
