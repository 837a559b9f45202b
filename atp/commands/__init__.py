"""The subcommands of `atp`, one module each."""
