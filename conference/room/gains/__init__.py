"""Who hears whom, and how loud: what was set for all, and what each listener has set for themselves."""
