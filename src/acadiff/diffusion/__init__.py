"""Diffusion without brains: a schedule, an objective and samplers; the network is handed in."""
