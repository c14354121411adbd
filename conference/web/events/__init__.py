"""What happens, told: the journal, event streams, webhooks, the audit log."""
