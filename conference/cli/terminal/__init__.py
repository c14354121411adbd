"""What is typed and what is shown: arguments, options, progress, tables."""
