"""The model gateway for the company's other systems, as OpenAI's clients speak it.

Shapes: https://platform.openai.com/docs/api-reference/chat (create, object, streaming) and
https://platform.openai.com/docs/guides/error-codes. `model` is a model's alias here.
"""
