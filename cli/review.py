"""`mpi review`: the queue of doubtful cases, in the browser and without it."""

from __future__ import annotations

import importlib
from typing import Final, cast

import click

__all__ = ["SUBCOMMANDS", "command"]

SUBCOMMANDS: Final[dict[str, tuple[str, str, str]]] = {
    "list": ("cli.review_queue", "list_command", "List tasks, the most useful to answer first."),
    "show": ("cli.review_queue", "show_command", "Show everything about one task."),
    "next": ("cli.review_queue", "next_command", "Name the next task of a steward."),
    "decide": ("cli.review_actions", "decide_command", "Answer a task."),
    "approve": ("cli.review_actions", "approve_command", "Carry out what another proposed."),
    "reject": ("cli.review_actions", "reject_command", "Send a proposal back."),
    "assign": ("cli.review_actions", "assign_command", "Give a task to a steward."),
    "defer": ("cli.review_actions", "defer_command", "Put a task off."),
    "escalate": ("cli.review_actions", "escalate_command", "Hand a task to who may decide more."),
    "comment": ("cli.review_actions", "comment_command", "Say something about a task."),
    "reopen": ("cli.review_actions", "reopen_command", "Ask again."),
    "undo": ("cli.review_actions", "undo_command", "Take back decisions in bulk."),
    "rules": ("cli.review_actions", "rules_command", "Print or set what needs two stewards."),
    "serve": ("cli.review_serve", "serve", "Serve the review pages to browsers."),
    "user": ("cli.review_users", "user", "Add, list and change the accounts of the review pages."),
    "audit-log": ("cli.review_users", "audit_log", "Print who looked at whom, and who did what."),
    "export": (
        "cli.review_exchange",
        "export_command",
        "Write tasks, or decided pairs, to a sheet.",
    ),
    "import": ("cli.review_exchange", "import_command", "Decide what a filled-in sheet says."),
    "advice": ("cli.review_learning", "advice_command", "Tell where the lines would be better."),
    "audit-sample": (
        "cli.review_learning",
        "audit_sample_command",
        "Put automatic links to stewards, blind.",
    ),
    "dashboard": ("cli.review_learning", "dashboard_command", "Print the figures of the review."),
}
"""Name -> module, its command, and a line for the list."""


class ReviewGroup(click.Group):
    """Commands that are imported when they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Name the commands in the order a steward meets them."""
        return list(SUBCOMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import the module of one command."""
        if cmd_name not in SUBCOMMANDS:
            return None
        module, name, _ = SUBCOMMANDS[cmd_name]
        return cast(click.Command, getattr(importlib.import_module(module), name))

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """List the commands from the table above, importing none."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, each[2]) for name, each in SUBCOMMANDS.items()])


@click.group("review", cls=ReviewGroup)
def command() -> None:
    """Answer the questions that no machine decides.

    Pairs in doubt, refused merges and ambiguities at the desk wait in the index as tasks. Stewards
    answer them in the browser (`mpi review serve`) or with the commands below; every answer is
    kept in the journal, holds against later automatic work, and can be undone.
    """
