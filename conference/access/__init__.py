"""Who may do what: grants, and the signed tokens that carry them. No sockets, no clock."""
