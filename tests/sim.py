"""Whole conversations in virtual time: the core, with a model of the lanes around it."""
