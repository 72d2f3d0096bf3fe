"""`mpi index`: making, loading and keeping an identity index."""

from __future__ import annotations

from typing import Any

import click

from cli.identity_options import (
    digest_key_option,
    reason_option,
    steward_option,
    table_option,
)
from cli.options import (
    memory_option,
    model_option,
    overwrite_option,
    quiet_option,
    schema_option,
    seed_option,
    strict_option,
    threads_option,
)

__all__ = ["command"]

index_argument = click.argument("index_dir", metavar="DIR")


@click.group("index")
def command() -> None:
    """Make, load, check and keep an identity index.

    An identity index is a directory that remembers who is who: every source record, the person
    it belongs to, and why. Platforms read it while one process at a time writes to it. Look
    people up with `mpi lookup`, `search` and `resolve`; change it with `mpi add`, `update`,
    `remove`, `merge`, `split` and `undo`; see what happened with `mpi history` and `changes`.
    """


@command.command("create")
@index_argument
@schema_option
@model_option
@click.option(
    "--population",
    type=click.IntRange(min=100),
    metavar="N",
    help="People expected, which sets the prior of the shipped model. Default: 10 million.",
)
@click.option(
    "--rule",
    "rules",
    multiple=True,
    metavar="NAME",
    help="Blocking rule to keep postings for; may be repeated. Default: a choice that finds most.",
)
@click.option("--survivorship", metavar="FILE", help="TOML file: how golden records are made.")
@click.option(
    "--no-values",
    is_flag=True,
    help="Keep no texts of records that are added; golden records then show what rows tell.",
)
@click.option(
    "--digest-key",
    envvar="MPI_DIGEST_KEY",
    metavar="FILE",
    help="Keep identifiers only as keyed digests, under the key in this file.",
)
@click.option(
    "--digest",
    type=click.Choice(["sm3", "sha256"]),
    help="Hash of the keyed digests. Default: sm3.",
)
@table_option
def create(
    index_dir: str,
    schema: str | None,
    model: str | None,
    population: int | None,
    rules: tuple[str, ...],
    survivorship: str | None,
    no_values: bool,
    digest_key: str | None,
    digest: str | None,
    as_table: bool,
) -> None:
    """Make an empty index in a new directory.

    Without --model the model that ships with the product decides, with a prior for the given
    population; a batch run loaded later brings its own. `mpi index load` and `mpi dedupe --index`
    make an index themselves where there is none.

    With --digest-key a stolen index shows no id numbers: every id number, document, card and
    certificate is kept as an HMAC under the key, which is needed to open the index ever after.
    Names, dates, regions, phones and record ids stay as they are; see docs/identity-index.md.

    \b
    Examples:
      mpi index create people.index --population 5000000
      openssl rand -hex 32 > key && mpi index create people.index --digest-key key
    """
    if digest is not None and digest_key is None:
        raise click.UsageError("--digest needs --digest-key.")
    from cli.identity_options import print_answers
    from mpi import IdentityIndex
    from mpi.index_jobs import describe_index, read_survivorship

    options: dict[str, Any] = {"schema": schema, "model": model, "keep_values": not no_values}
    if population is not None:
        options["population"] = population
    if rules:
        options["rules"] = list(rules)
    if survivorship is not None:
        options["survivorship"] = read_survivorship(survivorship)
    if digest_key is not None:
        options |= {"digest_key": digest_key, "digest": digest or "sm3"}
    with IdentityIndex.create(index_dir, **options) as index:
        print_answers([{"index": index_dir, **describe_index(index)}], as_table=as_table)


@command.command("load")
@index_argument
@click.argument("inputs", nargs=-1, required=True, metavar="FILES...")
@click.option("--out", metavar="DIR", help="Also write the results of the run, as `mpi dedupe`.")
@schema_option
@model_option
@memory_option
@seed_option
@threads_option
@strict_option
@overwrite_option
@quiet_option
@digest_key_option
@table_option
def load(
    index_dir: str,
    inputs: tuple[str, ...],
    out: str | None,
    digest_key: str | None,
    quiet: bool,
    as_table: bool,
    **options: Any,
) -> None:
    """Deduplicate a table and bring the outcome into an index, made if it is not there.

    The same as `mpi dedupe FILES --index DIR`, without an output directory of its own. Records
    that the index has are updated and every enterprise id is kept as far as it can be: an id
    stays with the largest part of its records, merges leave redirects, and what a steward
    decided is left alone. Prints what was new, what moved and how many tasks were raised.

    \b
    Examples:
      mpi index load people.index 'hospital-*.parquet'
      mpi index load people.index people.csv --out result
    """
    import mpi
    from cli.identity_options import print_answers
    from cli.progress import open_progress
    from cli.show import print_notes

    if digest_key is not None:
        options["digest_key"] = digest_key
    with open_progress(quiet=quiet) as progress:
        result = mpi.dedupe(list(inputs), index=index_dir, out=out, progress=progress, **options)
    print_answers([result.run["index"]], as_table=as_table)
    if not quiet:
        print_notes(result.run.get("warnings", ()))


