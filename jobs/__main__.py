"""`python -m jobs`: the commands about what is declared here. They stand in `commands/`."""

from commands.main import main

raise SystemExit(main())
