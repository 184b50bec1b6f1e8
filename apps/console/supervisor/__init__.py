"""What `manage.py up` is made of: the plan, the children, the lock, first start and the banner.

`plan`, `first_start` and `banner` need Django. `preload` imports it, and everything that serves the
house, for the children that `forked` makes; the rest is the standard library alone.
"""
