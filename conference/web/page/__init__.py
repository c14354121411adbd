"""The page as it is sent: its modules in one piece, its style sheets in another, each kept by browsers for good."""
