"""The page that walks through scripts.atlas: its prose, its scenes, and what runs its commands."""
