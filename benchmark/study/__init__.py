"""The public `Study`: what to run, made from Python, a TOML file or the command line."""
