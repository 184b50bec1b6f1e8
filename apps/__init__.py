"""The apps, read downwards: entrances, assistant, skills, im and llm, accounts, audit, core."""
