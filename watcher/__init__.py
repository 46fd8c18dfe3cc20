"""When `pulumi` runs, and whether it may. Run it by `python -m watcher`; nothing imports it."""
