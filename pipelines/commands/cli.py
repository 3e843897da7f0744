"""The command line: ``leadcast COMMAND``; every command imports what it needs when it runs."""

import sys
import time

from leadcast.features.base.errors import LeadcastError, system_words
from leadcast.features.base.streams import escape_unknown_letters, refuse_unreadable_names
from leadcast.features.base.verbosity import LOG
from leadcast.pipelines.commands import (
    daily_commands,
    model_commands,
    points_commands,
    score_command,
    seller_commands,
    serve_commands,
    source_commands,
)
from leadcast.pipelines.commands.app import app

__all__ = ["app", "main"]

REGISTERED = (
    source_commands,
    daily_commands,
    score_command,
    model_commands,
    seller_commands,
    points_commands,
    serve_commands,
)
"""Whose import gives the command its commands, in the order in which the help lists them."""


def main() -> None:
    """Run the command line; an error that the user can mend is told without a traceback."""
    began = time.perf_counter()
    escape_unknown_letters()
    try:
        refuse_unreadable_names()
        app()
    except (LeadcastError, OSError) as error:
        # What the system refuses, a user can mend: a path, its rights, a full disk.
        print(f"error: {system_words(error)}", file=sys.stderr)
        raise SystemExit(1) from None
    except Exception:
        # Only where something has gone wrong is it looked for what is damaged.
        from leadcast.pipelines.base.damaged import unreadable

        told = "\n  ".join(one for name in sys.argv[1:] for one in unreadable(name))
        if not told:
            raise
        print(f"error: {told}", file=sys.stderr)
        raise SystemExit(1) from None
    finally:
        LOG.info("ended after %.1f s", time.perf_counter() - began)


if __name__ == "__main__":
    main()
