"""The operators of expressions, by family; importing a module fills the table."""
