"""What commands print, as lines and tables, and a module for each format that renders it."""
