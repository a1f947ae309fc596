"""Exports of tiny checkpoints and of real ones, with the packages of edgevoice[export]."""
