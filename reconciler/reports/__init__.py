"""What people and programs read: one module a format, each a function from a document to text."""
