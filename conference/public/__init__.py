"""What `import conference` offers to other programs, and nothing else of the project does: see docs/python.md.

All of it belongs to one event loop: call it from there, and from no other thread.
"""
