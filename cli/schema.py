"""`mpi schema`: draft a schema from a table, or show one."""

from __future__ import annotations

import click

from cli.options import inputs_argument, json_option, overwrite_option

__all__ = ["command"]


@click.group("schema")
def command() -> None:
    """Draft or show the description of a table's columns.

    A schema says which column is which fact about a person. The built-in `resident` schema
    knows the usual Chinese and English column names; for any other table draft one with
    `mpi schema infer` and correct it in an editor.
    """


@command.command("infer")
@inputs_argument
@click.option("--out", metavar="FILE", help="Write the draft here instead of to stdout.")
@overwrite_option
@json_option
def infer(inputs: tuple[str, ...], out: str | None, overwrite: bool, as_json: bool) -> None:
    """Draft a schema from the column names and values of a table.

    What was guessed, and how surely, is said on stderr; read it before you use the draft.

    \b
    Examples:
      mpi schema infer voters.csv --out voters.toml
      mpi schema infer voters.csv > voters.toml
    """
    import mpi
    from cli.show import print_json, print_notes
    from mpi.outputs import check_output_file, write_file

    if out is not None:
        check_output_file(out, overwrite=overwrite)
    draft = mpi.infer_schema(list(inputs))
    if out is not None:
        write_file(out, draft.toml, overwrite=overwrite)
    if as_json:
        print_json({"toml": draft.toml, "notes": list(draft.notes), "out": out})
        return
    if out is None:
        click.echo(draft.toml, nl=not draft.toml.endswith("\n"))
    print_notes(draft.notes)


@command.command("show")
@click.argument("schema", default="resident", metavar="[FILE]")
@json_option
def show(schema: str, as_json: bool) -> None:
    """Show the fields of a schema: the built-in one, or a FILE.

    \b
    Examples:
      mpi schema show
      mpi schema show voters.toml
    """
    import mpi
    from cli.show import print_json, print_rows

    loaded = mpi.load_schema(schema).to_dict()
    if as_json:
        print_json(loaded)
        return
    rows = [
        [
            name,
            field["kind"],
            field.get("role", ""),
            field.get("group", ""),
            ", ".join(field["columns"]),
        ]
        for name, field in loaded["fields"].items()
    ]
    print_rows(loaded["schema"]["name"], ["field", "kind", "role", "group", "columns"], rows)
