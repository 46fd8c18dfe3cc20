"""What `make` does on a developer's machine: find the tools, start a Dkron, run Pulumi, show the result.

Nothing of the product imports it. Each choice is said in one line, with its reason.
"""
