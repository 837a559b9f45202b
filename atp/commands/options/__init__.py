"""What the subcommands of `atp` can be given, apart from what they do: reading a command line imports nothing heavy."""
