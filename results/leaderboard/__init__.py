"""The leaderboard: tables for the terminal, boards as data, and their Markdown page."""
