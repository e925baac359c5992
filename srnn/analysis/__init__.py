"""Analyses of a MetaNet: arrays in, data frames and graphs out; nothing is trained or stored."""
