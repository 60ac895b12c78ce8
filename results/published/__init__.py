"""Published reference numbers, one TOML file per source."""
