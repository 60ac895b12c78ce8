"""The conformance kit: whether a method keeps the rules that make its numbers comparable."""
