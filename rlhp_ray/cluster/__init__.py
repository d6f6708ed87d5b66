"""Clusters: found, greeted, measured against what is to run, submitted to, and taken down."""
