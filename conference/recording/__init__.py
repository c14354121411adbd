"""What was said, kept: a journal while it goes on, and files that others can play when it is over."""
