"""What several subcommands share: options, record selection, row names, output formats, progress."""
