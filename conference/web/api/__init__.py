"""One file a resource, with the types of what it takes and answers."""
