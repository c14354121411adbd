"""What is sent to the API and what it answers, as types, and what makes answers of what a room has."""