@command.command("info")
@index_argument
@digest_key_option
@table_option
def info(index_dir: str, digest_key: str | None, as_table: bool) -> None:
    """Print counts, lines, rules and the size of every table of an index.

    \b
    Examples:
      mpi index info people.index
      mpi index info people.index --table
    """
    from cli.identity_options import opened, print_answers
    from mpi.index_jobs import describe_index

    with opened(index_dir, digest_key) as index:
        facts = describe_index(index)
    if not as_table:
        print_answers([{"index": index_dir, **facts}], as_table=False)
        return
    tables = facts.pop("tables")
    rows = [{"fact": name, "value": _sentence(value)} for name, value in facts.items()]
    print_answers(rows, as_table=True, title=index_dir)
    sizes = [{"table": name, **each} for name, each in tables.items() if each["size_bytes"]]
    print_answers(sizes, as_table=True, title="Tables")


def _sentence(value: Any) -> str:
    if isinstance(value, dict):
        return "; ".join(f"{name}: {_sentence(each)}" for name, each in value.items() if each)
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


@command.command("verify")
@index_argument
@digest_key_option
@table_option
@click.pass_context
def verify(ctx: click.Context, index_dir: str, digest_key: str | None, as_table: bool) -> None:
    """Prove that an index is what its journal says, and that every record can be found.

    Checks the checksum of every page, replays the whole journal and holds the state against it,
    and looks up every record by its id and by each of its keys. Exit code 1 where anything is
    wrong; the findings name numbers, never a person's values.

    \b
    Examples:
      mpi index verify people.index
    """
    from cli.identity_options import opened, print_answers

    with opened(index_dir, digest_key) as index:
        report = index.verify()
    print_answers([report], as_table=as_table)
    if not report.is_sound:
        ctx.exit(1)


@command.command("backup")
@index_argument
@click.argument("destination", metavar="BACKUP")
@digest_key_option
@table_option
def backup(index_dir: str, destination: str, digest_key: str | None, as_table: bool) -> None:
    """Copy an index as of one moment, while others go on writing to it.

    BACKUP is a directory that does not exist yet; it appears when it is whole. It is an index
    itself and can be opened and verified like one. Accounts and audit log of the review pages go
    with it; the key file of an index with digests does not.

    \b
    Examples:
      mpi index backup people.index /backup/people-2026-03-01
    """
    from cli.identity_options import opened, print_answers
    from mpi.review.keeping import copy_review

    with opened(index_dir, digest_key) as index:
        index.backup(destination)
    review_files = copy_review(index_dir, destination)
    with opened(destination, digest_key) as copy:
        facts = copy.statistics()
    kept = {"backup": destination, "records": facts["records"], "events": facts["events"]}
    kept |= {"review_files": review_files}
    print_answers([kept], as_table=as_table)


@command.command("restore")
@click.argument("source_dir", metavar="BACKUP")
@index_argument
@digest_key_option
@table_option
def restore(source_dir: str, index_dir: str, digest_key: str | None, as_table: bool) -> None:
    """Make an index of a backup, once the backup has proved sound.

    DIR is a directory that does not exist yet: move a damaged index away first. Accounts and
    audit log are those of the backup; `review_files` counts their files.

    \b
    Examples:
      mpi index restore /backup/people-2026-03-01 people.index
    """
    from cli.identity_options import print_answers
    from mpi.index_jobs import restore_index
    from mpi.review.keeping import review_files

    report = restore_index(source_dir, index_dir, digest_key=digest_key)
    kept = {"index": index_dir, **report.to_dict(), "review_files": len(review_files(index_dir))}
    print_answers([kept], as_table=as_table)


