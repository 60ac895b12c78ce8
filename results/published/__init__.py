"""Published reference rows, one TOML file a source."""
