"""Avalanche's plugins for a reconstruction loss; importing one of these modules takes seconds."""
