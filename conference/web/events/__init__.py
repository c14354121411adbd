"""How others are told what happens in rooms: the journal, event streams, webhooks, the audit log."""
