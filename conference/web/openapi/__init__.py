"""The API's description, made of its routes and types."""