@command.command("compact")
@index_argument
@digest_key_option
@table_option
def compact(index_dir: str, digest_key: str | None, as_table: bool) -> None:
    """Pack what was written record by record together with the rest.

    Records that came one by one take several times the room of those that came in bulk, until
    they are packed. Readers go on meanwhile; a killed run leaves the index as it was.

    \b
    Examples:
      mpi index compact people.index
    """
    from cli.identity_options import opened, print_answers
    from mpi.index_jobs import describe_index

    with opened(index_dir, digest_key, is_alone=True) as index:
        before = describe_index(index)
        index.store.fold()
        after = describe_index(index)
    sizes = {
        "index": index_dir,
        "records": after["records"],
        "size_bytes_before": before["size_bytes"],
        "size_bytes": after["size_bytes"],
        "bytes_a_record": after["bytes_a_record"],
    }
    print_answers([sizes], as_table=as_table)


@command.command("export")
@index_argument
@click.option("--out", required=True, metavar="FILE", help="Parquet file to write.")
@click.option("--at", "moment", metavar="TIME", help="As things stood at that time.")
@overwrite_option
@digest_key_option
@table_option
def export(
    index_dir: str,
    out: str,
    moment: str | None,
    overwrite: bool,
    digest_key: str | None,
    as_table: bool,
) -> None:
    """Write the cross-reference of all records: source, record_id, enterprise_id.

    \b
    Examples:
      mpi index export people.index --out crossreference.parquet
      mpi index export people.index --out january.parquet --at 2026-01-31
    """
    from cli.identity_options import opened, print_answers
    from mpi.index_jobs import export_index, parse_time

    at = None if moment is None else parse_time(moment)
    with opened(index_dir, digest_key) as index:
        count = export_index(index, out, at=at, overwrite=overwrite)
    print_answers([{"out": out, "records": count}], as_table=as_table)


@command.group("tasks")
def tasks() -> None:
    """List and answer the questions that only a steward may decide.

    A task asks whose record it is, or whether two identities are one person. `mpi merge` and
    `mpi split` answer tasks too and close them.

    \b
    Examples:
      mpi index tasks list people.index --table
      mpi index tasks close people.index 1281 --by 'Dr Li'
    """


@tasks.command("list")
@index_argument
@click.option("--all", "with_closed", is_flag=True, help="Closed tasks too.")
@digest_key_option
@table_option
def list_tasks(index_dir: str, with_closed: bool, digest_key: str | None, as_table: bool) -> None:
    """List open tasks, oldest first, with the candidates and why no machine decided.

    \b
    Examples:
      mpi index tasks list people.index --table
    """
    from cli.identity_options import opened, print_answers

    with opened(index_dir, digest_key) as index:
        print_answers(index.tasks(only_open=not with_closed), as_table=as_table)


@tasks.command("close")
@index_argument
@click.argument("number", type=click.IntRange(min=1), metavar="TASK")
@click.option("--verdict", default="DONE", show_default=True, metavar="WORD", help="In a word.")
@steward_option
@reason_option
@digest_key_option
@table_option
def close_task(
    index_dir: str,
    number: int,
    verdict: str,
    by: str,
    reason: str,
    digest_key: str | None,
    as_table: bool,
) -> None:
    """Close a task and leave everybody where they are.

    \b
    Examples:
      mpi index tasks close people.index 1281 --by 'Dr Li'
    """
    from cli.identity_options import opened, print_answers

    with opened(index_dir, digest_key, writable=True) as index:
        event = index.close_task(number, by=by, reason=reason, verdict=verdict)
        print_answers([{"task": number, "verdict": verdict, "event": event}], as_table=as_table)


@tasks.command("different")
@index_argument
@click.argument("one", metavar="ENTERPRISE_ID")
@click.argument("other", metavar="ENTERPRISE_ID")
@steward_option
@reason_option
@digest_key_option
@table_option
def different(
    index_dir: str,
    one: str,
    other: str,
    by: str,
    reason: str,
    digest_key: str | None,
    as_table: bool,
) -> None:
    """Declare two identities two people, whatever their records weigh; nobody asks again.

    \b
    Examples:
      mpi index tasks different people.index 3MN2-JFW93-9AYD8 7KQ4-0TXBA-2W9RE --by 'Dr Li'
    """
    from cli.identity_options import opened, print_answers

    with opened(index_dir, digest_key, writable=True) as index:
        event = index.declare_different(one, other, by=by, reason=reason)
        print_answers([{"different": [one, other], "event": event}], as_table=as_table)
