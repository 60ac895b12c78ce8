"""The conformance kit: checks of the rules that make the numbers of methods comparable."""
