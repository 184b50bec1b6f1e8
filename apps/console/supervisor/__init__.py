"""What `manage.py up` is made of: the plan, the children, the lock, first start and the banner.

`plan`, `first_start` and `banner` need Django; everything else is the standard library alone,
because the parent that watches the children for months should cost little memory.
"""
