"""How settings are declared, and read from a command line, the environment and their own text: knows no setting."""
