"""The leaderboard: boards, their Markdown page, and rows kept from an earlier page."""
