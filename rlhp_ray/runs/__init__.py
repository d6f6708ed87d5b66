"""The index of finished and running runs: listed, compared, annotated, deleted and made again."""
