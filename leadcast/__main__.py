"""``python -m leadcast`` is the command ``leadcast``."""

from leadcast.pipelines.commands.cli import main

if __name__ == "__main__":
    main()
