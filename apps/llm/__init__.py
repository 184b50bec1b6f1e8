"""The model layer's floor; nothing is built here yet."""
