"""How values, tables and cards look, as HTML and as plain text. Leaf: knows no store, no objects and no notebook."""
