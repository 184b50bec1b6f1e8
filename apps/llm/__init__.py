"""Language models behind one gateway."""
