"""Transactions of several commands: what they see, what they write, how they end."""
